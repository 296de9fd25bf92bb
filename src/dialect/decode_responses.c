/*
 * OpenAI Responses. An output item is one of ours, but for messages, each part of whose content is
 * one. What is not told piece by piece is taken from the item when it is done, and what was never
 * told at all from the answer at the end, since servers that copy this dialect leave either out.
 */
#include "dialect/decode_internal.h"

#define WHOLE (-1) /* the part of an item that has none */

struct at {
    struct decode *decode;
    struct decode_choice *choice;
    int64_t index; /* of the output item */
    int64_t part;
};

static struct decode_item *responses_find(const struct at *at)
{
    struct decode_item *item = at->choice->items;
    while (item != NULL && (item->key != at->index || item->part != at->part)) {
        item = item->next;
    }
    return item;
}

static enum err responses_open(const struct at *at, const struct event_open *open,
                               struct decode_item **ret_item)
{
    TRY(decode_open(at->decode, at->choice, open, at->index, ret_item));
    (*ret_item)->part = at->part;
    return ERR_OK;
}

/* The part that is told, opened if nobody has announced it. */
static enum err responses_part(const struct at *at, enum event_item kind, struct str id,
                               struct str phase, struct decode_item **ret_item)
{
    const struct event_open open = { .kind = kind, .id = id, .phase = phase };
    *ret_item = responses_find(at);
    return *ret_item != NULL ? ERR_OK : responses_open(at, &open, ret_item);
}

static enum err responses_say(const struct at *at, struct decode_item *item,
                              enum event_channel channel, struct str text)
{
    return decode_delta(at->decode, at->choice, item, channel, text);
}

/* ---- items, whole ------------------------------------------------------------------------- */

static enum err responses_notes(const struct at *at, const struct decode_item *item,
                                struct str list)
{
    struct str note;
    struct str rest = json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &note)) {
        TRY(decode_note(at->decode, at->choice, item, EVENT_ANNOTATION, note));
    }
    return ERR_OK;
}

static enum err responses_fill_part(const struct at *at, struct str part, struct str id,
                                    struct str phase)
{
    bool refusal = json_string_is(json_get(part, STR("type")), STR("refusal"));
    struct decode_item *item;
    TRY(responses_part(at, refusal ? EVENT_REFUSAL : EVENT_TEXT, id, phase, &item));
    if (!item->open) {
        return ERR_OK;
    }
    if (!item->spoke) {
        TRY(responses_say(at, item, EVENT_CONTENT,
                          text_get(part, refusal ? STR("refusal") : STR("text"))));
        TRY(responses_notes(at, item, json_get(part, STR("annotations"))));
    }
    return decode_close(at->decode, at->choice, item);
}

static enum err responses_fill_message(struct at *at, struct str object)
{
    struct str list = json_get(object, STR("content"));
    struct str part;
    struct str rest = json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    at->part = 0;
    while (json_next_item(&rest, &part)) {
        TRY(responses_fill_part(at, part, text_get(object, STR("id")),
                                text_get(object, STR("phase"))));
        at->part++;
    }
    return ERR_OK;
}

static enum err responses_open_call(struct at *at, struct str object, bool custom,
                                    struct decode_item **ret_item)
{
    const struct event_open open = { .kind = custom ? EVENT_CUSTOM_TOOL : EVENT_TOOL,
                                     .id = text_get(object, STR("id")),
                                     .call_id = text_get(object, STR("call_id")),
                                     .name = text_get(object, STR("name")),
                                     .space = text_get(object, STR("namespace")) };
    at->part = WHOLE;
    *ret_item = responses_find(at);
    return *ret_item != NULL ? ERR_OK : responses_open(at, &open, ret_item);
}

static enum err responses_fill_call(struct at *at, struct str object, bool custom)
{
    struct decode_item *item;
    TRY(responses_open_call(at, object, custom, &item));
    if (item->open && !item->spoke) {
        TRY(responses_say(at, item, EVENT_ARGS,
                          text_get(object, custom ? STR("input") : STR("arguments"))));
    }
    return decode_close(at->decode, at->choice, item);
}

