#include "dialect/chat.h"

#include "wire/json.h"

#define CHAT_MEMBERS_MAX 32 /* a chunk has 8 */

/* What is read, and where it goes. */
struct chat_reading {
    struct chat_event *event;
    const struct chat_sink *sink; /* NULL: nobody listens */
    int64_t choice;
};

/* Bytes of a string's text, 0 for what is no string. */
static int64_t chat_text_bytes(struct str value)
{
    return value.len > 2 && json_kind(value) == JSON_STRING ? (int64_t)(value.len - 2) : 0;
}

/* One piece of text; its bytes. */
static int64_t chat_tell(const struct chat_reading *reading, enum chat_part part, int64_t tool,
                         struct str value)
{
    int64_t bytes = chat_text_bytes(value);
    if (bytes > 0 && reading->sink != NULL) {
        const struct chat_text text = {
            .part = part, .choice = reading->choice, .tool = tool, .json = value
        };
        reading->sink->text(reading->sink->context, &text);
    }
    return bytes;
}

/* "index", or where it stands if there is none to be read. */
static int64_t chat_index(struct str object, int64_t place)
{
    int64_t index = 0;
    return json_i64(json_get(object, STR("index")), &index) && index >= 0 ? index : place;
}

/* A string is told, nothing is nothing, anything else is not understood. */
static int64_t chat_read_text(const struct chat_reading *reading, enum chat_part part, int64_t tool,
                              struct str value)
{
    bool nothing = value.len == 0 || json_kind(value) == JSON_NULL;
    reading->event->unread |= !nothing && json_kind(value) != JSON_STRING;
    return chat_tell(reading, part, tool, value);
}

/* A function, or a custom tool, whose input is text of any form. */
static int64_t chat_read_function(const struct chat_reading *reading, int64_t tool,
                                  struct str function)
{
    return chat_read_text(reading, CHAT_TOOL_NAME, tool, json_get(function, STR("name"))) +
           chat_read_text(reading, CHAT_TOOL_ARGUMENTS, tool,
                          json_get(function, STR("arguments"))) +
           chat_read_text(reading, CHAT_TOOL_ARGUMENTS, tool, json_get(function, STR("input")));
}

static int64_t chat_read_tools(const struct chat_reading *reading, struct str calls)
{
    if (calls.len == 0 || json_kind(calls) != JSON_ARRAY) {
        reading->event->unread |= calls.len > 0 && json_kind(calls) != JSON_NULL;
        return 0;
    }
    int64_t bytes = 0;
    int64_t place = 0;
    struct str rest = json_inside(calls);
    struct str call;
    while (json_next_item(&rest, &call)) {
        int64_t index = chat_index(call, place++);
        bytes += chat_read_function(reading, index, json_get(call, STR("function"))) +
                 chat_read_function(reading, index, json_get(call, STR("custom")));
    }
    return bytes;
}

/* Members of a delta or message that are no text of the answer. */
static bool chat_is_silent(struct str key)
{
    static const struct str names[] = { STR_INIT("role"), STR_INIT("name"), STR_INIT("annotations"),
                                        STR_INIT("obfuscation") };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (json_key_is(key, names[i])) {
            return true;
        }
    }
    return false;
}

static bool chat_says_nothing(struct str value)
{
    return json_kind(value) == JSON_NULL || str_eq(value, STR("\"\"")) ||
           str_eq(value, STR("[]")) || str_eq(value, STR("{}"));
}

/* What a delta, or a message, carries. */
static void chat_read_delta(const struct chat_reading *reading, struct str delta)
{
    if (delta.len == 0 || json_kind(delta) != JSON_OBJECT) {
        return;
    }
    struct chat_event *event = reading->event;
    /* Some vendors send the same reasoning under both of its names: it counts once. */
    struct str reasoning = STR_EMPTY;
    struct str rest = json_inside(delta);
    struct json_member member;
    while (json_next_member(&rest, &member)) {
        if (json_key_is(member.key, STR("content")) || json_key_is(member.key, STR("refusal"))) {
            event->content_bytes += chat_read_text(reading, CHAT_CONTENT, 0, member.value);
        } else if (json_key_is(member.key, STR("reasoning_content")) ||
                   json_key_is(member.key, STR("reasoning"))) {
            bool longer = chat_text_bytes(member.value) > chat_text_bytes(reasoning);
            event->twofold |= reasoning.len > 0 && chat_text_bytes(member.value) > 0;
            reasoning = longer ? member.value : reasoning;
        } else if (json_key_is(member.key, STR("tool_calls"))) {
            event->tool_bytes += chat_read_tools(reading, member.value);
        } else if (json_key_is(member.key, STR("function_call"))) { /* older than tools */
            event->tool_bytes += chat_read_function(reading, 0, member.value);
        } else {
            event->unread |= !chat_is_silent(member.key) && !chat_says_nothing(member.value);
        }
    }
    event->reasoning_bytes += chat_tell(reading, CHAT_REASONING, 0, reasoning);
}

