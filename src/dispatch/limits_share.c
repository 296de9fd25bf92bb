#include "dispatch/bucket.h"
#include "dispatch/limits_internal.h"

/* `asking` of what is shared: the minute, how many have asked in it, and how many in the one
 * before. Minutes count from 1, so that a share that was never noted has 0. */
#define SHARE_ASKING(minute, now, before) \
    ((uint64_t)(minute) << 32 | (uint64_t)(now) << 16 | (uint64_t)(before))
#define SHARE_ASKING_MAX 65535U

static uint64_t share_minute(int64_t now_ns)
{
    return (uint64_t)(now_ns / BUCKET_MINUTE_NS) + 1; /* 32 bits are 8000 years */
}

void limits_share_note(struct limits_counter *whole, struct limits_counter *share, int64_t now_ns)
{
    uint64_t minute = share_minute(now_ns);
    uint64_t noted = atomic_load_explicit(&share->asking, memory_order_relaxed);
    if (noted >= minute ||
        !atomic_compare_exchange_strong_explicit(&share->asking, &noted, minute,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        return;
    }
    uint64_t seen = atomic_load_explicit(&whole->asking, memory_order_relaxed);
    uint64_t next = 0;
    do {
        uint64_t counted = seen >> 32;
        unsigned now = (unsigned)(seen >> 16 & SHARE_ASKING_MAX);
        unsigned before = (unsigned)(seen & SHARE_ASKING_MAX);
        if (counted >= minute) { /* or another thread's clock is ahead */
            next = SHARE_ASKING(counted, now < SHARE_ASKING_MAX ? now + 1 : now, before);
        } else {
            next = SHARE_ASKING(minute, 1, counted + 1 == minute ? now : 0);
        }
    } while (!atomic_compare_exchange_weak_explicit(&whole->asking, &seen, next,
                                                    memory_order_relaxed, memory_order_relaxed));
}

int64_t limits_share_asking(const struct limits_counter *whole)
{
    uint64_t seen = atomic_load_explicit(&whole->asking, memory_order_relaxed);
    int64_t now = (int64_t)(seen >> 16 & SHARE_ASKING_MAX);
    int64_t before = (int64_t)(seen & SHARE_ASKING_MAX);
    now = now > before ? now : before;
    return now > 1 ? now : 1;
}

int64_t limits_share_wait(const struct limits_counter *whole, enum limits_kind kind,
                          int64_t cost_ns, int64_t now_ns)
{
    return bucket_level(&whole->full_at[kind], now_ns) + cost_ns - BUCKET_MINUTE_NS / 2;
}

int64_t limits_share_room(const struct limits_counter *whole, enum limits_kind kind,
                          int64_t cost_ns, int64_t now_ns)
{
    int64_t asking = limits_share_asking(whole);
    if (asking == 1 || limits_share_wait(whole, kind, cost_ns, now_ns) <= 0) {
        return 2 * BUCKET_DEBT_NS;
    }
    int64_t share = BUCKET_MINUTE_NS / asking;
    return share > cost_ns ? share : cost_ns;
}

int64_t limits_share_places(const struct limits_counter *whole, int64_t max)
{
    int64_t asking = limits_share_asking(whole);
    bool free = atomic_load_explicit(&whole->under_way, memory_order_relaxed) < max / 2;
    if (max == 0) {
        return 0;
    }
    return asking == 1 || free ? INT64_MAX : max > asking ? max / asking : 1;
}
