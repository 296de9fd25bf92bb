#include "tongue.h"

static void say(struct buf *out, const char *text)
{
    enum err err = buf_append(out, str_from(text));
    ASSERT(err == ERR_OK);
}

static void say_int(struct buf *out, const char *name, int64_t number)
{
    enum err err = buf_printf(out, "\"%s\":%lld", name, (long long)number);
    ASSERT(err == ERR_OK);
}

static void say_text(struct buf *out, const struct tongue_told *told)
{
    for (int64_t i = 0; i < told->pieces; i++) {
        say(out, told->piece);
    }
}

static int64_t told_sum(const struct tongue_told *told)
{
    return told->prompt + told->completion + (told->odd_sum ? 1 : 0);
}

/* ---- chat completions -------------------------------------------------------------------- */

static void chat_usage(const struct tongue_told *told, struct buf *out)
{
    say(out, "{");
    say_int(out, "prompt_tokens", told->prompt);
    say(out, ",");
    say_int(out, "completion_tokens", told->completion);
    say(out, ",");
    say_int(out, "total_tokens", told_sum(told));
    say(out, ",\"prompt_tokens_details\":{");
    say_int(out, "cached_tokens", told->cached);
    say(out, "}}");
}

static void chat_chunk(const struct tongue_told *told, const char *delta, const char *finish,
                       struct buf *out)
{
    enum err err = buf_printf(out,
                              "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\","
                              "\"created\":1,\"model\":\"%s\",\"choices\":[{\"index\":0,\"delta\":"
                              "{%s},\"finish_reason\":%s}]}\n\n",
                              told->model, delta, finish);
    ASSERT(err == ERR_OK);
}

static void chat_begin(const struct tongue_told *told, struct buf *out)
{
    chat_chunk(told, "\"role\":\"assistant\",\"content\":\"\"", "null", out);
}

static void chat_piece(const struct tongue_told *told, struct buf *out)
{
    char delta[64];
    struct buf text = { delta, 0, sizeof(delta), sizeof(delta) };
    enum err err = buf_printf(&text, "\"content\":\"%s\"", told->piece);
    ASSERT(err == ERR_OK);
    chat_chunk(told, delta, "null", out);
}

static void chat_text_end(const struct tongue_told *told, struct buf *out)
{
    chat_chunk(told, "", "\"stop\"", out);
}

static void chat_end(const struct tongue_told *told, struct buf *out)
{
    if (told->reports) {
        enum err err = buf_printf(out,
                                  "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\","
                                  "\"created\":1,\"model\":\"%s\",\"choices\":[],\"usage\":",
                                  told->model);
        ASSERT(err == ERR_OK);
        chat_usage(told, out);
        say(out, "}\n\n");
    }
    say(out, "data: [DONE]\n\n");
}

static void chat_error(const struct tongue_told *told, struct buf *out)
{
    (void)told;
    say(out, "data: {\"error\":{\"message\":\"no\",\"code\":\"broke\"}}\n\n");
}

static void chat_whole(const struct tongue_told *told, struct buf *out)
{
    enum err err = buf_printf(out,
                              "{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\""
                              ":\"%s\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                              "\"assistant\",\"content\":\"%s\"},\"finish_reason\":\"stop\"}]",
                              told->model, told->piece);
    ASSERT(err == ERR_OK);
    if (told->reports) {
        say(out, ",\"usage\":");
        chat_usage(told, out);
    }
    say(out, "}");
}

static void chat_refusal(const struct tongue_told *told, struct buf *out)
{
    (void)told;
    say(out, "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":\"upstream_said\"}}");
}

/* ---- Anthropic's messages ---------------------------------------------------------------- */

/* Cached input is beside the rest; there is no sum. */
static void anthropic_usage(const struct tongue_told *told, int64_t output, struct buf *out)
{
    say(out, ",\"usage\":{");
    say_int(out, "input_tokens", told->prompt - told->cached);
    say(out, ",\"cache_creation_input_tokens\":0,");
    say_int(out, "cache_read_input_tokens", told->cached);
    say(out, ",");
    say_int(out, "output_tokens", output);
    say(out, "}");
}

static void anthropic_begin(const struct tongue_told *told, struct buf *out)
{
    enum err err = buf_printf(out,
                              "event: message_start\ndata: {\"type\":\"message_start\",\"message\":"
                              "{\"id\":\"msg_x\",\"type\":\"message\",\"role\":\"assistant\","
                              "\"model\":\"%s\",\"content\":[],\"stop_reason\":null,"
                              "\"stop_sequence\":null",
                              told->model);
    ASSERT(err == ERR_OK);
    if (told->reports) {
        anthropic_usage(told, 1, out);
    }
    say(out, "}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0"
             ",\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n");
}

static void anthropic_piece(const struct tongue_told *told, struct buf *out)
{
    enum err err = buf_printf(out,
                              "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
                              "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}}"
                              "\n\n",
                              told->piece);
    ASSERT(err == ERR_OK);
}

