/*
 * The check of upstreams: what each route reports against what was counted, call by call
 * (meter/fit.h). What it finds is an event, a figure and rows that stay (`entrepot usage check`),
 * with the calls that prove it; and while a finding stands, the route's calls are billed by our own
 * count where that is less.
 *
 * A finding stands until a later window is fine again. Those that stand are read back at the start.
 * A slope takes the route out (quarantine.h); each finding opens a claim (upstream_claim.h).
 *
 * Threads: any; one lock, held for some hundred nanoseconds a call.
 */
#pragma once

#include "gate/upstream_claim.h"
#include "meter/fit.h"
#include "meter/usage.h"
#include "store/store.h"

#define USAGE_CHECK_JUDGE_EACH 10 /* calls: judging costs ten times what adding does */

#define USAGE_CHECK_STEADY 200 /* reports in a row that had a detail: then its absence is odd */

extern const struct store_migration usage_check_migration; /* number 4 */

enum usage_check_side {
    USAGE_CHECK_INPUT,
    USAGE_CHECK_OUTPUT,
    USAGE_CHECK_SIDES
};

struct quarantine;
struct usage_check;

EP_MUST_CHECK enum err usage_check_open(struct store *store, struct quarantine *quarantine,
                                        struct usage_check **ret_check, struct fail *fail);
void usage_check_close(
    struct usage_check *check); /* NULL is allowed; after the store, which writes for it */

struct usage_check_sample {
    struct str route;
    struct str party; /* whose it is */
    struct str model;
    enum usage_check_side side;
    struct id call;
    int64_t counted;
    int64_t reported;
    int64_t now_ns; /* wall clock, for the rows */
};

/* A call of the route, counted exactly. Without memory it is left out. */
void usage_check_add(struct usage_check *check, const struct usage_check_sample *sample);
/* Whether a report of the route told each detail. One that leaves out what USAGE_CHECK_STEADY
 * before it had is an event, and the count begins anew. */
void usage_check_tell(struct usage_check *check, struct str route, const bool told[USAGE_DETAILS]);
/* What stands against the route's reports; FIT_FINE: nothing. */
enum fit_code usage_check_finding(struct usage_check *check, struct str route,
                                  enum usage_check_side side);
/* The claim that a finding is for. */
enum claim_kind usage_check_claim(enum fit_code code);
/* The route was released from quarantine: what stands still stands, but the calls that it was found
 * by are not held against it once more. */
void usage_check_renew(struct usage_check *check, struct str route);
