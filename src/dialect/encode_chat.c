/* OpenAI chat completions to a client: chunks of "data:" alone, each with all that SDKs require. */
#include "dialect/encode_internal.h"

static struct str chat_finish_name(enum event_finish reason)
{
    static const struct str names[] = {
        [EVENT_STOP] = STR_INIT("stop"),        [EVENT_STOP_TEXT] = STR_INIT("stop"),
        [EVENT_LENGTH] = STR_INIT("length"),    [EVENT_CONTEXT] = STR_INIT("length"),
        [EVENT_CALLS] = STR_INIT("tool_calls"), [EVENT_FILTER] = STR_INIT("content_filter"),
        [EVENT_PAUSE] = STR_INIT("stop"),       [EVENT_BAD_TOOL] = STR_INIT("stop"),
    };
    _Static_assert(EP_ARRAY_LEN(names) == EVENT_FINISHES, "a name each");
    return names[reason];
}

static void chat_note_finish(struct lost *lost, enum event_finish reason, struct str stop_text)
{
    if (reason == EVENT_PAUSE) {
        lost_add(lost, LOST_BIT_PAUSE);
    }
    if (stop_text.len > 0) {
        lost_add(lost, LOST_BIT_STOP_TEXT);
    }
}

/* What every chunk and every answer begins with. */
static void chat_head(struct put *put, const struct encode_options *options,
                      const struct event_begin *begin, struct str object)
{
    PUT(put, "{\"id\":");
    encode_answer_id(put, options, "chatcmpl-", begin->id);
    PUT(put, ",\"object\":\"");
    put_str(put, object);
    PUT(put, "\",\"created\":");
    put_int(put, encode_created(options, begin));
    PUT(put, ",\"model\":");
    put_text(put, encode_model(options, begin));
    PUT(put, ",\"system_fingerprint\":");
    put_text_or_null(put, begin->fingerprint);
    if (begin->tier.len > 0 && begin->source == DIALECT_CHAT) {
        PUT(put, ",\"service_tier\":");
        put_text(put, begin->tier);
    }
}

/* ---- a stream ----------------------------------------------------------------------------- */

#define CHAT_HEAD_MAX 2048 /* an id, a model's name and words of ours */

static enum err chat_on_begin(struct encode *encode)
{
    struct buf head;
    buf_init(&head, CHAT_HEAD_MAX);
    struct put put = { &head, ERR_OK };
    PUT(&put, "data: ");
    chat_head(&put, encode->options, &encode->begin, STR("chat.completion.chunk"));
    bool copied = put.err == ERR_OK && arena_copy(encode->arena, buf_str(&head), &encode->head);
    buf_fini(&head);
    return copied ? ERR_OK : put.err == ERR_OK ? ERR_NO_MEMORY : put.err;
}

/* A chunk with one choice, up to what its delta holds. */
static void chat_open_chunk(struct encode *encode, struct put *put, uint32_t choice)
{
    put_str(put, encode->head);
    PUT(put, ",\"choices\":[{\"index\":");
    put_int(put, choice);
    PUT(put, ",\"delta\":{");
}

static void chat_end_chunk(struct encode *encode, struct put *put)
{
    put_str(put, encode->options->include_usage ? STR("}],\"usage\":null}\n\n") : STR("}]}\n\n"));
}

static void chat_close_chunk(struct encode *encode, struct put *put)
{
    PUT(put, "},\"logprobs\":null,\"finish_reason\":null");
    chat_end_chunk(encode, put);
}

static enum err chat_tell_role(struct encode *encode, struct put *put, uint32_t index)
{
    struct encode_choice *choice;
    TRY(encode_choice_at(encode, index, &choice));
    if (!choice->role) {
        choice->role = true;
        chat_open_chunk(encode, put, index);
        PUT(put, "\"role\":\"assistant\",\"content\":null,\"refusal\":null");
        chat_close_chunk(encode, put);
    }
    return put->err;
}

static void chat_open_call(struct encode *encode, struct put *put, const struct encode_item *item)
{
    bool custom = item->open.kind == EVENT_CUSTOM_TOOL;
    chat_open_chunk(encode, put, item->choice);
    PUT(put, "\"tool_calls\":[{\"index\":");
    put_int(put, item->number);
    PUT(put, ",\"id\":");
    encode_call_id(put, encode->options, item->open.call_id, item->choice, item->item);
    put_str(put, custom ? STR(",\"type\":\"custom\",\"custom\":{\"name\":")
                        : STR(",\"type\":\"function\",\"function\":{\"name\":"));
    put_text(put, item->open.name);
    put_str(put, custom ? STR(",\"input\":\"\"}}]") : STR(",\"arguments\":\"\"}}]"));
    chat_close_chunk(encode, put);
}

