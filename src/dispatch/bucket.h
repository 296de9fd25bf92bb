/*
 * A bucket that holds one minute's worth of something and fills evenly: the generic cell rate
 * algorithm, in integers. Its whole state is the time at which it will be full again (0 at first);
 * what is taken moves that time on, so that a taking is one exchange and no timer runs.
 *
 * `max` is what it gives in a minute, at least 1. A cost is a time: how long that much takes to
 * fill again, rounded up, so that no rounding ever lets more pass. How far a bucket is from full
 * never counts for more than BUCKET_DEBT_NS: that bounds what an answer beyond its cap costs later,
 * and for how long a clock that has jumped back shuts anybody out.
 *
 * Threads: any, with clocks of which each is monotonic and none is negative.
 */
#pragma once

#include "base/err.h"

#define BUCKET_MINUTE_NS INT64_C(60000000000)
#define BUCKET_DEBT_NS   (10 * BUCKET_MINUTE_NS)

int64_t bucket_cost(int64_t max, int64_t count);
/* The time until it is full. */
int64_t bucket_level(const _Atomic int64_t *full_at, int64_t now_ns);
/* How much is left of a bucket with room for `room_ns` at this level: rounded down. */
int64_t bucket_left(int64_t max, int64_t level_ns, int64_t room_ns);
/* Takes `cost_ns` if the level stays within `room_ns`. *ret_level: what it is then, or is now. */
EP_MUST_CHECK bool bucket_take(_Atomic int64_t *full_at, int64_t cost_ns, int64_t room_ns,
                               int64_t now_ns, int64_t *ret_level);
/* Takes `cost_ns` whatever there is; gives back if it is below 0. */
void bucket_move(_Atomic int64_t *full_at, int64_t cost_ns, int64_t now_ns);
