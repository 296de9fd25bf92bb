/*
 * Google Gemini to a client: "data:" alone and nothing behind the last chunk. A call leaves when
 * its arguments are whole; the end's chunk holds every candidate's reason and the usage.
 */
#include "dialect/encode_internal.h"

static struct str gemini_finish_name(enum event_finish reason, bool refused)
{
    static const struct str names[] = {
        [EVENT_STOP] = STR_INIT("STOP"),
        [EVENT_STOP_TEXT] = STR_INIT("STOP"),
        [EVENT_LENGTH] = STR_INIT("MAX_TOKENS"),
        [EVENT_CONTEXT] = STR_INIT("MAX_TOKENS"),
        [EVENT_CALLS] = STR_INIT("STOP"),
        [EVENT_FILTER] = STR_INIT("SAFETY"),
        [EVENT_PAUSE] = STR_INIT("CONTINUATION"),
        [EVENT_BAD_TOOL] = STR_INIT("MALFORMED_FUNCTION_CALL"),
    };
    _Static_assert(EP_ARRAY_LEN(names) == EVENT_FINISHES, "a name each");
    return reason == EVENT_STOP && refused ? STR("SAFETY") : names[reason];
}

static void gemini_put_candidate(struct put *put, uint32_t index)
{
    PUT(put, "{\"index\":");
    put_int(put, index);
    PUT(put, ",\"content\":{\"role\":\"model\",\"parts\":[");
}

static void gemini_put_tail(struct put *put, const struct encode_options *options,
                            const struct event_begin *begin)
{
    PUT(put, ",\"modelVersion\":");
    put_text(put, encode_model(options, begin));
    PUT(put, ",\"responseId\":");
    encode_answer_id(put, options, "", begin->id);
    PUT(put, "}");
}

/* A part that the vendor wants back unread goes with its mark. */
static void gemini_put_signature(struct put *put, enum dialect source, struct str signature,
                                 bool thought)
{
    if (signature.len > 0 || (thought && carry_must_mark(source, DIALECT_GEMINI))) {
        PUT(put, ",\"thoughtSignature\":\"");
        put_str(put, carry_sig_mark(source, DIALECT_GEMINI));
        put_str(put, signature);
        PUT(put, "\"");
    }
}

static void gemini_put_text(struct put *put, struct str text, bool thought, enum dialect source,
                            struct str signature)
{
    PUT(put, "{\"text\":");
    put_text(put, text);
    put_str(put, thought ? STR(",\"thought\":true") : STR_EMPTY);
    gemini_put_signature(put, source, signature, thought);
    PUT(put, "}");
}

static void gemini_put_data(struct put *put, struct str media, struct str data)
{
    PUT(put, "{\"inlineData\":{\"mimeType\":");
    put_text(put, media.len > 0 ? media : STR("image/png"));
    PUT(put, ",\"data\":");
    put_text(put, data);
    PUT(put, "}}");
}

static void gemini_put_call(struct put *put, const struct event_open *open, struct str args,
                            enum dialect source, struct str signature)
{
    PUT(put, "{\"functionCall\":{");
    if (open->call_id.len > 0) {
        PUT(put, "\"id\":\"");
        carry_id_write(put, DIALECT_GEMINI, open->call_id);
        PUT(put, "\",");
    }
    PUT(put, "\"name\":");
    put_text(put, open->name);
    PUT(put, ",\"args\":");
    put_str(put, args);
    PUT(put, "}");
    gemini_put_signature(put, source, signature, false);
    PUT(put, "}");
}

/* ---- a stream ----------------------------------------------------------------------------- */

static void gemini_open_chunk(struct put *put, uint32_t choice)
{
    PUT(put, "data: {\"candidates\":[");
    gemini_put_candidate(put, choice);
}

static void gemini_close_chunk(struct encode *encode, struct put *put)
{
    PUT(put, "]}}]");
    gemini_put_tail(put, encode->options, &encode->begin);
    PUT(put, "\n\n");
}

