#include "dialect/tokens.h"

#include "harness.h"
#include "wire/json.h"

struct report {
    enum dialect dialect;
    const char *json;
    struct event_tokens want;
};

#define OF(...)                \
    {                          \
        .of = { __VA_ARGS__ }, \
    }

static const struct report reports[] = {
    { DIALECT_CHAT, "{\"prompt_tokens\":100,\"completion_tokens\":50,\"total_tokens\":150}",
      OF([TOKENS_IN] = 100, [TOKENS_OUT] = 50) },
    { DIALECT_CHAT,
      "{\"prompt_tokens\":2006,\"completion_tokens\":300,\"prompt_tokens_details\":"
      "{\"cached_tokens\":1920,\"audio_tokens\":0},\"completion_tokens_details\":"
      "{\"reasoning_tokens\":192,\"audio_tokens\":0}}",
      OF([TOKENS_IN] = 86, [TOKENS_CACHED] = 1920, [TOKENS_OUT] = 108, [TOKENS_REASON] = 192) },
    { DIALECT_CHAT,
      "{\"prompt_tokens\":500,\"completion_tokens\":80,"
      "\"prompt_tokens_details\":{\"cached_tokens\":"
      "128,\"audio_tokens\":200},\"completion_tokens_details\":{\"audio_tokens\":60}}",
      OF([TOKENS_IN] = 172, [TOKENS_CACHED] = 128, [TOKENS_IN_AUDIO] = 200, [TOKENS_OUT] = 20,
         [TOKENS_OUT_AUDIO] = 60) },
    { DIALECT_CHAT,
      "{\"prompt_tokens\":100,\"completion_tokens\":10,"
      "\"prompt_tokens_details\":{\"cached_tokens\":"
      "64,\"audio_tokens\":60}}",
      OF([TOKENS_CACHED] = 40, [TOKENS_IN_AUDIO] = 36, [TOKENS_CACHED_AUDIO] = 24,
         [TOKENS_OUT] = 10) },
    { DIALECT_CHAT, /* DeepSeek */
      "{\"prompt_tokens\":1000,\"completion_tokens\":200,\"prompt_cache_hit_tokens\":896,"
      "\"completion_tokens_details\":{\"reasoning_tokens\":150}}",
      OF([TOKENS_IN] = 104, [TOKENS_CACHED] = 896, [TOKENS_OUT] = 50, [TOKENS_REASON] = 150) },
    { DIALECT_CHAT, /* Moonshot */
      "{\"prompt_tokens\":19,\"completion_tokens\":21,\"cached_tokens\":10}",
      OF([TOKENS_IN] = 9, [TOKENS_CACHED] = 10, [TOKENS_OUT] = 21) },
    { DIALECT_CHAT, /* Qwen */
      "{\"prompt_tokens\":3019,\"completion_tokens\":104,\"prompt_tokens_details\":"
      "{\"cached_tokens\":2048,\"cache_creation_input_tokens\":900}}",
      OF([TOKENS_IN] = 71, [TOKENS_CACHED] = 2048, [TOKENS_W5M] = 900, [TOKENS_OUT] = 104) },
    { DIALECT_CHAT, /* contradicts itself: no class is below zero */
      "{\"prompt_tokens\":10,\"completion_tokens\":5,\"completion_tokens_details\":"
      "{\"reasoning_tokens\":9}}",
      OF([TOKENS_IN] = 10, [TOKENS_REASON] = 5) },
    { DIALECT_CHAT,
      "{\"prompt_tokens\":\"10\",\"completion_tokens\":-5,\"prompt_tokens_details\":[],"
      "\"completion_tokens_details\":null}",
      OF(0) },
    { DIALECT_RESPONSES,
      "{\"input_tokens\":5000,\"input_tokens_details\":{\"cached_tokens\":3000,"
      "\"cache_write_tokens\":1500,\"cache_write_tokens_details\":{\"ttl_30m_tokens\":1000,"
      "\"ttl_12h_tokens\":500}},\"output_tokens\":700,\"output_tokens_details\":"
      "{\"reasoning_tokens\":640},\"total_tokens\":5700}",
      OF([TOKENS_IN] = 500, [TOKENS_CACHED] = 3000, [TOKENS_W30M] = 1000, [TOKENS_W12H] = 500,
         [TOKENS_OUT] = 60, [TOKENS_REASON] = 640) },
    { DIALECT_ANTHROPIC,
      "{\"input_tokens\":21,\"cache_creation_input_tokens\":188086,\"cache_read_input_tokens\":0,"
      "\"output_tokens\":393}",
      OF([TOKENS_IN] = 21, [TOKENS_W5M] = 188086, [TOKENS_OUT] = 393) },
    { DIALECT_ANTHROPIC,
      "{\"input_tokens\":7,\"cache_creation_input_tokens\":300,\"cache_read_input_tokens\":4000,"
      "\"cache_creation\":{\"ephemeral_5m_input_tokens\":100,\"ephemeral_1h_input_tokens\":200},"
      "\"output_tokens\":503,\"output_tokens_details\":{\"thinking_tokens\":400}}",
      OF([TOKENS_IN] = 7, [TOKENS_CACHED] = 4000, [TOKENS_W5M] = 100, [TOKENS_W1H] = 200,
         [TOKENS_OUT] = 103, [TOKENS_REASON] = 400) },
    { DIALECT_GEMINI,
      "{\"promptTokenCount\":1000,\"cachedContentTokenCount\":600,\"candidatesTokenCount\":70,"
      "\"thoughtsTokenCount\":620,\"totalTokenCount\":1690}",
      OF([TOKENS_IN] = 400, [TOKENS_CACHED] = 600, [TOKENS_OUT] = 70, [TOKENS_REASON] = 620) },
    { DIALECT_GEMINI,
      "{\"promptTokenCount\":300,\"promptTokensDetails\":[{\"modality\":\"TEXT\","
      "\"tokenCount\":42},"
      "{\"modality\":\"IMAGE\",\"tokenCount\":258}],\"candidatesTokenCount\":1290,"
      "\"candidatesTokensDetails\":[{\"modality\":\"IMAGE\",\"tokenCount\":1290}],"
      "\"toolUsePromptTokenCount\":15,\"totalTokenCount\":1605}",
      OF([TOKENS_IN] = 42, [TOKENS_IN_IMAGE] = 258, [TOKENS_IN_TOOL] = 15,
         [TOKENS_OUT_IMAGE] = 1290) },
    { DIALECT_GEMINI, "{\"promptTokenCount\":12,\"thoughtsTokenCount\":88,\"totalTokenCount\":100}",
      OF([TOKENS_IN] = 12, [TOKENS_REASON] = 88) },
};

