#include "policy/signal_score.h"

#include <string.h>

#include "signal_case.h"

static struct signal_sketch sketch;
static struct signal_score score;

static void begin(void)
{
    sketch = (struct signal_sketch){ .begun = false };
}

static uint32_t points(enum signal_kind kind, const struct signal_facts *facts, int64_t now_ns)
{
    struct signal_rules rules = case_rules();
    struct signal_measure measure = case_measure(&sketch, now_ns);
    signal_score(&rules, kind, &measure, facts, now_ns, &score);
    return score.score;
}

static bool hit(enum signal which)
{
    return (score.signals >> which & 1) != 0;
}

static const struct signal_facts nothing;

/* Scenario B, 15:10: 31 /24s, 11 ASNs and 5 countries in a day. */
static void fan_out(int64_t apart_ns, int count)
{
    static const char *const countries[5] = { "SG", "MY", "TH", "VN", "PH" };
    begin();
    for (int i = 0; i < count; i++) {
        struct signal_observation call = case_call(NOON + i * apart_ns, (unsigned)i % 31);
        call.asn = 100 + (uint32_t)i % 11;
        call.country = country_from(str_from(countries[i % 5]));
        signal_observe(&sketch, &call, &case_travel);
    }
}

TEST(a_key_that_fans_out_is_a_suspect_unless_it_may_resell)
{
    struct signal_rules rules = case_rules();
    fan_out(45 * 60 * STAMP_NS_PER_S, 31); /* slowly: three /24s an hour */
    int64_t now_ns = NOON + 23 * HOUR_NS + HOUR_NS / 2;
    CHECK_EQ(case_measure(&sketch, now_ns).networks_day, 31);
    CHECK_EQ(points(SIGNAL_RESALE, &nothing, now_ns), 50);
    CHECK(hit(SIGNAL_ASNS) && hit(SIGNAL_COUNTRIES) && !hit(SIGNAL_NETWORKS));
    CHECK_EQ(score.hits[0].value, 11);
    CHECK_EQ(score.hits[0].limit, 8);
    CHECK_EQ(signal_hold(&rules, SIGNAL_RESALE, score.score), SIGNAL_HOLD_PURCHASES);
    const struct signal_facts reseller = { .may_resell = true };
    CHECK_EQ(points(SIGNAL_RESALE, &reseller, now_ns), 0);
    fan_out(60 * STAMP_NS_PER_S, 31); /* in half an hour */
    CHECK_EQ(points(SIGNAL_RESALE, &nothing, NOON + HOUR_NS / 2), 80);
    CHECK_EQ(score.count, 3);
    CHECK_EQ(points(SIGNAL_ORIGIN, &nothing, NOON + HOUR_NS / 2), 0);
}

TEST(at_the_limits_nobody_is_a_suspect)
{
    begin();
    for (unsigned i = 0; i < 20; i++) {
        struct signal_observation call = case_call(NOON, i);
        call.asn = 1 + i % 8;
        call.country = country_from(i % 3 == 0 ? STR("SG") : i % 3 == 1 ? STR("MY") : STR("TH"));
        call.family = i % 6;
        signal_observe(&sketch, &call, &case_travel);
    }
    CHECK_EQ(points(SIGNAL_RESALE, &nothing, NOON), 0);
    struct signal_observation call = case_call(NOON, 20);
    signal_observe(&sketch, &call, &case_travel);
    CHECK_EQ(points(SIGNAL_RESALE, &nothing, NOON), 30);
}

/* A thousand devices behind one address, at every hour, more than the contract has at once. */
TEST(a_fleet_behind_one_address_is_no_suspect)
{
    struct signal_rules rules = case_rules();
    char text[32];
    begin();
    for (int hour = 0; hour < 9 * 24; hour++) {
        for (int i = 0; i < 40; i++) {
            struct signal_observation call = case_call(NOON + hour * HOUR_NS, 1);
            (void)snprintf(text, sizeof(text), "device-%d", hour < 200 ? i % 8 : i);
            call.user = signal_user(str_from(text));
            call.asn = 17;
            call.country = country_from(STR("SG"));
            call.hosting = SIGNAL_HOSTING_NO;
            call.over_contract = true;
            signal_observe(&sketch, &call, &case_travel);
        }
    }
    uint32_t got = points(SIGNAL_RESALE, &nothing, NOON + 9 * DAY_NS - HOUR_NS);
    CHECK(hit(SIGNAL_FLAT) && hit(SIGNAL_CONCURRENCY));
    CHECK_EQ(got, 25);
    CHECK_EQ(signal_hold(&rules, SIGNAL_RESALE, got), SIGNAL_HOLD_NONE);
}

