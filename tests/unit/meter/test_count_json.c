#include "harness.h"
#include "meter/count.h"
#include "ways.h"
#include "wire/json.h"

static uint32_t ids[9 * PLAIN_TEXT_MAX];

static void check_json(struct str json, struct str text, size_t budget)
{
    struct sample sample;
    struct token_counter *counter = NULL;
    struct count_stream stream;
    uint64_t tokens = 0;
    size_t offset = 0;
    CHECK(plain_init(&sample, &ways[0], 4));
    CHECK(token_counter_create(&sample.vocab, 4, &counter) == ERR_OK);
    count_stream_init(&stream, COUNT_PARSED);
    while (offset < json.len) {
        size_t before = offset;
        CHECK(count_stream_json(counter, &stream, json, &offset, budget) == ERR_OK);
        CHECK(offset > before && offset <= json.len);
        CHECK(offset - before <= budget + 14); /* an escape is not cut, nor a quote left */
    }
    CHECK(count_stream_now(counter, &stream, &tokens) == ERR_OK);
    CHECK_EQ(tokens, plain_encode(&sample, text, COUNT_PARSED, ids));
    count_stream_fini(&stream);
    token_counter_destroy(counter);
    sample_fini(&sample);
}

TEST(a_json_string_counts_as_the_text_it_stands_for)
{
    static const struct {
        struct str json;
        struct str text;
    } cases[] = {
        { STR_INIT("\"\""), STR_INIT("") },
        { STR_INIT("\"ab it's\""), STR_INIT("ab it's") },
        { STR_INIT("\"\\\\\\\"\\/\\b\\f\\n\\r\\t\""), STR_INIT("\\\"/\b\f\n\r\t") },
        { STR_INIT("\"<\\u007ca|\\u003e\\u00e9\""), STR_INIT("<|a|>\xC3\xA9") },
        { STR_INIT("\"a\\ud83d\\ude00b\""), STR_INIT("a\xF0\x9F\x98\x80"
                                                     "b") },
        { STR_INIT("\"a\\ud83db\\ude00\""), STR_INIT("a\xEF\xBF\xBD"
                                                     "b\xEF\xBF\xBD") },
        { STR_INIT("\"\\ud83d\\ud83d\\ude00\""), STR_INIT("\xEF\xBF\xBD\xF0\x9F\x98\x80") },
        { STR_INIT("\"\\u0000\xE4\xB8\xAD\""), STR_INIT("\0\xE4\xB8\xAD") },
        { STR_INIT("\\u0061b"), STR_INIT("ab") }, /* a part of a string's inside */
        { STR_INIT("ab"), STR_INIT("ab") },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        for (size_t budget = 1; budget < 30; budget++) {
            check_json(test_at_page_end(cases[i].json), cases[i].text, budget);
        }
    }
}

TEST(long_strings_pass_through_the_small_buffer)
{
    static char json[20000];
    static char text[PLAIN_TEXT_MAX];
    size_t len = 0;
    size_t text_len = 0;
    json[len++] = '"';
    for (size_t i = 0; text_len + 602 < PLAIN_TEXT_MAX; i++) {
        size_t plain = i * 37 % 600; /* on both sides of what is worth a copy */
        memset(json + len, 'a', plain);
        memset(text + text_len, 'a', plain);
        memcpy(json + len + plain, "\\n\\u00e9", 8);
        memcpy(text + text_len + plain, "\n\xC3\xA9", 3);
        len += plain + 8;
        text_len += plain + 3;
    }
    json[len++] = '"';
    struct json_fault fault;
    CHECK(json_check((struct str){ json, len }, &fault) == ERR_OK);
    check_json((struct str){ json, len }, (struct str){ text, text_len }, 100000);
    check_json((struct str){ json, len }, (struct str){ text, text_len }, 333);
}
