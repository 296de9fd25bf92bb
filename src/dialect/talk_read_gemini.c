/* A talk from Google Gemini; model and stream are in its path. */
#include "dialect/gemini_key.h"
#include "dialect/talk_internal.h"

#include <stdio.h>

#define COUNT_MAX INT64_C(10000000) /* tokens; ten times the largest output there is */

/* As json_get(), by either spelling. */
static struct str gemini_get(struct str object, struct str name)
{
    struct json_member member;
    struct str rest = talk_is(object, JSON_OBJECT) ? json_inside(object) : STR_EMPTY;
    while (json_next_member(&rest, &member)) {
        if (gemini_key_is(member.key, name)) {
            return member.value;
        }
    }
    return STR_EMPTY;
}

static enum err gemini_bad(struct talk_reading *reading, const struct talk_turn *turn,
                           uint32_t place, const char *what)
{
    return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_UNSUPPORTED, turn->at, place, what);
}

/* ---- parts -------------------------------------------------------------------------------- */

static enum err gemini_read_text(struct talk_reading *reading, struct talk_turn *turn,
                                 uint32_t place, struct str part)
{
    struct str text = text_get(part, STR("text"));
    struct str signature = text_of(gemini_get(part, STR("thoughtSignature")));
    struct talk_part *reason;
    if (!talk_is(json_get(part, STR("thought")), JSON_TRUE)) {
        if (signature.len > 0) {
            lost_add(&reading->talk->lost, LOST_BIT_SIGNATURE);
        }
        return talk_add_text(reading, turn, place, text);
    }
    TRY(talk_add_part(reading, turn, TALK_REASON, place, &reason));
    reason->text = text;
    talk_set_signature(reading->talk, reason, signature);
    reason->redacted = text.len == 0;
    return ERR_OK;
}

/* A call without an id gets one from its place, the same each time the request is sent. */
static enum err gemini_make_id(struct talk_reading *reading, struct talk_part *part)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "call_%u_%u", part->turn, part->place);
    ASSERT(len > 0 && (size_t)len < sizeof(text));
    return arena_copy(reading->talk->arena, (struct str){ text, (size_t)len }, &part->id)
               ? ERR_OK
               : ERR_NO_MEMORY;
}

static enum err gemini_read_call(struct talk_reading *reading, struct talk_turn *turn,
                                 uint32_t place, struct str value, struct str signature)
{
    struct talk_part *part;
    struct str id = text_get(value, STR("id"));
    TRY(talk_add_part(reading, turn, TALK_CALL, place, &part));
    part->name = text_get(value, STR("name"));
    part->args_json = json_get(value, STR("args"));
    part->args_json = talk_is(part->args_json, JSON_OBJECT) ? part->args_json : STR("{}");
    talk_set_signature(reading->talk, part, signature);
    if (part->name.len == 0) {
        return gemini_bad(reading, turn, place, "must have a name");
    }
    return id.len > 0 ? talk_set_id(reading, part, id) : gemini_make_id(reading, part);
}

