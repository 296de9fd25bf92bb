#include "persona.h"

#include "wire/json.h"
#include "wire/jsonw.h"

static const char *const persona_words[] = {
    "the",   "river", "carries", "small", "boats",  "past",  "quiet",  "gardens", "where",
    "old",   "trees", "keep",    "their", "shade",  "and",   "people", "meet",    "to",
    "share", "bread", "a",       "story", "warm",   "light", "every",  "evening", "until",
    "night", "comes", "with",    "stars", "gentle", "wind",  "over",   "hills",   "friends",
};

/* A generator of its own: the same request always gets the same answer (splitmix64). */
static uint64_t persona_mix(uint64_t value)
{
    value += UINT64_C(0x9E3779B97F4A7C15);
    value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
    return value ^ value >> 31;
}

static struct str persona_word(const struct persona_ask *ask, int64_t at)
{
    uint64_t pick = persona_mix(ask->seed + (uint64_t)at);
    return str_from(persona_words[pick % EP_ARRAY_LEN(persona_words)]);
}

static bool persona_is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

static int64_t persona_count(struct str text)
{
    int64_t tokens = 0;
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool letter = persona_is_letter(c);
        tokens += letter ? !inside : c > ' ';
        inside = letter;
    }
    return tokens;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* A string under `name` into a fixed array; what does not fit is as if it were not there. */
static struct str persona_text(struct str object, struct str name, char *text, size_t size)
{
    struct str value = json_get(object, name);
    struct buf out = { text, 0, size, size };
    bool good = value.len > 0 && json_kind(value) == JSON_STRING && json_decode(value, &out);
    return good ? buf_str(&out) : STR_EMPTY;
}

static int64_t persona_number(struct str object, struct str name, int64_t absent)
{
    struct str value = json_get(object, name);
    int64_t number = 0;
    return value.len > 0 && json_i64(value, &number) ? number : absent;
}

static void persona_read_tool(struct str body, struct persona_ask *ask)
{
    struct str tools = json_get(body, STR("tools"));
    struct str choice = json_get(body, STR("tool_choice"));
    struct str first;
    if (tools.len == 0 || json_kind(tools) != JSON_ARRAY ||
        (choice.len > 0 && json_string_is(choice, STR("none")))) {
        return;
    }
    struct str rest = json_inside(tools);
    if (!json_next_item(&rest, &first)) {
        return;
    }
    struct str function = json_get(first, STR("function"));
    ask->tool = persona_text(function, STR("name"), ask->tool_text, sizeof(ask->tool_text));
    struct str properties = json_get(json_get(function, STR("parameters")), STR("properties"));
    struct json_member member;
    if (properties.len == 0 || json_kind(properties) != JSON_OBJECT) {
        return;
    }
    struct str inside = json_inside(properties);
    if (json_next_member(&inside, &member) && member.key.len < sizeof(ask->argument_text)) {
        struct buf name = { ask->argument_text, 0, sizeof(ask->argument_text),
                            sizeof(ask->argument_text) };
        EP_IGNORE(buf_append(&name, member.key)); /* its length was just looked at */
        ask->argument = buf_str(&name);
    }
}

static int64_t persona_count_messages(struct str messages)
{
    int64_t tokens = 0;
    struct str rest = json_inside(messages);
    struct str message;
    while (json_next_item(&rest, &message)) {
        struct str content = json_get(message, STR("content"));
        tokens += 3 + persona_count(content);
    }
    return tokens;
}

const char *persona_read(struct str body, const struct persona_options *options, int64_t now_s,
                         struct persona_ask *ret_ask)
{
    struct json_fault fault;
    *ret_ask = (struct persona_ask){ .created = now_s };
    if (json_check(body, &fault) != ERR_OK || body.len == 0) {
        return "We could not parse the JSON body of your request.";
    }
    ret_ask->model =
        persona_text(body, STR("model"), ret_ask->model_text, sizeof(ret_ask->model_text));
    if (ret_ask->model.len == 0) {
        return "you must provide a model parameter";
    }
    struct str messages = json_get(body, STR("messages"));
    if (messages.len == 0 || json_kind(messages) != JSON_ARRAY) {
        return "Missing required parameter: 'messages'.";
    }
    struct str stream = json_get(body, STR("stream"));
    ret_ask->stream = stream.len > 0 && json_kind(stream) == JSON_TRUE;
    struct str usage = json_get(json_get(body, STR("stream_options")), STR("include_usage"));
    ret_ask->include_usage = usage.len > 0 && json_kind(usage) == JSON_TRUE;
    ret_ask->choices = persona_number(body, STR("n"), 1);
    ret_ask->prompt_tokens = persona_count_messages(messages);
    persona_read_tool(body, ret_ask);
    int64_t cap = persona_number(body, STR("max_completion_tokens"),
                                 persona_number(body, STR("max_tokens"), INT64_MAX));
    if (cap < 1 || ret_ask->choices < 1 || ret_ask->choices > 128) {
        return "A number is out of its range.";
    }
    ret_ask->cut_short = cap < options->words;
    ret_ask->words = ret_ask->cut_short ? cap : options->words;
    ret_ask->seed = body.len;
    for (size_t i = 0; i < body.len; i++) {
        ret_ask->seed = ret_ask->seed * 31 + (unsigned char)body.ptr[i];
    }
    return NULL;
}

