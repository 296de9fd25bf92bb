/* A talk from OpenAI chat completions, and from those who extend it as OpenRouter does. */
#include "dialect/talk_internal.h"

#define COUNT_MAX INT64_C(10000000) /* tokens; ten times the largest output there is */

/* ---- content ------------------------------------------------------------------------------ */

struct where {
    struct talk_turn *turn;
    uint32_t place;
};

static enum err chat_bad_part(struct talk_reading *reading, const struct where *where,
                              const char *what)
{
    return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_UNSUPPORTED, where->turn->at,
                          where->place, what);
}

static enum err chat_read_image(struct talk_reading *reading, const struct where *where,
                                struct str value)
{
    struct talk_part *part;
    TRY(talk_add_part(reading, where->turn, TALK_IMAGE, where->place, &part));
    part->detail = text_get(value, STR("detail"));
    return talk_set_url(reading, part,
                        talk_is(value, JSON_STRING) ? text_of(value) : text_get(value, STR("url")));
}

static enum err chat_read_sound(struct talk_reading *reading, const struct where *where,
                                struct str value)
{
    struct talk_part *part;
    struct str format = text_get(value, STR("format"));
    bool wav = str_eq(format, STR("wav"));
    if (!wav && !str_eq(format, STR("mp3"))) {
        return chat_bad_part(reading, where, "must be sound of the format wav or mp3");
    }
    TRY(talk_add_part(reading, where->turn, TALK_AUDIO, where->place, &part));
    return talk_set_data(reading, part, wav ? STR("audio/wav") : STR("audio/mpeg"),
                         text_get(value, STR("data")));
}

static enum err chat_read_file(struct talk_reading *reading, const struct where *where,
                               struct str value)
{
    struct talk_part *part;
    struct str data = text_get(value, STR("file_data"));
    if (data.len == 0) {
        return chat_bad_part(reading, where, "is a stored file: send it as \"file_data\"");
    }
    TRY(talk_add_part(reading, where->turn, TALK_FILE, where->place, &part));
    part->name = text_get(value, STR("filename"));
    return talk_set_url(reading, part, data);
}

static enum err chat_read_part(struct talk_reading *reading, const struct where *where,
                               struct str part)
{
    struct str type = json_get(part, STR("type"));
    if (json_string_is(type, STR("text"))) {
        struct talk_part *before = where->turn->last;
        TRY(talk_add_text(reading, where->turn, where->place, text_get(part, STR("text"))));
        if (where->turn->last != before) {
            struct str cache = json_get(part, STR("cache_control"));
            where->turn->last->cache = talk_is(cache, JSON_OBJECT) ? cache : STR_EMPTY;
        }
        return ERR_OK;
    }
    if (json_string_is(type, STR("refusal"))) {
        struct talk_part *refusal;
        TRY(talk_add_part(reading, where->turn, TALK_REFUSAL, where->place, &refusal));
        refusal->text = text_get(part, STR("refusal"));
        return ERR_OK;
    }
    if (json_string_is(type, STR("image_url"))) {
        return chat_read_image(reading, where, json_get(part, STR("image_url")));
    }
    if (json_string_is(type, STR("input_audio"))) {
        return chat_read_sound(reading, where, json_get(part, STR("input_audio")));
    }
    if (json_string_is(type, STR("file"))) {
        return chat_read_file(reading, where, json_get(part, STR("file")));
    }
    return chat_bad_part(reading, where, "is of a type that is not known here");
}

static enum err chat_read_content(struct talk_reading *reading, struct talk_turn *turn, uint32_t at,
                                  struct str content)
{
    struct where where = { turn, 0 };
    if (content.len == 0 || json_kind(content) == JSON_NULL) {
        return ERR_OK;
    }
    if (talk_is(content, JSON_STRING)) {
        return talk_add_text(reading, turn, 0, text_of(content));
    }
    if (!talk_is(content, JSON_ARRAY)) {
        return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_INVALID, at, TALK_NO_PLACE,
                              "must have a content that is a string or a list");
    }
    struct str part;
    struct str rest = json_inside(content);
    for (; json_next_item(&rest, &part); where.place++) {
        TRY(chat_read_part(reading, &where, part));
    }
    return ERR_OK;
}

