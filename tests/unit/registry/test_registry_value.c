#include "law_sample.h"

#define BAD REGISTRY_RULE_REG_BAD_VALUE

TEST(scalars_have_a_good_and_a_bad_twin)
{
    static const struct law_case cases[] = {
        { LAW_PERSONS, "name: Ann, valid_from: 2025-01-01T00:00:00Z",
          "name: Ann, valid_from: 2025-01-01T00:00:00.123456789Z",
          "name: Ann, valid_from: 2025-01-01T00:00:00.1234567891Z", BAD },
        { LAW_PERSONS, "name: Ann, valid_from: 2025-01-01T00:00:00Z", NULL,
          "name: Ann, valid_from: 2025-01-01T00:00:00+00:00", BAD },
        { LAW_PERSONS, "name: Ann, valid_from: 2025-01-01T00:00:00Z", NULL,
          "name: Ann, valid_from: 2025-01-01", BAD },
        { LAW_PERSONS, "name: Ann, valid_from: 2025-01-01T00:00:00Z", NULL,
          "name: Ann, valid_from: 2025-02-29T00:00:00Z", BAD },
        { LAW_PERSONS, "name: Ann, valid_from: 2025-01-01T00:00:00Z", NULL,
          "name: Ann, valid_from: null", BAD },
        { LAW_PERSONS, "000ff", "000FF", "000f", BAD },
        { LAW_PERSONS, "000ff", NULL, "000fg", BAD },
        { LAW_DATA_TERMS, "signed: true", "signed: false", "signed: yes", BAD },
        { LAW_DATA_TERMS, "analytics: false", NULL, "analytics: False", BAD },
        { LAW_DATA_TERMS, "retention_days: 0", "retention_days: ~", "retention_days: unknown",
          BAD },
        { LAW_DATA_TERMS, "from: SG, to: US", "from: SG, to: GB", "from: SG, to: us", BAD },
        { LAW_DATA_TERMS, "from: SG, to: US", NULL, "from: SG, to: UK", BAD },
        { LAW_NETWORKS, "47.74.128.0/24", "\"2001:db8::/32\"", "47.74.128.0", BAD },
        { LAW_NETWORKS, "47.74.128.0/24", "47.74.128.1/32", "47.74.128.0/33", BAD },
        { LAW_NETWORKS, "47.74.128.0/24", NULL, "47.74.128.1/24", BAD },
        { LAW_NETWORKS, "47.74.128.0/24", NULL, "api.test/24", BAD },
        { LAW_NETWORKS, "documents/n1.txt", "documents/n1", "n1.txt", BAD },
        { LAW_NETWORKS, "documents/n1.txt", NULL, "documents/../n1.txt", BAD },
        { LAW_NETWORKS, "documents/n1.txt", NULL, "documents/a/n1.txt", BAD },
        { LAW_NETWORKS, "documents/n1.txt", NULL, "documents/.n1", BAD },
        { LAW_NETWORKS, "sha256: " LAW_RANGE_SUM "}",
          "sha256: " LAW_RANGE_SUM ", signed_on: 2026-01-01}",
          "sha256: " LAW_RANGE_SUM ", signed_on: 2026-01-01T00:00:00Z}", BAD },
        { LAW_BILLING, "period: 2026-10", "period: 2026-12", "period: 2026-13", BAD },
        { LAW_REQUIREMENTS, "representative", "icp_b25", "ICP_B25", BAD },
        { LAW_ZONES, "network: physical", "network: shared", "network: apart", BAD },
        { LAW_ZONES, "cache: physical", NULL, "cash: physical", REGISTRY_RULE_REG_UNKNOWN_KEY },
        { LAW_ZONES, ", cache: physical", NULL, "", REGISTRY_RULE_REG_MISSING_FIELD },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(sums_are_kept_in_lower_case)
{
    struct registry *registry = law_load_with(LAW_NETWORKS, "sha256: f", "sha256: F");
    CHECK_STR(registry->networks[0].evidence.sha256, STR(LAW_RANGE_SUM));
    registry_unref(registry);
}

TEST(what_is_derived_is_no_key)
{
    static const struct law_case test = { LAW_NETWORKS, "sha256: ", NULL,
                                          "state: fine, sha256: ", REGISTRY_RULE_REG_UNKNOWN_KEY };
    law_check(&test, 1);
}

TEST(a_pattern_of_hosts_names_at_least_a_domain)
{
    CHECK(registry_host_pattern_fine(STR("api.x.example")));
    CHECK(registry_host_pattern_fine(STR("*.x.example")));
    CHECK(!registry_host_pattern_fine(STR("*.example")));
    CHECK(!registry_host_pattern_fine(STR("*.")));
    CHECK(!registry_host_pattern_fine(STR("*")));
    CHECK(!registry_host_pattern_fine(STR("api.*.example")));
    CHECK(!registry_host_pattern_fine(STR("https://api.x.example")));
    CHECK(!registry_host_pattern_fine(STR("")));
}
