#include "dispatch/spread.h"

#include "base/err.h"

#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)

/* The bucket's lower edge in us. */
static int64_t spread_edge(size_t at)
{
    uint64_t steps = SPREAD_STEPS + at % SPREAD_STEPS;
    return (int64_t)((steps << (at / SPREAD_STEPS + SPREAD_FIRST)) / SPREAD_STEPS);
}

static size_t spread_bucket(int64_t us)
{
    if (us < spread_edge(1)) {
        return 0;
    }
    size_t doubling = (size_t)(63 - __builtin_clzll((uint64_t)us));
    uint64_t steps = (uint64_t)us * SPREAD_STEPS >> doubling; /* SPREAD_STEPS and more */
    size_t at = (doubling - SPREAD_FIRST) * SPREAD_STEPS + (size_t)(steps - SPREAD_STEPS);
    return at < SPREAD_BUCKETS ? at : SPREAD_BUCKETS - 1;
}

/* What another thread adds meanwhile stays whole. */
static void spread_halve(struct spread *spread)
{
    uint32_t gone = 0;
    unsigned odd = 0; /* every second odd one goes: else single late ones would all go, or none */
    for (size_t i = 0; i < SPREAD_BUCKETS; i++) {
        uint16_t old = LOAD(spread->buckets[i]);
        uint16_t off;
        do {
            off = (uint16_t)((old + odd) / 2);
        } while (!atomic_compare_exchange_weak_explicit(&spread->buckets[i], &old,
                                                        (uint16_t)(old - off), memory_order_relaxed,
                                                        memory_order_relaxed));
        odd = (old + odd) % 2;
        gone += off;
    }
    (void)atomic_fetch_sub_explicit(&spread->count, gone, memory_order_relaxed);
}

void spread_add(struct spread *spread, int64_t us)
{
    ASSERT(us >= 0);
    if (LOAD(spread->count) >= SPREAD_FULL) {
        return; /* another thread makes room: a time more or less tells nothing */
    }
    (void)atomic_fetch_add_explicit(&spread->buckets[spread_bucket(us)], 1, memory_order_relaxed);
    uint32_t before = atomic_fetch_add_explicit(&spread->count, 1, memory_order_relaxed);
    if (before + 1 == SPREAD_FULL) { /* one thread alone sees that */
        spread_halve(spread);
    }
}

int64_t spread_count(const struct spread *spread)
{
    return (int64_t)LOAD(spread->count);
}

int64_t spread_at(const struct spread *spread, int64_t percent)
{
    int64_t counts[SPREAD_BUCKETS];
    int64_t sum = 0;
    ASSERT(percent > 0 && percent < 100);
    for (size_t i = 0; i < SPREAD_BUCKETS; i++) {
        counts[i] = LOAD(spread->buckets[i]);
        sum += counts[i];
    }
    int64_t want = (sum * percent + 99) / 100;
    for (size_t i = 0; i < SPREAD_BUCKETS && sum > 0; i++) {
        if (want <= counts[i]) { /* evenly within the bucket */
            int64_t edge = i == 0 ? 0 : spread_edge(i);
            return edge + (spread_edge(i + 1) - edge) * want / counts[i];
        }
        want -= counts[i];
    }
    return 0;
}
