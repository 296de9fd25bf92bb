#include "base/near.h"

#include "harness.h"

struct near_case {
    const char *a;
    const char *b;
    size_t distance;
    bool near;
};

TEST(the_distance_counts_changes_and_swaps)
{
    static const struct near_case cases[] = {
        { "", "", 0, true },
        { "threads", "threads", 0, true },
        { "threads", "thread", 1, true },
        { "thraeds", "threads", 1, true },
        { "registry", "registery", 1, true },
        { "abc", "", 3, false },
        { "store", "geo", 4, false },
        { "aurora-large", "aurora-small", 5, false },
        { "aurora-large", "aurora-lagre", 1, true },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct str a = str_from(cases[i].a);
        struct str b = str_from(cases[i].b);
        CHECK_EQ(near_distance(a, b), cases[i].distance);
        CHECK_EQ(near_distance(b, a), cases[i].distance);
        CHECK(near_enough(a, b, cases[i].distance) == cases[i].near);
    }
}

TEST(a_word_that_is_too_long_is_near_to_nothing)
{
    char text[NEAR_LEN_MAX + 1];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = 'a';
    }
    struct str longest = { text, NEAR_LEN_MAX };
    struct str longer = { text, NEAR_LEN_MAX + 1 };
    CHECK_EQ(near_distance(longest, longest), 0);
    CHECK(near_distance(longest, longer) == SIZE_MAX);
    CHECK(near_distance(longer, STR("a")) == SIZE_MAX);
    CHECK(!near_enough(longer, STR("a"), SIZE_MAX));
}
