#include "base/counter.h"
#include "gate/call.h"
#include "gate/call_count.h"
#include "gate/call_straddle.h"
#include "gate/gate_internal.h"
#include "gate/quarantine.h"

static struct str route_cap_name(const struct registry_route *route)
{
    return route->output_cap_field == REGISTRY_CAP_MAX_TOKENS ? STR("max_tokens")
                                                              : STR("max_completion_tokens");
}

/*
 * The head that every call of the route shares (it ends with "Content-Length: "), then, as the
 * first part of the body, this call's length and the empty line: nothing of it is copied.
 */
static enum err route_write(struct call *call, const struct gate_route *ready)
{
    struct splice splice;
    struct iovec parts[SPLICE_PARTS_MAX];
    const struct registry_route *route = ready->route;
    TRY(ask_write_chat(&call->ask, route->upstream_model, call->output_cap, route_cap_name(route),
                       &call->arena, &splice));
    char digits[32];
    struct buf length = { digits, 0, sizeof(digits), sizeof(digits) };
    TRY(buf_u64(&length, splice_len(&splice)));
    TRY(buf_append(&length, STR("\r\n\r\n")));
    if (!arena_copy(&call->arena, buf_str(&length), &call->parts[0])) {
        return ERR_NO_MEMORY;
    }
    int count = splice_parts(&splice, parts);
    for (int i = 0; i < count; i++) {
        call->parts[1 + i] = (struct str){ parts[i].iov_base, parts[i].iov_len };
    }
    call->upstream.head = ready->head;
    call->upstream.body = call->parts;
    call->upstream.body_count = 1 + (size_t)count;
    return ERR_OK;
}

static enum err route_start(struct call *call)
{
    const struct gate_snapshot *snapshot = call->snapshot;
    const struct gate_route *ready = gate_snapshot_route(snapshot, call->place.route);
    TRY(route_write(call, ready));
    call->upstream.tls = ready->url.tls ? snapshot->tls : NULL;
    call->upstream.tls_pin = ready->route->tls_pin.len > 0 ? ready->tls_pin : NULL;
    call->upstream.host = ready->url.host;
    call->upstream.port = ready->url.port;
    call->upstream.first_byte_ns = snapshot->options.first_byte_ns;
    call->upstream.silence_ns = snapshot->options.silence_ns;
    call->upstream.answer_ns = snapshot->options.answer_ns;
    call->sink = (struct chat_sink){ call_count_text, call };
    relay_init(&call->relay, &(struct relay_options){
                                 .model = call->model,
                                 .upstream_model = ready->route->upstream_model,
                                 .sink = call->counter != NULL ? &call->sink : NULL,
                                 .choices = call->ask.choices,
                                 .include_usage = call->ask.include_usage,
                                 .singly = call->extend != NULL,
                                 .event_max = snapshot->options.sse_event_max,
                                 .tail_max = snapshot->options.answer_bytes_max,
                             });
    call->upstream_status = 0;
    call->upstream_over = false;
    call->upstream_err = ERR_OK;
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

/* ROUTE: which upstream, of those not tried yet? */
enum call_next call_route(struct call *call)
{
    struct gate *gate = call->gate;
    route_keep_lawful(call);
    struct dispatch_ask ask = {
        .registry = call->snapshot->registry,
        .product = call->product,
        .model = call->model,
        .tried = call->tried,
        .closed = quarantine_bits(gate->world.quarantine, call->model) | ~call->law.routes,
        .now_ns = loop_now_ns(gate->loop),
    };
    call->outcome = OUTCOME_FAILED;
    enum err err = call->x == NULL ? ERR_CANCELLED
                   : call->cut     ? call_cut_err(call)
                                   : dispatch_pick(gate->world.dispatch, &ask, &call->place);
    if (err != ERR_OK) {
        /* What the last attempt met says more than that no further one can be made. */
        call->err = err != ERR_NO_ROUTE  ? err
                    : call->attempts > 0 ? call->upstream_err
                                         : route_none(call);
        call_goto(call, CALL_METER);
        return CALL_NEXT;
    }
    call->tried |= call->place.bit;
    call->route = call->place.route;
    err = call_quota_reserve(call);
    err = err == ERR_OK ? call_attempt_begin(call, call->route) : err;
    err = err == ERR_OK ? route_start(call) : err;
    if (err != ERR_OK) {
        call_end_attempt(call, DISPATCH_NEUTRAL);
        call->attempt.err = err;
        call->err = err;
        call_goto(call, CALL_METER);
        return CALL_NEXT;
    }
    counter_add(COUNTER_ATTEMPTS, 1);
    call_goto(call, CALL_FORWARD);
    if (call->counting != NULL) {
        call_wake_next(call); /* the input is counted while the upstream works */
    }
    return CALL_WAIT;
}
