#include "dialect/sentence.h"

#include "harness.h"

/* All sentences of `text`, fed in pieces of `step` bytes, a '|' behind each. */
static void cut(struct str text, size_t step, struct buf *out)
{
    struct sentence sentence;
    struct str found;
    sentence_init(&sentence);
    while (text.len > 0) {
        struct str piece = str_slice(text, 0, text.len < step ? text.len : step);
        text = str_from_at(text, piece.len);
        CHECK(sentence_feed(&sentence, test_at_page_end(piece)) == ERR_OK);
        while (sentence_next(&sentence, text.len == 0, &found)) {
            CHECK(found.len > 0 && found.len <= SENTENCE_MAX);
            CHECK(buf_append(out, found) == ERR_OK);
            CHECK(buf_byte(out, '|') == ERR_OK);
        }
    }
    sentence_fini(&sentence);
}

static void check_cut(struct str text, struct str want)
{
    for (size_t step = 1; step <= text.len; step++) {
        struct buf out;
        buf_init(&out, 65536);
        cut(text, step, &out);
        CHECK_STR(buf_str(&out), want);
        buf_fini(&out);
    }
}

TEST(sentences_are_cut_where_they_end_however_they_come)
{
    check_cut(STR("Hello there. How are you? Fine!"), STR("Hello there.|How are you?|Fine!|"));
    check_cut(STR("Pi is 3.14, e.g. roughly"), STR("Pi is 3.14, e.g.|roughly|"));
    check_cut(STR("He said \"Stop.\" Then he left... So?! Yes"),
              STR("He said \"Stop.\"|Then he left...|So?!|Yes|"));
    check_cut(STR("One\nTwo\r\n\nThree"), STR("One|Two|Three|"));
    check_cut(STR("你好。今天「很好！」明天？下雨"), STR("你好。|今天「很好！」|明天？|下雨|"));
    check_cut(STR("Ça va bien\xE2\x80\xA6 oui"), STR("Ça va bien\xE2\x80\xA6|oui|"));
    check_cut(STR("Привет! Как дела?"), STR("Привет!|Как дела?|"));
}

TEST(what_has_no_word_is_not_spoken)
{
    check_cut(STR("*** \n--- ... !\n\xF0\x9F\x98\x80\n7"), STR("7|"));
    check_cut(STR("\xF0\x9F\x98\x80"), STR_EMPTY);
    check_cut(STR("\xEF\xBC\x81\xE2\x80\x94\xE3\x80\x82"), STR_EMPTY);
    check_cut(STR("   \t \r\n "), STR_EMPTY);
}

TEST(what_goes_on_and_on_is_cut_behind_a_comma_or_space_or_between_characters)
{
    struct buf text;
    struct buf out;
    buf_init(&text, 65536);
    buf_init(&out, 65536);
    for (int i = 0; i < 90; i++) {
        CHECK(buf_append(&text, STR("word, ")) == ERR_OK);
    }
    cut(buf_str(&text), 7, &out);
    CHECK_EQ(str_find(buf_str(&out), '|'), 395); /* 66 words, the space behind the last one off */
    buf_reset(&text);
    buf_reset(&out);
    for (int i = 0; i < 300; i++) {
        CHECK(buf_append(&text, STR("\xE5\xA5\xBD")) == ERR_OK);
    }
    cut(buf_str(&text), 1, &out);
    CHECK_EQ(str_find(buf_str(&out), '|'), 399);
    CHECK_EQ(out.len, 903);
    buf_fini(&text);
    buf_fini(&out);
}

TEST(bytes_that_are_no_text_are_cut_somewhere_too)
{
    struct buf out;
    char bytes[1024];
    memset(bytes, 0xFF, sizeof(bytes));
    bytes[0] = 'a';
    bytes[sizeof(bytes) - 1] = 'z';
    buf_init(&out, 65536);
    cut((struct str){ bytes, sizeof(bytes) }, 100, &out);
    CHECK(str_ends(buf_str(&out), STR("z|")));
    CHECK_EQ(str_find(buf_str(&out), '|'), SENTENCE_MAX - 3); /* whole "characters" of four */
    buf_fini(&out);
}

TEST(what_was_cut_stays_where_it_is_until_more_comes)
{
    struct sentence sentence;
    struct str first;
    struct str second;
    sentence_init(&sentence);
    CHECK(sentence_feed(&sentence, STR("One.\n\n\nTwo.\nThr")) == ERR_OK);
    CHECK(sentence_next(&sentence, false, &first));
    CHECK(sentence_next(&sentence, false, &second));
    CHECK_STR(first, STR("One."));
    CHECK_STR(second, STR("Two."));
    CHECK(!sentence_next(&sentence, false, &first));
    CHECK(sentence_feed(&sentence, STR("ee.")) == ERR_OK);
    CHECK_EQ(sentence.text.len, 6); /* what was taken is gone */
    CHECK(sentence_next(&sentence, true, &first));
    CHECK_STR(first, STR("Three."));
    CHECK(!sentence_next(&sentence, true, &first));
    sentence_fini(&sentence);
}

static void cut_some(void)
{
    struct sentence sentence;
    struct str found;
    sentence_init(&sentence);
    if (sentence_feed(&sentence, STR("One. Two.")) == ERR_OK) {
        CHECK(sentence_next(&sentence, true, &found));
    }
    sentence_fini(&sentence);
}

TEST(without_memory_nothing_is_cut_and_nothing_lost)
{
    CHECK(test_each_allocation_failing(cut_some) > 1);
}