/* {"output": text} and {"result": text} are text, {"error": text} is a failure; else it is JSON. */
static enum err gemini_read_response(struct talk_reading *reading, struct talk_part *result,
                                     struct str response)
{
    struct talk_part *inner;
    struct json_member member;
    struct json_member second;
    struct str rest = json_inside(response);
    TRY(talk_add_inner(reading, result, TALK_TEXT, &inner));
    bool one = json_next_member(&rest, &member) && !json_next_member(&rest, &second) &&
               talk_is(member.value, JSON_STRING);
    bool error = one && json_key_is(member.key, STR("error"));
    bool text = one && (json_key_is(member.key, STR("output")) ||
                        json_key_is(member.key, STR("result")) || error);
    result->failed = error;
    if (text) {
        inner->text = text_of(member.value);
        return ERR_OK;
    }
    return text_encode(response, reading->talk->arena, &inner->text) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err gemini_read_result(struct talk_reading *reading, struct talk_turn *turn,
                                   uint32_t place, struct str value)
{
    struct talk_part *part;
    struct str id = text_get(value, STR("id"));
    struct str response = json_get(value, STR("response"));
    TRY(talk_add_part(reading, turn, TALK_RESULT, place, &part));
    part->name = text_get(value, STR("name"));
    if (!talk_is(response, JSON_OBJECT) || part->name.len == 0) {
        return gemini_bad(reading, turn, place, "must have a name and a response");
    }
    TRY(id.len > 0 ? talk_set_id(reading, part, id) : ERR_OK);
    return gemini_read_response(reading, part, response);
}

static enum err gemini_read_data(struct talk_reading *reading, struct talk_turn *turn,
                                 uint32_t place, struct str value, bool is_file)
{
    struct talk_part *part;
    struct str media = text_of(gemini_get(value, STR("mimeType")));
    enum talk_kind kind = str_starts(media, STR("image/"))   ? TALK_IMAGE
                          : str_starts(media, STR("audio/")) ? TALK_AUDIO
                                                             : TALK_FILE;
    TRY(talk_add_part(reading, turn, kind, place, &part));
    if (is_file) {
        part->media = media;
        return talk_set_url(reading, part, text_of(gemini_get(value, STR("fileUri"))));
    }
    return talk_set_data(reading, part, media, text_get(value, STR("data")));
}

static enum err gemini_read_part(struct talk_reading *reading, struct talk_turn *turn,
                                 uint32_t place, struct str part)
{
    struct str call = gemini_get(part, STR("functionCall"));
    struct str result = gemini_get(part, STR("functionResponse"));
    struct str data = gemini_get(part, STR("inlineData"));
    struct str file = gemini_get(part, STR("fileData"));
    if (talk_is(json_get(part, STR("text")), JSON_STRING)) {
        return gemini_read_text(reading, turn, place, part);
    }
    if (talk_is(call, JSON_OBJECT)) {
        return gemini_read_call(reading, turn, place, call,
                                text_of(gemini_get(part, STR("thoughtSignature"))));
    }
    if (talk_is(result, JSON_OBJECT)) {
        return gemini_read_result(reading, turn, place, result);
    }
    if (talk_is(data, JSON_OBJECT) || talk_is(file, JSON_OBJECT)) {
        bool is_file = talk_is(file, JSON_OBJECT);
        return gemini_read_data(reading, turn, place, is_file ? file : data, is_file);
    }
    if (turn->role == TALK_MODEL && (gemini_get(part, STR("executableCode")).len > 0 ||
                                     gemini_get(part, STR("codeExecutionResult")).len > 0)) {
        lost_add(&reading->talk->lost, LOST_BIT_HOSTED);
        return ERR_OK;
    }
    return gemini_bad(reading, turn, place, "is of a kind that is not known here");
}

static enum err gemini_read_parts(struct talk_reading *reading, struct talk_turn *turn,
                                  struct str content)
{
    struct str parts = json_get(content, STR("parts"));
    struct str part;
    struct str rest = talk_is(parts, JSON_ARRAY) ? json_inside(parts) : STR_EMPTY;
    uint32_t place = 0;
    while (json_next_item(&rest, &part)) {
        TRY(gemini_read_part(reading, turn, place++, part));
    }
    return ERR_OK;
}

static enum err gemini_on_contents(struct talk_reading *reading, struct str value)
{
    struct str content;
    struct str rest;
    TRY(talk_take_list(reading, STR("contents"), value, &rest));
    for (uint32_t at = 0; json_next_item(&rest, &content); at++) {
        struct talk_turn *turn;
        struct str role = json_get(content, STR("role"));
        bool model = json_string_is(role, STR("model"));
        bool user = role.len == 0 || json_string_is(role, STR("user")) ||
                    json_string_is(role, STR("function"));
        if (!model && !user) {
            return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_INVALID, at, TALK_NO_PLACE,
                                  "must have a role of user or model");
        }
        TRY(talk_add_turn(reading, model ? TALK_MODEL : TALK_USER, at, false, &turn));
        TRY(gemini_read_parts(reading, turn, content));
    }
    return ERR_OK;
}