/* A choice whose index is read may have it behind its delta, so the delta is read last. */
static void chat_read_choice(struct chat_reading *reading, struct str choice, int64_t place)
{
    struct str inside = json_inside(choice);
    struct str deltas[2] = { STR_EMPTY, STR_EMPTY };
    struct json_member member;
    int64_t index = 0;
    bool has_index = false;
    while (json_next_member(&inside, &member)) {
        if (json_key_is(member.key, STR("delta"))) {
            deltas[0] = member.value;
        } else if (json_key_is(member.key, STR("message"))) {
            deltas[1] = member.value;
        } else if (json_key_is(member.key, STR("finish_reason"))) {
            reading->event->finished += json_kind(member.value) == JSON_STRING;
        } else if (json_key_is(member.key, STR("index"))) {
            has_index = json_i64(member.value, &index) && index >= 0;
        }
    }
    reading->choice = has_index ? index : place;
    chat_read_delta(reading, deltas[0]);
    chat_read_delta(reading, deltas[1]);
}

static void chat_read_choices(struct chat_reading *reading, struct str choices)
{
    struct chat_event *event = reading->event;
    if (json_kind(choices) != JSON_ARRAY) {
        event->bad = true;
        return;
    }
    struct str rest = json_inside(choices);
    struct str choice;
    int64_t place = 0;
    event->empty = true;
    while (json_next_item(&rest, &choice)) {
        event->empty = false;
        if (json_kind(choice) != JSON_OBJECT) {
            event->bad = true;
            continue;
        }
        chat_read_choice(reading, choice, place++);
    }
}

/* As the clients' language has it: 0 and "" are no error either. */
static bool chat_truthy(struct str value)
{
    enum json_kind kind = json_kind(value);
    int64_t number = 0;
    bool zero = json_i64(value, &number) && number == 0;
    return kind != JSON_NULL && kind != JSON_FALSE && !zero && !str_eq(value, STR("\"\""));
}

/* MiniMax tells of a failure inside an answer with status 200: what such an answer counts is no
 * usage. */
static bool chat_failed(struct str base_resp)
{
    struct str code =
        json_kind(base_resp) == JSON_OBJECT ? json_get(base_resp, STR("status_code")) : STR_EMPTY;
    return code.len > 0 && chat_truthy(code);
}

static void chat_read(struct str text, const struct chat_sink *sink, struct chat_event *event)
{
    struct chat_reading reading = { .event = event, .sink = sink };
    struct json_member members[CHAT_MEMBERS_MAX];
    struct json_fault fault;
    size_t count = 0;
    bool failed = false;
    if (json_index(text, members, CHAT_MEMBERS_MAX, &count, &fault) != ERR_OK ||
        count > CHAT_MEMBERS_MAX) {
        event->bad = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct str key = members[i].key;
        struct str value = members[i].value;
        if (json_key_is(key, STR("model"))) {
            event->model = json_kind(value) == JSON_STRING ? value : STR_EMPTY;
        } else if (json_key_is(key, STR("choices"))) {
            chat_read_choices(&reading, value);
        } else if (json_key_is(key, STR("usage"))) {
            event->usage = json_kind(value) == JSON_OBJECT ? value : STR_EMPTY;
        } else if (json_key_is(key, STR("service_tier"))) {
            event->tier = tier_of_json(value);
        } else if (json_key_is(key, STR("error"))) {
            event->error = chat_truthy(value);
        } else if (json_key_is(key, STR("base_resp"))) {
            failed = chat_failed(value);
        }
    }
    event->error |= failed;
}

void chat_event_read(struct str data, const struct chat_sink *sink, struct chat_event *ret_event)
{
    *ret_event = (struct chat_event){ 0 };
    if (str_eq(str_trim(data), STR("[DONE]"))) {
        ret_event->done = true;
        return;
    }
    chat_read(data, sink, ret_event);
}

void chat_answer_read(struct str body, const struct chat_sink *sink, struct chat_answer *ret_answer)
{
    struct chat_event event = { 0 };
    chat_read(body, sink, &event);
    *ret_answer = (struct chat_answer){
        .bad = event.bad,
        .error = event.error,
        .unread = event.unread,
        .model = event.model,
        .usage = event.usage,
        .tier = event.tier,
        .finished = event.finished,
        .content_bytes = event.content_bytes,
        .reasoning_bytes = event.reasoning_bytes,
        .tool_bytes = event.tool_bytes,
    };
}
