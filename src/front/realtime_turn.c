/* A call of a session: its request is made within the process, its answer comes from the source. */
#include <string.h>

#include "base/mem.h"
#include "front/realtime_internal.h"
#include "wire/json.h"

#define TURN_EVENT_MAX   ((size_t)64 << 20) /* the most that limits.realtime_event_bytes can be */
#define TURN_ANSWER_MAX  ((size_t)1 << 20)  /* of one that is not streamed: session.created */
#define TURN_HEADERS_MAX ((size_t)16 << 10)

static const struct http_inner_events turn_inner_events;
static const struct call_turn_events turn_call_events;

struct turn *turn_of(struct http_exchange *x)
{
    struct http_inner *inner = http_inner_of(x);
    if (inner == NULL || inner->events != &turn_inner_events) {
        return NULL;
    }
    return EP_CONTAINER(inner, struct turn, inner);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void turn_free(struct turn *turn)
{
    struct session *session = turn->session;
    ASSERT(session->response != turn && session->ask.turn != turn);
    session->transcripts -= turn->kind == TURN_TRANSCRIPT;
    session->responses -= turn->kind == TURN_RESPONSE;
    node_unlink(&turn->node);
    buf_fini(&turn->event);
    buf_fini(&turn->event_id);
    buf_fini(&turn->body);
    buf_fini(&turn->headers);
    sse_fini(&turn->sse);
    mem_free(turn);
    session_look(session);
}

void turn_look(struct turn *turn)
{
    struct session *session = turn->session;
    if (turn->held > 0 || turn->call != NULL || http_inner_is_open(&turn->inner)) {
        return;
    }
    if (session->response == turn) {
        session->response = NULL;
    }
    turn_free(turn);
    session_balance(session);
}

static enum err turn_request(struct turn *turn)
{
    struct session *session = turn->session;
    struct buf body;
    buf_init(&body, TURN_EVENT_MAX);
    TRY(buf_append(&body, buf_str(&turn->event)));
    const struct http_inner_request request = {
        .method = STR("POST"),
        .target = STR("/v1/realtime"),
        .headers = buf_str(&session->headers),
        .body = &body,
        .from = session->from,
        .actor = &turn->actor,
    };
    enum err err = http_inner_start(gate_server(session->front->gate), &request, &turn->inner);
    buf_fini(&body); /* what was not taken over */
    return err;
}

enum err turn_begin(struct session *session, enum turn_kind kind, struct str event,
                    struct str event_id, bool by_source, struct turn **ret_turn)
{
    struct turn *turn = mem_zalloc(sizeof(*turn));
    if (turn == NULL) {
        return ERR_NO_MEMORY;
    }
    turn->session = session;
    turn->kind = kind;
    turn->by_source = by_source;
    turn->seat.events = &turn_call_events;
    turn->actor = session->actor;
    turn->actor.turn = &turn->seat;
    http_inner_init(&turn->inner, &turn_inner_events);
    buf_init(&turn->event, TURN_EVENT_MAX);
    buf_init(&turn->event_id, TURN_EVENT_MAX);
    buf_init(&turn->body, TURN_ANSWER_MAX);
    buf_init(&turn->headers, TURN_HEADERS_MAX);
    sse_init(&turn->sse, TURN_EVENT_MAX);
    list_push_back(&session->turns, &turn->node);
    session->transcripts += kind == TURN_TRANSCRIPT;
    session->responses += kind == TURN_RESPONSE;
    enum err err = buf_append(&turn->event, event);
    err = err == ERR_OK ? buf_append(&turn->event_id, event_id) : err;
    err = err == ERR_OK ? turn_request(turn) : err;
    if (err != ERR_OK) {
        turn_free(turn);
        return err == ERR_LIMIT ? ERR_NO_MEMORY : err;
    }
    *ret_turn = turn;
    return ERR_OK;
}

/* ---- the call's answer, on its way to the client -------------------------------------------- */

/* The last event names the call, which an answer of HTTP does in a header. */
static void turn_tell_last(struct turn *turn, struct str data)
{
    struct buf text;
    struct str rest = str_from_at(json_trim(data), 1);
    buf_init(&text, TURN_EVENT_MAX + sizeof(turn->id) + 64);
    const struct str parts[] = {
        STR("{\"entrepot\":{\"call\":\""),
        { turn->id, turn->id_len },
        STR("\"},"),
        rest,
    };
    bool named = turn->id_len > 0 && buf_append_all(&text, parts, EP_ARRAY_LEN(parts)) == ERR_OK;
    session_tell(turn->session, named ? buf_str(&text) : data);
    buf_fini(&text);
}

/* One event of the call's stream: the source's as it was, or an error of ours. */
static void turn_tell(struct turn *turn, struct str data)
{
    struct session *session = turn->session;
    struct json_fault fault;
    if (json_check(data, &fault) != ERR_OK) {
        return;
    }
    struct str error = json_get(data, STR("error"));
    struct str type = json_get(data, STR("type"));
    if (type.len == 0 && error.len > 0) {
        session_tell_error(session, error, buf_str(&turn->event_id));
    } else if (json_string_is(type, STR("response.done")) || turn->kind == TURN_TRANSCRIPT) {
        turn_tell_last(turn, data);
    } else {
        session_tell(session, data);
    }
}

static void turn_note_id(struct turn *turn, struct str headers)
{
    while (headers.len > 0) {
        struct str value = str_cut(&headers, '\n');
        struct str name = str_cut(&value, ':');
        value = str_trim(str_slice(value, 0, value.len > 0 ? value.len - 1 : 0));
        if (str_eq(name, STR("x-entrepot-call")) && value.len <= sizeof(turn->id)) {
            memcpy(turn->id, value.ptr, value.len);
            turn->id_len = value.len;
        }
    }
}

static void turn_on_head(struct http_inner *inner, int status, struct str headers)
{
    struct turn *turn = EP_CONTAINER(inner, struct turn, inner);
    turn->status = status;
    turn_note_id(turn, headers);
    if (turn->kind == TURN_OPEN && buf_append(&turn->headers, headers) != ERR_OK) {
        buf_reset(&turn->headers); /* then the refusal goes without them */
    }
}

static void turn_on_body(struct http_inner *inner, struct str data)
{
    struct turn *turn = EP_CONTAINER(inner, struct turn, inner);
    if (turn->kind == TURN_OPEN || turn->status != 200) {
        if (buf_append(&turn->body, data) != ERR_OK) {
            buf_reset(&turn->body); /* no refusal is that long */
        }
        return;
    }
    struct sse_event event;
    while (sse_next(&turn->sse, &data, &event) == WIRE_DONE) {
        if (event.has_data) {
            turn_tell(turn, event.data);
        }
    }
}

/* The call was refused, or came to nothing: the client is told by an event. */
static void turn_tell_refusal(struct turn *turn)
{
    struct session *session = turn->session;
    struct json_fault fault;
    struct str error = STR_EMPTY;
    if (json_check(buf_str(&turn->body), &fault) == ERR_OK) {
        error = json_get(buf_str(&turn->body), STR("error"));
    }
    if (error.len > 0) {
        session_tell_error(session, error, buf_str(&turn->event_id));
        if (json_string_is(json_get(error, STR("type")), STR("compliance_refusal"))) {
            /* What may not be sold may not be said there either. */
            session_end(session, WEBSOCKET_POLICY, "the session may not go on", false);
        }
    } else {
        session_tell_err(session, ERR_NO_ROUTE, NULL, NULL, buf_str(&turn->event_id));
    }
}

/* The source has begun what nobody pays for. */
static void turn_drop_source(struct turn *turn)
{
    if (turn->kind == TURN_RESPONSE && !turn->over && (turn->asked || turn->by_source)) {
        turn->over = true;
        source_drop(turn->session, turn);
    }
}

/* The call is over, and so is all that the client is told of it. */
static void turn_ended(struct turn *turn)
{
    struct session *session = turn->session;
    bool refused = turn->status != 200;
    if (turn->kind == TURN_OPEN) {
        if (refused) {
            session_refused(session, turn->status, buf_str(&turn->headers), buf_str(&turn->body));
        } else {
            session_opened(session, turn);
        }
        turn_look(turn);
        return;
    }
    if (refused) {
        turn_tell_refusal(turn);
    }
    if (turn->call == NULL) {
        turn_drop_source(turn);
    }
    session->used_ns = loop_now_ns(session->front->loop);
    turn_look(turn);
}

static void turn_on_end(struct http_inner *inner)
{
    turn_ended(EP_CONTAINER(inner, struct turn, inner));
}

static void turn_on_failed(struct http_inner *inner, enum err err)
{
    struct turn *turn = EP_CONTAINER(inner, struct turn, inner);
    (void)err;
    turn->status = 0;
    buf_reset(&turn->body);
    turn_ended(turn);
}

static const struct http_inner_events turn_inner_events = {
    .on_head = turn_on_head,
    .on_body = turn_on_body,
    .on_end = turn_on_end,
    .on_failed = turn_on_failed,
};

/* ---- the source's side of it ---------------------------------------------------------------- */

/* The answer is over: the call is not touched any more. */
static struct http_call *turn_let_go(struct turn *turn)
{
    struct http_call *call = turn->call;
    call_turn_let_go(&turn->seat);
    turn->call = NULL;
    return call;
}

void turn_fail(struct turn *turn, enum err err, const char *what)
{
    struct fail fail;
    const struct session *session = turn->session;
    struct str route = session->route == NULL ? STR_EMPTY : session->route->id;
    turn->over = true;
    err = FAIL(&fail, err, "route \"" STR_FMT "\" %s", STR_ARG(route), what);
    http_answer_fail(turn_let_go(turn), err, &fail);
    turn_look(turn);
}

/* What the source has not been asked for yet is nobody's to pay for any more. */
void turn_leave(struct turn *turn)
{
    bool waits = turn->kind == TURN_RESPONSE && !turn->by_source && !turn->asked;
    http_inner_cancel(&turn->inner);
    if (waits && turn->call != NULL) {
        turn_fail(turn, ERR_CANCELLED, "was not asked yet");
    } else {
        turn_look(turn);
    }
}

static void turn_tell_head(struct turn *turn, int status, struct str type)
{
    struct http1_head head = { .status = status, .header_count = 1, .version_11 = true };
    head.headers[0] = (struct http1_header){ STR("content-type"), type };
    turn->begun = true;
    http_answer_head(turn->call, &head);
}

/* What the call does about its answer may end both sides of the turn. */
static void turn_release(struct turn *turn)
{
    turn->held--;
    turn_look(turn);
}

void turn_whole(struct turn *turn, int status, struct str body)
{
    turn->held++;
    turn->over = true;
    turn_tell_head(turn, status, STR("application/json"));
    if (turn->call != NULL && body.len > 0) {
        http_answer_body(turn->call, body);
    }
    if (turn->call != NULL) { /* else what it said was refused */
        http_answer_end(turn_let_go(turn));
    }
    turn_release(turn);
}

void turn_feed(struct turn *turn, struct str event, const struct realtime_event *read)
{
    struct buf text;
    bool last = read->kind == REALTIME_DONE || read->kind == REALTIME_TRANSCRIBED;
    buf_init(&text, TURN_EVENT_MAX + 64);
    if (realtime_write_sse(&text, event) != ERR_OK) {
        buf_fini(&text);
        if (!last) {
            turn_drop_source(turn); /* it would go on, and be billed to nobody */
        }
        turn_fail(turn, ERR_NO_MEMORY, "sent an event there is no memory for");
        return;
    }
    call_turn_gave(&turn->seat, read, http_inner_is_open(&turn->inner));
    turn->held++;
    turn->over |= last;
    if (!turn->begun) {
        turn_tell_head(turn, 200, STR("text/event-stream"));
    }
    if (turn->call != NULL) {
        http_answer_body(turn->call, buf_str(&text));
    }
    buf_fini(&text);
    if (last && turn->call != NULL) {
        http_answer_end(turn_let_go(turn));
    }
    turn_release(turn);
}

/* The event that began it is its answer's first. */
static void turn_start_from_event(struct turn *turn)
{
    struct realtime_event read;
    realtime_read_event(buf_str(&turn->event), &read);
    turn->held++;
    http_answer_sent(turn->call);
    if (turn->call != NULL) {
        turn_feed(turn, buf_str(&turn->event), &read);
    }
    turn_release(turn);
}

/* A connection gives an answer once: another attempt cannot be made on it. */
static void turn_start_response(struct turn *turn)
{
    if (!channel_is_open(&turn->session->source) || turn->asked || turn->begun) {
        turn_fail(turn, ERR_UPSTREAM_CUT, "has closed the session");
    } else if (turn->by_source) {
        turn_start_from_event(turn);
    } else {
        source_ask(turn->session, turn);
    }
}

/* ---- what its call asks --------------------------------------------------------------------- */

static struct turn *turn_of_seat(struct call_turn *seat)
{
    struct turn *turn = EP_CONTAINER(seat, struct turn, seat);
    ASSERT(turn->session->magic == REALTIME_MAGIC);
    return turn;
}

static void turn_on_ask(struct call_turn *seat, struct call_turn_ask *ret_ask)
{
    const struct turn *turn = turn_of_seat(seat);
    const struct session *session = turn->session;
    struct realtime_ask ask;
    struct fail fail;
    *ret_ask = (struct call_turn_ask){
        .kind = turn->kind,
        .model = buf_str(&session->model),
        .route = session->route,
        .narrow = session->says_narrow,
    };
    if (turn->kind != TURN_RESPONSE) {
        return;
    }
    ret_ask->input_most = session_input_most(session, turn->by_source ? 0 : turn->event.len);
    ret_ask->output_most = session_output_most(session);
    if (!turn->by_source && realtime_read_ask(buf_str(&turn->event), &ask, &fail) == ERR_OK) {
        ret_ask->output_most = ask.caps ? ask.output_cap : ret_ask->output_most;
        ret_ask->narrow = session->says_narrow && !ask.sounds; /* for the lower bound: it may be */
    }
}

static void turn_on_start(struct call_turn *seat, struct http_call *http,
                          const struct call_turn_source *source)
{
    struct turn *turn = turn_of_seat(seat);
    struct session *session = turn->session;
    turn->call = http;
    if (turn->kind == TURN_OPEN) {
        gate_snapshot_unref(session->snapshot);
        session->snapshot = gate_snapshot_ref(source->snapshot);
        session->route = source->route;
        session->sold = source->model;
        source_connect(session, turn);
    } else if (turn->kind == TURN_RESPONSE) {
        turn_start_response(turn);
    } else {
        turn_start_from_event(turn);
    }
    session_balance(session);
}

static void turn_on_cancel(struct call_turn *seat)
{
    struct turn *turn = turn_of_seat(seat);
    turn->call = NULL;
    if (turn->kind == TURN_OPEN) {
        channel_abort(&turn->session->source);
    }
    turn_drop_source(turn);
    turn_look(turn);
}

static void turn_on_resume(struct call_turn *seat)
{
    session_balance(turn_of_seat(seat)->session);
}

static bool turn_taken(struct call_turn *seat)
{
    const struct turn *turn = turn_of_seat(seat);
    return channel_pending(&turn->session->client) == 0;
}

static const struct call_turn_events turn_call_events = {
    .on_ask = turn_on_ask,
    .on_start = turn_on_start,
    .on_cancel = turn_on_cancel,
    .on_resume = turn_on_resume,
    .taken = turn_taken,
};
