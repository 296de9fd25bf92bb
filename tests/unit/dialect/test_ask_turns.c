#include "dialect/ask_turns.h"

#include <stdio.h>
#include <string.h>

#include "dialect/ask_messages.h"
#include "harness.h"
#include "wire/json.h"

#define CALLS(ids)  "{\"role\":\"assistant\",\"tool_calls\":[" ids "]}"
#define CALL(id)    "{\"id\":\"" id "\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}"
#define RESULT(id)  "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"x\"}"
#define USER(parts) "{\"role\":\"user\",\"content\":[" parts "]}"
#define IMAGE(url)  "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url "\"}}"
#define PNG         "data:image/png;base64,iVBORw0KGgo="

static const struct {
    const char *messages;
    const char *param; /* NULL: they are passed on */
} rows[] = {
    { "[]", NULL },
    { "[5,null,\"x\",[],{}]", NULL },
    { "[{\"role\":\"user\",\"content\":\"x\"}]", NULL },
    /* results */
    { "[" CALLS(CALL("a")) "," RESULT("a") "]", NULL },
    { "[" CALLS(CALL("a") "," CALL("b")) "," RESULT("b") "," RESULT("a") "]", NULL },
    { "[" CALLS(CALL("a")) "," CALLS(CALL("b")) "," RESULT("a") "]", NULL },
    { "[" RESULT("a") "]", "messages[0].tool_call_id" },
    { "[" CALLS(CALL("a")) "," RESULT("b") "]", "messages[1].tool_call_id" },
    { "[" RESULT("a") "," CALLS(CALL("a")) "]", "messages[0].tool_call_id" },
    { "[" CALLS("") "," RESULT("a") "]", "messages[1].tool_call_id" },
    { "[" CALLS("5,{}") "," RESULT("a") "]", "messages[1].tool_call_id" },
    { "[{\"role\":\"tool\",\"tool_calls\":5,\"tool_call_id\":\"a\"}]", "messages[0].tool_call_id" },
    { "[{\"role\":\"tool\",\"content\":\"x\"}]", NULL }, /* some servers know no ids */
    { "[{\"role\":\"tool\",\"tool_call_id\":null}]", NULL },
    { "[{\"role\":\"user\",\"tool_call_id\":\"a\"}]", NULL },
    { "[" RESULT("a\\u0062") "]", NULL }, /* whatever it means */
    /* images */
    { "[" USER(IMAGE(PNG)) "]", NULL },
    { "[" USER(IMAGE("data:image\\/jpeg;base64,\\/9j\\/4AAQ\\u002B==")) "]", NULL },
    { "[" USER(IMAGE("data:;base64,R0lGODlh")) "]", NULL },
    { "[" USER(IMAGE("https://a.example/x")) "]", NULL },
    { "[" USER("{\"type\":\"image_url\",\"image_url\":\"" PNG "\"}") "]", NULL },
    { "[" USER("{\"type\":\"image_url\",\"image_url\":null}") "]", NULL },
    { "[" USER("{\"type\":\"text\",\"text\":\"x\"}," IMAGE("")) "]",
      "messages[0].content[1].image_url" },
    { "[" USER("{\"type\":\"image_url\",\"image_url\":{}}") "]",
      "messages[0].content[0].image_url" },
    { "[" USER("{\"type\":\"image_url\",\"image_url\":5}") "]",
      "messages[0].content[0].image_url" },
    { "[5," USER(IMAGE("data:image/png;base64,")) "]", "messages[1].content[0].image_url" },
    { "[" USER(IMAGE("data:image/png;base64")) "]", "messages[0].content[0].image_url" },
    { "[" USER(IMAGE("data:image/png,iVBORw0KGgo=")) "]", "messages[0].content[0].image_url" },
    { "[" USER(IMAGE("data:image/png;base64,iVBORw0KGgo*")) "]",
      "messages[0].content[0].image_url" },
    { "[" USER(IMAGE("data:image/png;base64,iVBORw0KGgo===")) "]",
      "messages[0].content[0].image_url" },
    { "[" USER(IMAGE("data:image/png;base64,bm8gaW1hZ2U=")) "]",
      "messages[0].content[0].image_url" },
};

