#include "front/realtime.h"

#include <stdio.h>
#include <string.h>

#include "base/counter.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "dialect/ask.h"
#include "dispatch/limits.h"
#include "front/realtime_internal.h"
#include "gate/auth.h"
#include "wire/json.h"
#include "wire/jsonw.h"

#define SESSION_TEXT_MAX   ((size_t)16 << 10)
#define SESSION_FOUND_MAX  ((size_t)1 << 20)
#define SESSION_ERROR_MAX  4096
#define SESSION_SPARE      512  /* tokens of a session that nobody has told about */
#define SOUND_TOKEN_WIDE   4800 /* bytes of what is heard: call_realtime.c has what is said */
#define SOUND_TOKEN_NARROW 800

/* ---- the end ------------------------------------------------------------------------------- */

static void session_on_grave(struct task *task)
{
    struct session *session = EP_CONTAINER(task, struct session, task);
    session->magic = 0;
    mem_free(session);
}

static void wipe(struct buf *buf)
{
    if (buf->ptr != NULL) {
        secret_wipe(buf->ptr, buf->cap);
    }
    buf_fini(buf);
}

static void session_free(struct session *session)
{
    struct front *front = session->front;
    timer_stop(front->loop, &session->timer);
    node_unlink(&session->node);
    front->sessions_count--;
    if (session->place != NULL) {
        limits_give(session->place);
    }
    gate_snapshot_unref(session->snapshot);
    buf_fini(&session->headers);
    wipe(&session->source_headers);
    buf_fini(&session->model);
    buf_fini(&session->found);
    buf_fini(&session->target);
    task_cancel(&session->task);
    task_init(&session->task, session_on_grave);
    loop_bury(front->loop, &session->task);
}

static bool channel_is_over(const struct channel *channel)
{
    return channel->state == CHANNEL_NONE;
}

/* Whether the source is still to be read: a call is answered out of it. */
static bool session_answers(const struct session *session)
{
    LIST_EACH(node, &session->turns) {
        const struct turn *turn = EP_CONTAINER(node, struct turn, node);
        if (turn->kind == TURN_RESPONSE && turn->call != NULL) {
            return true;
        }
    }
    return false;
}

/* In a task of its own: whoever told of an end is done with the session. */
static void session_on_task(struct task *task)
{
    struct session *session = EP_CONTAINER(task, struct session, task);
    if (session->state != SESSION_ENDING) {
        return;
    }
    if (channel_is_open(&session->source) && !session_answers(session)) {
        channel_close(&session->source, WEBSOCKET_NORMAL, STR_EMPTY);
    }
    if (session->x == NULL && list_empty(&session->turns) && channel_is_over(&session->client) &&
        channel_is_over(&session->source)) {
        session_free(session);
    }
}

void session_look(struct session *session)
{
    task_queue(session->front->loop, &session->task);
}

void session_end(struct session *session, uint16_t code, const char *reason, bool at_once)
{
    if (session->state == SESSION_OPENING && session->x != NULL) {
        return; /* its call says how it ends */
    }
    session->state = SESSION_ENDING;
    if (!session->closes) {
        session->closes = true;
        session->code = code;
        session->reason = reason;
    }
    if (at_once || session->responses == 0) {
        channel_close(&session->client, session->code, str_from(session->reason));
    }
    session_look(session);
}

/* The client has gone: what is under way for it is read on only for what the source bills. */
static void session_lose_client(struct session *session)
{
    session->state = SESSION_ENDING;
    LIST_EACH_SAFE(node, after, &session->turns) {
        struct turn *turn = EP_CONTAINER(node, struct turn, node);
        if (turn->kind == TURN_RESPONSE) {
            turn_leave(turn);
        }
    }
    session_balance(session);
}

/* Whether the registry in force has the session's source as it was. */
static bool session_source_stands(const struct session *session)
{
    const struct registry_route *now =
        registry_route(session->front->snapshot->registry, session->route->id);
    const struct registry_route *was = session->route;
    return now != NULL && now->state == REGISTRY_ROUTE_ACTIVE && now->dialect == was->dialect &&
           str_eq(now->endpoint, was->endpoint) &&
           str_eq(now->credential->secret, was->credential->secret) &&
           str_eq(now->model->id, was->model->id);
}

