/* From an ask to the bytes of its answer. */
#include "persona.h"

#include "lexicon.h"
#include "wire/jsonw.h"

#define FRAGMENT_BYTES 12 /* of a call's arguments: a few tokens, as the real ones come */

/* ---- writing ------------------------------------------------------------------------------ */

static bool persona_calls(const struct persona_ask *ask)
{
    return ask->tool[0] != '\0';
}

/* The word `at` of the script's text, with the white space in front of it. */
static struct str persona_scripted(struct str text, int64_t at)
{
    size_t start = 0;
    size_t end = 0;
    for (int64_t i = 0; i <= at; i++) {
        start = end;
        while (end < text.len && text.ptr[end] == ' ') {
            end++;
        }
        while (end < text.len && text.ptr[end] != ' ') {
            end++;
        }
    }
    return str_slice(text, start, end);
}

enum err persona_word(const struct persona_ask *ask, int64_t choice, int64_t at, struct buf *out)
{
    if (ask->text.len > 0) {
        return buf_append(out, persona_scripted(buf_str(&ask->text), at));
    }
    uint64_t seed = lexicon_mix(ask->seed + (uint64_t)choice);
    TRY(buf_append(out, at > 0 ? STR(" ") : STR_EMPTY));
    return buf_append(out, lexicon_word(seed, (uint64_t)at));
}

enum err persona_words(const struct persona_ask *ask, int64_t choice, int64_t count,
                       struct buf *out)
{
    enum err err = ERR_OK;
    for (int64_t i = 0; err == ERR_OK && i < count; i++) {
        err = persona_word(ask, choice, i, out);
    }
    return err;
}

static void persona_put_head(struct jsonw *json, const struct persona_ask *ask,
                             const struct persona_options *options, const char *object)
{
    char text[48];
    struct buf id = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_printf(&id, "chatcmpl-%016llx", (unsigned long long)lexicon_mix(ask->seed)));
    jsonw_put_str(json, "id", buf_str(&id));
    jsonw_put_str(json, "object", str_from(object));
    jsonw_put_int(json, "created", ask->created);
    jsonw_put_str(json, "model",
                  options->declare_model.len > 0 ? options->declare_model : str_from(ask->model));
    jsonw_key(json, "system_fingerprint");
    jsonw_null(json);
    if (ask->tier[0] != '\0') {
        jsonw_put_str(json, "service_tier", str_from(ask->tier));
    }
}

/* To the nearest: 480 tokens are 538 at 112 %. */
static int64_t persona_percent(int64_t tokens, int64_t percent)
{
    return (tokens * percent + 50) / 100;
}

int64_t persona_told(const struct persona_options *options, int64_t tokens)
{
    return persona_percent(
               tokens, options->usage == PERSONA_INFLATED ? 100 + options->inflate_percent : 100) +
           (options->usage == PERSONA_PADDED ? options->pad : 0);
}

/* So many of the tokens that are left. */
static int64_t persona_some(int64_t wanted, int64_t left)
{
    return wanted < left ? wanted : left;
}

static void persona_put_usage(struct jsonw *json, const struct persona_ask *ask,
                              const struct persona_options *options)
{
    int64_t percent = options->usage == PERSONA_INFLATED ? 100 + options->inflate_percent : 100;
    int64_t pad = options->usage == PERSONA_PADDED ? options->pad : 0;
    int64_t prompt = persona_told(options, ask->prompt_tokens);
    int64_t reasoning = persona_percent(options->reasoning, percent);
    int64_t completion = persona_percent(ask->said_tokens, percent) + reasoning + pad;
    int64_t cached = persona_some(options->cached, prompt);
    int64_t written = persona_some(options->cache_write, prompt - cached);
    int64_t beside = options->reasoning_beside;
    jsonw_key(json, "usage");
    if (options->report.len > 0) {
        jsonw_raw(json, options->report);
        return;
    }
    jsonw_open(json, '{');
    jsonw_put_int(json, "prompt_tokens", prompt);
    jsonw_put_int(json, "completion_tokens", completion);
    jsonw_put_int(json, "total_tokens",
                  prompt + completion + beside + (options->usage == PERSONA_ODD ? 1 : 0));
    jsonw_key(json, "prompt_tokens_details");
    jsonw_open(json, '{');
    jsonw_put_int(json, "cached_tokens", cached);
    jsonw_put_int(json, "audio_tokens", 0);
    if (written > 0) {
        jsonw_put_int(json, "cache_write_tokens", written);
    }
    jsonw_close(json, '}');
    jsonw_key(json, "completion_tokens_details");
    jsonw_open(json, '{');
    jsonw_put_int(json, "reasoning_tokens", reasoning + beside);
    jsonw_put_int(json, "audio_tokens", 0);
    jsonw_close(json, '}');
    if (options->sources > 0) {
        jsonw_put_int(json, "num_sources_used", options->sources);
    }
    jsonw_close(json, '}');
}

