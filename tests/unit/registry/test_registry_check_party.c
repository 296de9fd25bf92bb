#include <stdio.h>

#include "law_sample.h"

TEST(a_number_of_the_mainland_has_its_check_digit)
{
    static const struct law_case cases[] = {
        { 0, "jurisdiction: SG}", "jurisdiction: CN, reg_no: 91350100M000100Y43}",
          "jurisdiction: CN, reg_no: 91350100M000100Y44}", REGISTRY_RULE_PARTY_REG_NO },
        { 0, "jurisdiction: SG}", "jurisdiction: SG, reg_no: 201912345K}",
          "jurisdiction: CN, reg_no: 201912345K}", REGISTRY_RULE_PARTY_REG_NO },
        { 0, "jurisdiction: SG}", "jurisdiction: CN}", "jurisdiction: CN, reg_no: \"\"}",
          REGISTRY_RULE_REG_BAD_VALUE },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(windows_end_after_they_begin)
{
#define WINDOW REGISTRY_RULE_REG_WINDOW
    static const struct law_case cases[] = {
        { LAW_GRANTS, "valid_until: 2027-01-01T00:00:00Z",
          "valid_until: 2027-01-01T00:00:00.000000001Z", "valid_until: 2026-01-01T00:00:00Z",
          WINDOW },
        { LAW_AGREEMENTS, "valid_until: 2027-01-01T00:00:00Z",
          "valid_until: 2026-01-01T00:00:00.000000001Z", "valid_until: 2026-01-01T00:00:00Z",
          WINDOW },
        { LAW_KEYS, "k.ch, party: ch,", "k.ch, party: ch, valid_until: 2026-02-01T00:00:00Z,",
          "k.ch, party: ch, valid_until: 2025-01-01T00:00:00Z,", WINDOW },
        { LAW_PERSONS, "valid_until: null", "valid_until: 2026-02-01T00:00:00Z",
          "valid_until: 2024-01-01T00:00:00Z", WINDOW },
        { LAW_DATA_TERMS, "valid_until: 2027-01-01", NULL, "valid_until: 2026-01-01", WINDOW },
        { LAW_DATA_TERMS, "mechanism: contract_pdpa26,", NULL,
          "mechanism: contract_pdpa26, valid_until: 2025-01-01T00:00:00Z,", WINDOW },
        { LAW_LANES, "source: PDPA 26", "source: x, valid_until: 2027-01-01T00:00:00Z",
          "source: x, valid_until: 2026-01-01T00:00:00Z", WINDOW },
        { LAW_ZONES, "valid_until: 2027-01-01", NULL, "valid_until: 2025-01-01", WINDOW },
        { LAW_PROCUREMENTS, "valid_until: 2027-01-01", NULL, "valid_until: 2025-01-01", WINDOW },
        { LAW_SUBPROCESSORS, "effective_at: 2026-01-31T00:00:00.5Z",
          "effective_at: 2026-01-31T00:00:00Z", "effective_at: 2026-01-30T23:59:59.999999999Z",
          WINDOW },
        { LAW_SUBPROCESSORS, "notice_days: 30", "notice_days: 0", "notice_days: 31", WINDOW },
        { 0, "jurisdiction: SG}",
          "jurisdiction: SG, kyc: {level: 1, verified_at: 2026-01-01T00:00:00Z, expires_at: "
          "2026-01-02T00:00:00Z}}",
          "jurisdiction: SG, kyc: {level: 1, verified_at: 2026-01-02T00:00:00Z, expires_at: "
          "2026-01-02T00:00:00Z}}",
          WINDOW },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(open_weights_have_a_licence_and_no_model_looks_like_a_family)
{
    static const struct law_case cases[] = {
        { 1, "    family: one\n",
          "    family: one\n    weights: open\n    licence: {id: o, doc: {file: documents/n1.txt,\n"
          "      sha256: " LAW_RANGE_SUM "}}\n",
          "    family: one\n    weights: open\n", REGISTRY_RULE_REG_MISSING_FIELD },
        { 1, "id: m2", NULL, "id: \"family:m2\"", REGISTRY_RULE_REG_BAD_VALUE },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

/* What is shared opens the zone to no call: it is said, and the registry is taken. */
TEST(a_zone_that_shares_something_is_warned_of)
{
    struct law_result result = law_result(LAW_ZONES, "logs: logical", "logs: shared");
    CHECK_EQ(result.err, ERR_OK);
    CHECK(law_found(&result.report, STR("zones.yaml"), REGISTRY_RULE_ZONE_SHARED));
    CHECK_EQ(result.report.count, 1);
    CHECK(result.report.faults[0].warning);
    CHECK_STR(str_from(result.report.faults[0].text),
              STR("logs: zone \"z1\" shares it with what is outside"));
    law_result_fini(&result);
    result = law_result(LAW_ZONES, "logs: logical", "logs: physical");
    CHECK_EQ(result.report.count, 0);
    law_result_fini(&result);
}

TEST(pools_and_zones_agree)
{
    struct law_result result = law_result(LAW_POOLS, "zone: z1, ", "");
    CHECK_EQ(result.err, ERR_REGISTRY_INVALID);
    CHECK(law_found(&result.report, STR("zones.yaml"), REGISTRY_RULE_REG_BAD_VALUE));
    law_result_fini(&result);
    result = law_result(LAW_ZONES, "    operator: op\n    pools: [p1]\n", "    operator: op\n");
    CHECK_EQ(result.err, ERR_OK);
    law_result_fini(&result);
}

TEST(a_pools_energy_is_whole_and_within_bounds)
{
    static const struct {
        const char *fresh;
        enum err err;
    } cases[] = {
        { "max_concurrent: 4, energy: {microjoules_in: 1, microjoules_out: 1000000000}", ERR_OK },
        { "max_concurrent: 4, energy: {microjoules_in: 1, microjoules_out: 1, "
          "pue_overhead_percent: 900}",
          ERR_OK },
        { "max_concurrent: 4, energy: {microjoules_in: 0, microjoules_out: 1}",
          ERR_REGISTRY_INVALID },
        { "max_concurrent: 4, energy: {microjoules_in: 1}", ERR_REGISTRY_INVALID },
        { "max_concurrent: 4, energy: {microjoules_in: 1, microjoules_out: 1000000001}",
          ERR_REGISTRY_INVALID },
        { "max_concurrent: 4, energy: {microjoules_in: 1, microjoules_out: 1, "
          "pue_overhead_percent: 901}",
          ERR_REGISTRY_INVALID },
        { "max_concurrent: 4, energy: {microjoules_in: 1, microjoules_out: 1, pue: 1}",
          ERR_REGISTRY_INVALID },
        { "max_concurrent: 4, energy: {microjoules_in: 1.5, microjoules_out: 1}",
          ERR_REGISTRY_INVALID },
        { "max_concurrent: 4, energy: 5", ERR_REGISTRY_INVALID },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct law_result result = law_result(LAW_POOLS, "max_concurrent: 4", cases[i].fresh);
        CHECK_EQ(result.err, cases[i].err);
        law_result_fini(&result);
    }
}

#define TARIFF(windows) \
    "max_concurrent: 4, tariff: {utc_offset: \"+08:00\", windows: [" windows "]}"
#define NIGHT "{from: \"00:00\", until: \"07:00\", percent: 40}"

TEST(a_pools_capacity_and_tariff_are_whole_and_within_bounds)
{
    static const struct {
        const char *fresh;
        enum err err;
    } cases[] = {
        { "max_concurrent: 4, tokens_per_minute: 1", ERR_OK },
        { "max_concurrent: 4, tokens_per_minute: 1000000000000", ERR_OK },
        { "max_concurrent: 4, tokens_per_minute: 0", ERR_REGISTRY_INVALID },
        { "max_concurrent: 4, tokens_per_minute: 1000000000001", ERR_REGISTRY_INVALID },
        { "max_concurrent: 4, tokens_per_minute: -1", ERR_REGISTRY_INVALID },
        { TARIFF(NIGHT), ERR_OK },
        { TARIFF(NIGHT ", {from: \"07:00\", until: \"24:00\", percent: 0}"), ERR_OK },
        { TARIFF("{days: [mon, sun], from: \"00:00\", until: \"07:00\", percent: 10000}"), ERR_OK },
        /* one that says nothing, or not all */
        { TARIFF(""), ERR_REGISTRY_INVALID },
        { TARIFF("{from: \"00:00\", until: \"07:00\"}"), ERR_REGISTRY_INVALID },
        { TARIFF("{from: \"00:00\", percent: 40}"), ERR_REGISTRY_INVALID },
        { "max_concurrent: 4, tariff: {windows: [" NIGHT "]}", ERR_REGISTRY_INVALID },
        { "max_concurrent: 4, tariff: {utc_offset: \"+08:00\"}", ERR_REGISTRY_INVALID },
        { "max_concurrent: 4, tariff: 5", ERR_REGISTRY_INVALID },
        /* times that are none */
        { TARIFF("{from: \"00:00\", until: \"24:01\", percent: 40}"), ERR_REGISTRY_INVALID },
        { TARIFF("{from: \"00:00\", until: \"07:60\", percent: 40}"), ERR_REGISTRY_INVALID },
        { TARIFF("{from: \"0:00\", until: \"07:00\", percent: 40}"), ERR_REGISTRY_INVALID },
        { TARIFF("{from: \"00.00\", until: \"07:00\", percent: 40}"), ERR_REGISTRY_INVALID },
        { TARIFF("{from: \"-1:00\", until: \"07:00\", percent: 40}"), ERR_REGISTRY_INVALID },
        { TARIFF("{from: \"07:00\", until: \"07:00\", percent: 40}"), ERR_REGISTRY_INVALID },
        { TARIFF("{from: \"23:00\", until: \"07:00\", percent: 40}"), ERR_REGISTRY_INVALID },
        { TARIFF("{days: [], from: \"00:00\", until: \"07:00\", percent: 40}"),
          ERR_REGISTRY_INVALID },
        { TARIFF("{days: [mon, mon], from: \"00:00\", until: \"07:00\", percent: 40}"),
          ERR_REGISTRY_INVALID },
        { TARIFF("{days: [monday], from: \"00:00\", until: \"07:00\", percent: 40}"),
          ERR_REGISTRY_INVALID },
        { TARIFF("{from: \"00:00\", until: \"07:00\", percent: 10001}"), ERR_REGISTRY_INVALID },
        /* windows that overlap: by a minute of all days, or of one */
        { TARIFF(NIGHT ", {from: \"06:59\", until: \"08:00\", percent: 50}"),
          ERR_REGISTRY_INVALID },
        { TARIFF("{days: [sun], from: \"03:00\", until: \"04:00\", percent: 50}, " NIGHT),
          ERR_REGISTRY_INVALID },
        { TARIFF("{days: [sun], from: \"03:00\", until: \"04:00\", percent: 50}, "
                 "{days: [mon], from: \"03:00\", until: \"04:00\", percent: 60}"),
          ERR_OK },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct law_result result = law_result(LAW_POOLS, "max_concurrent: 4", cases[i].fresh);
        CHECK_EQ(result.err, cases[i].err);
        law_result_fini(&result);
    }
    struct law_result result = law_result(LAW_POOLS, "max_concurrent: 4", TARIFF(NIGHT ", " NIGHT));
    CHECK(law_found(&result.report, STR("pools.yaml"), REGISTRY_RULE_REG_WINDOW));
    law_result_fini(&result);
}

TEST(a_tariffs_local_time_is_a_distance_that_exists)
{
    static const struct {
        const char *text;
        int64_t minutes;
    } fine[] = { { "+00:00", 0 },
                 { "+14:00", 840 },
                 { "-12:00", -720 },
                 { "+05:45", 345 },
                 { "-03:30", -210 } };
    static const char *const bad[] = { "08:00", "+8:00", "+14:01", "-12:01",        "+08:60",
                                       "+0800", "Z",     "++8:00", "Asia/Singapore" };
    char text[160];
    for (size_t i = 0; i < EP_ARRAY_LEN(fine) + EP_ARRAY_LEN(bad); i++) {
        bool is_fine = i < EP_ARRAY_LEN(fine);
        snprintf(text, sizeof(text),
                 "max_concurrent: 4, tariff: {utc_offset: \"%s\", windows: [" NIGHT "]}",
                 is_fine ? fine[i].text : bad[i - EP_ARRAY_LEN(fine)]);
        struct law_result result = law_result(LAW_POOLS, "max_concurrent: 4", text);
        CHECK_EQ(result.err, is_fine ? ERR_OK : ERR_REGISTRY_INVALID);
        if (is_fine) {
            CHECK_EQ(result.registry->pools[0].tariff.utc_offset, fine[i].minutes);
            CHECK_EQ(result.registry->pools[0].tariff.windows[0].days, 127);
        }
        law_result_fini(&result);
    }
}
