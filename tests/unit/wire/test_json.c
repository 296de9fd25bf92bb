#include "wire/json.h"

#include "harness.h"

static const char *const good[] = {
    "null",
    " true ",
    "[]",
    "{}",
    "0",
    "-0",
    "1.5e+9",
    "\"\"",
    "[1,[2,{\"a\":[]}],\"x\"]",
    "{\"a\":1,\"a\":2}",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\xE6\x97\xA5\xF0\x9F\x98\x80\xC3\xA9\"",
    "{ \"a\" : { } , \"b\" : [ ] }",
    "1E5",
    "\"0123456789abcdef0123456789abcdef\"",
};

static const char *const bad[] = {
    "",
    " ",
    "nul",
    "tru e",
    "[",
    "]",
    "{",
    "[1,]",
    "[,1]",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{'a':1}",
    "01",
    "-",
    "1.",
    ".5",
    "1e",
    "+1",
    "\"",
    "\"\\x\"",
    "\"\\u12g4\"",
    "\"\\u123",
    "\"\x01\"",
    "\"\n\"",
    "\"\xFF\"",
    "\"\xC0\x80\"",
    "\"\xED\xA0\x80\"",
    "\"\xE6\x97\"",
    "\"\xF4\x90\x80\x80\"",
    "1 2",
    "[1}",
    "{\"a\":1]",
    "[1 2]",
    "\357\273\2771",
    "NaN",
    "Infinity",
    "// x\n1",
    "{\"a\":1}}",
};

TEST(json_is_taken_and_all_else_is_refused)
{
    struct json_fault fault;
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        if (json_check(test_at_page_end(str_from(good[i])), &fault) != ERR_OK) {
            test_failed(EP_SITE, "refused at %zu (%s): %s", fault.offset, fault.reason, good[i]);
        }
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        if (json_check(test_at_page_end(str_from(bad[i])), &fault) != ERR_JSON_SYNTAX) {
            test_failed(EP_SITE, "taken: %s", bad[i]);
        }
        CHECK(fault.offset <= str_from(bad[i]).len);
    }
}

TEST(every_proper_prefix_of_an_object_is_refused_without_reading_on)
{
    struct str text = STR("{\"a\":[1,2.5e3,{\"b\":\"\\u00e9\xC3\xA9\"}],\"c\":null,\"d\":true}");
    struct json_fault fault;
    for (size_t len = 0; len < text.len; len++) {
        CHECK(json_check(test_at_page_end(str_slice(text, 0, len)), &fault) != ERR_OK);
    }
    CHECK(json_check(text, &fault) == ERR_OK);
}

TEST(nesting_ends_at_its_limit)
{
    char text[2 * JSON_DEPTH_MAX + 2];
    struct json_fault fault;
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        for (size_t i = 0; i < depth; i++) {
            text[i] = '[';
            text[depth + i] = ']';
        }
        enum err want = depth > JSON_DEPTH_MAX ? ERR_JSON_DEPTH : ERR_OK;
        CHECK(json_check((struct str){ text, 2 * depth }, &fault) == want);
    }
}

TEST(both_passes_count_the_same_depth)
{
    char text[2 * JSON_DEPTH_MAX + 8];
    for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
        struct buf out = { text, 0, sizeof(text), sizeof(text) };
        CHECK(buf_append(&out, STR("{\"a\":")) == ERR_OK);
        for (size_t i = 0; i < 2 * depth; i++) {
            CHECK(buf_byte(&out, i < depth ? '[' : ']') == ERR_OK);
        }
        CHECK(buf_byte(&out, '}') == ERR_OK);
        struct json_member member;
        struct json_fault fault;
        size_t count = 0;
        enum err want = depth < JSON_DEPTH_MAX ? ERR_OK : ERR_JSON_DEPTH;
        CHECK(json_check(buf_str(&out), &fault) == want);
        CHECK(json_index(buf_str(&out), &member, 1, &count, &fault) == want);
    }
}

