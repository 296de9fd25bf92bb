/*
 * Limits of a client: how many of its calls are under way at once, in the whole process. (What else
 * is limited so has an id that no client has.)
 *
 * Counters are made at a client's first call and live until limits_destroy(): clients are
 * authenticated, so nobody outside can make them grow. Threads: any.
 */
#pragma once

#include "base/id.h"

struct limits;
struct limits_counter;

EP_MUST_CHECK enum err limits_create(struct limits **ret_limits);
void limits_destroy(struct limits *limits); /* NULL is allowed; everything taken came back */

/* One more call of `client`, of which `max` may be under way. ERR_LIMIT_CALLS, ERR_NO_MEMORY:
 * nothing was taken. */
EP_MUST_CHECK enum err limits_take(struct limits *limits, struct id client, uint64_t max,
                                   struct limits_counter **ret_counter);
/* Once for each taken. */
void limits_give(struct limits_counter *counter);
uint64_t limits_under_way(struct limits *limits, struct id client);