/* ---- what the model said ------------------------------------------------------------------ */

static enum err chat_read_detail(struct talk_reading *reading, struct talk_turn *turn,
                                 struct str detail)
{
    struct talk_part *part;
    struct str cipher = text_get(detail, STR("data"));
    struct str text = text_get(detail, STR("text"));
    text = text.len > 0 ? text : text_get(detail, STR("summary"));
    struct str signature = text_get(detail, STR("signature"));
    if (cipher.len + text.len + signature.len == 0) {
        return ERR_OK;
    }
    TRY(talk_add_part(reading, turn, TALK_REASON, TALK_NO_PLACE, &part));
    part->text = text;
    part->redacted = cipher.len > 0;
    talk_set_signature(reading->talk, part, cipher.len > 0 ? cipher : signature);
    return ERR_OK;
}

/* Reasoning as details, which say what belongs together; else as one text. A detail with nothing
 * but a signature is of the text before it. */
static enum err chat_read_reasoning(struct talk_reading *reading, struct talk_turn *turn,
                                    struct str message)
{
    struct str list = json_get(message, STR("reasoning_details"));
    struct str detail;
    struct str rest = talk_is(list, JSON_ARRAY) ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &detail)) {
        TRY(chat_read_detail(reading, turn, detail));
    }
    struct str text = text_get(message, STR("reasoning_content"));
    text = text.len > 0 ? text : text_get(message, STR("reasoning"));
    if (text.len == 0) {
        return ERR_OK;
    }
    for (struct talk_part *part = turn->parts; part != NULL; part = part->next) {
        if (part->kind == TALK_REASON && !part->redacted) {
            part->text = part->text.len > 0 ? part->text : text;
            return ERR_OK;
        }
    }
    struct talk_part *part;
    TRY(talk_add_part(reading, turn, TALK_REASON, TALK_NO_PLACE, &part));
    part->text = text;
    return ERR_OK;
}

static enum err chat_read_call(struct talk_reading *reading, struct talk_turn *turn, uint32_t at,
                               struct str call)
{
    struct talk_part *part;
    struct str custom = json_get(call, STR("custom"));
    bool is_custom = talk_is(custom, JSON_OBJECT);
    struct str inner = is_custom ? custom : json_get(call, STR("function"));
    TRY(talk_add_part(reading, turn, is_custom ? TALK_CUSTOM_CALL : TALK_CALL, TALK_NO_PLACE,
                      &part));
    part->turn = at;
    part->name = text_get(inner, STR("name"));
    part->args = text_get(inner, is_custom ? STR("input") : STR("arguments"));
    if (part->name.len == 0) {
        return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_INVALID, at, TALK_NO_PLACE,
                              "must name the function of each tool call");
    }
    return talk_set_id(reading, part, text_get(call, STR("id")));
}

static enum err chat_read_model_turn(struct talk_reading *reading, struct str message, uint32_t at)
{
    struct talk_turn *turn;
    struct str call;
    struct str calls = json_get(message, STR("tool_calls"));
    struct str rest = talk_is(calls, JSON_ARRAY) ? json_inside(calls) : STR_EMPTY;
    TRY(talk_add_turn(reading, TALK_MODEL, at, false, &turn));
    if (talk_is(json_get(message, STR("function_call")), JSON_OBJECT)) {
        return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_UNSUPPORTED, at, TALK_NO_PLACE,
                              "has a function_call: send it as tool_calls");
    }
    TRY(chat_read_reasoning(reading, turn, message));
    TRY(chat_read_content(reading, turn, at, json_get(message, STR("content"))));
    struct str refusal = text_get(message, STR("refusal"));
    if (refusal.len > 0) {
        struct talk_part *part;
        TRY(talk_add_part(reading, turn, TALK_REFUSAL, TALK_NO_PLACE, &part));
        part->text = refusal;
    }
    while (json_next_item(&rest, &call)) {
        TRY(chat_read_call(reading, turn, at, call));
    }
    return ERR_OK;
}

/* ---- messages ----------------------------------------------------------------------------- */

static enum err chat_read_result_text(struct talk_reading *reading, struct talk_part *result,
                                      struct str text)
{
    struct talk_part *inner;
    TRY(talk_add_inner(reading, result, TALK_TEXT, &inner));
    inner->text = text;
    return ERR_OK;
}

