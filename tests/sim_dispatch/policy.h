/*
 * Who chooses: Entrepot's dispatch, as it is in production, by several preferences; and what
 * others do, round robin, random and the least loaded, which know who is full and whom the call
 * has tried.
 */
#pragma once

#include "upstream.h"

struct dispatch_place;
struct policy;

enum policy_kind {
    POLICY_PRICE,
    POLICY_NEAR_PRICE, /* those up to half as dear again share the calls */
    POLICY_LATENCY,
    POLICY_HEDGED, /* by latency, and a second one is asked beside one that is late */
    POLICY_THROUGHPUT,
    POLICY_ROUND_ROBIN,
    POLICY_RANDOM,
    POLICY_LEAST_LOADED,
    POLICY_KINDS
};
#define POLICY_OURS 5 /* the first ones */

extern const char *const policy_names[POLICY_KINDS];

struct policy_call {
    int64_t tokens_in;
    int64_t tokens_out; /* expected: what calls of its kind have on average */
    uint64_t key;       /* of its conversation */
    uint64_t chance;
    uint64_t tried; /* bit i: upstreams[i] */
};

struct policy *policy_create(enum policy_kind kind);
void policy_destroy(struct policy *policy);
/* UPSTREAMS: none. */
size_t policy_pick(struct policy *policy, const struct policy_call *call, int64_t now_ns,
                   struct dispatch_place *ret_place);
/* After how long a second one is asked beside it; 0: never. */
int64_t policy_late(const struct policy *policy, const struct dispatch_place *place);
/* Whether the budget has a hedge; every call earns its part. */
void policy_earn(struct policy *policy);
bool policy_may_hedge(struct policy *policy, int64_t now_ns);
/* Another one was sooner: it had not begun after `waited_ns`. */
void policy_overtaken(struct dispatch_place *place, int64_t waited_ns, int64_t now_ns);
/* Its first byte is there. */
void policy_begin(struct policy *policy, struct dispatch_place *place,
                  const struct health_lesson *lesson, int64_t now_ns);
void policy_give(struct policy *policy, size_t at, struct dispatch_place *place, bool whole,
                 const struct health_lesson *lesson, int64_t now_ns);