/* ---- writing ------------------------------------------------------------------------------ */

static struct str persona_model(const struct persona_ask *ask,
                                const struct persona_options *options)
{
    return options->declare_model.len > 0 ? options->declare_model : ask->model;
}

static void persona_put_head(struct jsonw *json, const struct persona_ask *ask,
                             const struct persona_options *options, const char *object)
{
    char text[48];
    struct buf id = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_printf(&id, "chatcmpl-%016llx", (unsigned long long)persona_mix(ask->seed)));
    jsonw_put_str(json, "id", buf_str(&id));
    jsonw_put_str(json, "object", str_from(object));
    jsonw_put_int(json, "created", ask->created);
    jsonw_put_str(json, "model", persona_model(ask, options));
    jsonw_key(json, "system_fingerprint");
    jsonw_null(json);
}

static int64_t persona_output_tokens(const struct persona_ask *ask)
{
    /* A tool's call is its name, its argument's name, and four marks. */
    int64_t each = ask->tool.len > 0 ? 6 : ask->words;
    return each * ask->choices;
}

static void persona_put_usage(struct jsonw *json, const struct persona_ask *ask,
                              const struct persona_options *options)
{
    int64_t factor = options->usage == USAGE_INFLATED ? 2 : 1;
    int64_t pad = options->usage == USAGE_PADDED ? 100 : 0;
    int64_t prompt = ask->prompt_tokens * factor + pad;
    int64_t completion = (persona_output_tokens(ask) + options->reasoning) * factor + pad;
    int64_t cached = options->cached < prompt ? options->cached : prompt;
    jsonw_key(json, "usage");
    jsonw_open(json, '{');
    jsonw_put_int(json, "prompt_tokens", prompt);
    jsonw_put_int(json, "completion_tokens", completion);
    jsonw_put_int(json, "total_tokens", prompt + completion);
    jsonw_key(json, "prompt_tokens_details");
    jsonw_open(json, '{');
    jsonw_put_int(json, "cached_tokens", cached);
    jsonw_put_int(json, "audio_tokens", 0);
    jsonw_close(json, '}');
    jsonw_key(json, "completion_tokens_details");
    jsonw_open(json, '{');
    jsonw_put_int(json, "reasoning_tokens", options->reasoning * factor);
    jsonw_put_int(json, "audio_tokens", 0);
    jsonw_close(json, '}');
    jsonw_close(json, '}');
}

static struct str persona_finish(const struct persona_ask *ask)
{
    return ask->tool.len > 0 ? STR("tool_calls") : ask->cut_short ? STR("length") : STR("stop");
}

/* {"city":"quiet"}: the first parameter, and a word. */
static enum err persona_arguments(const struct persona_ask *ask, struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    if (ask->argument.len > 0) {
        jsonw_put_str(&json, ask->argument_text, persona_word(ask, 0));
    }
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

static void persona_put_call(struct jsonw *json, const struct persona_ask *ask, bool streamed,
                             struct str arguments)
{
    char text[48];
    struct buf id = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_printf(&id, "call_%012llx", (unsigned long long)(persona_mix(ask->seed) >> 16)));
    jsonw_key(json, "tool_calls");
    jsonw_open(json, '[');
    jsonw_open(json, '{');
    if (streamed) {
        jsonw_put_int(json, "index", 0);
    }
    jsonw_put_str(json, "id", buf_str(&id));
    jsonw_put_str(json, "type", STR("function"));
    jsonw_key(json, "function");
    jsonw_open(json, '{');
    jsonw_put_str(json, "name", ask->tool);
    jsonw_put_str(json, "arguments", arguments);
    jsonw_close(json, '}');
    jsonw_close(json, '}');
    jsonw_close(json, ']');
}

