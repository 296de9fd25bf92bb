/* From a request's body to an ask. */
#include <string.h>

#include "guess.h"
#include "lexicon.h"
#include "persona.h"
#include "wire/json.h"

#define MESSAGE_TOKENS 3 /* what a message costs beside its text */

static bool refuse(struct persona_fault *ret_fault, const char *text, const char *param)
{
    *ret_fault = (struct persona_fault){
        .status = 400, .text = text, .type = "invalid_request_error", .param = param
    };
    return false;
}

static bool is_kind(struct str value, enum json_kind kind)
{
    return value.len > 0 && json_kind(value) == kind;
}

static bool is_absent(struct str value)
{
    return value.len == 0 || json_kind(value) == JSON_NULL;
}

/* A string as C text in a fixed array. False: it is none, is empty, or does not fit. */
static bool read_text(struct str value, char *text, size_t size)
{
    struct buf out = { text, 0, size - 1, size - 1 };
    if (!is_kind(value, JSON_STRING) || !json_decode(value, &out) || out.len == 0) {
        return false;
    }
    text[out.len] = '\0';
    return str_from(text).len == out.len;
}

/* ---- messages ----------------------------------------------------------------------------- */

static bool count_content(struct str content, int64_t *tokens)
{
    if (is_absent(content)) {
        return true; /* so for an assistant's message that only calls tools */
    }
    if (json_kind(content) == JSON_STRING) {
        *tokens += lexicon_count_string(content);
        return true;
    }
    if (json_kind(content) != JSON_ARRAY) {
        return false;
    }
    struct str rest = json_inside(content);
    struct str part;
    while (json_next_item(&rest, &part)) {
        struct str text = json_get(part, STR("text"));
        if (json_kind(part) != JSON_OBJECT) {
            return false;
        }
        *tokens += is_kind(text, JSON_STRING) ? lexicon_count_string(text) : 0;
    }
    return true;
}

static bool read_messages(struct str body, struct persona_ask *ask, struct persona_fault *fault)
{
    struct str messages = json_get(body, STR("messages"));
    if (is_absent(messages)) {
        return refuse(fault, "Missing required parameter: 'messages'.", "messages");
    }
    if (json_kind(messages) != JSON_ARRAY) {
        return refuse(fault, "Invalid type for 'messages': expected an array of objects.",
                      "messages");
    }
    struct str rest = json_inside(messages);
    struct str message;
    while (json_next_item(&rest, &message)) {
        if (!is_kind(json_get(message, STR("role")), JSON_STRING)) {
            return refuse(fault, "Each of 'messages' must be an object with a 'role'.", "messages");
        }
        ask->prompt_tokens += MESSAGE_TOKENS;
        if (!count_content(json_get(message, STR("content")), &ask->prompt_tokens)) {
            return refuse(fault, "A message's 'content' must be a string or an array of objects.",
                          "messages");
        }
    }
    return ask->prompt_tokens > 0 ||
           refuse(fault, "Invalid 'messages': expected an array with at least one item.",
                  "messages");
}

/* ---- numbers and switches ----------------------------------------------------------------- */

static bool read_number(struct str body, const char *name, int64_t max, int64_t *number,
                        struct persona_fault *fault)
{
    struct str value = json_get(body, str_from(name));
    int64_t given = 0;
    if (is_absent(value)) {
        return true;
    }
    if (!json_i64(value, &given) || given < 1 || given > max) {
        return refuse(fault, "Invalid value: expected an integer in the range of the parameter.",
                      name);
    }
    *number = given;
    return true;
}

static bool read_switch(struct str object, const char *name, bool *on, struct persona_fault *fault)
{
    struct str value = json_get(object, str_from(name));
    *on = is_kind(value, JSON_TRUE);
    return *on || is_absent(value) || json_kind(value) == JSON_FALSE ||
           refuse(fault, "Invalid type: expected a boolean.", name);
}

static bool read_form(struct str body, struct persona_ask *ask, int64_t *cap,
                      struct persona_fault *fault)
{
    struct str options = json_get(body, STR("stream_options"));
    if (!is_absent(options) && json_kind(options) != JSON_OBJECT) {
        return refuse(fault, "Invalid type for 'stream_options': expected an object.",
                      "stream_options");
    }
    options = is_absent(options) ? STR("{}") : options;
    return read_switch(body, "stream", &ask->stream, fault) &&
           read_switch(options, "include_usage", &ask->include_usage, fault) &&
           read_number(body, "n", PERSONA_CHOICES_MAX, &ask->choices, fault) &&
           read_number(body, "max_tokens", INT64_MAX, cap, fault) &&
           read_number(body, "max_completion_tokens", INT64_MAX, cap, fault);
}

/* ---- tools -------------------------------------------------------------------------------- */

