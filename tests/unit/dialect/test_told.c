#include "dialect/told.h"
#include "harness.h"

TEST(an_object_stands_alone)
{
    struct str body = STR(" {\"a\":1} \n");
    CHECK(told_open(&body) && str_eq(body, STR("{\"a\":1}")));
    static const struct str bad[] = { STR_INIT(""), STR_INIT("[]"), STR_INIT("\"a\""),
                                      STR_INIT("{\"a\":}"), STR_INIT("{} {}") };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        body = bad[i];
        CHECK(!told_open(&body));
    }
}

TEST(an_error_is_told_by_more_than_null)
{
    CHECK(told_error(STR("{\"error\":{}}")) && told_error(STR("{\"error\":\"\"}")));
    CHECK(!told_error(STR("{\"error\":null}")) && !told_error(STR("{}")));
}

TEST(members_of_another_kind_are_not_there)
{
    struct str object = STR("{\"o\":{\"a\":1},\"s\":\"x\",\"n\":1}");
    CHECK(str_eq(told_object(object, STR("o")), STR("{\"a\":1}")));
    CHECK(str_eq(told_string(object, STR("s")), STR("\"x\"")));
    CHECK(told_object(object, STR("s")).len == 0 && told_object(object, STR("none")).len == 0);
    CHECK(told_string(object, STR("o")).len == 0 && told_string(object, STR("n")).len == 0);
}

TEST(each_place_is_taken_once)
{
    uint64_t bits[3] = { 0 };
    for (int64_t i = 0; i < 130; i++) {
        CHECK(told_place(bits, i, 130));
    }
    for (int64_t i = 0; i < 130; i++) {
        CHECK(!told_place(bits, i, 130));
    }
    CHECK(!told_place(bits, -1, 130) && !told_place(bits, 130, 130));
}
