/*
 * Anthropic Messages to a client. One block is open at a time: the client's reader takes deltas by
 * index, but shows blocks in turn. An item that opens while another is open waits; what is told of
 * it meanwhile is kept, and follows when the one before it has closed.
 */
#include "dialect/encode_internal.h"

static struct str anthropic_stop_name(enum event_finish reason, bool refused)
{
    static const struct str names[] = {
        [EVENT_STOP] = STR_INIT("end_turn"),
        [EVENT_STOP_TEXT] = STR_INIT("stop_sequence"),
        [EVENT_LENGTH] = STR_INIT("max_tokens"),
        [EVENT_CONTEXT] = STR_INIT("model_context_window_exceeded"),
        [EVENT_CALLS] = STR_INIT("tool_use"),
        [EVENT_FILTER] = STR_INIT("refusal"),
        [EVENT_PAUSE] = STR_INIT("pause_turn"),
        [EVENT_BAD_TOOL] = STR_INIT("end_turn"),
    };
    _Static_assert(EP_ARRAY_LEN(names) == EVENT_FINISHES, "a name each");
    return reason == EVENT_STOP && refused ? STR("refusal") : names[reason];
}

static void anthropic_put_stop(struct put *put, enum event_finish reason, bool refused,
                               struct str stop_text)
{
    PUT(put, "\"stop_reason\":\"");
    put_str(put, anthropic_stop_name(reason, refused));
    PUT(put, "\",\"stop_sequence\":");
    put_text_or_null(put, stop_text);
    PUT(put, ",\"stop_details\":null,\"container\":null");
}

/* ---- a stream ----------------------------------------------------------------------------- */

static void anthropic_event(struct put *put, struct str name)
{
    PUT(put, "event: ");
    put_str(put, name);
    PUT(put, "\ndata: {\"type\":\"");
    put_str(put, name);
    PUT(put, "\"");
}

