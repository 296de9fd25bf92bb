#include "pieces.h"

#define MARK "\xE2\x96\x81"

static const struct vocab_split spaces = { .rule = VOCAB_RULE_SPACES, .digits_max = 1 };

TEST(text_is_cut_before_each_run_of_marks)
{
    pieces_check(&spaces, "a|" MARK "b|" MARK MARK MARK "c.d\n|" MARK);
    pieces_check(&spaces, MARK "\xE2\x96\x82\xE2\x80\x99"
                               "a");
}

TEST(the_one_token_with_a_mark_inside_is_not_cut)
{
    pieces_check(&spaces, "<a>" MARK "</a>|" MARK "<b>|" MARK "a");
    pieces_check(&spaces, "a>|" MARK MARK "</a|" MARK "</|" MARK ">");
}
