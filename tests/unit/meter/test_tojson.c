#include "meter/tojson.h"

#include "base/buf.h"
#include "harness.h"

static struct tojson tojson;

/* What comes out, marks in square brackets. */
static bool rendered(struct buf *out, struct str json, bool embedded, enum tojson_style style,
                     const struct tojson_wrap *wrap)
{
    struct tojson_run run;
    buf_reset(out);
    tojson_begin(&tojson, json, embedded, style, wrap);
    while (tojson_next(&tojson, &run)) {
        CHECK(run.text.len > 0);
        CHECK(buf_append(out, run.mark ? STR("[") : STR_EMPTY) == ERR_OK);
        CHECK(buf_append(out, run.text) == ERR_OK);
        CHECK(buf_append(out, run.mark ? STR("]") : STR_EMPTY) == ERR_OK);
    }
    CHECK(!tojson_next(&tojson, &run));
    return tojson.exact;
}

TEST(values_are_written_as_python_writes_them)
{
    static const struct {
        struct str json;
        struct str spaced;
        struct str compact;
    } rows[] = {
        { STR_INIT("{\"b\" :1,\n\"a\":[ 2,{ } ,[]]}"), STR_INIT("{\"b\": 1, \"a\": [2, {}, []]}"),
          STR_INIT("{\"b\":1,\"a\":[2,{},[]]}") },
        { STR_INIT("\"\\u00e9\\/\\n\\u001f\\u007f\\\"\\\\\""),
          STR_INIT("\"\xC3\xA9/\\n\\u001f\x7F\\\"\\\\\""),
          STR_INIT("\"\xC3\xA9/\\n\\u001f\x7F\\\"\\\\\"") },
        { STR_INIT("\"\\ud83d\\ude00\\b\\f\\r\\t\""), STR_INIT("\"\xF0\x9F\x98\x80\\b\\f\\r\\t\""),
          STR_INIT("\"\xF0\x9F\x98\x80\\b\\f\\r\\t\"") },
        { STR_INIT("[true,false,null,-12,0.5,3.0,123456789012345678901]"),
          STR_INIT("[true, false, null, -12, 0.5, 3.0, 123456789012345678901]"),
          STR_INIT("[true,false,null,-12,0.5,3.0,123456789012345678901]") },
        { STR_INIT(" 7 "), STR_INIT("7"), STR_INIT("7") },
    };
    struct buf out;
    buf_init(&out, 4096);
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        struct str json = test_at_page_end(rows[i].json);
        CHECK(rendered(&out, json, false, TOJSON_SPACED, NULL));
        CHECK_STR(buf_str(&out), rows[i].spaced);
        CHECK(rendered(&out, json, false, TOJSON_COMPACT, NULL));
        CHECK_STR(buf_str(&out), rows[i].compact);
    }
    buf_fini(&out);
}

TEST(indented_values_have_four_spaces_a_level)
{
    struct buf out;
    buf_init(&out, 4096);
    CHECK(rendered(&out, STR("{\"a\":[1,{\"b\":{}}],\"c\":[]}"), false, TOJSON_INDENT, NULL));
    CHECK_STR(buf_str(&out), STR("{\n    \"a\": [\n        1,\n        {\n            \"b\": {}\n"
                                 "        }\n    ],\n    \"c\": []\n}"));
    buf_fini(&out);
}

TEST(a_value_inside_a_string_is_unescaped_twice)
{
    struct buf out;
    buf_init(&out, 4096);
    struct str span = STR("{\\\"a\\\":\\\"\\\\\\\"\\\\n\\u00e9\\\\u00e9\\\",\\n\\\"b\\\":[1,2]}");
    CHECK(rendered(&out, span, true, TOJSON_SPACED, NULL));
    CHECK_STR(buf_str(&out), STR("{\"a\": \"\\\"\\n\xC3\xA9\xC3\xA9\", \"b\": [1, 2]}"));
    buf_fini(&out);
}

