/*
 * Route choice: the cheapest active route by contract price that is open to the call, healthy, has
 * a free place, and was not tried yet. What is known of a route (calls under way, failures) is kept
 * by the route's id and so outlives a registry; the places are those of its credential, and of its
 * pool if it has one.
 *
 * Threads: any. dispatch_pick() and dispatch_give() take no lock; dispatch_learn() is for whoever
 * swaps registries, before the fresh one is used. Time is an argument.
 */
#pragma once

#include "registry/registry.h"

#define DISPATCH_FAILURES_MAX 3                   /* in a row: one may be chance */
#define DISPATCH_COOL_DOWN_NS INT64_C(5000000000) /* 5 s: a restart of the upstream */
#define DISPATCH_ENTRIES_MAX  ((size_t)1 << 20)   /* ids ever seen by one process */

struct dispatch;

enum dispatch_outcome {
    DISPATCH_FINE,   /* the upstream did its part */
    DISPATCH_FAILED, /* it did not: unreachable, cut off, 429, 5xx */
    DISPATCH_NEUTRAL /* says nothing about it: our own failure, or the client's doing */
};

struct dispatch_ask {
    const struct registry *registry;
    const struct registry_product *product;
    const struct registry_model *model;
    uint64_t tried;  /* bit i: model->routes[i] */
    uint64_t closed; /* likewise: those that must not be used, whatever else is free */
    int64_t now_ns;  /* on the loop's clock */
};

/* One attempt's place at a route, until dispatch_give(). */
struct dispatch_place {
    const struct registry_route *route; /* valid as long as the registry */
    uint64_t bit;                       /* to be set in `tried` */
    struct dispatch_entry *route_entry;
    struct dispatch_entry *credential_entry;
    struct dispatch_entry *pool_entry; /* NULL: the route has no pool */
};

EP_MUST_CHECK enum err dispatch_create(struct dispatch **ret_dispatch);
void dispatch_destroy(struct dispatch *dispatch); /* NULL is allowed; all places came back */
/* Makes room for the routes, credentials and pools of a registry. ERR_NO_MEMORY, ERR_LIMIT: not all
 * are known, and routes of those that are not will not be picked. */
EP_MUST_CHECK enum err dispatch_learn(struct dispatch *dispatch, const struct registry *registry);

/* ERR_NO_ROUTE: each is tried, closed, suspended, full, cooling down or unknown. */
EP_MUST_CHECK enum err dispatch_pick(struct dispatch *dispatch, const struct dispatch_ask *ask,
                                     struct dispatch_place *ret_place);
/* Once for each picked place. */
void dispatch_give(struct dispatch_place *place, enum dispatch_outcome outcome, int64_t now_ns);

/* For the operators' view of a route. False: not known. */
struct dispatch_health {
    uint64_t under_way;
    uint64_t failures;     /* in a row */
    int64_t cool_until_ns; /* 0: not cooling down */
};
bool dispatch_health(const struct dispatch *dispatch, struct str route,
                     struct dispatch_health *ret_health);