static void read_report(enum dialect dialect, struct str json, struct event_tokens *ret_tokens)
{
    struct tokens_so_far so_far = { 0 };
    switch (dialect) {
    case DIALECT_CHAT:
        tokens_read_chat(json, ret_tokens);
        break;
    case DIALECT_RESPONSES:
        tokens_read_responses(json, ret_tokens);
        break;
    case DIALECT_ANTHROPIC:
        tokens_read_anthropic(json, &so_far, ret_tokens);
        break;
    case DIALECT_GEMINI:
        tokens_read_gemini(json, ret_tokens);
        break;
    case DIALECT_COUNT:
        break;
    }
}

TEST(a_report_is_classes)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(reports); i++) {
        struct event_tokens got;
        read_report(reports[i].dialect, str_from(reports[i].json), &got);
        for (size_t k = 0; k < TOKENS_COUNT; k++) {
            CHECK_EQ(got.of[k], reports[i].want.of[k]);
        }
    }
}

TEST(a_later_report_overwrites_what_it_names_and_never_adds)
{
    struct tokens_so_far so_far = { 0 };
    struct event_tokens tokens;
    tokens_read_anthropic(STR("{\"input_tokens\":10,\"cache_read_input_tokens\":5,"
                              "\"output_tokens\":1}"),
                          &so_far, &tokens);
    tokens_read_anthropic(STR("{\"output_tokens\":7,\"cache_read_input_tokens\":null}"), &so_far,
                          &tokens);
    CHECK_EQ(tokens.of[TOKENS_IN], 10);
    CHECK_EQ(tokens.of[TOKENS_CACHED], 5);
    CHECK_EQ(tokens.of[TOKENS_OUT], 7);
}

