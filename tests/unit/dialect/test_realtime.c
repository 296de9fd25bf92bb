#include "dialect/realtime.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "harness.h"
#include "wire/json.h"

struct ask_case {
    const char *event;
    enum err err;
    enum realtime_ask_kind kind;
    const char *param;
    int64_t cap;
    int64_t sound;
};

static const struct ask_case asks[] = {
    { "{\"type\":\"response.create\"}", ERR_OK, REALTIME_ASK_RESPONSE, NULL, 0, 0 },
    { "{\"type\":\"response.create\",\"response\":{\"max_output_tokens\":77}}", ERR_OK,
      REALTIME_ASK_RESPONSE, NULL, 77, 0 },
    { "{\"type\":\"response.create\",\"response\":{\"max_response_output_tokens\":78}}", ERR_OK,
      REALTIME_ASK_RESPONSE, NULL, 78, 0 },
    { "{\"type\":\"response.create\",\"response\":{\"max_output_tokens\":\"inf\"}}", ERR_OK,
      REALTIME_ASK_RESPONSE, NULL, 0, 0 },
    { "{\"type\":\"response.create\",\"response\":null}", ERR_OK, REALTIME_ASK_RESPONSE, NULL, 0,
      0 },
    { "{\"type\":\"response.create\",\"response\":{\"max_output_tokens\":0}}", ERR_ASK_INVALID,
      REALTIME_ASK_RESPONSE, "max_output_tokens", 0, 0 },
    { "{\"type\":\"response.create\",\"response\":{\"max_output_tokens\":1.5}}", ERR_ASK_INVALID,
      REALTIME_ASK_RESPONSE, "max_output_tokens", 0, 0 },
    { "{\"type\":\"response.cancel\"}", ERR_OK, REALTIME_ASK_CANCEL, NULL, 0, 0 },
    { "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA\"}", ERR_OK, REALTIME_ASK_AUDIO,
      NULL, 0, 3 },
    { "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAAAA==\"}", ERR_OK, REALTIME_ASK_AUDIO,
      NULL, 0, 4 },
    { "{\"type\":\"input_audio_buffer.append\",\"audio\":7}", ERR_OK, REALTIME_ASK_AUDIO, NULL, 0,
      0 },
    { "{\"type\":\"conversation.item.create\",\"item\":{}}", ERR_OK, REALTIME_ASK_ITEM, NULL, 0,
      0 },
    { "{\"type\":\"conversation.item.truncate\"}", ERR_OK, REALTIME_ASK_OTHER, NULL, 0, 0 },
    { "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\"}}", ERR_OK,
      REALTIME_ASK_SESSION, NULL, 0, 0 },
    { "{\"type\":\"session.update\",\"session\":{\"type\":\"transcription\"}}", ERR_ASK_INVALID,
      REALTIME_ASK_SESSION, "session.type", 0, 0 },
    { "{\"type\":\"session.destroy\"}", ERR_ASK_INVALID, REALTIME_ASK_OTHER, "type", 0, 0 },
    { "{\"type\":5}", ERR_ASK_MISSING, REALTIME_ASK_OTHER, "type", 0, 0 },
    { "{}", ERR_ASK_MISSING, REALTIME_ASK_OTHER, "type", 0, 0 },
    { "[1]", ERR_ASK_MISSING, REALTIME_ASK_OTHER, "type", 0, 0 },
    { "\"response.create\"", ERR_ASK_MISSING, REALTIME_ASK_OTHER, "type", 0, 0 },
    { "", ERR_JSON_SYNTAX, REALTIME_ASK_OTHER, NULL, 0, 0 },
    { "{\"type\":\"response.create\"", ERR_JSON_SYNTAX, REALTIME_ASK_OTHER, NULL, 0, 0 },
};

TEST(a_clients_events_are_told_apart)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(asks); i++) {
        const struct ask_case *row = &asks[i];
        struct realtime_ask ask;
        struct fail fail = { .text = "" };
        struct str text = test_at_page_end(str_from(row->event));
        enum err err = realtime_read_ask(text, &ask, &fail);
        bool named = (ask.param == NULL) == (row->param == NULL) &&
                     (ask.param == NULL || strcmp(ask.param, row->param) == 0);
        if (err != row->err || ask.kind != row->kind || !named || ask.output_cap != row->cap ||
            ask.sound_bytes != row->sound || (err != ERR_OK) != (fail.text[0] != '\0')) {
            test_failed(EP_SITE, "case %zu: %s", i, row->event);
        }
    }
}