/* ---- streams ------------------------------------------------------------------------------ */

/* Events of one choice: the role, its words (or two fragments of a call), its end. */
static int64_t persona_choice_events(const struct persona_ask *ask)
{
    return 2 + (ask->tool.len > 0 ? 2 : ask->words);
}

int64_t persona_event_count(const struct persona_ask *ask, const struct persona_options *options)
{
    bool usage = ask->include_usage && options->usage != USAGE_MISSING;
    return persona_choice_events(ask) * ask->choices + (usage ? 1 : 0) + 1;
}

static enum err persona_put_tool_delta(struct jsonw *json, const struct persona_ask *ask,
                                       int64_t fragment)
{
    char text[256];
    struct buf arguments = { text, 0, sizeof(text), sizeof(text) };
    TRY(persona_arguments(ask, &arguments));
    if (fragment == 0) {
        persona_put_call(json, ask, true, STR_EMPTY);
        return ERR_OK;
    }
    jsonw_key(json, "tool_calls");
    jsonw_open(json, '[');
    jsonw_open(json, '{');
    jsonw_put_int(json, "index", 0);
    jsonw_key(json, "function");
    jsonw_open(json, '{');
    jsonw_put_str(json, "arguments", buf_str(&arguments));
    jsonw_close(json, '}');
    jsonw_close(json, '}');
    jsonw_close(json, ']');
    return ERR_OK;
}

static enum err persona_put_delta(struct jsonw *json, const struct persona_ask *ask, int64_t step)
{
    int64_t last = persona_choice_events(ask) - 1;
    enum err err = ERR_OK;
    jsonw_key(json, "delta");
    jsonw_open(json, '{');
    if (step == 0) {
        jsonw_put_str(json, "role", STR("assistant"));
        jsonw_put_str(json, "content", STR_EMPTY);
        jsonw_key(json, "refusal");
        jsonw_null(json);
    } else if (step < last && ask->tool.len > 0) {
        err = persona_put_tool_delta(json, ask, step - 1);
    } else if (step < last) {
        char text[32];
        struct buf word = { text, 0, sizeof(text), sizeof(text) };
        EP_IGNORE(buf_append(&word, step > 1 ? STR(" ") : STR_EMPTY)); /* words are short */
        EP_IGNORE(buf_append(&word, persona_word(ask, step)));
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
    return err;
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
        TRY(persona_put_delta(&json, ask, at % each));
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

static enum err persona_put_message(struct jsonw *json, const struct persona_ask *ask)
{
    struct buf text;
    buf_init(&text, (size_t)1 << 24);
    enum err err = ERR_OK;
    jsonw_key(json, "message");
    jsonw_open(json, '{');
    jsonw_put_str(json, "role", STR("assistant"));
    jsonw_key(json, "content");
    if (ask->tool.len > 0) {
        jsonw_null(json);
        err = persona_arguments(ask, &text);
        persona_put_call(json, ask, false, buf_str(&text));
    } else {
        for (int64_t i = 0; err == ERR_OK && i < ask->words; i++) {
            err = buf_append(&text, i > 0 ? STR(" ") : STR_EMPTY);
            err = err == ERR_OK ? buf_append(&text, persona_word(ask, i + 1)) : err;
        }
        jsonw_str(json, buf_str(&text));
    }
    jsonw_key(json, "refusal");
    jsonw_null(json);
    jsonw_close(json, '}');
    buf_fini(&text);
    return err;
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
        TRY(persona_put_message(&json, ask));
        jsonw_key(&json, "logprobs");
        jsonw_null(&json);
        jsonw_put_str(&json, "finish_reason", persona_finish(ask));
        jsonw_close(&json, '}');
    }
    jsonw_close(&json, ']');
    if (options->usage != USAGE_MISSING) {
        persona_put_usage(&json, ask, options);
    }
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

enum err persona_error(struct buf *out, struct str message, struct str type)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "error");
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "message", message);
    jsonw_put_str(&json, "type", type);
    jsonw_key(&json, "param");
    jsonw_null(&json);
    jsonw_key(&json, "code");
    jsonw_null(&json);
    jsonw_close(&json, '}');
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

enum err persona_models(struct buf *out, struct str names)
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
