/*
 * Whether a call's receipt will fit into its sections, told before anything is sold: each try at an
 * upstream and each limit of the law that was looked at is noted in it, so that models with many
 * long-named routes and quotas could exceed it. A bound, not a measure: it never says yes wrongly.
 * Inside the gate only; pure.
 */
#pragma once

#include "registry/registry.h"

struct call_fit {
    const struct registry_model *model;
    uint64_t routes;      /* bits: those that may be tried, each once */
    uint64_t quarantined; /* bits, likewise */
    size_t counters;      /* limits that the judge has asked */
};

bool call_fit_holds(const struct call_fit *fit);
