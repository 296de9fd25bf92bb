#include "registry/registry_tariff.h"

#include "base/stamp.h"
#include "harness.h"

#define MINUTE (60 * STAMP_NS_PER_S)
#define WORK   31 /* Monday to Friday */
#define ALL    127

static int64_t at(const char *text)
{
    int64_t ns = 0;
    CHECK(stamp_parse(str_from(text), &ns));
    return ns;
}

static struct registry_pool pool_of(int64_t utc_offset,
                                    const struct registry_tariff_window *windows, size_t count)
{
    return (struct registry_pool){
        .tariff = { .utc_offset = utc_offset, .windows = windows, .window_count = count },
    };
}

TEST(without_a_tariff_all_hours_are_ordinary)
{
    struct registry_pool none = { .max_concurrent = 1 };
    CHECK_EQ(registry_tariff_percent(NULL, at("2026-11-26T09:00:00Z")), 100);
    CHECK_EQ(registry_tariff_percent(&none, 0), 100);
    CHECK_EQ(registry_tariff_next(NULL, 0), INT64_MAX);
    CHECK_EQ(registry_tariff_next(&none, 0), INT64_MAX);
    CHECK(registry_tariff_of(7, 100) == 7);
    CHECK(registry_tariff_of(7, 0) == 0);
    CHECK(registry_tariff_of(199, 50) == 99);
    CHECK(registry_tariff_of((money_wide)1 << 100, 10000) == ((money_wide)1 << 100) * 100);
}

TEST(a_window_has_its_first_instant_and_not_its_last)
{
    static const struct registry_tariff_window windows[] = {
        { .days = ALL, .from = 0, .until = 7 * 60, .percent = 40 },
        { .days = WORK, .from = 17 * 60, .until = 21 * 60, .percent = 180 },
        { .days = ALL, .from = 23 * 60, .until = 24 * 60, .percent = 40 },
    };
    struct registry_pool pool = pool_of(0, windows, EP_ARRAY_LEN(windows));
    static const struct {
        const char *time; /* 26 November 2026 is a Thursday */
        uint64_t percent;
        const char *next;
    } cases[] = {
        { "2026-11-26T00:00:00Z", 40, "2026-11-26T07:00:00Z" },
        { "2026-11-26T06:59:59.999Z", 40, "2026-11-26T07:00:00Z" },
        { "2026-11-26T07:00:00Z", 100, "2026-11-26T17:00:00Z" },
        { "2026-11-26T16:59:59.999Z", 100, "2026-11-26T17:00:00Z" },
        { "2026-11-26T17:00:00Z", 180, "2026-11-26T21:00:00Z" },
        { "2026-11-26T21:00:00Z", 100, "2026-11-26T23:00:00Z" },
        { "2026-11-26T23:30:00Z", 40, "2026-11-27T00:00:00Z" }, /* one ends, the next begins */
        { "2026-11-27T20:59:00Z", 180, "2026-11-27T21:00:00Z" },
        { "2026-11-28T17:00:00Z", 100, "2026-11-28T23:00:00Z" },    /* Saturday */
        { "2026-11-29T23:59:59.999Z", 40, "2026-11-30T00:00:00Z" }, /* Sunday to Monday */
        { "1970-01-01T17:00:00Z", 180, "1970-01-01T21:00:00Z" },    /* a Thursday too */
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        CHECK_EQ(registry_tariff_percent(&pool, at(cases[i].time)), cases[i].percent);
        CHECK_EQ(registry_tariff_next(&pool, at(cases[i].time)), at(cases[i].next));
    }
}

TEST(hours_and_days_are_those_of_the_pool)
{
    static const struct registry_tariff_window monday[] = {
        { .days = 1, .from = 0, .until = 60, .percent = 10 },
    };
    struct registry_pool east = pool_of(8 * 60, monday, 1);
    CHECK_EQ(registry_tariff_percent(&east, at("2026-11-29T15:59:59Z")), 100);
    CHECK_EQ(registry_tariff_percent(&east, at("2026-11-29T16:00:00Z")), 10); /* a Sunday in UTC */
    CHECK_EQ(registry_tariff_percent(&east, at("2026-11-29T17:00:00Z")), 100);
    CHECK_EQ(registry_tariff_next(&east, at("2026-11-29T17:00:00Z")), at("2026-12-06T16:00:00Z"));
    struct registry_pool west = pool_of(-12 * 60, monday, 1);
    CHECK_EQ(registry_tariff_percent(&west, at("2026-11-30T12:30:00Z")), 10);
    CHECK_EQ(registry_tariff_percent(&west, 0), 100); /* before the epoch, locally */
    struct registry_pool half = pool_of(5 * 60 + 30, monday, 1);
    CHECK_EQ(registry_tariff_percent(&half, at("2026-11-29T18:30:00Z")), 10);
    CHECK_EQ(registry_tariff_percent(&half, at("2026-11-29T18:29:59Z")), 100);
}

/* Between two instants at which something changes, nothing does. */
TEST(what_the_next_change_says_is_true_of_a_fortnight)
{
    static const struct registry_tariff_window windows[] = {
        { .days = 5, .from = 61, .until = 62, .percent = 1 },
        { .days = 5, .from = 62, .until = 1440, .percent = 2 },
        { .days = 64, .from = 1439, .until = 1440, .percent = 3 },
        { .days = 2, .from = 0, .until = 1, .percent = 4 },
    };
    struct registry_pool pool = pool_of(-90, windows, EP_ARRAY_LEN(windows));
    int64_t now = at("2026-11-23T00:00:00Z");
    int64_t next = registry_tariff_next(&pool, now);
    uint64_t percent = registry_tariff_percent(&pool, now);
    for (int minute = 0; minute < 14 * 1440; minute++, now += MINUTE) {
        if (now == next) {
            next = registry_tariff_next(&pool, now);
            percent = registry_tariff_percent(&pool, now);
        }
        CHECK(next > now);
        CHECK_EQ(registry_tariff_percent(&pool, now), percent);
        CHECK_EQ(registry_tariff_percent(&pool, now + MINUTE - 1), percent);
        CHECK_EQ(registry_tariff_next(&pool, now + MINUTE / 2), next);
    }
}
