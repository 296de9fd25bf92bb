#include "meter/split_internal.h"

#include "pieces.h"

#define TEXT_MAX   512
#define PLAIN_SEED 7

static const enum vocab_rule plain_rules[] = { VOCAB_RULE_CL100K, VOCAB_RULE_O200K,
                                               VOCAB_RULE_TEKKEN, VOCAB_RULE_KIMI };

static uint64_t plain_random(uint64_t *random, uint64_t below)
{
    *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (*random >> 33) % below;
}

/* Words, marks and blanks as they come in prose and in code, and now and then what is not plain. */
static size_t plain_text(uint64_t *random, char *text, size_t max)
{
    static const char *const parts[] = {
        "a",
        "word",
        "Word",
        "CAPS",
        "iPhone",
        "x2",
        "1",
        "12",
        "12345",
        " ",
        " ",
        " ",
        "  ",
        "    ",
        "\t",
        "\t\t",
        "\n",
        "\n",
        "\n\n",
        "\r\n",
        ".",
        ",",
        "(",
        ")",
        "{",
        "->",
        "/",
        "//",
        "\n/",
        "!\n/",
        "'",
        "'s",
        "n't",
        "'LL",
        "b'x'",
        "\"",
        "_",
        "__",
        " \n",
        "\n  \n",
        "\f",
        "\v\n",
        "\x7F",
        "\x01",
        "\xC3\xA9",
        "\xC2\xA0",
        "\xE6\x97\xA5",
        "\xCC\x81",
        "\xC5\xBF",
    };
    const uint64_t odd = plain_random(random, 3) == 0 ? 9 : 0; /* of the last ones, how many */
    size_t len = 0;
    while (len + 8 < max) {
        const char *part = parts[plain_random(random, EP_ARRAY_LEN(parts) - 9 + odd)];
        memcpy(text + len, part, strlen(part));
        len += strlen(part);
    }
    return len;
}

static void check_text(const struct vocab_split *split, struct str text, bool over)
{
    size_t many[TEXT_MAX];
    size_t count = split_ends(split, classes_table(), text, over, many, EP_ARRAY_LEN(many));
    size_t at = 0;
    for (size_t i = 0; at < text.len; i++) {
        size_t next = split_next(split, classes_table(), text, at, over);
        if (next == 0) {
            CHECK_EQ(i, count);
            return;
        }
        if (i >= count || many[i] != next) {
            test_failed(EP_SITE, "rule %d, \"%.*s\": piece %zu from %zu to %zu, not %zu",
                        (int)split->rule, (int)text.len, text.ptr, i, at, next,
                        i < count ? many[i] : 0);
        }
        at = next;
    }
}

TEST(pieces_of_plain_text_are_those_that_the_rules_cut_one_by_one)
{
    uint64_t random = PLAIN_SEED;
    char text[TEXT_MAX];
    for (int round = 0; round < 20000; round++) {
        struct vocab_split split = {
            .rule = plain_rules[plain_random(&random, EP_ARRAY_LEN(plain_rules))],
            .digits_max = 1 + (uint32_t)plain_random(&random, VOCAB_DIGITS_MAX),
            .slash = plain_random(&random, 2) == 0,
        };
        size_t len = plain_text(&random, text, 68 + plain_random(&random, TEXT_MAX - 68));
        struct str plain = { text, len };
        check_text(&split, round % 8 == 0 ? test_at_page_end(plain) : plain, round % 2 == 0);
    }
}

TEST(no_byte_is_taken_for_another)
{
    char text[2 * SPLIT_WINDOW];
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t i = 0; i < EP_ARRAY_LEN(plain_rules); i++) {
            struct vocab_split split = { .rule = plain_rules[i], .digits_max = 3, .slash = true };
            memset(text, 'a', sizeof(text));
            memcpy(text + 8, " A1\n(.", 6);
            for (size_t at = 20; at + 4 < SPLIT_WINDOW; at += 9) {
                static const char *const around[] = { "a*b", " * ", ".*.", "1*2", "\n*\n" };
                memcpy(text + at, around[at / 9 % EP_ARRAY_LEN(around)], 3);
                text[at + 1] = (char)(unsigned char)byte;
            }
            check_text(&split, (struct str){ text, sizeof(text) }, true);
        }
    }
}

TEST(ends_are_found_up_to_what_is_not_decided)
{
    static const struct vocab_split split = { .rule = VOCAB_RULE_O200K,
                                              .digits_max = 3,
                                              .slash = true };
    static const char plain[] = "It is 12345 (or more): aB  c\n\n  xyz";
    uint8_t text[SPLIT_WINDOW];
    memset(text, 'z', sizeof(text));
    memcpy(text, plain, sizeof(plain) - 1);
    /* It| is| |123|45| (|or| more|):| a|B| | c|\n\n| | xyzz... */
    static const unsigned places[] = { 2, 5, 6, 9, 11, 13, 15, 20, 22, 24, 25, 26, 28, 30, 31 };
    uint64_t want = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(places); i++) {
        want |= UINT64_C(1) << places[i];
    }
    CHECK_EQ(split_plain(&split, text), want);
    text[22] = 0xC3; /* not plain: what is right before it may go on with it */
    CHECK_EQ(split_plain(&split, text), want & ((UINT64_C(1) << 21) - 1));
    text[0] = 0xC3;
    CHECK_EQ(split_plain(&split, text), 0);
    memset(text, ' ', sizeof(text));
    CHECK_EQ(split_plain(&split, text), 0);
}