static enum err chat_read_result(struct talk_reading *reading, struct str message, uint32_t at)
{
    struct talk_turn *turn;
    struct talk_part *result;
    struct str part;
    struct str content = json_get(message, STR("content"));
    TRY(talk_add_turn(reading, TALK_USER, at, talk_ends_in_result(reading->talk), &turn));
    TRY(talk_add_part(reading, turn, TALK_RESULT, TALK_NO_PLACE, &result));
    result->turn = at;
    TRY(talk_set_id(reading, result, text_get(message, STR("tool_call_id"))));
    if (!talk_is(content, JSON_ARRAY)) {
        return chat_read_result_text(reading, result, text_of(content));
    }
    struct str rest = json_inside(content);
    while (json_next_item(&rest, &part)) {
        if (!json_string_is(json_get(part, STR("type")), STR("text"))) {
            return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_INVALID, at, TALK_NO_PLACE,
                                  "may have text alone");
        }
        TRY(chat_read_result_text(reading, result, text_get(part, STR("text"))));
    }
    return ERR_OK;
}

static enum err chat_read_message(struct talk_reading *reading, struct str message, uint32_t at)
{
    struct str role = json_get(message, STR("role"));
    struct talk_turn *turn;
    if (json_string_is(role, STR("assistant"))) {
        return chat_read_model_turn(reading, message, at);
    }
    if (json_string_is(role, STR("tool"))) {
        return chat_read_result(reading, message, at);
    }
    bool user = json_string_is(role, STR("user"));
    bool system = json_string_is(role, STR("system")) || json_string_is(role, STR("developer"));
    if (!user && !system) {
        return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_INVALID, at, TALK_NO_PLACE,
                              "must have a role of system, developer, user, assistant or tool");
    }
    if (text_get(message, STR("name")).len > 0) {
        lost_add(&reading->talk->lost, LOST_BIT_NAME);
    }
    TRY(talk_add_turn(reading, user ? TALK_USER : TALK_SYSTEM, at, false, &turn));
    return chat_read_content(reading, turn, at, json_get(message, STR("content")));
}

static enum err chat_on_messages(struct talk_reading *reading, struct str value)
{
    struct str message;
    struct str rest;
    TRY(talk_take_list(reading, STR("messages"), value, &rest));
    for (uint32_t at = 0; json_next_item(&rest, &message); at++) {
        TRY(chat_read_message(reading, message, at));
    }
    return ERR_OK;
}

/* ---- tools -------------------------------------------------------------------------------- */

static enum err chat_read_tool(struct talk_reading *reading, struct str value)
{
    struct talk_tool *tool;
    struct str type = json_get(value, STR("type"));
    bool custom = json_string_is(type, STR("custom"));
    struct str inner = json_get(value, custom ? STR("custom") : STR("function"));
    if (!custom && !json_string_is(type, STR("function"))) {
        return talk_refuse(reading, ERR_ASK_UNSUPPORTED, STR("tools"),
                           "may be functions and custom tools alone on a route of another dialect");
    }
    static const struct str outer_names[] = { STR_INIT("type"), STR_INIT("function"),
                                              STR_INIT("custom"), STR_INIT("cache_control") };
    static const struct str inner_names[] = { STR_INIT("name"), STR_INIT("description"),
                                              STR_INIT("parameters"), STR_INIT("strict"),
                                              STR_INIT("format") };
    TRY(talk_check_tool(reading, value, outer_names, EP_ARRAY_LEN(outer_names)));
    TRY(talk_check_tool(reading, inner, inner_names, EP_ARRAY_LEN(inner_names)));
    TRY(talk_add_tool(reading, text_get(inner, STR("name")), &tool));
    tool->custom = custom;
    tool->description = text_get(inner, STR("description"));
    struct str schema = json_get(inner, STR("parameters"));
    tool->schema = talk_is(schema, JSON_OBJECT) ? schema : STR_EMPTY;
    tool->format = custom ? json_get(inner, STR("format")) : STR_EMPTY;
    tool->strict = talk_is(json_get(inner, STR("strict")), JSON_TRUE);
    struct str cache = json_get(value, STR("cache_control"));
    tool->cache = talk_is(cache, JSON_OBJECT) ? cache : STR_EMPTY;
    return ERR_OK;
}