static enum err responses_open_reason(struct at *at, struct str object,
                                      struct decode_item **ret_item)
{
    at->part = WHOLE;
    return responses_part(at, EVENT_REASON, text_get(object, STR("id")), STR_EMPTY, ret_item);
}

static enum err responses_fill_reason(struct at *at, struct str object)
{
    struct decode_item *item;
    struct str part;
    TRY(responses_open_reason(at, object, &item));
    if (!item->open) {
        return ERR_OK;
    }
    bool spoke = item->spoke;
    struct str list = json_get(object, STR("summary"));
    struct str rest = !spoke && json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    for (uint32_t i = 0; json_next_item(&rest, &part); i++) {
        TRY(decode_summary(at->decode, at->choice, item, i, text_get(part, STR("text"))));
    }
    list = json_get(object, STR("content"));
    rest = !spoke && json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &part)) {
        TRY(responses_say(at, item, EVENT_THOUGHT, text_get(part, STR("text"))));
    }
    TRY(responses_say(at, item, EVENT_SIGNATURE, text_get(object, STR("encrypted_content"))));
    return decode_close(at->decode, at->choice, item);
}

static enum err responses_open_hosted(struct at *at, struct str object,
                                      struct decode_item **ret_item)
{
    const struct event_open open = { .kind = EVENT_HOSTED,
                                     .id = text_get(object, STR("id")),
                                     .json = object };
    at->part = WHOLE;
    *ret_item = responses_find(at);
    return *ret_item != NULL ? ERR_OK : responses_open(at, &open, ret_item);
}

enum responses_kind {
    MESSAGE,
    CALL,
    CUSTOM_CALL,
    REASON,
    HOSTED
};

static enum responses_kind responses_kind_of(struct str object)
{
    static const struct str names[] = { [MESSAGE] = STR_INIT("message"),
                                        [CALL] = STR_INIT("function_call"),
                                        [CUSTOM_CALL] = STR_INIT("custom_tool_call"),
                                        [REASON] = STR_INIT("reasoning") };
    struct str type = json_get(object, STR("type"));
    unsigned kind = MESSAGE;
    while (kind < HOSTED && !json_string_is(type, names[kind])) {
        kind++;
    }
    return (enum responses_kind)kind;
}

/* All that an item holds, as far as it was not told before; then it is closed. */
static enum err responses_fill(struct at *at, struct str object)
{
    struct decode_item *item;
    switch (responses_kind_of(object)) {
    case MESSAGE:
        return responses_fill_message(at, object);
    case CALL:
        return responses_fill_call(at, object, false);
    case CUSTOM_CALL:
        return responses_fill_call(at, object, true);
    case REASON:
        return responses_fill_reason(at, object);
    case HOSTED:
        TRY(responses_open_hosted(at, object, &item));
        return decode_close(at->decode, at->choice, item);
    }
    return ERR_INTERNAL;
}

static enum err responses_fill_output(struct decode *decode, struct decode_choice *choice,
                                      struct str output)
{
    struct at at = { .decode = decode, .choice = choice };
    struct str object;
    struct str rest = json_kind(output) == JSON_ARRAY ? json_inside(output) : STR_EMPTY;
    while (json_next_item(&rest, &object)) {
        TRY(json_kind(object) == JSON_OBJECT ? ERR_OK : ERR_UPSTREAM_SYNTAX);
        TRY(responses_fill(&at, object));
        at.index++;
    }
    return ERR_OK;
}

/* ---- events of items ---------------------------------------------------------------------- */

/* Where an event of a stream belongs. */
static enum err responses_at(struct decode *decode, struct str event, struct at *ret_at)
{
    struct at at = { .decode = decode };
    if (!decode->begun || !json_i64(json_get(event, STR("output_index")), &at.index) ||
        at.index < 0) {
        return ERR_UPSTREAM_SYNTAX;
    }
    EP_IGNORE(json_i64(json_get(event, STR("content_index")), &at.part));
    TRY(decode_choice_at(decode, 0, &at.choice));
    *ret_at = at;
    return ERR_OK;
}