TEST(journeys_alone_are_no_case)
{
    struct signal_rules rules = case_rules();
    begin();
    for (int i = 0; i < 20; i++) {
        struct signal_observation call = case_call(NOON + i * HOUR_NS / 2, (unsigned)i % 2);
        call.asn = 1 + (uint32_t)i % 2;
        call.country = country_from(i % 2 == 0 ? STR("SG") : STR("GB"));
        call.hosting = SIGNAL_HOSTING_NO;
        signal_observe(&sketch, &call, &case_travel);
    }
    uint32_t got = points(SIGNAL_RESALE, &nothing, NOON + 10 * HOUR_NS);
    CHECK_EQ(got, 10);
    CHECK(hit(SIGNAL_TRAVEL));
    CHECK_EQ(signal_hold(&rules, SIGNAL_RESALE, got), SIGNAL_HOLD_NONE);
}

TEST(one_journey_scores_nothing)
{
    begin();
    for (int i = 0; i < 2; i++) {
        struct signal_observation call = case_call(NOON + i, 1);
        call.country = country_from(i == 0 ? STR("SG") : STR("GB"));
        call.hosting = SIGNAL_HOSTING_NO;
        signal_observe(&sketch, &call, &case_travel);
    }
    CHECK_EQ(case_measure(&sketch, NOON).travels_day, 1);
    CHECK_EQ(points(SIGNAL_RESALE, &nothing, NOON), 0);
}

TEST(a_jump_of_users_scores_and_a_steady_crowd_does_not)
{
    char text[32];
    begin();
    for (int day = 0; day < 5; day++) {
        int users = day < 4 ? 30 : 300;
        for (int i = 0; i < users; i++) {
            struct signal_observation call = case_call(NOON + day * DAY_NS, 1);
            (void)snprintf(text, sizeof(text), "u%d", i);
            call.user = signal_user(str_from(text));
            signal_observe(&sketch, &call, &case_travel);
        }
        if (day == 3) {
            CHECK_EQ(points(SIGNAL_RESALE, &nothing, NOON + day * DAY_NS), 0);
        }
    }
    CHECK_EQ(points(SIGNAL_RESALE, &nothing, NOON + 4 * DAY_NS), 15);
    CHECK(hit(SIGNAL_USERS));
}

/* Scenario B, 14:05: a shell of 40 days in HK, a card of CN, zh-CN, UTC+8, a hoster's address. */
TEST(a_shell_with_a_mainland_card_is_held)
{
    struct signal_rules rules = case_rules();
    struct signal_facts facts = {
        .consumer_plan = true,
        .clock_china = true,
        .card_cn = true,
        .registered_ns = NOON + 2 * HOUR_NS - 40 * DAY_NS,
    };
    begin();
    for (int i = 0; i < 10; i++) {
        struct signal_observation call = case_call(NOON + 2 * HOUR_NS, 1);
        call.language = AGENT_LANGUAGE_ZH_CN;
        call.hosting = SIGNAL_HOSTING_YES;
        call.country = country_from(STR("HK"));
        signal_observe(&sketch, &call, &case_travel);
    }
    CHECK_EQ(points(SIGNAL_ORIGIN, &facts, NOON + 2 * HOUR_NS), 75);
    CHECK_EQ(signal_hold(&rules, SIGNAL_ORIGIN, 75), SIGNAL_HOLD_TRAFFIC);
    facts.registered_ns = NOON + 2 * HOUR_NS - 90 * DAY_NS; /* no longer young */
    CHECK_EQ(points(SIGNAL_ORIGIN, &facts, NOON + 2 * HOUR_NS), 60);
    CHECK_EQ(signal_hold(&rules, SIGNAL_ORIGIN, 60), SIGNAL_HOLD_PURCHASES);
    facts.card_cn = false;
    CHECK_EQ(points(SIGNAL_ORIGIN, &facts, NOON + 2 * HOUR_NS), 35);
    CHECK_EQ(signal_hold(&rules, SIGNAL_ORIGIN, 35), SIGNAL_HOLD_NONE);
    CHECK_EQ(points(SIGNAL_RESALE, &facts, NOON + 2 * HOUR_NS), 0);
}

