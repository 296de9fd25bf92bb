#include "dialect/ask_messages.h"

#include "harness.h"
#include "wire/json.h"

struct case_of_messages {
    const char *text;
    enum err err;
    bool plain;
};

TEST(messages_are_plain_or_not_and_no_key_stands_twice)
{
    static const struct case_of_messages cases[] = {
        { "[{\"role\":\"user\",\"content\":\"x\"}]", ERR_OK, true },
        { "[{\"role\":\"user\",\"name\":\"n\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}]",
          ERR_OK, true },
        { "[{\"role\":\"u\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\"}}]}]",
          ERR_OK, false },
        { "[{\"role\":\"user\",\"content\":[{\"type\":\"image\\u005furl\",\"text\":\"x\"}]}]",
          ERR_OK, false },
        { "[{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":[]}]", ERR_OK, false },
        { "[{\"role\":\"assistant\",\"content\":null}]", ERR_OK, false },
        { "[{}]", ERR_OK, false },
        { "[5,\"x\",null]", ERR_OK, false },
        { "[{\"role\":\"user\"}]", ERR_OK, false },
        { "[ { \"role\" : \"user\" , \"content\" : [ ] } ]", ERR_OK, true },
        { "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":5}]}]", ERR_OK, false },
        { "[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}]", ERR_OK, false },
        { "[{\"role\":\"user\",\"content\":[\"x\"]}]", ERR_OK, false },
        { "[{\"role\":\"user\",\"content\":{\"a\":1,\"a\":2}}]", ERR_OK, false },
        { "[{\"role\":[{\"a\":1,\"a\":2}],\"content\":\"x\"}]", ERR_OK, false },
        { "[{\"role\":\"u\",\"content\":[{\"x\":{\"y\":{\"z\":1,\"z\":2}}}]}]", ERR_OK, false },
        { "[{\"role\":\"u\",\"content\":[[{\"z\":1,\"z\":2}]]}]", ERR_OK, false },
        { "[{\"role\":\"u\",\"content\":[{\"x\":{\"a\\u0062\":1,\"ab\":2}}]}]", ERR_ASK_DUPLICATE,
          false },
        { "[{\"role\":\"u\",\"content\":\"x\",\"a\\ud800\":1,\"b\":1}]", ERR_OK, false },
        { "[{\"role\":\"user\",\"content\":\"x\",\"content\":\"y\"}]", ERR_ASK_DUPLICATE, false },
        { "[{\"role\":\"user\",\"content\":\"x\",\"c\\u006fntent\":\"y\"}]", ERR_ASK_DUPLICATE,
          false },
        { "[{\"role\":\"u\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"text\":\"b\"}]}]",
          ERR_ASK_DUPLICATE, false },
        { "[{\"role\":\"u\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
          "{\"url\":\"a\",\"url\":\"b\"}}]}]",
          ERR_ASK_DUPLICATE, false },
        { "[{\"role\":\"a\",\"content\":null,\"tool_calls\":[{\"function\":"
          "{\"name\":\"f\",\"name\":\"g\"}}]}]",
          ERR_ASK_DUPLICATE, false },
        { "[{\"role\":\"u\",\"content\":\"x\"},{\"role\":\"a\",\"role\":\"b\",\"content\":\"\"}]",
          ERR_ASK_DUPLICATE, false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct json_fault fault;
        struct fail fail = { .text = "" };
        bool plain = false;
        struct str text = test_at_page_end(str_from(cases[i].text));
        CHECK(json_check(text, &fault) == ERR_OK);
        enum err err = ask_check_messages(text, NULL, &plain, &fail);
        if (err != cases[i].err || (err == ERR_OK && plain != cases[i].plain)) {
            test_failed(EP_SITE, "%s: %s, %d", cases[i].text, err_info(err)->name, plain);
        }
        CHECK(err == ERR_OK || fail.text[0] != '\0');
    }
}
