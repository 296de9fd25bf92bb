#include "gate/call_route.h"

#include "base/counter.h"
#include "gate/call.h"
#include "gate/call_choice.h"
#include "gate/call_count.h"
#include "gate/call_deadline.h"
#include "gate/call_defer.h"
#include "gate/call_device.h"
#include "gate/call_forward.h"
#include "gate/call_hedge.h"
#include "gate/call_straddle.h"
#include "gate/call_talk.h"
#include "gate/call_tongue.h"
#include "gate/gate_internal.h"
#include "gate/retry_budget.h"
#include "gate/talk_route.h"
#include "gate/upload.h"

#define ROUTE_LINES_MAX 5120 /* a length, a version, and as many betas as are kept */

/* What stands between the head that every call of the route shares, which ends with
 * "Content-Length: ", and the body: this call's length, and what only calls of its dialect say. */
static enum err route_write_lines(const struct call *call, const struct registry_route *route,
                                  size_t len, struct buf *out)
{
    TRY(buf_u64(out, len));
    TRY(buf_append(out, STR("\r\n")));
    TRY(call_talk_headers(call, route, out));
    return buf_append(out, STR("\r\n"));
}

/* Nothing of head and body is copied; the lines between are the first part of the body. */
static enum err route_write(struct call *call, const struct gate_route *ready,
                            struct http_call *upstream, struct str parts[CALL_PARTS_MAX],
                            struct lost *ret_lost)
{
    struct splice splice;
    struct iovec pieces[SPLICE_PARTS_MAX];
    char room[ROUTE_LINES_MAX];
    struct buf lines = { room, 0, sizeof(room), sizeof(room) };
    *ret_lost = (struct lost){ 0 };
    if (call->upload != NULL) {
        return upload_write(call->upload, ready, &call->arena, upstream, parts);
    }
    TRY(call->service->write(call, ready->route, &splice));
    *ret_lost = call_talk_lost(call);
    TRY(route_write_lines(call, ready->route, splice_len(&splice), &lines));
    if (!arena_copy(&call->arena, buf_str(&lines), &parts[0])) {
        return ERR_NO_MEMORY;
    }
    int count = splice_parts(&splice, pieces);
    for (int i = 0; i < count; i++) {
        parts[1 + i] = (struct str){ pieces[i].iov_base, pieces[i].iov_len };
    }
    upstream->head = call->ask.stream ? ready->stream_head : ready->head;
    upstream->body = parts;
    upstream->body_count = 1 + (size_t)count;
    return call_tongue_ready(call, ready->route);
}

_Static_assert((int)REGISTRY_USAGE_COUNT == (int)USAGE_SURFACES, "a route names a surface");

enum err call_route_fill(struct call *call, const struct registry_route *route,
                         struct http_call *upstream, struct str parts[CALL_PARTS_MAX],
                         struct lost *ret_lost)
{
    const struct gate_snapshot *snapshot = call->snapshot;
    const struct gate_route *ready = gate_snapshot_route(snapshot, route);
    TRY(route_write(call, ready, upstream, parts, ret_lost));
    upstream->tls = ready->url.tls ? snapshot->tls : NULL;
    upstream->tls_pin = ready->route->tls_pin.len > 0 ? ready->tls_pin : NULL;
    upstream->host = ready->url.host;
    upstream->port = ready->url.port;
    upstream->first_byte_ns = snapshot->options.first_byte_ns;
    upstream->silence_ns = snapshot->options.silence_ns;
    upstream->answer_ns = snapshot->options.answer_ns;
    return ERR_OK;
}

void call_route_listen(struct call *call, const struct registry_route *route)
{
    const struct gate_options *options = &call->snapshot->options;
    call->sink = (struct chat_sink){ call_count_text, call };
    relay_init(&call->relay, &(struct relay_options){
                                 .dialect = talk_route_dialect(route),
                                 .model = call->model,
                                 .upstream_model = route->upstream_model,
                                 .surface = (enum usage_surface)route->usage,
                                 .sink = call->counter != NULL ? &call->sink : NULL,
                                 .choices = call->ask.choices,
                                 .include_usage = call->ask.include_usage,
                                 .singly = call->extend != NULL,
                                 .read = call->service->event,
                                 .heard = call->service->heard,
                                 .heard_context = call,
                                 .bytes = call->work != NULL && call->work->bytes,
                                 .event_max = call->work == NULL ? options->sse_event_max
                                                                 : options->data_answer_bytes_max,
                                 .tail_max = call->work == NULL ? options->answer_bytes_max
                                                                : options->data_answer_bytes_max,
                             });
    call->upstream_status = 0;
    call->upstream_over = false;
    call->upstream_err = ERR_OK;
}

static enum err route_start(struct call *call)
{
    size_t size = CALL_PARTS_MAX * sizeof(*call->parts);
    call->parts = call->parts == NULL ? arena_alloc(&call->arena, size) : call->parts;
    if (call->parts == NULL) {
        return ERR_NO_MEMORY;
    }
    TRY(call_route_fill(call, call->place.route, &call->upstream, call->parts, &call->lost));
    call_route_listen(call, call->place.route);
    call_lesson_begin(&call->lesson, loop_now_ns(call->gate->loop));
    if (call->service->start != NULL) {
        return call->service->start(call, &call->upstream);
    }
    http_call_start(call->gate->pool, &call->upstream);
    return ERR_OK;
}

