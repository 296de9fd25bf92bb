#include "gate/call_hedge.h"

#include "base/counter.h"
#include "base/mem.h"
#include "gate/call_choice.h"
#include "gate/call_deadline.h"
#include "gate/call_forward.h"
#include "gate/call_talk.h"
#include "gate/gate_internal.h"
#include "gate/retry_budget.h"
#include "gate/talk_route.h"
#include "wire/json.h"

#define HEDGE_NS_PER_MS 1000000
/* Of an answer that has not begun yet: comments that keep a stream alive for an hour. */
#define HEDGE_EARLY_MAX ((size_t)256 * 1024)

enum hedge_state {
    HEDGE_WAITS,
    HEDGE_RUNS,
    HEDGE_LEADS
};

struct call_hedge {
    struct call *call;
    enum hedge_state state;
    struct timer timer;
    struct http_call upstream;
    struct str parts[CALL_PARTS_MAX];
    struct dispatch_place place;
    struct call_attempt attempt;
    struct call_attempt *room; /* for the record of the one that ends first */
    struct call_lesson lesson;
    struct lost lost;
    struct relay relay; /* looks for the first event; the call's reads them all again */
    struct buf early;   /* what has come of the body */
    int status;         /* 0: no head yet */
    enum err err;
    bool due;
    bool streamed;
    bool begun;
    bool over;
};

/* ---- its own answer, while it runs -------------------------------------------------------- */

static struct call_hedge *hedge_of(struct http_call *upstream)
{
    struct call_hedge *hedge = EP_CONTAINER(upstream, struct call_hedge, upstream);
    ASSERT(hedge->state != HEDGE_WAITS && hedge->call->hedge == hedge);
    return hedge;
}

static void hedge_refuse(struct call_hedge *hedge, enum err err, const char *what)
{
    forward_tell_answer(hedge->call, &hedge->attempt, hedge->status, err, what);
    hedge->err = err;
    http_call_cancel(&hedge->upstream);
    call_wake(hedge->call);
}

static void hedge_fail(struct call_hedge *hedge, enum err err)
{
    hedge_refuse(hedge, err, forward_said(hedge->status, err));
}

static void hedge_on_sent(struct http_call *upstream)
{
    struct call_hedge *hedge = hedge_of(upstream);
    if (hedge->state == HEDGE_LEADS) {
        call_forward_sent(hedge->call);
        return;
    }
    hedge->attempt.sent = true;
}

static void hedge_on_head(struct http_call *upstream, const struct http1_head *head)
{
    struct call_hedge *hedge = hedge_of(upstream);
    struct call *call = hedge->call;
    if (hedge->state == HEDGE_LEADS) {
        call_forward_head(call, head);
        return;
    }
    hedge->status = head->status;
    hedge->streamed = forward_streams(call, head);
    call_attempt_named(&hedge->attempt, head);
    call_lesson_head(&hedge->lesson, head, loop_wall_ns(call->gate->loop));
    if (head->status != 200) {
        hedge_fail(hedge, ERR_UPSTREAM_STATUS); /* the first one is still there */
    } else if (forward_compressed(head)) {
        hedge_refuse(hedge, ERR_UPSTREAM_SYNTAX,
                     "compressed its answer, though identity alone was asked for");
    }
}

static void hedge_ignore(void *context, struct str bytes)
{
    (void)context;
    (void)bytes; /* the call's relay gives them on, if it comes to that */
}

static void hedge_look(struct call_hedge *hedge, enum err err)
{
    if (err == ERR_UPSTREAM_MODEL) {
        call_attempt_declared(&hedge->attempt, hedge->relay.other);
    }
    if (err != ERR_OK) {
        hedge_fail(hedge, err);
        return;
    }
    hedge->begun = hedge->streamed ? hedge->relay.begun : json_trim(buf_str(&hedge->early)).len > 0;
    if (hedge->begun) {
        http_call_pause(&hedge->upstream); /* until it leads, later in this turn */
        call_wake(hedge->call);
    }
}

static void hedge_on_body(struct http_call *upstream, struct str data)
{
    struct call_hedge *hedge = hedge_of(upstream);
    enum err err = ERR_OK;
    if (hedge->state == HEDGE_LEADS) {
        call_forward_body(hedge->call, data);
        return;
    }
    if (buf_append(&hedge->early, data) != ERR_OK) {
        hedge_fail(hedge, ERR_UPSTREAM_SIZE);
        return;
    }
    if (!hedge->begun) {
        err = hedge->streamed ? relay_feed(&hedge->relay, data, hedge_ignore, NULL) : ERR_OK;
        hedge_look(hedge, err);
    }
}