static enum err gemini_read_system(struct talk_reading *reading, struct talk_turn *turn,
                                   struct str value)
{
    return talk_is(value, JSON_STRING) ? talk_add_text(reading, turn, 0, text_of(value))
                                       : gemini_read_parts(reading, turn, value);
}

static enum err gemini_on_system(struct talk_reading *reading, struct str value)
{
    return talk_add_system(reading, value, gemini_read_system);
}

/* ---- tools -------------------------------------------------------------------------------- */

static const struct str gemini_types[] = {
    STR_INIT("\"STRING\""),  STR_INIT("\"NUMBER\""), STR_INIT("\"INTEGER\""),
    STR_INIT("\"BOOLEAN\""), STR_INIT("\"ARRAY\""),  STR_INIT("\"OBJECT\""),
    STR_INIT("\"NULL\""),
};

/* A type's name at the front, in lower case from now on. */
static void gemini_lower_type(char *at, size_t room)
{
    struct str rest = { at, room };
    for (size_t i = 0; i < EP_ARRAY_LEN(gemini_types); i++) {
        if (str_starts(rest, gemini_types[i])) {
            for (size_t k = 1; k + 1 < gemini_types[i].len; k++) {
                at[k] = (char)(at[k] | 0x20);
            }
        }
    }
}

/* Behind the string that begins at `at`. */
static size_t gemini_string_end(struct str json, size_t at)
{
    for (at++; json.ptr[at] != '"'; at++) {
        at += json.ptr[at] == '\\' ? 1 : 0;
    }
    return at + 1;
}

/*
 * A schema as this dialect has it, with types in upper case, as JSON Schema has it: a copy in which
 * what stands behind each key "type" is in lower case. What else differs is passed over by readers.
 */
static enum err gemini_plain_schema(struct talk_reading *reading, struct str schema,
                                    struct str *ret_schema)
{
    char *copy = arena_alloc(reading->talk->arena, schema.len);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    memcpy(copy, schema.ptr, schema.len);
    *ret_schema = (struct str){ copy, schema.len };
    for (size_t at = 0; at < schema.len;) {
        if (copy[at] != '"') {
            at++;
            continue;
        }
        size_t end = gemini_string_end(*ret_schema, at);
        bool type = str_eq(str_slice(*ret_schema, at, end), STR("\"type\""));
        struct str behind = json_trim(str_from_at(*ret_schema, end));
        at = end;
        if (type && behind.len > 0 && behind.ptr[0] == ':') {
            behind = json_trim(str_from_at(behind, 1));
            size_t value = (size_t)(behind.ptr - copy);
            gemini_lower_type(copy + value, schema.len - value);
        }
    }
    return ERR_OK;
}

static enum err gemini_read_functions(struct talk_reading *reading, struct str list)
{
    struct str item;
    struct str rest = talk_is(list, JSON_ARRAY) ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        struct talk_tool *tool;
        static const struct str names[] = {
            STR_INIT("name"),       STR_INIT("description"),
            STR_INIT("parameters"), STR_INIT("parametersJsonSchema"),
            STR_INIT("response"),   STR_INIT("responseJsonSchema")
        };
        TRY(talk_check_tool(reading, item, names, EP_ARRAY_LEN(names)));
        TRY(talk_add_tool(reading, text_get(item, STR("name")), &tool));
        tool->description = text_get(item, STR("description"));
        if (json_get(item, STR("response")).len + gemini_get(item, STR("responseJsonSchema")).len >
            0) {
            lost_add(&reading->talk->lost, LOST_BIT_STRICT); /* what the tool will answer */
        }
        struct str schema = gemini_get(item, STR("parametersJsonSchema"));
        struct str older = json_get(item, STR("parameters"));
        tool->schema = talk_is(schema, JSON_OBJECT) ? schema : STR_EMPTY;
        if (tool->schema.len == 0 && talk_is(older, JSON_OBJECT)) {
            TRY(gemini_plain_schema(reading, older, &tool->schema));
        }
    }
    return ERR_OK;
}

