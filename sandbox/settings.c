#include "settings.h"

#include "wire/json.h"

#define CAP_MAX 4096 /* OpenAI's own limit for a response */

struct setting_row {
    const char *path; /* in a session: its members, with dots between */
    const char *usual;
    bool (*fits)(struct str value);
};

static bool is_kind(struct str value, enum json_kind kind)
{
    return value.len > 0 && json_kind(value) == kind;
}

static bool fits_text(struct str value)
{
    return is_kind(value, JSON_STRING);
}

static bool fits_object(struct str value)
{
    return is_kind(value, JSON_OBJECT) || is_kind(value, JSON_NULL);
}

static bool fits_any(struct str value)
{
    return value.len > 0;
}

static bool fits_number(struct str value)
{
    return is_kind(value, JSON_NUMBER);
}

/* One of "text" and "audio": what is said aloud has its text with it. */
static bool fits_modalities(struct str value)
{
    struct str rest = is_kind(value, JSON_ARRAY) ? json_inside(value) : STR_EMPTY;
    struct str first;
    struct str second;
    return json_next_item(&rest, &first) && !json_next_item(&rest, &second) &&
           is_kind(first, JSON_STRING) &&
           (json_string_is(first, STR("text")) || json_string_is(first, STR("audio")));
}

static bool fits_tools(struct str value)
{
    struct str rest = is_kind(value, JSON_ARRAY) ? json_inside(value) : STR_EMPTY;
    struct str tool;
    bool fits = is_kind(value, JSON_ARRAY);
    while (fits && json_next_item(&rest, &tool)) {
        struct str type = json_get(tool, STR("type"));
        fits = is_kind(type, JSON_STRING) && json_string_is(type, STR("function")) &&
               is_kind(json_get(tool, STR("name")), JSON_STRING);
    }
    return fits;
}

static bool fits_choice(struct str value)
{
    return is_kind(value, JSON_STRING) || is_kind(json_get(value, STR("name")), JSON_STRING);
}

static bool fits_cap(struct str value)
{
    int64_t cap = 0;
    return (is_kind(value, JSON_STRING) && json_string_is(value, STR("inf"))) ||
           (is_kind(value, JSON_NUMBER) && json_i64(value, &cap) && cap >= 1 && cap <= CAP_MAX);
}

static bool fits_format(struct str value)
{
    struct str type = json_get(value, STR("type"));
    return is_kind(type, JSON_STRING) &&
           (json_string_is(type, STR("audio/pcm")) || json_string_is(type, STR("audio/pcmu")) ||
            json_string_is(type, STR("audio/pcma")));
}

static const struct setting_row rows[SETTING_COUNT] = {
    [SETTING_INSTRUCTIONS] = { "instructions", "\"\"", fits_text },
    [SETTING_MODALITIES] = { "output_modalities", "[\"audio\"]", fits_modalities },
    [SETTING_TOOLS] = { "tools", "[]", fits_tools },
    [SETTING_TOOL_CHOICE] = { "tool_choice", "\"auto\"", fits_choice },
    [SETTING_CAP] = { "max_output_tokens", "\"inf\"", fits_cap },
    [SETTING_TRUNCATION] = { "truncation", "\"auto\"", fits_any },
    [SETTING_TRACING] = { "tracing", "null", fits_any },
    [SETTING_PROMPT] = { "prompt", "null", fits_object },
    [SETTING_FORMAT_IN] = { "audio.input.format", "{\"type\":\"audio/pcm\",\"rate\":24000}",
                            fits_format },
    [SETTING_TRANSCRIPTION] = { "audio.input.transcription", "null", fits_object },
    [SETTING_TURNS] = { "audio.input.turn_detection",
                        "{\"type\":\"server_vad\",\"threshold\":0.5,\"prefix_padding_ms\":300,"
                        "\"silence_duration_ms\":500,\"create_response\":true,"
                        "\"interrupt_response\":true}",
                        fits_object },
    [SETTING_NOISE] = { "audio.input.noise_reduction", "null", fits_object },
    [SETTING_FORMAT_OUT] = { "audio.output.format", "{\"type\":\"audio/pcm\",\"rate\":24000}",
                             fits_format },
    [SETTING_VOICE] = { "audio.output.voice", "\"alloy\"", fits_any },
    [SETTING_SPEED] = { "audio.output.speed", "1.0", fits_number },
};

/* What else an object may have, and is looked at elsewhere. */
static const struct str of_session[] = { STR_INIT("type"),      STR_INIT("model"),
                                         STR_INIT("audio"),     STR_INIT("include"),
                                         STR_INIT("id"),        STR_INIT("object"),
                                         STR_INIT("expires_at") };
static const struct str of_response[] = { STR_INIT("audio"), STR_INIT("conversation"),
                                          STR_INIT("input"), STR_INIT("metadata") };

void settings_init(struct settings *settings)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        buf_init(&settings->given[i], SETTINGS_BYTES_MAX);
    }
}

void settings_fini(struct settings *settings)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        buf_fini(&settings->given[i]);
    }
}

static struct str find(struct str object, const char *path)
{
    struct str rest = str_from(path);
    struct str value = object;
    while (rest.len > 0 && value.len > 0) {
        value = json_get(value, str_cut(&rest, '.'));
    }
    return value;
}

