#include "gate/call_realtime.h"

#include <string.h>

#include "gate/call.h"
#include "gate/realtime_internal.h"
#include "wire/json.h"

/* Sound of 16 bits, 24,000 samples a second, is a token for each 50 ms that a model says, and one
 * for each 100 ms that it hears; where nobody reports, no more is billed than that. */
#define SOUND_TOKEN_WIDE   2400
#define SOUND_TOKEN_NARROW 400
#define OPEN_OUTPUT        1 /* a token: who has not even that is refused before the session */
#define SECONDS_MOST       86400

static bool copy(struct call *call, struct str text, struct str *ret_copy)
{
    *ret_copy = STR_EMPTY;
    return text.len == 0 || arena_copy(&call->arena, text, ret_copy);
}

/* The route that the session is at: no other one has its conversation. */
static bool bind_route(struct call *call, const struct session *session, struct call_realtime *mine)
{
    mine->bound = true;
    return copy(call, session->route->id, &mine->route) &&
           copy(call, session->route->endpoint, &mine->endpoint) &&
           copy(call, session->route->credential->secret, &mine->secret);
}

static void read_ask(struct call *call, const struct session *session, enum turn_kind kind)
{
    struct ask *ask = &call->ask;
    struct str model = buf_str(&session->model);
    ASSERT(model.len <= sizeof(ask->model_text)); /* realtime_open() */
    memcpy(ask->model_text, model.ptr, model.len);
    ask->body = buf_str(&call->body);
    ask->model = (struct str){ ask->model_text, model.len };
    ask->stream = kind != TURN_OPEN;
    ask->include_usage = true;
    ask->choices = 1;
    ask->output_cap = kind == TURN_OPEN ? OPEN_OUTPUT : 0;
}

/* What was heard is reported already: it is held for as it was. */
static void read_transcript(struct call *call, const struct realtime_event *event)
{
    int64_t total = realtime_total(event->usage);
    call->work->input_most = total;
    call->ask.output_cap = total > 0 ? total : OPEN_OUTPUT;
    call->work->most[USAGE_UNIT_SECOND_IN] =
        event->seconds < SECONDS_MOST ? event->seconds : SECONDS_MOST;
}

static enum err realtime_read(struct call *call, struct fail *fail)
{
    struct turn *turn = call->x == NULL ? NULL : turn_of(call->x);
    if (turn == NULL) {
        return FAIL(fail, ERR_CANCELLED, "the session has ended");
    }
    struct call_work *work = call_work_make(call, sizeof(struct call_realtime));
    if (work == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    struct call_realtime *mine = work->own;
    const struct session *session = turn->session;
    mine->kind = turn->kind;
    mine->sound_token = session->narrow ? SOUND_TOKEN_NARROW : SOUND_TOKEN_WIDE;
    read_ask(call, session, turn->kind);
    work->mixed = true;
    work->unseen = true; /* most of what is said went to the source before */
    if (turn->kind != TURN_OPEN && !bind_route(call, session, mine)) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    if (turn->kind == TURN_TRANSCRIPT) {
        struct realtime_event event;
        realtime_read_event(buf_str(&call->body), &event);
        mine->seconds = event.seconds;
        read_transcript(call, &event);
    } else if (turn->kind == TURN_RESPONSE) {
        struct realtime_ask ask;
        work->input_most = session_input_most(session, turn->by_source ? 0 : call->body.len);
        call->ask.output_cap = session_output_most(session);
        if (!turn->by_source && realtime_read_ask(buf_str(&call->body), &ask, fail) == ERR_OK &&
            ask.caps) {
            call->ask.output_cap = ask.output_cap;
        }
    }
    return ERR_OK;
}

/* Of the routes that serve it, those that are not where the session is. */
static uint64_t realtime_closed(const struct call *call, const struct registry_model *model)
{
    const struct call_realtime *mine = call->work->own;
    uint64_t closed = 0;
    for (size_t i = 0; mine->bound && i < model->route_count; i++) {
        const struct registry_route *route = model->routes[i];
        bool same = str_eq(route->id, mine->route) && str_eq(route->endpoint, mine->endpoint) &&
                    str_eq(route->credential->secret, mine->secret);
        closed |= same ? 0 : UINT64_C(1) << i;
    }
    return closed;
}

/* Nothing is sent by the attempt itself: the session has the connection. */
static enum err realtime_write(struct call *call, const struct registry_route *route,
                               struct splice *ret_splice)
{
    (void)route;
    splice_init(ret_splice, buf_str(&call->body));
    return ERR_OK;
}

static enum err realtime_start(struct call *call, struct http_call *upstream)
{
    const struct turn *turn = turn_of(call->x);
    if (turn == NULL) {
        return ERR_CANCELLED;
    }
    if (turn->kind == TURN_OPEN) {
        struct session *session = turn->session;
        gate_snapshot_unref(session->snapshot);
        session->snapshot = gate_snapshot_ref(call->snapshot);
        session->route = call->route;
        session->sold = call->model;
    }
    upstream->answerer = &turn_answerer;
    http_call_start(call->gate->pool, upstream);
    return ERR_OK;
}

/* The opening's answer is the source's session.created, which names the model. */
static enum err realtime_check(struct call *call)
{
    struct realtime_event event;
    realtime_read_event(buf_str(&call->answer), &event);
    if (event.bad || event.kind == REALTIME_ERROR) {
        return event.bad ? ERR_UPSTREAM_SYNTAX : ERR_UPSTREAM_STATUS;
    }
    call->has_reported = true; /* nothing was used */
    call->reported = (struct usage){ 0 };
    return call_service_declared(call, event.model);
}

/* A delta with text holds at least one token. */
static void realtime_least(const struct call_realtime *mine, struct usage *usage)
{
    usage->tokens[USAGE_OUT] = mine->text_events;
    usage->tokens[USAGE_OUT_AUDIO] = mine->sound_bytes / mine->sound_token;
}

/* What the client's connection has not taken yet is not billed by a crash. */
static bool realtime_so_far(const struct call *call, struct usage *ret_usage)
{
    const struct call_realtime *mine = call->work->own;
    if (mine->turn == NULL || channel_pending(&mine->turn->session->client) > 0) {
        return false;
    }
    realtime_least(mine, ret_usage);
    return true;
}

static void realtime_measure(struct call *call, const struct rate *rate)
{
    const struct call_realtime *mine = call->work->own;
    (void)rate;
    if (mine->seconds > 0) {
        int64_t most = call->work->most[USAGE_UNIT_SECOND_IN];
        call->billed.units[USAGE_UNIT_SECOND_IN] = mine->seconds < most ? mine->seconds : most;
        call->provenance = "upstream";
        return;
    }
    if (strcmp(call->provenance, "lower_bound") == 0) { /* by no report that can be billed */
        realtime_least(mine, &call->billed);
    }
}

const struct call_service call_realtime = {
    .service = REGISTRY_SERVICE_REALTIME,
    .writes = true,
    .read = realtime_read,
    .closed = realtime_closed,
    .write = realtime_write,
    .start = realtime_start,
    .check = realtime_check,
    .event = realtime_read_chunk,
    .so_far = realtime_so_far,
    .measure = realtime_measure,
};
