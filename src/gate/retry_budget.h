/*
 * How many further attempts all calls of the process together may make, so that an outage is not
 * made worse by those it meets: in the long run one for five calls, which is also the most that an
 * upstream in trouble gets on top of its calls. A store of them is there from the start, for all
 * the calls that wait for their first byte at an upstream that dies at once; and a few come with
 * time, so that a quiet server has some as well.
 *
 * Hedges have a budget of their own: they save time, not calls, and a slow upstream that uses up
 * all of them must leave the retries to those that fail. One for ten calls is twice what the 95th
 * percentile asks for; beyond it, it is the upstreams that have become slow, and more calls would
 * make them slower.
 *
 * Threads: any, without locks. Time is an argument, on the loops' clock.
 */
#pragma once

#include <stdatomic.h>

#include "base/err.h"

#define RETRY_BUDGET_CALLS   5    /* that earn one: 20 %, as peers allow */
#define RETRY_BUDGET_STORE   1024 /* 1,000 calls a second, a second to the first byte */
#define RETRY_BUDGET_EACH_NS INT64_C(100000000) /* 10 a second come by themselves */

#define HEDGE_BUDGET_CALLS   10 /* 10 % */
#define HEDGE_BUDGET_STORE   100
#define HEDGE_BUDGET_EACH_NS INT64_C(1000000000)

struct retry_budget {
    int64_t calls; /* that earn one */
    int64_t store;
    int64_t each_ns;
    _Atomic int64_t parts; /* of an attempt: one is `calls` of them */
    _Atomic int64_t filled_ns;
};

/* Full; the second is that of hedges. */
void retry_budget_init(struct retry_budget *budget, int64_t now_ns);
void retry_budget_init_hedges(struct retry_budget *budget, int64_t now_ns);
/* A call makes its first attempt (that may be hedged). */
void retry_budget_earn(struct retry_budget *budget);
/* A call wants a further one. False: no more now; nothing was taken. */
EP_MUST_CHECK bool retry_budget_take(struct retry_budget *budget, int64_t now_ns);