static bool refuse(struct persona_fault *fault, const char *text, const char *param,
                   const char *code)
{
    *fault = (struct persona_fault){
        .text = text, .type = "invalid_request_error", .param = param, .code = code
    };
    return false;
}

static bool is_known(struct str name, const struct str *others, size_t count)
{
    bool known = false;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        known |= json_key_is(name, str_from(rows[i].path));
    }
    for (size_t i = 0; i < count; i++) {
        known |= json_key_is(name, others[i]);
    }
    return known;
}

static bool check(struct str object, const struct str *others, size_t count,
                  struct persona_fault *fault)
{
    struct str rest = json_inside(object);
    struct json_member member;
    while (json_next_member(&rest, &member)) {
        if (!is_known(member.key, others, count)) {
            return refuse(fault, "Unknown parameter: one of the object is none of OpenAI's.", NULL,
                          "unknown_parameter");
        }
    }
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct str value = find(object, rows[i].path);
        if (value.len > 0 && !rows[i].fits(value)) {
            return refuse(fault, "Invalid value: of another type, or out of its range.",
                          rows[i].path, "invalid_value");
        }
    }
    return true;
}

bool settings_update(struct settings *settings, struct str session, struct str model,
                     struct persona_fault *ret_fault)
{
    struct str type = json_get(session, STR("type"));
    struct str named = json_get(session, STR("model"));
    if (!is_kind(session, JSON_OBJECT)) {
        return refuse(ret_fault, "Missing required parameter: 'session'.", "session",
                      "missing_required_parameter");
    }
    if (!is_kind(type, JSON_STRING) || !json_string_is(type, STR("realtime"))) {
        return refuse(ret_fault, "'session.type' must be 'realtime'.", "session.type",
                      type.len == 0 ? "missing_required_parameter" : "invalid_value");
    }
    if (named.len > 0 && !(is_kind(named, JSON_STRING) && json_string_is(named, model))) {
        return refuse(ret_fault, "A session's model cannot be changed.", "session.model",
                      "invalid_value");
    }
    if (!check(session, of_session, EP_ARRAY_LEN(of_session), ret_fault)) {
        return false;
    }
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct str value = find(session, rows[i].path);
        if (value.len == 0) {
            continue;
        }
        buf_reset(&settings->given[i]);
        if (buf_append(&settings->given[i], value) != ERR_OK) {
            return refuse(ret_fault, "The session is too large for the sandbox.", rows[i].path,
                          "invalid_value");
        }
    }
    return true;
}

bool settings_check(struct str response, struct persona_fault *ret_fault)
{
    struct str where = json_get(response, STR("conversation"));
    bool fine = where.len == 0 ||
                (is_kind(where, JSON_STRING) &&
                 (json_string_is(where, STR("auto")) || json_string_is(where, STR("none"))));
    if (response.len == 0) {
        return true;
    }
    if (!is_kind(response, JSON_OBJECT)) {
        return refuse(ret_fault, "'response' must be an object.", "response", "invalid_type");
    }
    if (!fine) {
        return refuse(ret_fault, "'response.conversation' must be 'auto' or 'none'.",
                      "response.conversation", "invalid_value");
    }
    struct str input = json_get(response, STR("input"));
    if (input.len > 0 && !is_kind(input, JSON_ARRAY)) {
        return refuse(ret_fault, "'response.input' must be an array of items.", "response.input",
                      "invalid_type");
    }
    return check(response, of_response, EP_ARRAY_LEN(of_response), ret_fault);
}

struct str settings_get(const struct settings *settings, struct str response, enum setting what)
{
    struct str value = find(response, rows[what].path);
    if (value.len > 0) {
        return value;
    }
    const struct buf *given = &settings->given[what];
    return given->len > 0 ? buf_str(given) : str_from(rows[what].usual);
}

static void put_one(const struct settings *settings, struct jsonw *json, enum setting what)
{
    struct str name = str_from(rows[what].path);
    while (str_find(name, '.') < name.len) {
        (void)str_cut(&name, '.');
    }
    jsonw_key(json, name.ptr); /* the path's end: a whole C text */
    jsonw_raw(json, settings_get(settings, STR_EMPTY, what));
}

void settings_put(const struct settings *settings, struct jsonw *json)
{
    for (size_t i = 0; i < SETTING_FORMAT_IN; i++) {
        put_one(settings, json, (enum setting)i);
    }
    jsonw_key(json, "audio");
    jsonw_open(json, '{');
    jsonw_key(json, "input");
    jsonw_open(json, '{');
    for (size_t i = SETTING_FORMAT_IN; i < SETTING_FORMAT_OUT; i++) {
        put_one(settings, json, (enum setting)i);
    }
    jsonw_close(json, '}');
    jsonw_key(json, "output");
    jsonw_open(json, '{');
    for (size_t i = SETTING_FORMAT_OUT; i < SETTING_COUNT; i++) {
        put_one(settings, json, (enum setting)i);
    }
    jsonw_close(json, '}');
    jsonw_close(json, '}');
}

bool settings_is_aloud(const struct settings *settings, struct str response)
{
    struct str value = settings_get(settings, response, SETTING_MODALITIES);
    return str_search(value, STR("\"audio\"")) < value.len;
}

bool settings_is_narrow(struct str format)
{
    return !json_string_is(json_get(format, STR("type")), STR("audio/pcm"));
}
