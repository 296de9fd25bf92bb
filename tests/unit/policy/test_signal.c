#include "policy/signal.h"

#include <time.h>

#include "signal_case.h"

static struct signal_sketch sketch;

static void begin(void)
{
    sketch = (struct signal_sketch){ .begun = false };
}

static void call_at(int64_t now_ns, unsigned network)
{
    struct signal_observation call = case_call(now_ns, network);
    signal_observe(&sketch, &call, &case_travel);
}

static void call_from(int64_t now_ns, const char *country, enum signal_hosting hosting)
{
    struct signal_observation call = case_call(now_ns, 1);
    call.country = country_from(str_from(country));
    call.hosting = hosting;
    signal_observe(&sketch, &call, &case_travel);
}

TEST(a_key_costs_less_than_two_kib_and_nothing_was_seen_at_first)
{
    begin();
    CHECK(sizeof(struct signal_sketch) <= SIGNAL_SKETCH_MAX);
    struct signal_measure measure = case_measure(&sketch, NOON);
    CHECK_EQ(measure.calls_week, 0);
    CHECK_EQ(measure.networks_week, 0);
    CHECK(!measure.week_whole && !measure.over_contract);
}

/* There is no way for a text to come in: an observation has no pointer, and each of its words is
 * named here with its size. */
TEST(an_observation_has_no_room_for_content)
{
    const struct signal_observation *none = NULL;
    size_t numbers = sizeof(none->now_ns) + sizeof(none->user) + sizeof(none->network) +
                     sizeof(none->asn) + sizeof(none->country) + sizeof(none->one_database_cn) +
                     sizeof(none->over_contract) + sizeof(none->hosting) + sizeof(none->language) +
                     sizeof(none->family);
    CHECK_EQ(sizeof(struct signal_observation), numbers);
    CHECK_EQ(sizeof(struct signal_observation), 40);
}

TEST(networks_are_the_first_24_or_48_bits)
{
    const unsigned char a[4] = { 203, 0, 113, 1 };
    const unsigned char b[4] = { 203, 0, 113, 254 };
    const unsigned char c[4] = { 203, 0, 114, 1 };
    const unsigned char mapped[16] = { [10] = 0xff, [11] = 0xff, 203, 0, 113, 9 };
    CHECK_EQ(signal_network(a, 4), signal_network(b, 4));
    CHECK(signal_network(a, 4) != signal_network(c, 4));
    CHECK_EQ(signal_network(mapped, 16), signal_network(a, 4));
    unsigned char six[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, 5 };
    uint32_t site = signal_network(six, 16);
    six[6] = 99;
    six[15] = 1;
    CHECK_EQ(signal_network(six, 16), site);
    six[5] = 2;
    CHECK(signal_network(six, 16) != site);
    const unsigned char zeros[16] = { 0 };
    CHECK(signal_network(zeros, 4) != 0 && signal_network(zeros, 16) != 0);
    CHECK_EQ(signal_network(zeros, 0), 0);
    CHECK_EQ(signal_network(zeros, 15), 0);
}

TEST(windows_slide_and_are_half_open)
{
    begin();
    for (unsigned i = 0; i < 31; i++) {
        call_at(NOON + i * INT64_C(60) * STAMP_NS_PER_S, i);
    }
    struct signal_measure measure = case_measure(&sketch, NOON + HOUR_NS - STAMP_NS_PER_S);
    CHECK_EQ(measure.networks_hour, 31);
    measure = case_measure(&sketch, NOON + HOUR_NS);
    CHECK_EQ(measure.networks_hour, 30);
    CHECK_EQ(measure.networks_day, 31);
    measure = case_measure(&sketch, NOON + DAY_NS);
    CHECK_EQ(measure.networks_hour, 0);
    CHECK_EQ(measure.networks_day, 30);
    CHECK_EQ(measure.networks_week, 31);
    measure = case_measure(&sketch, NOON + 8 * DAY_NS);
    CHECK_EQ(measure.networks_week, 0);
    CHECK_EQ(measure.calls_week, 0);
}

TEST(a_full_set_keeps_what_was_seen_last)
{
    begin();
    for (unsigned i = 0; i < 1000; i++) {
        call_at(NOON + i * STAMP_NS_PER_S, i);
    }
    struct signal_measure measure = case_measure(&sketch, NOON + 1000 * STAMP_NS_PER_S);
    CHECK_EQ(measure.networks_hour, SIGNAL_NETWORKS_MAX);
    CHECK_EQ(measure.calls_week, 1000);
    for (unsigned i = 1000 - SIGNAL_NETWORKS_MAX; i < 1000; i++) {
        call_at(NOON + 2000 * STAMP_NS_PER_S, i); /* none of these puts another out */
    }
    CHECK_EQ(case_measure(&sketch, NOON + 4500 * STAMP_NS_PER_S).networks_hour,
             SIGNAL_NETWORKS_MAX);
}

