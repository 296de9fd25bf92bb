/* What comes from the source of a session. */
#include <string.h>

#include "base/enc.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "front/realtime_internal.h"
#include "wire/http1.h"
#include "wire/json.h"
#include "wire/jsonw.h"

#define SOURCE_TEXT_MAX ((size_t)16 << 10)

static struct session *session_of(struct channel *channel)
{
    struct session *session = EP_CONTAINER(channel, struct session, source);
    ASSERT(session->magic == REALTIME_MAGIC);
    return session;
}

/* The turn that waits for the source to answer: NULL: none does. */
static struct turn *source_opening(const struct session *session)
{
    LIST_EACH(node, &session->turns) {
        struct turn *turn = EP_CONTAINER(node, struct turn, node);
        if (turn->kind == TURN_OPEN && turn->call != NULL) {
            return turn;
        }
    }
    return NULL;
}

/* ---- connecting ----------------------------------------------------------------------------- */

/* "/v1/realtime?model=NAME", the name encoded. */
static enum err source_target(struct session *session, const struct gate_route *ready)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    struct str name = session->route->upstream_model;
    buf_reset(&session->target);
    TRY(buf_append(&session->target, ready->url.path));
    TRY(buf_append(&session->target, STR("/realtime?model=")));
    for (size_t i = 0; i < name.len; i++) {
        unsigned char byte = (unsigned char)name.ptr[i];
        if (byte != 0 && memchr(plain, byte, sizeof(plain) - 1) != NULL) {
            TRY(buf_byte(&session->target, (char)byte));
        } else {
            TRY(buf_printf(&session->target, "%%%02X", byte));
        }
    }
    return ERR_OK;
}

/* Out of the head that the route's other calls would have: its Host, and its lines that say who
 * asks. */
static enum err source_lines(struct session *session, const struct gate_route *ready,
                             struct str *ret_host)
{
    struct str rest = ready->head;
    buf_reset(&session->source_headers);
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        struct str value = line;
        struct str name = str_cut(&value, ':');
        if (str_eq_nocase(name, STR("host"))) {
            *ret_host = str_trim(str_slice(value, 0, value.len - 1));
        } else if (str_eq_nocase(name, STR("authorization"))) {
            TRY(buf_append(&session->source_headers, line));
            TRY(buf_byte(&session->source_headers, '\n'));
        }
    }
    return buf_append(&session->source_headers, STR("User-Agent: entrepot\r\n"));
}

void source_connect(struct session *session, struct turn *turn)
{
    const struct gate_route *ready = gate_snapshot_route(session->snapshot, session->route);
    struct str host = STR_EMPTY;
    channel_abort(&session->source); /* of an attempt before */
    session->created = false;
    turn->begun = false;
    turn->over = false;
    if (source_target(session, ready) != ERR_OK || source_lines(session, ready, &host) != ERR_OK) {
        turn_fail(turn, ERR_NO_MEMORY, "could not be asked: no memory");
        return;
    }
    const struct channel_ask ask = {
        .host = ready->url.host,
        .port = ready->url.port,
        .tls = ready->url.tls ? session->snapshot->tls : NULL,
        .tls_pin = session->route->tls_pin.len > 0 ? ready->tls_pin : NULL,
        .host_header = host,
        .target = buf_str(&session->target),
        .headers = buf_str(&session->source_headers),
    };
    http_answer_sent(turn->call);
    channel_connect(&session->source, session->front->loop, gate_pool(session->front->gate), &ask);
}

enum err source_send(struct session *session, struct str event)
{
    return channel_send(&session->source, true, event);
}

void realtime_id_set(struct realtime_id *id, struct str text)
{
    id->len = text.len <= sizeof(id->text) ? text.len : 0;
    if (id->len > 0) {
        memcpy(id->text, text.ptr, id->len);
    }
}

struct str realtime_id_str(const struct realtime_id *id)
{
    return (struct str){ id->text, id->len };
}

static void source_name(struct session *session, struct realtime_id *ret_id)
{
    struct buf text = { ret_id->text, 0, sizeof(ret_id->text), sizeof(ret_id->text) };
    EP_IGNORE(buf_printf(&text, REALTIME_OURS "%llu\"", (unsigned long long)++session->events));
    ret_id->len = text.len; /* it fits */
}

/* ---- asking --------------------------------------------------------------------------------- */