void session_check_source(struct session *session)
{
    if (session->state == SESSION_OPEN && !session_source_stands(session)) {
        session_end(session, WEBSOCKET_POLICY, "the source is not open to you any more", false);
    }
}

void realtime_swapped(struct front *front)
{
    LIST_EACH_SAFE(node, after, &front->sessions) {
        session_check_source(EP_CONTAINER(node, struct session, node));
    }
}

static void session_cut(struct session *session)
{
    if (session->state == SESSION_OPENING) {
        return; /* its call tells the client */
    }
    channel_abort(&session->client);
    session_lose_client(session);
    if (!session_answers(session)) {
        channel_abort(&session->source);
    }
}

void realtime_cut(struct front *front)
{
    LIST_EACH_SAFE(node, after, &front->sessions) {
        session_cut(EP_CONTAINER(node, struct session, node));
    }
}

/* ---- time ---------------------------------------------------------------------------------- */

void session_schedule(struct session *session)
{
    const struct gate_options *options = &session->front->snapshot->options;
    int64_t length = session->begun_ns + options->session_ns;
    int64_t idle = session->used_ns + options->session_idle_ns;
    /* Without memory for it, the client's next event tries again. */
    EP_IGNORE(timer_start(session->front->loop, &session->timer, length < idle ? length : idle));
}

static void session_on_timer(struct timer *timer)
{
    struct session *session = EP_CONTAINER(timer, struct session, timer);
    const struct gate_options *options = &session->front->snapshot->options;
    int64_t now_ns = loop_now_ns(session->front->loop);
    if (session->state != SESSION_OPEN) {
        return;
    }
    if (now_ns >= session->begun_ns + options->session_ns) {
        session_end(session, WEBSOCKET_POLICY, "the session is as long as a session may be", false);
    } else if (now_ns >= session->used_ns + options->session_idle_ns && session->responses == 0) {
        session_end(session, WEBSOCKET_POLICY, "nothing was said for too long", true);
    } else {
        session->used_ns = session->responses > 0 ? now_ns : session->used_ns;
        session_schedule(session);
    }
}

/* ---- what the client is told --------------------------------------------------------------- */

void session_tell(struct session *session, struct str event)
{
    if (!channel_is_open(&session->client)) {
        return;
    }
    counter_add(COUNTER_BYTES_OUT, (int64_t)event.len);
    if (channel_send(&session->client, true, event) != ERR_OK) {
        /* An event that is missing is worse than the end. */
        session_end(session, WEBSOCKET_TRY_LATER, "the client reads too slowly", true);
    }
}

void session_tell_error(struct session *session, struct str error, struct str event_id)
{
    struct buf text;
    buf_init(&text, SESSION_FOUND_MAX);
    if (json_kind(error) == JSON_OBJECT &&
        realtime_write_error(&text, error, event_id, ++session->events) == ERR_OK) {
        session_tell(session, buf_str(&text));
    }
    buf_fini(&text);
}

void session_tell_err(struct session *session, enum err err, const char *message, const char *param,
                      struct str event_id)
{
    char text[SESSION_ERROR_MAX];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct jsonw json;
    const struct face_error error = {
        .err = err,
        .message = message == NULL ? STR_EMPTY : str_from(message),
        .param = param == NULL ? STR_EMPTY : str_from(param),
    };
    jsonw_init(&json, &out);
    face_error_object(&json, FACE_OPENAI, &error);
    if (jsonw_err(&json) == ERR_OK) {
        session_tell_error(session, buf_str(&out), event_id);
    }
}

void session_tell_code(struct session *session, const char *code, const char *message,
                       struct str event_id)
{
    char text[SESSION_ERROR_MAX];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    if (realtime_write_refusal(&out, code, str_from(message)) == ERR_OK) {
        session_tell_error(session, buf_str(&out), event_id);
    }
}

