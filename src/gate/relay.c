#include "gate/relay.h"

#include "base/mem.h"
#include "dialect/listen.h"
#include "wire/json.h"

#define RELAY_ITEMS_MAX ((size_t)1 << 20) /* of listen.h: EVENT_ITEMS_MAX of some choices */
#define RELAY_TEXTS_MAX 8                 /* of an event; nearly all have one */
#define RELAY_LIKE_MAX  512 /* bytes of an event around its text: an open stream keeps them */

void relay_init(struct relay *relay, const struct relay_options *options)
{
    ASSERT(options->choices > 0);
    *relay = (struct relay){
        .model = options->model,
        .upstream_model = options->upstream_model,
        .sink = options->sink,
        .dialect = options->dialect,
        .read = options->read,
        .heard = options->heard,
        .heard_context = options->heard_context,
        .choices = options->choices,
        .surface = options->surface,
        .include_usage = options->include_usage,
        .bytes = options->bytes,
        .singly = options->singly,
    };
    sse_init(&relay->sse, options->event_max);
    buf_init(&relay->like.around, RELAY_LIKE_MAX);
    buf_init(&relay->tail, options->tail_max);
}

void relay_fini(struct relay *relay)
{
    if (relay->listen != NULL) {
        listen_fini(relay->listen);
        mem_free(relay->listen);
        relay->listen = NULL;
    }
    sse_fini(&relay->sse);
    buf_fini(&relay->like.around);
    buf_fini(&relay->tail);
}

/* What was reported; searches that no report tells are counted where they were seen. */
static void relay_use(struct relay *relay, struct str usage, struct str told, enum tier tier)
{
    if (usage.len + told.len > 0) {
        relay->told = digest_sha256(usage.len > 0 ? usage : told);
        relay->has_told = true;
    }
    if (tier != TIER_UNSAID) {
        relay->tier = tier;
    }
    if (usage.len > 0) {
        usage_report_add(&relay->report, relay->surface, usage);
        relay->has_usage = usage_report_settle(&relay->report, relay->surface, &relay->usage);
        relay->usage.units[USAGE_UNIT_WEB_SEARCH] +=
            relay->listen == NULL ? 0 : relay->listen->searches;
    }
}

/* What an event says about the whole: model, usage, end. */
static enum err relay_understand(struct relay *relay, const struct chat_event *chat)
{
    if (chat->bad) {
        return ERR_UPSTREAM_SYNTAX;
    }
    if (chat->error) {
        return ERR_UPSTREAM_STATUS;
    }
    enum swap_state state = swap_check_json(relay->model, relay->upstream_model, chat->model);
    relay->named = swap_join(relay->named, state);
    if (state == SWAP_MISMATCH) {
        relay->other = chat->model;
        return ERR_UPSTREAM_MODEL;
    }
    relay->begun |= relay->listen == NULL || listen_has_begun(relay->listen);
    relay_use(relay, chat->usage, chat->told, chat->tier);
    relay->unread |= chat->unread;
    relay->finished += chat->finished;
    relay->done |= chat->done;
    relay->ended |=
        relay->finished >= relay->choices || chat->done || (chat->empty && chat->usage.len > 0);
    return ERR_OK;
}

/* Bytes that follow each other in memory leave in one piece. */
struct relay_run {
    struct str bytes;
    relay_emit_fn *emit;
    void *context;
};

static void relay_flush(struct relay_run *run)
{
    if (run->bytes.len > 0) {
        run->emit(run->context, run->bytes);
        run->bytes = STR_EMPTY;
    }
}

static void relay_add(struct relay_run *run, struct str raw)
{
    if (run->bytes.len > 0 && run->bytes.ptr + run->bytes.len == raw.ptr) {
        run->bytes.len += raw.len;
        return;
    }
    relay_flush(run);
    run->bytes = raw;
}

/* An event's texts, until it is known that they are given on. */
struct relay_texts {
    struct chat_text texts[RELAY_TEXTS_MAX];
    size_t count; /* of all, also those that had no room */
};

