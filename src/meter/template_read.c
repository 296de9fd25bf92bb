#include "meter/template_internal.h"

#define READ_FOREIGN_TOKENS 512 /* a search's results or a system text, say */

#define THINK_OPEN  STR("<think>")
#define THINK_CLOSE STR("</think>")

/* A list of required parameters beyond this is not searched for each parameter. */
#define READ_REQUIRED_MAX 8192

/* ---- the request ------------------------------------------------------------------------- */

static bool read_is_string(struct str value)
{
    return value.len > 0 && json_kind(value) == JSON_STRING;
}

static bool read_is_null(struct str value)
{
    return value.len == 0 || json_kind(value) == JSON_NULL;
}

static bool read_is_filled_list(struct str value)
{
    return value.len > 0 && json_kind(value) == JSON_ARRAY && json_trim(json_inside(value)).len > 0;
}

static void read_kwargs(struct template_run *run, struct str value)
{
    struct str rest = json_kind(value) == JSON_OBJECT ? json_inside(value) : STR_EMPTY;
    struct json_member member;
    while (json_next_member(&rest, &member)) {
        if (!json_key_is(member.key, STR("enable_thinking")) &&
            !json_key_is(member.key, STR("thinking"))) {
            run->doubt += 32;
        } else if (json_kind(member.value) == JSON_FALSE) {
            run->facts |= FACT(NO_THINK);
        }
    }
}