/* Tools that the vendor runs and bills as tokens; its searches are billed by what no report
 * tells. */
static enum err gemini_read_hosted(struct talk_reading *reading, struct str key)
{
    if (gemini_key_is(key, STR("codeExecution")) || gemini_key_is(key, STR("urlContext"))) {
        reading->talk->searches = true;
        return talk_own(reading, STR("tools"),
                        "may be functions alone on a route of another dialect");
    }
    return talk_refuse(reading, ERR_ASK_UNSUPPORTED, STR("tools"),
                       "may be functions, codeExecution and urlContext alone");
}

static enum err gemini_on_tools(struct talk_reading *reading, struct str value)
{
    struct str item;
    struct str rest = talk_is(value, JSON_ARRAY) ? json_inside(value) : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        struct json_member member;
        struct str inside = talk_is(item, JSON_OBJECT) ? json_inside(item) : STR_EMPTY;
        while (json_next_member(&inside, &member)) {
            bool functions = gemini_key_is(member.key, STR("functionDeclarations"));
            TRY(functions ? gemini_read_functions(reading, member.value)
                          : gemini_read_hosted(reading, member.key));
        }
    }
    return ERR_OK;
}

static enum err gemini_on_tool_config(struct talk_reading *reading, struct str value)
{
    static const struct {
        struct str name;
        enum talk_choice choice;
    } names[] = { { STR_INIT("AUTO"), TALK_CHOICE_AUTO },
                  { STR_INIT("VALIDATED"), TALK_CHOICE_AUTO },
                  { STR_INIT("NONE"), TALK_CHOICE_NONE },
                  { STR_INIT("ANY"), TALK_CHOICE_ANY } };
    struct talk *talk = reading->talk;
    struct str config = gemini_get(value, STR("functionCallingConfig"));
    struct str allowed = gemini_get(config, STR("allowedFunctionNames"));
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (json_string_is(json_get(config, STR("mode")), names[i].name)) {
            talk->choice = names[i].choice;
        }
    }
    struct str first;
    struct str second;
    struct str rest = talk_is(allowed, JSON_ARRAY) ? json_inside(allowed) : STR_EMPTY;
    if (!json_next_item(&rest, &first)) {
        return ERR_OK;
    }
    if (talk->choice != TALK_CHOICE_ANY || json_next_item(&rest, &second)) {
        return talk_own(reading, STR("toolConfig"),
                        "may allow one function, with mode ANY, on a route of another dialect");
    }
    talk->choice = TALK_CHOICE_NAMED;
    talk->choice_name = text_of(first);
    return ERR_OK;
}

/* ---- generationConfig --------------------------------------------------------------------- */

static enum err gemini_on_cap(struct talk_reading *reading, struct str value)
{
    return talk_take_count(reading, STR("maxOutputTokens"), value, COUNT_MAX,
                           &reading->talk->output_cap);
}

static enum err gemini_on_count(struct talk_reading *reading, struct str value)
{
    return talk_take_count(reading, STR("candidateCount"), value, EVENT_CHOICES_MAX,
                           &reading->talk->choices);
}

static enum err gemini_on_top_p(struct talk_reading *reading, struct str value)
{
    return talk_take_number(reading, STR("topP"), value, &reading->talk->top_p);
}

static enum err gemini_on_top_k(struct talk_reading *reading, struct str value)
{
    return talk_take_number(reading, STR("topK"), value, &reading->talk->top_k);
}

static enum err gemini_on_seed(struct talk_reading *reading, struct str value)
{
    return talk_take_number(reading, STR("seed"), value, &reading->talk->seed);
}

