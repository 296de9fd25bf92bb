#include "gate/call_straddle.h"

#include "gate/gate_internal.h"

/* On the wall clock; INT64_MAX: never. */
static int64_t straddle_end(const struct call *call)
{
    bool admitted = call->law.judged && call->law.routes != 0;
    return !admitted || call->law.until > INT64_MAX - STRADDLE_NS ? INT64_MAX
                                                                  : call->law.until + STRADDLE_NS;
}

static void straddle_set(struct gate *gate, int64_t end)
{
    int64_t wait = end - loop_wall_ns(gate->loop);
    gate->straddle_ns = end;
    enum err err =
        timer_start(gate->loop, &gate->straddle, loop_now_ns(gate->loop) + (wait > 0 ? wait : 0));
    /* Without memory for the timer the next call sets it. */
    gate->straddle_ns = err == ERR_OK ? end : 0;
}

static void straddle_on_end(struct timer *timer)
{
    struct gate *gate = EP_CONTAINER(timer, struct gate, straddle);
    int64_t now = loop_wall_ns(gate->loop);
    int64_t next = INT64_MAX;
    LIST_EACH(node, &gate->open_calls) {
        struct call *call = EP_CONTAINER(node, struct call, node);
        int64_t end = straddle_end(call);
        if (end <= now && !call->cut) {
            call->cut = true;
            call_wake(call);
        } else if (end > now && end < next) {
            next = end;
        }
    }
    gate->straddle_ns = 0;
    if (next != INT64_MAX) {
        straddle_set(gate, next);
    }
}

void call_straddle_init(struct gate *gate)
{
    timer_init(&gate->straddle, straddle_on_end);
}

void call_straddle_fini(struct gate *gate)
{
    timer_stop(gate->loop, &gate->straddle);
}

void call_straddle_watch(struct call *call)
{
    struct gate *gate = call->gate;
    int64_t end = straddle_end(call);
    if (end != INT64_MAX && (gate->straddle_ns == 0 || end < gate->straddle_ns)) {
        timer_stop(gate->loop, &gate->straddle);
        straddle_set(gate, end);
    }
}

enum err call_cut_err(const struct call *call)
{
    bool ended = straddle_end(call) <= loop_wall_ns(call->gate->loop);
    return ended ? ERR_NO_CLOSED_ROUTE : ERR_SHUTDOWN;
}

bool call_straddles(const struct call *call, int64_t now_ns)
{
    return call->law.judged && call->law.routes != 0 && now_ns >= call->law.until;
}