static enum err responses_on_added(struct decode *decode, struct str event)
{
    struct at at;
    struct decode_item *item;
    struct str object = json_get(event, STR("item"));
    TRY(responses_at(decode, event, &at));
    TRY(json_kind(object) == JSON_OBJECT ? ERR_OK : ERR_UPSTREAM_SYNTAX);
    switch (responses_kind_of(object)) {
    case MESSAGE: /* its parts are told of */
        return ERR_OK;
    case CALL:
        return responses_open_call(&at, object, false, &item);
    case CUSTOM_CALL:
        return responses_open_call(&at, object, true, &item);
    case REASON:
        return responses_open_reason(&at, object, &item);
    case HOSTED:
        return responses_open_hosted(&at, object, &item);
    }
    return ERR_INTERNAL;
}

static enum err responses_on_done(struct decode *decode, struct str event)
{
    struct at at;
    struct str object = json_get(event, STR("item"));
    TRY(responses_at(decode, event, &at));
    TRY(json_kind(object) == JSON_OBJECT ? ERR_OK : ERR_UPSTREAM_SYNTAX);
    TRY(responses_fill(&at, object));
    for (struct decode_item *item = at.choice->items; item != NULL; item = item->next) {
        TRY(item->key == at.index ? decode_close(decode, at.choice, item) : ERR_OK);
    }
    return ERR_OK;
}

/* Of a reasoning item's text only the item is one of ours. */
static bool is_reasoning_part(struct str part)
{
    return json_string_is(json_get(part, STR("type")), STR("reasoning_text"));
}

static enum err responses_on_part_added(struct decode *decode, struct str event)
{
    struct at at;
    struct decode_item *item;
    struct str part = json_get(event, STR("part"));
    bool refusal = json_string_is(json_get(part, STR("type")), STR("refusal"));
    TRY(responses_at(decode, event, &at));
    if (is_reasoning_part(part)) {
        return ERR_OK;
    }
    return responses_part(&at, refusal ? EVENT_REFUSAL : EVENT_TEXT,
                          text_get(event, STR("item_id")), STR_EMPTY, &item);
}

static enum err responses_on_part_done(struct decode *decode, struct str event)
{
    struct at at;
    struct str part = json_get(event, STR("part"));
    TRY(responses_at(decode, event, &at));
    if (is_reasoning_part(part)) {
        return ERR_OK;
    }
    return responses_fill_part(&at, part, text_get(event, STR("item_id")), STR_EMPTY);
}

/* A piece of an item; `kind` is what it would be if it had not been announced. */
struct piece {
    struct str type;
    struct str member;
    enum event_item kind;
    enum event_channel channel;
    bool whole; /* all of it at once: told where no piece was */
};

static const struct piece responses_pieces[] = {
    { STR_INIT("output_text.delta"), STR_INIT("delta"), EVENT_TEXT, EVENT_CONTENT, false },
    { STR_INIT("output_text.done"), STR_INIT("text"), EVENT_TEXT, EVENT_CONTENT, true },
    { STR_INIT("refusal.delta"), STR_INIT("delta"), EVENT_REFUSAL, EVENT_CONTENT, false },
    { STR_INIT("refusal.done"), STR_INIT("refusal"), EVENT_REFUSAL, EVENT_CONTENT, true },
    { STR_INIT("function_call_arguments.delta"), STR_INIT("delta"), EVENT_TOOL, EVENT_ARGS, false },
    { STR_INIT("function_call_arguments.done"), STR_INIT("arguments"), EVENT_TOOL, EVENT_ARGS,
      true },
    { STR_INIT("custom_tool_call_input.delta"), STR_INIT("delta"), EVENT_CUSTOM_TOOL, EVENT_ARGS,
      false },
    { STR_INIT("custom_tool_call_input.done"), STR_INIT("input"), EVENT_CUSTOM_TOOL, EVENT_ARGS,
      true },
    { STR_INIT("reasoning_text.delta"), STR_INIT("delta"), EVENT_REASON, EVENT_THOUGHT, false },
    { STR_INIT("reasoning_summary_text.delta"), STR_INIT("delta"), EVENT_REASON, EVENT_SUMMARY,
      false },
};