static void hedge_on_end(struct http_call *upstream)
{
    struct call_hedge *hedge = hedge_of(upstream);
    if (hedge->state == HEDGE_LEADS) {
        call_forward_end(hedge->call);
        return;
    }
    hedge->over = true;
    if (!hedge->begun) {
        enum err err =
            hedge->streamed ? relay_finish(&hedge->relay, hedge_ignore, NULL) : ERR_UPSTREAM_SYNTAX;
        hedge_look(hedge, err);
    }
}

static void hedge_on_failed(struct http_call *upstream, enum err err, const struct fail *fail)
{
    struct call_hedge *hedge = hedge_of(upstream);
    if (hedge->state == HEDGE_LEADS) {
        call_forward_failed(hedge->call, err, fail);
        return;
    }
    forward_tell(hedge->call, &hedge->attempt, hedge->status, fail);
    hedge->err = err;
    call_wake(hedge->call);
}

static const struct http_call_events hedge_events = {
    .on_sent = hedge_on_sent,
    .on_head = hedge_on_head,
    .on_body = hedge_on_body,
    .on_end = hedge_on_end,
    .on_failed = hedge_on_failed,
};

/* ---- its time ----------------------------------------------------------------------------- */

static const struct registry_hedge *hedge_rule(const struct call *call)
{
    return &call->product->dispatch.hedge;
}

void call_hedge_earn(const struct call *call)
{
    if (hedge_rule(call)->after_percentile > 0) {
        retry_budget_earn(call->gate->world.hedges);
    }
}

static void hedge_on_timer(struct timer *timer)
{
    struct call_hedge *hedge = EP_CONTAINER(timer, struct call_hedge, timer);
    hedge->due = true;
    call_wake(hedge->call);
}

void call_hedge_wait(struct call *call)
{
    const struct registry_hedge *rule = hedge_rule(call);
    if (rule->after_percentile == 0 || call->hedged || call->model->route_count < 2 ||
        call->work != NULL) {
        return;
    }
    ASSERT(call->hedge == NULL);
    int64_t least = (int64_t)rule->at_least_ms * HEDGE_NS_PER_MS;
    int64_t late =
        dispatch_begins(&call->place, !call->ask.stream, (int64_t)rule->after_percentile);
    struct call_hedge *hedge = late == 0 ? NULL : mem_zalloc(sizeof(*hedge));
    if (hedge == NULL) {
        return;
    }
    hedge->call = call;
    timer_init(&hedge->timer, hedge_on_timer);
    late = late > least ? late : least;
    if (timer_start(call->gate->loop, &hedge->timer, call->lesson.begun_ns + late) != ERR_OK) {
        mem_free(hedge);
        return;
    }
    call->hedge = hedge;
}

static void hedge_free(struct call *call)
{
    struct call_hedge *hedge = call->hedge;
    ASSERT(hedge->place.route == NULL && !http_call_is_open(&hedge->upstream));
    timer_stop(call->gate->loop, &hedge->timer);
    relay_fini(&hedge->relay);
    buf_fini(&hedge->early);
    mem_free(hedge->room);
    mem_free(hedge);
    call->hedge = NULL;
}

/* ---- its beginning ------------------------------------------------------------------------ */

/* Somebody waits for an answer that has not begun, and nothing speaks against its beginning. */
static bool hedge_is_wanted(const struct call *call)
{
    bool held = call->hold.err == ERR_OK || call->hold.err == ERR_BUSY;
    if (forward_is_clients(call->upstream_status)) {
        return false; /* the first one is saying what is wrong with the request */
    }
    return call->x != NULL && !call->cut && held && call->upstream_err == ERR_OK &&
           !call->upstream_over && !forward_has_begun(call) && !call_deadline_passed(call);
}

/* What a call that may fall back can do is bounded, and what a limit of the law counts is not used
 * twice. */
static bool hedge_may_take(const struct call *call, const struct registry_route *route)
{
    bool bounded = call->fallback == NULL || call->attempts < CALL_FALLBACK_ATTEMPTS_MAX;
    if (!bounded || call_quota_counts(call, route)) {
        return false;
    }
    if (!retry_budget_take(call->gate->world.hedges, loop_now_ns(call->gate->loop))) {
        counter_add(COUNTER_HEDGES_REFUSED, 1);
        return false;
    }
    return true;
}