static void anthropic_text_end(const struct tongue_told *told, struct buf *out)
{
    (void)told;
    say(out, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n");
}

static void anthropic_end(const struct tongue_told *told, struct buf *out)
{
    say(out, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
             "\"end_turn\",\"stop_sequence\":null}");
    if (told->reports) {
        anthropic_usage(told, told->completion, out);
    }
    say(out, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

static void anthropic_error(const struct tongue_told *told, struct buf *out)
{
    (void)told;
    say(out, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\""
             ":\"no\"}}\n\n");
}

static void anthropic_whole(const struct tongue_told *told, struct buf *out)
{
    enum err err = buf_printf(out,
                              "{\"id\":\"msg_x\",\"type\":\"message\",\"role\":\"assistant\","
                              "\"model\":\"%s\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],"
                              "\"stop_reason\":\"end_turn\",\"stop_sequence\":null",
                              told->model, told->piece);
    ASSERT(err == ERR_OK);
    if (told->reports) {
        anthropic_usage(told, told->completion, out);
    }
    say(out, "}");
}

static void anthropic_refusal(const struct tongue_told *told, struct buf *out)
{
    enum err err =
        buf_printf(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"no\"}}",
                   told->status == 400   ? "invalid_request_error"
                   : told->status == 429 ? "rate_limit_error"
                                         : "api_error");
    ASSERT(err == ERR_OK);
}

/* ---- Responses --------------------------------------------------------------------------- */

static void responses_event(const char *name, struct buf *out)
{
    enum err err =
        buf_printf(out, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":1,", name, name);
    ASSERT(err == ERR_OK);
}

/* The text so far; `whole`: of one piece alone. */
static void responses_item(const struct tongue_told *told, bool whole, struct buf *out)
{
    say(out, "{\"id\":\"msg_x\",\"type\":\"message\",\"status\":\"completed\",\"role\":"
             "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"");
    if (whole) {
        say(out, told->piece);
    } else {
        say_text(out, told);
    }
    say(out, "\",\"annotations\":[]}]}");
}

static void responses_object(const struct tongue_told *told, bool whole, struct buf *out)
{
    enum err err = buf_printf(out,
                              "{\"id\":\"resp_x\",\"object\":\"response\",\"created_at\":1,"
                              "\"status\":\"completed\",\"model\":\"%s\",\"output\":[",
                              told->model);
    ASSERT(err == ERR_OK);
    responses_item(told, whole, out);
    say(out, "]");
    if (told->reports) {
        say(out, ",\"usage\":{");
        say_int(out, "input_tokens", told->prompt);
        say(out, ",\"input_tokens_details\":{");
        say_int(out, "cached_tokens", told->cached);
        say(out, "},");
        say_int(out, "output_tokens", told->completion);
        say(out, ",\"output_tokens_details\":{\"reasoning_tokens\":0},");
        say_int(out, "total_tokens", told_sum(told));
        say(out, "}");
    }
    say(out, "}");
}

static void responses_begin(const struct tongue_told *told, struct buf *out)
{
    responses_event("response.created", out);
    enum err err = buf_printf(out,
                              "\"response\":{\"id\":\"resp_x\",\"object\":\"response\","
                              "\"created_at\":1,\"status\":\"in_progress\",\"model\":\"%s\","
                              "\"output\":[]}}\n\n",
                              told->model);
    ASSERT(err == ERR_OK);
    responses_event("response.output_item.added", out);
    say(out, "\"output_index\":0,\"item\":{\"id\":\"msg_x\",\"type\":\"message\",\"status\":"
             "\"in_progress\",\"role\":\"assistant\",\"content\":[]}}\n\n");
    responses_event("response.content_part.added", out);
    say(out, "\"item_id\":\"msg_x\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":"
             "\"output_text\",\"text\":\"\",\"annotations\":[]}}\n\n");
}

static void responses_piece(const struct tongue_told *told, struct buf *out)
{
    responses_event("response.output_text.delta", out);
    enum err err = buf_printf(out,
                              "\"item_id\":\"msg_x\",\"output_index\":0,\"content_index\":0,"
                              "\"delta\":\"%s\"}\n\n",
                              told->piece);
    ASSERT(err == ERR_OK);
}

static void responses_text_end(const struct tongue_told *told, struct buf *out)
{
    responses_event("response.output_text.done", out);
    say(out, "\"item_id\":\"msg_x\",\"output_index\":0,\"content_index\":0,\"text\":\"");
    say_text(out, told);
    say(out, "\"}\n\n");
    responses_event("response.output_item.done", out);
    say(out, "\"output_index\":0,\"item\":");
    responses_item(told, false, out);
    say(out, "}\n\n");
}

static void responses_end(const struct tongue_told *told, struct buf *out)
{
    responses_event("response.completed", out);
    say(out, "\"response\":");
    responses_object(told, false, out);
    say(out, "}\n\n");
}

static void responses_error(const struct tongue_told *told, struct buf *out)
{
    (void)told;
    responses_event("error", out);
    say(out, "\"code\":\"broke\",\"message\":\"no\",\"param\":null}\n\n");
}

static void responses_whole(const struct tongue_told *told, struct buf *out)
{
    responses_object(told, true, out);
}

/* ---- Gemini ------------------------------------------------------------------------------ */

static void gemini_object(const struct tongue_told *told, const char *text, bool last,
                          struct buf *out)
{
    enum err err = buf_printf(out,
                              "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{"
                              "\"text\":\"%s\"}]}%s,\"index\":0}]",
                              text, last ? ",\"finishReason\":\"STOP\"" : "");
    ASSERT(err == ERR_OK);
    if (last && told->reports) {
        say(out, ",\"usageMetadata\":{");
        say_int(out, "promptTokenCount", told->prompt);
        say(out, ",");
        say_int(out, "cachedContentTokenCount", told->cached);
        say(out, ",");
        say_int(out, "candidatesTokenCount", told->completion);
        say(out, ",");
        say_int(out, "totalTokenCount", told_sum(told));
        say(out, "}");
    }
    err = buf_printf(out, ",\"modelVersion\":\"%s\",\"responseId\":\"x\"}", told->model);
    ASSERT(err == ERR_OK);
}

static void gemini_event(const struct tongue_told *told, const char *text, bool last,
                         struct buf *out)
{
    say(out, "data: ");
    gemini_object(told, text, last, out);
    say(out, "\n\n");
}

static void gemini_begin(const struct tongue_told *told, struct buf *out)
{
    gemini_event(told, "", false, out);
}

static void gemini_piece(const struct tongue_told *told, struct buf *out)
{
    gemini_event(told, told->piece, false, out);
}

static void gemini_end(const struct tongue_told *told, struct buf *out)
{
    gemini_event(told, "", true, out);
}

static void gemini_error(const struct tongue_told *told, struct buf *out)
{
    (void)told;
    say(out, "data: {\"error\":{\"code\":500,\"message\":\"no\",\"status\":\"INTERNAL\"}}\n\n");
}

static void gemini_whole(const struct tongue_told *told, struct buf *out)
{
    gemini_object(told, told->piece, true, out);
}

static void gemini_refusal(const struct tongue_told *told, struct buf *out)
{
    enum err err = buf_printf(out, "{\"error\":{\"code\":%d,\"message\":\"no\",\"status\":\"%s\"}}",
                              told->status,
                              told->status == 400   ? "INVALID_ARGUMENT"
                              : told->status == 429 ? "RESOURCE_EXHAUSTED"
                                                    : "INTERNAL");
    ASSERT(err == ERR_OK);
}

/* ---- all of them ------------------------------------------------------------------------- */

typedef void tongue_fn(const struct tongue_told *told, struct buf *out);

static tongue_fn *const tongue_parts[TONGUE_COUNT][TONGUE_PARTS] = {
    [TONGUE_CHAT] = { chat_begin, chat_piece, chat_text_end, chat_end, chat_error, chat_whole,
                      chat_refusal },
    [TONGUE_ANTHROPIC] = { anthropic_begin, anthropic_piece, anthropic_text_end, anthropic_end,
                           anthropic_error, anthropic_whole, anthropic_refusal },
    [TONGUE_RESPONSES] = { responses_begin, responses_piece, responses_text_end, responses_end,
                           responses_error, responses_whole, chat_refusal },
    [TONGUE_GEMINI] = { gemini_begin, gemini_piece, gemini_begin, gemini_end, gemini_error,
                        gemini_whole, gemini_refusal },
};

void tongue_say(enum tongue tongue, enum tongue_part part, const struct tongue_told *told,
                struct buf *out)
{
    tongue_parts[tongue][part](told, out);
}

struct str tongue_cap_name(enum tongue tongue)
{
    static const struct str names[TONGUE_COUNT] = {
        [TONGUE_CHAT] = STR_INIT("\"max_tokens\":"),
        [TONGUE_ANTHROPIC] = STR_INIT("\"max_tokens\":"),
        [TONGUE_RESPONSES] = STR_INIT("\"max_output_tokens\":"),
        [TONGUE_GEMINI] = STR_INIT("\"maxOutputTokens\":"),
    };
    return names[tongue];
}

bool tongue_wants_stream(enum tongue tongue, struct str target, struct str body)
{
    return tongue == TONGUE_GEMINI ? str_search(target, STR(":streamGenerateContent")) < target.len
                                   : str_search(body, STR("\"stream\":true")) < body.len;
}

int tongue_model(enum tongue tongue, struct str target, struct str body)
{
    bool second = tongue == TONGUE_GEMINI ? str_search(target, STR("/models/m-1:")) < target.len
                                          : str_search(body, STR("\"model\":\"m-1\"")) < body.len;
    return second ? 1 : 0;
}