static enum err gemini_on_open(struct encode *encode, struct put *put, const struct event *event)
{
    struct encode_item *item;
    struct encode_choice *choice;
    TRY(encode_item_add(encode, event, &item));
    TRY(encode_choice_at(encode, event->choice, &choice));
    item->dropped =
        encode_drops(DIALECT_GEMINI, &encode->begin, event->choice, &event->open, &encode->lost);
    choice->refused |= event->open.kind == EVENT_REFUSAL;
    if (event->open.kind == EVENT_TOOL && choice->signature.len > 0) {
        TRY(encode_keep(encode, &item->signature, choice->signature));
        choice->signature = STR_EMPTY;
    }
    if (!item->dropped && event->open.kind == EVENT_HOSTED) {
        gemini_open_chunk(put, event->choice);
        put_str(put, event->open.json);
        gemini_close_chunk(encode, put);
    }
    return put->err;
}

static enum err gemini_say(struct encode *encode, struct put *put, struct encode_item *item,
                           const struct event *event)
{
    struct str text = event->delta.text;
    bool thought = item->open.kind == EVENT_REASON;
    gemini_open_chunk(put, event->choice);
    if (thought) {
        struct str between = encode_between(item, event);
        PUT(put, "{\"text\":\"");
        put_str(put, between);
        put_str(put, text);
        PUT(put, "\",\"thought\":true}");
    } else if (event->delta.channel == EVENT_CONTENT) {
        gemini_put_text(put, text, false, encode->begin.source, STR_EMPTY);
    } else {
        gemini_put_data(put, item->open.name, text);
    }
    gemini_close_chunk(encode, put);
    return put->err;
}

/* What was told in cipher: of this vendor it is the signature of the call behind it, of another it
 * is a thought without text. */
static enum err gemini_on_cipher(struct encode *encode, struct put *put, const struct event *event)
{
    struct encode_choice *choice;
    TRY(encode_choice_at(encode, event->choice, &choice));
    if (encode->begin.source == DIALECT_GEMINI) {
        return arena_copy(encode->arena, event->delta.text, &choice->signature) ? ERR_OK
                                                                                : ERR_NO_MEMORY;
    }
    gemini_open_chunk(put, event->choice);
    gemini_put_text(put, STR_EMPTY, true, encode->begin.source, event->delta.text);
    gemini_close_chunk(encode, put);
    return put->err;
}

static enum err gemini_on_delta(struct encode *encode, struct put *put, const struct event *event)
{
    struct encode_item *item = encode_item_of(encode, event);
    if (item->dropped) {
        return ERR_OK;
    }
    switch (event->delta.channel) {
    case EVENT_ARGS:
        return encode_keep(encode, &item->args, event->delta.text);
    case EVENT_SIGNATURE:
        return encode_keep(encode, &item->signature, event->delta.text);
    case EVENT_SUMMARY:
        if (event->delta.part > 0) {
            lost_add(&encode->lost, LOST_BIT_REASONING);
        }
        return gemini_say(encode, put, item, event);
    case EVENT_BLOB:
        return item->open.redacted ? gemini_on_cipher(encode, put, event)
                                   : gemini_say(encode, put, item, event);
    case EVENT_CONTENT:
    case EVENT_THOUGHT:
    case EVENT_SOUND:
        return gemini_say(encode, put, item, event);
    case EVENT_TRANSCRIPT:
        lost_add(&encode->lost, LOST_BIT_AUDIO);
        return ERR_OK;
    }
    return ERR_INTERNAL;
}

/* Arguments that are no JSON, because the answer was broken off in them, are no call. */
static enum err gemini_end_call(struct encode *encode, struct put *put, struct encode_item *item)
{
    struct str text;
    struct str args;
    struct str signature;
    item->started = true;
    TRY(encode_signature(encode, item, &signature));
    if (!rope_join(&item->args, encode->arena, &text)) {
        return ERR_NO_MEMORY;
    }
    encode->waiting -= text.len;
    TRY(encode_args(encode->arena, text, &args));
    if (args.len == 0) {
        lost_add(&encode->lost, LOST_BIT_TOOL_ARGS);
        return ERR_OK;
    }
    gemini_open_chunk(put, item->choice);
    gemini_put_call(put, &item->open, args, encode->begin.source, signature);
    gemini_close_chunk(encode, put);
    return put->err;
}