/* Texts of an event of another dialect: those that lie in its bytes are told with it, others, and
 * more than there is room for, at once: its model was read before. */
struct relay_hearing {
    struct relay *relay;
    struct relay_texts *kept;
    struct str data;
    const struct chat_event *chat;
};

static void relay_tell_kept(const struct relay_hearing *hearing)
{
    const struct relay *relay = hearing->relay;
    bool other =
        swap_check_json(relay->model, relay->upstream_model, hearing->chat->model) == SWAP_MISMATCH;
    for (size_t i = 0; relay->sink != NULL && !other && i < hearing->kept->count; i++) {
        relay->sink->text(relay->sink->context, &hearing->kept->texts[i]);
    }
    hearing->kept->count = 0;
}

static void relay_hear_text(void *context, const struct chat_text *text)
{
    const struct relay_hearing *hearing = context;
    const char *end = hearing->data.ptr + hearing->data.len;
    bool inside = text->json.ptr >= hearing->data.ptr && text->json.ptr < end;
    if (hearing->kept->count == RELAY_TEXTS_MAX || !inside) {
        relay_tell_kept(hearing);
    }
    hearing->kept->texts[hearing->kept->count++] = *text;
    if (!inside) {
        relay_tell_kept(hearing);
    }
}

static enum err relay_listen(struct relay *relay)
{
    if (relay->listen == NULL) {
        relay->listen = mem_alloc(sizeof(*relay->listen));
        if (relay->listen == NULL) {
            return ERR_NO_MEMORY;
        }
        listen_init(relay->listen, relay->dialect, RELAY_ITEMS_MAX);
    }
    return ERR_OK;
}

static enum err relay_hear(struct relay *relay, const struct sse_event *event,
                           struct relay_texts *kept, struct chat_event *chat)
{
    struct relay_hearing hearing = { relay, kept, event->data, chat };
    const struct chat_sink sink = { relay_hear_text, &hearing };
    TRY(relay_listen(relay));
    buf_reset(&relay->like.around); /* what follows may be of another item */
    return listen_event(relay->listen, event->type, event->data, &sink, chat);
}

static void relay_keep_text(void *context, const struct chat_text *text)
{
    struct relay_texts *kept = context;
    if (kept->count < RELAY_TEXTS_MAX) {
        kept->texts[kept->count] = *text;
    }
    kept->count++;
}

static void relay_tell(const struct relay *relay, const struct relay_texts *kept, struct str data)
{
    if (kept->count > RELAY_TEXTS_MAX) {
        struct chat_event again;
        chat_event_read(data, relay->sink, &again);
        return;
    }
    for (size_t i = 0; i < kept->count; i++) {
        relay->sink->text(relay->sink->context, &kept->texts[i]);
    }
}

static void relay_count(struct relay *relay, const struct chat_event *chat)
{
    int64_t bytes = chat->content_bytes + chat->reasoning_bytes + chat->tool_bytes;
    relay->content_events += bytes > 0 || chat->unread;
    relay->content_bytes += bytes;
}

/* Keeps what stands around the text of an event that says no more. */
static void relay_keep_like(struct relay *relay, const struct sse_event *event,
                            const struct chat_event *chat, const struct relay_texts *kept)
{
    struct relay_like *like = &relay->like;
    bool more = chat->finished > 0 || chat->usage.len > 0 || chat->twofold || kept->count != 1;
    if (more || event->joined || relay->sse.after_cr) {
        return;
    }
    struct str raw = event->raw;
    like->said = kept->texts[0];
    like->at = (size_t)(like->said.json.ptr - raw.ptr);
    buf_reset(&like->around);
    if (buf_append(&like->around, str_slice(raw, 0, like->at)) != ERR_OK ||
        buf_append(&like->around, str_from_at(raw, like->at + like->said.json.len)) != ERR_OK) {
        buf_fini(&like->around); /* then each is read */
    }
}