/* Fields that change how an answer is sampled, sent or booked, and never what the model reads. */
static bool read_is_harmless(struct str key)
{
    static const struct str names[] = {
        STR_INIT("model"),
        STR_INIT("stream"),
        STR_INIT("stream_options"),
        STR_INIT("max_tokens"),
        STR_INIT("max_completion_tokens"),
        STR_INIT("min_tokens"),
        STR_INIT("n"),
        STR_INIT("temperature"),
        STR_INIT("top_p"),
        STR_INIT("top_k"),
        STR_INIT("min_p"),
        STR_INIT("seed"),
        STR_INIT("stop"),
        STR_INIT("presence_penalty"),
        STR_INIT("frequency_penalty"),
        STR_INIT("repetition_penalty"),
        STR_INIT("logit_bias"),
        STR_INIT("logprobs"),
        STR_INIT("top_logprobs"),
        STR_INIT("prediction"),
        STR_INIT("parallel_tool_calls"),
        STR_INIT("service_tier"),
        STR_INIT("store"),
        STR_INIT("metadata"),
        STR_INIT("user"),
        STR_INIT("safety_identifier"),
        STR_INIT("prompt_cache_key"),
        STR_INIT("provider"), /* these two do not even reach it */
        STR_INIT("models"),
        STR_INIT("provider"),
        STR_INIT("usage"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (json_key_is(key, names[i])) {
            return true;
        }
    }
    return false;
}

/* What is not rendered by any program, but may be by a server: a bound of its tokens. */
static void read_foreign(struct template_run *run, const struct json_member *member)
{
    if (read_is_null(member->value)) {
        return;
    }
    if (json_key_is(member->key, STR("response_format"))) {
        bool text = json_string_is(json_get(member->value, STR("type")), STR("text"));
        run->doubt += text ? 0 : member->value.len / 3 + 16;
    } else if (json_key_is(member->key, STR("functions"))) {
        run->doubt += member->value.len / 2 + 16;
    } else if (json_key_is(member->key, STR("tool_choice"))) {
        run->doubt += json_string_is(member->value, STR("auto")) ? 0 : 16;
    } else if (json_key_is(member->key, STR("chat_template")) ||
               json_key_is(member->key, STR("documents"))) {
        run->doubt += member->value.len / 2 + 16;
    } else if (!read_is_harmless(member->key)) {
        run->doubt += READ_FOREIGN_TOKENS; /* a switch of some server: it may turn on any text */
    }
}

/* Servers read a tool into a form of their own and write that: here they cannot differ. */
static bool read_is_plain_tool(struct str tool)
{
    struct str function = json_get(tool, STR("function"));
    static const char *const outer[] = { "type", "function" };
    static const char *const inner[] = { "name", "description", "parameters" };
    size_t seen = 0;
    struct str rest = json_kind(tool) == JSON_OBJECT ? json_inside(tool) : STR_EMPTY;
    struct json_member member;
    while (json_next_member(&rest, &member)) {
        if (seen == EP_ARRAY_LEN(outer) || !json_key_is(member.key, str_from(outer[seen]))) {
            return false;
        }
        seen++;
    }
    bool whole = seen == EP_ARRAY_LEN(outer);
    seen = 0;
    rest = json_kind(function) == JSON_OBJECT ? json_inside(function) : STR_EMPTY;
    while (json_next_member(&rest, &member)) {
        if (seen == EP_ARRAY_LEN(inner) || !json_key_is(member.key, str_from(inner[seen]))) {
            return false;
        }
        seen++;
    }
    return whole && seen == EP_ARRAY_LEN(inner);
}

static void read_tools(struct template_run *run)
{
    if (!read_is_filled_list(run->tools)) {
        return;
    }
    run->facts |= FACT(TOOLS);
    run->doubt += run->program->tools ? 0 : run->tools.len / 2 + 64;
    struct str rest = json_inside(run->tools);
    struct str tool;
    while (json_next_item(&rest, &tool)) {
        run->doubt += read_is_plain_tool(tool) ? 0 : 12;
    }
}

void template_read_request(struct template_run *run, struct str body)
{
    struct str rest = json_kind(body) == JSON_OBJECT ? json_inside(body) : STR_EMPTY;
    struct json_member member;
    while (json_next_member(&rest, &member)) {
        if (json_key_is(member.key, STR("messages"))) {
            bool list = json_kind(member.value) == JSON_ARRAY;
            run->messages = list ? member.value : STR_EMPTY;
            if (list) {
                json_enter(&run->messages);
            }
        } else if (json_key_is(member.key, STR("tools"))) {
            run->tools = member.value;
        } else if (json_key_is(member.key, STR("chat_template_kwargs"))) {
            read_kwargs(run, member.value);
        } else if (json_key_is(member.key, STR("enable_thinking"))) {
            run->facts |= json_kind(member.value) == JSON_FALSE ? FACT(NO_THINK) : 0;
        } else if (json_key_is(member.key, STR("reasoning_effort"))) {
            run->effort = read_is_string(member.value) ? member.value : STR_EMPTY;
            run->facts |= run->effort.len > 0 ? FACT(EFFORT) : 0;
        } else {
            read_foreign(run, &member);
        }
    }
    read_tools(run);
}

/* ---- messages ---------------------------------------------------------------------------- */

bool template_read_text(struct str part, struct str *ret_text)
{
    struct str text = part;
    if (json_kind(part) == JSON_OBJECT) {
        struct str type = json_get(part, STR("type"));
        text = json_get(part, STR("text"));
        if (!json_string_is(type, STR("text")) && !json_string_is(type, STR("input_text")) &&
            !json_string_is(type, STR("output_text"))) {
            return false;
        }
    }
    if (!read_is_string(text)) {
        return false;
    }
    *ret_text = json_inside(text);
    return true;
}

static uint64_t read_role(const struct template_program *program, struct str role)
{
    static const struct {
        struct str name;
        uint64_t fact;
    } roles[] = {
        { STR_INIT("user"), FACT(USER) },
        { STR_INIT("assistant"), FACT(ASSISTANT) },
        { STR_INIT("system"), FACT(SYSTEM) },
        { STR_INIT("tool"), FACT(TOOL) },
    };
    if (role.len == 0) {
        return FACT(OTHER);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(roles); i++) {
        if (json_string_is(role, roles[i].name)) {
            return roles[i].fact;
        }
    }
    if (json_string_is(role, STR("developer"))) {
        return program->developer ? FACT(SYSTEM) : FACT(DEVELOPER);
    }
    return FACT(OTHER);
}

/* A content that is a list: one text alone is as good as a string. */
static void read_list(const struct template_program *program, struct template_message *message)
{
    struct str rest = json_inside(message->content);
    struct str part;
    size_t parts = 0;
    bool filled = false;
    while (json_next_item(&rest, &part)) {
        struct str text;
        parts++;
        if (template_read_text(part, &text)) {
            message->texts++;
            message->text = text;
            filled = filled || text.len > 0;
            struct str before;
            struct str behind;
            if (program->thinks && (message->facts & FACT(ASSISTANT)) != 0 &&
                span_split(text, THINK_CLOSE, &before, &behind)) {
                message->doubt += 16;
            }
        }
    }
    if (parts == message->texts && parts <= 1) {
        message->texts = 0;
        message->doubt = 0;
        return;
    }
    message->list = true;
    message->doubt += program->loose ? message->texts : 0;
    message->text = STR_EMPTY;
    message->facts |= filled ? FACT(CONTENT) : FACT(BLANK);
}

/* Cuts "<think>...</think>" off an answer, as the family's template does. */
static void read_thinking(const struct template_program *program, struct template_message *message)
{
    struct str before;
    struct str behind;
    struct str rest;
    if (!span_split(message->text, THINK_CLOSE, &before, &rest)) {
        return;
    }
    before = span_trim(before, SPAN_RIGHT | SPAN_LINES);
    if (span_split_last(before, THINK_OPEN, &rest, &behind)) {
        before = behind;
    }
    message->reasoning = span_trim(before, SPAN_LEFT | SPAN_LINES);
    bool found = span_split_last(message->text, THINK_CLOSE, &rest, &behind);
    ASSERT(found);
    message->text = span_trim(behind, program->think_trim);
}

static void read_content(const struct template_program *program, struct template_message *message)
{
    if (read_is_null(message->content)) {
        message->facts |= FACT(SILENT) | FACT(BLANK);
        return;
    }
    if (json_kind(message->content) == JSON_ARRAY) {
        read_list(program, message);
    } else if (json_kind(message->content) == JSON_STRING) {
        message->text = json_inside(message->content);
    } else {
        message->doubt += message->content.len / 2 + 8;
    }
    if (message->list) {
        return;
    }
    if (program->thinks && (message->facts & FACT(ASSISTANT)) != 0 && !message->reasoned) {
        read_thinking(program, message);
    }
    message->facts |= message->text.len > 0 ? FACT(CONTENT) : 0;
    message->facts |= span_trim(message->text, SPAN_LEFT).len == 0 ? FACT(BLANK) : 0;
}

static void read_member(struct template_message *message, const struct json_member *member)
{
    struct str value = member->value;
    if (json_key_is(member->key, STR("role"))) {
        message->role = value;
    } else if (json_key_is(member->key, STR("content"))) {
        message->content = value;
    } else if (json_key_is(member->key, STR("name"))) {
        message->name = read_is_string(value) && value.len > 2 ? value : STR_EMPTY;
    } else if (json_key_is(member->key, STR("tool_calls"))) {
        message->calls = read_is_filled_list(value) ? value : STR_EMPTY;
    } else if (json_key_is(member->key, STR("tool_call_id"))) {
        message->call_id = read_is_string(value) ? value : STR_EMPTY;
    } else if (json_key_is(member->key, STR("reasoning_content")) ||
               json_key_is(member->key, STR("reasoning"))) {
        message->reasoned = message->reasoned || read_is_string(value);
        message->reasoning = read_is_string(value) ? json_inside(value) : message->reasoning;
    } else if (!read_is_null(value) && !read_is_filled_list(value) &&
               json_kind(value) == JSON_ARRAY) {
        return; /* an empty list says nothing */
    } else if (!read_is_null(value)) {
        message->doubt += value.len / 2 + 8;
    }
}

/* Takes a message's members off the front. false: it is no object, and has none. */
static bool read_members(struct template_message *message, struct str *rest)
{
    if (json_kind(*rest) != JSON_OBJECT) {
        json_take(rest);
        return false;
    }
    json_enter(rest);
    while (json_more(rest)) {
        struct json_member member = { .key = json_take_key(rest) };
        member.value = json_take(rest);
        read_member(message, &member);
    }
    return true;
}

size_t template_next_message(const struct template_program *program, struct str *rest, size_t index,
                             struct template_message *ret_message)
{
    if (rest->len == 0 || !json_more(rest)) {
        return 0;
    }
    size_t before = rest->len;
    *ret_message = (struct template_message){ .index = index };
    bool object = read_members(ret_message, rest);
    ret_message->facts |= read_role(program, ret_message->role);
    ret_message->facts |= ret_message->name.len > 0 ? FACT(NAME) : 0;
    ret_message->facts |= ret_message->calls.len > 0 ? FACT(CALLS) : 0;
    ret_message->facts |= ret_message->call_id.len > 0 ? FACT(CALL_ID) : 0;
    ret_message->facts |= index == 0 ? FACT(FIRST) : 0;
    ret_message->doubt += (ret_message->facts & FACT(OTHER)) != 0 || !object ? 8 : 0;
    read_content(program, ret_message);
    ret_message->facts |= ret_message->reasoning.len > 0 ? FACT(REASONING) : 0;
    return before - rest->len;
}

/* ---- tools ------------------------------------------------------------------------------- */

void template_read_tool(struct template_run *run, struct str value)
{
    run->tool = value;
    struct str function = json_get(value, STR("function"));
    run->tool_function = function.len > 0 ? function : value;
    struct str description = json_get(run->tool_function, STR("description"));
    struct str parameters = json_get(run->tool_function, STR("parameters"));
    struct str properties = json_get(parameters, STR("properties"));
    run->required = json_get(parameters, STR("required"));
    run->facts &= ~FACTS_TOOL;
    run->facts |= read_is_string(description) && description.len > 2 ? FACT(DESCRIPTION) : 0;
    run->facts |= properties.len > 0 && json_kind(properties) == JSON_OBJECT ? FACT(PARAMETERS) : 0;
}

void template_read_call(struct template_run *run, struct str value)
{
    run->call = value;
    struct str function = json_get(value, STR("function"));
    run->call_function = function.len > 0 ? function : value;
    run->called = json_get(run->call_function, STR("name"));
}

static bool read_is_required(struct template_run *run, struct str key)
{
    if (run->required.len == 0 || json_kind(run->required) != JSON_ARRAY) {
        return false;
    }
    if (run->required.len > READ_REQUIRED_MAX) {
        run->doubt += 2;
        return false;
    }
    struct str rest = json_inside(run->required);
    struct str item;
    while (json_next_item(&rest, &item)) {
        if (read_is_string(item) && str_eq(json_inside(item), key)) {
            return true;
        }
    }
    return false;
}

void template_read_property(struct template_run *run, const struct json_member *member)
{
    struct template_property *property = &run->property;
    *property = (struct template_property){
        .name = member->key,
        .schema = member->value,
        .type = json_get(member->value, STR("type")),
        .description = json_get(member->value, STR("description")),
        .values = json_get(member->value, STR("enum")),
        .standard = json_get(member->value, STR("default")),
    };
    bool plain = false;
    static const char *const types[] = { "string", "number", "integer", "boolean" };
    for (size_t i = 0; read_is_string(property->type) && i < EP_ARRAY_LEN(types); i++) {
        plain = plain || json_string_is(property->type, str_from(types[i]));
    }
    bool described = read_is_string(property->description);
    run->facts &= ~FACTS_PROPERTY;
    run->facts |= described ? FACT(DESCRIPTION) : 0;
    run->facts |= read_is_required(run, member->key) ? FACT(REQUIRED) : 0;
    run->facts |= read_is_filled_list(property->values) ? FACT(VALUES) : 0;
    run->facts |= property->standard.len > 0 ? FACT(DEFAULT) : 0;
    run->facts |= plain ? 0 : FACT(NESTED);
}