/* The function that tool_choice names, else the first; empty: there is none of that name. */
static struct str find_function(struct str tools, struct str choice)
{
    char wanted[PERSONA_TOOL_MAX + 1];
    char name[PERSONA_TOOL_MAX + 1];
    struct str named = json_get(json_get(choice, STR("function")), STR("name"));
    bool any = !read_text(named, wanted, sizeof(wanted));
    struct str rest = json_inside(tools);
    struct str tool;
    while (json_next_item(&rest, &tool)) {
        struct str function = json_get(tool, STR("function"));
        if (any || (read_text(json_get(function, STR("name")), name, sizeof(name)) &&
                    str_eq(str_from(name), str_from(wanted)))) {
            return function;
        }
    }
    return STR_EMPTY;
}

/* Words as persona.c cuts them: spaces and what follows them. */
static int64_t count_words(struct str text)
{
    int64_t words = 0;
    for (size_t i = 0; i < text.len; i++) {
        words += text.ptr[i] != ' ' && (i == 0 || text.ptr[i - 1] == ' ') ? 1 : 0;
    }
    return words;
}

static bool fits_words(struct str text)
{
    size_t run = 0;
    for (size_t i = 0; i < text.len && run < PERSONA_WORD_MAX; i++) {
        bool begins = i > 0 && text.ptr[i] == ' ' && text.ptr[i - 1] != ' ';
        run = begins ? 1 : run + 1;
    }
    return run < PERSONA_WORD_MAX;
}

/* The step of the request's turn; a tool that the request does not have is not called. */
static bool read_script(struct str body, const struct script *script, struct persona_ask *ask,
                        struct persona_fault *fault)
{
    struct script_step step;
    struct str tools = json_get(body, STR("tools"));
    if (!script_step(script, json_get(body, STR("messages")), &step)) {
        return true;
    }
    if (step.call.len == 0) {
        return (json_decode(step.say, &ask->text) && fits_words(buf_str(&ask->text))) ||
               refuse(fault, "The script's text is too large for the sandbox.", NULL);
    }
    struct str rest = is_kind(tools, JSON_ARRAY) ? json_inside(tools) : STR_EMPTY;
    struct str tool;
    while (json_next_item(&rest, &tool)) {
        struct str name = json_get(json_get(tool, STR("function")), STR("name"));
        if (is_kind(name, JSON_STRING) && str_eq(name, step.call)) {
            return (read_text(name, ask->tool, sizeof(ask->tool)) &&
                    buf_append(&ask->arguments, step.arguments) == ERR_OK) ||
                   refuse(fault, "The script's call is too large for the sandbox.", NULL);
        }
    }
    return true;
}

static bool read_tool(struct str body, struct persona_ask *ask, struct persona_fault *fault)
{
    struct str tools = json_get(body, STR("tools"));
    struct str choice = json_get(body, STR("tool_choice"));
    if (is_absent(tools)) {
        return true;
    }
    if (json_kind(tools) != JSON_ARRAY) {
        return refuse(fault, "Invalid type for 'tools': expected an array of objects.", "tools");
    }
    struct str rest = json_inside(tools);
    struct str first;
    bool none = is_kind(choice, JSON_STRING) && json_string_is(choice, STR("none"));
    if (none || !json_next_item(&rest, &first)) {
        return true;
    }
    struct str function = find_function(tools, is_absent(choice) ? STR("{}") : choice);
    if (function.len == 0 ||
        !read_text(json_get(function, STR("name")), ask->tool, sizeof(ask->tool))) {
        return refuse(fault, "A tool needs a 'function' with a 'name' of at most 64 bytes.",
                      "tools");
    }
    struct str schema = json_get(function, STR("parameters"));
    schema = is_kind(schema, JSON_OBJECT) ? schema : STR("{\"type\":\"object\"}");
    if (guess_value(schema, ask->seed, &ask->arguments) != ERR_OK) {
        return refuse(fault, "The tool's parameters are too large for the sandbox.", "tools");
    }
    return true;
}

/* How long the answer is. A call that the cap has no room for is answered with words. */
static void set_length(const struct persona_options *options, int64_t cap, struct persona_ask *ask)
{
    if (ask->tool[0] != '\0') {
        ask->output_tokens =
            lexicon_count(str_from(ask->tool)) + lexicon_count(buf_str(&ask->arguments));
        if (ask->output_tokens <= cap) {
            return;
        }
        ask->tool[0] = '\0';
        ask->cut_short = true;
        buf_fini(&ask->arguments);
    }
    int64_t words = ask->text.len > 0 ? count_words(buf_str(&ask->text)) : options->words;
    ask->cut_short = ask->cut_short || cap < words;
    ask->output_tokens = cap < words ? cap : words;
}

/* ---- by a real vocabulary ----------------------------------------------------------------- */