/* Another route, as a retry would get it; calls that wait for a place come first. What admitted the
 * call must go on: the first attempt is let end by what was, and nothing new is begun. False:
 * nothing is taken. */
static bool hedge_pick(struct call *call, struct dispatch_place *ret_place)
{
    struct dispatch *dispatch = call->gate->world.dispatch;
    struct dispatch_ask ask;
    call_prefer_ask(call, &ask);
    ask.yields = true;
    bool lawful = loop_wall_ns(call->gate->loop) < call->law.until;
    if (!lawful || dispatch_pick(dispatch, &ask, ret_place) != ERR_OK) {
        return false;
    }
    if (!hedge_may_take(call, ret_place->route)) {
        dispatch_give(ret_place, DISPATCH_NEUTRAL, NULL, ask.now_ns);
        return false;
    }
    return true;
}

/* ERR_NO_MEMORY, or what keeps the request from being written: nothing was sent. */
static enum err hedge_prepare(struct call *call, struct call_hedge *hedge)
{
    const struct registry_route *route = hedge->place.route;
    hedge->room = mem_alloc(sizeof(*hedge->room));
    if (hedge->room == NULL) {
        return ERR_NO_MEMORY;
    }
    http_call_init(&hedge->upstream, &hedge_events);
    TRY(call_route_fill(call, route, &hedge->upstream, hedge->parts, &hedge->lost));
    relay_init(&hedge->relay, &(struct relay_options){
                                  .dialect = talk_route_dialect(route),
                                  .model = call->model,
                                  .upstream_model = route->upstream_model,
                                  .surface = (enum usage_surface)route->usage,
                                  .choices = call->ask.choices,
                                  .event_max = call->snapshot->options.sse_event_max,
                                  .tail_max = HEDGE_EARLY_MAX,
                              });
    buf_init(&hedge->early, HEDGE_EARLY_MAX);
    return ERR_OK;
}

static void hedge_begin(struct call *call)
{
    struct call_hedge *hedge = call->hedge;
    int64_t now_ns = loop_now_ns(call->gate->loop);
    bool taken = hedge_is_wanted(call) && call->body.len > 0 && hedge_pick(call, &hedge->place);
    if (taken && hedge_prepare(call, hedge) != ERR_OK) {
        dispatch_give(&hedge->place, DISPATCH_NEUTRAL, NULL, now_ns);
        taken = false;
    }
    if (!taken) {
        hedge_free(call);
        return;
    }
    hedge->state = HEDGE_RUNS;
    hedge->attempt = (struct call_attempt){
        .route = hedge->place.route,
        .n = (int32_t)++call->attempts,
        .hedge = true,
    };
    call->hedged = true;
    call->tried |= hedge->place.bit;
    call_lesson_begin(&hedge->lesson, now_ns);
    counter_add(COUNTER_ATTEMPTS, 1);
    counter_add(COUNTER_HEDGES, 1);
    http_call_start(call->gate->pool, &hedge->upstream);
}

/* ---- its end ------------------------------------------------------------------------------ */

/* It is not the call's attempt, and will not be. */
static void hedge_give(struct call *call, enum dispatch_outcome outcome)
{
    struct call_hedge *hedge = call->hedge;
    int64_t now_ns = loop_now_ns(call->gate->loop);
    http_call_cancel(&hedge->upstream);
    const struct health_lesson *lesson =
        outcome == DISPATCH_OVERTAKEN
            ? call_lesson_overtaken(&hedge->lesson, !call->ask.stream, now_ns)
            : call_lesson_end(&hedge->lesson, hedge->err, hedge->status, &hedge->relay);
    hedge->place.used_tokens =
        outcome == DISPATCH_OVERTAKEN ? call_attempt_took(call, &hedge->attempt, &hedge->place) : 0;
    dispatch_give(&hedge->place, outcome, lesson, now_ns);
    call_attempt_keep(call, &hedge->attempt, hedge->room);
    hedge->room = NULL;
    hedge_free(call);
}

static void hedge_end_failed(struct call *call)
{
    struct call_hedge *hedge = call->hedge;
    enum dispatch_outcome outcome = forward_judge(hedge->err, hedge->status);
    hedge->attempt.err = hedge->err;
    if (hedge->err == ERR_UPSTREAM_MODEL) {
        forward_swapped(call, &hedge->attempt);
    }
    if (outcome == DISPATCH_FAILED) {
        forward_count_failed(hedge->err);
    }
    call_choice_note(call, hedge->attempt.route, DISPATCH_WHY_TRIED);
    hedge_give(call, outcome);
}

