/* The gate of one loop, as its own files see it. */
#pragma once

#include "base/slab.h"
#include "gate/call.h"
#include "gate/call_queue.h"
#include "meter/shelf.h"

#define GATE_CALLS_MAX ((size_t)1 << 20) /* of one loop; connections are limited far below */

/* A vocabulary's scratch, made when the first call needs it. */
struct gate_counter {
    const struct vocab *vocab;
    struct token_counter *counter;
};

struct gate {
    struct loop *loop;
    struct gate_world world;
    struct gate_snapshot *snapshot;
    struct http_server *server;
    void *owner; /* of the router */
    struct lookup *lookup;
    struct upstream_pool *pool;
    struct slab calls;
    struct node open_calls;
    struct node uploads; /* that are no calls yet */
    size_t chores;       /* under way: chore.h */
    struct gate_counter counters[SHELF_MAX];
    size_t counter_count;
    struct policy_verdict verdict; /* the last one: some 30 KB, so one for all calls */
    uint64_t *grant_tokens;        /* call_quota.c: by the registry's grants; zero between calls */
    uint64_t *order_tokens;        /* likewise, by its procurements */
    size_t grant_cap;
    size_t order_cap;
    struct call_queue queue;
    struct node streams; /* call_ping.c: their calls, who was told something least lately first */
    struct timer ping;   /* for the first of them */
    bool draining;       /* nobody sleeps any more */
    int64_t energy_uj[REGISTRY_ROUTES_PER_MODEL_MAX]; /* of the choice under way */
    struct timer straddle;                            /* call_straddle.c */
    int64_t straddle_ns; /* for when it is set, on the wall clock; 0: it is not */
};

/* This loop's counter of the vocabulary; NULL: no memory. */
struct token_counter *gate_counter(struct gate *gate, const struct vocab *vocab);