/* The most words of a choice that have at most `cap` tokens, and those tokens. */
static enum err weigh_words(const struct scale_model *model, const struct persona_ask *ask,
                            int64_t choice, int64_t cap, int64_t *words, int64_t *tokens)
{
    enum err err = ERR_OK;
    do {
        struct buf text;
        buf_init(&text, PERSONA_TEXT_MAX);
        err = persona_words(ask, choice, *words, &text);
        err = err == ERR_OK ? scale_text(model, buf_str(&text), tokens) : err;
        buf_fini(&text);
    } while (err == ERR_OK && *tokens > cap && --*words > 0);
    return err;
}

/* Prompt and answer by the model's own vocabulary; the answer is cut to its cap. */
static enum err weigh(const struct scale_model *model, struct str body, int64_t cap,
                      struct persona_ask *ask)
{
    int64_t tokens = 0;
    TRY(scale_request(model, body, &ask->prompt_tokens));
    ask->said_tokens = 0;
    if (ask->tool[0] != '\0') {
        int64_t arguments = 0;
        TRY(scale_text(model, str_from(ask->tool), &tokens));
        TRY(scale_text(model, buf_str(&ask->arguments), &arguments));
        ask->said_tokens = (tokens + arguments) * ask->choices;
        return ERR_OK;
    }
    int64_t words = ask->output_tokens;
    for (int64_t choice = 0; choice < ask->choices; choice++) {
        TRY(weigh_words(model, ask, choice, cap, &words, &tokens));
    }
    ask->cut_short = ask->cut_short || words < ask->output_tokens;
    ask->output_tokens = words;
    for (int64_t choice = 0; choice < ask->choices; choice++) {
        TRY(weigh_words(model, ask, choice, INT64_MAX, &words, &tokens));
        ask->said_tokens += tokens;
    }
    return ERR_OK;
}

/* The value alone: a body may have white space around it. */
static struct str trim(struct str body)
{
    static const struct str white = STR_INIT(" \t\r\n");
    while (body.len > 0 && str_find(white, body.ptr[0]) < white.len) {
        body = str_from_at(body, 1);
    }
    while (body.len > 0 && str_find(white, body.ptr[body.len - 1]) < white.len) {
        body.len--;
    }
    return body;
}

/* ---- all of it ---------------------------------------------------------------------------- */

/* It has room in every tier; "auto" is the ordinary one. */
static void read_tier(struct str body, struct persona_ask *ask)
{
    if (!read_text(json_get(body, STR("service_tier")), ask->tier, sizeof(ask->tier))) {
        ask->tier[0] = '\0';
    } else if (str_eq(str_from(ask->tier), STR("auto"))) {
        memcpy(ask->tier, "default", sizeof("default"));
    }
}

static bool read_ask(struct str body, const struct persona_options *options,
                     struct persona_ask *ask, struct persona_fault *fault)
{
    struct json_fault where;
    int64_t cap = INT64_MAX;
    if (json_check(body, &where) != ERR_OK || json_kind(body) != JSON_OBJECT) {
        return refuse(fault, "We could not parse the JSON body of your request.", NULL);
    }
    if (!read_text(json_get(body, STR("model")), ask->model, sizeof(ask->model))) {
        return refuse(fault, "you must provide a model parameter", "model");
    }
    read_tier(body, ask);
    for (size_t i = 0; i < body.len; i++) {
        ask->seed = ask->seed * 31 + (unsigned char)body.ptr[i];
    }
    if (!read_messages(body, ask, fault) || !read_form(body, ask, &cap, fault) ||
        !(options->script == NULL ? read_tool(body, ask, fault)
                                  : read_script(body, options->script, ask, fault))) {
        return false;
    }
    set_length(options, cap, ask);
    bool scripted = ask->text.len > 0 && !ask->cut_short;
    ask->said_tokens =
        ask->choices * (scripted ? lexicon_count(buf_str(&ask->text)) : ask->output_tokens);
    const struct scale_model *model =
        options->scale == NULL ? NULL : scale_find(options->scale, str_from(ask->model));
    if (model != NULL && weigh(model, body, cap, ask) != ERR_OK) {
        return refuse(fault, "The request is too large for the sandbox.", NULL);
    }
    return true;
}

bool persona_read(struct str body, const struct persona_options *options, int64_t now_s,
                  struct persona_ask *ret_ask, struct persona_fault *ret_fault)
{
    struct persona_ask ask = { .choices = 1, .created = now_s, .seed = body.len };
    buf_init(&ask.arguments, PERSONA_ARGUMENTS_MAX);
    buf_init(&ask.text, PERSONA_TEXT_MAX);
    if (!read_ask(trim(body), options, &ask, ret_fault)) {
        persona_ask_fini(&ask);
        return false;
    }
    *ret_ask = ask;
    return true;
}

void persona_ask_fini(struct persona_ask *ask)
{
    buf_fini(&ask->arguments);
    buf_fini(&ask->text);
}
