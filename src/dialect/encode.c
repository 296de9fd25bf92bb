#include "dialect/encode_internal.h"

void encode_init(struct encode *encode, const struct encode_options *options, struct arena *arena,
                 struct buf *out)
{
    ASSERT(options->dialect < DIALECT_COUNT);
    ASSERT(options->waiting_max > 0 || options->dialect == DIALECT_RESPONSES);
    *encode = (struct encode){ .options = options, .arena = arena, .out = out };
    fold_init(&encode->fold, arena);
}

static enum err encode_copy(struct arena *arena, struct str *text)
{
    return arena_copy(arena, *text, text) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err encode_begin(struct encode *encode, const struct event_begin *begin)
{
    struct event_begin *kept = &encode->begin;
    *kept = *begin;
    TRY(encode_copy(encode->arena, &kept->id));
    TRY(encode_copy(encode->arena, &kept->model));
    TRY(encode_copy(encode->arena, &kept->fingerprint));
    TRY(encode_copy(encode->arena, &kept->tier));
    if (begin->fingerprint.len > 0 && encode->options->dialect != DIALECT_CHAT) {
        lost_add(&encode->lost, LOST_BIT_FINGERPRINT);
    }
    return ERR_OK;
}

/* What is kept of any event, whatever the target. */
static enum err encode_note_event(struct encode *encode, const struct event *event)
{
    if (event->kind == EVENT_BEGIN) {
        return encode_begin(encode, &event->begin);
    }
    if (event->kind == EVENT_USAGE) {
        encode->has_usage = true;
        encode->tokens = event->usage.tokens;
    } else if (event->kind == EVENT_FINISH && event->choice == 0) {
        encode->reason = event->finish.reason;
        encode->stop_text = event->finish.stop_text;
        return encode_copy(encode->arena, &encode->stop_text);
    } else if (event->kind == EVENT_RAW) {
        lost_add(&encode->lost, LOST_BIT_RAW);
    }
    return ERR_OK;
}

/* JSON on one line: an event has no more. Within a string there is no line's end. */
static bool encode_on_a_line(struct arena *arena, struct str *json)
{
    size_t at = str_find(*json, '\n');
    at = at < json->len ? at : str_find(*json, '\r');
    if (at == json->len) {
        return true;
    }
    char *line = arena_alloc(arena, json->len);
    for (size_t i = 0; line != NULL && i < json->len; i++) {
        line[i] = json->ptr[i] == '\n' || json->ptr[i] == '\r' ? ' ' : json->ptr[i];
    }
    json->ptr = line;
    return line != NULL;
}

/* What is passed on as the upstream has written it may have been told on several lines. */
static enum err encode_flatten(struct encode *encode, const struct event *event,
                               struct event *ret_flat)
{
    bool open = event->kind == EVENT_OPEN;
    if (!open && event->kind != EVENT_NOTE) {
        return ERR_OK;
    }
    *ret_flat = *event;
    struct str *json = open ? &ret_flat->open.json : &ret_flat->note.json;
    return encode_on_a_line(encode->arena, json) ? ERR_OK : ERR_NO_MEMORY;
}

enum err encode_take(void *encode, const struct event *event)
{
    struct encode *into = encode;
    struct event flat = { .kind = EVENT_PING };
    TRY(encode_flatten(into, event, &flat));
    event = flat.kind == EVENT_PING ? event : &flat;
    TRY(encode_note_event(into, event));
    switch (into->options->dialect) {
    case DIALECT_CHAT:
        return encode_chat_take(into, event);
    case DIALECT_RESPONSES:
        return encode_responses_take(into, event);
    case DIALECT_ANTHROPIC:
        return encode_anthropic_take(into, event);
    case DIALECT_GEMINI:
        return encode_gemini_take(into, event);
    case DIALECT_COUNT:
        break;
    }
    return ERR_INTERNAL;
}

enum err encode_body(const struct encode_options *options, struct fold *fold, struct buf *out,
                     struct lost *lost)
{
    ASSERT(fold->ended);
    struct encode_whole whole = {
        .options = options, .fold = fold, .put = { out, ERR_OK }, .lost = lost
    };
    if (fold->begin.fingerprint.len > 0 && options->dialect != DIALECT_CHAT) {
        lost_add(lost, LOST_BIT_FINGERPRINT);
    }
    switch (options->dialect) {
    case DIALECT_CHAT:
        encode_chat_body(&whole);
        break;
    case DIALECT_RESPONSES:
        encode_responses_body(&whole);
        break;
    case DIALECT_ANTHROPIC:
        encode_anthropic_body(&whole);
        break;
    case DIALECT_GEMINI:
        encode_gemini_body(&whole);
        break;
    case DIALECT_COUNT:
        break;
    }
    return whole.put.err;
}

/* ---- shared ------------------------------------------------------------------------------- */

enum err encode_choice_at(struct encode *encode, uint32_t index, struct encode_choice **ret_choice)
{
    struct encode_choice **link = &encode->choices;
    while (*link != NULL && (*link)->index != index) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        *link = arena_zalloc(encode->arena, sizeof(**link));
        if (*link == NULL) {
            return ERR_NO_MEMORY;
        }
        (*link)->index = index;
    }
    *ret_choice = *link;
    return ERR_OK;
}