TEST(what_is_not_known_is_not_counted)
{
    begin();
    struct signal_observation call = { .now_ns = NOON };
    for (int i = 0; i < 10; i++) {
        signal_observe(&sketch, &call, &case_travel);
    }
    struct signal_measure measure = case_measure(&sketch, NOON);
    CHECK_EQ(measure.calls_week, 10);
    CHECK_EQ(measure.networks_week, 0);
    CHECK_EQ(measure.asns_day, 0);
    CHECK_EQ(measure.countries_day, 0);
    CHECK_EQ(measure.users_day, 0);
    CHECK_EQ(measure.families_day, 1); /* "none" */
    CHECK_EQ(measure.half.with_hosting, 0);
    CHECK_EQ(measure.half.with_language, 0);
}

TEST(hours_are_those_of_the_last_week)
{
    begin();
    for (int day = 0; day < 10; day++) {
        call_at(NOON + day * DAY_NS, 1);
        call_at(NOON + day * DAY_NS + 3 * HOUR_NS, 1);
    }
    struct signal_measure measure = case_measure(&sketch, NOON + 9 * DAY_NS + 4 * HOUR_NS);
    CHECK_EQ(measure.hours[12], 7);
    CHECK_EQ(measure.hours[15], 7);
    CHECK_EQ(measure.hours[13], 0);
    CHECK_EQ(measure.calls_week, 14);
    CHECK(measure.week_whole);
    CHECK_EQ(case_measure(&sketch, NOON + 30 * DAY_NS).calls_week, 0);
}

TEST(users_are_counted_by_day_against_the_most_of_the_week_before)
{
    begin();
    char text[32];
    for (int day = 0; day < 4; day++) {
        int users = day < 3 ? 20 : 200;
        for (int i = 0; i < users; i++) {
            struct signal_observation call = case_call(NOON + day * DAY_NS, 1);
            (void)snprintf(text, sizeof(text), "user-%d", i);
            call.user = signal_user(str_from(text));
            signal_observe(&sketch, &call, &case_travel);
        }
        if (day == 1) {
            CHECK_EQ(case_measure(&sketch, NOON + day * DAY_NS).users_usual, 0);
        }
    }
    struct signal_measure measure = case_measure(&sketch, NOON + 3 * DAY_NS);
    CHECK(measure.users_day >= 190 && measure.users_day <= 210);
    CHECK(measure.users_usual >= 19 && measure.users_usual <= 21);
    measure = case_measure(&sketch, NOON + 4 * DAY_NS);
    CHECK_EQ(measure.users_day, 0);
    CHECK(measure.users_usual >= 190);
    CHECK_EQ(case_measure(&sketch, NOON + 40 * DAY_NS).users_usual, 0);
    CHECK_EQ(signal_user(STR_EMPTY), 0);
    static char text_long[1 << 20];
    CHECK(signal_user((struct str){ text_long, sizeof(text_long) }) !=
          signal_user((struct str){ text_long, sizeof(text_long) - 1 }));
    CHECK(signal_user(STR("a")) != 0 && signal_user(STR("a")) != signal_user(STR("b")));
}

TEST(only_journeys_that_nobody_makes_are_counted)
{
    begin();
    call_from(NOON, "SG", SIGNAL_HOSTING_NO);
    call_from(NOON + HOUR_NS, "MY", SIGNAL_HOSTING_NO); /* 916 km: near */
    CHECK_EQ(case_measure(&sketch, NOON + HOUR_NS).travels_day, 0);
    call_from(NOON + 14 * HOUR_NS, "GB", SIGNAL_HOSTING_NO); /* 13 hours: a flight */
    CHECK_EQ(case_measure(&sketch, NOON + 14 * HOUR_NS).travels_day, 0);
    call_from(NOON + 15 * HOUR_NS, "US", SIGNAL_HOSTING_YES);     /* a hoster */
    call_from(NOON + 15 * HOUR_NS, "US", SIGNAL_HOSTING_UNKNOWN); /* perhaps one */
    CHECK_EQ(case_measure(&sketch, NOON + 15 * HOUR_NS).travels_day, 0);
    call_from(NOON + 16 * HOUR_NS, "SG", SIGNAL_HOSTING_NO);
    CHECK_EQ(case_measure(&sketch, NOON + 16 * HOUR_NS).travels_day, 1);
    call_from(NOON + 17 * HOUR_NS, "GB", SIGNAL_HOSTING_NO);
    CHECK_EQ(case_measure(&sketch, NOON + 17 * HOUR_NS).travels_day, 2);
    CHECK_EQ(case_measure(&sketch, NOON + 40 * HOUR_NS).travels_day, 1);
    call_from(NOON + 18 * HOUR_NS, "XX", SIGNAL_HOSTING_NO); /* no such place */
    CHECK_EQ(case_measure(&sketch, NOON + 18 * HOUR_NS).travels_day, 2);
}

