#include "gate/call_defer.h"

#include "gate/gate_internal.h"

#define DEFER_PLACE_NS INT64_C(60000000000) /* a minute, in which most answers of others end */

/* Until when it may sleep: counted from when it began to, however often it is woken. */
static int64_t defer_latest(const struct call *call, int64_t now_ns)
{
    int64_t since_ns = now_ns;
    int64_t until_ns = now_ns + call->snapshot->options.defer_ns;
    bool waits = call_queue_span(call, &since_ns, &until_ns);
    ASSERT(!waits || since_ns <= now_ns);
    if (call->deadline_ns > 0 && call->deadline_ns < until_ns) {
        until_ns = call->deadline_ns;
    }
    int64_t half_ns = (until_ns - since_ns) / 2;
    return until_ns - (half_ns < DEFER_PLACE_NS ? half_ns : DEFER_PLACE_NS);
}

int64_t call_defer_until(const struct call *call)
{
    bool may = call->ask.flex || call->deadline_ns > 0;
    if (!may || call->attempts > 0 || call->prefer == NULL || call->gate->draining ||
        !call_queue_may_wait(call) || call->prefer->preference.sort != PREFERENCE_SORT_ENERGY) {
        return 0;
    }
    int64_t now_ns = loop_now_ns(call->gate->loop);
    int64_t span_ns = defer_latest(call, now_ns) - now_ns;
    if (span_ns <= 0) {
        return 0;
    }
    struct dispatch_ask ask;
    call_prefer_ask(call, &ask);
    int64_t at_ns = dispatch_cheapest_at(&ask, ask.wall_ns + span_ns);
    return at_ns > ask.wall_ns ? now_ns + (at_ns - ask.wall_ns) : 0;
}