/* Classes that each dialect can name go there and come back. */
TEST(classes_come_back_from_where_they_can_be_named)
{
    static const unsigned named[DIALECT_COUNT] = {
        [DIALECT_CHAT] = 1U << TOKENS_IN | 1U << TOKENS_CACHED | 1U << TOKENS_WX |
                         1U << TOKENS_IN_AUDIO | 1U << TOKENS_IN_IMAGE | 1U << TOKENS_OUT |
                         1U << TOKENS_REASON | 1U << TOKENS_OUT_AUDIO | 1U << TOKENS_OUT_IMAGE,
        /* Life times are told where they are all that was written. */
        [DIALECT_RESPONSES] = 1U << TOKENS_IN | 1U << TOKENS_CACHED | 1U << TOKENS_W30M |
                              1U << TOKENS_W12H | 1U << TOKENS_OUT | 1U << TOKENS_REASON,
        [DIALECT_ANTHROPIC] = 1U << TOKENS_IN | 1U << TOKENS_CACHED | 1U << TOKENS_W5M |
                              1U << TOKENS_W1H | 1U << TOKENS_OUT | 1U << TOKENS_REASON,
        [DIALECT_GEMINI] = 1U << TOKENS_IN | 1U << TOKENS_IN_AUDIO | 1U << TOKENS_IN_IMAGE |
                           1U << TOKENS_CACHED | 1U << TOKENS_CACHED_AUDIO |
                           1U << TOKENS_CACHED_IMAGE | 1U << TOKENS_IN_TOOL | 1U << TOKENS_OUT |
                           1U << TOKENS_REASON | 1U << TOKENS_OUT_AUDIO | 1U << TOKENS_OUT_IMAGE,
    };
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        struct event_tokens tokens = { 0 };
        struct event_tokens got;
        struct json_fault fault;
        struct buf out;
        buf_init(&out, 4096);
        struct put put = { &out, ERR_OK };
        for (unsigned k = 0; k < TOKENS_COUNT; k++) {
            tokens.of[k] = (named[i] >> k & 1) != 0 ? 10 + k : 0;
        }
        /* Cached tokens come off the text where both are there: there is text enough. */
        tokens.of[TOKENS_IN] = 100;
        tokens_write(&put, (enum dialect)i, &tokens);
        CHECK(put.err == ERR_OK && json_check(buf_str(&out), &fault) == ERR_OK);
        read_report((enum dialect)i, buf_str(&out), &got);
        for (unsigned k = 0; k < TOKENS_COUNT; k++) {
            CHECK_EQ(got.of[k], tokens.of[k]);
        }
        CHECK_EQ(tokens_in(&tokens) + tokens_out(&tokens), event_tokens_sum(&tokens));
        buf_fini(&out);
    }
}

TEST(no_token_is_lost_whoever_is_told)
{
    struct event_tokens tokens;
    for (unsigned k = 0; k < TOKENS_COUNT; k++) {
        tokens.of[k] = 1 << k;
    }
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        struct event_tokens got;
        struct buf out;
        buf_init(&out, 4096);
        struct put put = { &out, ERR_OK };
        tokens_write(&put, (enum dialect)i, &tokens);
        CHECK(put.err == ERR_OK);
        read_report((enum dialect)i, buf_str(&out), &got);
        CHECK_EQ(event_tokens_sum(&got), event_tokens_sum(&tokens));
        CHECK_EQ(tokens_out(&got), tokens_out(&tokens));
        buf_fini(&out);
    }
}
