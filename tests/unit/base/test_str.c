#include "base/str.h"

#include <string.h>

#include "harness.h"

TEST(equality_is_of_bytes_and_length)
{
    CHECK(str_eq(STR("a\0b"), STR("a\0b")));
    CHECK(!str_eq(STR("a\0b"), STR("a\0c")));
    CHECK(!str_eq(STR("a"), STR("ab")));
    CHECK(str_eq(STR_EMPTY, STR("")));
    CHECK(str_eq(str_from(NULL), STR_EMPTY));
}

TEST(case_is_ignored_for_ascii_letters_alone)
{
    CHECK(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    CHECK(!str_eq_nocase(STR("["), STR("{")));
    CHECK(!str_eq_nocase(STR("\xC4"), STR("\xE4")));
    CHECK(str_starts_nocase(STR("Bearer x"), STR("bearer ")));
    CHECK(!str_starts_nocase(STR("Bear"), STR("bearer ")));
}

TEST(order_is_of_unsigned_bytes_then_length)
{
    CHECK(str_cmp(STR("a"), STR("b")) < 0);
    CHECK(str_cmp(STR("\xFF"), STR("a")) > 0);
    CHECK(str_cmp(STR("a"), STR("aa")) < 0);
    CHECK(str_cmp(STR("aa"), STR("a")) > 0);
    CHECK_EQ(str_cmp(STR_EMPTY, STR("")), 0);
}

TEST(beginnings_and_ends)
{
    CHECK(str_starts(STR("abc"), STR("ab")));
    CHECK(str_starts(STR("abc"), STR_EMPTY));
    CHECK(!str_starts(STR("ab"), STR("abc")));
    CHECK(str_ends(STR("abc"), STR("bc")));
    CHECK(str_ends(STR("abc"), STR_EMPTY));
    CHECK(!str_ends(STR("bc"), STR("abc")));
}

TEST(a_search_ends_at_the_last_byte)
{
    struct str text = test_at_page_end(STR("abcabd"));
    CHECK_EQ(str_find(text, 'd'), 5);
    CHECK_EQ(str_find(text, 'x'), 6);
    CHECK_EQ(str_find(STR_EMPTY, 'x'), 0);
    CHECK_EQ(str_search(text, STR("abd")), 3);
    CHECK_EQ(str_search(text, STR("abda")), 6);
    CHECK_EQ(str_search(text, STR_EMPTY), 0);
    CHECK_EQ(str_search(STR_EMPTY, STR("a")), 0);
}

TEST(a_cut_takes_piece_by_piece)
{
    struct str rest = STR("a,,b");
    CHECK_STR(str_cut(&rest, ','), STR("a"));
    CHECK_STR(str_cut(&rest, ','), STR(""));
    CHECK_STR(str_cut(&rest, ','), STR("b"));
    CHECK_EQ(rest.len, 0);
    CHECK_STR(str_cut(&rest, ','), STR(""));
    rest = STR("a,");
    CHECK_STR(str_cut(&rest, ','), STR("a"));
    CHECK_EQ(rest.len, 0);
}

TEST(slices_keep_to_their_bounds)
{
    CHECK_STR(str_slice(STR("abcd"), 1, 3), STR("bc"));
    CHECK_STR(str_slice(STR("abcd"), 4, 4), STR(""));
    CHECK_STR(str_from_at(STR("abcd"), 4), STR(""));
    CHECK_STR(str_from_at(STR_EMPTY, 0), STR(""));
}

TEST(trimming_takes_spaces_and_tabs_only)
{
    CHECK_STR(str_trim(STR(" \t a b \t")), STR("a b"));
    CHECK_STR(str_trim(STR("\na\n")), STR("\na\n"));
    CHECK_STR(str_trim(STR("  ")), STR(""));
}

TEST(unsigned_numbers_are_whole_and_in_range)
{
    uint64_t value = 7;
    CHECK(str_to_u64(test_at_page_end(STR("18446744073709551615")), &value));
    CHECK(value == UINT64_MAX);
    value = 7;
    const struct str bad[] = { STR_INIT("18446744073709551616"),
                               STR_INIT("99999999999999999999"),
                               STR_INIT(""),
                               STR_INIT("-1"),
                               STR_INIT("+1"),
                               STR_INIT(" 1"),
                               STR_INIT("1 "),
                               STR_INIT("0x1"),
                               STR_INIT("1e2") };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK(!str_to_u64(bad[i], &value));
        CHECK_EQ(value, 7);
    }
}

TEST(signed_numbers_reach_both_ends)
{
    int64_t value = 7;
    CHECK(str_to_i64(STR("-9223372036854775808"), &value));
    CHECK(value == INT64_MIN);
    CHECK(str_to_i64(STR("9223372036854775807"), &value));
    CHECK(value == INT64_MAX);
    CHECK(str_to_i64(STR("-0"), &value));
    CHECK_EQ(value, 0);
    CHECK(!str_to_i64(STR("9223372036854775808"), &value));
    CHECK(!str_to_i64(STR("-9223372036854775809"), &value));
    CHECK(!str_to_i64(STR("-"), &value));
    CHECK(!str_to_i64(STR("--1"), &value));
}
