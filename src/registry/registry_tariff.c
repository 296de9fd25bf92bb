#include "registry/registry_tariff.h"

#include "base/stamp.h"

#define TARIFF_MINUTE_NS    (60 * STAMP_NS_PER_S)
#define TARIFF_DAY_MINUTES  1440
#define TARIFF_WEEK_MINUTES (7 * TARIFF_DAY_MINUTES)
#define TARIFF_EPOCH_DAY    3 /* 1 January 1970 was a Thursday, and Monday is 0 */

/* Minutes since Monday, 00:00 local time. */
static uint64_t tariff_minute(const struct registry_tariff *tariff, int64_t wall_ns)
{
    ASSERT(wall_ns >= 0);
    int64_t minutes = wall_ns / TARIFF_MINUTE_NS + tariff->utc_offset +
                      (int64_t)TARIFF_EPOCH_DAY * TARIFF_DAY_MINUTES; /* above 0: at most -12 h */
    ASSERT(minutes >= 0);
    return (uint64_t)minutes % TARIFF_WEEK_MINUTES;
}

uint64_t registry_tariff_percent(const struct registry_pool *pool, int64_t wall_ns)
{
    if (pool == NULL || pool->tariff.window_count == 0) {
        return REGISTRY_TARIFF_ORDINARY;
    }
    uint64_t minute = tariff_minute(&pool->tariff, wall_ns);
    uint64_t day = minute / TARIFF_DAY_MINUTES;
    minute %= TARIFF_DAY_MINUTES;
    for (size_t i = 0; i < pool->tariff.window_count; i++) {
        const struct registry_tariff_window *window = &pool->tariff.windows[i];
        if ((window->days >> day & 1) != 0 && minute >= window->from && minute < window->until) {
            return window->percent;
        }
    }
    return REGISTRY_TARIFF_ORDINARY;
}

/* Minutes from `minute` to that of each day; at least one, as its own has begun. */
static uint64_t tariff_until(uint64_t minute, uint64_t day, uint64_t of_day)
{
    uint64_t at = day * TARIFF_DAY_MINUTES + of_day;
    uint64_t left = (at + TARIFF_WEEK_MINUTES - minute) % TARIFF_WEEK_MINUTES;
    return left > 0 ? left : TARIFF_WEEK_MINUTES;
}

int64_t registry_tariff_next(const struct registry_pool *pool, int64_t wall_ns)
{
    if (pool == NULL || pool->tariff.window_count == 0) {
        return INT64_MAX;
    }
    uint64_t minute = tariff_minute(&pool->tariff, wall_ns);
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < pool->tariff.window_count; i++) {
        const struct registry_tariff_window *window = &pool->tariff.windows[i];
        for (uint64_t day = 0; day < 7; day++) {
            if ((window->days >> day & 1) == 0) {
                continue;
            }
            uint64_t begins = tariff_until(minute, day, window->from);
            uint64_t ends = tariff_until(minute, day, window->until);
            least = begins < least ? begins : least;
            least = ends < least ? ends : least;
        }
    }
    if (least == UINT64_MAX) {
        return INT64_MAX; /* no day in any of them: not from a registry that was checked */
    }
    int64_t begun = wall_ns - wall_ns % TARIFF_MINUTE_NS;
    return begun + (int64_t)least * TARIFF_MINUTE_NS;
}

money_wide registry_tariff_of(money_wide amount, uint64_t percent)
{
    ASSERT(amount >= 0);
    return amount * (money_wide)percent / REGISTRY_TARIFF_ORDINARY;
}
