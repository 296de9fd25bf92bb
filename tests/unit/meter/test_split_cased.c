#include "pieces.h"

static const struct vocab_split o200k = { .rule = VOCAB_RULE_O200K,
                                          .digits_max = 3,
                                          .slash = true };
static const struct vocab_split tekken = { .rule = VOCAB_RULE_TEKKEN,
                                           .digits_max = 1,
                                           .slash = true };
static const struct vocab_split kimi = { .rule = VOCAB_RULE_KIMI, .digits_max = 3 };

TEST(words_are_cut_where_the_case_rises)
{
    pieces_check(&o200k, "Hello| world|!| get|Http|Response|Code|.MAX| i|Phone");
    pieces_check(&o200k, "HTTPServer| ABC|\n|x");
    pieces_check(&o200k, "\xC7\x85"
                         "a|\xC7\x85"
                         "B");
}

TEST(an_upper_run_gives_back_to_its_last_caseless_character)
{
    pieces_check(&o200k, "\xE6\x97\xA5\xE6\x9C\xAC|ABC| \xE6\x97\xA5|ABC|.");
    pieces_check(&o200k, "\xE6\x97\xA5"
                         "ABCd|A");
    pieces_check(&o200k, "A\xCC\x81"
                         "B\xCC\x81|A|.\xCC\x81|B");
}

TEST(contractions_belong_to_the_word_before_them)
{
    pieces_check(&o200k, "it's| I'LL| \xE6\x97\xA5's| A'\xC5\xBF|B'd|d'd|x");
    pieces_check(&tekken, "it|'s| I|'LL|1|2");
}

TEST(punctuation_takes_slashes_behind_it)
{
    pieces_check(&o200k, "a|./\n/|b|//|1| !/|1");
    pieces_check(&kimi, "a|./|b|//|1| !/|1");
}

TEST(han_is_apart_in_kimi)
{
    pieces_check(&kimi, "a|\xE6\x97\xA5\xE3\x80\x87\xE2\xBA\x80|b's|.|\xE6\x97\xA5");
    pieces_check(&kimi, "!\xE2\xBA\x80|a|1\xE3\x80\x87|\xE6\x97\xA5");
    pieces_check(&kimi, "\xCC\x81|\xE6\x97\xA5\xF0\x96\xBF\xB0|\xE3\x81\x82|A");
    pieces_check(&o200k, "\xE6\x97\xA5|\xE3\x80\x87");
}
