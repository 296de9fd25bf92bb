#include "meter/span.h"

#include "harness.h"

TEST(white_space_is_cut_off_both_ends_however_it_is_written)
{
    CHECK_STR(span_trim(STR(" \\n\\t a b \\u3000\xC2\xA0\\f "), SPAN_BOTH), STR("a b"));
    CHECK_STR(span_trim(STR(" a "), SPAN_LEFT), STR("a "));
    CHECK_STR(span_trim(STR(" a "), SPAN_RIGHT), STR(" a"));
    CHECK_STR(span_trim(STR(" a "), SPAN_KEEP), STR(" a "));
    CHECK_STR(span_trim(STR("\\n a \\n\\n"), SPAN_BOTH | SPAN_LINES), STR(" a "));
    CHECK_STR(span_trim(STR("\\n a  "), SPAN_RIGHT | SPAN_SPACES), STR("\\n a"));
    CHECK_EQ(span_trim(STR(" \\u2028\\u001f\xE2\x80\x8A"), SPAN_BOTH).len, 0);
    CHECK_EQ(span_trim(STR_EMPTY, SPAN_BOTH).len, 0);
}

TEST(a_backslash_before_a_letter_is_no_white_space)
{
    CHECK_STR(span_trim(STR("a\\\\n"), SPAN_BOTH), STR("a\\\\n"));
    CHECK_STR(span_trim(STR("a\\\\\\n"), SPAN_BOTH), STR("a\\\\"));
    CHECK_STR(span_trim(STR("a\\\\u0020"), SPAN_BOTH), STR("a\\\\u0020"));
    CHECK_STR(span_trim(STR("\\u200b "), SPAN_BOTH), STR("\\u200b"));
    CHECK_STR(span_trim(STR("a\xE2\x80\x8B"), SPAN_BOTH), STR("a\xE2\x80\x8B"));
    CHECK_STR(span_trim(STR("\\ud83d\\ude00 "), SPAN_BOTH), STR("\\ud83d\\ude00"));
}

TEST(a_text_is_found_at_the_ends_however_it_is_written)
{
    CHECK(span_starts(STR("\\u003ctool>x"), STR("<tool>")));
    CHECK(!span_starts(STR("<tool"), STR("<tool>")));
    CHECK(span_ends(STR("x<\\/tool>"), STR("</tool>")));
    CHECK(span_ends(STR("x</tool\\u003e"), STR("</tool>")));
    CHECK(!span_ends(STR("tool>"), STR("</tool>")));
    CHECK(!span_ends(STR("x</tool>."), STR("</tool>")));
}

TEST(a_text_is_split_at_the_first_and_at_the_last_mark)
{
    struct str before = STR_EMPTY;
    struct str behind = STR_EMPTY;
    struct str span = STR("a<b><\\/think>c\\\\n</think>d<\\u002fthink>e</thin");
    CHECK(span_split(span, STR("</think>"), &before, &behind));
    CHECK_STR(before, STR("a<b>"));
    CHECK_STR(behind, STR("c\\\\n</think>d<\\u002fthink>e</thin"));
    CHECK(span_split_last(span, STR("</think>"), &before, &behind));
    CHECK_STR(before, STR("a<b><\\/think>c\\\\n</think>d"));
    CHECK_STR(behind, STR("e</thin"));
    CHECK(!span_split(STR("a</thin"), STR("</think>"), &before, &behind));
    CHECK(!span_split(STR_EMPTY, STR("</think>"), &before, &behind));
    CHECK(span_split(test_at_page_end(STR("</think>")), STR("</think>"), &before, &behind));
    CHECK_EQ(before.len + behind.len, 0);
}