/* An ask of the client's without a name gets one of ours, so that an error tells what it is of. */
static enum err source_send_ask(struct session *session, const struct turn *turn)
{
    struct buf text;
    struct str event = buf_str(&turn->event);
    if (json_get(event, STR("event_id")).len > 0) {
        realtime_id_set(&session->ask.id, buf_str(&turn->event_id));
        return source_send(session, event);
    }
    source_name(session, &session->ask.id);
    buf_init(&text, event.len + REALTIME_ID_MAX + 32);
    enum err err = realtime_write_named(&text, event, realtime_id_str(&session->ask.id));
    err = err == ERR_OK ? source_send(session, buf_str(&text)) : err;
    buf_fini(&text);
    return err;
}

void source_ask(struct session *session, struct turn *turn)
{
    if (session->ask.open) {
        return; /* until the source has begun that one: it names them only then */
    }
    if (source_send_ask(session, turn) != ERR_OK) {
        turn_fail(turn, ERR_UPSTREAM_CUT, "has closed the session");
        return;
    }
    session->ask.open = true;
    session->ask.beside = turn->beside;
    session->ask.turn = turn;
    turn->asked = true;
    buf_fini(&turn->event); /* many may be under way, and it may be large */
    turn->bytes = session->bytes;
    turn->sound = session->sound;
    http_answer_sent(turn->call);
}

/* The source has begun what it was asked for, or refused it. NULL: it was too late. */
static struct turn *source_close_ask(struct session *session)
{
    struct turn *turn = session->ask.turn;
    session->ask.open = false;
    session->ask.turn = NULL;
    return turn;
}

/* No more than one waits: behind it, the client is not read. */
static void source_ask_next(struct session *session)
{
    LIST_EACH(node, &session->turns) {
        struct turn *turn = EP_CONTAINER(node, struct turn, node);
        if (turn->kind == TURN_RESPONSE && turn->call != NULL && !turn->by_source && !turn->asked) {
            source_ask(session, turn);
            return;
        }
    }
}

void source_fail_all(struct session *session, enum err err, const char *what)
{
    (void)source_close_ask(session);
    session->skipped_count = 0;
    LIST_EACH_SAFE(node, after, &session->turns) {
        struct turn *turn = EP_CONTAINER(node, struct turn, node);
        if (turn->kind == TURN_RESPONSE && turn->call != NULL) {
            turn_fail(turn, err, what);
        }
    }
}

/* ---- what nobody wants ---------------------------------------------------------------------- */

static void source_skip(struct session *session, struct str response)
{
    struct realtime_id name;
    struct buf text;
    if (session->skipped_count < REALTIME_RESPONSES) {
        realtime_id_set(&session->skipped[session->skipped_count++], response);
    }
    source_name(session, &name);
    buf_init(&text, 2 * REALTIME_ID_MAX + 128);
    bool written = realtime_write_cancel(&text, response, realtime_id_str(&name)) == ERR_OK;
    if (!written || source_send(session, buf_str(&text)) != ERR_OK) {
        session_end(session, WEBSOCKET_FAULT, "the source failed", true); /* it would go on */
    }
    buf_fini(&text);
}

void source_drop(struct session *session, struct turn *turn)
{
    if (session->ask.turn == turn) {
        /* It neither began nor was refused, so that nobody knows what comes next. */
        session->ask.turn = NULL;
        session_end(session, WEBSOCKET_FAULT, "the source does not answer", false);
    } else {
        source_skip(session, realtime_id_str(&turn->response));
    }
}

/* Whether an event is of a response that is dropped. What the model says as an item is of the
 * conversation's response, and names none; nor does anything of a source that has no names. */
static bool source_skips(struct session *session, const struct realtime_event *read)
{
    const struct turn *response = session->response;
    if (read->item) {
        return session->skipped_count > 0 && read->said && (response == NULL || !response->begun);
    }
    for (size_t i = 0; i < session->skipped_count; i++) {
        struct str id = realtime_id_str(&session->skipped[i]);
        bool named = id.len > 0 && read->response.len > 0;
        if (!(named ? str_eq(id, read->response) : session->responses == 0)) {
            continue;
        }
        if (read->kind == REALTIME_DONE) {
            session_learn(session, NULL, read->usage);
            session->skipped[i] = session->skipped[--session->skipped_count];
        }
        return true;
    }
    return false;
}