/* ---- who is read --------------------------------------------------------------------------- */

static void channel_let(struct channel *channel, bool read)
{
    if (read) {
        channel_resume(channel);
    } else {
        channel_pause(channel);
    }
}

/* What the client says behind response.create must not overtake it. */
static bool turn_holds_client(const struct turn *turn)
{
    return turn->kind == TURN_RESPONSE && !turn->by_source && !turn->asked && !turn->over;
}

/* What follows a response waits until its end has left. */
static bool turn_holds_source(const struct turn *turn)
{
    bool waits = (turn->by_source && !turn->begun) || turn->over;
    bool paused = turn->call != NULL && turn->call->paused;
    return turn->kind == TURN_RESPONSE && (waits || paused);
}

static bool session_holds(const struct session *session, bool (*holds)(const struct turn *turn))
{
    LIST_EACH(node, &session->turns) {
        if (holds(EP_CONTAINER(node, struct turn, node))) {
            return true;
        }
    }
    return false;
}

static bool session_client_read(const struct session *session)
{
    return session->state != SESSION_OPENING && !session_holds(session, turn_holds_client) &&
           channel_pending(&session->source) <= REALTIME_PENDING_MAX;
}

static bool session_source_read(const struct session *session)
{
    if (session->state == SESSION_OPENING) {
        return !session->created;
    }
    return !session_holds(session, turn_holds_source) &&
           session->transcripts < REALTIME_TRANSCRIPTS &&
           (!channel_is_open(&session->client) ||
            channel_pending(&session->client) <= REALTIME_PENDING_MAX);
}

void session_balance(struct session *session)
{
    bool slow = channel_is_open(&session->client) &&
                channel_pending(&session->client) > REALTIME_PENDING_MAX;
    LIST_EACH(node, &session->turns) {
        struct turn *turn = EP_CONTAINER(node, struct turn, node);
        if (http_inner_is_open(&turn->inner) && slow) {
            http_inner_pause(&turn->inner);
        } else if (http_inner_is_open(&turn->inner)) {
            http_inner_resume(&turn->inner);
        }
    }
    channel_let(&session->client, session_client_read(session));
    channel_let(&session->source, session_source_read(session));
    if (session->state == SESSION_ENDING) {
        if (session->closes && session->responses == 0) {
            channel_close(&session->client, session->code, str_from(session->reason));
        }
        session_look(session);
    }
}

/* ---- what is held for ---------------------------------------------------------------------- */

int64_t session_input_most(const struct session *session, size_t event)
{
    int64_t sound = session->sound / (session->narrow ? SOUND_TOKEN_NARROW : SOUND_TOKEN_WIDE);
    int64_t most = session->context + session->bytes + sound + (int64_t)event + SESSION_SPARE;
    int64_t whole = (int64_t)session->sold->context_tokens;
    return whole > 0 && whole < most ? whole : most;
}

/* A change that lowers the cap counts when the source has told it, one that raises it at once: the
 * source may refuse the one, and have taken the other already. */
int64_t session_output_most(const struct session *session)
{
    int64_t asked = session->asked_cap;
    bool raised = session->output_cap > 0 && asked > session->output_cap;
    return raised ? asked == INT64_MAX ? 0 : asked : session->output_cap;
}

/* Its total is the conversation as it is now, unless its input was another; what came since the
 * source began to read it is beside that. */
void session_learn(struct session *session, const struct turn *turn, struct str usage)
{
    int64_t total = realtime_total(usage);
    if (turn != NULL && !turn->beside && !turn->instead && total > 0) {
        session->context = total;
        session->bytes -= turn->bytes;
        session->sound -= turn->sound;
    } else if (turn == NULL) { /* nobody knows */
        session->context = total > session->context ? total : session->context;
    } else if (!turn->beside) { /* its output is in the conversation now */
        int64_t room = REALTIME_TOTAL_MAX - session->context;
        session->context += total < room ? total : room;
    }
}

/* ---- the client's events ------------------------------------------------------------------- */

