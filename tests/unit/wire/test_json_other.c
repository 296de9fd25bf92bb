/* Our scanner beside another implementation, on texts made by hand and by mutation. */
/* Both name their kinds alike; theirs are not used here. */
#define JSON_NULL   JANSSON_NULL
#define JSON_FALSE  JANSSON_FALSE
#define JSON_TRUE   JANSSON_TRUE
#define JSON_STRING JANSSON_STRING
#define JSON_ARRAY  JANSSON_ARRAY
#define JSON_OBJECT JANSSON_OBJECT
#include <jansson.h>
#undef JSON_NULL
#undef JSON_FALSE
#undef JSON_TRUE
#undef JSON_STRING
#undef JSON_ARRAY
#undef JSON_OBJECT

#include <string.h>

#include "harness.h"
#include "wire/json.h"

/*
 * Known differences, left out of the comparison: lone surrogate escapes and NUL in keys are JSON to
 * us and not to it; a number that it cannot hold is JSON all the same; its depth is 2048, not 128.
 */
static const char *const seeds[] = {
    "{\"model\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"h\\u00e9llo \xE6\x97\xA5\"}]}",
    "{\"n\":[0,-0,1E+2,3e-1,12345],\"t\":true,\"f\":false,\"z\":null,\"s\":\"\\u00e9\\n\"}",
    "\"a\\/\\b\\f\\r\\t \xF0\x9F\x98\x80\xC3\xA9\xED\x9F\xBF\xEE\x80\x80\"",
    "[1,-2.5e10,true,false,null,\"\\\\\\\"\",{}]",
    "{\"a\":{\"b\":{\"c\":[[],[[]]]}},\"d\":0.1}",
};

static uint64_t dice_state = 20261124;

static uint64_t dice(uint64_t sides)
{
    dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (dice_state >> 33) % sides;
}

static bool comparable(struct str text, const json_error_t *error)
{
    enum json_error_code code =
        error->text[0] != '\0' ? json_error_code(error) : json_error_unknown;
    return str_search(text, STR("\\ud")) == text.len && str_search(text, STR("\\uD")) == text.len &&
           code != json_error_numeric_overflow && code != json_error_null_byte_in_key;
}

/* Whether both looked at it and agreed to take it; a disagreement fails the test. */
static bool compare(struct str text, bool *ret_compared)
{
    struct json_fault fault;
    json_error_t error = { .text = "" };
    bool ours = json_check(text, &fault) == ERR_OK;
    json_t *tree = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    bool theirs = tree != NULL;
    json_decref(tree);
    *ret_compared = comparable(text, &error);
    if (*ret_compared && ours != theirs) {
        test_failed(EP_SITE, "ours %d, theirs %d (%s): " STR_FMT, ours, theirs, error.text,
                    STR_ARG(text));
    }
    return *ret_compared && ours;
}

TEST(both_take_and_refuse_the_same_texts_made_by_hand)
{
    static const char *const texts[] = {
        "1",
        "01",
        "-",
        "-0",
        "1.",
        ".1",
        "1e",
        "1e+",
        "1E-0",
        "--1",
        "+1",
        "0x1",
        "1_0",
        "true",
        "True",
        "tru",
        "nulll",
        "[]",
        "[,]",
        "[1,]",
        "[1 2]",
        "{}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{1:2}",
        "{\"a\":1 \"b\":2}",
        "\"\"",
        "\"\\q\"",
        "\"\\u00G0\"",
        "\"\\u0000\"",
        "\"\t\"",
        "\"\x7F\"",
        "\"\xC0\xAF\"",
        "\"\xE0\x9F\xBF\"",
        "\"\xE0\xA0\x80\"",
        "\"\xED\xA0\x80\"",
        "\"\xEF\xBF\xBF\"",
        "\"\xF0\x8F\xBF\xBF\"",
        "\"\xF0\x90\x80\x80\"",
        "\"\xF4\x8F\xBF\xBF\"",
        "\"\xF4\x90\x80\x80\"",
        "\"\xF5\x80\x80\x80\"",
        "\"\x80\"",
        "\"\xE6\x97\"",
        " \t\r\n1 ",
        "1\f",
        "\357\273\2771",
        "[1]]",
        "[[1]",
        "/**/1",
        "'a'",
        "NaN",
        "-Infinity",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        bool compared = false;
        (void)compare(str_from(texts[i]), &compared);
        CHECK(compared);
    }
}

TEST(both_take_and_refuse_the_same_texts_made_by_mutation)
{
    static const char spice[] = "{}[],:\"\\0123456789-+.eEtruefalsn \x01\x80\xC3\xFFu";
    int compared[EP_ARRAY_LEN(seeds)] = { 0 };
    int taken[EP_ARRAY_LEN(seeds)] = { 0 };
    for (int round = 0; round < 200000; round++) {
        char text[256];
        size_t which = dice(EP_ARRAY_LEN(seeds));
        size_t len = strlen(seeds[which]);
        memcpy(text, seeds[which], len);
        for (uint64_t edits = dice(3); edits > 0; edits--) {
            text[dice(len)] = spice[dice(sizeof(spice) - 1)];
        }
        bool looked_at = false;
        taken[which] += compare((struct str){ text, len }, &looked_at);
        compared[which] += looked_at;
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(seeds); i++) {
        CHECK(compared[i] > 30000); /* no seed is left out of the comparison as a whole */
        CHECK(taken[i] > 10000 && taken[i] < compared[i]);
    }
}