static enum err responses_on_piece(struct decode *decode, struct str event,
                                   const struct piece *piece)
{
    struct at at;
    struct decode_item *item;
    int64_t summary = 0;
    bool text = piece->kind == EVENT_TEXT || piece->kind == EVENT_REFUSAL;
    TRY(responses_at(decode, event, &at));
    at.part = text ? at.part : WHOLE;
    if (text || piece->kind == EVENT_REASON) {
        TRY(responses_part(&at, piece->kind, text_get(event, STR("item_id")), STR_EMPTY, &item));
    } else {
        item = responses_find(&at);
        TRY(item != NULL ? ERR_OK : ERR_UPSTREAM_SYNTAX); /* a call without a name */
    }
    struct str said = text_get(event, piece->member);
    if (piece->whole && (item->spoke || !item->open)) {
        return ERR_OK;
    }
    if (piece->channel != EVENT_SUMMARY) {
        return responses_say(&at, item, piece->channel, said);
    }
    EP_IGNORE(json_i64(json_get(event, STR("summary_index")), &summary));
    if (summary < 0 || summary >= EVENT_ITEMS_MAX) {
        return ERR_UPSTREAM_SYNTAX;
    }
    return decode_summary(decode, at.choice, item, (uint32_t)summary, said);
}

static enum err responses_on_annotation(struct decode *decode, struct str event)
{
    struct at at;
    struct str note = json_get(event, STR("annotation"));
    TRY(responses_at(decode, event, &at));
    const struct decode_item *item = responses_find(&at);
    if (item == NULL || note.len == 0) {
        return ERR_UPSTREAM_SYNTAX;
    }
    return decode_note(decode, at.choice, item, EVENT_ANNOTATION, note);
}

/* ---- the answer's beginning and end ------------------------------------------------------- */

static enum err responses_read_begin(struct decode *decode, struct str response)
{
    struct event_begin begin = { .id = text_get(response, STR("id")),
                                 .model = text_get(response, STR("model")),
                                 .tier = text_get(response, STR("service_tier")) };
    EP_IGNORE(json_i64(json_get(response, STR("created_at")), &begin.created_s));
    return decode_begin(decode, &begin);
}

static enum err responses_on_created(struct decode *decode, struct str event)
{
    struct str response = json_get(event, STR("response"));
    TRY(json_kind(response) == JSON_OBJECT ? ERR_OK : ERR_UPSTREAM_SYNTAX);
    return responses_read_begin(decode, response);
}

static enum err responses_read_failure(struct decode *decode, struct str response)
{
    struct event_error error = decode_error_of(json_get(response, STR("error")));
    error.message = error.message.len > 0 ? error.message : STR("The response failed.");
    return decode_error(decode, &error);
}

static enum event_finish responses_finish_of(struct str response)
{
    struct str reason = json_get(json_get(response, STR("incomplete_details")), STR("reason"));
    if (!json_string_is(json_get(response, STR("status")), STR("incomplete"))) {
        return EVENT_STOP;
    }
    return json_string_is(reason, STR("content_filter")) ? EVENT_FILTER : EVENT_LENGTH;
}

