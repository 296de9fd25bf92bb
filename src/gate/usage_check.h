/*
 * The check of upstreams: what each route reports against what was counted, call by call
 * (meter/fit.h). What it finds is an event, a figure and rows that stay (`entrepot usage check`),
 * with the calls that prove it; and while a finding stands, the route's calls are billed by our own
 * count where that is less.
 *
 * A finding stands until a later window is fine again. Those that stand are read back at the start.
 *
 * Threads: any; one lock, held for some hundred nanoseconds a call.
 */
#pragma once

#include "meter/fit.h"
#include "store/store.h"

#define USAGE_CHECK_JUDGE_EACH 10 /* calls: judging costs ten times what adding does */

extern const struct store_migration usage_check_migration; /* number 4 */

enum usage_check_side {
    USAGE_CHECK_INPUT,
    USAGE_CHECK_OUTPUT,
    USAGE_CHECK_SIDES
};

struct usage_check;

EP_MUST_CHECK enum err usage_check_open(struct store *store, struct usage_check **ret_check,
                                        struct fail *fail);
void usage_check_close(
    struct usage_check *check); /* NULL is allowed; after the store, which writes for it */

struct usage_check_sample {
    struct str route;
    struct str model;
    enum usage_check_side side;
    struct id call;
    int64_t counted;
    int64_t reported;
    int64_t now_ns; /* wall clock, for the rows */
};

/* A call of the route, counted exactly. Without memory it is left out. */
void usage_check_add(struct usage_check *check, const struct usage_check_sample *sample);
/* Whether a finding stands against what the route reports. */
bool usage_check_stands(struct usage_check *check, struct str route, enum usage_check_side side);
