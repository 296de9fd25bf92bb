/* What each dialect's client is sent, byte for byte, and what it costs to wait. */
#include "dialect/encode.h"

#include "dialect_sample.h"
#include "harness.h"
#include "wire/json.h"

static struct arena arena;
static struct buf out;
static struct encode encode;

static const struct event answer[] = {
    { .kind = EVENT_BEGIN,
      .begin = { .source = DIALECT_GEMINI,
                 .id = STR_INIT("u"),
                 .model = STR_INIT("m"),
                 .created_s = 7 } },
    { .kind = EVENT_OPEN, .item = 0, .open = { .kind = EVENT_REASON } },
    { .kind = EVENT_DELTA,
      .item = 0,
      .delta = { .channel = EVENT_THOUGHT, .text = STR_INIT("r") } },
    { .kind = EVENT_CLOSE, .item = 0 },
    { .kind = EVENT_OPEN, .item = 1, .open = { .kind = EVENT_TEXT } },
    { .kind = EVENT_DELTA,
      .item = 1,
      .delta = { .channel = EVENT_CONTENT, .text = STR_INIT("a\\n") } },
    { .kind = EVENT_CLOSE, .item = 1 },
    { .kind = EVENT_OPEN, .item = 2, .open = { .kind = EVENT_TOOL, .name = STR_INIT("f") } },
    { .kind = EVENT_DELTA,
      .item = 2,
      .delta = { .channel = EVENT_ARGS, .text = STR_INIT("{\\\"x\\\":1}") } },
    { .kind = EVENT_CLOSE, .item = 2 },
    { .kind = EVENT_FINISH, .finish = { .reason = EVENT_CALLS } },
    { .kind = EVENT_USAGE,
      .usage = { .tokens = { .of = { [TOKENS_IN] = 5, [TOKENS_OUT] = 3, [TOKENS_REASON] = 1 } } } },
    { .kind = EVENT_END },
};

static const struct encode_options options[DIALECT_COUNT] = {
    { .dialect = DIALECT_CHAT, .call = STR_INIT("c1"), .include_usage = true, .waiting_max = 64 },
    { .dialect = DIALECT_RESPONSES, .call = STR_INIT("c1"), .echo = STR_INIT("\"store\":false,") },
    { .dialect = DIALECT_ANTHROPIC, .call = STR_INIT("c1"), .waiting_max = 64, .input_tokens = 4 },
    { .dialect = DIALECT_GEMINI, .call = STR_INIT("c1"), .waiting_max = 64 },
};

static enum err tell_all(enum dialect target)
{
    enum err err = ERR_OK;
    arena_init(&arena, 256, 65536);
    buf_init(&out, 65536);
    encode_init(&encode, &options[target], &arena, &out);
    for (size_t i = 0; i < EP_ARRAY_LEN(answer) && err == ERR_OK; i++) {
        err = encode_take(&encode, &answer[i]);
    }
    return err;
}

static void end_all(void)
{
    buf_fini(&out);
    arena_fini(&arena);
}

#define CHAT(choices)                                                                   \
    "data: {\"id\":\"chatcmpl-c1\",\"object\":\"chat.completion.chunk\",\"created\":7," \
    "\"model\":\"m\","                                                                  \
    "\"system_fingerprint\":null,\"choices\":[" choices
#define CHAT_DELTA(delta)                 \
    CHAT("{\"index\":0,\"delta\":{" delta \
         "},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n")

TEST(a_chat_client_is_told)
{
    CHECK(tell_all(DIALECT_CHAT) == ERR_OK);
    CHECK_STR(buf_str(&out),
              STR(CHAT_DELTA("\"role\":\"assistant\",\"content\":null,\"refusal\":null") CHAT_DELTA(
                  "\"reasoning_content\":\"r\",\"reasoning_details\":[{\"type\":\"reasoning.text\","
                  "\"index\":0,\"text\":\"r\"}]") CHAT_DELTA("\"content\":\"a\\n\"")
                      CHAT_DELTA(
                          "\"tool_calls\":[{\"index\":0,\"id\":\"call_c1_2\",\"type\":\"function\","
                          "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]")
                          CHAT_DELTA("\"tool_calls\":[{\"index\":0,"
                                     "\"function\":{\"arguments\":\"{\\\"x\\\":1}\"}}]")
                              CHAT("{\"index\":0,\"delta\":{},\"logprobs\":null,"
                                   "\"finish_reason\":\"tool_calls\"}],"
                                   "\"usage\":null}\n\n")
                                  CHAT("],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":4,"
                                       "\"total_tokens\":9,"
                                       "\"prompt_tokens_details\":{\"cached_tokens\":0,"
                                       "\"audio_tokens\":0},"
                                       "\"completion_tokens_details\":{\"reasoning_tokens\":1,"
                                       "\"audio_tokens\":0}}}\n\n") "data: [DONE]\n\n"));
    end_all();
}