static enum err chat_on_tools(struct talk_reading *reading, struct str value)
{
    struct str tool;
    struct str rest;
    TRY(talk_take_list(reading, STR("tools"), value, &rest));
    while (json_next_item(&rest, &tool)) {
        TRY(chat_read_tool(reading, tool));
    }
    return ERR_OK;
}

static enum err chat_on_tool_choice(struct talk_reading *reading, struct str value)
{
    struct talk *talk = reading->talk;
    if (talk_take_choice(talk, value)) {
        return ERR_OK;
    }
    struct str type = json_get(value, STR("type"));
    struct str inner =
        json_get(value, json_string_is(type, STR("custom")) ? STR("custom") : STR("function"));
    talk->choice = TALK_CHOICE_NAMED;
    talk->choice_name = text_get(inner, STR("name"));
    return talk->choice_name.len > 0 ? ERR_OK
                                     : talk_refuse(reading, ERR_ASK_UNSUPPORTED, STR("tool_choice"),
                                                   "must be none, auto, required or one function");
}

/* ---- the rest ----------------------------------------------------------------------------- */

static enum err chat_on_cap(struct talk_reading *reading, struct str value, struct str name)
{
    if (reading->talk->output_cap > 0) {
        return talk_refuse(reading, ERR_ASK_INVALID, name, "must not stand beside its other name");
    }
    return talk_take_count(reading, name, value, COUNT_MAX, &reading->talk->output_cap);
}

static enum err chat_on_max_tokens(struct talk_reading *reading, struct str value)
{
    return chat_on_cap(reading, value, STR("max_tokens"));
}

static enum err chat_on_max_completion(struct talk_reading *reading, struct str value)
{
    return chat_on_cap(reading, value, STR("max_completion_tokens"));
}

static enum err chat_on_n(struct talk_reading *reading, struct str value)
{
    return talk_take_count(reading, STR("n"), value, EVENT_CHOICES_MAX, &reading->talk->choices);
}

static enum err chat_on_stop(struct talk_reading *reading, struct str value)
{
    return talk_take_stops(reading, STR("stop"), value);
}

static enum err chat_on_seed(struct talk_reading *reading, struct str value)
{
    return talk_take_number(reading, STR("seed"), value, &reading->talk->seed);
}

static enum err chat_on_frequency(struct talk_reading *reading, struct str value)
{
    return talk_take_number(reading, STR("frequency_penalty"), value,
                            &reading->talk->frequency_penalty);
}

static enum err chat_on_presence(struct talk_reading *reading, struct str value)
{
    return talk_take_number(reading, STR("presence_penalty"), value,
                            &reading->talk->presence_penalty);
}

static enum err chat_on_effort(struct talk_reading *reading, struct str value)
{
    return talk_take_effort(reading, STR("reasoning_effort"), value);
}

static enum err chat_on_verbosity(struct talk_reading *reading, struct str value)
{
    return talk_take_text(reading, STR("verbosity"), value, &reading->talk->verbosity);
}

static enum err chat_on_include_usage(struct talk_reading *reading, struct str value)
{
    return talk_take_bool(reading, STR("include_usage"), value, &reading->talk->include_usage);
}

static enum err chat_on_stream_options(struct talk_reading *reading, struct str value)
{
    static const struct talk_member members[] = {
        { STR_INIT("include_usage"), chat_on_include_usage, 0 },
        { STR_INIT("include_obfuscation"), NULL, TALK_IGNORED },
    };
    if (!talk_is(value, JSON_OBJECT)) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("stream_options"), "must be an object");
    }
    reading->within = "stream_options.";
    TRY(talk_read_object(reading, value, members, EP_ARRAY_LEN(members)));
    reading->within = "";
    return ERR_OK;
}

static enum err chat_on_modalities(struct talk_reading *reading, struct str value)
{
    struct str item;
    struct str rest = talk_is(value, JSON_ARRAY) ? json_inside(value) : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        if (!json_string_is(item, STR("text"))) {
            return talk_refuse(reading, ERR_ASK_UNSUPPORTED, STR("modalities"),
                               "may be text alone on a route of another dialect");
        }
    }
    return ERR_OK;
}

