#include "gate/call_defer.h"

#include "gate/gate_internal.h"

#define DEFER_PLACE_NS INT64_C(60000000000) /* a minute, in which most answers of others end */

/* For how long from now it may sleep at most. */
static int64_t defer_span(const struct call *call, int64_t now_ns)
{
    int64_t span_ns = call->snapshot->options.defer_ns;
    if (call->deadline_ns > 0 && call->deadline_ns - now_ns < span_ns) {
        span_ns = call->deadline_ns - now_ns;
    }
    int64_t place_ns = span_ns / 2 < DEFER_PLACE_NS ? span_ns / 2 : DEFER_PLACE_NS;
    return span_ns - place_ns;
}

int64_t call_defer_until(const struct call *call)
{
    bool may = call->ask.flex || call->deadline_ns > 0;
    if (!may || call->attempts > 0 || call->prefer == NULL || call->gate->draining ||
        call->prefer->preference.sort != PREFERENCE_SORT_ENERGY) {
        return 0;
    }
    int64_t now_ns = loop_now_ns(call->gate->loop);
    int64_t span_ns = defer_span(call, now_ns);
    if (span_ns <= 0) {
        return 0;
    }
    struct dispatch_ask ask;
    call_prefer_ask(call, &ask);
    int64_t at_ns = dispatch_cheapest_at(&ask, ask.wall_ns + span_ns);
    return at_ns > ask.wall_ns ? now_ns + (at_ns - ask.wall_ns) : 0;
}
