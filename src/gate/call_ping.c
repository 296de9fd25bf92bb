#include "gate/call_ping.h"

#include "gate/call_tongue.h"
#include "gate/gate_internal.h"

static struct call *ping_first(const struct gate *gate)
{
    return list_empty(&gate->streams) ? NULL
                                      : EP_CONTAINER(gate->streams.next, struct call, ping.node);
}

static void ping_at_end(struct gate *gate, struct call *call)
{
    call->ping.spoken_ns = loop_now_ns(gate->loop);
    list_push_back(&gate->streams, &call->ping.node);
}

/* Without memory for a timer nobody is told anything until the next bytes come. */
static void ping_set(struct gate *gate)
{
    const struct call *first = ping_first(gate);
    int64_t ping_ns = gate->snapshot->options.ping_ns;
    if (first != NULL && ping_ns > 0 && !timer_armed(&gate->ping)) {
        EP_IGNORE(timer_start(gate->loop, &gate->ping, first->ping.spoken_ns + ping_ns));
    }
}

/* Events, or the array in which Gemini's clients may have them: sound is neither, whatever its
 * source calls it. */
static bool ping_may(const struct call *call)
{
    return call->work == NULL || !call->work->bytes;
}

static void ping_tell(struct call *call)
{
    struct str comment = call_tongue_ping(call);
    if (http_respond_pending(call->x) == 0) {
        http_respond_body(call->x, &comment, 1);
    }
}

static void ping_on_timer(struct timer *timer)
{
    struct gate *gate = EP_CONTAINER(timer, struct gate, ping);
    int64_t ping_ns = gate->snapshot->options.ping_ns;
    int64_t now_ns = loop_now_ns(gate->loop);
    struct call *call = ping_ns > 0 ? ping_first(gate) : NULL;
    while (call != NULL && call->ping.spoken_ns + ping_ns <= now_ns) {
        node_unlink(&call->ping.node);
        ping_at_end(gate, call);
        ping_tell(call);
        call = ping_first(gate);
    }
    ping_set(gate);
}

void call_ping_init(struct gate *gate)
{
    list_init(&gate->streams);
    timer_init(&gate->ping, ping_on_timer);
}

void call_ping_fini(struct gate *gate)
{
    timer_stop(gate->loop, &gate->ping);
}

void call_ping_note(struct call *call)
{
    struct gate *gate = call->gate;
    if (gate->snapshot->options.ping_ns == 0 || call->x == NULL || !ping_may(call)) {
        return;
    }
    if (node_linked(&call->ping.node)) {
        node_unlink(&call->ping.node);
    }
    ping_at_end(gate, call);
    ping_set(gate);
}

void call_ping_end(struct call *call)
{
    if (node_linked(&call->ping.node)) {
        node_unlink(&call->ping.node);
    }
}
