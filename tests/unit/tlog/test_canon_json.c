#include "tlog/canon_json.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "wire/json.h"

static struct fail fail;

static enum err canon(struct str text, struct buf *out)
{
    struct json_fault fault;
    CHECK(json_check(text, &fault) == ERR_OK);
    return canon_json(text, out, &fail);
}

static void check(const char *text, const char *want)
{
    struct buf out;
    buf_init(&out, 4096);
    if (canon(test_at_page_end(str_from(text)), &out) != ERR_OK) {
        test_failed(EP_SITE, "%s: %s", text, fail.text);
    }
    CHECK_STR(buf_str(&out), str_from(want));
    buf_reset(&out);
    CHECK(canon(str_from(want), &out) == ERR_OK); /* and that is what it stays */
    CHECK_STR(buf_str(&out), str_from(want));
    buf_fini(&out);
}

static void check_refused(struct str text, const char *what)
{
    struct buf out;
    buf_init(&out, 4096);
    CHECK(buf_append(&out, STR("before")) == ERR_OK);
    CHECK(canon(test_at_page_end(text), &out) == ERR_RECEIPT_INVALID);
    CHECK_STR(buf_str(&out), STR("before"));
    if (strstr(fail.text, what) == NULL) {
        test_failed(EP_SITE, "\"%s\" does not say \"%s\"", fail.text, what);
    }
    buf_fini(&out);
}

TEST(white_space_goes_and_members_are_sorted)
{
    check(" {\n} ", "{}");
    check("\t[ ]", "[]");
    check("\"a\"", "\"a\"");
    check("{\"b\" : [\"2\" , {\"d\":\"\", \"c\":\"x\"}],\r\n \"a\":\"1\"}",
          "{\"a\":\"1\",\"b\":[\"2\",{\"c\":\"x\",\"d\":\"\"}]}");
    check("{\"aa\":\"\",\"a\":\"\",\"\":\"\"}", "{\"\":\"\",\"a\":\"\",\"aa\":\"\"}");
}

TEST(strings_are_escaped_in_the_one_way)
{
    check("\"\\u0061\\/\\u00e9\\ud83d\\ude00\"", "\"a/\xC3\xA9\xF0\x9F\x98\x80\"");
    check("\"\\u000a\\u0009\\u001F\\\"\\\\\"", "\"\\n\\t\\u001f\\\"\\\\\"");
    check("\"\x7F\\u007f\"", "\"\x7F\x7F\"");
}

/* RFC 8785 section 3.2.3: by UTF-16 code units. U+1F600 is D83D DE00 there, before U+FB33. */
TEST(members_are_sorted_as_the_rfc_has_it)
{
    check("{\"\\u20ac\":\"\",\"\\r\":\"\",\"\\ufb33\":\"\",\"1\":\"\",\"\\ud83d\\ude00\":\"\","
          "\"\\u0080\":\"\",\"\\u00f6\":\"\"}",
          "{\"\\r\":\"\",\"1\":\"\",\"\xC2\x80\":\"\",\"\xC3\xB6\":\"\",\"\xE2\x82\xAC\":\"\","
          "\"\xF0\x9F\x98\x80\":\"\",\"\xEF\xAC\xB3\":\"\"}");
}

TEST(what_no_receipt_holds_is_refused)
{
    check_refused(STR("1"), "without quotes");
    check_refused(STR("{\"a\":null}"), "without quotes");
    check_refused(STR("[true]"), "without quotes");
    check_refused(STR("[\"a\",-1.5e3]"), "without quotes");
    check_refused(STR("{\"a\":\"1\",\"b\":\"\",\"\\u0061\":\"2\"}"), "twice");
    check_refused(STR("{\"x\":[{\"\":\"\",\"\":\"\"}]}"), "twice");
    check_refused(STR("\"\\ud800\""), "surrogate");
    check_refused(STR("{\"\\udc00\":\"\"}"), "surrogate");
    check_refused(STR("[[[[[[[[[\"\"]]]]]]]]]"), "nested deeper");
    check("[[[[[[[[\"\"]]]]]]]]", "[[[[[[[[\"\"]]]]]]]]");
}

TEST(what_is_too_large_is_refused)
{
    struct buf text;
    buf_init(&text, CANON_JSON_STRING_MAX * 2);
    CHECK(buf_byte(&text, '{') == ERR_OK);
    for (int i = 0; i <= CANON_JSON_MEMBERS_MAX; i++) {
        CHECK(buf_printf(&text, "%s\"%d\":\"\"", i == 0 ? "" : ",", i) == ERR_OK);
    }
    CHECK(buf_byte(&text, '}') == ERR_OK);
    check_refused(buf_str(&text), "more members");
    buf_reset(&text);
    CHECK(buf_byte(&text, '"') == ERR_OK);
    for (int i = 0; i < CANON_JSON_STRING_MAX; i++) {
        CHECK(buf_byte(&text, 'a') == ERR_OK);
    }
    CHECK(buf_byte(&text, '"') == ERR_OK);
    check_refused(buf_str(&text), "longer");
    buf_reset(&text);
    CHECK(buf_byte(&text, '"') == ERR_OK);
    for (int i = 0; i < 5000; i++) { /* of a string's length, and more than `out` takes */
        CHECK(buf_byte(&text, 'a') == ERR_OK);
    }
    CHECK(buf_byte(&text, '"') == ERR_OK);
    check_refused(buf_str(&text), "longer");
    buf_fini(&text);
}
