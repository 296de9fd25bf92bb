#include "dialect/tokens.h"

#include "wire/json.h"

#define NUMBER_MAX INT64_C(1000000000) /* beyond 10^9 tokens a call a report is nonsense */

/* A member that is a count; 0 for anything else. */
static int64_t number(struct str object, struct str name)
{
    int64_t value = 0;
    struct str member = json_get(object, name);
    bool fine = member.len > 0 && json_i64(member, &value);
    return fine && value >= 0 && value <= NUMBER_MAX ? value : 0;
}

/* Likewise, where a later report says it again: *value stays where it does not. */
static void overwrite(struct str object, struct str name, int64_t *value)
{
    struct str member = json_get(object, name);
    if (member.len > 0 && json_kind(member) == JSON_NUMBER) {
        *value = number(object, name);
    }
}

static int64_t above(int64_t value)
{
    return value > 0 ? value : 0;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* So many of a modality were cached. */
static void move_cached(struct event_tokens *tokens, enum event_token plain, enum event_token held,
                        int64_t cached)
{
    tokens->of[held] = lesser(cached, tokens->of[plain]);
    tokens->of[plain] -= tokens->of[held];
}

/* Cached tokens come off the text first, then off audio and images: which they were is not told. */
static void take_cached(struct event_tokens *tokens, int64_t cached)
{
    int64_t text = lesser(cached, tokens->of[TOKENS_IN]);
    int64_t audio = lesser(cached - text, tokens->of[TOKENS_IN_AUDIO]);
    int64_t image = lesser(cached - text - audio, tokens->of[TOKENS_IN_IMAGE]);
    tokens->of[TOKENS_IN] -= text;
    tokens->of[TOKENS_IN_AUDIO] -= audio;
    tokens->of[TOKENS_IN_IMAGE] -= image;
    tokens->of[TOKENS_CACHED] = text;
    tokens->of[TOKENS_CACHED_AUDIO] = audio;
    tokens->of[TOKENS_CACHED_IMAGE] = image;
}

static void take_output(struct event_tokens *tokens, int64_t all, struct str details)
{
    tokens->of[TOKENS_REASON] = lesser(number(details, STR("reasoning_tokens")), all);
    tokens->of[TOKENS_OUT_AUDIO] = number(details, STR("audio_tokens"));
    tokens->of[TOKENS_OUT_IMAGE] = number(details, STR("image_tokens"));
    tokens->of[TOKENS_OUT] = above(all - tokens->of[TOKENS_REASON] - tokens->of[TOKENS_OUT_AUDIO] -
                                   tokens->of[TOKENS_OUT_IMAGE]);
}

void tokens_read_chat(struct str report, struct event_tokens *ret_tokens)
{
    struct event_tokens *tokens = ret_tokens;
    *tokens = (struct event_tokens){ 0 };
    struct str details = json_get(report, STR("prompt_tokens_details"));
    int64_t prompt = number(report, STR("prompt_tokens"));
    int64_t cached = number(details, STR("cached_tokens"));
    cached = cached > 0 ? cached : number(report, STR("cached_tokens"));           /* Moonshot */
    cached = cached > 0 ? cached : number(report, STR("prompt_cache_hit_tokens")); /* DeepSeek */
    tokens->of[TOKENS_WX] = number(details, STR("cache_write_tokens"));
    tokens->of[TOKENS_W5M] = number(details, STR("cache_creation_input_tokens")); /* Qwen */
    tokens->of[TOKENS_IN_AUDIO] = number(details, STR("audio_tokens"));
    tokens->of[TOKENS_IN_IMAGE] = number(details, STR("image_tokens"));
    tokens->of[TOKENS_IN] = above(prompt - tokens->of[TOKENS_WX] - tokens->of[TOKENS_W5M] -
                                  tokens->of[TOKENS_IN_AUDIO] - tokens->of[TOKENS_IN_IMAGE]);
    take_cached(tokens, lesser(cached, prompt));
    take_output(tokens, number(report, STR("completion_tokens")),
                json_get(report, STR("completion_tokens_details")));
}

void tokens_read_responses(struct str report, struct event_tokens *ret_tokens)
{
    struct event_tokens *tokens = ret_tokens;
    *tokens = (struct event_tokens){ 0 };
    struct str details = json_get(report, STR("input_tokens_details"));
    struct str lives = json_get(details, STR("cache_write_tokens_details"));
    int64_t input = number(report, STR("input_tokens"));
    int64_t written = number(details, STR("cache_write_tokens"));
    tokens->of[TOKENS_W30M] = number(lives, STR("ttl_30m_tokens"));
    tokens->of[TOKENS_W12H] = number(lives, STR("ttl_12h_tokens"));
    tokens->of[TOKENS_WX] = above(written - tokens->of[TOKENS_W30M] - tokens->of[TOKENS_W12H]);
    written = tokens->of[TOKENS_W30M] + tokens->of[TOKENS_W12H] + tokens->of[TOKENS_WX];
    tokens->of[TOKENS_IN] = above(input - written);
    take_cached(tokens, lesser(number(details, STR("cached_tokens")), input));
    take_output(tokens, number(report, STR("output_tokens")),
                json_get(report, STR("output_tokens_details")));
}

void tokens_read_anthropic(struct str report, struct tokens_so_far *so_far,
                           struct event_tokens *ret_tokens)
{
    struct event_tokens *tokens = ret_tokens;
    *tokens = (struct event_tokens){ 0 };
    struct str lives = json_get(report, STR("cache_creation"));
    overwrite(report, STR("input_tokens"), &so_far->input);
    overwrite(report, STR("cache_read_input_tokens"), &so_far->cache_read);
    overwrite(report, STR("cache_creation_input_tokens"), &so_far->cache_write);
    overwrite(lives, STR("ephemeral_5m_input_tokens"), &so_far->cache_5m);
    overwrite(lives, STR("ephemeral_1h_input_tokens"), &so_far->cache_1h);
    overwrite(report, STR("output_tokens"), &so_far->output);
    overwrite(json_get(report, STR("output_tokens_details")), STR("thinking_tokens"),
              &so_far->thinking);
    tokens->of[TOKENS_IN] = so_far->input;
    tokens->of[TOKENS_CACHED] = so_far->cache_read;
    tokens->of[TOKENS_W1H] = lesser(so_far->cache_1h, so_far->cache_write);
    tokens->of[TOKENS_W5M] = so_far->cache_write - tokens->of[TOKENS_W1H];
    tokens->of[TOKENS_REASON] = lesser(so_far->thinking, so_far->output);
    tokens->of[TOKENS_OUT] = so_far->output - tokens->of[TOKENS_REASON];
}

/* The tokens of a modality in one of Gemini's lists. */
static int64_t of_modality(struct str list, struct str name)
{
    if (list.len == 0 || json_kind(list) != JSON_ARRAY) {
        return 0;
    }
    struct str rest = json_inside(list);
    struct str item;
    int64_t sum = 0;
    while (json_next_item(&rest, &item)) {
        if (json_string_is(json_get(item, STR("modality")), name)) {
            sum = lesser(sum + number(item, STR("tokenCount")), NUMBER_MAX);
        }
    }
    return sum;
}

void tokens_read_gemini(struct str report, struct event_tokens *ret_tokens)
{
    struct event_tokens *tokens = ret_tokens;
    *tokens = (struct event_tokens){ 0 };
    struct str ins = json_get(report, STR("promptTokensDetails"));
    struct str outs = json_get(report, STR("candidatesTokensDetails"));
    int64_t prompt = number(report, STR("promptTokenCount"));
    int64_t out = number(report, STR("candidatesTokenCount"));
    tokens->of[TOKENS_IN_AUDIO] = of_modality(ins, STR("AUDIO"));
    tokens->of[TOKENS_IN_IMAGE] = of_modality(ins, STR("IMAGE"));
    tokens->of[TOKENS_IN] =
        above(prompt - tokens->of[TOKENS_IN_AUDIO] - tokens->of[TOKENS_IN_IMAGE]);
    struct str held = json_get(report, STR("cacheTokensDetails"));
    if (held.len > 0 && json_kind(held) == JSON_ARRAY) {
        move_cached(tokens, TOKENS_IN, TOKENS_CACHED, of_modality(held, STR("TEXT")));
        move_cached(tokens, TOKENS_IN_AUDIO, TOKENS_CACHED_AUDIO, of_modality(held, STR("AUDIO")));
        move_cached(tokens, TOKENS_IN_IMAGE, TOKENS_CACHED_IMAGE, of_modality(held, STR("IMAGE")));
    } else {
        take_cached(tokens, lesser(number(report, STR("cachedContentTokenCount")), prompt));
    }
    tokens->of[TOKENS_IN_TOOL] = number(report, STR("toolUsePromptTokenCount"));
    tokens->of[TOKENS_REASON] = number(report, STR("thoughtsTokenCount"));
    tokens->of[TOKENS_OUT_AUDIO] = of_modality(outs, STR("AUDIO"));
    tokens->of[TOKENS_OUT_IMAGE] = of_modality(outs, STR("IMAGE"));
    tokens->of[TOKENS_OUT] =
        above(out - tokens->of[TOKENS_OUT_AUDIO] - tokens->of[TOKENS_OUT_IMAGE]);
}

/* ---- to a client ------------------------------------------------------------------------- */

static int64_t sum_of(const struct event_tokens *tokens, enum event_token from, enum event_token to)
{
    int64_t sum = 0;
    for (unsigned i = from; i <= to; i++) {
        sum += tokens->of[i];
    }
    return sum;
}

int64_t tokens_in(const struct event_tokens *tokens)
{
    return sum_of(tokens, TOKENS_IN, TOKENS_CACHED_IMAGE);
}

int64_t tokens_out(const struct event_tokens *tokens)
{
    return sum_of(tokens, TOKENS_OUT, TOKENS_OUT_IMAGE);
}

static int64_t cached_in(const struct event_tokens *tokens)
{
    return tokens->of[TOKENS_CACHED] + tokens->of[TOKENS_CACHED_AUDIO] +
           tokens->of[TOKENS_CACHED_IMAGE];
}

static void write_chat(struct put *put, const struct event_tokens *tokens)
{
    const int64_t *of = tokens->of;
    PUT(put, "{\"prompt_tokens\":");
    put_int(put, tokens_in(tokens));
    PUT(put, ",\"completion_tokens\":");
    put_int(put, tokens_out(tokens));
    PUT(put, ",\"total_tokens\":");
    put_int(put, tokens_in(tokens) + tokens_out(tokens));
    PUT(put, ",\"prompt_tokens_details\":{\"cached_tokens\":");
    put_int(put, cached_in(tokens));
    PUT(put, ",\"audio_tokens\":");
    put_int(put, of[TOKENS_IN_AUDIO] + of[TOKENS_CACHED_AUDIO]);
    int64_t image = of[TOKENS_IN_IMAGE] + of[TOKENS_CACHED_IMAGE];
    if (image > 0) {
        PUT(put, ",\"image_tokens\":");
        put_int(put, image);
    }
    int64_t written = sum_of(tokens, TOKENS_W5M, TOKENS_WX);
    if (written > 0) {
        PUT(put, ",\"cache_write_tokens\":");
        put_int(put, written);
    }
    PUT(put, "},\"completion_tokens_details\":{\"reasoning_tokens\":");
    put_int(put, of[TOKENS_REASON]);
    PUT(put, ",\"audio_tokens\":");
    put_int(put, of[TOKENS_OUT_AUDIO]);
    if (of[TOKENS_OUT_IMAGE] > 0) {
        PUT(put, ",\"image_tokens\":");
        put_int(put, of[TOKENS_OUT_IMAGE]);
    }
    PUT(put, "}}");
}

static void write_responses(struct put *put, const struct event_tokens *tokens)
{
    const int64_t *of = tokens->of;
    PUT(put, "{\"input_tokens\":");
    put_int(put, tokens_in(tokens));
    PUT(put, ",\"input_tokens_details\":{\"cached_tokens\":");
    put_int(put, cached_in(tokens));
    int64_t written = sum_of(tokens, TOKENS_W5M, TOKENS_WX);
    PUT(put, ",\"cache_write_tokens\":");
    put_int(put, written);
    if (written > 0 && written == of[TOKENS_W30M] + of[TOKENS_W12H]) { /* its parts must add up */
        PUT(put, ",\"cache_write_tokens_details\":{\"ttl_30m_tokens\":");
        put_int(put, of[TOKENS_W30M]);
        PUT(put, ",\"ttl_12h_tokens\":");
        put_int(put, of[TOKENS_W12H]);
        PUT(put, "}");
    }
    PUT(put, "},\"output_tokens\":");
    put_int(put, tokens_out(tokens));
    PUT(put, ",\"output_tokens_details\":{\"reasoning_tokens\":");
    put_int(put, of[TOKENS_REASON]);
    PUT(put, "},\"total_tokens\":");
    put_int(put, tokens_in(tokens) + tokens_out(tokens));
    PUT(put, "}");
}

static void write_anthropic(struct put *put, const struct event_tokens *tokens)
{
    const int64_t *of = tokens->of;
    PUT(put, "{\"input_tokens\":");
    put_int(put, of[TOKENS_IN] + of[TOKENS_W30M] + of[TOKENS_W12H] + of[TOKENS_WX] +
                     of[TOKENS_IN_AUDIO] + of[TOKENS_IN_IMAGE] + of[TOKENS_IN_TOOL]);
    PUT(put, ",\"cache_creation_input_tokens\":");
    put_int(put, of[TOKENS_W5M] + of[TOKENS_W1H]);
    PUT(put, ",\"cache_read_input_tokens\":");
    put_int(put, cached_in(tokens));
    PUT(put, ",\"cache_creation\":{\"ephemeral_5m_input_tokens\":");
    put_int(put, of[TOKENS_W5M]);
    PUT(put, ",\"ephemeral_1h_input_tokens\":");
    put_int(put, of[TOKENS_W1H]);
    PUT(put, "},\"output_tokens\":");
    put_int(put, tokens_out(tokens));
    PUT(put, ",\"output_tokens_details\":{\"thinking_tokens\":");
    put_int(put, of[TOKENS_REASON]);
    PUT(put, "},\"server_tool_use\":null,\"service_tier\":null,\"inference_geo\":null,"
             "\"speed\":null}");
}

/* One of Gemini's lists, where something but text is in it. */
static void write_modalities(struct put *put, struct str name, int64_t text, int64_t audio,
                             int64_t image)
{
    static const char *const names[] = { "TEXT", "AUDIO", "IMAGE" };
    const int64_t counts[] = { text, audio, image };
    if (audio + image == 0) {
        return;
    }
    put_str(put, name);
    bool more = false;
    for (size_t i = 0; i < EP_ARRAY_LEN(counts); i++) {
        if (counts[i] > 0) {
            put_str(put, more ? STR(",{\"modality\":\"") : STR("{\"modality\":\""));
            put_str(put, str_from(names[i]));
            PUT(put, "\",\"tokenCount\":");
            put_int(put, counts[i]);
            PUT(put, "}");
            more = true;
        }
    }
    PUT(put, "]");
}

static void write_gemini(struct put *put, const struct event_tokens *tokens)
{
    const int64_t *of = tokens->of;
    int64_t audio = of[TOKENS_IN_AUDIO] + of[TOKENS_CACHED_AUDIO];
    int64_t image = of[TOKENS_IN_IMAGE] + of[TOKENS_CACHED_IMAGE];
    int64_t prompt = tokens_in(tokens) - of[TOKENS_IN_TOOL];
    PUT(put, "{\"promptTokenCount\":");
    put_int(put, prompt);
    PUT(put, ",\"candidatesTokenCount\":");
    put_int(put, tokens_out(tokens) - of[TOKENS_REASON]);
    PUT(put, ",\"totalTokenCount\":");
    put_int(put, tokens_in(tokens) + tokens_out(tokens));
    if (cached_in(tokens) > 0) {
        PUT(put, ",\"cachedContentTokenCount\":");
        put_int(put, cached_in(tokens));
    }
    if (of[TOKENS_IN_TOOL] > 0) {
        PUT(put, ",\"toolUsePromptTokenCount\":");
        put_int(put, of[TOKENS_IN_TOOL]);
    }
    if (of[TOKENS_REASON] > 0) {
        PUT(put, ",\"thoughtsTokenCount\":");
        put_int(put, of[TOKENS_REASON]);
    }
    write_modalities(put, STR(",\"promptTokensDetails\":["), prompt - audio - image, audio, image);
    write_modalities(put, STR(",\"cacheTokensDetails\":["), of[TOKENS_CACHED],
                     of[TOKENS_CACHED_AUDIO], of[TOKENS_CACHED_IMAGE]);
    write_modalities(put, STR(",\"candidatesTokensDetails\":["), of[TOKENS_OUT],
                     of[TOKENS_OUT_AUDIO], of[TOKENS_OUT_IMAGE]);
    PUT(put, "}");
}

void tokens_write(struct put *put, enum dialect dialect, const struct event_tokens *tokens)
{
    switch (dialect) {
    case DIALECT_CHAT:
        write_chat(put, tokens);
        return;
    case DIALECT_RESPONSES:
        write_responses(put, tokens);
        return;
    case DIALECT_ANTHROPIC:
        write_anthropic(put, tokens);
        return;
    case DIALECT_GEMINI:
        write_gemini(put, tokens);
        return;
    case DIALECT_COUNT:
        break;
    }
    ASSERT(dialect < DIALECT_COUNT);
}
