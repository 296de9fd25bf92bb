/*
 * Whether a call's receipt will fit into its sections, told before anything is sold: each try at an
 * upstream and each limit of the law that was looked at is noted in it, so that models with many
 * long-named routes and quotas could exceed it. A bound, not a measure: it never says yes wrongly.
 * Inside the gate only; pure.
 */
#pragma once

#include "gate/call_fallback.h"
#include "registry/registry.h"

/* Of one model, each route is tried once. Of several, CALL_FALLBACK_ATTEMPTS_MAX are made one after
 * the other, and beside the last one more may have begun. */
#define CALL_FIT_TRIES_MAX (CALL_FALLBACK_ATTEMPTS_MAX + 1)

struct call_fit {
    const struct registry_model *model;   /* that would be sold */
    const struct call_fallback *fallback; /* NULL: it is the only one */
    uint64_t quarantined;                 /* bits of its routes; the others may be tried */
    size_t counters;                      /* limits that the judge has asked */
};

bool call_fit_holds(const struct call_fit *fit);
