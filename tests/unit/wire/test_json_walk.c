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