TEST(members_are_listed_with_their_spans)
{
    struct json_member members[2];
    struct json_fault fault;
    size_t count = 0;
    struct str text = STR(" { \"a\" : [1, 2] , \"b\\u0062\":\"x\", \"c\":0 } ");
    CHECK(json_index(text, members, 2, &count, &fault) == ERR_OK);
    CHECK_EQ(count, 3);
    CHECK_STR(members[0].key, STR("a"));
    CHECK_STR(members[0].value, STR("[1, 2]"));
    CHECK(json_key_is(members[1].key, STR("bb")));
    CHECK(!json_key_is(members[1].key, STR("b")));
    CHECK(json_string_is(members[1].value, STR("x")));
    CHECK(json_index(STR("[]"), members, 2, &count, &fault) == ERR_JSON_SYNTAX);
    CHECK(json_index(STR("{}"), members, 2, &count, &fault) == ERR_OK);
    CHECK_EQ(count, 0);
}

TEST(values_are_found_in_place)
{
    struct str text = STR("{\"a\":{\"b\":[10,-20,1.5]},\"n\":null}");
    struct str list = json_get(json_get(text, STR("a")), STR("b"));
    struct str rest = json_inside(list);
    struct str item;
    int64_t number = 0;
    CHECK(json_next_item(&rest, &item) && json_i64(item, &number));
    CHECK_EQ(number, 10);
    CHECK(json_next_item(&rest, &item) && json_i64(item, &number));
    CHECK_EQ(number, -20);
    CHECK(json_next_item(&rest, &item) && !json_i64(item, &number));
    CHECK(!json_next_item(&rest, &item));
    CHECK_EQ(json_get(text, STR("absent")).len, 0);
    CHECK_EQ(json_get(list, STR("a")).len, 0);
    /* A whole document, as it stands in a file or a body. */
    CHECK_STR(json_get(STR("\n{\"a\":1, \"b\":2 }\r\n"), STR("b")), STR("2"));
    CHECK_EQ(json_get(STR(" {\"a\":1}\n"), STR("c")).len, 0);
    CHECK_EQ(json_get(STR(" {}\n"), STR("c")).len, 0);
    CHECK_EQ(json_get(STR(" \n"), STR("c")).len, 0);
    CHECK(json_kind(json_get(text, STR("n"))) == JSON_NULL);
}

TEST(strings_are_decoded_and_lone_surrogates_are_not)
{
    struct buf out;
    buf_init(&out, 64);
    CHECK(json_decode(STR("\"a\\n\\u00e9\\ud83d\\ude00\\u0041\""), &out));
    CHECK_STR(buf_str(&out), STR("a\n\xC3\xA9\xF0\x9F\x98\x80"
                                 "A"));
    buf_reset(&out);
    CHECK(!json_decode(STR("\"x\\ud83d\""), &out));
    CHECK(!json_decode(STR("\"x\\ud83d\\u0041\""), &out));
    CHECK(!json_decode(STR("\"\\ude00\""), &out));
    CHECK_EQ(out.len, 0);
    buf_fini(&out);
}

TEST(characters_are_taken_one_by_one_and_a_lone_surrogate_is_replaced)
{
    struct str rest = STR("a\\n\xC3\xA9\\u00e9\\ud83d\\ude00\\ud83dx\\\\");
    static const char *const want[] = {
        "a", "\n", "\xC3\xA9", "\xC3\xA9", "\xF0\x9F\x98\x80", "\xEF\xBF\xBD", "x", "\\",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(want); i++) {
        char bytes[4];
        size_t len = json_take_char(&rest, bytes);
        CHECK_STR(((struct str){ bytes, len }), str_from(want[i]));
    }
    CHECK_EQ(rest.len, 0);
}

TEST(white_space_around_a_value_is_taken_off)
{
    CHECK_STR(json_trim(STR(" \n\r\t{ \"a\": 1 } \n\r\t\n")), STR("{ \"a\": 1 }"));
    CHECK_STR(json_trim(STR("\"x\"")), STR("\"x\""));
    CHECK_EQ(json_trim(STR(" \n ")).len, 0);
    CHECK_EQ(json_trim(STR_EMPTY).len, 0);
}
