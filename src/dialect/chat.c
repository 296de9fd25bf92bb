#include "dialect/chat.h"

#include "wire/json.h"
#include "wire/jsonw.h"

#define CHAT_MEMBERS_MAX 32 /* a chunk has 8 */

/* Bytes of a string's text, 0 for what is no string. */
static int64_t chat_text_bytes(struct str value)
{
    return value.len > 2 && json_kind(value) == JSON_STRING ? (int64_t)(value.len - 2) : 0;
}

static int64_t chat_function_bytes(struct str function)
{
    return chat_text_bytes(json_get(function, STR("name"))) +
           chat_text_bytes(json_get(function, STR("arguments")));
}

static int64_t chat_tool_bytes(struct str calls)
{
    if (calls.len == 0 || json_kind(calls) != JSON_ARRAY) {
        return 0;
    }
    int64_t bytes = 0;
    struct str rest = json_inside(calls);
    struct str call;
    while (json_next_item(&rest, &call)) {
        bytes += chat_function_bytes(json_get(call, STR("function")));
    }
    return bytes;
}

/* What a delta, or a message, carries. */
static void chat_read_delta(struct str delta, struct chat_event *event)
{
    if (delta.len == 0 || json_kind(delta) != JSON_OBJECT) {
        return;
    }
    /* Some vendors send the same reasoning under both of its names: it counts once. */
    int64_t reasoning = 0;
    struct str rest = json_inside(delta);
    struct json_member member;
    while (json_next_member(&rest, &member)) {
        if (json_key_is(member.key, STR("content")) || json_key_is(member.key, STR("refusal"))) {
            event->content_bytes += chat_text_bytes(member.value);
        } else if (json_key_is(member.key, STR("reasoning_content")) ||
                   json_key_is(member.key, STR("reasoning"))) {
            int64_t bytes = chat_text_bytes(member.value);
            reasoning = bytes > reasoning ? bytes : reasoning;
        } else if (json_key_is(member.key, STR("tool_calls"))) {
            event->tool_bytes += chat_tool_bytes(member.value);
        } else if (json_key_is(member.key, STR("function_call"))) { /* older than tools */
            event->tool_bytes += chat_function_bytes(member.value);
        }
    }
    event->reasoning_bytes += reasoning;
}

static void chat_read_choices(struct str choices, struct chat_event *event)
{
    if (json_kind(choices) != JSON_ARRAY) {
        event->bad = true;
        return;
    }
    struct str rest = json_inside(choices);
    struct str choice;
    event->empty = true;
    while (json_next_item(&rest, &choice)) {
        event->empty = false;
        if (json_kind(choice) != JSON_OBJECT) {
            event->bad = true;
            continue;
        }
        struct str inside = json_inside(choice);
        struct json_member member;
        while (json_next_member(&inside, &member)) {
            if (json_key_is(member.key, STR("finish_reason"))) {
                event->finished += json_kind(member.value) == JSON_STRING;
            } else if (json_key_is(member.key, STR("delta")) ||
                       json_key_is(member.key, STR("message"))) {
                chat_read_delta(member.value, event);
            }
        }
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

static void chat_read(struct str text, struct chat_event *event)
{
    struct json_member members[CHAT_MEMBERS_MAX];
    struct json_fault fault;
    size_t count = 0;
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
            chat_read_choices(value, event);
        } else if (json_key_is(key, STR("usage"))) {
            event->usage = json_kind(value) == JSON_OBJECT ? value : STR_EMPTY;
        } else if (json_key_is(key, STR("error"))) {
            event->error = chat_truthy(value);
        }
    }
}

void chat_event_read(struct str data, struct chat_event *ret_event)
{
    *ret_event = (struct chat_event){ 0 };
    if (str_eq(str_trim(data), STR("[DONE]"))) {
        ret_event->done = true;
        return;
    }
    chat_read(data, ret_event);
}

void chat_answer_read(struct str body, struct chat_answer *ret_answer)
{
    struct chat_event event = { 0 };
    chat_read(body, &event);
    *ret_answer = (struct chat_answer){
        .bad = event.bad,
        .error = event.error,
        .model = event.model,
        .usage = event.usage,
        .finished = event.finished,
        .content_bytes = event.content_bytes,
        .reasoning_bytes = event.reasoning_bytes,
        .tool_bytes = event.tool_bytes,
    };
}

static void chat_error_object(struct jsonw *json, const struct chat_error *error)
{
    const struct err_info *info = err_info(error->err);
    jsonw_key(json, "error");
    jsonw_open(json, '{');
    jsonw_put_str(json, "message", error->message.len > 0 ? error->message : str_from(info->text));
    jsonw_put_str(json, "type", str_from(info->type));
    jsonw_key(json, "param");
    if (error->param.len > 0) {
        jsonw_str(json, error->param);
    } else {
        jsonw_null(json);
    }
    jsonw_put_str(json, "code", str_from(info->code));
    if (error->entrepot.len > 0) {
        jsonw_key(json, "entrepot");
        jsonw_raw(json, error->entrepot);
    }
    jsonw_close(json, '}');
}

enum err chat_error_write(struct buf *out, const struct chat_error *error)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    chat_error_object(&json, error);
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

enum err chat_error_event(struct buf *out, const struct chat_error *error)
{
    struct jsonw json;
    jsonw_init(&json, out);
    TRY(buf_append(out, STR("data: ")));
    jsonw_open(&json, '{');
    jsonw_key(&json, "choices");
    jsonw_raw(&json, STR("[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}]"));
    chat_error_object(&json, error);
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_append(out, STR("\n\ndata: [DONE]\n\n"));
}