TEST(what_is_decided_by_stands_there_once)
{
    static const struct {
        const char *event;
        const char *param;
    } rows[] = {
        { "{\"type\":\"input_audio_buffer.clear\",\"\\u0074ype\":\"response.create\"}", "type" },
        { "{\"type\":\"response.create\",\"event_id\":\"a\",\"event_id\":\"b\"}", "event_id" },
        { " {\"type\":\"response.create\",\"response\":{},\"response\":{}} ", "response" },
        { "{\"type\":\"session.update\",\"session\":{},\"session\":{}}", "session" },
        { "{\"type\":\"input_audio_buffer.append\",\"audio\":\"\",\"audio\":\"AAAA\"}", "audio" },
        { "{\"type\":\"response.create\",\"response\":{\"max_output_tokens\":1,"
          "\"max_output_tokens\":\"inf\"}}",
          "max_output_tokens" },
        { "{\"type\":\"response.create\",\"response\":{\"conversation\":\"auto\",\"a\":1,"
          "\"conversation\":\"none\"}}",
          "conversation" },
        { "{\"type\":\"response.create\",\"response\":{\"max_output_tokens\":1,"
          "\"max_response_output_tokens\":\"inf\"}}",
          "max_response_output_tokens" },
        { "{\"type\":\"session.update\",\"session\":{\"model\":\"a\",\"model\":\"b\"}}", "model" },
        { "{\"type\":\"session.update\",\"session\":{\"max_response_output_tokens\":1,"
          "\"max_output_tokens\":2}}",
          "max_response_output_tokens" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        struct realtime_ask ask;
        struct fail fail = { .text = "" };
        struct str text = test_at_page_end(str_from(rows[i].event));
        CHECK_EQ(realtime_read_ask(text, &ask, &fail), ERR_ASK_DUPLICATE);
        CHECK(ask.param != NULL && strcmp(ask.param, rows[i].param) == 0 && fail.text[0] != '\0');
    }
}

TEST(sound_of_one_byte_a_sample_is_seen_however_it_is_written)
{
    static const struct {
        const char *ask;
        const char *told; /* by the source, of the same */
        bool hears;
    } rows[] = {
        { "{\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pc\\u006du\"}}}}",
          "{\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcmu\"}}}}", true },
        { "{\"input_audio_format\":\"g711\\u005fulaw\"}", "{\"input_audio_format\":\"g711_ulaw\"}",
          true },
        { "{\"instructions\":\"a\\n\",\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcm\"}}}}",
          "{\"instructions\":\"pcmu\",\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcm\"}},"
          "\"output\":{\"format\":{\"type\":\"audio/pcma\"}}}}",
          false },
    };
    char text[512];
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        struct realtime_ask ask;
        struct realtime_event event;
        (void)snprintf(text, sizeof(text), "{\"type\":\"session.update\",\"session\":%s}",
                       rows[i].ask);
        CHECK_EQ(realtime_read_ask(str_from(text), &ask, NULL), ERR_OK);
        CHECK(ask.narrow == rows[i].hears);
        (void)snprintf(text, sizeof(text), "{\"type\":\"session.updated\",\"session\":%s}",
                       rows[i].told);
        realtime_read_event(str_from(text), &event);
        CHECK(event.hears_narrow == rows[i].hears && event.narrow == !rows[i].hears);
    }
}

TEST(of_a_change_the_model_and_the_form_of_sound_are_seen)
{
    struct realtime_ask ask;
    struct str event = STR("{\"event_id\":\"e\\\"1\",\"type\":\"session.update\",\"session\":{"
                           "\"model\":\"m\",\"audio\":{\"input\":{\"format\":{\"type\":"
                           "\"audio/pcmu\"}}}}}");
    CHECK(realtime_read_ask(event, &ask, NULL) == ERR_OK);
    CHECK_STR(ask.model, STR("\"m\""));
    CHECK(ask.model.ptr > event.ptr && ask.model.ptr < event.ptr + event.len);
    CHECK_STR(ask.event_id, STR("\"e\\\"1\""));
    CHECK(ask.narrow);
}