/* Takes an event that is like the kept one off the front, and gives it on. False: there is none. */
static bool relay_next_like(struct relay *relay, struct str *data, struct relay_run *run)
{
    struct str around = buf_str(&relay->like.around);
    size_t at = relay->like.at;
    if (around.len == 0 || data->len <= around.len || relay->ended ||
        !sse_is_between(&relay->sse) || !str_starts(*data, str_slice(around, 0, at))) {
        return false;
    }
    size_t len = json_string_len(str_from_at(*data, at));
    size_t size = around.len + len;
    if (len <= sizeof("\"\"") - 1 || size > relay->sse.event_max ||
        !str_starts(str_from_at(*data, at + len), str_from_at(around, at))) {
        return false;
    }
    struct chat_text said = relay->like.said;
    said.json = str_slice(*data, at, at + len);
    if (relay->sink != NULL) {
        relay->sink->text(relay->sink->context, &said);
    }
    relay->content_events++;
    relay->content_bytes += (int64_t)(len - (sizeof("\"\"") - 1));
    relay_add(run, str_slice(*data, 0, size));
    *data = str_from_at(*data, size);
    return true;
}

static enum err relay_event(struct relay *relay, const struct sse_event *event,
                            struct relay_run *run)
{
    struct chat_event chat = { 0 };
    if (event->has_data) {
        struct relay_texts kept;
        const struct chat_sink sink = { relay_keep_text, &kept };
        kept.count = 0;
        if (relay->done) {
            return ERR_OK; /* behind the end there is nothing to say */
        }
        if (relay->read != NULL) {
            relay->read(event->data, &chat);
        } else if (relay->dialect == DIALECT_CHAT) {
            chat_event_read(event->data, &sink, &chat);
        } else {
            TRY(relay_hear(relay, event, &kept, &chat));
        }
        TRY(relay_understand(relay, &chat));
        if (relay->sink != NULL) {
            relay_tell(relay, &kept, event->data);
        }
        if (relay->heard != NULL && chat.sound.len > 0) {
            relay->heard(relay->heard_context, chat.sound);
        }
        relay_keep_like(relay, event, &chat, &kept);
        if (chat.empty && chat.usage.len > 0 && !relay->include_usage) {
            return ERR_OK; /* we asked for it, the client did not */
        }
    }
    if (!relay->begun) {
        return ERR_OK; /* what keeps the line alive before the answer begins: the client can wait */
    }
    if (relay->ended) {
        return buf_append(&relay->tail, event->raw) == ERR_OK ? ERR_OK : ERR_UPSTREAM_SIZE;
    }
    relay_count(relay, &chat);
    relay_add(run, event->raw);
    return ERR_OK;
}

#define RELAY_KEPT ((size_t)512) /* of an answer that has no events: what is held back of it */

/* The answer itself: each piece that comes counts as an event. Its last bytes stay in the tail, as
 * nobody can tell which piece is the last. */
static enum err relay_give(struct relay *relay, struct str data, relay_emit_fn *emit, void *context)
{
    struct buf *tail = &relay->tail;
    size_t most = RELAY_KEPT < tail->max ? RELAY_KEPT : tail->max;
    size_t excess = tail->len + data.len > most ? tail->len + data.len - most : 0;
    size_t old = excess < tail->len ? excess : tail->len;
    relay->begun |= data.len > 0;
    relay->content_events += data.len > 0;
    relay->content_bytes += (int64_t)data.len;
    if (old > 0) {
        emit(context, str_slice(buf_str(tail), 0, old));
        buf_drop(tail, old);
    }
    if (excess > old) {
        emit(context, str_slice(data, 0, excess - old));
    }
    return buf_append(tail, str_from_at(data, excess - old));
}

