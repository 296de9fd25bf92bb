#include "pieces.h"

static const struct vocab_split deepseek = { .rule = VOCAB_RULE_DEEPSEEK, .digits_max = 3 };

TEST(punctuation_before_letters_goes_with_them)
{
    pieces_check(&deepseek, "a|.bc|\xC3\xA9|.|\xC3\xA9| a|_b|(|1|)");
    pieces_check(&deepseek, "it|'s| x| !!\n\n|y");
}

TEST(numbers_and_kana_with_han_are_cut_out_first)
{
    pieces_check(&deepseek, "a|123|4|b|\xE6\x97\xA5\xE3\x81\x82|b|  |1");
    pieces_check(&deepseek, "a| |1| b|  |\xE6\x97\xA5");
    pieces_check(&deepseek, "\xE3\x82\xAB|\xE3\x83\xBB|\xE3\x82\xAB|\xE3\x80\x87|\xE3\x80\x85");
}

TEST(what_no_alternative_takes_is_a_piece)
{
    pieces_check(&deepseek, "a|\x01\x02|\x03"
                            "b|\x04|!|\x05|1");
    pieces_check(&deepseek, "\xE3\x82\x97\xE3\x82\x98|1"); /* unassigned, but in the range */
}