#define NO_MORE               "\"stop_details\":null,\"container\":null}"
#define GEMINI_TAIL           "\"modelVersion\":\"m\",\"responseId\":\"c1\"}\n\n"
#define ANTHROPIC(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define ANTHROPIC_USAGE(in, out, thinking)                                                      \
    "{\"input_tokens\":" in ",\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0," \
    "\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},"     \
    "\"output_tokens\":" out ",\"output_tokens_details\":{\"thinking_tokens\":" thinking "},"   \
    "\"server_tool_use\":null,\"service_tier\":null,\"inference_geo\":null,\"speed\":null}"

#define ANTHROPIC_FIRST                                                                    \
    "{\"input_tokens\":4,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0," \
    "\"cache_creation\":null,\"output_tokens\":0,"                                         \
    "\"output_tokens_details\":{\"thinking_tokens\":0},"                                   \
    "\"server_tool_use\":null,\"service_tier\":null,\"inference_geo\":null,\"speed\":null}"

TEST(an_anthropic_client_is_told)
{
    CHECK(tell_all(DIALECT_ANTHROPIC) == ERR_OK);
    CHECK_STR(
        buf_str(&out),
        STR(ANTHROPIC("message_start",
                      ",\"message\":{\"id\":\"msg_c1\",\"type\":\"message\",\"role\":\"assistant\","
                      "\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
                      "\"stop_details\":null,\"container\":null,\"usage\":" ANTHROPIC_FIRST
                      "}") ANTHROPIC("content_block_start",
                                     ",\"index\":0,\"content_block\":{\"type\":\"thinking\","
                                     "\"thinking\":\"\",\"signature\":\"\"}")
                ANTHROPIC("content_block_delta",
                          ",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"r\"}")
                    ANTHROPIC("content_block_delta",
                              ",\"index\":0,\"delta\":{\"type\":\"signature_delta\","
                              "\"signature\":\"ep_sig.gemini.\"}")
                        ANTHROPIC("content_block_stop", ",\"index\":0") ANTHROPIC(
                            "content_block_start",
                            ",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
                            ANTHROPIC("content_block_delta",
                                      ",\"index\":1,\"delta\":{\"type\":\"text_delta\","
                                      "\"text\":\"a\\n\"}") ANTHROPIC("content_block_stop",
                                                                      ",\"index\":1")
                                ANTHROPIC("content_block_start",
                                          ",\"index\":2,\"content_block\":{\"type\":\"tool_use\","
                                          "\"id\":\"toolu_c1_2\",\"name\":\"f\",\"input\":{}}")
                                    ANTHROPIC(
                                        "content_block_delta",
                                        ",\"index\":2,\"delta\":{\"type\":\"input_json_delta\","
                                        "\"partial_json\":\"{\\\"x\\\":1}\"}")
                                        ANTHROPIC("content_block_stop", ",\"index\":2")
                                            ANTHROPIC("message_delta",
                                                      ",\"delta\":{\"stop_reason\":\"tool_use\","
                                                      "\"stop_sequence\":null," NO_MORE
                                                      ",\"usage\":" ANTHROPIC_USAGE("5", "4", "1"))
                                                ANTHROPIC("message_stop", "")));
    end_all();
}

#define GEMINI(part)                                                                               \
    "data: {\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[" part "]}}]," \
    "\"modelVersion\":\"m\",\"responseId\":\"c1\"}\n\n"

#define GEMINI_END                                                           \
    "data: {\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\","   \
    "\"parts\":[{\"text\":\"\"}]},"                                          \
    "\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":5," \
    "\"candidatesTokenCount\":3,\"totalTokenCount\":9,\"thoughtsTokenCount\":1}," GEMINI_TAIL
#define GEMINI_ALL                                                   \
    GEMINI("{\"text\":\"r\",\"thought\":true}")                      \
    GEMINI("{\"text\":\"a\\n\"}")                                    \
    GEMINI("{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\":1}}}") \
    GEMINI_END

TEST(a_gemini_client_is_told)
{
    CHECK(tell_all(DIALECT_GEMINI) == ERR_OK);
    CHECK_STR(buf_str(&out), STR(GEMINI_ALL));
    end_all();
}

/* Names of the events, in their order. */
TEST(what_came_on_several_lines_leaves_on_one)
{
    static const struct event hosted[] = {
        { .kind = EVENT_BEGIN, .begin = { .source = DIALECT_GEMINI, .model = STR_INIT("m") } },
        { .kind = EVENT_OPEN,
          .item = 0,
          .open = { .kind = EVENT_HOSTED,
                    .json = STR_INIT("{\"executableCode\":\n\n {\"code\":\r\n\"x\"}}") } },
        { .kind = EVENT_CLOSE, .item = 0 },
    };
    arena_init(&arena, 256, 65536);
    buf_init(&out, 65536);
    encode_init(&encode, &options[DIALECT_GEMINI], &arena, &out);
    for (size_t i = 0; i < EP_ARRAY_LEN(hosted); i++) {
        CHECK(encode_take(&encode, &hosted[i]) == ERR_OK);
    }
    struct str told = buf_str(&out);
    CHECK(str_search(told, STR("{\"executableCode\":   {\"code\":  \"x\"}}")) < told.len);
    CHECK_EQ(str_search(told, STR("\n\n")), told.len - 2);
    end_all();
}

TEST(a_responses_client_is_told_in_pairs_and_numbers)
{
    static const char *const names[] = { "response.created",
                                         "response.in_progress",
                                         "response.output_item.added",
                                         "response.content_part.added",
                                         "response.reasoning_text.delta",
                                         "response.reasoning_text.done",
                                         "response.content_part.done",
                                         "response.output_item.done",
                                         "response.output_item.added",
                                         "response.content_part.added",
                                         "response.output_text.delta",
                                         "response.output_text.done",
                                         "response.content_part.done",
                                         "response.output_item.done",
                                         "response.output_item.added",
                                         "response.function_call_arguments.delta",
                                         "response.function_call_arguments.done",
                                         "response.output_item.done",
                                         "response.completed" };
    CHECK(tell_all(DIALECT_RESPONSES) == ERR_OK);
    struct str rest = buf_str(&out);
    struct str data = STR_EMPTY;
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        int64_t number = -1;
        struct json_fault fault;
        struct str event = str_cut(&rest, '\n');
        data = str_cut(&rest, '\n');
        CHECK(str_starts(event, STR("event: ")) && str_starts(data, STR("data: ")));
        CHECK_STR(str_from_at(event, 7), str_from(names[i]));
        data = str_from_at(data, 6);
        CHECK(json_check(data, &fault) == ERR_OK);
        CHECK(json_string_is(json_get(data, STR("type")), str_from(names[i])));
        CHECK(json_i64(json_get(data, STR("sequence_number")), &number));
        CHECK_EQ(number, i);
        CHECK_EQ(str_cut(&rest, '\n').len, 0);
    }
    CHECK_EQ(rest.len, 0);
    CHECK_STR(
        json_get(json_get(data, STR("response")), STR("output")),
        STR("[{\"id\":\"rs_c1_0\",\"type\":\"reasoning\",\"summary\":[],\"content\":[{\"type\":"
            "\"reasoning_text\",\"text\":\"r\"}],\"encrypted_content\":null,"
            "\"status\":\"completed\"},"
            "{\"id\":\"msg_c1_1\",\"type\":\"message\",\"role\":\"assistant\","
            "\"content\":[{\"type\":"
            "\"output_text\",\"text\":\"a\\n\",\"annotations\":[],\"logprobs\":[]}],"
            "\"status\":\"completed\"},"
            "{\"id\":\"fc_c1_2\",\"type\":\"function_call\",\"call_id\":\"call_c1_2\","
            "\"name\":\"f\","
            "\"arguments\":\"{\\\"x\\\":1}\",\"status\":\"completed\"}]"));
    end_all();
}

