/*
 * Anthropic Messages: each block of content is an item; its index is the vendor's own, counted
 * over all blocks. Usage comes in the first event and again at the end, a field at a time.
 */
#include "dialect/decode_internal.h"

struct block_kind {
    struct str type;
    enum event_item kind;
    bool redacted;
};

static struct block_kind anthropic_kind(struct str type)
{
    static const struct block_kind kinds[] = {
        { STR_INIT("text"), EVENT_TEXT, false },
        { STR_INIT("thinking"), EVENT_REASON, false },
        { STR_INIT("redacted_thinking"), EVENT_REASON, true },
        { STR_INIT("tool_use"), EVENT_TOOL, false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(kinds); i++) {
        if (json_string_is(type, kinds[i].type)) {
            return kinds[i];
        }
    }
    return (struct block_kind){ STR_EMPTY, EVENT_HOSTED, false };
}

static enum err anthropic_choice(struct decode *decode, struct decode_choice **ret_choice)
{
    return decode_choice_at(decode, 0, ret_choice);
}

/* A tool's input that came whole, with the block. "{}" is said by saying nothing. */
static enum err anthropic_read_input(struct decode *decode, const struct decode_choice *choice,
                                     struct decode_item *item, struct str block)
{
    struct str text;
    struct str input = json_get(block, STR("input"));
    if (item->kind != EVENT_TOOL || input.len == 0 || json_kind(input) != JSON_OBJECT ||
        json_trim(json_inside(input)).len == 0) {
        return ERR_OK;
    }
    TRY(decode_as_text(decode, input, &text));
    return decode_delta(decode, choice, item, EVENT_ARGS, text);
}

static enum err anthropic_read_citations(struct decode *decode, const struct decode_choice *choice,
                                         const struct decode_item *item, struct str list)
{
    struct str citation;
    struct str rest = list.len > 0 && json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &citation)) {
        TRY(decode_note(decode, choice, item, EVENT_CITATION, citation));
    }
    return ERR_OK;
}

/* A block as it stands in an answer, or at its start in a stream: what it holds already. */
static enum err anthropic_open(struct decode *decode, struct decode_choice *choice,
                               struct str block, int64_t key, struct decode_item **ret_item)
{
    const struct block_kind kind = anthropic_kind(json_get(block, STR("type")));
    struct event_open open = { .kind = kind.kind, .redacted = kind.redacted };
    if (kind.kind == EVENT_TOOL) {
        open.call_id = text_get(block, STR("id"));
        open.name = text_get(block, STR("name"));
    }
    open.json = kind.kind == EVENT_HOSTED ? block : STR_EMPTY;
    TRY(decode_open(decode, choice, &open, key, ret_item));
    TRY(anthropic_read_citations(decode, choice, *ret_item, json_get(block, STR("citations"))));
    if (kind.kind == EVENT_TEXT) {
        return decode_delta(decode, choice, *ret_item, EVENT_CONTENT, text_get(block, STR("text")));
    }
    if (kind.kind == EVENT_REASON) {
        TRY(decode_delta(decode, choice, *ret_item, EVENT_THOUGHT,
                         text_get(block, STR("thinking"))));
        TRY(decode_delta(decode, choice, *ret_item, EVENT_SIGNATURE,
                         text_get(block, STR("signature"))));
        return decode_delta(decode, choice, *ret_item, EVENT_BLOB, text_get(block, STR("data")));
    }
    return anthropic_read_input(decode, choice, *ret_item, block);
}

/* The open block that an event names by its index. */
static enum err anthropic_block(struct decode *decode, struct str object,
                                struct decode_choice **ret_choice, struct decode_item **ret_item)
{
    int64_t index = 0;
    TRY(anthropic_choice(decode, ret_choice));
    if (!json_i64(json_get(object, STR("index")), &index)) {
        return ERR_UPSTREAM_SYNTAX;
    }
    *ret_item = decode_item_at(*ret_choice, index);
    return *ret_item != NULL && (*ret_item)->open ? ERR_OK : ERR_UPSTREAM_SYNTAX;
}