TEST(of_a_response_it_is_seen_whether_its_input_is_the_conversation)
{
    static const char *const texts[] = {
        "{\"type\":\"response.create\",\"response\":{\"conversation\":\"auto\",\"input\":null}}",
        "{\"type\":\"response.create\",\"response\":{\"conversation\":\"none\"}}",
        "{\"type\":\"response.create\",\"response\":{\"input\":[]}}",
        "{\"type\":\"response.create\",\"response\":{\"audio\":{}}}",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        struct realtime_ask ask;
        CHECK(realtime_read_ask(str_from(texts[i]), &ask, NULL) == ERR_OK);
        CHECK(ask.beside == (i == 1) && ask.instead == (i == 2) && ask.sounds == (i == 3));
    }
}

TEST(of_a_session_the_cap_is_told)
{
    static const struct {
        const char *text;
        int64_t cap;
    } rows[] = {
        { "{\"type\":\"session.updated\",\"session\":{\"max_output_tokens\":70}}", 70 },
        { "{\"type\":\"session.created\",\"session\":{\"max_response_output_tokens\":71}}", 71 },
        { "{\"type\":\"session.updated\",\"session\":{\"max_output_tokens\":\"inf\"}}", 0 },
        { "{\"type\":\"session.updated\",\"session\":{\"max_output_tokens\":-1}}", 0 },
        { "{\"type\":\"session.updated\",\"session\":{}}", 0 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        struct realtime_event event;
        realtime_read_event(str_from(rows[i].text), &event);
        CHECK_EQ(event.output_cap, rows[i].cap);
    }
}

TEST(a_total_that_is_nonsense_says_nothing)
{
    CHECK_EQ(realtime_total(STR("{\"total_tokens\":1000000000}")), REALTIME_TOTAL_MAX);
    CHECK_EQ(realtime_total(STR("{\"total_tokens\":1000000001}")), 0);
    CHECK_EQ(realtime_total(STR("{\"total_tokens\":9223372036854775807}")), 0);
    CHECK_EQ(realtime_total(STR("{\"total_tokens\":-1}")), 0);
}

struct event_case {
    const char *event;
    enum realtime_kind kind;
    int64_t text;
    int64_t sound;
    int64_t seconds;
    const char *usage;
};

static const struct event_case events[] = {
    { "{\"type\":\"response.output_text.delta\",\"delta\":\"abc\"}", REALTIME_WITHIN, 3, 0, 0, "" },
    { "{\"type\":\"response.output_audio_transcript.delta\",\"delta\":\"\"}", REALTIME_WITHIN, 0, 0,
      0, "" },
    { "{\"type\":\"response.output_audio.delta\",\"delta\":\"AAAAAAA=\"}", REALTIME_WITHIN, 0, 5, 0,
      "" },
    { "{\"type\":\"response.audio.delta\",\"delta\":\"AAAA\"}", REALTIME_WITHIN, 0, 3, 0, "" },
    { "{\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{}\"}", REALTIME_WITHIN, 2,
      0, 0, "" },
    { "{\"type\":\"response.mcp_call.in_progress\"}", REALTIME_WITHIN, 0, 0, 0, "" },
    { "{\"type\":\"response.created\",\"response\":{}}", REALTIME_BEGUN, 0, 0, 0, "" },
    { "{\"type\":\"response.done\",\"response\":{\"usage\":{\"total_tokens\":9}}}", REALTIME_DONE,
      0, 0, 0, "{\"total_tokens\":9}" },
    { "{\"type\":\"response.done\",\"response\":{\"usage\":null}}", REALTIME_DONE, 0, 0, 0, "" },
    { "{\"type\":\"response.done\"}", REALTIME_DONE, 0, 0, 0, "" },
    { "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"usage\":{\"type\":"
      "\"duration\",\"seconds\":2.01}}",
      REALTIME_TRANSCRIBED, 0, 0, 3, "{\"type\":\"duration\",\"seconds\":2.01}" },
    { "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"usage\":{\"type\":"
      "\"duration\",\"seconds\":4}}",
      REALTIME_TRANSCRIBED, 0, 0, 4, "{\"type\":\"duration\",\"seconds\":4}" },
    { "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"usage\":{"
      "\"seconds\":-4}}",
      REALTIME_TRANSCRIBED, 0, 0, 0, "{\"seconds\":-4}" },
    { "{\"type\":\"conversation.item.input_audio_transcription.delta\"}", REALTIME_OTHER, 0, 0, 0,
      "" },
    { "{\"type\":\"input_audio_buffer.speech_started\"}", REALTIME_OTHER, 0, 0, 0, "" },
    { "{\"type\":\"error\",\"error\":{}}", REALTIME_ERROR, 0, 0, 0, "" },
    { "{\"type\":\"rate_limits.updated\"}", REALTIME_LIMITS, 0, 0, 0, "" },
    { "{\"type\":\"session.updated\",\"session\":{\"model\":\"m\"}}", REALTIME_SESSION, 0, 0, 0,
      "" },
};

TEST(a_servers_events_are_told_apart)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(events); i++) {
        const struct event_case *row = &events[i];
        struct realtime_event event;
        struct chat_event chunk;
        struct str text = test_at_page_end(str_from(row->event));
        realtime_read_event(text, &event);
        realtime_read_chunk(text, &chunk);
        bool last = row->kind == REALTIME_DONE || row->kind == REALTIME_TRANSCRIBED;
        if (event.bad || event.kind != row->kind || event.text_bytes != row->text ||
            event.sound_bytes != row->sound || event.seconds != row->seconds ||
            !str_eq(event.usage, str_from(row->usage)) || chunk.done != last || chunk.bad ||
            chunk.content_bytes != row->text + row->sound) {
            test_failed(EP_SITE, "case %zu: %s", i, row->event);
        }
    }
}