/* Two tools in turns: the second waits, and there is an end to waiting. */
TEST(what_waits_for_its_turn_is_bounded)
{
    static const enum dialect targets[] = { DIALECT_ANTHROPIC, DIALECT_GEMINI };
    for (size_t i = 0; i < EP_ARRAY_LEN(targets); i++) {
        struct event open = { .kind = EVENT_OPEN,
                              .open = { .kind = EVENT_TOOL, .name = STR_INIT("f") } };
        struct event piece = { .kind = EVENT_DELTA,
                               .delta = { .channel = EVENT_ARGS, .text = STR_INIT("1234567890") } };
        unsigned pieces = 0;
        enum err err = ERR_OK;
        arena_init(&arena, 256, 65536);
        buf_init(&out, 65536);
        encode_init(&encode, &options[targets[i]], &arena, &out);
        CHECK(encode_take(&encode, &answer[0]) == ERR_OK);
        CHECK(encode_take(&encode, &open) == ERR_OK);
        open.item = 1;
        piece.item = 1;
        CHECK(encode_take(&encode, &open) == ERR_OK);
        for (; err == ERR_OK; pieces++) {
            err = encode_take(&encode, &piece);
        }
        CHECK(err == ERR_UPSTREAM_SIZE);
        CHECK_EQ(pieces, 7); /* 64 bytes */
        end_all();
    }
}

