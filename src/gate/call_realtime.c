#include "gate/call_realtime.h"

#include <string.h>

#include "dialect/realtime.h"
#include "gate/call.h"
#include "gate/call_mark.h"
#include "gate/gate_internal.h"
#include "net/answerer.h"

/* Sound of 16 bits, 24,000 samples a second, is a token for each 50 ms that a model says, and one
 * for each 100 ms that it hears; where nobody reports, no more is billed than that. */
#define SOUND_TOKEN_WIDE   2400
#define SOUND_TOKEN_NARROW 400
#define OPEN_OUTPUT        1 /* a token: who has not even that is refused before the session */
#define SECONDS_MOST       86400

/* Of a call, in its arena, as long as it is not settled. */
struct call_realtime {
    struct call *call;
    enum turn_kind kind;
    bool bound;             /* to the session's route, which is: */
    struct str route;       /* its id, */
    struct str endpoint;    /* where it was, */
    struct str secret;      /* and the reference of its secret */
    struct call_turn *turn; /* while its answer is open */
    int64_t text_events;    /* given on, with text */
    int64_t sound_bytes;    /* likewise, of sound */
    int64_t sound_token;    /* bytes of sound that are a token at least */
    int64_t seconds;        /* reported; 0: none */
};

/* NULL: nobody waits for it any more. */
static struct call_turn *turn_of(const struct call *call)
{
    const struct gate_actor *actor = call->x == NULL ? NULL : http_exchange_actor(call->x);
    return actor == NULL ? NULL : actor->turn;
}

static bool copy(struct call *call, struct str text, struct str *ret_copy)
{
    *ret_copy = STR_EMPTY;
    return text.len == 0 || arena_copy(&call->arena, text, ret_copy);
}

static bool bind_route(struct call *call, const struct registry_route *route,
                       struct call_realtime *mine)
{
    mine->bound = true;
    return copy(call, route->id, &mine->route) && copy(call, route->endpoint, &mine->endpoint) &&
           copy(call, route->credential->secret, &mine->secret);
}

static void read_ask(struct call *call, const struct call_turn_ask *turn)
{
    struct ask *ask = &call->ask;
    ASSERT(turn->model.len <= sizeof(ask->model_text));
    memcpy(ask->model_text, turn->model.ptr, turn->model.len);
    ask->body = buf_str(&call->body);
    ask->model = (struct str){ ask->model_text, turn->model.len };
    ask->stream = turn->kind != TURN_OPEN;
    ask->include_usage = true;
    ask->choices = 1;
    ask->output_cap = turn->kind == TURN_OPEN ? OPEN_OUTPUT : turn->output_most;
}

/* What was heard is reported already: it is held for as it was. */
static void read_transcript(struct call *call, struct call_realtime *mine)
{
    struct realtime_event event;
    realtime_read_event(buf_str(&call->body), &event);
    int64_t total = realtime_total(event.usage);
    mine->seconds = event.seconds;
    call->work->input_most = total;
    call->ask.output_cap = total > 0 ? total : OPEN_OUTPUT;
    call->work->most[USAGE_UNIT_SECOND_IN] =
        event.seconds < SECONDS_MOST ? event.seconds : SECONDS_MOST;
}

static enum err realtime_read(struct call *call, struct fail *fail)
{
    struct call_turn *turn = turn_of(call);
    if (turn == NULL) {
        return FAIL(fail, ERR_CANCELLED, "the session has ended");
    }
    struct call_work *work = call_work_make(call, sizeof(struct call_realtime));
    if (work == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    struct call_turn_ask ask = { .kind = TURN_OPEN };
    struct call_realtime *mine = work->own;
    turn->events->on_ask(turn, &ask);
    mine->call = call;
    mine->kind = ask.kind;
    mine->sound_token = ask.narrow ? SOUND_TOKEN_NARROW : SOUND_TOKEN_WIDE;
    read_ask(call, &ask);
    work->mixed = true;
    work->unseen = true; /* most of what is said went to the source before */
    if (ask.kind != TURN_OPEN && !bind_route(call, ask.route, mine)) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    if (ask.kind == TURN_TRANSCRIPT) {
        read_transcript(call, mine);
    } else if (ask.kind == TURN_RESPONSE) {
        work->input_most = ask.input_most;
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

/* ---- the attempt --------------------------------------------------------------------------- */

static struct call_turn *turn_answering(struct http_call *http)
{
    const struct call *call = EP_CONTAINER(http, struct call, upstream);
    const struct call_realtime *mine = call->work->own;
    ASSERT(call->magic == CALL_MAGIC && mine->turn != NULL && mine->turn->call == mine);
    return mine->turn;
}

void call_turn_let_go(struct call_turn *turn)
{
    turn->call->turn = NULL;
    turn->call = NULL;
}

/* From here on each knows the other, and not before: a call that is cancelled earlier tells nobody,
 * and its turn may have gone meanwhile. */
static void answer_on_start(struct http_call *http)
{
    struct call *call = EP_CONTAINER(http, struct call, upstream);
    struct call_realtime *mine = call->work->own;
    struct call_turn *turn = turn_of(call);
    struct fail fail;
    ASSERT(call->magic == CALL_MAGIC && mine->turn == NULL);
    if (turn == NULL) {
        enum err err = FAIL(&fail, ERR_CANCELLED, "the session has ended");
        http_answer_fail(http, err, &fail);
        return;
    }
    ASSERT(turn->call == NULL);
    turn->call = mine;
    mine->turn = turn;
    const struct call_turn_source source = { call->snapshot, call->route, call->model };
    turn->events->on_start(turn, http, &source);
}

static void answer_on_cancel(struct http_call *http)
{
    struct call_turn *turn = turn_answering(http);
    call_turn_let_go(turn);
    turn->events->on_cancel(turn);
}

static void answer_on_resume(struct http_call *http)
{
    struct call_turn *turn = turn_answering(http);
    turn->events->on_resume(turn);
}

static const struct http_answerer realtime_answerer = {
    .on_start = answer_on_start,
    .on_cancel = answer_on_cancel,
    .on_resume = answer_on_resume,
};

static enum err realtime_start(struct call *call, struct http_call *upstream)
{
    if (turn_of(call) == NULL) {
        return ERR_CANCELLED;
    }
    upstream->answerer = &realtime_answerer;
    http_call_start(call->gate->pool, upstream);
    return ERR_OK;
}

void call_turn_gave(struct call_turn *turn, const struct realtime_event *event, bool to_client)
{
    struct call_realtime *mine = turn->call;
    /* What went before has left by now; behind this one it waits in the request's side. */
    call_mark_look(mine->call);
    if (to_client) {
        mine->text_events += event->text_bytes > 0;
        mine->sound_bytes += event->sound_bytes;
    }
}

/* ---- its answer ---------------------------------------------------------------------------- */

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
    if (mine->turn == NULL || !mine->turn->events->taken(mine->turn)) {
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