TEST(what_is_no_event_is_bad)
{
    static const char *const texts[] = {
        "", "{", "[]", "{}", "{\"type\":1}", "null", "{\"type\"}"
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        struct realtime_event event;
        realtime_read_event(test_at_page_end(str_from(texts[i])), &event);
        CHECK(event.bad);
    }
}

struct name_case {
    const char *event;
    const char *response;
    const char *event_id;
    bool within;
    bool said;
    bool narrow;
};

static const struct name_case names[] = {
    { "{\"type\":\"response.created\",\"response\":{\"id\":\"r1\",\"conversation_id\":\"c\"}}",
      "\"r1\"", "", true, false, false },
    { "{\"type\":\"response.created\",\"response\":{\"id\":\"r1\",\"conversation_id\":null}}",
      "\"r1\"", "", false, false, false },
    { "{\"type\":\"response.created\",\"response\":{\"id\":7}}", "", "", false, false, false },
    { "{\"type\":\"response.created\"}", "", "", false, false, false },
    { "{\"type\":\"response.done\",\"response\":{\"id\":\"r2\",\"conversation_id\":\"c\"}}",
      "\"r2\"", "", false, false, false },
    { "{\"type\":\"response.output_text.delta\",\"response_id\":\"r3\"}", "\"r3\"", "", false,
      false, false },
    { "{\"type\":\"response.output_text.delta\",\"response\":{\"id\":\"r3\"}}", "", "", false,
      false, false },
    { "{\"type\":\"error\",\"event_id\":\"of the source\",\"error\":{\"event_id\":\"e\"}}", "",
      "\"e\"", false, false, false },
    { "{\"type\":\"error\",\"error\":{\"event_id\":null}}", "", "", false, false, false },
    { "{\"type\":\"conversation.item.done\",\"item\":{\"role\":\"assistant\"}}", "", "", false,
      true, false },
    { "{\"type\":\"conversation.item.added\",\"item\":{\"type\":\"function_call\"}}", "", "", false,
      true, false },
    { "{\"type\":\"conversation.item.added\",\"item\":{\"role\":\"user\"}}", "", "", false, false,
      false },
    { "{\"type\":\"conversation.item.added\",\"item\":7}", "", "", false, false, false },
    { "{\"type\":\"session.updated\",\"session\":{\"audio\":{\"output\":{\"format\":{\"type\":"
      "\"audio/pcma\"}}}}}",
      "", "", false, false, true },
    { "{\"type\":\"session.updated\",\"session\":{\"audio\":{\"input\":{\"format\":{\"type\":"
      "\"audio/pcma\"}}}}}",
      "", "", false, false, false },
    { "{\"type\":\"session.created\",\"session\":{\"output_audio_format\":\"g711_ulaw\"}}", "", "",
      false, false, true },
};

TEST(what_an_event_is_of_is_read)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        const struct name_case *row = &names[i];
        struct realtime_event event;
        realtime_read_event(test_at_page_end(str_from(row->event)), &event);
        if (event.bad || !str_eq(event.response, str_from(row->response)) ||
            !str_eq(event.event_id, str_from(row->event_id)) || event.within != row->within ||
            event.said != row->said || event.narrow != row->narrow) {
            test_failed(EP_SITE, "case %zu: %s", i, row->event);
        }
    }
}

