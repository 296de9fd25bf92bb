#include "dialect/decode_internal.h"

#include <string.h>

void decode_init(struct decode *decode, enum dialect dialect, struct event_sink sink,
                 struct arena *arena)
{
    ASSERT(dialect < DIALECT_COUNT);
    *decode = (struct decode){ .dialect = dialect, .sink = sink, .arena = arena };
    buf_init(&decode->scratch, DECODE_SCRATCH_MAX);
}

void decode_fini(struct decode *decode)
{
    buf_fini(&decode->scratch);
}

enum err decode_event(struct decode *decode, struct str type, struct str data)
{
    decode->named = STR_EMPTY;
    decode->tier = STR_EMPTY;
    if (decode->stopped) {
        return ERR_OK; /* what comes behind an end is nobody's */
    }
    switch (decode->dialect) {
    case DIALECT_CHAT:
        return decode_chat_event(decode, data);
    case DIALECT_RESPONSES:
        return decode_responses_event(decode, type, data);
    case DIALECT_ANTHROPIC:
        return decode_anthropic_event(decode, type, data);
    case DIALECT_GEMINI:
        return decode_gemini_event(decode, data);
    case DIALECT_COUNT:
        break;
    }
    return ERR_INTERNAL;
}

enum err decode_end(struct decode *decode)
{
    if (decode->stopped) {
        return ERR_OK;
    }
    /* Only these two have answers whose end is that of the stream. */
    bool may_end = decode->dialect == DIALECT_CHAT || decode->dialect == DIALECT_GEMINI;
    return may_end ? decode_stop(decode) : ERR_UPSTREAM_CUT;
}

static enum err decode_give(struct decode *decode, const struct event *event)
{
    decode->like.told++;
    return event_give(&decode->sink, event);
}

enum err decode_cut(struct decode *decode)
{
    const struct event_begin begin = { .created_s = 0 };
    struct decode_choice *choice;
    if (decode->stopped) {
        return ERR_OK;
    }
    TRY(decode_begin(decode, &begin));
    TRY(decode_choice_at(decode, 0, &choice)); /* there is one, whatever was told */
    for (choice = decode->choices; choice != NULL; choice = choice->next) {
        TRY(decode_finish(decode, choice, EVENT_LENGTH, STR_EMPTY));
    }
    decode->stopped = true;
    const struct event event = { .kind = EVENT_END };
    return decode_give(decode, &event);
}

enum err decode_body(struct decode *decode, struct str body)
{
    ASSERT(!decode->begun && !decode->stopped);
    switch (decode->dialect) {
    case DIALECT_CHAT:
        return decode_chat_body(decode, body);
    case DIALECT_RESPONSES:
        return decode_responses_body(decode, body);
    case DIALECT_ANTHROPIC:
        return decode_anthropic_body(decode, body);
    case DIALECT_GEMINI:
        return decode_gemini_body(decode, body);
    case DIALECT_COUNT:
        break;
    }
    return ERR_INTERNAL;
}

/* A number that may stand there as text, or not at all. */
static int decode_status_of(struct str object, struct str name)
{
    int64_t status = 0;
    bool found = json_i64(json_get(object, name), &status);
    return found && status >= 100 && status <= 599 ? (int)status : 0;
}

struct event_error decode_error_of(struct str object)
{
    if (json_kind(object) == JSON_STRING) { /* some say no more than a sentence */
        return (struct event_error){ .message = text_of(object) };
    }
    struct event_error error = { .type = text_get(object, STR("type")),
                                 .code = text_get(object, STR("code")),
                                 .message = text_get(object, STR("message")),
                                 .param = text_get(object, STR("param")),
                                 .status = decode_status_of(object, STR("code")) };
    if (error.type.len == 0) {
        error.type = text_get(object, STR("status")); /* Gemini */
    }
    return error;
}