static void source_on_open(struct channel *channel)
{
    struct session *session = session_of(channel);
    secret_wipe(session->source_headers.ptr, session->source_headers.len);
    buf_fini(&session->source_headers);
}

static void source_on_refused(struct channel *channel, int status, enum err err,
                              const struct fail *fail)
{
    struct session *session = session_of(channel);
    struct turn *turn = source_opening(session);
    enum err what = err != ERR_OK ? err : ERR_UPSTREAM_STATUS;
    if (turn != NULL && status >= 300) {
        /* As it would answer any other call. But what it does not like about our handshake is not
         * the client's doing, and another source may serve it. */
        bool clients = status == 400 || status == 413 || status == 422;
        turn_whole(turn, clients ? 502 : status, STR_EMPTY);
    } else if (turn != NULL) {
        turn_fail(turn, what, fail->text);
    }
    session_look(session);
}

/* ---- events --------------------------------------------------------------------------------- */

/* The source has said what cannot be believed: whatever it sold ends here. */
static void source_wrong(struct session *session, enum err err, const char *what)
{
    source_fail_all(session, err, what);
    channel_abort(&session->source);
    session_end(session, WEBSOCKET_FAULT, "the source failed", false);
}

static void source_answer_opening(struct session *session, struct turn *turn, struct str event,
                                  const struct realtime_event *read)
{
    if (read->bad || (!read->created && read->kind != REALTIME_ERROR)) {
        channel_abort(&session->source);
        turn_fail(turn, ERR_UPSTREAM_SYNTAX, "did not begin with session.created");
        return;
    }
    session->created = true;
    session->says_narrow = read->narrow;
    session->narrow |= read->hears_narrow;
    turn_whole(turn, 200, event);
}

/* The source refuses a response that was asked for: the error is the call's answer. */
static void source_refuses(struct turn *turn, struct str error)
{
    struct buf body;
    buf_init(&body, SOURCE_TEXT_MAX);
    const struct str parts[] = { STR("{\"error\":"), error, STR("}") };
    EP_IGNORE(buf_append_all(&body, parts, EP_ARRAY_LEN(parts))); /* else the status must do */
    turn_whole(turn, 400, buf_str(&body));
    buf_fini(&body);
}

/* A call of its own for what begins here. */
static void source_begins(struct session *session, enum turn_kind kind, struct str event,
                          const struct realtime_event *read)
{
    struct turn *turn = NULL;
    bool full =
        kind == TURN_RESPONSE && session->responses + session->skipped_count >= REALTIME_RESPONSES;
    enum err err = session->state != SESSION_OPEN ? ERR_SHUTDOWN : full ? ERR_LIMIT_CALLS : ERR_OK;
    err = err == ERR_OK ? turn_begin(session, kind, event, STR_EMPTY, true, &turn) : err;
    if (err != ERR_OK) {
        session_tell_err(session, err, NULL, NULL, STR_EMPTY);
    }
    if (err != ERR_OK && kind == TURN_RESPONSE) {
        source_skip(session, read->response);
    } else if (err == ERR_OK && kind == TURN_RESPONSE) {
        realtime_id_set(&turn->response, read->response);
        turn->bytes = session->bytes;
        turn->sound = session->sound;
        session->response = session->response == NULL ? turn : session->response;
    }
}

/* What was asked for, or what the source's voice detection answers. */
static void source_begun(struct session *session, struct str event,
                         const struct realtime_event *read)
{
    if (!session->ask.open || (session->ask.beside && read->within)) {
        source_begins(session, TURN_RESPONSE, event, read);
        return;
    }
    struct turn *turn = source_close_ask(session);
    if (turn != NULL) {
        realtime_id_set(&turn->response, read->response);
        turn_feed(turn, event, read);
    } else {
        source_skip(session, read->response);
    }
    source_ask_next(session);
}

/* Whose event it is. NULL: of none that is under way. */
static struct turn *source_turn(const struct session *session, const struct realtime_event *read)
{
    struct turn *found = NULL;
    LIST_EACH(node, &session->turns) {
        struct turn *turn = EP_CONTAINER(node, struct turn, node);
        bool named = read->response.len > 0 && turn->response.len > 0;
        bool it = named ? str_eq(read->response, realtime_id_str(&turn->response))
                        : turn == session->response || (!read->item && session->responses == 1);
        if (turn->kind == TURN_RESPONSE && turn->call != NULL && turn->begun && it) {
            found = turn;
        }
    }
    return found;
}