TEST(a_name_is_no_longer_than_it_may_be_and_not_ours)
{
    static const struct {
        const char *first;
        size_t more;
        enum err err;
    } rows[] = {
        { "", 512, ERR_OK },
        { "", 513, ERR_ASK_INVALID },
        { "entrepot_", 1, ERR_ASK_INVALID },
        { "entrepot", 0, ERR_OK },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        struct realtime_ask ask;
        struct fail fail = { .text = "" };
        char text[1024];
        char more[600];
        memset(more, 'x', sizeof(more));
        int len =
            snprintf(text, sizeof(text), "{\"type\":\"response.create\",\"event_id\":\"%s%.*s\"}",
                     rows[i].first, (int)rows[i].more, more);
        enum err err = realtime_read_ask((struct str){ text, (size_t)len }, &ask, &fail);
        CHECK(err == rows[i].err && (err == ERR_OK || strcmp(ask.param, "event_id") == 0));
    }
}

TEST(what_is_sent_to_a_source_is_named)
{
    struct buf out;
    buf_init(&out, 4096);
    CHECK(realtime_write_named(&out, STR(" {\"type\":\"x\"} "), STR("\"entrepot_1\"")) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"event_id\":\"entrepot_1\",\"type\":\"x\"}"));
    buf_reset(&out);
    CHECK(realtime_write_cancel(&out, STR("\"r\""), STR("\"entrepot_2\"")) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"type\":\"response.cancel\",\"event_id\":\"entrepot_2\","
                                 "\"response_id\":\"r\"}"));
    buf_reset(&out);
    CHECK(realtime_write_cancel(&out, STR_EMPTY, STR("\"entrepot_3\"")) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"type\":\"response.cancel\",\"event_id\":\"entrepot_3\"}"));
    buf_reset(&out);
    CHECK(realtime_write_refusal(&out, "busy", STR("a \"word\"")) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"type\":\"invalid_request_error\",\"code\":\"busy\","
                                 "\"message\":\"a \\\"word\\\"\",\"param\":null}"));
    buf_fini(&out);
}

TEST(a_total_is_read_where_there_is_one)
{
    CHECK_EQ(realtime_total(STR("{\"total_tokens\":12}")), 12);
    CHECK_EQ(realtime_total(STR("{\"total_tokens\":-12}")), 0);
    CHECK_EQ(realtime_total(STR("{}")), 0);
    CHECK_EQ(realtime_total(STR_EMPTY), 0);
}

TEST(an_error_is_an_event_that_names_the_clients)
{
    struct buf out;
    struct json_fault fault;
    buf_init(&out, 4096);
    CHECK(realtime_write_error(&out, STR("{\"message\":\"no\",\"code\":null,\"event_id\":\"x\"}"),
                               STR("\"e1\""), 7) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"type\":\"error\",\"event_id\":\"event_7\",\"error\":{"
                                 "\"message\":\"no\",\"code\":null,\"event_id\":\"e1\"}}"));
    buf_reset(&out);
    CHECK(realtime_write_error(&out, STR("{}"), STR_EMPTY, 8) == ERR_OK);
    CHECK(json_check(buf_str(&out), &fault) == ERR_OK);
    buf_fini(&out);
}

TEST(an_event_of_several_lines_is_one_line_of_a_stream)
{
    struct buf out;
    buf_init(&out, 4096);
    CHECK(realtime_write_sse(&out, STR("{\r\n \"a\":\n1}")) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("data: {   \"a\": 1}\n\n"));
    buf_fini(&out);
}

static void write_without_memory(void)
{
    struct buf out;
    buf_init(&out, 4096);
    EP_IGNORE(realtime_write_error(&out, STR("{\"message\":\"no\"}"), STR("\"e\""), 1));
    buf_fini(&out);
    EP_IGNORE(realtime_write_sse(&out, STR("{}")));
    buf_fini(&out);
    EP_IGNORE(realtime_write_named(&out, STR("{\"a\":1}"), STR("\"e\"")));
    buf_fini(&out);
    EP_IGNORE(realtime_write_cancel(&out, STR("\"r\""), STR("\"e\"")));
    buf_fini(&out);
    EP_IGNORE(realtime_write_refusal(&out, "busy", STR("no")));
    buf_fini(&out);
}

TEST(memory_that_is_out_leaks_nothing)
{
    CHECK(test_each_allocation_failing(write_without_memory) >= 5);
}
