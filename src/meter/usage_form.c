#include "meter/usage_form.h"

#include "wire/jsonw.h"

/* Sums that several forms tell. */
struct form_sums {
    int64_t input;
    int64_t output;
    int64_t cached;
    int64_t written;
    int64_t audio; /* of the input, cached or not */
    int64_t image;
};

static struct form_sums form_sums(const struct usage *usage)
{
    const int64_t *tokens = usage->tokens;
    return (struct form_sums){
        .input = usage_sum_side(usage, false),
        .output = usage_sum_side(usage, true),
        .cached = tokens[USAGE_CACHED] + tokens[USAGE_CACHED_AUDIO] + tokens[USAGE_CACHED_IMAGE],
        .written = tokens[USAGE_W5M] + tokens[USAGE_W1H] + tokens[USAGE_W30M] + tokens[USAGE_W12H] +
                   tokens[USAGE_WX],
        .audio = tokens[USAGE_IN_AUDIO] + tokens[USAGE_CACHED_AUDIO],
        .image = tokens[USAGE_IN_IMAGE] + tokens[USAGE_CACHED_IMAGE],
    };
}

static void form_object(struct jsonw *json, const char *key)
{
    jsonw_key(json, key);
    jsonw_open(json, '{');
}

static void form_some(struct jsonw *json, const char *key, int64_t count)
{
    if (count > 0) {
        jsonw_put_int(json, key, count);
    }
}

static void form_chat(struct jsonw *json, const struct usage *usage)
{
    const struct form_sums sums = form_sums(usage);
    jsonw_put_int(json, "prompt_tokens", sums.input);
    jsonw_put_int(json, "completion_tokens", sums.output);
    jsonw_put_int(json, "total_tokens", sums.input + sums.output);
    form_object(json, "prompt_tokens_details");
    jsonw_put_int(json, "cached_tokens", sums.cached);
    jsonw_put_int(json, "audio_tokens", sums.audio);
    form_some(json, "image_tokens", sums.image);
    form_some(json, "cache_write_tokens", sums.written);
    jsonw_close(json, '}');
    form_object(json, "completion_tokens_details");
    jsonw_put_int(json, "reasoning_tokens", usage->tokens[USAGE_REASON]);
    jsonw_put_int(json, "audio_tokens", usage->tokens[USAGE_OUT_AUDIO]);
    form_some(json, "image_tokens", usage->tokens[USAGE_OUT_IMAGE]);
    jsonw_put_int(json, "accepted_prediction_tokens", 0);
    jsonw_put_int(json, "rejected_prediction_tokens", 0);
    jsonw_close(json, '}');
}

static void form_responses(struct jsonw *json, const struct usage *usage)
{
    const struct form_sums sums = form_sums(usage);
    const int64_t *tokens = usage->tokens;
    jsonw_put_int(json, "input_tokens", sums.input);
    form_object(json, "input_tokens_details");
    jsonw_put_int(json, "cached_tokens", sums.cached);
    jsonw_put_int(json, "cache_write_tokens", sums.written);
    if (sums.written > 0 && sums.written == tokens[USAGE_W30M] + tokens[USAGE_W12H]) {
        form_object(json, "cache_write_tokens_details"); /* its parts must add up */
        jsonw_put_int(json, "ttl_30m_tokens", tokens[USAGE_W30M]);
        jsonw_put_int(json, "ttl_12h_tokens", tokens[USAGE_W12H]);
        jsonw_close(json, '}');
    }
    jsonw_close(json, '}');
    jsonw_put_int(json, "output_tokens", sums.output);
    form_object(json, "output_tokens_details");
    jsonw_put_int(json, "reasoning_tokens", tokens[USAGE_REASON]);
    jsonw_close(json, '}');
    jsonw_put_int(json, "total_tokens", sums.input + sums.output);
}