static enum err anthropic_on_start(struct decode *decode, struct str object)
{
    int64_t index = 0;
    struct decode_choice *choice;
    struct decode_item *item;
    struct str block = json_get(object, STR("content_block"));
    TRY(anthropic_choice(decode, &choice));
    if (!decode->begun || block.len == 0 || json_kind(block) != JSON_OBJECT ||
        !json_i64(json_get(object, STR("index")), &index) || index < 0) {
        return ERR_UPSTREAM_SYNTAX;
    }
    TRY(decode_close_all(decode, choice)); /* one is open at a time; its stop may be missing */
    return anthropic_open(decode, choice, block, index, &item);
}

static enum err anthropic_on_delta(struct decode *decode, struct str object)
{
    static const struct {
        struct str type;
        struct str member;
        enum event_channel channel;
    } kinds[] = {
        { STR_INIT("text_delta"), STR_INIT("text"), EVENT_CONTENT },
        { STR_INIT("input_json_delta"), STR_INIT("partial_json"), EVENT_ARGS },
        { STR_INIT("thinking_delta"), STR_INIT("thinking"), EVENT_THOUGHT },
        { STR_INIT("signature_delta"), STR_INIT("signature"), EVENT_SIGNATURE },
    };
    struct decode_choice *choice;
    struct decode_item *item;
    TRY(anthropic_block(decode, object, &choice, &item));
    struct str delta = json_get(object, STR("delta"));
    struct str type = json_get(delta, STR("type"));
    for (size_t i = 0; i < EP_ARRAY_LEN(kinds); i++) {
        if (json_string_is(type, kinds[i].type)) {
            return decode_delta(decode, choice, item, kinds[i].channel,
                                text_get(delta, kinds[i].member));
        }
    }
    struct str citation = json_get(delta, STR("citation"));
    if (json_string_is(type, STR("citations_delta")) && citation.len > 0) {
        return decode_note(decode, choice, item, EVENT_CITATION, citation);
    }
    return ERR_OK; /* as the vendor's own reader has it */
}

static enum err anthropic_on_stop(struct decode *decode, struct str object)
{
    struct decode_choice *choice;
    struct decode_item *item;
    TRY(anthropic_block(decode, object, &choice, &item));
    return decode_close(decode, choice, item);
}

static enum err anthropic_read_usage(struct decode *decode, struct str usage)
{
    if (usage.len == 0 || json_kind(usage) != JSON_OBJECT) {
        return ERR_OK;
    }
    struct event_tokens tokens;
    tokens_read_anthropic(usage, &decode->so_far, &tokens);
    return decode_usage(decode, &tokens, usage);
}

static enum event_finish anthropic_finish_of(struct str reason)
{
    static const struct {
        struct str name;
        enum event_finish finish;
    } names[] = {
        { STR_INIT("end_turn"), EVENT_STOP },
        { STR_INIT("max_tokens"), EVENT_LENGTH },
        { STR_INIT("stop_sequence"), EVENT_STOP_TEXT },
        { STR_INIT("tool_use"), EVENT_CALLS },
        { STR_INIT("pause_turn"), EVENT_PAUSE },
        { STR_INIT("refusal"), EVENT_FILTER },
        { STR_INIT("model_context_window_exceeded"), EVENT_CONTEXT },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (json_string_is(reason, names[i].name)) {
            return names[i].finish;
        }
    }
    return EVENT_STOP;
}

static enum err anthropic_read_finish(struct decode *decode, struct str object)
{
    struct decode_choice *choice;
    struct str reason = json_get(object, STR("stop_reason"));
    if (reason.len == 0 || json_kind(reason) != JSON_STRING) {
        return ERR_OK;
    }
    TRY(anthropic_choice(decode, &choice));
    return decode_finish(decode, choice, anthropic_finish_of(reason),
                         text_get(object, STR("stop_sequence")));
}

static enum err anthropic_read_begin(struct decode *decode, struct str message)
{
    const struct event_begin begin = { .id = text_get(message, STR("id")),
                                       .model = text_get(message, STR("model")),
                                       .tier = text_get(json_get(message, STR("usage")),
                                                        STR("service_tier")) };
    return decode_begin(decode, &begin);
}