TEST(without_rows_no_journey_is_impossible)
{
    begin();
    const struct signal_travel none = { .km = 0 };
    const char *const places[2] = { "SG", "GB" };
    for (int i = 0; i < 10; i++) {
        struct signal_observation call = case_call(NOON + i, 1);
        call.country = country_from(str_from(places[i % 2]));
        call.hosting = SIGNAL_HOSTING_NO;
        signal_observe(&sketch, &call, &none);
    }
    CHECK_EQ(case_measure(&sketch, NOON).travels_day, 0);
    CHECK_EQ(case_measure(&sketch, NOON).countries_day, 2);
}

TEST(one_call_too_many_is_remembered_for_a_day)
{
    begin();
    signal_crowded(&sketch, NOON);
    CHECK(case_measure(&sketch, NOON + DAY_NS - STAMP_NS_PER_S).over_contract);
    CHECK(!case_measure(&sketch, NOON + DAY_NS).over_contract);
    struct signal_observation call = case_call(NOON + 2 * DAY_NS, 1);
    call.over_contract = true;
    signal_observe(&sketch, &call, &case_travel);
    CHECK(case_measure(&sketch, NOON + 2 * DAY_NS).over_contract);
}

TEST(shares_are_of_the_last_half_days)
{
    begin();
    for (int i = 0; i < 10; i++) {
        struct signal_observation call = case_call(NOON, 1);
        call.language = i < 4   ? AGENT_LANGUAGE_ZH_CN
                        : i < 6 ? AGENT_LANGUAGE_OTHER
                                : AGENT_LANGUAGE_NONE;
        call.one_database_cn = i < 3;
        call.hosting = i < 2 ? SIGNAL_HOSTING_YES : SIGNAL_HOSTING_NO;
        signal_observe(&sketch, &call, &case_travel);
    }
    struct signal_share half = case_measure(&sketch, NOON).half;
    CHECK_EQ(half.calls, 10);
    CHECK_EQ(half.with_language, 6);
    CHECK_EQ(half.zh_cn, 4);
    CHECK_EQ(half.one_database_cn, 3);
    CHECK_EQ(half.with_hosting, 10);
    CHECK_EQ(half.hosting, 2);
    CHECK_EQ(case_measure(&sketch, NOON + 12 * HOUR_NS).half.calls, 10);
    CHECK_EQ(case_measure(&sketch, NOON + 24 * HOUR_NS).half.calls, 0);
}

TEST(a_clock_that_goes_back_a_little_changes_nothing_and_by_days_begins_anew)
{
    begin();
    call_at(NOON, 1);
    call_at(NOON - 5 * STAMP_NS_PER_S, 2);
    struct signal_measure measure = case_measure(&sketch, NOON - 5 * STAMP_NS_PER_S);
    CHECK_EQ(measure.networks_hour, 2);
    CHECK_EQ(measure.calls_week, 2);
    call_at(NOON + 400 * DAY_NS, 3); /* a clock that is a year ahead */
    call_at(NOON + HOUR_NS, 4);
    measure = case_measure(&sketch, NOON + HOUR_NS);
    CHECK_EQ(measure.networks_week, 1);
    CHECK_EQ(measure.calls_week, 1);
    CHECK(!measure.week_whole);
}

TEST(times_at_the_ends_of_what_can_be_counted_do_no_harm)
{
    begin();
    call_at(0, 1);
    call_at(INT64_MIN, 1);
    call_at(INT64_MAX, 2);
    call_at(INT64_MAX, 3);
    CHECK_EQ(case_measure(&sketch, INT64_MAX).networks_hour, 2);
    CHECK_EQ(case_measure(&sketch, 0).networks_hour, 0);
    call_at(1, 4);
    CHECK_EQ(case_measure(&sketch, 1).networks_hour, 1);
}

/* The worst case: every call from another network, ASN and country. Printed, with room for slow
 * machines and sanitizers in what is asked. */
TEST(an_observation_costs_some_hundred_nanoseconds)
{
    enum {
        ROUNDS = 200000
    };
    begin();
    struct timespec from;
    struct timespec to;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct signal_observation call = case_call(NOON + i * STAMP_NS_PER_MS, i);
        call.asn = 1 + i % 1000;
        call.country = (country_t)(1 + i % COUNTRY_CODES);
        call.hosting = SIGNAL_HOSTING_NO;
        call.user = 1 + i;
        signal_observe(&sketch, &call, &case_travel);
    }
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    int64_t ns = (to.tv_sec - from.tv_sec) * STAMP_NS_PER_S + to.tv_nsec - from.tv_nsec;
    printf("%zu bytes a key, %lld ns an observation\n", sizeof(sketch), (long long)(ns / ROUNDS));
    CHECK(ns / ROUNDS < 20000);
}
