/*
 * What comes to its end: everything with a window that a verdict rests on, and when somebody should
 * hear of it: 60, 30, 7 and 1 days before, and at the end itself. Pure.
 */
#pragma once

#include "registry/registry.h"

#define POLICY_WARNINGS 5

extern const int policy_warning_days[POLICY_WARNINGS]; /* 60, 30, 7, 1, 0 */

struct policy_ending {
    const char *kind; /* "grant", "agreement", "qualification", ... */
    struct str id;    /* of the object, or of the one that it is a part of */
    int64_t at;
};

typedef void policy_ending_fn(void *context, const struct policy_ending *ending);

/* Each window of the registry that has an end, in the order of kinds and ids. */
void policy_endings(const struct registry *registry, policy_ending_fn *told, void *context);
/* The last warning before `at` that fell due in (from, to], or -1: none did. Its days. */
int policy_warning(int64_t at, int64_t from, int64_t to);
/* The next instant after `now` at which a warning falls due; INT64_MAX: none. */
int64_t policy_next_warning(const struct registry *registry, int64_t now);