static struct session *session_of(struct channel *channel)
{
    struct session *session = EP_CONTAINER(channel, struct session, client);
    ASSERT(session->magic == REALTIME_MAGIC);
    return session;
}

static bool client_send_on(struct session *session, struct str event, struct str event_id)
{
    enum err err = source_send(session, event);
    if (err != ERR_OK && err != ERR_NET_CLOSED) { /* of that the source's end tells */
        session_tell_err(session, err, NULL, NULL, event_id);
    }
    return err == ERR_OK;
}

/* As OpenAI says it: clients know the code. */
static void client_refuse_second(struct session *session, struct str event_id)
{
    char room[REALTIME_ID_MAX + 160];
    struct buf text = { room, 0, sizeof(room) - 1, sizeof(room) - 1 };
    struct str id = realtime_id_str(&session->response->response);
    id = id.len > 2 ? str_slice(id, 1, id.len - 1) : STR("(not begun yet)");
    EP_IGNORE(buf_printf(&text, /* it fits */
                         "Conversation already has an active response in progress: " STR_FMT
                         ". Wait until the response is finished before creating a new one.",
                         STR_ARG(id)));
    room[text.len] = '\0';
    session_tell_code(session, "conversation_already_has_active_response", room, event_id);
}

/* Whether one more may begin; else the client was told why not. */
static bool client_has_room(struct session *session, const struct realtime_ask *ask)
{
    char text[128];
    if (!ask->beside && session->response != NULL) {
        client_refuse_second(session, ask->event_id);
        return false;
    }
    if (session->responses + session->skipped_count >= REALTIME_RESPONSES) {
        (void)snprintf(text, sizeof(text),
                       "The session has %d responses under way: wait for a response.done.",
                       REALTIME_RESPONSES);
        session_tell_err(session, ERR_LIMIT_CALLS, text, NULL, ask->event_id);
        return false;
    }
    return true;
}

static void client_begin_response(struct session *session, struct str event,
                                  const struct realtime_ask *ask)
{
    struct turn *turn = NULL;
    if (!client_has_room(session, ask)) {
        return;
    }
    enum err err = turn_begin(session, TURN_RESPONSE, event, ask->event_id, false, &turn);
    if (err != ERR_OK) {
        session_tell_err(session, err, NULL, NULL, ask->event_id);
        return;
    }
    turn->beside = ask->beside;
    turn->instead = ask->instead;
    session->response = ask->beside ? session->response : turn;
}

static void client_send_change(struct session *session, struct str event,
                               const struct realtime_ask *ask)
{
    int64_t cap = ask->output_cap > 0 ? ask->output_cap : INT64_MAX;
    if (client_send_on(session, event, ask->event_id)) {
        session->changes++;
        session->asked_cap = ask->caps && cap > session->asked_cap ? cap : session->asked_cap;
    }
}

/* The model's name is ours to the client and the source's own to the source. */
static void client_change(struct session *session, struct str event, const struct realtime_ask *ask)
{
    struct buf text;
    session->narrow |= ask->narrow;
    session->bytes += (int64_t)event.len;
    if (ask->model.len == 0) {
        client_send_change(session, event, ask);
        return;
    }
    if (!json_string_is(ask->model, buf_str(&session->model))) {
        session_tell_err(session, ERR_ASK_INVALID, "A session's model cannot be changed.",
                         "session.model", ask->event_id);
        return;
    }
    size_t at = (size_t)(ask->model.ptr - event.ptr);
    buf_init(&text, event.len + 2048);
    enum err err = buf_append(&text, str_slice(event, 0, at));
    err = err == ERR_OK ? jsonw_quote(&text, session->route->upstream_model) : err;
    err = err == ERR_OK ? buf_append(&text, str_from_at(event, at + ask->model.len)) : err;
    if (err == ERR_OK) {
        client_send_change(session, buf_str(&text), ask);
    } else {
        session_tell_err(session, err, NULL, NULL, ask->event_id);
    }
    buf_fini(&text);
}

