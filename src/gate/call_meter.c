#include "base/counter.h"
#include "gate/call.h"

/*
 * What is surely delivered when nobody reported usage: an event with text holds at least one
 * token. The client is never charged for more than it got, and error text is never charged.
 */
static void meter_lower_bound(struct call *call)
{
    call->billed = (struct usage){ 0 };
    if (call->streamed) {
        call->billed.tokens[USAGE_OUT] = call->relay.content_events;
    }
    call->provenance = "lower_bound";
    counter_add(COUNTER_LATE_USAGE, 1);
}

/* METER: how many tokens are billed, and who says so? */
enum call_next call_meter(struct call *call)
{
    money_wide pico = 0;
    struct rate rate;
    call_rate(call, &rate);
    if (call->streamed && call->relay.has_usage) {
        call->reported = call->relay.usage;
        call->has_reported = true;
    }
    bool delivered = call->outcome == OUTCOME_COMPLETE || call->outcome == OUTCOME_INTERRUPTED;
    bool drained = call->draining && call->has_reported;
    call->provenance = "none";
    if (drained && call->upstream_err == ERR_OK) {
        call->outcome = OUTCOME_INTERRUPTED; /* in full, but nobody was there to take it */
        delivered = true;
    }
    if (delivered && call->has_reported && !call->reported.quarantined &&
        rate_usage(&rate, &call->reported, &pico) == ERR_OK) {
        call->billed = call->reported;
        call->provenance = "upstream";
    } else if (delivered) {
        meter_lower_bound(call);
    }
    call_goto(call, CALL_SETTLE);
    return CALL_NEXT;
}