enum err encode_item_add(struct encode *encode, const struct event *event,
                         struct encode_item **ret_item)
{
    struct encode_item *item = arena_zalloc(encode->arena, sizeof(*item));
    if (item == NULL) {
        return ERR_NO_MEMORY;
    }
    item->choice = event->choice;
    item->item = event->item;
    item->open = event->open;
    TRY(encode_copy(encode->arena, &item->open.id));
    TRY(encode_copy(encode->arena, &item->open.call_id));
    TRY(encode_copy(encode->arena, &item->open.name));
    TRY(encode_copy(encode->arena, &item->open.space));
    TRY(encode_copy(encode->arena, &item->open.phase));
    TRY(encode_copy(encode->arena, &item->open.json));
    if (encode->items_end == NULL) {
        encode->items = item;
    } else {
        encode->items_end->next = item;
    }
    encode->items_end = item;
    encode->current = item;
    *ret_item = item;
    return ERR_OK;
}

struct encode_item *encode_item_of(struct encode *encode, const struct event *event)
{
    struct encode_item *item = encode->current;
    if (item == NULL || item->choice != event->choice || item->item != event->item) {
        item = encode->items;
        while (item != NULL && (item->choice != event->choice || item->item != event->item)) {
            item = item->next;
        }
        ASSERT(item != NULL);
        encode->current = item;
    }
    return item;
}

enum err encode_keep(struct encode *encode, struct rope *rope, struct str text)
{
    if (text.len > encode->options->waiting_max - encode->waiting) {
        return ERR_UPSTREAM_SIZE;
    }
    encode->waiting += text.len;
    return rope_append(rope, encode->arena, text) ? ERR_OK : ERR_NO_MEMORY;
}

enum err encode_signature(struct encode *encode, struct encode_item *item, struct str *ret_text)
{
    if (!rope_join(&item->signature, encode->arena, ret_text)) {
        return ERR_NO_MEMORY;
    }
    encode->waiting -= ret_text->len;
    return ERR_OK;
}

void encode_call_id(struct put *put, const struct encode_options *options, struct str call_id,
                    uint32_t choice, uint32_t item)
{
    PUT(put, "\"");
    if (call_id.len > 0) {
        carry_id_write(put, options->dialect, call_id);
    } else {
        put_str(put, options->dialect == DIALECT_ANTHROPIC ? STR("toolu_") : STR("call_"));
        put_str(put, options->call);
        PUT(put, "_");
        put_int(put, item);
        if (choice > 0) {
            PUT(put, "_");
            put_int(put, choice);
        }
    }
    PUT(put, "\"");
}

void encode_answer_id(struct put *put, const struct encode_options *options, const char *prefix,
                      struct str upstream_id)
{
    if (options->call.len == 0) {
        put_text(put, upstream_id);
        return;
    }
    PUT(put, "\"");
    put_str(put, str_from(prefix));
    put_str(put, options->call);
    PUT(put, "\"");
}

struct str encode_model(const struct encode_options *options, const struct event_begin *begin)
{
    return options->model.len > 0 ? options->model : begin->model;
}

int64_t encode_created(const struct encode_options *options, const struct event_begin *begin)
{
    return begin->created_s > 0 ? begin->created_s : options->created_s;
}

enum err encode_args(struct arena *arena, struct str text, struct str *ret_json)
{
    struct json_fault fault;
    struct str json;
    if (!text_decode(text, arena, &json)) {
        return ERR_NO_MEMORY;
    }
    json = json_trim(json);
    if (!encode_on_a_line(arena, &json)) {
        return ERR_NO_MEMORY;
    }
    if (json.len == 0) {
        json = STR("{}"); /* a call without arguments */
    } else if (json_check(json, &fault) != ERR_OK || json_kind(json) != JSON_OBJECT) {
        json = STR_EMPTY;
    }
    *ret_json = json;
    return ERR_OK;
}

