#include "base/model_name.h"

#include "harness.h"

TEST(what_does_not_count_is_dropped)
{
    static const struct {
        const char *name;
        const char *counts;
    } cases[] = {
        { "m-beta", "m-beta" },
        { "M-Beta", "M-Beta" },
        { "chan/m-beta-20260901", "m-beta" },
        { "chan/m-beta-2026-09-01", "m-beta" },
        { "a/b/m-beta", "m-beta" },
        { "m-beta:free", "m-beta" },
        { "m-beta:free:more", "m-beta" },
        { "chan/m-beta-20260901:free", "m-beta" },
        { "m-beta-latest", "m-beta" },
        { "m-beta-LATEST:x", "m-beta" },
        { "m-beta-20260901-latest", "m-beta" },
        /* what says which model it is stays */
        { "m-beta-mini", "m-beta-mini" },
        { "m-beta-2", "m-beta-2" },
        { "m-beta-v2.1", "m-beta-v2.1" },
        { "m-beta-latest-mini", "m-beta-latest-mini" },
        { "m-beta-latest-20260901", "m-beta-latest" },
        { "m-beta-202609", "m-beta-202609" },
        { "m-beta-20261301", "m-beta-20261301" },
        { "m-beta-20260932", "m-beta-20260932" },
        { "m-beta-20260900", "m-beta-20260900" },
        { "m-beta-19991231", "m-beta-19991231" },
        { "m-beta-21000101", "m-beta-21000101" },
        { "m-beta-2026x901", "m-beta-2026x901" },
        { "m-beta-2026-9-01", "m-beta-2026-9-01" },
        { "m-beta-2026-09-01-01", "m-beta-2026-09-01-01" },
        { "m-beta20260901", "m-beta20260901" },
        { "m-beta 20260901", "m-beta 20260901" },
        { "m-beta-20260901-20260902", "m-beta-20260901" },
        { " m-beta", " m-beta" },
        /* and nothing at all may be left */
        { "", "" },
        { "/", "" },
        { "chan/", "" },
        { ":free", "" },
        { "-latest", "" },
        { "-20260901", "" },
        { "-2026-09-01", "" },
        { "a:b/c", "c" },
        { "\xff\xfe/\xff", "\xff" },
        { "m-b\xc3\xa9ta-20260901", "m-b\xc3\xa9ta" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        CHECK_STR(model_name_normalise(str_from(cases[i].name)), str_from(cases[i].counts));
    }
}

TEST(names_are_the_same_in_both_cases_and_on_both_sides)
{
    CHECK(model_name_same(STR("Chan/M-BETA-20260901"), STR("m-beta")));
    CHECK(model_name_same(STR("m-beta"), STR("vendor/m-beta:free")));
    CHECK(!model_name_same(STR("m-beta-mini"), STR("m-beta")));
    CHECK(!model_name_same(STR("m-bet"), STR("m-beta")));
    CHECK(!model_name_same(STR(""), STR("")));
    CHECK(!model_name_same(STR("/"), STR(":x")));
    /* letters beyond ASCII are what they are: no two ways of writing one are the same */
    CHECK(!model_name_same(STR("m-b\xc3\x89ta"), STR("m-b\xc3\xa9ta")));
    CHECK(!model_name_same(STR("m-\xd0\xb2"), STR("m-b")));
}

TEST(a_name_may_end_anywhere)
{
    struct str name = STR("chan/m-beta-2026-09-01-latest:free");
    for (size_t len = 0; len <= name.len; len++) {
        struct str counts = model_name_normalise(str_slice(name, 0, len));
        CHECK(counts.len <= len);
        CHECK(str_search(counts, STR("/")) == counts.len);
    }
}
