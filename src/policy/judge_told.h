/* From the reasons of all routes to the one that a client is told: arithmetic on their codes. */
#pragma once

#include "policy/policy.h"

struct told {
    uint64_t common;         /* bits: client-side codes that all routes so far have */
    enum policy_code ours;   /* the first reason of the first route without any; or POLICY_FINE */
    enum policy_code client; /* the first client-side reason of the first route that has one */
    bool upstream_terms;     /* no route has another reason than DATA_UPSTREAM_TERMS */
};

void told_init(struct told *told);
/* The route that was judged last, with the codes of its reasons. */
void told_add_route(struct told *told, uint64_t codes);
/* Fills the verdict from its routes. `unknown`: codes whose first reason is that a thing is not
 * known. */
void told_of_routes(struct policy_verdict *verdict, const struct told *told, uint64_t unknown);
/* A call that is refused before its routes, by the first of its reasons. */
void told_of_call(struct policy_verdict *verdict, uint64_t codes);