static enum err gemini_on_presence(struct talk_reading *reading, struct str value)
{
    return talk_take_number(reading, STR("presencePenalty"), value,
                            &reading->talk->presence_penalty);
}

static enum err gemini_on_frequency(struct talk_reading *reading, struct str value)
{
    return talk_take_number(reading, STR("frequencyPenalty"), value,
                            &reading->talk->frequency_penalty);
}

static enum err gemini_on_stops(struct talk_reading *reading, struct str value)
{
    return talk_take_stops(reading, STR("stopSequences"), value);
}

static enum err gemini_on_media(struct talk_reading *reading, struct str value)
{
    struct talk *talk = reading->talk;
    if (json_string_is(value, STR("text/plain"))) {
        return ERR_OK;
    }
    if (!json_string_is(value, STR("application/json"))) {
        return talk_own(reading, STR("responseMimeType"),
                        "must be text/plain or application/json on a route of another dialect");
    }
    talk->format = talk->format == TALK_FORMAT_TEXT ? TALK_FORMAT_JSON : talk->format;
    return ERR_OK;
}

static enum err gemini_on_schema(struct talk_reading *reading, struct str value)
{
    struct talk *talk = reading->talk;
    if (!talk_is(value, JSON_OBJECT)) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("responseJsonSchema"),
                           "must be an object");
    }
    talk->format = TALK_FORMAT_SCHEMA;
    talk->format_schema = value;
    return ERR_OK;
}

static enum err gemini_on_budget(struct talk_reading *reading, struct str value)
{
    int64_t budget = 0;
    struct talk *talk = reading->talk;
    if (!json_i64(value, &budget) || budget < -1 || budget > COUNT_MAX) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("thinkingBudget"),
                           "must be a whole number from -1 on");
    }
    talk->thinking_budget = budget > 0 ? budget : 0;
    if (budget == 0) {
        talk->effort = TALK_EFFORT_NONE;
    } else if (budget < 0) { /* as much as the model finds right */
        talk->effort = TALK_EFFORT_MEDIUM;
    }
    return ERR_OK;
}

static enum err gemini_on_level(struct talk_reading *reading, struct str value)
{
    static const struct {
        struct str name;
        enum talk_effort effort;
    } names[] = { { STR_INIT("minimal"), TALK_EFFORT_MINIMAL },
                  { STR_INIT("low"), TALK_EFFORT_LOW },
                  { STR_INIT("medium"), TALK_EFFORT_MEDIUM },
                  { STR_INIT("high"), TALK_EFFORT_HIGH } };
    struct str text = text_of(value);
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (str_eq_nocase(text, names[i].name)) {
            reading->talk->effort = names[i].effort;
            return ERR_OK;
        }
    }
    return talk_refuse(reading, ERR_ASK_INVALID, STR("thinkingLevel"),
                       "must be minimal, low, medium or high");
}

static enum err gemini_on_thoughts(struct talk_reading *reading, struct str value)
{
    return talk_take_bool(reading, STR("includeThoughts"), value, &reading->talk->thoughts);
}

static enum err gemini_on_thinking(struct talk_reading *reading, struct str value)
{
    static const struct talk_member members[] = {
        { STR_INIT("thinkingBudget"), gemini_on_budget, 0 },
        { STR_INIT("thinkingLevel"), gemini_on_level, 0 },
        { STR_INIT("includeThoughts"), gemini_on_thoughts, 0 },
    };
    if (!talk_is(value, JSON_OBJECT)) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("thinkingConfig"), "must be an object");
    }
    const char *within = reading->within;
    reading->within = "generationConfig.thinkingConfig.";
    TRY(talk_read_object(reading, value, members, EP_ARRAY_LEN(members)));
    reading->within = within;
    return ERR_OK;
}