static enum err chat_on_open(struct encode *encode, struct put *put, const struct event *event)
{
    struct encode_item *item;
    struct encode_choice *choice;
    TRY(encode_item_add(encode, event, &item));
    TRY(encode_choice_at(encode, event->choice, &choice));
    TRY(chat_tell_role(encode, put, event->choice));
    if (item->open.kind == EVENT_TOOL || item->open.kind == EVENT_CUSTOM_TOOL) {
        item->number = choice->calls++;
        chat_open_call(encode, put, item);
    } else if (item->open.kind == EVENT_REASON) {
        item->number = choice->reasons++;
    } else if (item->open.kind == EVENT_AUDIO && item->open.id.len > 0) {
        chat_open_chunk(encode, put, event->choice);
        PUT(put, "\"audio\":{\"id\":");
        put_text(put, item->open.id);
        PUT(put, "}");
        chat_close_chunk(encode, put);
    }
    item->dropped =
        encode_drops(DIALECT_CHAT, &encode->begin, event->choice, &event->open, &encode->lost);
    return put->err;
}

static void chat_put_image(struct put *put, const struct event_open *open, struct str blob)
{
    PUT(put, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"");
    if (open->name.len > 0) {
        PUT(put, "data:");
        put_str(put, open->name);
        PUT(put, ";base64,");
    }
    put_str(put, blob);
    PUT(put, "\"}}");
}

/* A piece of "reasoning_details": what has to come back with the reasoning, as it came. `index`
 * tells which reasoning it is a piece of. */
static void chat_put_detail(struct put *put, uint32_t index, struct str type, struct str member,
                            struct str mark, struct str text)
{
    PUT(put, "{\"type\":\"reasoning.");
    put_str(put, type);
    PUT(put, "\",\"index\":");
    put_int(put, index);
    PUT(put, ",\"");
    put_str(put, member);
    PUT(put, "\":\"");
    put_str(put, mark);
    put_str(put, text);
    PUT(put, "\"}");
}

static void chat_delta_call(struct put *put, const struct encode_item *item, struct str text)
{
    PUT(put, "\"tool_calls\":[{\"index\":");
    put_int(put, item->number);
    put_str(put, item->open.kind == EVENT_CUSTOM_TOOL ? STR(",\"custom\":{\"input\":")
                                                      : STR(",\"function\":{\"arguments\":"));
    put_text(put, text);
    PUT(put, "}}]");
}

/* Reasoning, for those who read it as text; where it may be signed, with what brings it back. */
static void chat_delta_thought(struct encode *encode, struct put *put, struct encode_item *item,
                               const struct event *event)
{
    struct str between = encode_between(item, event);
    PUT(put, "\"reasoning_content\":\"");
    put_str(put, between);
    put_str(put, event->delta.text);
    PUT(put, "\"");
    if (encode->begin.source != DIALECT_CHAT) {
        PUT(put, ",\"reasoning_details\":[");
        chat_put_detail(put, item->number, STR("text"), STR("text"), between, event->delta.text);
        PUT(put, "]");
    }
}

/* A signature, or what is told in cipher only. */
static void chat_delta_detail(struct encode *encode, struct put *put,
                              const struct encode_item *item, struct str type, struct str member,
                              struct str text)
{
    PUT(put, "\"reasoning_details\":[");
    chat_put_detail(put, item->number, type, member,
                    carry_sig_mark(encode->begin.source, DIALECT_CHAT), text);
    PUT(put, "]");
}

