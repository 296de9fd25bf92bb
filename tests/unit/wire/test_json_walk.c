#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "wire/json.h"

/* Stepping over a value looks at no more than brackets and strings: at the end of the page, and
 * behind strings of every length up to two of the words that are compared at once. */
TEST(what_is_stepped_over_ends_where_it_ends)
{
    static const char *const values[] = { "1",
                                          "-0.5e+7",
                                          "true",
                                          "null",
                                          "\"\"",
                                          "\"]}\"",
                                          "\"\\\\\"",
                                          "\"a\\\"]\"",
                                          "[]",
                                          "{}",
                                          "[[[]],{}]",
                                          "{\"a\":[1,{\"b\":\"}\"}],\"]\":\"[\"}",
                                          "[ 1 , \"\\u0022\" ]",
                                          "\"\xC3\xA9\xE2\x82\xAC]\"" };
    for (size_t i = 0; i < EP_ARRAY_LEN(values); i++) {
        for (size_t len = 0; len < 40; len++) {
            char text[256];
            char fill[40] = "";
            memset(fill, 'x', len);
            (void)snprintf(text, sizeof(text), "[\"%.*s\",%s , \"%.*s\\\\\"]", (int)len, fill,
                           values[i], (int)len, fill);
            struct str array = test_at_page_end(str_from(text));
            struct json_fault fault;
            CHECK_EQ(json_check(array, &fault), ERR_OK);
            struct str rest = json_inside(array);
            struct str item;
            CHECK(json_next_item(&rest, &item));
            CHECK_EQ(item.len, len + 2);
            CHECK(json_next_item(&rest, &item));
            CHECK_STR(item, str_from(values[i]));
            CHECK(json_next_item(&rest, &item));
            CHECK_EQ(item.len, len + 4);
            CHECK(!json_next_item(&rest, &item));
        }
    }
}

/* Strings are passed over in strides: the end and an escape at every place of several. */
TEST(a_string_ends_at_its_quote_wherever_that_is)
{
    enum {
        FILL = 150
    };
    for (size_t len = 0; len <= FILL; len++) {
        for (size_t escape = 0; escape + 1 < len; escape++) {
            char text[FILL + 8] = "[\"";
            memset(text + 2, 'x', len);
            text[2 + escape] = '\\';
            text[3 + escape] = escape % 2 == 0 ? '"' : '\\';
            memcpy(text + 2 + len, "\",1]", 5);
            struct str rest = json_inside(test_at_page_end(str_from(text)));
            struct str item;
            CHECK(json_next_item(&rest, &item));
            CHECK_EQ(item.len, len + 2);
            CHECK(json_next_item(&rest, &item));
            CHECK_STR(item, STR("1"));
        }
    }
}

/* What is entered and what is taken whole come to the same end. */
static unsigned walk_all(struct str *rest, unsigned enter, unsigned *strings)
{
    enum json_kind kind = json_kind(*rest);
    if ((kind != JSON_OBJECT && kind != JSON_ARRAY) || enter == 0) {
        *strings += json_kind(json_take(rest)) == JSON_STRING;
        return 1;
    }
    unsigned values = 1;
    json_enter(rest);
    while (json_more(rest)) {
        if (kind == JSON_OBJECT) {
            CHECK(json_take_key(rest).len == 1);
        }
        values += walk_all(rest, enter - 1, strings);
    }
    return values;
}

TEST(values_are_entered_or_taken_whole)
{
    static const struct {
        const char *text;
        unsigned values[4]; /* by how deep they are entered */
        unsigned strings;   /* at the deepest */
    } cases[] = {
        { "5", { 1, 1, 1, 1 }, 0 },
        { "[]", { 1, 1, 1, 1 }, 0 },
        { " { } ", { 1, 1, 1, 1 }, 0 },
        { "[1,\"]\",[2,{}]]", { 1, 4, 6, 6 }, 1 },
        { "{\"a\" : [ {\"b\":\"}\"} , [ ] ] ,\n\"c\":\"\\\"\",\"d\":{}}", { 1, 4, 6, 7 }, 2 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        for (unsigned enter = 0; enter < 4; enter++) {
            struct str rest = json_trim(test_at_page_end(str_from(cases[i].text)));
            struct json_fault fault;
            unsigned strings = 0;
            CHECK_EQ(json_check(rest, &fault), ERR_OK);
            CHECK_EQ(walk_all(&rest, enter, &strings), cases[i].values[enter]);
            CHECK_EQ(rest.len, 0);
            CHECK(enter < 3 || strings == cases[i].strings);
        }
    }
}

TEST(keys_are_told_apart_by_what_they_mean)
{
    CHECK(json_key_is(STR("model"), STR("model")));
    CHECK(json_key_is(STR("\\u006dodel"), STR("model")));
    CHECK(json_key_is(STR("m\\u006fdel"), STR("model")));
    CHECK(!json_key_is(STR("Model"), STR("model")));
    CHECK(!json_key_is(STR("models"), STR("model")));
    CHECK(!json_key_is(STR("mode"), STR("model")));
    CHECK(!json_key_is(STR("\\u006dodels"), STR("model")));
    CHECK(!json_key_is(STR(""), STR("model")));
    CHECK(!json_key_is(STR("model"), STR("")));
    CHECK(json_key_is(STR(""), STR("")));
}