void call_hedge_drop(struct call *call, enum err err)
{
    struct call_hedge *hedge = call->hedge;
    if (hedge == NULL || hedge->state == HEDGE_LEADS) {
        return;
    }
    if (hedge->state == HEDGE_WAITS) {
        hedge_free(call);
    } else if (hedge->err != ERR_OK) {
        hedge_end_failed(call);
    } else {
        hedge->attempt.err = err;
        hedge->attempt.overtaken = true;
        counter_add(COUNTER_HEDGES_LOST, 1);
        call_choice_note(call, hedge->attempt.route, DISPATCH_WHY_OVERTAKEN);
        hedge_give(call, DISPATCH_OVERTAKEN);
    }
}

void call_hedge_end(struct call *call, enum err err)
{
    call_hedge_drop(call, err);
    if (call->hedge != NULL) {
        http_call_cancel(&call->hedge->upstream);
        hedge_free(call);
    }
}

/* ---- who leads ---------------------------------------------------------------------------- */

struct http_call *call_upstream(struct call *call)
{
    bool leads = call->hedge != NULL && call->hedge->state == HEDGE_LEADS;
    return leads ? &call->hedge->upstream : &call->upstream;
}

void call_hedge_look(struct call *call)
{
    if (forward_has_begun(call)) {
        call_hedge_drop(call, ERR_OK);
    }
}

bool call_hedge_runs(const struct call *call)
{
    const struct call_hedge *hedge = call->hedge;
    return hedge != NULL && hedge->state == HEDGE_RUNS && hedge->err == ERR_OK;
}

/* The call's attempt is this one from here on. */
static void hedge_hand_over(struct call *call, struct call_hedge *hedge)
{
    const struct registry_route *first = call->route;
    bool overtaken = call->attempt.overtaken;
    call_attempt_keep(call, &call->attempt, hedge->room);
    hedge->attempt.next = hedge->room;
    hedge->room = NULL;
    call->attempt = hedge->attempt;
    call->place = hedge->place;
    hedge->place.route = NULL;
    call->route = call->place.route;
    call->lesson = hedge->lesson;
    call->lost = hedge->lost;
    hedge->state = HEDGE_LEADS;
    call_choice_took(call, call->route);
    call_choice_note(call, first, overtaken ? DISPATCH_WHY_OVERTAKEN : DISPATCH_WHY_TRIED);
}

void call_hedge_lead(struct call *call)
{
    struct call_hedge *hedge = call->hedge;
    struct buf early = hedge->early;
    ASSERT(call_hedge_runs(call) && call->place.route == NULL && !call->head_sent);
    hedge_hand_over(call, hedge);
    call_route_listen(call, call->route);
    call->upstream_status = hedge->status;
    call->streamed = hedge->streamed;
    counter_add(COUNTER_HEDGES_WON, 1);
    if (hedge->status != 0 && call->x != NULL) {
        http_exchange_drop_head(call->x);
    }
    buf_init(&hedge->early, HEDGE_EARLY_MAX);
    if (early.len > 0) {
        call_forward_body(call, buf_str(&early));
    }
    buf_fini(&early);
    if (hedge->over && call->upstream_err == ERR_OK) {
        call_forward_end(call);
    }
    if (hedge->begun) { /* paused since */
        http_call_resume(&hedge->upstream);
    }
}

/* The first one has not begun: it is broken off. One that has sent the head of an error has failed
 * by it, whatever it would still have said. */
static void hedge_overtake(struct call *call)
{
    bool failed = call->upstream_status != 0 && call->upstream_status != 200;
    call->upstream_err = failed ? ERR_UPSTREAM_STATUS : ERR_OK;
    call->attempt.err = call->upstream_err;
    call->attempt.overtaken = !failed;
    forward_give(call, failed ? DISPATCH_FAILED : DISPATCH_OVERTAKEN);
    buf_fini(&call->answer);
    buf_reset(&call->said);
    relay_fini(&call->relay);
    call_hedge_lead(call);
}

void call_hedge_step(struct call *call)
{
    struct call_hedge *hedge = call->hedge;
    if (hedge->state == HEDGE_WAITS && hedge->due) {
        hedge_begin(call);
    } else if (hedge->state == HEDGE_RUNS && hedge->err != ERR_OK) {
        hedge_end_failed(call);
    } else if (hedge->state == HEDGE_RUNS && hedge->begun && hedge_is_wanted(call)) {
        hedge_overtake(call);
    }
}