static void source_take_response(struct session *session, struct str event,
                                 const struct realtime_event *read)
{
    if (read->kind == REALTIME_BEGUN) {
        source_begun(session, event, read);
        return;
    }
    if (source_skips(session, read)) {
        return;
    }
    struct turn *turn = source_turn(session, read);
    if (read->kind == REALTIME_DONE) {
        session_learn(session, turn, read->usage);
    }
    if (turn != NULL) {
        turn_feed(turn, event, read);
    } else if (read->item) {
        session_tell(session, event); /* one of the client's own: no response is under way */
    }                                 /* else nobody pays for it */
}

/* An error that names no event is taken for that of the ask, if one is open. */
static void source_take_error(struct session *session, struct str event,
                              const struct realtime_event *read)
{
    struct str id = realtime_id_str(&session->ask.id);
    bool told = read->event_id.len > 0 && id.len > 0;
    if (session->ask.open && (!told || str_eq(read->event_id, id))) {
        struct turn *turn = source_close_ask(session);
        if (turn != NULL) {
            source_refuses(turn, read->error);
        }
        source_ask_next(session);
    } else if (!str_starts(read->event_id, STR(REALTIME_OURS))) {
        session_tell(session, event);
    } /* else of a cancellation of ours: what it was of has ended by itself */
}

/* The last of the changes that are under way is what counts. Where the source refuses one, none is
 * the last any more: then the greatest cap that was asked for counts. */
static void source_changed(struct session *session, const struct realtime_event *read)
{
    session->changes -= session->changes > 0 ? 1 : 0;
    session->asked_cap = session->changes == 0 ? 0 : session->asked_cap;
    session->output_cap = read->output_cap;
    session->says_narrow = read->narrow;
    session->narrow |= read->hears_narrow;
}

static void source_take(struct session *session, struct str event,
                        const struct realtime_event *read)
{
    switch (read->kind) {
    case REALTIME_BEGUN:
    case REALTIME_WITHIN:
    case REALTIME_DONE:
        source_take_response(session, event, read);
        break;
    case REALTIME_TRANSCRIBED:
        if (read->usage.len > 0) {
            source_begins(session, TURN_TRANSCRIPT, event, read);
        } else {
            session_tell(session, event);
        }
        break;
    case REALTIME_ERROR:
        source_take_error(session, event, read);
        break;
    case REALTIME_SESSION:
        if (swap_check_json(session->sold, session->route->upstream_model, read->model) ==
            SWAP_MISMATCH) {
            source_wrong(session, ERR_UPSTREAM_MODEL, "turned into another model");
            break;
        }
        source_changed(session, read);
        session->bytes += (int64_t)event.len;
        session_tell(session, event);
        break;
    case REALTIME_LIMITS:
        break; /* the operator's, with all its clients: nobody's business */
    case REALTIME_OTHER:
        session_tell(session, event);
        break;
    }
}

static void source_on_message(struct channel *channel, bool text, struct str data)
{
    struct session *session = session_of(channel);
    struct turn *opening = source_opening(session);
    struct realtime_event read;
    realtime_read_event(data, &read);
    if (opening != NULL) {
        source_answer_opening(session, opening, data, &read);
    } else if (!text || read.bad) {
        source_wrong(session, ERR_UPSTREAM_SYNTAX, "sent what is no event");
    } else {
        source_take(session, data, &read);
    }
    session_balance(session);
}

static void source_on_drained(struct channel *channel)
{
    session_balance(session_of(channel));
}

/* What was under way ends with what came of it. */
static void source_on_closed(struct channel *channel, uint16_t code, struct str reason)
{
    struct session *session = session_of(channel);
    struct turn *opening = source_opening(session);
    (void)code;
    (void)reason;
    if (opening != NULL) {
        turn_fail(opening, ERR_UPSTREAM_CUT, "closed the session");
    } else {
        source_fail_all(session, ERR_UPSTREAM_CUT, "closed the session");
        session_end(session, WEBSOCKET_GOING_AWAY, "the source closed the session", false);
    }
    session_look(session);
}

const struct channel_events source_events = {
    .on_open = source_on_open,
    .on_refused = source_on_refused,
    .on_message = source_on_message,
    .on_drained = source_on_drained,
    .on_closed = source_on_closed,
};