/* A response that has ended, from what was not told of it to its end. */
static enum err responses_finish(struct decode *decode, struct str response)
{
    struct decode_choice *choice;
    struct str status = json_get(response, STR("status"));
    if (json_string_is(status, STR("failed")) || json_string_is(status, STR("cancelled"))) {
        return responses_read_failure(decode, response);
    }
    if (!json_string_is(status, STR("completed")) && !json_string_is(status, STR("incomplete"))) {
        return ERR_UPSTREAM_SYNTAX;
    }
    TRY(responses_read_begin(decode, response));
    TRY(decode_choice_at(decode, 0, &choice));
    if (choice->count == 0) {
        TRY(responses_fill_output(decode, choice, json_get(response, STR("output"))));
    }
    struct str usage = json_get(response, STR("usage"));
    if (json_kind(usage) == JSON_OBJECT) {
        struct event_tokens tokens;
        tokens_read_responses(usage, &tokens);
        TRY(decode_usage(decode, &tokens, usage));
    }
    TRY(decode_finish(decode, choice, responses_finish_of(response), STR_EMPTY));
    return decode_stop(decode);
}

static enum err responses_on_end(struct decode *decode, struct str event)
{
    struct str response = json_get(event, STR("response"));
    TRY(json_kind(response) == JSON_OBJECT ? ERR_OK : ERR_UPSTREAM_SYNTAX);
    return responses_finish(decode, response);
}

static enum err responses_on_error(struct decode *decode, struct str event)
{
    struct str inner = json_get(event, STR("error"));
    struct event_error error = decode_error_of(json_kind(inner) == JSON_OBJECT ? inner : event);
    if (json_kind(inner) != JSON_OBJECT) {
        error.type = STR_EMPTY; /* that is the event's */
    }
    return decode_error(decode, &error);
}

static enum err responses_on_keepalive(struct decode *decode, struct str event)
{
    (void)event;
    return decode_ping(decode);
}

struct responses_handler {
    struct str type;
    enum err (*read)(struct decode *decode, struct str event);
};

static const struct responses_handler responses_handlers[] = {
    { STR_INIT("response.created"), responses_on_created },
    { STR_INIT("response.queued"), responses_on_created },
    { STR_INIT("response.in_progress"), responses_on_created },
    { STR_INIT("response.output_item.added"), responses_on_added },
    { STR_INIT("response.output_item.done"), responses_on_done },
    { STR_INIT("response.content_part.added"), responses_on_part_added },
    { STR_INIT("response.content_part.done"), responses_on_part_done },
    { STR_INIT("response.output_text.annotation.added"), responses_on_annotation },
    { STR_INIT("response.completed"), responses_on_end },
    { STR_INIT("response.incomplete"), responses_on_end },
    { STR_INIT("response.failed"), responses_on_end },
    { STR_INIT("error"), responses_on_error },
    { STR_INIT("keepalive"), responses_on_keepalive },
};

#define PREFIX "response."

enum err decode_responses_event(struct decode *decode, struct str type, struct str data)
{
    if (data.len == 0 || str_eq(str_trim(data), STR("[DONE]"))) {
        return ERR_OK; /* some servers send it, although no reader wants it */
    }
    TRY(decode_object(data));
    struct str event = json_trim(data);
    struct str told = text_get(event, STR("type"));
    struct str name = told.len > 0 ? told : type;
    struct str rest = str_starts(name, STR(PREFIX)) ? str_from_at(name, sizeof(PREFIX) - 1) : name;
    for (size_t i = 0; i < EP_ARRAY_LEN(responses_pieces); i++) {
        if (str_eq(rest, responses_pieces[i].type)) {
            return responses_on_piece(decode, event, &responses_pieces[i]);
        }
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(responses_handlers); i++) {
        if (str_eq(name, responses_handlers[i].type)) {
            return responses_handlers[i].read(decode, event);
        }
    }
    return decode_raw(decode, name, data);
}

enum err decode_responses_body(struct decode *decode, struct str body)
{
    TRY(decode_object(body));
    struct str object = json_trim(body);
    struct str error = json_get(object, STR("error"));
    if (json_get(object, STR("status")).len == 0 && decode_is_truthy(error)) {
        const struct event_error told = decode_error_of(error);
        return decode_error(decode, &told);
    }
    return responses_finish(decode, object);
}