bool encode_takes_note(enum dialect source, enum dialect target, enum event_note kind,
                       struct lost *lost)
{
    static const enum lost_bit bits[] = {
        [EVENT_CITATION] = LOST_BIT_CITATIONS,
        [EVENT_ANNOTATION] = LOST_BIT_CITATIONS,
        [EVENT_LOGPROBS] = LOST_BIT_LOGPROBS,
        [EVENT_SAFETY] = LOST_BIT_SAFETY,
    };
    if (source == target) {
        return true; /* no two dialects have the same form of any of them */
    }
    lost_add(lost, bits[kind]);
    return false;
}

void encode_note_open(enum dialect target, const struct event_open *open, struct lost *lost)
{
    if (open->space.len > 0 && target != DIALECT_RESPONSES) {
        lost_add(lost, LOST_BIT_NAMESPACE);
    }
    if (open->phase.len > 0 && target != DIALECT_RESPONSES) {
        lost_add(lost, LOST_BIT_PHASE);
    }
}

bool encode_drops(enum dialect target, const struct event_begin *begin, uint32_t choice,
                  const struct event_open *open, struct lost *lost)
{
    static const struct {
        enum lost_bit bit;
        bool taken[DIALECT_COUNT];
    } kinds[] = {
        [EVENT_TEXT] = { LOST_COUNT, { true, true, true, true } },
        [EVENT_REFUSAL] = { LOST_BIT_REFUSAL, { true, true, true, true } },
        [EVENT_REASON] = { LOST_COUNT, { true, true, true, true } },
        [EVENT_TOOL] = { LOST_COUNT, { true, true, true, true } },
        [EVENT_CUSTOM_TOOL] = { LOST_BIT_CUSTOM_TOOL, { true, true, false, false } },
        [EVENT_AUDIO] = { LOST_BIT_AUDIO, { true, false, false, false } },
        [EVENT_IMAGE] = { LOST_BIT_IMAGE, { true, false, false, true } },
        [EVENT_HOSTED] = { LOST_BIT_HOSTED, { false, false, true, true } },
    };
    bool one = target == DIALECT_RESPONSES || target == DIALECT_ANTHROPIC;
    if (one && choice > 0) {
        lost_add(lost, LOST_BIT_CHOICES);
        return true;
    }
    encode_note_open(target, open, lost);
    if (open->kind == EVENT_REFUSAL && (target == DIALECT_ANTHROPIC || target == DIALECT_GEMINI)) {
        lost_add(lost, LOST_BIT_REFUSAL);
    }
    bool taken = kinds[open->kind].taken[target];
    /* What a vendor's own tools did has a form of its own everywhere; sound has, but for Chat. */
    taken = open->kind == EVENT_HOSTED ? taken && begin->source == target : taken;
    taken = open->kind == EVENT_AUDIO && target == DIALECT_GEMINI ? begin->source == target : taken;
    if (!taken) {
        lost_add(lost, kinds[open->kind].bit);
    }
    return !taken;
}

struct event_tokens encode_tokens(const struct encode *encode)
{
    struct event_tokens tokens = encode->tokens;
    if (!encode->has_usage) {
        tokens.of[TOKENS_IN] = encode->options->input_tokens;
    }
    return tokens;
}

struct str encode_between(struct encode_item *item, const struct event *event)
{
    /* Thoughts are a part of their own beside the summaries. */
    uint32_t part = event->delta.channel == EVENT_THOUGHT ? UINT32_MAX : event->delta.part;
    bool next = item->told_part && item->part != part;
    item->told_part = true;
    item->part = part;
    return next ? STR("\\n\\n") : STR_EMPTY;
}

struct str encode_said(struct encode_whole *whole, const struct fold_item *item,
                       enum event_channel kind)
{
    struct str text = STR_EMPTY;
    if (whole->put.err == ERR_OK) {
        whole->put.err = fold_text(whole->fold, item, kind, &text);
    }
    return whole->put.err == ERR_OK ? text : STR_EMPTY;
}

void encode_thoughts(struct encode_whole *whole, const struct fold_item *item)
{
    bool more = false;
    for (struct fold_channel *channel = item->channels; channel != NULL; channel = channel->next) {
        struct str text = STR_EMPTY;
        if (channel->kind != EVENT_SUMMARY && channel->kind != EVENT_THOUGHT) {
            continue;
        }
        if (whole->put.err == ERR_OK) {
            whole->put.err = fold_join(whole->fold, channel, &text);
        }
        put_str(&whole->put, more ? STR("\\n\\n") : STR_EMPTY);
        put_str(&whole->put, text);
        more = true;
    }
}