enum err relay_feed(struct relay *relay, struct str data, relay_emit_fn *emit, void *context)
{
    struct relay_run run = { STR_EMPTY, emit, context };
    if (relay->bytes) {
        return relay_give(relay, data, emit, context);
    }
    for (;;) {
        struct sse_event event;
        if (relay_next_like(relay, &data, &run)) {
            if (relay->singly) {
                relay_flush(&run);
            }
            continue;
        }
        bool inside = relay->sse.tail.len == 0; /* else the event lies in the parser's memory */
        enum wire_result result = sse_next(&relay->sse, &data, &event);
        if (result != WIRE_DONE) {
            relay_flush(&run);
            return result == WIRE_MORE ? ERR_OK : ERR_UPSTREAM_SIZE;
        }
        enum err err = relay_event(relay, &event, &run);
        if (err != ERR_OK) {
            relay_flush(&run);
            return err;
        }
        if (!inside || relay->singly) {
            relay_flush(&run); /* before the parser uses that memory again */
        }
    }
}

enum err relay_finish(struct relay *relay, relay_emit_fn *emit, void *context)
{
    struct relay_run run = { STR_EMPTY, emit, context };
    struct sse_event event;
    relay->ended |= relay->bytes;
    if (!relay->bytes && sse_end(&relay->sse, &event) == WIRE_DONE) {
        enum err err = relay_event(relay, &event, &run);
        relay_flush(&run);
        TRY(err);
    }
    if (relay->listen != NULL) {
        TRY(listen_end(relay->listen)); /* a client of theirs would miss an end that is missing */
    }
    return relay->ended ? ERR_OK : ERR_UPSTREAM_CUT;
}

/* ---- whole answers ------------------------------------------------------------------------ */

/* Texts of a whole answer are counted later: those that do not lie in it are copied. */
struct relay_reading {
    struct relay *relay;
    const struct chat_sink *sink;
    struct str body;
};

static void relay_read_text(void *context, const struct chat_text *text)
{
    const struct relay_reading *reading = context;
    const char *end = reading->body.ptr + reading->body.len;
    struct chat_text said = *text;
    bool inside = text->json.ptr >= reading->body.ptr && text->json.ptr < end;
    if (!inside && !arena_copy(&reading->relay->listen->arena, text->json, &said.json)) {
        reading->relay->unread = true;
        return;
    }
    reading->sink->text(reading->sink->context, &said);
}

static enum err relay_read(struct relay *relay, struct str body, const struct chat_sink *sink,
                           struct chat_answer *ret_answer)
{
    struct relay_reading reading = { relay, sink, body };
    const struct chat_sink copying = { relay_read_text, &reading };
    struct chat_event said;
    if (relay->dialect == DIALECT_CHAT) {
        chat_answer_read(body, sink, ret_answer);
        return ERR_OK;
    }
    TRY(relay_listen(relay));
    TRY(listen_body(relay->listen, body, sink == NULL ? NULL : &copying, &said));
    *ret_answer = (struct chat_answer){
        .error = said.error,
        .unread = said.unread,
        .model = said.model,
        .usage = said.usage,
        .tier = said.tier,
    };
    return ERR_OK;
}

enum err relay_whole(struct relay *relay, struct str body, const struct chat_sink *sink)
{
    struct chat_answer answer;
    TRY(relay_read(relay, body, sink, &answer));
    if (answer.bad) {
        return ERR_UPSTREAM_SYNTAX;
    }
    if (answer.error) {
        return ERR_UPSTREAM_STATUS;
    }
    relay->named = swap_check_json(relay->model, relay->upstream_model, answer.model);
    if (relay->named == SWAP_MISMATCH) {
        relay->other = answer.model;
        return ERR_UPSTREAM_MODEL;
    }
    relay->unread |= answer.unread;
    relay_use(relay, answer.usage, STR_EMPTY, answer.tier);
    return ERR_OK;
}

bool relay_is_busy(const struct relay *relay)
{
    return relay->listen != NULL && relay->listen->busy;
}

struct str relay_answer_id(const struct relay *relay)
{
    return relay->listen == NULL ? STR_EMPTY
                                 : (struct str){ relay->listen->id, relay->listen->id_len };
}

int64_t relay_events(const struct relay *relay)
{
    return relay->listen == NULL ? 0 : relay->listen->events;
}
