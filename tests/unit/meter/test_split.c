#include "meter/split.h"

#include "pieces.h"

static const struct vocab_split cl100k = { .rule = VOCAB_RULE_CL100K, .digits_max = 3 };
static const struct vocab_split single = { .rule = VOCAB_RULE_CL100K, .digits_max = 1 };

TEST(words_take_one_character_before_them)
{
    pieces_check(&cl100k, "Hello| world|!");
    pieces_check(&cl100k, "a|.b|\tc| d|\xC2\xA0"
                          "e");
    pieces_check(&cl100k, "a| |1|b|\n|c");
    pieces_check(&cl100k, "a|\xEF\xBF\xBD"
                          "b|\xF0\x9F\x98\x80\xF0\x9F\x98\x80|b");
    pieces_check(&cl100k, "\xE6\x97\xA5\xE6\x9C\xAC"
                          "a| \xE0\xB8\x81|\xE0\xB8\xB1\xE0\xB8\x81");
}

TEST(contractions_are_pieces_in_any_case)
{
    pieces_check(&cl100k, "it|'s|,| I|'LL|,| we|'ve|,| they|'Re|'d|'t|'m");
    pieces_check(&cl100k, "a|'s|t|'\xC5\xBF|t"); /* a long s folds to an s */
    pieces_check(&cl100k, "a|'l|'ll|'le|'v|'ve|x|'q");
    pieces_check(&cl100k, "a| '|s|''|s");
}

TEST(numbers_are_cut_into_threes_or_ones)
{
    pieces_check(&cl100k, "123|456|7| |12");
    pieces_check(&single, "1|2|3| |\xD9\xA3|\xC2\xBD|a");
    pieces_check(&cl100k, "1\xE2\x85\xA7"
                          "2|3|x");
}

TEST(punctuation_takes_a_space_before_and_newlines_behind)
{
    pieces_check(&cl100k, "a| ...\n\n|b|?!\r\n|/\n|/c");
    pieces_check(&cl100k, " \xCC\x81\x01\x7F| b");
}

TEST(white_space_leaves_its_last_to_the_word)
{
    pieces_check(&cl100k, "a|  | b|   ");
    pieces_check(&cl100k, "a| \n \r\n| | b|\n|  ");
    pieces_check(&cl100k, "a|\xE3\x80\x80|\xE3\x80\x80"
                          "b| |\t|1");
    pieces_check(&cl100k, " ");
}

TEST(broken_bytes_are_a_character_each)
{
    pieces_check(&cl100k, "a|\xFF"
                          "b|\xFF\xFE|b|\xE6\x97| |1");
}

/* Text of any bytes: pieces follow each other to the end, and what is final before the end is what
 * the whole text has. */
TEST(no_cut_changes_when_the_text_goes_on)
{
    static const char *const parts[] = { "a",        "B", " ",  "\n",       "'s",
                                         "1",        "/", "\r", "\xCC\x81", "\xE6\x97\xA5",
                                         "'",        "!", "ll", "\xFF",     "\xE2\x96\x81",
                                         "\xC5\xBF", ">", "</" };
    uint64_t random = 1;
    for (int round = 0; round < 20000; round++) {
        struct vocab_split split = { .rule = (enum vocab_rule)(round % VOCAB_RULE_COUNT),
                                     .digits_max = 3,
                                     .slash = round % 2 == 0 };
        char text[64];
        size_t len = 0;
        while (len < 40) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
            const char *part = parts[(random >> 33) % EP_ARRAY_LEN(parts)];
            memcpy(text + len, part, strlen(part));
            len += strlen(part);
        }
        size_t cut = (random >> 20) % len + 1;
        size_t at = 0;
        bool certain = true;
        while (at < len) {
            size_t next = split_next(&split, classes_table(), (struct str){ text, len }, at, true);
            CHECK(next > at && next <= len);
            size_t early = certain && at < cut ? split_next(&split, classes_table(),
                                                            (struct str){ text, cut }, at, false)
                                               : 0;
            certain = early != 0;
            CHECK(!certain || early == next);
            at = next;
        }
    }
}