struct str decode_delta_json(const struct event *event)
{
    ASSERT(event->kind == EVENT_DELTA && event->delta.channel != EVENT_BLOB);
    struct str text = event->delta.text;
    struct str json = { text.ptr - 1, text.len + 2 };
    ASSERT(json.ptr[0] == '"' && json.ptr[json.len - 1] == '"');
    return json;
}

enum err decode_failure(struct decode *decode, int status, struct str body)
{
    struct json_fault fault;
    struct event_error error = { 0 };
    if (json_check(body, &fault) == ERR_OK) {
        struct str value = json_trim(body);
        /* Gemini's streams fail with a list of one. */
        struct str rest = json_kind(value) == JSON_ARRAY ? json_inside(value) : STR_EMPTY;
        struct str item;
        value = json_next_item(&rest, &item) ? item : value;
        struct str inner = json_get(value, STR("error"));
        error = decode_error_of(inner.len > 0 ? inner : value);
    }
    error.status = status;
    return decode_error(decode, &error);
}

bool decode_is_truthy(struct str value)
{
    return value.len > 0 && json_kind(value) != JSON_NULL && json_kind(value) != JSON_FALSE &&
           !str_eq(value, STR("0")) && !str_eq(value, STR("\"\""));
}

/* ---- telling ------------------------------------------------------------------------------ */

enum err decode_choice_at(struct decode *decode, int64_t index, struct decode_choice **ret_choice)
{
    if (index < 0 || index >= EVENT_CHOICES_MAX) {
        return ERR_UPSTREAM_SIZE;
    }
    struct decode_choice **link = &decode->choices;
    while (*link != NULL && (*link)->index != index) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        *link = arena_zalloc(decode->arena, sizeof(**link));
        if (*link == NULL) {
            return ERR_NO_MEMORY;
        }
        (*link)->index = (uint32_t)index;
    }
    *ret_choice = *link;
    return ERR_OK;
}

enum err decode_begin(struct decode *decode, const struct event_begin *begin)
{
    decode->named = begin->model;
    decode->tier = begin->tier;
    if (decode->begun) {
        return ERR_OK;
    }
    decode->begun = true;
    struct event event = { .kind = EVENT_BEGIN, .begin = *begin };
    event.begin.source = decode->dialect;
    return decode_give(decode, &event);
}

enum err decode_open(struct decode *decode, struct decode_choice *choice,
                     const struct event_open *open, int64_t key, struct decode_item **ret_item)
{
    bool call = open->kind == EVENT_TOOL || open->kind == EVENT_CUSTOM_TOOL;
    if (choice->finished || (call && open->name.len == 0)) {
        return ERR_UPSTREAM_SYNTAX;
    }
    if (choice->count == EVENT_ITEMS_MAX) {
        return ERR_UPSTREAM_SIZE;
    }
    struct decode_item *item = arena_zalloc(decode->arena, sizeof(*item));
    if (item == NULL) {
        return ERR_NO_MEMORY;
    }
    item->next = choice->items;
    item->item = choice->count++;
    item->kind = open->kind;
    item->key = key;
    item->open = true;
    choice->items = item;
    choice->calls += call ? 1 : 0;
    *ret_item = item;
    const struct event event = {
        .kind = EVENT_OPEN, .choice = choice->index, .item = item->item, .open = *open
    };
    return decode_give(decode, &event);
}

static enum err decode_tell(struct decode *decode, const struct decode_choice *choice,
                            struct decode_item *item, enum event_channel channel, uint32_t part,
                            struct str text)
{
    if (text.len == 0) {
        return ERR_OK;
    }
    if (!item->open) {
        return ERR_UPSTREAM_SYNTAX;
    }
    item->spoke |= channel != EVENT_SIGNATURE;
    item->signed_ |= channel == EVENT_SIGNATURE;
    if (channel == EVENT_ARGS) {
        text_scan(&item->scan, text);
    }
    decode->like.choice = choice;
    decode->like.item = item;
    decode->like.channel = channel;
    decode->like.text = text;
    const struct event event = { .kind = EVENT_DELTA,
                                 .choice = choice->index,
                                 .item = item->item,
                                 .delta = { .channel = channel, .part = part, .text = text } };
    return decode_give(decode, &event);
}