/* Calls leave in the order in which they opened: one that has ended waits for those before it. */
static enum err gemini_end_calls(struct encode *encode, struct put *put, uint32_t choice)
{
    for (struct encode_item *item = encode->items; item != NULL; item = item->next) {
        if (item->dropped || item->started || item->choice != choice ||
            item->open.kind != EVENT_TOOL) {
            continue;
        }
        if (!item->closed) {
            return ERR_OK;
        }
        TRY(gemini_end_call(encode, put, item));
    }
    return ERR_OK;
}

static enum err gemini_on_close(struct encode *encode, struct put *put, const struct event *event)
{
    struct encode_item *item = encode_item_of(encode, event);
    struct str signature;
    item->closed = true;
    if (item->dropped || item->open.redacted) {
        return ERR_OK;
    }
    if (item->open.kind == EVENT_TOOL) {
        return gemini_end_calls(encode, put, item->choice);
    }
    TRY(encode_signature(encode, item, &signature));
    bool thought = item->open.kind == EVENT_REASON;
    if (signature.len > 0 || (thought && carry_must_mark(encode->begin.source, DIALECT_GEMINI))) {
        gemini_open_chunk(put, item->choice);
        gemini_put_text(put, STR_EMPTY, thought, encode->begin.source, signature);
        gemini_close_chunk(encode, put);
    }
    return put->err;
}

static enum err gemini_on_note(struct encode *encode, struct put *put, const struct event *event)
{
    if (!encode_takes_note(encode->begin.source, DIALECT_GEMINI, event->note.kind, &encode->lost)) {
        return ERR_OK;
    }
    gemini_open_chunk(put, event->choice);
    PUT(put, "{\"text\":\"\"}]},\"groundingMetadata\":");
    put_str(put, event->note.json);
    PUT(put, "}]");
    gemini_put_tail(put, encode->options, &encode->begin);
    PUT(put, "\n\n");
    return put->err;
}

static void gemini_note_finish(struct lost *lost, struct str stop_text)
{
    if (stop_text.len > 0) {
        lost_add(lost, LOST_BIT_STOP_TEXT);
    }
}

static enum err gemini_on_finish(struct encode *encode, const struct event *event)
{
    struct encode_choice *choice;
    TRY(encode_choice_at(encode, event->choice, &choice));
    choice->reason = event->finish.reason;
    gemini_note_finish(&encode->lost, event->finish.stop_text);
    return ERR_OK;
}

static enum err gemini_on_end(struct encode *encode, struct put *put)
{
    const struct event_tokens tokens = encode_tokens(encode);
    bool more = false;
    PUT(put, "data: {\"candidates\":[");
    for (const struct encode_choice *choice = encode->choices; choice != NULL;
         choice = choice->next) {
        put_str(put, more ? STR(",") : STR_EMPTY);
        gemini_put_candidate(put, choice->index);
        PUT(put, "{\"text\":\"\"}]},\"finishReason\":\"");
        put_str(put, gemini_finish_name(choice->reason, choice->refused));
        PUT(put, "\"}");
        more = true;
    }
    PUT(put, "],\"usageMetadata\":");
    tokens_write(put, DIALECT_GEMINI, &tokens);
    gemini_put_tail(put, encode->options, &encode->begin);
    PUT(put, "\n\n");
    return put->err;
}

enum err encode_gemini_take(struct encode *encode, const struct event *event)
{
    struct put put = { encode->out, ERR_OK };
    switch (event->kind) {
    case EVENT_OPEN:
        return gemini_on_open(encode, &put, event);
    case EVENT_DELTA:
        return gemini_on_delta(encode, &put, event);
    case EVENT_NOTE:
        return gemini_on_note(encode, &put, event);
    case EVENT_CLOSE:
        return gemini_on_close(encode, &put, event);
    case EVENT_FINISH:
        return gemini_on_finish(encode, event);
    case EVENT_PING:
        PUT(&put, ": ping\n\n");
        return put.err;
    case EVENT_END:
        return gemini_on_end(encode, &put);
    case EVENT_ERROR:
        return refusal_event(encode->out, DIALECT_GEMINI, &event->error, STR_EMPTY);
    case EVENT_BEGIN: /* the first chunk says all of it */
    case EVENT_USAGE:
    case EVENT_RAW:
        return ERR_OK;
    }
    return ERR_INTERNAL;
}