static void chat_put_delta(struct encode *encode, struct put *put, struct encode_item *item,
                           const struct event *event)
{
    struct str text = event->delta.text;
    switch (event->delta.channel) {
    case EVENT_CONTENT:
        put_str(put, item->open.kind == EVENT_REFUSAL ? STR("\"refusal\":") : STR("\"content\":"));
        put_text(put, text);
        return;
    case EVENT_ARGS:
        chat_delta_call(put, item, text);
        return;
    case EVENT_SUMMARY:
    case EVENT_THOUGHT:
        chat_delta_thought(encode, put, item, event);
        return;
    case EVENT_SIGNATURE: /* told at the item's end */
        return;
    case EVENT_SOUND:
    case EVENT_TRANSCRIPT:
        put_str(put, event->delta.channel == EVENT_SOUND ? STR("\"audio\":{\"data\":")
                                                         : STR("\"audio\":{\"transcript\":"));
        put_text(put, text);
        PUT(put, "}");
        return;
    case EVENT_BLOB:
        if (item->open.kind == EVENT_IMAGE) {
            PUT(put, "\"images\":[");
            chat_put_image(put, &item->open, text);
            PUT(put, "]");
        } else {
            chat_delta_detail(encode, put, item, STR("encrypted"), STR("data"), text);
        }
        return;
    }
}

static enum err chat_on_delta(struct encode *encode, struct put *put, const struct event *event)
{
    struct encode_item *item = encode_item_of(encode, event);
    if (item->dropped) {
        return ERR_OK;
    }
    if (event->delta.channel == EVENT_SIGNATURE) {
        if (item->open.kind == EVENT_REASON) {
            return encode_keep(encode, &item->signature, event->delta.text);
        }
        lost_add(&encode->lost, LOST_BIT_SIGNATURE);
        return ERR_OK;
    }
    if (event->delta.channel == EVENT_SUMMARY && event->delta.part > 0) {
        lost_add(&encode->lost, LOST_BIT_REASONING);
    }
    chat_open_chunk(encode, put, event->choice);
    chat_put_delta(encode, put, item, event);
    chat_close_chunk(encode, put);
    return put->err;
}

static enum err chat_on_close(struct encode *encode, struct put *put, const struct event *event)
{
    struct encode_item *item = encode_item_of(encode, event);
    struct str signature;
    TRY(encode_signature(encode, item, &signature));
    if (signature.len > 0) {
        chat_open_chunk(encode, put, event->choice);
        chat_delta_detail(encode, put, item, STR("text"), STR("signature"), signature);
        chat_close_chunk(encode, put);
    }
    return put->err;
}

static enum err chat_on_note(struct encode *encode, struct put *put, const struct event *event)
{
    const struct encode_item *item = encode_item_of(encode, event);
    if (!encode_takes_note(encode->begin.source, DIALECT_CHAT, event->note.kind, &encode->lost) ||
        item->dropped) {
        return ERR_OK;
    }
    chat_open_chunk(encode, put, event->choice);
    if (event->note.kind == EVENT_LOGPROBS) {
        PUT(put, "},\"logprobs\":{\"content\":");
        put_str(put, event->note.json);
        PUT(put, ",\"refusal\":null},\"finish_reason\":null");
        chat_end_chunk(encode, put);
        return put->err;
    }
    PUT(put, "\"annotations\":[");
    put_str(put, event->note.json);
    PUT(put, "]");
    chat_close_chunk(encode, put);
    return put->err;
}

static enum err chat_on_finish(struct encode *encode, struct put *put, const struct event *event)
{
    TRY(chat_tell_role(encode, put, event->choice));
    chat_note_finish(&encode->lost, event->finish.reason, event->finish.stop_text);
    chat_open_chunk(encode, put, event->choice);
    PUT(put, "},\"logprobs\":null,\"finish_reason\":\"");
    put_str(put, chat_finish_name(event->finish.reason));
    PUT(put, "\"");
    chat_end_chunk(encode, put);
    return put->err;
}

static enum err chat_on_end(struct encode *encode, struct put *put)
{
    if (encode->options->include_usage) {
        const struct event_tokens tokens = encode_tokens(encode);
        put_str(put, encode->head);
        PUT(put, ",\"choices\":[],\"usage\":");
        tokens_write(put, DIALECT_CHAT, &tokens);
        PUT(put, "}\n\n");
    }
    PUT(put, "data: [DONE]\n\n");
    return put->err;
}

