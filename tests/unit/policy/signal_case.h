/* What the tests of signals share: calls of a key, and the rows of the thresholds. */
#pragma once

#include <stdio.h>

#include "base/stamp.h"
#include "harness.h"
#include "policy/signal_score.h"

#define HOUR_NS (INT64_C(3600) * STAMP_NS_PER_S)
#define DAY_NS  (24 * HOUR_NS)
#define NOON    INT64_C(1793620800000000000) /* 2026-11-02T12:00:00Z */

static const struct signal_travel case_travel = { .km = 1500, .km_per_hour = 900 };

#define CASE_ROW(text, number)                                                            \
    {                                                                                     \
        .id = STR_INIT(text), .name = STR_INIT(text), .value = (number), .valid_from = 0, \
        .valid_until = INT64_MAX, .source = STR_INIT("domain 5.4")                        \
    }

/* As the example of docs/operating.md has them. */
static const struct registry_threshold case_rows[] = {
    CASE_ROW("resale.networks", 30),
    CASE_ROW("resale.asns", 25),
    CASE_ROW("resale.countries", 25),
    CASE_ROW("resale.software", 15),
    CASE_ROW("resale.users", 15),
    CASE_ROW("resale.concurrency", 15),
    CASE_ROW("resale.flat", 10),
    CASE_ROW("resale.travel", 10),
    CASE_ROW("origin.one_database_cn", 25),
    CASE_ROW("origin.hosting_consumer", 20),
    CASE_ROW("origin.language", 5),
    CASE_ROW("origin.clock", 10),
    CASE_ROW("origin.phone_cn", 20),
    CASE_ROW("origin.card_cn", 25),
    CASE_ROW("origin.shell", 15),
    CASE_ROW("origin.batch", 20),
    CASE_ROW("sketch.networks_hour", 20),
    CASE_ROW("sketch.asns_day", 8),
    CASE_ROW("sketch.countries_day", 3),
    CASE_ROW("sketch.software_day", 6),
    CASE_ROW("sketch.users_times", 4),
    CASE_ROW("sketch.users_least", 50),
    CASE_ROW("sketch.flat_permille", 970),
    CASE_ROW("sketch.flat_calls", 500),
    CASE_ROW("sketch.travel_km", 1500),
    CASE_ROW("sketch.travel_km_per_hour", 900),
    CASE_ROW("sketch.travels_day", 2),
    CASE_ROW("sketch.one_database_permille", 100),
    CASE_ROW("sketch.hosting_permille", 500),
    CASE_ROW("sketch.language_permille", 500),
    CASE_ROW("sketch.beijing_permille", 900),
    CASE_ROW("sketch.shell_days", 90),
    CASE_ROW("review.hold_purchases", 50),
    CASE_ROW("review.hold_traffic", 70),
    CASE_ROW("review.resale_hold_purchases", 50),
    CASE_ROW("review.resale_hold_traffic", 90),
    CASE_ROW("review.quiet_days", 30),
};

static inline struct signal_rules case_rules(void)
{
    struct signal_rules rules;
    signal_rules_compile(case_rows, EP_ARRAY_LEN(case_rows), NOON, &rules);
    return rules;
}

/* A call from 10.A.B.x. */
static inline struct signal_observation case_call(int64_t now_ns, unsigned network)
{
    const unsigned char address[4] = { 10, (unsigned char)(network >> 8), (unsigned char)network,
                                       7 };
    return (struct signal_observation){
        .now_ns = now_ns,
        .network = signal_network(address, sizeof(address)),
        .family = agent_family(STR("OpenAI/Python 1.55.0")),
    };
}

static inline struct signal_measure case_measure(const struct signal_sketch *sketch, int64_t now_ns)
{
    struct signal_measure measure;
    signal_measure(sketch, now_ns, &measure);
    return measure;
}
