#include "policy/detect_run_internal.h"

#include "harness.h"

static struct detect_run run_at(struct str text, size_t at)
{
    struct detect_run run;
    struct detect_view view = { text.ptr, text.ptr + text.len };
    detect_run_read(&run, &view, text.ptr + at);
    return run;
}

TEST(groups_are_read_with_their_gaps)
{
    struct str text = test_at_page_end(STR("no +86 - 138.1234a,9"));
    struct detect_run run = run_at(text, 4);
    CHECK_EQ(run.count, 3);
    CHECK_STR(((struct str){ run.text, run.len }), STR("861381234A"));
    CHECK_EQ(run.sign, '+');
    CHECK_EQ(run.before.mask, 0); /* the plus is no separator */
    CHECK_EQ(run.groups[0].behind.mask, DETECT_GAP_SPACE | DETECT_GAP_DASH);
    CHECK(run.groups[0].behind.digit && !run.groups[0].behind.point);
    CHECK(run.groups[1].behind.point);
    CHECK_EQ(run.groups[1].len, 5);
    CHECK(run.groups[1].digits && !run.groups[2].digits);
    CHECK_EQ(run.groups[2].behind.mask, 0);
    CHECK_EQ(run.groups[2].end, 14);
    CHECK(run.start == text.ptr + 4);
}

TEST(a_gap_has_a_digit_or_letter_on_its_other_side)
{
    struct str text = STR("a 1. 2 - ,3    4");
    struct detect_run run = run_at(text, 2);
    CHECK_EQ(run.count, 2);
    CHECK_EQ(run.before.mask, DETECT_GAP_SPACE);
    CHECK(!run.before.digit);
    CHECK_EQ(run.groups[0].behind.mask, DETECT_GAP_DOT | DETECT_GAP_SPACE);
    CHECK_EQ(run.groups[1].behind.mask, 0); /* a comma behind it */
    run = run_at(text, 10);
    CHECK_EQ(run.count, 1); /* four are too many */
    CHECK_EQ(run.before.mask, 0);
}

TEST(a_run_ends_before_a_group_that_is_too_long)
{
    struct detect_run run = run_at(STR("12 1234567890123456789012 1"), 0);
    CHECK_EQ(run.count, 2);
    CHECK_EQ(run.len, DETECT_RUN_MAX);
    run = run_at(STR("1234567890123456789012345"), 0);
    CHECK_EQ(run.count, 0);
    run = run_at(STR("12 12345678901234567890123"), 0);
    CHECK_EQ(run.count, 1);
}

TEST(a_groups_start_and_end_are_found)
{
    struct str text = STR(",abＣ1２3-");
    const char *at = text.ptr + 10; /* the 3 */
    CHECK_EQ(*at, '3');
    CHECK(detect_group_start(text.ptr, &at));
    CHECK_EQ(at - text.ptr, 1);
    CHECK_EQ(detect_group_end(at, text.ptr + text.len) - text.ptr, 11);
    text = STR("1234567890123456789012345678");
    at = text.ptr + DETECT_RUN_MAX;
    CHECK(detect_group_start(text.ptr, &at));
    at = text.ptr + DETECT_RUN_MAX + 1;
    CHECK(!detect_group_start(text.ptr, &at));
}

static bool alone(const char *text, size_t at, size_t last)
{
    struct detect_run run = run_at(str_from(text), at);
    return detect_run_alone(&run, last);
}

TEST(groups_belong_together_by_their_gaps)
{
    CHECK(alone("12", 0, 0));
    CHECK(alone("12 34", 0, 0)); /* a group is a number of its own */
    CHECK(alone("12 34", 0, 1));
    CHECK(alone("x 12 34 y", 2, 1)); /* letters around do not go on */
    CHECK(alone("12-34 56", 0, 1));
    CHECK(!alone("12 34 56", 0, 1));
    CHECK(!alone("12 34 56", 3, 1));
    CHECK(alone("12-34 56", 0, 2));
    CHECK(!alone("1-12-34 56", 2, 2)); /* not alike, and it goes on */
    CHECK(alone("1 12-34-56", 2, 2));
}

TEST(one_dot_is_a_decimal_point)
{
    CHECK(!alone("12.34", 0, 0));
    CHECK(!alone("12.34", 3, 0));
    CHECK(!alone("12.34", 0, 1));
    CHECK(alone("12.34.56", 0, 2));
    CHECK(alone("12. 34", 0, 1));
    CHECK(alone("12.a", 0, 0));
    CHECK(alone("12.", 0, 0));
}
