#include "base/stamp.h"

#include <time.h>

#include "harness.h"

TEST(known_times_are_written_and_read)
{
    static const struct {
        int64_t ns;
        struct str text;
    } known[] = {
        { 0, STR_INIT("1970-01-01T00:00:00.000Z") },
        { INT64_C(951782400) * STAMP_NS_PER_S, STR_INIT("2000-02-29T00:00:00.000Z") },
        { INT64_C(1795521600123000000), STR_INIT("2026-11-24T12:00:00.123Z") },
        { INT64_C(4107542399999000000), STR_INIT("2100-02-28T23:59:59.999Z") },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(known); i++) {
        struct buf buf;
        buf_init(&buf, 64);
        CHECK_EQ(stamp_print(&buf, known[i].ns), ERR_OK);
        CHECK_STR(buf_str(&buf), known[i].text);
        int64_t ns = -1;
        CHECK(stamp_parse(test_at_page_end(known[i].text), &ns));
        CHECK_EQ(ns, known[i].ns);
        buf_fini(&buf);
    }
}

TEST(every_day_until_2199_agrees_with_the_c_library)
{
    struct buf buf;
    buf_init(&buf, 64);
    for (int64_t day = 0; day < 84000; day++) {
        time_t seconds = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        CHECK(gmtime_r(&seconds, &tm) != NULL);
        char want[32];
        CHECK(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000Z", &tm) == 24);
        buf_reset(&buf);
        CHECK_EQ(stamp_print(&buf, (int64_t)seconds * STAMP_NS_PER_S), ERR_OK);
        CHECK_STR(buf_str(&buf), str_from(want));
        int64_t ns = 0;
        CHECK(stamp_parse(buf_str(&buf), &ns));
        CHECK_EQ(ns, (int64_t)seconds * STAMP_NS_PER_S);
    }
    buf_fini(&buf);
}

TEST(dates_offsets_and_fractions_are_read)
{
    int64_t ns = 0;
    CHECK(stamp_parse(STR("1970-01-02"), &ns));
    CHECK_EQ(ns, 86400 * STAMP_NS_PER_S);
    CHECK(stamp_parse(STR("1970-01-01T01:30:00+01:30"), &ns));
    CHECK_EQ(ns, 0);
    CHECK(stamp_parse(STR("1970-01-01T00:00:00-01:00"), &ns));
    CHECK_EQ(ns, 3600 * STAMP_NS_PER_S);
    CHECK(stamp_parse(STR("1970-01-01T00:00:00.000000001Z"), &ns));
    CHECK_EQ(ns, 1);
    CHECK(stamp_parse(STR("1970-01-01T00:00:00.5Z"), &ns));
    CHECK_EQ(ns, 500000000);
}

TEST(what_is_no_time_is_refused)
{
    static const struct str bad[] = {
        STR_INIT(""),
        STR_INIT("1970"),
        STR_INIT("1969-12-31"),
        STR_INIT("2201-01-01"),
        STR_INIT("2023-02-29"),
        STR_INIT("2100-02-29"),
        STR_INIT("2026-00-01"),
        STR_INIT("2026-13-01"),
        STR_INIT("2026-04-31"),
        STR_INIT("2026-01-00"),
        STR_INIT("2026-1-1"),
        STR_INIT("2026-01-01 00:00:00Z"),
        STR_INIT("2026-01-01T00:00:00"),
        STR_INIT("2026-01-01T24:00:00Z"),
        STR_INIT("2026-01-01T00:60:00Z"),
        STR_INIT("2026-01-01T00:00:60Z"),
        STR_INIT("2026-01-01T00:00Z"),
        STR_INIT("2026-01-01T00:00:00.Z"),
        STR_INIT("2026-01-01T00:00:00.0000000001Z"),
        STR_INIT("2026-01-01T00:00:00+24:00"),
        STR_INIT("2026-01-01T00:00:00+0100"),
        STR_INIT("2026-01-01T00:00:00Zx"),
        STR_INIT("1970-01-01T00:00:00+01:00"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        int64_t ns = 7;
        CHECK(!stamp_parse(test_at_page_end(bad[i]), &ns));
        CHECK_EQ(ns, 7);
    }
}

TEST(the_systems_clock_is_past_the_year_2024)
{
    CHECK(stamp_system_ns() > INT64_C(1704067200) * STAMP_NS_PER_S);
}

TEST(a_month_is_that_of_utc)
{
    static const struct {
        const char *time;
        int64_t month;
    } known[] = {
        { "1970-01-01", 197001 },           { "2026-11-30T23:59:59.999Z", 202611 },
        { "2026-12-01T00:00:00Z", 202612 }, { "2026-12-01T00:30:00+01:00", 202611 },
        { "2028-02-29", 202802 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(known); i++) {
        int64_t ns = 0;
        CHECK(stamp_parse(str_from(known[i].time), &ns));
        CHECK_EQ(stamp_month(ns), known[i].month);
    }
}

TEST(months_are_read_and_what_is_none_is_refused)
{
    int64_t month = 0;
    CHECK(stamp_parse_month(STR("2026-11"), &month));
    CHECK_EQ(month, 202611);
    static const char *const bad[] = { "",        "2026",    "2026-1",   "2026-00",
                                       "2026-13", "1969-12", "2026-11-", "2026/11",
                                       "202611",  "2026-1x", "+026-11" };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK(!stamp_parse_month(str_from(bad[i]), &month));
        CHECK_EQ(month, 202611);
    }
}

TEST(a_period_is_a_year_a_month_or_a_day)
{
    static const struct {
        const char *text;
        const char *from;
        const char *until;
    } cases[] = {
        { "2026", "2026-01-01", "2027-01-01" },       { "2026-11", "2026-11-01", "2026-12-01" },
        { "2026-12", "2026-12-01", "2027-01-01" },    { "2028-02", "2028-02-01", "2028-03-01" },
        { "2028-02-29", "2028-02-29", "2028-03-01" },
    };
    static const char *const bad[] = {
        "", "202", "2026-", "2026-13", "2026-1", "2026-02-30", "2026-11-24T00:00:00Z", "abcd"
    };
    int64_t from = 0;
    int64_t until = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        int64_t want = 0;
        CHECK(stamp_period(str_from(cases[i].text), &from, &until));
        CHECK(stamp_parse(str_from(cases[i].from), &want));
        CHECK_EQ(from, want);
        CHECK(stamp_parse(str_from(cases[i].until), &want));
        CHECK_EQ(until, want);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK(!stamp_period(str_from(bad[i]), &from, &until));
    }
}

TEST(days_and_months_follow_each_other_without_a_gap)
{
    int64_t last = stamp_month(0);
    for (int64_t day = 0; day < 20000; day++) {
        int64_t ns = stamp_of_day(day);
        CHECK_EQ(stamp_day(ns), day);
        CHECK_EQ(stamp_day(ns + 1), day);
        int64_t month = stamp_month(ns);
        CHECK(month == last || stamp_of_month(last + 1) == ns);
        CHECK((month != last) == (stamp_of_month(month) == ns && day > 0));
        last = month;
    }
}

TEST(a_day_is_a_number_of_eight_digits)
{
    int64_t ns = 0;
    CHECK(stamp_parse(STR("2026-11-26T23:59:59Z"), &ns));
    CHECK_EQ(stamp_date(ns), 20261126);
    CHECK(stamp_parse(STR("2024-02-29"), &ns));
    CHECK_EQ(stamp_date(ns), 20240229);
    CHECK_EQ(stamp_date(0), 19700101);
}

TEST(a_span_is_printed_as_go_prints_it_rounded_up_to_a_millisecond)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        { 0, "0s" },
        { 1, "1ms" },
        { 12000000, "12ms" },
        { 999000000, "999ms" },
        { 999000001, "1s" },
        { 1500000000, "1.5s" },
        { 1050000000, "1.05s" },
        { 1005000000, "1.005s" },
        { 60000000000, "1m0s" },
        { 360000000000, "6m0s" },
        { 3599999999999, "1h0m0s" },
        { 3661250000000, "1h1m1.25s" },
        { INT64_MAX, "2562047h47m16.855s" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        char text[32];
        struct buf out = { text, 0, sizeof(text), sizeof(text) };
        CHECK_EQ(stamp_print_span(&out, cases[i].ns), ERR_OK);
        CHECK_STR(buf_str(&out), str_from(cases[i].text));
        struct buf small = { text, 0, 1, 1 };
        CHECK(stamp_print_span(&small, cases[i].ns) != ERR_OK);
    }
}