static struct str persona_finish(const struct persona_ask *ask)
{
    return persona_calls(ask) ? STR("tool_calls") : ask->cut_short ? STR("length") : STR("stop");
}

/* The call's beginning: all of it but its arguments. The caller closes it. */
static void persona_open_call(struct jsonw *json, const struct persona_ask *ask, int64_t choice)
{
    char text[48];
    struct buf id = { text, 0, sizeof(text), sizeof(text) };
    uint64_t number = lexicon_mix(lexicon_mix(ask->seed) + (uint64_t)choice) >> 16;
    EP_IGNORE(buf_printf(&id, "call_%012llx", (unsigned long long)number)); /* it fits */
    jsonw_put_str(json, "id", buf_str(&id));
    jsonw_put_str(json, "type", STR("function"));
    jsonw_key(json, "function");
    jsonw_open(json, '{');
    jsonw_put_str(json, "name", str_from(ask->tool));
}

/* ---- streams ------------------------------------------------------------------------------ */

/* Where fragment `at` begins: never inside of a character of UTF-8. */
static size_t fragment_start(struct str arguments, int64_t at)
{
    size_t start = (size_t)at * FRAGMENT_BYTES;
    while (start < arguments.len && ((unsigned char)arguments.ptr[start] & 0xC0) == 0x80) {
        start++;
    }
    return start < arguments.len ? start : arguments.len;
}

int64_t persona_fragments(const struct persona_ask *ask)
{
    return (int64_t)((ask->arguments.len + FRAGMENT_BYTES - 1) / FRAGMENT_BYTES);
}

struct str persona_fragment(const struct persona_ask *ask, int64_t at)
{
    struct str arguments = buf_str(&ask->arguments);
    return str_slice(arguments, fragment_start(arguments, at), fragment_start(arguments, at + 1));
}

/* Events of one choice: the role, its words (or the call and its arguments' fragments), its end. */
static int64_t persona_choice_events(const struct persona_ask *ask)
{
    return 2 + (persona_calls(ask) ? 1 + persona_fragments(ask) : ask->output_tokens);
}

int64_t persona_event_count(const struct persona_ask *ask, const struct persona_options *options)
{
    bool usage = ask->include_usage && options->usage != PERSONA_MISSING;
    return persona_choice_events(ask) * ask->choices + (usage ? 1 : 0) + 1;
}

/* Step 0 is the call itself, the others are fragments of its arguments. */
static void persona_put_tool_delta(struct jsonw *json, const struct persona_ask *ask,
                                   int64_t choice, int64_t step)
{
    struct str arguments = STR_EMPTY;
    jsonw_key(json, "tool_calls");
    jsonw_open(json, '[');
    jsonw_open(json, '{');
    jsonw_put_int(json, "index", 0);
    if (step == 0) {
        persona_open_call(json, ask, choice);
    } else {
        jsonw_key(json, "function");
        jsonw_open(json, '{');
        arguments = persona_fragment(ask, step - 1);
    }
    jsonw_put_str(json, "arguments", arguments);
    jsonw_close(json, '}');
    jsonw_close(json, '}');
    jsonw_close(json, ']');
}

static enum err persona_put_delta(struct jsonw *json, const struct persona_ask *ask, int64_t choice,
                                  int64_t step)
{
    char text[PERSONA_WORD_MAX];
    struct buf word = { text, 0, sizeof(text), sizeof(text) };
    int64_t last = persona_choice_events(ask) - 1;
    jsonw_key(json, "delta");
    jsonw_open(json, '{');
    if (step == 0) {
        jsonw_put_str(json, "role", STR("assistant"));
        jsonw_key(json, "content");
        if (persona_calls(ask)) {
            jsonw_null(json);
        } else {
            jsonw_str(json, STR_EMPTY);
        }
        jsonw_key(json, "refusal");
        jsonw_null(json);
    } else if (step < last && persona_calls(ask)) {
        persona_put_tool_delta(json, ask, choice, step - 1);
    } else if (step < last) {
        TRY(persona_word(ask, choice, step - 1, &word));
        jsonw_put_str(json, "content", buf_str(&word));
    }
    jsonw_close(json, '}');
    jsonw_key(json, "logprobs");
    jsonw_null(json);
    jsonw_key(json, "finish_reason");
    if (step == last) {
        jsonw_str(json, persona_finish(ask));
    } else {
        jsonw_null(json);
    }
    return jsonw_err(json);
}

