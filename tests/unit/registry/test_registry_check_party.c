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
