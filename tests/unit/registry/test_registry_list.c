#include "law_sample.h"

#define BAD REGISTRY_RULE_REG_BAD_VALUE

TEST(lists_and_sets_have_a_good_and_a_bad_twin)
{
    static const struct law_case cases[] = {
        { LAW_REGIONS, "[SG, MY, TH]", "[SG, MY]", "[]", BAD },
        { LAW_REGIONS, "[SG, MY, TH]", NULL, "[SG, SG]", BAD },
        { LAW_REGIONS, "[SG, MY, TH]", NULL, "[WORLD]", BAD },
        { LAW_REGIONS, "[SG, MY, TH]", NULL, "SG", BAD },
        { LAW_DATA_TERMS, "[SG, \"group:asean-2\"]", "[WORLD]", "[world]", BAD },
        { LAW_DATA_TERMS, "[SG, \"group:asean-2\"]", "[WORLD, CN]", "[SG, SG]", BAD },
        { LAW_DATA_TERMS, "[SG, \"group:asean-2\"]", NULL, "[\"group:asean-3\"]",
          REGISTRY_RULE_REG_UNKNOWN_REF },
        { LAW_DATA_TERMS, "[SG, \"group:asean-2\"]", "[]", "[[SG]]", BAD },
        { LAW_DATA_TERMS, "[health, financial]", "[]", "[health, health]", BAD },
        { LAW_DATA_TERMS, "[health, financial]", NULL, "[wealth]", BAD },
        { LAW_DATA_TERMS, "[op]", "[op, v1]", "[op, op]", REGISTRY_RULE_REG_DUPLICATE_ID },
        { LAW_ZONES, "[landing-1]", "[landing-1, landing-2]", "[7, \"\"]", BAD },
        { 0, "[api.v1.test]", "[api.v1.test, \"*.v1.test\"]", "[\"*.test\"]", BAD },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(the_world_is_all_but_one_and_groups_are_their_members)
{
    struct registry *registry = law_load();
    const struct country_set *locations = &registry->data_terms[0].locations;
    CHECK(country_set_has(locations, country_from(STR("TH"))));
    CHECK(country_set_has(locations, country_from(STR("SG"))));
    CHECK(!country_set_has(locations, country_from(STR("ID"))));
    const struct registry_lane *lane = &registry->lanes[0];
    CHECK(country_set_has(&lane->to, country_from(STR("CN"))));
    CHECK(country_set_has(&lane->to, country_from(STR("US"))));
    CHECK(!country_set_has(&lane->from, country_from(STR("US"))));
    CHECK_EQ(lane->mechanisms,
             1U << REGISTRY_MECHANISM_CONTRACT_PDPA26 | 1U << REGISTRY_MECHANISM_TIA);
    registry_unref(registry);
}