/* Scenario B, 14:06: a Malaysian newspaper in Chinese. Its prompts cannot even be given; its
 * editors' browsers say zh-MY, and it works in UTC+8 by day. */
TEST(a_newspaper_in_chinese_is_nothing)
{
    const struct signal_facts facts = { .clock_china = true, .consumer_plan = true };
    begin();
    for (int day = 0; day < 7; day++) {
        for (int hour = 0; hour < 24; hour++) {
            int calls = hour >= 1 && hour < 18 ? 10 : 3; /* editions close late */
            for (int i = 0; i < calls; i++) {
                int64_t now_ns = NOON + (day * INT64_C(24) + hour - 12) * HOUR_NS;
                struct signal_observation call = case_call(now_ns, (unsigned)i % 4);
                call.language = agent_language(STR("zh-MY,zh;q=0.9,zh-CN;q=0.8"));
                call.country = country_from(STR("MY"));
                call.asn = 4788;
                call.hosting = SIGNAL_HOSTING_NO;
                signal_observe(&sketch, &call, &case_travel);
            }
        }
    }
    CHECK_EQ(points(SIGNAL_ORIGIN, &facts, NOON + 6 * DAY_NS + 11 * HOUR_NS), 0);
    CHECK_EQ(points(SIGNAL_RESALE, &facts, NOON + 6 * DAY_NS + 11 * HOUR_NS), 0);
}

TEST(one_database_that_says_cn_scores_by_its_share)
{
    begin();
    for (int i = 0; i < 10; i++) {
        struct signal_observation call = case_call(NOON, 1);
        call.one_database_cn = i == 0;
        signal_observe(&sketch, &call, &case_travel);
    }
    CHECK_EQ(points(SIGNAL_ORIGIN, &nothing, NOON), 25);
    CHECK_EQ(score.hits[0].value, 100);
    struct signal_observation call = case_call(NOON, 1);
    signal_observe(&sketch, &call, &case_travel); /* 1 of 11 */
    CHECK_EQ(points(SIGNAL_ORIGIN, &nothing, NOON), 0);
}

TEST(all_facts_together_end_at_a_hundred)
{
    const struct signal_facts facts = {
        .clock_china = true,
        .phone_cn = true,
        .card_cn = true,
        .mass_address = true,
        .batch = true,
        .registered_ns = NOON + DAY_NS, /* not yet: not known */
        .consumer_plan = true,
    };
    begin();
    CHECK_EQ(points(SIGNAL_ORIGIN, &facts, NOON), 80); /* before any call */
    struct signal_observation call = case_call(NOON, 1);
    call.one_database_cn = true;
    call.hosting = SIGNAL_HOSTING_YES;
    call.language = AGENT_LANGUAGE_ZH_CN;
    signal_observe(&sketch, &call, &case_travel);
    CHECK_EQ(points(SIGNAL_ORIGIN, &facts, NOON), 100);
    CHECK_EQ(score.count, 8);
}

/* ---- rows ---------------------------------------------------------------------------------- */

TEST(without_rows_nothing_scores_and_nothing_is_held)
{
    struct signal_rules rules;
    signal_rules_compile(NULL, 0, NOON, &rules);
    fan_out(60 * STAMP_NS_PER_S, 31);
    struct signal_measure measure = case_measure(&sketch, NOON + HOUR_NS / 2);
    const struct signal_facts facts = { .card_cn = true, .phone_cn = true, .batch = true };
    for (int kind = 0; kind < SIGNAL_KINDS; kind++) {
        signal_score(&rules, (enum signal_kind)kind, &measure, &facts, NOON, &score);
        CHECK_EQ(score.score, 0);
        CHECK_EQ(score.count, 0);
        CHECK_EQ(signal_hold(&rules, (enum signal_kind)kind, 0), SIGNAL_HOLD_NONE);
    }
    CHECK_EQ(signal_rules_travel(&rules).km, 0);
    CHECK_EQ(signal_rules_quiet_ns(&rules), 0);
}

