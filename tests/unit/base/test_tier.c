#include "base/tier.h"

#include "harness.h"

TEST(every_vendors_word_has_its_tier)
{
    static const struct {
        const char *json;
        enum tier tier;
    } cases[] = {
        { "", TIER_UNSAID },
        { "null", TIER_UNSAID },
        { "\"auto\"", TIER_UNSAID },
        { "\"default\"", TIER_STANDARD },
        { "\"standard\"", TIER_STANDARD },
        { "\"standard_only\"", TIER_STANDARD },
        { "\"ON_DEMAND\"", TIER_STANDARD },
        { "\"TRAFFIC_TYPE_UNSPECIFIED\"", TIER_UNSAID },
        { "\"flex\"", TIER_FLEX },
        { "\"ON_DEMAND_FLEX\"", TIER_FLEX },
        { "\"priority\"", TIER_PRIORITY },
        { "\"PRIORITY\"", TIER_PRIORITY },
        { "\"ON_DEMAND_PRIORITY\"", TIER_PRIORITY },
        { "\"scale\"", TIER_SCALE },
        { "\"PROVISIONED_THROUGHPUT\"", TIER_SCALE },
        { "\"fast\"", TIER_FAST },
        { "\"batch\"", TIER_BATCH },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        CHECK_EQ(tier_of_json(str_from(cases[i].json)), cases[i].tier);
    }
}

TEST(what_is_no_tier_is_unknown_and_not_the_ordinary_one)
{
    static const char *const bad[] = {
        "\"\"",
        "\"turbo\"",
        "\"priority \"",
        "\"pri\\u006frity\"",
        "\"unsaid\"",
        "\"unknown\"",
        "true",
        "2",
        "[\"flex\"]",
        "\"",
        "{}",
        "priority",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK_EQ(tier_of_json(str_from(bad[i])), TIER_UNKNOWN);
    }
}

TEST(a_price_book_says_names_alone)
{
    for (unsigned i = TIER_STANDARD; i < TIER_COUNT; i++) {
        CHECK_EQ(tier_named(str_from(tier_name((enum tier)i))), i);
    }
    CHECK_EQ(tier_named(STR("Priority")), TIER_UNKNOWN);
    CHECK_EQ(tier_named(STR("auto")), TIER_UNKNOWN);
    CHECK_EQ(tier_named(STR("unsaid")), TIER_UNKNOWN);
    CHECK_EQ(tier_named(STR("unknown")), TIER_UNKNOWN);
    CHECK(tier_is_ordinary(TIER_UNSAID) && tier_is_ordinary(TIER_STANDARD));
    CHECK(!tier_is_ordinary(TIER_UNKNOWN) && !tier_is_ordinary(TIER_FLEX));
}