enum err decode_delta(struct decode *decode, const struct decode_choice *choice,
                      struct decode_item *item, enum event_channel channel, struct str text)
{
    return decode_tell(decode, choice, item, channel, 0, text);
}

enum err decode_summary(struct decode *decode, const struct decode_choice *choice,
                        struct decode_item *item, uint32_t part, struct str text)
{
    return decode_tell(decode, choice, item, EVENT_SUMMARY, part, text);
}

enum err decode_note(struct decode *decode, const struct decode_choice *choice,
                     const struct decode_item *item, enum event_note kind, struct str json)
{
    if (!item->open) {
        return ERR_UPSTREAM_SYNTAX;
    }
    const struct event event = { .kind = EVENT_NOTE,
                                 .choice = choice->index,
                                 .item = item->item,
                                 .note = { .kind = kind, .json = json } };
    return decode_give(decode, &event);
}

enum err decode_close(struct decode *decode, const struct decode_choice *choice,
                      struct decode_item *item)
{
    if (!item->open) {
        return ERR_OK;
    }
    item->open = false;
    const struct event event = { .kind = EVENT_CLOSE, .choice = choice->index, .item = item->item };
    return decode_give(decode, &event);
}

enum err decode_close_all(struct decode *decode, const struct decode_choice *choice)
{
    /* In the order in which they opened, so that those who wait for one another do so least. */
    for (;;) {
        struct decode_item *oldest = NULL;
        for (struct decode_item *item = choice->items; item != NULL; item = item->next) {
            oldest = item->open ? item : oldest;
        }
        if (oldest == NULL) {
            return ERR_OK;
        }
        TRY(decode_close(decode, choice, oldest));
    }
}

enum err decode_finish(struct decode *decode, struct decode_choice *choice,
                       enum event_finish reason, struct str stop_text)
{
    if (choice->finished) {
        return ERR_OK;
    }
    TRY(decode_close_all(decode, choice));
    choice->finished = true;
    const struct event event = { .kind = EVENT_FINISH,
                                 .choice = choice->index,
                                 .finish = { .reason = event_finish_with(reason, choice->calls > 0),
                                             .stop_text = stop_text } };
    return decode_give(decode, &event);
}

enum err decode_usage(struct decode *decode, const struct event_tokens *tokens, struct str raw)
{
    decode->tokens = *tokens;
    const struct event event = { .kind = EVENT_USAGE, .usage = { .tokens = *tokens, .raw = raw } };
    return decode_give(decode, &event);
}

enum err decode_error(struct decode *decode, const struct event_error *error)
{
    if (decode->stopped) {
        return ERR_OK;
    }
    decode->stopped = true;
    const struct event event = { .kind = EVENT_ERROR, .error = *error };
    return decode_give(decode, &event);
}

enum err decode_ping(struct decode *decode)
{
    if (!decode->begun) {
        return ERR_OK; /* nobody waits yet for what has not begun */
    }
    const struct event event = { .kind = EVENT_PING };
    return decode_give(decode, &event);
}

enum err decode_raw(struct decode *decode, struct str name, struct str data)
{
    if (!decode->begun) {
        return ERR_OK;
    }
    const struct event event = { .kind = EVENT_RAW,
                                 .raw = { .source = decode->dialect, .name = name, .data = data } };
    return decode_give(decode, &event);
}

bool decode_is_finished(const struct decode *decode)
{
    bool all = decode->choices != NULL;
    uint32_t count = 0;
    uint32_t last = 0;
    for (const struct decode_choice *choice = decode->choices; choice != NULL;
         choice = choice->next) {
        all = all && choice->finished;
        last = choice->index > last ? choice->index : last;
        count++;
    }
    return all && count == last + 1;
}