static void form_anthropic(struct jsonw *json, const struct usage *usage)
{
    const struct form_sums sums = form_sums(usage);
    const int64_t *tokens = usage->tokens;
    int64_t written = tokens[USAGE_W5M] + tokens[USAGE_W1H];
    jsonw_put_int(json, "input_tokens", sums.input - sums.cached - written);
    jsonw_put_int(json, "cache_creation_input_tokens", written);
    jsonw_put_int(json, "cache_read_input_tokens", sums.cached);
    form_object(json, "cache_creation");
    jsonw_put_int(json, "ephemeral_5m_input_tokens", tokens[USAGE_W5M]);
    jsonw_put_int(json, "ephemeral_1h_input_tokens", tokens[USAGE_W1H]);
    jsonw_close(json, '}');
    jsonw_put_int(json, "output_tokens", sums.output);
    form_object(json, "output_tokens_details");
    jsonw_put_int(json, "thinking_tokens", tokens[USAGE_REASON]);
    jsonw_close(json, '}');
    jsonw_key(json, "server_tool_use");
    if (usage->units[USAGE_UNIT_WEB_SEARCH] + usage->units[USAGE_UNIT_WEB_FETCH] == 0) {
        jsonw_null(json);
        return;
    }
    jsonw_open(json, '{');
    jsonw_put_int(json, "web_search_requests", usage->units[USAGE_UNIT_WEB_SEARCH]);
    jsonw_put_int(json, "web_fetch_requests", usage->units[USAGE_UNIT_WEB_FETCH]);
    jsonw_close(json, '}');
}

static void form_modality(struct jsonw *json, const char *name, int64_t tokens)
{
    if (tokens > 0) {
        jsonw_open(json, '{');
        jsonw_put_str(json, "modality", str_from(name));
        jsonw_put_int(json, "tokenCount", tokens);
        jsonw_close(json, '}');
    }
}

static void form_modalities(struct jsonw *json, const char *key, int64_t text, int64_t audio,
                            int64_t image)
{
    if (text + audio + image > 0) {
        jsonw_key(json, key);
        jsonw_open(json, '[');
        form_modality(json, "TEXT", text);
        form_modality(json, "AUDIO", audio);
        form_modality(json, "IMAGE", image);
        jsonw_close(json, ']');
    }
}

/* What is none is left out, as the vendor does. */
static void form_gemini(struct jsonw *json, const struct usage *usage)
{
    const struct form_sums sums = form_sums(usage);
    const int64_t *tokens = usage->tokens;
    int64_t prompt = sums.input - tokens[USAGE_IN_TOOL];
    jsonw_put_int(json, "promptTokenCount", prompt);
    jsonw_put_int(json, "candidatesTokenCount", sums.output - tokens[USAGE_REASON]);
    form_some(json, "cachedContentTokenCount", sums.cached);
    form_some(json, "toolUsePromptTokenCount", tokens[USAGE_IN_TOOL]);
    form_some(json, "thoughtsTokenCount", tokens[USAGE_REASON]);
    jsonw_put_int(json, "totalTokenCount", sums.input + sums.output);
    form_modalities(json, "promptTokensDetails", prompt - sums.audio - sums.image, sums.audio,
                    sums.image);
    form_modalities(json, "cacheTokensDetails", tokens[USAGE_CACHED], tokens[USAGE_CACHED_AUDIO],
                    tokens[USAGE_CACHED_IMAGE]);
    form_modalities(json, "candidatesTokensDetails", tokens[USAGE_OUT], tokens[USAGE_OUT_AUDIO],
                    tokens[USAGE_OUT_IMAGE]);
}

struct form_row {
    enum usage_surface surface;
    void (*write)(struct jsonw *json, const struct usage *usage);
};

static const struct form_row forms[USAGE_FORMS] = {
    [USAGE_FORM_CHAT] = { USAGE_SURFACE_OPENAI_CHAT, form_chat },
    [USAGE_FORM_RESPONSES] = { USAGE_SURFACE_OPENAI_RESPONSES, form_responses },
    [USAGE_FORM_ANTHROPIC] = { USAGE_SURFACE_ANTHROPIC, form_anthropic },
    [USAGE_FORM_GEMINI] = { USAGE_SURFACE_GEMINI, form_gemini },
};

enum usage_surface usage_form_surface(enum usage_form form)
{
    ASSERT((unsigned)form < USAGE_FORMS);
    return forms[form].surface;
}

enum err usage_form_write(enum usage_form form, const struct usage *usage, struct buf *out)
{
    struct jsonw json;
    ASSERT((unsigned)form < USAGE_FORMS);
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        ASSERT(usage->tokens[i] >= 0);
    }
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    forms[form].write(&json, usage);
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}