/* As a request's messages tell it. */
static enum err check_turns(struct str messages, char param[ASK_TURNS_PARAM_MAX], struct fail *fail)
{
    struct ask_turns turns;
    bool plain = false;
    ask_turns_init(&turns);
    enum err err = ask_check_messages(messages, &turns, &plain, fail);
    return err == ERR_OK ? ask_turns_end(&turns, param, fail) : err;
}

TEST(what_no_upstream_takes_is_refused_by_its_field)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        char param[ASK_TURNS_PARAM_MAX] = "";
        struct fail fail = { .text = "" };
        struct json_fault fault;
        struct str messages = test_at_page_end(str_from(rows[i].messages));
        CHECK(json_check(messages, &fault) == ERR_OK);
        enum err err = check_turns(messages, param, &fail);
        if (err != (rows[i].param == NULL ? ERR_OK : ERR_ASK_INVALID)) {
            test_failed(EP_SITE, "%s: %s", rows[i].messages, fail.text);
        }
        CHECK_STR(str_from(param), str_from(rows[i].param == NULL ? "" : rows[i].param));
        CHECK(err == ERR_OK || strstr(fail.text, rows[i].param) != NULL);
    }
}

TEST(the_first_is_told_and_a_key_that_stands_twice_before_it)
{
    char param[ASK_TURNS_PARAM_MAX] = "";
    struct fail fail = { .text = "" };
    CHECK_EQ(check_turns(STR("[" RESULT("a") "," USER(IMAGE("")) "]"), param, &fail),
             ERR_ASK_INVALID);
    CHECK_STR(str_from(param), STR("messages[0].tool_call_id"));
    CHECK_EQ(check_turns(STR("[" USER(IMAGE("") "," IMAGE("")) "," RESULT("a") "]"), param, &fail),
             ERR_ASK_INVALID);
    CHECK_STR(str_from(param), STR("messages[0].content[0].image_url"));
    CHECK_EQ(
        check_turns(STR("[" RESULT("a") ",{\"role\":\"user\",\"role\":\"user\"}]"), param, &fail),
        ERR_ASK_DUPLICATE);
}

/* `lists` lists of a call each, then the result of call 0, then one of a call that was not made. */
static enum err check_many(unsigned lists, bool made)
{
    static char text[1 << 20];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    char param[ASK_TURNS_PARAM_MAX];
    struct fail fail = { .text = "" };
    CHECK(buf_append(&out, STR("[")) == ERR_OK);
    for (unsigned i = 0; i < lists; i++) {
        CHECK(buf_printf(&out, CALLS("{\"id\":\"c%u\"}") ",", i) == ERR_OK);
    }
    CHECK(buf_append(&out, made ? STR(RESULT("c0") "]") : STR(RESULT("other") "]")) == ERR_OK);
    return check_turns(buf_str(&out), param, &fail);
}

TEST(what_cannot_be_told_is_passed_on)
{
    CHECK_EQ(check_many(64, true), ERR_OK);
    CHECK_EQ(check_many(64, false), ERR_ASK_INVALID);
    CHECK_EQ(check_many(65, true), ERR_OK); /* call 0 is kept no longer */
    CHECK_EQ(check_many(65, false), ERR_OK);
}

/* Results beyond count, each looked for in a long list: the work is bounded. */
TEST(looking_for_calls_has_an_end)
{
    static char text[8 << 20];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    char param[ASK_TURNS_PARAM_MAX];
    struct fail fail = { .text = "" };
    CHECK(buf_append(&out, STR("[{\"role\":\"assistant\",\"tool_calls\":[0")) == ERR_OK);
    for (unsigned i = 0; i < 50000; i++) {
        CHECK(buf_append(&out, STR(",{\"id\":\"c\"}")) == ERR_OK);
    }
    CHECK(buf_append(&out, STR(",{\"id\":\"last\"}]}")) == ERR_OK);
    for (unsigned i = 0; i < 50000; i++) {
        CHECK(buf_append(&out, STR("," RESULT("last"))) == ERR_OK);
    }
    CHECK(buf_append(&out, STR("," RESULT("none") "]")) == ERR_OK);
    CHECK_EQ(check_turns(buf_str(&out), param, &fail), ERR_OK);
}
