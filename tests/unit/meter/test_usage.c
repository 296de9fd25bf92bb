#include "meter/usage.h"

#include "harness.h"

TEST(every_class_and_unit_has_a_name_of_its_own)
{
    for (unsigned i = 0; i < USAGE_COUNT; i++) {
        CHECK(usage_name((enum usage_class)i)[0] != '\0');
        for (unsigned k = 0; k < i; k++) {
            CHECK(!str_eq(str_from(usage_name((enum usage_class)i)),
                          str_from(usage_name((enum usage_class)k))));
        }
    }
    CHECK_STR(str_from(usage_unit_name(USAGE_UNIT_WEB_SEARCH)), STR("web_search"));
    CHECK_STR(str_from(usage_unit_name(USAGE_UNIT_WEB_FETCH)), STR("web_fetch"));
    CHECK_STR(str_from(usage_unit_name(USAGE_UNIT_SOURCE)), STR("source"));
    CHECK_STR(str_from(usage_detail_name(USAGE_DETAIL_CACHED)), STR("cached"));
    CHECK_STR(str_from(usage_detail_name(USAGE_DETAIL_REASON)), STR("reasoning"));
}

TEST(each_class_is_of_one_side)
{
    struct usage usage = { .tokens = { 0 } };
    int64_t input = 0;
    int64_t output = 0;
    for (unsigned i = 0; i < USAGE_COUNT; i++) {
        usage.tokens[i] = INT64_C(1) << i;
        *(usage_is_output((enum usage_class)i) ? &output : &input) += INT64_C(1) << i;
    }
    CHECK(usage_is_output(USAGE_OUT) && usage_is_output(USAGE_OUT_IMAGE));
    CHECK(!usage_is_output(USAGE_IN) && !usage_is_output(USAGE_CACHED_IMAGE));
    CHECK_EQ(usage_sum_side(&usage, false), input);
    CHECK_EQ(usage_sum_side(&usage, true), output);
    CHECK_EQ(usage_sum(&usage), input + output);
}