static enum err anthropic_on_begin(struct encode *encode, struct put *put)
{
    anthropic_event(put, STR("message_start"));
    PUT(put, ",\"message\":{\"id\":");
    encode_answer_id(put, encode->options, "msg_", encode->begin.id);
    PUT(put, ",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    put_text(put, encode_model(encode->options, &encode->begin));
    PUT(put, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"stop_details\":null,"
             "\"container\":null,\"usage\":{\"input_tokens\":");
    put_int(put, encode->options->input_tokens);
    /* All but how cache writes are to last is overwritten at the end by the vendor's reader. */
    PUT(put, ",\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
             "\"cache_creation\":null,\"output_tokens\":0,\"output_tokens_details\":"
             "{\"thinking_tokens\":0},\"server_tool_use\":null,\"service_tier\":null,"
             "\"inference_geo\":null,\"speed\":null}}}\n\n");
    return put->err;
}

static void anthropic_start(struct encode *encode, struct put *put, struct encode_item *item,
                            struct str blob)
{
    item->started = true;
    item->number = encode->count++;
    anthropic_event(put, STR("content_block_start"));
    PUT(put, ",\"index\":");
    put_int(put, item->number);
    PUT(put, ",\"content_block\":");
    if (item->open.kind == EVENT_TOOL) {
        PUT(put, "{\"type\":\"tool_use\",\"id\":");
        encode_call_id(put, encode->options, item->open.call_id, item->choice, item->item);
        PUT(put, ",\"name\":");
        put_text(put, item->open.name);
        PUT(put, ",\"input\":{}}");
    } else if (item->open.kind == EVENT_HOSTED) {
        put_str(put, item->open.json);
    } else if (item->open.redacted) {
        PUT(put, "{\"type\":\"redacted_thinking\",\"data\":\"");
        put_str(put, carry_sig_mark(encode->begin.source, DIALECT_ANTHROPIC));
        put_str(put, blob);
        PUT(put, "\"}");
    } else if (item->open.kind == EVENT_REASON) {
        PUT(put, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
    } else {
        PUT(put, "{\"type\":\"text\",\"text\":\"\"}");
    }
    PUT(put, "}\n\n");
}

static void anthropic_open_delta(struct put *put, const struct encode_item *item, struct str type,
                                 struct str member)
{
    anthropic_event(put, STR("content_block_delta"));
    PUT(put, ",\"index\":");
    put_int(put, item->number);
    PUT(put, ",\"delta\":{\"type\":\"");
    put_str(put, type);
    PUT(put, "\",\"");
    put_str(put, member);
    PUT(put, "\":");
}

static void anthropic_put_text(struct put *put, const struct encode_item *item, struct str type,
                               struct str member, struct str text)
{
    anthropic_open_delta(put, item, type, member);
    put_text(put, text);
    PUT(put, "}}\n\n");
}

/* A piece of the open block. */
static void anthropic_tell(struct encode *encode, struct put *put, struct encode_item *item,
                           enum event_channel channel, struct str text)
{
    switch (channel) {
    case EVENT_CONTENT:
        anthropic_put_text(put, item, STR("text_delta"), STR("text"), text);
        return;
    case EVENT_ARGS:
        anthropic_put_text(put, item, STR("input_json_delta"), STR("partial_json"), text);
        return;
    case EVENT_SUMMARY:
    case EVENT_THOUGHT:
        anthropic_put_text(put, item, STR("thinking_delta"), STR("thinking"), text);
        return;
    case EVENT_BLOB:
        anthropic_start(encode, put, item, text); /* what is told in cipher is told at the start */
        return;
    case EVENT_SIGNATURE: /* told at the block's end */
    case EVENT_SOUND:     /* of items that are dropped */
    case EVENT_TRANSCRIPT:
        return;
    }
}

/* The item's turn: what waited of it is told. */
static void anthropic_begin_item(struct encode *encode, struct put *put, struct encode_item *item)
{
    encode->active = item;
    if (!item->open.redacted) {
        anthropic_start(encode, put, item, STR_EMPTY);
    }
    for (struct encode_pending *piece = item->pending; piece != NULL; piece = piece->next) {
        struct str text;
        if (put->err == ERR_OK && !rope_join(&piece->text, encode->arena, &text)) {
            put->err = ERR_NO_MEMORY;
        }
        if (put->err == ERR_OK) {
            encode->waiting -= text.len;
            anthropic_tell(encode, put, item, piece->channel, text);
        }
    }
    item->pending = NULL;
    item->pending_end = NULL;
}

static void anthropic_stop_item(struct encode *encode, struct put *put, struct encode_item *item)
{
    if (item->open.redacted && !item->started) {
        anthropic_start(encode, put, item, STR_EMPTY);
    }
    if (item->open.kind == EVENT_REASON && !item->open.redacted) {
        /* Also where nobody signed it: the client must be able to bring it back all the same. */
        struct str signature = STR_EMPTY;
        if (put->err == ERR_OK) {
            put->err = encode_signature(encode, item, &signature);
        }
        anthropic_open_delta(put, item, STR("signature_delta"), STR("signature"));
        PUT(put, "\"");
        put_str(put, carry_sig_mark(encode->begin.source, DIALECT_ANTHROPIC));
        put_str(put, signature);
        PUT(put, "\"}}\n\n");
    }
    anthropic_event(put, STR("content_block_stop"));
    PUT(put, ",\"index\":");
    put_int(put, item->number);
    PUT(put, "}\n\n");
    encode->active = NULL;
}

/* Items whose turn it is, in the order in which they opened. */
static void anthropic_advance(struct encode *encode, struct put *put)
{
    for (struct encode_item *item = encode->items; item != NULL && encode->active == NULL;
         item = item->next) {
        if (item->dropped || item->started) {
            continue;
        }
        anthropic_begin_item(encode, put, item);
        if (item->closed) {
            anthropic_stop_item(encode, put, item);
        }
    }
}

static enum err anthropic_on_open(struct encode *encode, struct put *put, const struct event *event)
{
    struct encode_item *item;
    TRY(encode_item_add(encode, event, &item));
    item->dropped =
        encode_drops(DIALECT_ANTHROPIC, &encode->begin, event->choice, &event->open, &encode->lost);
    encode->refused |= event->open.kind == EVENT_REFUSAL && !item->dropped;
    if (!item->dropped && encode->active == NULL) {
        anthropic_begin_item(encode, put, item);
    }
    return put->err;
}

/* It is not the item's turn: the piece is kept. */
static enum err anthropic_keep(struct encode *encode, struct encode_item *item,
                               enum event_channel channel, struct str text)
{
    struct encode_pending *last = item->pending_end;
    if (last == NULL || last->channel != channel) {
        struct encode_pending *piece = arena_zalloc(encode->arena, sizeof(*piece));
        if (piece == NULL) {
            return ERR_NO_MEMORY;
        }
        piece->channel = channel;
        if (last == NULL) {
            item->pending = piece;
        } else {
            last->next = piece;
        }
        item->pending_end = piece;
    }
    return encode_keep(encode, &item->pending_end->text, text);
}

static enum err anthropic_say(struct encode *encode, struct put *put, struct encode_item *item,
                              enum event_channel channel, struct str text)
{
    if (encode->active != item) {
        return anthropic_keep(encode, item, channel, text);
    }
    anthropic_tell(encode, put, item, channel, text);
    return put->err;
}

static enum err anthropic_on_delta(struct encode *encode, struct put *put,
                                   const struct event *event)
{
    struct encode_item *item = encode_item_of(encode, event);
    enum event_channel channel = event->delta.channel;
    if (item->dropped) {
        return ERR_OK;
    }
    if (channel == EVENT_SIGNATURE && item->open.kind != EVENT_REASON) {
        lost_add(&encode->lost, LOST_BIT_SIGNATURE);
        return ERR_OK;
    }
    if (channel == EVENT_SIGNATURE) {
        return encode_keep(encode, &item->signature, event->delta.text);
    }
    if (channel == EVENT_SUMMARY || channel == EVENT_THOUGHT) {
        struct str between = encode_between(item, event);
        TRY(between.len > 0 ? anthropic_say(encode, put, item, channel, between) : ERR_OK);
    }
    return anthropic_say(encode, put, item, channel, event->delta.text);
}

static enum err anthropic_on_note(struct encode *encode, struct put *put, const struct event *event)
{
    const struct encode_item *item = encode_item_of(encode, event);
    bool takes =
        encode_takes_note(encode->begin.source, DIALECT_ANTHROPIC, event->note.kind, &encode->lost);
    if (!takes || encode->active != item) { /* one of this dialect is never out of turn */
        return ERR_OK;
    }
    anthropic_open_delta(put, item, STR("citations_delta"), STR("citation"));
    put_str(put, event->note.json);
    PUT(put, "}}\n\n");
    return put->err;
}

static enum err anthropic_on_close(struct encode *encode, struct put *put,
                                   const struct event *event)
{
    struct encode_item *item = encode_item_of(encode, event);
    item->closed = true;
    if (encode->active == item) {
        anthropic_stop_item(encode, put, item);
        anthropic_advance(encode, put);
    }
    return put->err;
}

/* Usage may be told behind the finish, so both wait for the end. */
static enum err anthropic_on_end(struct encode *encode, struct put *put)
{
    const struct event_tokens tokens = encode_tokens(encode);
    anthropic_event(put, STR("message_delta"));
    PUT(put, ",\"delta\":{");
    anthropic_put_stop(put, encode->reason, encode->refused, encode->stop_text);
    PUT(put, "},\"usage\":");
    tokens_write(put, DIALECT_ANTHROPIC, &tokens);
    PUT(put, "}\n\n");
    anthropic_event(put, STR("message_stop"));
    PUT(put, "}\n\n");
    return put->err;
}

enum err encode_anthropic_take(struct encode *encode, const struct event *event)
{
    struct put put = { encode->out, ERR_OK };
    switch (event->kind) {
    case EVENT_BEGIN:
        return anthropic_on_begin(encode, &put);
    case EVENT_OPEN:
        return anthropic_on_open(encode, &put, event);
    case EVENT_DELTA:
        return anthropic_on_delta(encode, &put, event);
    case EVENT_NOTE:
        return anthropic_on_note(encode, &put, event);
    case EVENT_CLOSE:
        return anthropic_on_close(encode, &put, event);
    case EVENT_PING:
        PUT(&put, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
        return put.err;
    case EVENT_END:
        return anthropic_on_end(encode, &put);
    case EVENT_ERROR:
        return refusal_event(encode->out, DIALECT_ANTHROPIC, &event->error, STR_EMPTY);
    case EVENT_FINISH:
    case EVENT_USAGE:
    case EVENT_RAW:
        return ERR_OK;
    }
    return ERR_INTERNAL;
}

/* ---- a whole answer ----------------------------------------------------------------------- */

static void anthropic_put_tool(struct encode_whole *whole, const struct fold_item *item)
{
    struct put *put = &whole->put;
    struct str args = STR_EMPTY;
    struct str text = encode_said(whole, item, EVENT_ARGS);
    if (put->err == ERR_OK) {
        put->err = encode_args(whole->fold->arena, text, &args);
    }
    if (args.len == 0) {
        lost_add(whole->lost, LOST_BIT_TOOL_ARGS);
        args = STR("{}");
    }
    PUT(put, "{\"type\":\"tool_use\",\"id\":");
    encode_call_id(put, whole->options, item->open.call_id, 0, item->item);
    PUT(put, ",\"name\":");
    put_text(put, item->open.name);
    PUT(put, ",\"input\":");
    put_str(put, args);
    PUT(put, "}");
}

static void anthropic_put_thinking(struct encode_whole *whole, const struct fold_item *item)
{
    struct put *put = &whole->put;
    enum dialect source = whole->fold->begin.source;
    put_str(put, item->open.redacted ? STR("{\"type\":\"redacted_thinking\",\"data\":\"")
                                     : STR("{\"type\":\"thinking\",\"thinking\":\""));
    if (!item->open.redacted) {
        encode_thoughts(whole, item);
        PUT(put, "\",\"signature\":\"");
    }
    put_str(put, carry_sig_mark(source, DIALECT_ANTHROPIC));
    put_str(put, encode_said(whole, item, item->open.redacted ? EVENT_BLOB : EVENT_SIGNATURE));
    PUT(put, "\"}");
}

static void anthropic_put_said(struct encode_whole *whole, const struct fold_item *item)
{
    bool any = false;
    PUT(&whole->put, "{\"type\":\"text\",\"text\":");
    put_text(&whole->put, encode_said(whole, item, EVENT_CONTENT));
    for (const struct fold_note *note = item->notes; note != NULL; note = note->next) {
        if (encode_takes_note(whole->fold->begin.source, DIALECT_ANTHROPIC, note->kind,
                              whole->lost)) {
            put_str(&whole->put, any ? STR(",") : STR(",\"citations\":["));
            put_str(&whole->put, note->json);
            any = true;
        }
    }
    put_str(&whole->put, any ? STR("]}") : STR("}")); /* strict readers take no null there */
}

static void anthropic_put_item(struct encode_whole *whole, const struct fold_item *item)
{
    if (item->open.kind != EVENT_REASON && encode_said(whole, item, EVENT_SIGNATURE).len > 0) {
        lost_add(whole->lost, LOST_BIT_SIGNATURE);
    }
    switch (item->open.kind) {
    case EVENT_TOOL:
        anthropic_put_tool(whole, item);
        return;
    case EVENT_REASON:
        anthropic_put_thinking(whole, item);
        return;
    case EVENT_HOSTED:
        put_str(&whole->put, item->open.json);
        return;
    case EVENT_TEXT:
    case EVENT_REFUSAL:
    case EVENT_CUSTOM_TOOL:
    case EVENT_AUDIO:
    case EVENT_IMAGE:
        anthropic_put_said(whole, item);
        return;
    }
}

void encode_anthropic_body(struct encode_whole *whole)
{
    struct put *put = &whole->put;
    const struct fold *fold = whole->fold;
    const struct fold_choice *choice = fold->choices;
    bool refused = false;
    bool more = false;
    ASSERT(choice != NULL);
    PUT(put, "{\"id\":");
    encode_answer_id(put, whole->options, "msg_", fold->begin.id);
    PUT(put, ",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    put_text(put, encode_model(whole->options, &fold->begin));
    PUT(put, ",\"content\":[");
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        if (!encode_drops(DIALECT_ANTHROPIC, &fold->begin, choice->index, &item->open,
                          whole->lost)) {
            put_str(put, more ? STR(",") : STR_EMPTY);
            anthropic_put_item(whole, item);
            refused |= item->open.kind == EVENT_REFUSAL;
            more = true;
        }
    }
    if (choice->next != NULL) {
        lost_add(whole->lost, LOST_BIT_CHOICES);
    }
    PUT(put, "],");
    anthropic_put_stop(put, choice->reason, refused, choice->stop_text);
    PUT(put, ",\"usage\":");
    tokens_write(put, DIALECT_ANTHROPIC, &fold->tokens);
    PUT(put, "}");
}
