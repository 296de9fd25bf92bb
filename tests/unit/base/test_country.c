#include <string.h>

#include "base/country.h"
#include "harness.h"

TEST(codes_are_two_capital_letters)
{
    char text[3];
    country_text(country_from(STR("CN")), text);
    CHECK(strcmp(text, "CN") == 0);
    country_text(country_from(STR("ZZ")), text);
    CHECK(strcmp(text, "ZZ") == 0);
    CHECK_EQ(country_from(STR("AA")), 1);
    CHECK_EQ(country_from(STR("cn")), COUNTRY_NONE);
    CHECK_EQ(country_from(STR("C")), COUNTRY_NONE);
    CHECK_EQ(country_from(STR("CHN")), COUNTRY_NONE);
    country_text(COUNTRY_NONE, text);
    CHECK(strcmp(text, "--") == 0);
}

TEST(lists_are_written_with_codes_that_a_country_has)
{
    static const char *const wrong[] = { "UK", "EU", "ZZ", "AA", "AB", "cn", "C", "CHN", "", "XX" };
    static const char *const right[] = { "AD", "CN", "GB", "HK", "MO", "TW", "XK", "ZW" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_EQ(country_assigned(str_from(wrong[i])), COUNTRY_NONE);
    }
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        CHECK_EQ(country_assigned(str_from(right[i])), country_from(str_from(right[i])));
    }
    size_t count = 0;
    for (country_t code = 1; code <= COUNTRY_CODES; code++) {
        char text[3];
        country_text(code, text);
        count += country_assigned(str_from(text)) != COUNTRY_NONE;
    }
    CHECK_EQ(count, 250);
}

TEST(the_world_is_without_the_mainland)
{
    struct country_set world;
    country_set_world(&world);
    CHECK(!country_set_has(&world, country_from(STR("CN"))));
    CHECK(country_set_has(&world, country_from(STR("HK"))));
    CHECK(country_set_has(&world, country_from(STR("ZZ"))));
    CHECK(!country_set_has(&world, COUNTRY_NONE));
}

TEST(sets_are_compared_and_joined)
{
    struct country_set a = { .words = { 0 } };
    struct country_set b = { .words = { 0 } };
    CHECK(country_set_is_empty(&a));
    country_set_add(&a, country_from(STR("SG")));
    country_set_add(&b, country_from(STR("SG")));
    country_set_add(&b, country_from(STR("MY")));
    CHECK(country_set_within(&a, &b));
    CHECK(!country_set_within(&b, &a));
    CHECK_EQ(country_set_first_outside(&b, &a), country_from(STR("MY")));
    CHECK_EQ(country_set_first_outside(&a, &b), COUNTRY_NONE);
    CHECK_EQ(country_set_next(&b, COUNTRY_NONE), country_from(STR("MY")));
    CHECK_EQ(country_set_next(&b, (country_t)(country_from(STR("MY")) + 1)),
             country_from(STR("SG")));
    country_set_and(&b, &a);
    CHECK(country_set_within(&b, &a));
    country_set_minus(&b, &a);
    CHECK(country_set_is_empty(&b));
    country_set_or(&b, &a);
    CHECK(country_set_has(&b, country_from(STR("SG"))));
}