/* Something that admitted the call may have ended since: the law is asked again. */
static void route_keep_lawful(struct call *call)
{
    int64_t now = loop_wall_ns(call->gate->loop);
    if (now >= call->law.until) {
        (void)call_law_judge_again(call, now);
    }
}

/* Some of the model's sources were never open to this call, or have ended while it waited, and the
 * rest is full or failing: told as the law tells it. */
static enum err route_none(const struct call *call)
{
    size_t count = call->model->route_count;
    uint64_t all = count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
    bool closed = call->law.routes == 0 || (call->law.routes & all) != all;
    return closed ? ERR_NO_CLOSED_ROUTE : ERR_NO_ROUTE;
}

/* A further attempt is made while the caller waits for it, and while not too many are made. */
static enum err route_may_retry(struct call *call)
{
    struct gate *gate = call->gate;
    if (call->attempts == 0) {
        retry_budget_earn(gate->world.retries);
        call_hedge_earn(call);
        return ERR_OK;
    }
    if (!retry_budget_take(gate->world.retries, loop_now_ns(gate->loop))) {
        counter_add(COUNTER_RETRIES_REFUSED, 1);
        return ERR_BUSY;
    }
    counter_add(COUNTER_RETRIES, 1);
    return ERR_OK;
}

/* It sleeps until the hours are cheap, or still does: woken by its hold, its deadline or its
 * client's going. */
static bool route_sleeps(struct call *call)
{
    if (call->x == NULL || call->cut || call_deadline_passed(call) || call_queue_is_awake(call)) {
        return false;
    }
    int64_t until_ns = call_defer_until(call);
    return until_ns > 0 && call_queue_sleep(call, until_ns) == ERR_OK;
}

/* Takes a place at the best route that is left. */
static enum err route_pick(struct call *call)
{
    struct gate *gate = call->gate;
    struct dispatch_ask ask;
    if (call->x == NULL || call->cut) {
        return call->x == NULL ? ERR_CANCELLED : call_cut_err(call);
    }
    if (call_deadline_passed(call)) {
        return ERR_DEADLINE;
    }
    TRY(call_device_may(call));
    if (call->fallback != NULL && call->attempts >= CALL_FALLBACK_ATTEMPTS_MAX) {
        return ERR_NO_ROUTE;
    }
    call_prefer_ask(call, &ask);
    call_choice_look(call, &ask);
    TRY(dispatch_pick(gate->world.dispatch, &ask, &call->place));
    enum err err = route_may_retry(call);
    if (err != ERR_OK) {
        dispatch_give(&call->place, DISPATCH_NEUTRAL, NULL, ask.now_ns);
        call->place.route = NULL;
        return err;
    }
    call_choice_took(call, call->place.route);
    return ERR_OK;
}

/* None is left: what the last attempt met says more than that no further one can be made. */
static enum err route_lack(const struct call *call, enum err err)
{
    bool lack = err == ERR_NO_ROUTE || err == ERR_QUEUE_FULL || err == ERR_QUEUE_TIMEOUT ||
                err == ERR_FLEX_FULL || err == ERR_PREFERENCE || err == ERR_BUSY;
    if (lack && call->attempts > 0) {
        return call->upstream_err;
    }
    return err == ERR_NO_ROUTE ? route_none(call) : err;
}

/* ROUTE: which upstream, of those not tried yet? */
enum call_next call_route(struct call *call)
{
    route_keep_lawful(call);
    call->outcome = OUTCOME_FAILED;
    if (route_sleeps(call)) {
        return CALL_WAIT;
    }
    enum err err = route_pick(call);
    while ((err == ERR_NO_ROUTE || err == ERR_PREFERENCE) && call_fallback_next(call)) {
        err = route_pick(call);
    }
    call_fallback_end(call, err == ERR_OK);
    if (err == ERR_NO_ROUTE) {
        err = call_queue_wait(call);
        if (err == ERR_OK) {
            return CALL_WAIT;
        }
    }
    call_queue_leave(call);
    if (err != ERR_OK) {
        call->err = route_lack(call, err);
        call_goto(call, CALL_METER);
        return CALL_NEXT;
    }
    call->tried |= call->place.bit;
    call->route = call->place.route;
    err = call_quota_reserve(call);
    err = err == ERR_OK ? call_attempt_begin(call, call->route) : err;
    err = err == ERR_OK ? call_deadline_watch(call) : err;
    err = err == ERR_OK ? route_start(call) : err;
    if (err != ERR_OK) {
        call->upstream_err = err;
        call_end_attempt(call, DISPATCH_NEUTRAL);
        call->attempt.err = err;
        call->err = err;
        call_goto(call, CALL_METER);
        return CALL_NEXT;
    }
    counter_add(COUNTER_ATTEMPTS, 1);
    if (call->service->start == NULL) {
        call_hedge_wait(call);
    }
    call_goto(call, CALL_FORWARD);
    if (call->counting != NULL) {
        call_wake_next(call); /* the input is counted while the upstream works */
    }
    return CALL_WAIT;
}