static enum err chat_on_response_format(struct talk_reading *reading, struct str value)
{
    struct talk *talk = reading->talk;
    struct str type = json_get(value, STR("type"));
    struct str inner = json_get(value, STR("json_schema"));
    if (json_string_is(type, STR("text"))) {
        return ERR_OK;
    }
    if (json_string_is(type, STR("json_object"))) {
        talk->format = TALK_FORMAT_JSON;
        return ERR_OK;
    }
    talk->format = TALK_FORMAT_SCHEMA;
    talk->format_name = text_get(inner, STR("name"));
    talk->format_schema = json_get(inner, STR("schema"));
    talk->format_strict = talk_is(json_get(inner, STR("strict")), JSON_TRUE);
    bool fine = json_string_is(type, STR("json_schema")) && talk->format_name.len > 0 &&
                talk_is(talk->format_schema, JSON_OBJECT);
    return fine ? ERR_OK
                : talk_refuse(reading, ERR_ASK_INVALID, STR("response_format"),
                              "must be text, json_object, or json_schema with a name and a schema");
}

static const struct talk_member chat_members[] = {
    { STR_INIT("model"), talk_on_model, 0 },
    { STR_INIT("messages"), chat_on_messages, 0 },
    { STR_INIT("stream"), talk_on_stream, 0 },
    { STR_INIT("stream_options"), chat_on_stream_options, 0 },
    { STR_INIT("max_tokens"), chat_on_max_tokens, 0 },
    { STR_INIT("max_completion_tokens"), chat_on_max_completion, 0 },
    { STR_INIT("n"), chat_on_n, 0 },
    { STR_INIT("temperature"), talk_on_temperature, 0 },
    { STR_INIT("top_p"), talk_on_top_p, 0 },
    { STR_INIT("top_k"), talk_on_top_k, 0 },
    { STR_INIT("stop"), chat_on_stop, 0 },
    { STR_INIT("seed"), chat_on_seed, 0 },
    { STR_INIT("frequency_penalty"), chat_on_frequency, 0 },
    { STR_INIT("presence_penalty"), chat_on_presence, 0 },
    { STR_INIT("logit_bias"), NULL, TALK_REFUSED },
    { STR_INIT("logprobs"), NULL, TALK_REFUSED },
    { STR_INIT("top_logprobs"), NULL, TALK_REFUSED },
    { STR_INIT("tools"), chat_on_tools, 0 },
    { STR_INIT("tool_choice"), chat_on_tool_choice, 0 },
    { STR_INIT("parallel_tool_calls"), talk_on_parallel, 0 },
    { STR_INIT("functions"), NULL, TALK_REFUSED },
    { STR_INIT("function_call"), NULL, TALK_REFUSED },
    { STR_INIT("response_format"), chat_on_response_format, 0 },
    { STR_INIT("reasoning_effort"), chat_on_effort, 0 },
    { STR_INIT("verbosity"), chat_on_verbosity, 0 },
    { STR_INIT("modalities"), chat_on_modalities, 0 },
    { STR_INIT("audio"), NULL, TALK_REFUSED },
    { STR_INIT("prediction"), NULL, LOST_BIT_PREDICTION },
    { STR_INIT("web_search_options"), NULL, TALK_REFUSED },
    { STR_INIT("user"), talk_on_user, 0 },
    { STR_INIT("safety_identifier"), NULL, LOST_BIT_USER },
    { STR_INIT("metadata"), talk_on_metadata, 0 },
    { STR_INIT("store"), talk_on_store, 0 },
    { STR_INIT("service_tier"), NULL, LOST_BIT_TIER },
    { STR_INIT("prompt_cache_key"), NULL, LOST_BIT_CACHE },
    { STR_INIT("prompt_cache_retention"), NULL, LOST_BIT_CACHE },
    { STR_INIT("provider"), NULL, TALK_IGNORED }, /* ours */
    { STR_INIT("models"), NULL, TALK_IGNORED },
};

enum err talk_read_chat(struct talk_reading *reading)
{
    return talk_read_object(reading, reading->talk->body, chat_members, EP_ARRAY_LEN(chat_members));
}