TEST(an_error_in_a_stream_is_each_dialects_own)
{
    static const char *const ends[DIALECT_COUNT] = {
        "\"code\":null}}\n\ndata: [DONE]\n\n",
        "\"message\":\"full\",\"param\":null,\"sequence_number\":3}\n\n",
        "\"error\":{\"type\":\"overloaded_error\",\"message\":\"full\"},\"request_id\":null}\n\n",
        "\"status\":\"UNAVAILABLE\",\"details\":[]}}\n\n",
    };
    const struct event error = { .kind = EVENT_ERROR,
                                 .error = { .status = 529, .message = STR_INIT("full") } };
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        arena_init(&arena, 256, 65536);
        buf_init(&out, 65536);
        encode_init(&encode, &options[i], &arena, &out);
        CHECK(encode_take(&encode, &answer[0]) == ERR_OK);
        CHECK(encode_take(&encode, &error) == ERR_OK);
        CHECK(str_ends(buf_str(&out), str_from(ends[i])));
        bool failed = str_search(buf_str(&out), STR("event: response.failed")) < out.len;
        CHECK_EQ(failed, i == DIALECT_RESPONSES);
        end_all();
    }
}

TEST(a_call_that_was_broken_off_is_none_where_it_must_be_whole)
{
    const struct event cut[] = {
        answer[0],
        { .kind = EVENT_OPEN, .open = { .kind = EVENT_TOOL, .name = STR_INIT("f") } },
        { .kind = EVENT_DELTA, .delta = { .channel = EVENT_ARGS, .text = STR_INIT("{") } },
        { .kind = EVENT_CLOSE },
        { .kind = EVENT_FINISH, .finish = { .reason = EVENT_LENGTH } },
        { .kind = EVENT_END }
    };
    struct fold fold;
    struct lost lost = { 0 };
    arena_init(&arena, 256, 65536);
    buf_init(&out, 65536);
    encode_init(&encode, &options[DIALECT_GEMINI], &arena, &out);
    fold_init(&fold, &arena);
    for (size_t i = 0; i < EP_ARRAY_LEN(cut); i++) {
        CHECK(encode_take(&encode, &cut[i]) == ERR_OK);
        CHECK(fold_take(&fold, &cut[i]) == ERR_OK);
    }
    CHECK(lost_has(&encode.lost, LOST_BIT_TOOL_ARGS));
    CHECK(str_search(buf_str(&out), STR("functionCall")) == out.len);
    CHECK(encode_body(&options[DIALECT_ANTHROPIC], &fold, &out, &lost) == ERR_OK);
    CHECK(lost_has(&lost, LOST_BIT_TOOL_ARGS));
    end_all();
}

static enum dialect target_of_failing;

static void encode_all(void)
{
    struct fold fold;
    struct lost lost = { 0 };
    enum err err = tell_all(target_of_failing);
    fold_init(&fold, &arena);
    for (size_t i = 0; i < EP_ARRAY_LEN(answer) && err == ERR_OK; i++) {
        err = fold_take(&fold, &answer[i]);
    }
    err = err == ERR_OK ? encode_body(&options[target_of_failing], &fold, &out, &lost) : err;
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    end_all();
}

TEST(running_out_of_memory_is_an_error_of_its_own)
{
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        target_of_failing = (enum dialect)i;
        CHECK(test_each_allocation_failing(encode_all) > 5);
    }
}