enum err encode_chat_take(struct encode *encode, const struct event *event)
{
    struct put put = { encode->out, ERR_OK };
    switch (event->kind) {
    case EVENT_BEGIN:
        TRY(chat_on_begin(encode));
        return chat_tell_role(encode, &put, 0);
    case EVENT_OPEN:
        return chat_on_open(encode, &put, event);
    case EVENT_DELTA:
        return chat_on_delta(encode, &put, event);
    case EVENT_NOTE:
        return chat_on_note(encode, &put, event);
    case EVENT_CLOSE:
        return chat_on_close(encode, &put, event);
    case EVENT_FINISH:
        return chat_on_finish(encode, &put, event);
    case EVENT_PING:
        PUT(&put, ": ping\n\n");
        return put.err;
    case EVENT_END:
        return chat_on_end(encode, &put);
    case EVENT_ERROR:
        return refusal_event(encode->out, DIALECT_CHAT, &event->error, STR_EMPTY);
    case EVENT_USAGE:
    case EVENT_RAW:
        return ERR_OK;
    }
    return ERR_INTERNAL;
}

/* ---- a whole answer ----------------------------------------------------------------------- */

/* All items of a kind, said as one; null where there is none. */
static void chat_put_all(struct encode_whole *whole, const struct fold_choice *choice,
                         enum event_item kind)
{
    bool any = false;
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        if (item->open.kind == kind) {
            put_str(&whole->put, any ? STR_EMPTY : STR("\""));
            put_str(&whole->put, encode_said(whole, item, EVENT_CONTENT));
            any = true;
        }
    }
    put_str(&whole->put, any ? STR("\"") : STR("null"));
}

static void chat_put_reasoning(struct encode_whole *whole, const struct fold_choice *choice)
{
    bool any = false;
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        if (item->open.kind == EVENT_REASON && !item->open.redacted) {
            put_str(&whole->put, any ? STR_EMPTY : STR(",\"reasoning_content\":\""));
            encode_thoughts(whole, item);
            any = true;
        }
    }
    put_str(&whole->put, any ? STR("\"") : STR_EMPTY);
}

/* Whether the reasoning has more to come back with than its text. */
static bool chat_has_details(struct encode_whole *whole, const struct fold_choice *choice)
{
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        if (item->open.kind == EVENT_REASON &&
            (item->open.redacted || encode_said(whole, item, EVENT_SIGNATURE).len > 0)) {
            return true;
        }
    }
    return whole->fold->begin.source != DIALECT_CHAT;
}

static void chat_put_details(struct encode_whole *whole, const struct fold_choice *choice)
{
    struct put *put = &whole->put;
    struct str mark = carry_sig_mark(whole->fold->begin.source, DIALECT_CHAT);
    bool has = chat_has_details(whole, choice);
    uint32_t index = 0;
    bool any = false;
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        struct str signature = encode_said(whole, item, EVENT_SIGNATURE);
        struct str blob = encode_said(whole, item, EVENT_BLOB);
        if (signature.len > 0 && item->open.kind != EVENT_REASON) {
            lost_add(whole->lost, LOST_BIT_SIGNATURE);
        }
        if (item->open.kind != EVENT_REASON || !has) {
            continue;
        }
        put_str(put, any ? STR(",") : STR(",\"reasoning_details\":["));
        any = true;
        if (item->open.redacted) {
            chat_put_detail(put, index++, STR("encrypted"), STR("data"), mark, blob);
            continue;
        }
        PUT(put, "{\"type\":\"reasoning.text\",\"index\":");
        put_int(put, index++);
        PUT(put, ",\"text\":\"");
        encode_thoughts(whole, item);
        if (signature.len > 0) {
            PUT(put, "\",\"signature\":\"");
            put_str(put, mark);
            put_str(put, signature);
        }
        PUT(put, "\"}");
    }
    put_str(put, any ? STR("]") : STR_EMPTY);
}

static void chat_put_call(struct encode_whole *whole, const struct fold_choice *choice,
                          const struct fold_item *item)
{
    bool custom = item->open.kind == EVENT_CUSTOM_TOOL;
    PUT(&whole->put, "{\"id\":");
    encode_call_id(&whole->put, whole->options, item->open.call_id, choice->index, item->item);
    put_str(&whole->put, custom ? STR(",\"type\":\"custom\",\"custom\":{\"name\":")
                                : STR(",\"type\":\"function\",\"function\":{\"name\":"));
    put_text(&whole->put, item->open.name);
    put_str(&whole->put, custom ? STR(",\"input\":") : STR(",\"arguments\":"));
    put_text(&whole->put, encode_said(whole, item, EVENT_ARGS));
    PUT(&whole->put, "}}");
}