TEST(each_row_that_is_missing_takes_its_signal_or_its_patience)
{
    for (size_t left_out = 0; left_out < EP_ARRAY_LEN(case_rows); left_out++) {
        struct registry_threshold rows[EP_ARRAY_LEN(case_rows)];
        struct signal_rules rules;
        size_t count = 0;
        for (size_t i = 0; i < EP_ARRAY_LEN(case_rows); i++) {
            rows[count] = case_rows[i];
            count += i != left_out;
        }
        signal_rules_compile(rows, count, NOON, &rules);
        struct str name = case_rows[left_out].name;
        size_t without = 0;
        for (size_t i = 0; i < SIGNALS; i++) {
            without += rules.points[i] == 0;
        }
        for (size_t i = 0; i < SIGNAL_LIMITS; i++) {
            without += !rules.has_limit[i];
        }
        CHECK_EQ(without, 1); /* every row of the table is one that is read */
        if (str_eq(name, STR("review.hold_traffic"))) {
            CHECK_EQ(signal_hold(&rules, SIGNAL_ORIGIN, 1), SIGNAL_HOLD_TRAFFIC);
            CHECK_EQ(signal_hold(&rules, SIGNAL_ORIGIN, 0), SIGNAL_HOLD_NONE);
            CHECK_EQ(signal_hold(&rules, SIGNAL_RESALE, 1), SIGNAL_HOLD_NONE);
        }
        if (str_eq(name, STR("review.hold_purchases"))) {
            CHECK_EQ(signal_hold(&rules, SIGNAL_ORIGIN, 1), SIGNAL_HOLD_PURCHASES);
            CHECK_EQ(signal_hold(&rules, SIGNAL_ORIGIN, 70), SIGNAL_HOLD_TRAFFIC);
        }
    }
}

TEST(rows_are_in_force_in_their_window_and_the_younger_counts)
{
    struct registry_threshold rows[] = {
        CASE_ROW("resale.asns", 10),
        CASE_ROW("resale.asns", 20),
        CASE_ROW("resale.asns", 30),
        CASE_ROW("us_bulk.health", 7),
    };
    struct signal_rules rules;
    rows[1].valid_from = NOON;
    rows[2].valid_from = NOON + 1;
    signal_rules_compile(rows, EP_ARRAY_LEN(rows), NOON - 1, &rules);
    CHECK_EQ(rules.points[SIGNAL_ASNS], 10);
    signal_rules_compile(rows, EP_ARRAY_LEN(rows), NOON, &rules);
    CHECK_EQ(rules.points[SIGNAL_ASNS], 20);
    signal_rules_compile(rows, EP_ARRAY_LEN(rows), NOON + 1, &rules);
    CHECK_EQ(rules.points[SIGNAL_ASNS], 30);
    rows[2].valid_until = NOON + 5;
    signal_rules_compile(rows, EP_ARRAY_LEN(rows), NOON + 5, &rules);
    CHECK_EQ(rules.points[SIGNAL_ASNS], 20);
    CHECK_EQ(rules.points[SIGNAL_COUNTRIES], 0);
}

TEST(numbers_out_of_range_are_cut)
{
    struct registry_threshold rows[] = {
        CASE_ROW("resale.asns", UINT64_MAX),
        CASE_ROW("sketch.asns_day", UINT64_MAX),
        CASE_ROW("review.quiet_days", UINT64_MAX),
    };
    struct signal_rules rules;
    signal_rules_compile(rows, EP_ARRAY_LEN(rows), NOON, &rules);
    CHECK_EQ(rules.points[SIGNAL_ASNS], SIGNAL_SCORE_MAX);
    CHECK_EQ(rules.limits[SIGNAL_LIMIT_ASNS], UINT32_MAX);
    CHECK(signal_rules_quiet_ns(&rules) > 0);
}

TEST(signals_are_called_as_their_rows)
{
    CHECK_STR(str_from(signal_name(SIGNAL_NETWORKS)), STR("networks"));
    CHECK_STR(str_from(signal_name(SIGNAL_HOSTING)), STR("hosting_consumer"));
    for (int i = 0; i < SIGNALS; i++) {
        CHECK(strlen(signal_name((enum signal)i)) > 0);
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(signal_name((enum signal)i), signal_name((enum signal)j)) != 0);
        }
    }
}