static enum err gemini_on_modalities(struct talk_reading *reading, struct str value)
{
    struct str item;
    struct str rest = talk_is(value, JSON_ARRAY) ? json_inside(value) : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        if (!json_string_is(item, STR("TEXT"))) {
            return talk_own(reading, STR("responseModalities"),
                            "may be TEXT alone on a route of another dialect");
        }
    }
    return ERR_OK;
}

static enum err gemini_on_older_schema(struct talk_reading *reading, struct str value)
{
    struct talk *talk = reading->talk;
    if (!talk_is(value, JSON_OBJECT)) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("responseSchema"), "must be an object");
    }
    talk->format = TALK_FORMAT_SCHEMA;
    return gemini_plain_schema(reading, value, &talk->format_schema);
}

static const struct talk_member gemini_config_members[] = {
    { STR_INIT("temperature"), talk_on_temperature, 0 },
    { STR_INIT("topP"), gemini_on_top_p, 0 },
    { STR_INIT("topK"), gemini_on_top_k, 0 },
    { STR_INIT("maxOutputTokens"), gemini_on_cap, 0 },
    { STR_INIT("stopSequences"), gemini_on_stops, 0 },
    { STR_INIT("candidateCount"), gemini_on_count, 0 },
    { STR_INIT("seed"), gemini_on_seed, 0 },
    { STR_INIT("presencePenalty"), gemini_on_presence, 0 },
    { STR_INIT("frequencyPenalty"), gemini_on_frequency, 0 },
    { STR_INIT("responseMimeType"), gemini_on_media, 0 },
    { STR_INIT("responseJsonSchema"), gemini_on_schema, 0 },
    { STR_INIT("responseSchema"), gemini_on_older_schema, 0 },
    { STR_INIT("thinkingConfig"), gemini_on_thinking, 0 },
    { STR_INIT("responseModalities"), gemini_on_modalities, 0 },
    { STR_INIT("responseLogprobs"), NULL, TALK_REFUSED },
    { STR_INIT("logprobs"), NULL, TALK_REFUSED },
    { STR_INIT("speechConfig"), NULL, TALK_REFUSED },
    { STR_INIT("imageConfig"), NULL, TALK_REFUSED },
    { STR_INIT("mediaResolution"), NULL, LOST_BIT_DETAIL },
};

static enum err gemini_on_config(struct talk_reading *reading, struct str value)
{
    if (!talk_is(value, JSON_OBJECT)) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("generationConfig"), "must be an object");
    }
    reading->within = "generationConfig.";
    TRY(talk_read_object(reading, value, gemini_config_members,
                         EP_ARRAY_LEN(gemini_config_members)));
    reading->within = "";
    return ERR_OK;
}

/* The path's model is the one that is bought. */
static enum err gemini_on_model(struct talk_reading *reading, struct str value)
{
    struct talk *talk = reading->talk;
    return talk->model.len > 0 ? ERR_OK : talk_on_model(reading, value);
}

static const struct talk_member gemini_members[] = {
    { STR_INIT("model"), gemini_on_model, 0 },
    { STR_INIT("contents"), gemini_on_contents, 0 },
    { STR_INIT("systemInstruction"), gemini_on_system, 0 },
    { STR_INIT("tools"), gemini_on_tools, 0 },
    { STR_INIT("toolConfig"), gemini_on_tool_config, 0 },
    { STR_INIT("generationConfig"), gemini_on_config, 0 },
    { STR_INIT("safetySettings"), NULL, LOST_BIT_SAFETY_SETTINGS },
    { STR_INIT("labels"), NULL, LOST_BIT_METADATA },
    { STR_INIT("serviceTier"), talk_on_tier, 0 },
    { STR_INIT("cachedContent"), NULL, TALK_NEVER },
    { STR_INIT("store"), talk_on_store, 0 },
};

enum err talk_read_gemini(struct talk_reading *reading)
{
    reading->key_is = gemini_key_is;
    return talk_read_object(reading, reading->talk->body, gemini_members,
                            EP_ARRAY_LEN(gemini_members));
}