/* Whether the key is still good: what is said between two responses goes to the source too. */
static bool client_may_speak(struct session *session)
{
    enum err err = auth_still(session->front->gate, &session->actor);
    if (err != ERR_OK) {
        session_tell_err(session, err, NULL, NULL, STR_EMPTY);
        session_end(session, WEBSOCKET_POLICY, "the key is not valid any more", true);
    }
    return err == ERR_OK;
}

static void client_take(struct session *session, struct str event)
{
    struct realtime_ask ask;
    struct fail fail = { .text = "" };
    enum err err = realtime_read_ask(event, &ask, &fail);
    if (err != ERR_OK) {
        session_tell_err(session, err, fail.text, ask.param, ask.event_id);
        return;
    }
    if (ask.kind == REALTIME_ASK_RESPONSE) {
        client_begin_response(session, event, &ask);
        return;
    }
    if (ask.kind == REALTIME_ASK_SESSION) {
        client_change(session, event, &ask);
        return;
    }
    session->bytes += ask.kind == REALTIME_ASK_ITEM ? (int64_t)event.len : 0;
    session->sound += ask.sound_bytes;
    (void)client_send_on(session, event, ask.event_id);
}

/* The session ends behind what is under way, which may be cancelled yet: all else is too late. */
static void client_take_late(struct session *session, struct str event)
{
    struct realtime_ask ask;
    struct fail fail;
    if (realtime_read_ask(event, &ask, &fail) == ERR_OK && ask.kind == REALTIME_ASK_CANCEL) {
        (void)client_send_on(session, event, ask.event_id);
        return;
    }
    session_tell_err(session, ERR_SHUTDOWN, session->reason, NULL, ask.event_id);
}

static void client_on_message(struct channel *channel, bool text, struct str data)
{
    struct session *session = session_of(channel);
    session->used_ns = loop_now_ns(session->front->loop);
    if (!client_may_speak(session)) {
        return;
    }
    if (text && session->state == SESSION_ENDING) {
        client_take_late(session, data);
    } else if (text) {
        client_take(session, data);
    } else {
        session_tell_err(session, ERR_ASK_INVALID, "An event is text, not binary.", NULL,
                         STR_EMPTY);
    }
    if (!timer_armed(&session->timer)) {
        session_schedule(session);
    }
    session_balance(session);
}

static void client_on_drained(struct channel *channel)
{
    session_balance(session_of(channel));
}

static void client_on_draining(struct channel *channel)
{
    session_end(session_of(channel), WEBSOCKET_GOING_AWAY, "the server is shutting down", false);
}

static void client_on_closed(struct channel *channel, uint16_t code, struct str reason)
{
    (void)code;
    (void)reason;
    session_lose_client(session_of(channel));
}

static const struct channel_events client_events = {
    .on_message = client_on_message,
    .on_drained = client_on_drained,
    .on_draining = client_on_draining,
    .on_closed = client_on_closed,
};

/* ---- the beginning ------------------------------------------------------------------------- */

struct session *session_make(struct front *front, struct http_exchange *x)
{
    struct session *session = mem_zalloc(sizeof(*session));
    struct channel_options options = channel_options_default();
    if (session == NULL) {
        return NULL;
    }
    options.limits.message_bytes_max = front->snapshot->options.session_event_max;
    options.queue_bytes_max = 2 * options.limits.message_bytes_max; /* one waits, one comes */
    options.open_ns = front->snapshot->options.connect_ns;
    session->magic = REALTIME_MAGIC;
    session->front = front;
    session->x = x;
    http_exchange_from(x, &session->from);
    buf_init(&session->headers, SESSION_TEXT_MAX);
    buf_init(&session->model, ASK_MODEL_MAX);
    buf_init(&session->found, SESSION_FOUND_MAX);
    buf_init(&session->target, SESSION_TEXT_MAX);
    buf_init(&session->source_headers, SESSION_TEXT_MAX);
    list_init(&session->turns);
    task_init(&session->task, session_on_task);
    timer_init(&session->timer, session_on_timer);
    channel_init(&session->client, &client_events, &options);
    channel_init(&session->source, &source_events, &options);
    list_push_back(&front->sessions, &session->node);
    front->sessions_count++;
    return session;
}
