#include "meter/code.h"

#include "harness.h"

static void check_read(struct str text, uint32_t code, unsigned length)
{
    struct str at_end = test_at_page_end(text);
    const uint8_t *at = (const uint8_t *)at_end.ptr;
    unsigned got = 0;
    CHECK_EQ(code_read(at, at + at_end.len, &got), code);
    CHECK_EQ(got, length);
}

TEST(code_points_are_read_and_broken_bytes_are_the_replacement)
{
    check_read(STR("a"), 'a', 1);
    check_read(STR("\xC2\x80"), 0x80, 2);
    check_read(STR("\xE4\xB8\xAD"), 0x4E2D, 3);
    check_read(STR("\xF4\x8F\xBF\xBF"), 0x10FFFF, 4);
    check_read(STR("\xF0\x90\x80"), 0xFFFD, 1);
    check_read(STR("\xED\xA0\x80"), 0xFFFD, 1);
    check_read(STR("\xC0\xAF"), 0xFFFD, 1);
    check_read(STR("\x80"), 0xFFFD, 1);
}

TEST(one_replacement_stands_for_a_maximal_part)
{
    /* The examples of Unicode 16, tables 3-8 to 3-11. */
    CHECK_EQ(code_broken(STR("\xC0\xAF"), true), 1);
    CHECK_EQ(code_broken(STR("\xE0\x80\xBF"), true), 1);
    CHECK_EQ(code_broken(STR("\xF0\x81\x82"), true), 1);
    CHECK_EQ(code_broken(STR("\xED\xA0\x80"), true), 1);
    CHECK_EQ(code_broken(STR("\xF4\x91\x92\x93"), true), 1);
    CHECK_EQ(code_broken(STR("\xFF"), true), 1);
    CHECK_EQ(code_broken(STR("\xE1\x80\xE2"), true), 2);
    CHECK_EQ(code_broken(STR("\xF0\x91\x92"
                             "a"),
                         true),
             3);
    CHECK_EQ(code_broken(STR("\xF1\xBF"), true), 2);
}

TEST(the_beginning_of_a_character_waits_for_its_rest)
{
    CHECK_EQ(code_broken(STR("\xE1"), false), 0);
    CHECK_EQ(code_broken(STR("\xF1\xBF\xBF"), false), 0);
    CHECK_EQ(code_broken(STR("\xE1"), true), 1);
    CHECK_EQ(code_broken(STR("\xE0\x80"), false), 1);
    CHECK_EQ(code_broken(STR("\xC0"), false), 1);
}

TEST(the_last_character_is_found)
{
    CHECK_EQ(code_last(STR("a")), 0);
    CHECK_EQ(code_last(STR("ab")), 1);
    CHECK_EQ(code_last(STR("a\xF4\x8F\xBF\xBF")), 1);
}