TEST(members_go_into_marks_of_their_own)
{
    static const struct tojson_wrap wrap = {
        .key_open = STR_INIT("<k>"),
        .key_close = STR_INIT("</k>"),
        .between = STR_INIT("="),
        .value_open = STR_INIT("<v>"),
        .value_close = STR_INIT("</v>"),
        .behind = STR_INIT(";"),
    };
    struct buf out;
    buf_init(&out, 4096);
    struct str span = STR("{\\\"a\\\":\\\"x\\\\ny\\\",\\\"b\\\":{\\\"c\\\":\\\"d\\\"}}");
    CHECK(rendered(&out, span, true, TOJSON_SPACED, &wrap));
    CHECK_STR(buf_str(&out),
              STR("[<k>]a[</k>]=[<v>]x\ny[</v>];[<k>]b[</k>]=[<v>]{\"c\": \"d\"}[</v>];"));
    CHECK(rendered(&out, STR("{}"), false, TOJSON_SPACED, &wrap));
    CHECK_EQ(out.len, 0);
    CHECK(!rendered(&out, STR("[1]"), true, TOJSON_SPACED, &wrap));
    buf_fini(&out);
}

TEST(what_python_may_write_otherwise_is_not_called_exact)
{
    static const char *const inexact[] = {
        "1e5",
        "1.50",
        "-0",
        "0.00001",
        "1.0000000000000001",
        "{\"a\":1,\"a\":2}",
        "-0.0e1",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83dx\"",
    };
    struct buf out;
    buf_init(&out, 4096);
    for (size_t i = 0; i < EP_ARRAY_LEN(inexact); i++) {
        CHECK(!rendered(&out, str_from(inexact[i]), false, TOJSON_SPACED, NULL));
    }
    CHECK(rendered(&out, STR("[{\"a\":1},{\"a\":{\"a\":2}},0.0001,-0.0]"), false, TOJSON_SPACED,
                   NULL));
    buf_fini(&out);
}

TEST(text_in_a_string_that_is_no_json_goes_out_and_is_not_exact)
{
    static const char *const bad[] = {
        "{",
        "}",
        "[1",
        "{1:2}",
        "nul",
        "{a}",
        "[1,]",
        "{,}",
        "\\\"x",
        "\\\"\\\\q\\\"",
        "\\\"\\\\u12g\\\"",
        "1 2",
        "plain text",
        "\\u0001",
        "[}",
        "{\\\"a\\\"}",
        ":",
        "01",
        "--1",
        "{}x",
        "",
    };
    struct buf out;
    buf_init(&out, 4096);
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct str span = test_at_page_end(str_from(bad[i]));
        CHECK(!rendered(&out, span, true, TOJSON_SPACED, NULL));
        CHECK(span.len == 0 || out.len > 0 || span.len < 8);
    }
    CHECK(tojson_is_json(&tojson, STR(" {\\\"a\\\": 1} ")));
    CHECK(!tojson_is_json(&tojson, STR("{\\\"a\\\": 1")));
    CHECK(!tojson_is_json(&tojson, STR("plain")));
    buf_fini(&out);
}

TEST(any_depth_and_any_number_of_keys_are_taken)
{
    struct buf json;
    struct buf out;
    buf_init(&json, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int i = 0; i < 200; i++) {
        CHECK(buf_byte(&json, '[') == ERR_OK);
    }
    CHECK(!rendered(&out, buf_str(&json), true, TOJSON_INDENT, NULL));
    buf_reset(&json);
    CHECK(buf_byte(&json, '{') == ERR_OK);
    for (int i = 0; i <= TOJSON_KEYS_MAX; i++) {
        CHECK(buf_printf(&json, "%s\"%d\":%d", i > 0 ? "," : "", i, i) == ERR_OK);
        if (i + 1 == TOJSON_KEYS_MAX) {
            struct buf whole = json;
            CHECK(buf_byte(&whole, '}') == ERR_OK);
            CHECK(rendered(&out, buf_str(&whole), false, TOJSON_SPACED, NULL));
            json.ptr = whole.ptr;
            json.cap = whole.cap;
        }
    }
    CHECK(buf_byte(&json, '}') == ERR_OK);
    CHECK(!rendered(&out, buf_str(&json), false, TOJSON_SPACED, NULL));
    buf_fini(&json);
    buf_fini(&out);
}
