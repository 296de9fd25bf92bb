#include "dialect/listen.h"

#include <string.h>

#include "harness.h"

#define ITEMS ((size_t)1 << 16)

/* Texts as they are told, parts in front: "c:"hello"". */
struct heard {
    char text[1024];
    struct buf buf;
};

static void hear(void *context, const struct chat_text *text)
{
    static const char parts[] = { 'c', 'r', 'n', 'a' };
    struct heard *heard = context;
    CHECK(buf_byte(&heard->buf, parts[text->part]) == ERR_OK);
    CHECK(buf_append(&heard->buf, text->json) == ERR_OK);
}

static struct heard heard;
static const struct chat_sink sink = { hear, &heard };
static struct chat_event event;

static void forget(void)
{
    heard.buf = (struct buf){ heard.text, 0, sizeof(heard.text), sizeof(heard.text) };
}

static enum err tell(struct listen *listen, const char *data)
{
    return listen_event(listen, STR_EMPTY, str_from(data), &sink, &event);
}

#define START                                                                         \
    "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude\"," \
    "\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}"
#define TEXT_START                                                      \
    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{" \
    "\"type\":\"text\",\"text\":\"\"}}"
#define TEXT_DELTA(text)                                                                \
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\"," \
    "\"text\":\"" text "\"}}"

TEST(a_stream_of_anthropic_says_what_a_stream_of_chat_would)
{
    struct listen listen;
    forget();
    listen_init(&listen, DIALECT_ANTHROPIC, ITEMS);
    CHECK(tell(&listen, "{\"type\":\"ping\"}") == ERR_OK);
    CHECK(!listen_has_begun(&listen));
    CHECK(tell(&listen, START) == ERR_OK);
    CHECK(listen_has_begun(&listen) && event.twofold);
    CHECK_STR(event.model, STR("\"claude\""));
    CHECK_STR(event.usage, STR("{\"input_tokens\":7,\"output_tokens\":1}"));
    CHECK_STR(((struct str){ listen.id, listen.id_len }), STR("msg_1"));
    CHECK_EQ(event.finished, 0);
    CHECK(tell(&listen, TEXT_START) == ERR_OK);
    CHECK(tell(&listen, TEXT_DELTA("hello")) == ERR_OK);
    CHECK(!event.twofold && !event.unread);
    CHECK_EQ(event.content_bytes, 5);
    CHECK_STR(buf_str(&heard.buf), STR("c\"hello\""));
    CHECK(tell(&listen, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
                        "\"usage\":{\"output_tokens\":2}}") == ERR_OK);
    CHECK_EQ(event.finished, 1);
    CHECK_STR(event.usage, STR("{\"output_tokens\":2}"));
    CHECK(!event.done && listen_end(&listen) == ERR_UPSTREAM_CUT);
    listen_fini(&listen);
}

TEST(arguments_that_come_whole_are_told_as_text)
{
    struct listen listen;
    forget();
    listen_init(&listen, DIALECT_GEMINI, ITEMS);
    CHECK(tell(&listen,
               "{\"responseId\":\"r1\",\"modelVersion\":\"g\",\"candidates\":[{\"content\":"
               "{\"parts\":[{\"text\":\"so\"},{\"functionCall\":{\"name\":\"f\",\"args\":"
               "{\"a\":\"b\"}}}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":"
               "{\"promptTokenCount\":3}}") == ERR_OK);
    CHECK_STR(buf_str(&heard.buf), STR("c\"so\"n\"f\"a\"{\\\"a\\\":\\\"b\\\"}\""));
    CHECK_EQ(event.finished, 1);
    CHECK_STR(event.usage, STR("{\"promptTokenCount\":3}"));
    CHECK_STR(event.model, STR("\"g\""));
    CHECK(listen_end(&listen) == ERR_OK);
    listen_fini(&listen);
}

TEST(each_event_that_names_a_model_says_it)
{
    struct listen listen;
    forget();
    listen_init(&listen, DIALECT_GEMINI, ITEMS);
    CHECK(tell(&listen, "{\"modelVersion\":\"g\",\"candidates\":[]}") == ERR_OK);
    CHECK(tell(&listen, "{\"modelVersion\":\"other\",\"candidates\":[]}") == ERR_OK);
    CHECK_STR(event.model, STR("\"other\""));
    CHECK(tell(&listen, "{\"candidates\":[]}") == ERR_OK);
    CHECK_EQ(event.model.len, 0);
    listen_fini(&listen);
}

TEST(summaries_and_the_vendors_tools_are_not_counted_exactly)
{
    struct listen listen;
    forget();
    listen_init(&listen, DIALECT_RESPONSES, ITEMS);
    CHECK(tell(&listen, "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":"
                        "\"m\"}}") == ERR_OK);
    CHECK(!event.unread);
    CHECK(tell(&listen, "{\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{"
                        "\"type\":\"web_search_call\",\"id\":\"ws_1\"}}") == ERR_OK);
    CHECK(event.unread);
    CHECK_EQ(listen.searches, 1);
    CHECK(tell(&listen, "{\"type\":\"response.reasoning_summary_text.delta\",\"output_index\":1,"
                        "\"summary_index\":0,\"delta\":\"hm\"}") == ERR_OK);
    CHECK(event.unread);
    CHECK_STR(buf_str(&heard.buf), STR("r\"hm\""));
    CHECK_EQ(listen.events, 3);
    listen_fini(&listen);
}

TEST(an_error_says_whether_there_is_room)
{
    static const struct {
        enum dialect dialect;
        const char *data;
        bool busy;
    } cases[] = {
        { DIALECT_ANTHROPIC,
          "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}",
          true },
        { DIALECT_ANTHROPIC,
          "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}", false },
        { DIALECT_RESPONSES,
          "{\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"x\"}", true },
        { DIALECT_RESPONSES,
          "{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
          "\"server_error\"}}}",
          false },
        { DIALECT_GEMINI, "{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}", true },
        { DIALECT_GEMINI, "{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\"}}", false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct listen listen;
        listen_init(&listen, cases[i].dialect, ITEMS);
        CHECK(tell(&listen, cases[i].data) == ERR_OK);
        CHECK(event.error);
        CHECK_EQ(listen.busy, cases[i].busy);
        listen_fini(&listen);
    }
}

TEST(whole_answers_are_heard_in_one_piece)
{
    struct listen listen;
    forget();
    listen_init(&listen, DIALECT_ANTHROPIC, ITEMS);
    CHECK(listen_body(&listen,
                      STR("{\"id\":\"a b\",\"model\":\"claude\",\"content\":[{\"type\":\"text\","
                          "\"text\":\"one\"},{\"type\":\"text\",\"text\":\"two\"}],\"stop_reason\":"
                          "\"end_turn\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}"),
                      &sink, &event) == ERR_OK);
    CHECK_STR(buf_str(&heard.buf), STR("c\"one\"c\"two\""));
    CHECK_EQ(event.content_bytes, 6);
    CHECK_EQ(listen.id_len, 0); /* no id that anybody could look up */
    CHECK(event.done && event.finished == 1);
    listen_fini(&listen);
    listen_init(&listen, DIALECT_GEMINI, ITEMS);
    CHECK(listen_body(&listen, STR("{\"candidates\":[{\"content\":{\"parts\":[]}}]}"), NULL,
                      &event) == ERR_UPSTREAM_CUT);
    listen_fini(&listen);
    listen_init(&listen, DIALECT_RESPONSES, ITEMS);
    CHECK(listen_body(&listen, STR("no"), NULL, &event) == ERR_UPSTREAM_SYNTAX);
    listen_fini(&listen);
}

TEST(without_room_for_its_items_a_stream_is_not_heard)
{
    struct listen listen;
    enum err err = ERR_OK;
    listen_init(&listen, DIALECT_ANTHROPIC, 512);
    CHECK(tell(&listen, START) == ERR_OK);
    for (int i = 0; i < 16 && err == ERR_OK; i++) {
        err = tell(&listen, TEXT_START);
    }
    CHECK_EQ(err, ERR_NO_MEMORY);
    listen_fini(&listen);
}