enum err persona_event(const struct persona_ask *ask, const struct persona_options *options,
                       int64_t at, struct buf *out)
{
    int64_t each = persona_choice_events(ask);
    int64_t count = persona_event_count(ask, options);
    ASSERT(at < count);
    TRY(buf_append(out, STR("data: ")));
    if (at == count - 1) {
        return buf_append(out, STR("[DONE]\n\n"));
    }
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    persona_put_head(&json, ask, options, "chat.completion.chunk");
    jsonw_key(&json, "choices");
    jsonw_open(&json, '[');
    if (at < each * ask->choices) {
        jsonw_open(&json, '{');
        jsonw_put_int(&json, "index", at / each);
        TRY(persona_put_delta(&json, ask, at / each, at % each));
        jsonw_close(&json, '}');
    }
    jsonw_close(&json, ']');
    if (at >= each * ask->choices) {
        persona_put_usage(&json, ask, options);
    } else if (ask->include_usage) {
        jsonw_key(&json, "usage");
        jsonw_null(&json);
    }
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_append(out, STR("\n\n"));
}

/* ---- whole answers ------------------------------------------------------------------------ */

static enum err persona_put_words(struct jsonw *json, const struct persona_ask *ask, int64_t choice)
{
    struct buf text;
    buf_init(&text, PERSONA_TEXT_MAX);
    enum err err = persona_words(ask, choice, ask->output_tokens, &text);
    jsonw_str(json, buf_str(&text));
    buf_fini(&text);
    return err;
}

static enum err persona_put_message(struct jsonw *json, const struct persona_ask *ask,
                                    int64_t choice)
{
    jsonw_key(json, "message");
    jsonw_open(json, '{');
    jsonw_put_str(json, "role", STR("assistant"));
    jsonw_key(json, "content");
    if (persona_calls(ask)) {
        jsonw_null(json);
        jsonw_key(json, "tool_calls");
        jsonw_open(json, '[');
        jsonw_open(json, '{');
        persona_open_call(json, ask, choice);
        jsonw_put_str(json, "arguments", buf_str(&ask->arguments));
        jsonw_close(json, '}');
        jsonw_close(json, '}');
        jsonw_close(json, ']');
    } else {
        TRY(persona_put_words(json, ask, choice));
    }
    jsonw_key(json, "refusal");
    jsonw_null(json);
    jsonw_close(json, '}');
    return jsonw_err(json);
}

enum err persona_answer(const struct persona_ask *ask, const struct persona_options *options,
                        struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    persona_put_head(&json, ask, options, "chat.completion");
    jsonw_key(&json, "choices");
    jsonw_open(&json, '[');
    for (int64_t i = 0; i < ask->choices; i++) {
        jsonw_open(&json, '{');
        jsonw_put_int(&json, "index", i);
        TRY(persona_put_message(&json, ask, i));
        jsonw_key(&json, "logprobs");
        jsonw_null(&json);
        jsonw_put_str(&json, "finish_reason", persona_finish(ask));
        jsonw_close(&json, '}');
    }
    jsonw_close(&json, ']');
    if (options->usage != PERSONA_MISSING) {
        persona_put_usage(&json, ask, options);
    }
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

static void persona_put_or_null(struct jsonw *json, const char *key, const char *text)
{
    jsonw_key(json, key);
    if (text == NULL) {
        jsonw_null(json);
    } else {
        jsonw_str(json, str_from(text));
    }
}

enum err persona_error(const struct persona_fault *fault, struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "error");
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "message", str_from(fault->text));
    jsonw_put_str(&json, "type", str_from(fault->type));
    persona_put_or_null(&json, "param", fault->param);
    persona_put_or_null(&json, "code", fault->code);
    jsonw_close(&json, '}');
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

enum err persona_models(struct str names, struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "object", STR("list"));
    jsonw_key(&json, "data");
    jsonw_open(&json, '[');
    while (names.len > 0) {
        jsonw_open(&json, '{');
        jsonw_put_str(&json, "id", str_cut(&names, ','));
        jsonw_put_str(&json, "object", STR("model"));
        jsonw_put_int(&json, "created", 0);
        jsonw_put_str(&json, "owned_by", STR("sandbox"));
        jsonw_close(&json, '}');
    }
    jsonw_close(&json, ']');
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}