static enum err anthropic_on_message_start(struct decode *decode, struct str object)
{
    struct str message = json_get(object, STR("message"));
    if (message.len == 0 || json_kind(message) != JSON_OBJECT) {
        return ERR_UPSTREAM_SYNTAX;
    }
    TRY(anthropic_read_begin(decode, message));
    return anthropic_read_usage(decode, json_get(message, STR("usage")));
}

static enum err anthropic_on_message_delta(struct decode *decode, struct str object)
{
    TRY(decode->begun ? ERR_OK : ERR_UPSTREAM_SYNTAX);
    TRY(anthropic_read_usage(decode, json_get(object, STR("usage"))));
    return anthropic_read_finish(decode, json_get(object, STR("delta")));
}

static enum err anthropic_on_message_stop(struct decode *decode, struct str object)
{
    (void)object;
    return decode_stop(decode);
}

static enum err anthropic_on_ping(struct decode *decode, struct str object)
{
    (void)object;
    return decode_ping(decode);
}

static enum err anthropic_on_error(struct decode *decode, struct str object)
{
    const struct event_error error = decode_error_of(json_get(object, STR("error")));
    return decode_error(decode, &error);
}

enum err decode_anthropic_event(struct decode *decode, struct str type, struct str data)
{
    static const struct {
        struct str type;
        enum err (*read)(struct decode *decode, struct str object);
    } kinds[] = {
        { STR_INIT("content_block_delta"), anthropic_on_delta },
        { STR_INIT("content_block_start"), anthropic_on_start },
        { STR_INIT("content_block_stop"), anthropic_on_stop },
        { STR_INIT("message_start"), anthropic_on_message_start },
        { STR_INIT("message_delta"), anthropic_on_message_delta },
        { STR_INIT("message_stop"), anthropic_on_message_stop },
        { STR_INIT("ping"), anthropic_on_ping },
        { STR_INIT("error"), anthropic_on_error },
    };
    if (data.len == 0 || str_eq(str_trim(data), STR("[DONE]"))) {
        return ERR_OK; /* some proxies put it behind what they copy */
    }
    TRY(decode_object(data));
    struct str object = json_trim(data);
    struct str name = json_get(object, STR("type"));
    for (size_t i = 0; i < EP_ARRAY_LEN(kinds); i++) {
        if (name.len > 0 ? json_string_is(name, kinds[i].type) : str_eq(type, kinds[i].type)) {
            return kinds[i].read(decode, object);
        }
    }
    return decode_raw(decode, type, data);
}

enum err decode_anthropic_body(struct decode *decode, struct str body)
{
    struct decode_choice *choice;
    TRY(decode_object(body));
    struct str object = json_trim(body);
    if (json_string_is(json_get(object, STR("type")), STR("error"))) {
        return anthropic_on_error(decode, object);
    }
    struct str base = json_get(object, STR("base_resp")); /* MiniMax, also in this form */
    struct str code = json_get(base, STR("status_code"));
    if (decode_is_truthy(code)) {
        const struct event_error error = { .code = json_kind(code) == JSON_NUMBER ? code
                                                                                  : text_of(code),
                                           .message = text_get(base, STR("status_msg")) };
        return decode_error(decode, &error);
    }
    struct str content = json_get(object, STR("content"));
    if (content.len == 0 || json_kind(content) != JSON_ARRAY) {
        return ERR_UPSTREAM_SYNTAX;
    }
    TRY(anthropic_read_begin(decode, object));
    TRY(anthropic_choice(decode, &choice));
    struct str rest = json_inside(content);
    struct str block;
    int64_t index = 0;
    while (json_next_item(&rest, &block)) {
        struct decode_item *item;
        TRY(json_kind(block) == JSON_OBJECT ? ERR_OK : ERR_UPSTREAM_SYNTAX);
        TRY(anthropic_open(decode, choice, block, index++, &item));
        TRY(decode_close(decode, choice, item));
    }
    TRY(anthropic_read_usage(decode, json_get(object, STR("usage"))));
    TRY(anthropic_read_finish(decode, object));
    return decode_stop(decode);
}