enum err decode_stop(struct decode *decode)
{
    if (!decode_is_finished(decode)) {
        return ERR_UPSTREAM_CUT;
    }
    decode->stopped = true;
    const struct event event = { .kind = EVENT_END };
    return decode_give(decode, &event);
}

/* ---- events like the one before ----------------------------------------------------------- */

void decode_like_begin(struct decode *decode)
{
    decode->like.len = 0;
    decode->like.told = 0;
    decode->like.text = STR_EMPTY;
}

void decode_like_keep(struct decode *decode, struct str data)
{
    struct decode_like *like = &decode->like;
    if (like->told != 1 || like->text.len == 0) {
        return;
    }
    struct str json = { like->text.ptr - 1, like->text.len + 2 };
    bool inside = json.ptr >= data.ptr && json.len < data.len &&
                  (size_t)(json.ptr - data.ptr) <= data.len - json.len; /* it may lie in scratch */
    bool wanted = like->channel == EVENT_CONTENT || like->channel == EVENT_THOUGHT ||
                  like->channel == EVENT_ARGS;
    if (!inside || !wanted || data.len - json.len > DECODE_LIKE_MAX) {
        return;
    }
    if (like->around == NULL) {
        like->around = arena_alloc(decode->arena, DECODE_LIKE_MAX);
    }
    if (like->around == NULL) {
        return; /* then each is read */
    }
    like->at = (size_t)(json.ptr - data.ptr);
    like->len = data.len - json.len;
    memcpy(like->around, data.ptr, like->at);
    memcpy(like->around + like->at, json.ptr + json.len, like->len - like->at);
}

bool decode_like_find(const struct decode *decode, struct str data, struct str *ret_text)
{
    const struct decode_like *like = &decode->like;
    struct str around = { like->around, like->len };
    if (like->len == 0 || data.len <= like->len ||
        !str_starts(data, str_slice(around, 0, like->at)) ||
        !str_ends(data, str_from_at(around, like->at))) {
        return false;
    }
    struct str json = str_slice(data, like->at, like->at + (data.len - like->len));
    if (json.len <= 2 || json_string_len(json) != json.len) {
        return false;
    }
    *ret_text = json_inside(json);
    return true;
}

enum err decode_like_tell(struct decode *decode, struct str text)
{
    const struct decode_like *like = &decode->like;
    return decode_tell(decode, like->choice, like->item, like->channel, 0, text);
}

/* ---- looking ------------------------------------------------------------------------------ */

struct decode_item *decode_open_item(const struct decode_choice *choice, enum event_item kind)
{
    for (struct decode_item *item = choice->items; item != NULL; item = item->next) {
        if (item->open && item->kind == kind) {
            return item;
        }
    }
    return NULL;
}

struct decode_item *decode_item_at(const struct decode_choice *choice, int64_t key)
{
    for (struct decode_item *item = choice->items; item != NULL; item = item->next) {
        if (item->key == key) {
            return item;
        }
    }
    return NULL;
}

enum err decode_as_text(struct decode *decode, struct str json, struct str *ret_text)
{
    buf_reset(&decode->scratch);
    struct put put = { &decode->scratch, ERR_OK };
    put_quoted(&put, json);
    if (put.err != ERR_OK) {
        return put.err == ERR_LIMIT ? ERR_UPSTREAM_SIZE : put.err;
    }
    *ret_text = json_inside(buf_str(&decode->scratch));
    return ERR_OK;
}

enum err decode_object(struct str text)
{
    struct json_fault fault;
    enum err err = json_check(text, &fault);
    bool object = err == ERR_OK && json_kind(json_trim(text)) == JSON_OBJECT;
    return object ? ERR_OK : ERR_UPSTREAM_SYNTAX;
}

void decode_member_take(const struct decode_member *wanted, size_t count,
                        const struct json_member *member)
{
    for (size_t i = 0; i < count; i++) {
        if (json_key_is(member->key, wanted[i].name)) {
            *wanted[i].value = member->value;
            return;
        }
    }
}