/* ---- a whole answer ----------------------------------------------------------------------- */

static bool gemini_put_item(struct encode_whole *whole, const struct fold_item *item,
                            struct str *pending, bool more)
{
    struct put *put = &whole->put;
    enum dialect source = whole->fold->begin.source;
    struct str signature =
        encode_said(whole, item, item->open.redacted ? EVENT_BLOB : EVENT_SIGNATURE);
    if (item->open.redacted && source == DIALECT_GEMINI) {
        *pending = signature; /* of the call behind it */
        return more;
    }
    if (item->open.kind == EVENT_TOOL && pending->len > 0) {
        signature = *pending;
        *pending = STR_EMPTY;
    }
    struct str args = STR_EMPTY;
    if (item->open.kind == EVENT_TOOL) {
        struct str text = encode_said(whole, item, EVENT_ARGS);
        if (put->err == ERR_OK) {
            put->err = encode_args(whole->fold->arena, text, &args);
        }
        if (args.len == 0) {
            lost_add(whole->lost, LOST_BIT_TOOL_ARGS);
            return more;
        }
    }
    put_str(put, more ? STR(",") : STR_EMPTY);
    switch (item->open.kind) {
    case EVENT_TOOL:
        gemini_put_call(put, &item->open, args, source, signature);
        break;
    case EVENT_REASON:
        PUT(put, "{\"text\":\"");
        encode_thoughts(whole, item);
        PUT(put, "\",\"thought\":true");
        gemini_put_signature(put, source, signature, true);
        PUT(put, "}");
        break;
    case EVENT_IMAGE:
        gemini_put_data(put, item->open.name, encode_said(whole, item, EVENT_BLOB));
        break;
    case EVENT_AUDIO:
        gemini_put_data(put, item->open.name, encode_said(whole, item, EVENT_SOUND));
        break;
    case EVENT_HOSTED:
        put_str(put, item->open.json);
        break;
    case EVENT_TEXT:
    case EVENT_REFUSAL:
    case EVENT_CUSTOM_TOOL:
        gemini_put_text(put, encode_said(whole, item, EVENT_CONTENT), false, source, signature);
        break;
    }
    return true;
}

static void gemini_put_choice(struct encode_whole *whole, const struct fold_choice *choice)
{
    struct put *put = &whole->put;
    const struct event_begin *begin = &whole->fold->begin;
    bool refused = false;
    bool more = false;
    struct str pending = STR_EMPTY;
    gemini_put_candidate(put, choice->index);
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        if (!encode_drops(DIALECT_GEMINI, begin, choice->index, &item->open, whole->lost)) {
            more = gemini_put_item(whole, item, &pending, more);
        }
        refused |= item->open.kind == EVENT_REFUSAL;
    }
    PUT(put, "]},\"finishReason\":\"");
    put_str(put, gemini_finish_name(choice->reason, refused));
    PUT(put, "\"");
    const struct fold_note *grounds = NULL;
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        for (const struct fold_note *note = item->notes; note != NULL; note = note->next) {
            bool takes = encode_takes_note(begin->source, DIALECT_GEMINI, note->kind, whole->lost);
            grounds = takes ? note : grounds; /* the last holds what those before it do */
        }
    }
    if (grounds != NULL) {
        PUT(put, ",\"groundingMetadata\":");
        put_str(put, grounds->json);
    }
    PUT(put, "}");
    gemini_note_finish(whole->lost, choice->stop_text);
}

void encode_gemini_body(struct encode_whole *whole)
{
    struct put *put = &whole->put;
    bool more = false;
    PUT(put, "{\"candidates\":[");
    for (const struct fold_choice *choice = whole->fold->choices; choice != NULL;
         choice = choice->next) {
        put_str(put, more ? STR(",") : STR_EMPTY);
        gemini_put_choice(whole, choice);
        more = true;
    }
    PUT(put, "],\"usageMetadata\":");
    tokens_write(put, DIALECT_GEMINI, &whole->fold->tokens);
    gemini_put_tail(put, whole->options, &whole->fold->begin);
}
