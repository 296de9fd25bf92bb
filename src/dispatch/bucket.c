#include "dispatch/bucket.h"

#include <stdatomic.h>

__extension__ typedef __int128 bucket_wide; /* counts times a minute's nanoseconds */

int64_t bucket_cost(int64_t max, int64_t count)
{
    ASSERT(max > 0 && count >= 0);
    bucket_wide cost = ((bucket_wide)count * BUCKET_MINUTE_NS + max - 1) / max;
    return cost < BUCKET_DEBT_NS ? (int64_t)cost : BUCKET_DEBT_NS;
}

static int64_t bucket_level_at(int64_t full_at, int64_t now_ns)
{
    ASSERT(now_ns >= 0 && now_ns <= INT64_MAX - 2 * BUCKET_DEBT_NS);
    int64_t level = full_at - now_ns; /* neither is negative */
    level = level > 0 ? level : 0;
    return level < BUCKET_DEBT_NS ? level : BUCKET_DEBT_NS;
}

int64_t bucket_level(const _Atomic int64_t *full_at, int64_t now_ns)
{
    return bucket_level_at(atomic_load_explicit(full_at, memory_order_relaxed), now_ns);
}

int64_t bucket_left(int64_t max, int64_t level_ns, int64_t room_ns)
{
    if (max <= 0 || level_ns >= room_ns) {
        return 0;
    }
    return (int64_t)((bucket_wide)(room_ns - level_ns) * max / BUCKET_MINUTE_NS);
}

/* Only a clock that has jumped back is so far behind: what is believed from now on is the bound. */
static void bucket_settle(_Atomic int64_t *full_at, int64_t seen, int64_t now_ns)
{
    if (seen > now_ns + BUCKET_DEBT_NS) {
        (void)atomic_compare_exchange_strong_explicit(full_at, &seen, now_ns + BUCKET_DEBT_NS,
                                                      memory_order_relaxed, memory_order_relaxed);
    }
}

bool bucket_take(_Atomic int64_t *full_at, int64_t cost_ns, int64_t room_ns, int64_t now_ns,
                 int64_t *ret_level)
{
    ASSERT(cost_ns >= 0 && cost_ns <= BUCKET_DEBT_NS && room_ns <= 2 * BUCKET_DEBT_NS);
    int64_t before = atomic_load_explicit(full_at, memory_order_relaxed);
    int64_t level = 0;
    do {
        level = bucket_level_at(before, now_ns);
        *ret_level = level;
        if (level + cost_ns > room_ns) {
            bucket_settle(full_at, before, now_ns);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(full_at, &before, now_ns + level + cost_ns,
                                                    memory_order_relaxed, memory_order_relaxed));
    *ret_level = level + cost_ns;
    return true;
}

void bucket_move(_Atomic int64_t *full_at, int64_t cost_ns, int64_t now_ns)
{
    ASSERT(cost_ns >= -BUCKET_DEBT_NS && cost_ns <= BUCKET_DEBT_NS);
    int64_t before = atomic_load_explicit(full_at, memory_order_relaxed);
    int64_t level = 0;
    do {
        level = bucket_level_at(before, now_ns) + cost_ns;
        level = level > 0 ? level : 0;
        level = level < BUCKET_DEBT_NS ? level : BUCKET_DEBT_NS;
    } while (!atomic_compare_exchange_weak_explicit(full_at, &before, now_ns + level,
                                                    memory_order_relaxed, memory_order_relaxed));
}
