#include "meter/special.h"

#include <string.h>

#include "classes.h"
#include "harness.h"

/* Ordered by text. */
static const struct vocab_special items[] = {
    { .text = STR_INIT("\n"), .id = 1 },
    { .text = STR_INIT("\n\n"), .id = 2 },
    { .text = STR_INIT("\n\n\n\n"), .id = 3 },
    { .text = STR_INIT("<a>"), .id = 4, .control = true, .rstrip = true },
    { .text = STR_INIT("<b>"), .id = 5, .lstrip = true },
    { .text = STR_INIT("<b>c"), .id = 6, .control = true },
    { .text = STR_INIT("\xE2\x96\x81\xE2\x96\x81"), .id = 7 },
};

static struct special *make(size_t from, size_t count)
{
    struct special *special = NULL;
    CHECK(special_create(items + from, count, classes_table(), &special) == ERR_OK);
    return special;
}

/* What is found first: kind, begin, end, id. */
static void check(const struct special *special, struct str text, bool parsed, bool over,
                  struct special_match want)
{
    struct special_match got = special_find(special, test_at_page_end(text), 0, parsed, over);
    CHECK_EQ(got.found, want.found);
    CHECK_EQ(got.start, want.start);
    if (want.found == SPECIAL_MATCH) {
        CHECK_EQ(got.end, want.end);
        CHECK(got.which == want.which);
    }
}

TEST(the_leftmost_and_of_those_the_longest_is_found)
{
    struct special *special = make(0, EP_ARRAY_LEN(items));
    check(special, STR("ab<a>"), true, true,
          (struct special_match){ SPECIAL_MATCH, 2, 5, &items[3] });
    check(special, STR("<b>cd"), true, true,
          (struct special_match){ SPECIAL_MATCH, 0, 4, &items[5] });
    check(special, STR("\n\n\nx"), true, true,
          (struct special_match){ SPECIAL_MATCH, 0, 2, &items[1] });
    check(special, STR("x\n"), false, true,
          (struct special_match){ SPECIAL_MATCH, 1, 2, &items[0] });
    check(special, STR("<<b<\xE2\x96\x81"), true, true,
          (struct special_match){ .found = SPECIAL_NONE, .start = 7 });
    check(special, STR(""), true, true, (struct special_match){ .found = SPECIAL_NONE });
    special_destroy(special);
    special_destroy(NULL);
}

TEST(control_tokens_are_text_unless_parsed)
{
    struct special *special = make(0, EP_ARRAY_LEN(items));
    check(special, STR("<a>"), false, true,
          (struct special_match){ .found = SPECIAL_NONE, .start = 3 });
    check(special, STR("<b>cd"), false, true,
          (struct special_match){ SPECIAL_MATCH, 0, 3, &items[4] });
    special_destroy(special);
}

TEST(white_space_beside_a_token_belongs_to_it_where_it_says_so)
{
    struct special *special = make(3, 3);
    check(special, STR("a \xE3\x80\x80<b> "), true, true,
          (struct special_match){ SPECIAL_MATCH, 1, 8, &items[4] });
    check(special, STR("a <a> \xE3\x80\x80 b"), true, true,
          (struct special_match){ SPECIAL_MATCH, 2, 10, &items[3] });
    check(special, STR("\xE2\x80\xA9<b>"), true, true,
          (struct special_match){ SPECIAL_MATCH, 0, 6, &items[4] });
    /* Not the white space of the token before. */
    struct str text = STR("<a> <b>");
    struct special_match first = special_find(special, text, 0, true, true);
    CHECK_EQ(first.end, 4);
    CHECK_EQ(special_find(special, text, first.end, true, true).start, 4);
    special_destroy(special);
}

TEST(what_may_become_a_token_is_open)
{
    struct special *special = make(0, 2);
    check(special, STR("a\n"), true, false,
          (struct special_match){ .found = SPECIAL_OPEN, .start = 1 });
    check(special, STR("a\n\n"), true, false,
          (struct special_match){ SPECIAL_MATCH, 1, 3, &items[1] });
    check(special, STR("a"), true, false,
          (struct special_match){ .found = SPECIAL_NONE, .start = 1 });
    special_destroy(special);
    special = make(3, 3);
    check(special, STR("a <"), true, false,
          (struct special_match){ .found = SPECIAL_OPEN, .start = 1 });
    check(special, STR("a  "), true, false,
          (struct special_match){ .found = SPECIAL_OPEN, .start = 1 });
    check(special, STR("a<a> "), true, false,
          (struct special_match){ .found = SPECIAL_OPEN, .start = 1 });
    check(special, STR("a<a> b"), true, false,
          (struct special_match){ SPECIAL_MATCH, 1, 5, &items[3] });
    check(special, STR("a<b>c"), false, false,
          (struct special_match){ SPECIAL_MATCH, 1, 4, &items[4] });
    check(special, STR("a<b>"), true, false,
          (struct special_match){ .found = SPECIAL_OPEN, .start = 1 });
    special_destroy(special);
}

/* Text without first bytes is passed over in words: with one of them, with two, and with three,
 * where it is not, at every place and at the end of the page. */
TEST(a_token_is_found_at_every_place)
{
    static const size_t counts[][2] = { { 3, 1 }, { 0, 4 }, { 0, 7 }, { 3, 4 } };
    char text[40];
    for (size_t i = 0; i < EP_ARRAY_LEN(counts); i++) {
        struct special *special = make(counts[i][0], counts[i][1]);
        for (size_t at = 0; at + 3 <= sizeof(text); at++) {
            for (size_t len = at + 3; len <= sizeof(text); len++) {
                memset(text, 'x', sizeof(text));
                memcpy(text + at, "<a>", 3);
                check(special, (struct str){ text, len }, true, true,
                      (struct special_match){ SPECIAL_MATCH, at, at + 3, &items[3] });
                text[at + 1] = '<'; /* a first byte, and no token */
                check(special, (struct str){ text, len }, true, true,
                      (struct special_match){ .found = SPECIAL_NONE, .start = len });
            }
        }
        special_destroy(special);
    }
}

TEST(no_specials_find_nothing)
{
    struct special *special = make(0, 0);
    check(special, STR("<a>\n"), true, false,
          (struct special_match){ .found = SPECIAL_NONE, .start = 4 });
    special_destroy(special);
}

/* What is final of a text that goes on is what the whole text has. */
TEST(no_match_changes_when_the_text_goes_on)
{
    static const char *const parts[] = { "<",   "a",   ">",   "b", "c", "\n", " ", "\xE2\x96\x81",
                                         "<a>", "<b>", "\xE2" };
    struct special *special = make(0, EP_ARRAY_LEN(items));
    uint64_t random = 3;
    for (int round = 0; round < 30000; round++) {
        char text[64];
        size_t len = 0;
        while (len < 24) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
            const char *part = parts[(random >> 33) % EP_ARRAY_LEN(parts)];
            memcpy(text + len, part, strlen(part));
            len += strlen(part);
        }
        struct str whole = { text, len };
        bool parsed = round % 2 == 0;
        struct special_match want = special_find(special, whole, 0, parsed, true);
        for (size_t cut = 0; cut <= len; cut++) {
            struct str begun = str_slice(whole, 0, cut);
            struct special_match got = special_find(special, begun, 0, parsed, false);
            if (got.found == SPECIAL_MATCH) {
                CHECK(got.start == want.start && got.end == want.end && got.which == want.which);
            } else {
                CHECK(got.start <= want.start || want.found == SPECIAL_NONE);
            }
        }
    }
    special_destroy(special);
}
