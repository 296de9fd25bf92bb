#include "dialect/chat.h"

#include <stdio.h>

#include "harness.h"
#include "wire/json.h"

static struct chat_event event;

TEST(a_delta_tells_its_model_and_its_bytes)
{
    chat_event_read(STR("{\"id\":\"x\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":"
                        "{\"role\":\"assistant\",\"content\":\"hello\"},\"finish_reason\":null}],"
                        "\"usage\":null}"),
                    NULL, &event);
    CHECK(!event.done && !event.bad && !event.error && !event.empty);
    CHECK_STR(event.model, STR("\"m\""));
    CHECK_EQ(event.content_bytes, 5);
    CHECK_EQ(event.finished, 0);
    CHECK_EQ(event.usage.len, 0);
}

TEST(reasoning_and_tool_arguments_are_counted_apart)
{
    chat_event_read(STR("{\"choices\":[{\"delta\":{\"reasoning_content\":\"abc\",\"tool_calls\":"
                        "[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}"),
                    NULL, &event);
    CHECK_EQ(event.content_bytes, 0);
    CHECK_EQ(event.reasoning_bytes, 3);
    CHECK_EQ(event.tool_bytes, 3);
    chat_event_read(STR("{\"choices\":[{\"delta\":{\"function_call\":{\"arguments\":\"abcd\"}}}]}"),
                    NULL, &event);
    CHECK_EQ(event.tool_bytes, 4);
}

TEST(reasoning_under_two_names_counts_once)
{
    chat_event_read(STR("{\"choices\":[{\"delta\":{\"reasoning\":\"abc\","
                        "\"reasoning_content\":\"abc\"}},{\"delta\":{\"reasoning\":\"de\"}}]}"),
                    NULL, &event);
    CHECK_EQ(event.reasoning_bytes, 5);
}

TEST(an_error_is_what_clients_take_for_one)
{
    static const char *const none[] = { "null", "false", "0", "\"\"" };
    static const char *const some[] = { "true", "1", "\"x\"", "{}", "[]" };
    char text[32];
    for (size_t i = 0; i < EP_ARRAY_LEN(none); i++) {
        (void)snprintf(text, sizeof(text), "{\"error\":%s}", none[i]);
        chat_event_read(str_from(text), NULL, &event);
        CHECK(!event.bad && !event.error);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(some); i++) {
        (void)snprintf(text, sizeof(text), "{\"error\":%s}", some[i]);
        chat_event_read(str_from(text), NULL, &event);
        CHECK(event.error);
    }
}

TEST(a_failure_inside_an_answer_with_status_200_is_an_error)
{
    static const char *const none[] = { "null",
                                        "0",
                                        "{}",
                                        "[]",
                                        "{\"status_code\":0}",
                                        "{\"status_code\":null,\"status_msg\":\"x\"}" };
    static const char *const some[] = { "{\"status_code\":1004}", "{\"status_code\":\"1004\"}",
                                        "{\"status_msg\":\"\",\"status_code\":-1}" };
    char text[96];
    for (size_t i = 0; i < EP_ARRAY_LEN(none); i++) {
        (void)snprintf(text, sizeof(text), "{\"base_resp\":%s,\"choices\":[]}", none[i]);
        chat_event_read(str_from(text), NULL, &event);
        CHECK(!event.bad && !event.error);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(some); i++) {
        (void)snprintf(text, sizeof(text), "{\"base_resp\":%s,\"error\":null}", some[i]);
        chat_event_read(str_from(text), NULL, &event);
        CHECK(event.error);
    }
}

TEST(the_end_of_a_stream_is_seen_in_all_its_forms)
{
    chat_event_read(STR("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"},"
                        "{\"delta\":{},\"finish_reason\":\"length\"}]}"),
                    NULL, &event);
    CHECK_EQ(event.finished, 2);
    chat_event_read(STR("{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}"), NULL, &event);
    CHECK(event.empty);
    CHECK_STR(event.usage, STR("{\"prompt_tokens\":1}"));
    chat_event_read(STR(" [DONE]"), NULL, &event);
    CHECK(event.done);
    chat_event_read(STR("{\"error\":{\"message\":\"x\"}}"), NULL, &event);
    CHECK(event.error);
    chat_event_read(STR("{\"error\":null,\"choices\":[]}"), NULL, &event);
    CHECK(!event.error);
}

TEST(what_is_no_event_is_bad)
{
    static const char *const bad[] = { "", "{", "[]", "5", "{\"choices\":5}", "{\"choices\":[5]}" };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        chat_event_read(str_from(bad[i]), NULL, &event);
        CHECK(event.bad);
    }
}

TEST(a_whole_answer_is_read)
{
    struct chat_answer answer;
    chat_answer_read(STR("{\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"four\"},"
                         "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":2}}"),
                     NULL, &answer);
    CHECK(!answer.bad && !answer.error);
    CHECK_EQ(answer.finished, 1);
    CHECK_EQ(answer.content_bytes, 4);
    CHECK_STR(answer.usage, STR("{\"prompt_tokens\":2}"));
}

/* What a sink was told, a line each. */
static char told[512];
static size_t told_len;

static void tell(void *context, const struct chat_text *text)
{
    CHECK(context == told);
    int len = snprintf(told + told_len, sizeof(told) - told_len, "%d/%lld/%lld " STR_FMT "\n",
                       (int)text->part, (long long)text->choice, (long long)text->tool,
                       STR_ARG(text->json));
    told_len += (size_t)len;
}

TEST(each_text_is_told_with_its_part_and_its_place)
{
    const struct chat_sink sink = { tell, told };
    told_len = 0;
    chat_event_read(
        STR("{\"choices\":[{\"index\":2,\"delta\":{\"content\":\"a\\n\",\"tool_calls\":["
            "{\"index\":1,\"function\":{\"name\":\"f\",\"arguments\":\"{\"}},"
            "{\"function\":{\"arguments\":\"}\"}}]}},"
            "{\"delta\":{\"reasoning\":\"r\",\"reasoning_content\":\"rr\","
            "\"content\":\"\",\"refusal\":\"no\"}}]}"),
        &sink, &event);
    CHECK_STR(((struct str){ told, told_len }), STR("0/2/0 \"a\\n\"\n"
                                                    "2/2/1 \"f\"\n"
                                                    "3/2/1 \"{\"\n"
                                                    "3/2/1 \"}\"\n"
                                                    "0/1/0 \"no\"\n"
                                                    "1/1/0 \"rr\"\n"));
}

TEST(what_is_not_understood_is_said_and_what_says_nothing_is_not)
{
    static const struct {
        const char *delta;
        bool unread;
        int64_t tool_bytes;
    } cases[] = {
        { "\"content\":\"x\",\"role\":\"assistant\",\"refusal\":null", false, 0 },
        { "\"content\":[{\"type\":\"thinking\"}]", true, 0 },
        { "\"audio\":{\"id\":1}", true, 0 },
        { "\"audio\":null,\"images\":[],\"extra\":\"\"", false, 0 },
        { "\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}}]", true, 1 },
        { "\"tool_calls\":[{\"custom\":{\"name\":\"f\",\"input\":\"abc\"}}]", false, 4 },
        { "\"tool_calls\":5", true, 0 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "{\"choices\":[{\"delta\":{%s}}]}", cases[i].delta);
        chat_event_read(str_from(text), NULL, &event);
        CHECK_EQ(event.unread, cases[i].unread);
        CHECK_EQ(event.tool_bytes, cases[i].tool_bytes);
    }
}