static void chat_put_calls(struct encode_whole *whole, const struct fold_choice *choice)
{
    bool any = false;
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        if (item->open.kind == EVENT_TOOL || item->open.kind == EVENT_CUSTOM_TOOL) {
            put_str(&whole->put, any ? STR(",") : STR(",\"tool_calls\":["));
            chat_put_call(whole, choice, item);
            any = true;
        }
    }
    put_str(&whole->put, any ? STR("]") : STR_EMPTY);
}

static void chat_put_images(struct encode_whole *whole, const struct fold_choice *choice)
{
    bool any = false;
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        if (item->open.kind == EVENT_IMAGE) {
            put_str(&whole->put, any ? STR(",") : STR(",\"images\":["));
            chat_put_image(&whole->put, &item->open, encode_said(whole, item, EVENT_BLOB));
            any = true;
        }
    }
    put_str(&whole->put, any ? STR("]") : STR_EMPTY);
}

static void chat_put_audio(struct encode_whole *whole, const struct fold_choice *choice)
{
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        if (item->open.kind == EVENT_AUDIO) {
            PUT(&whole->put, ",\"audio\":{\"id\":");
            put_text(&whole->put, item->open.id);
            PUT(&whole->put, ",\"data\":");
            put_text(&whole->put, encode_said(whole, item, EVENT_SOUND));
            PUT(&whole->put, ",\"transcript\":");
            put_text(&whole->put, encode_said(whole, item, EVENT_TRANSCRIPT));
            PUT(&whole->put, "}");
            return; /* a message has one */
        }
    }
}

static bool chat_put_notes(struct encode_whole *whole, const struct fold_choice *choice,
                           enum event_note kind, struct str before)
{
    bool any = false;
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        for (const struct fold_note *note = item->notes; note != NULL; note = note->next) {
            if (note->kind != kind ||
                !encode_takes_note(whole->fold->begin.source, DIALECT_CHAT, kind, whole->lost)) {
                continue;
            }
            put_str(&whole->put, any ? STR(",") : before);
            /* Lists of tokens are one list in the end. */
            put_str(&whole->put, kind == EVENT_LOGPROBS ? json_inside(note->json) : note->json);
            any = true;
        }
    }
    return any;
}

static void chat_put_choice(struct encode_whole *whole, const struct fold_choice *choice)
{
    struct put *put = &whole->put;
    PUT(put, "{\"index\":");
    put_int(put, choice->index);
    PUT(put, ",\"message\":{\"role\":\"assistant\",\"content\":");
    chat_put_all(whole, choice, EVENT_TEXT);
    PUT(put, ",\"refusal\":");
    chat_put_all(whole, choice, EVENT_REFUSAL);
    chat_put_reasoning(whole, choice);
    chat_put_details(whole, choice);
    chat_put_calls(whole, choice);
    chat_put_images(whole, choice);
    chat_put_audio(whole, choice);
    if (chat_put_notes(whole, choice, EVENT_ANNOTATION, STR(",\"annotations\":["))) {
        PUT(put, "]");
    }
    PUT(put, "},\"logprobs\":");
    bool any = chat_put_notes(whole, choice, EVENT_LOGPROBS, STR("{\"content\":["));
    put_str(put, any ? STR("],\"refusal\":null}") : STR("null"));
    PUT(put, ",\"finish_reason\":\"");
    put_str(put, chat_finish_name(choice->reason));
    PUT(put, "\"}");
    chat_note_finish(whole->lost, choice->reason, choice->stop_text);
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        (void)encode_drops(DIALECT_CHAT, &whole->fold->begin, choice->index, &item->open,
                           whole->lost);
    }
}

void encode_chat_body(struct encode_whole *whole)
{
    struct put *put = &whole->put;
    bool more = false;
    chat_head(put, whole->options, &whole->fold->begin, STR("chat.completion"));
    PUT(put, ",\"choices\":[");
    for (const struct fold_choice *choice = whole->fold->choices; choice != NULL;
         choice = choice->next) {
        put_str(put, more ? STR(",") : STR_EMPTY);
        chat_put_choice(whole, choice);
        more = true;
    }
    PUT(put, "]");
    if (whole->fold->has_usage) {
        PUT(put, ",\"usage\":");
        tokens_write(put, DIALECT_CHAT, &whole->fold->tokens);
    }
    PUT(put, "}");
}
