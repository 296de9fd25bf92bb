#include "gate/call_extend.h"
#include "gate/call_mark.h"
#include "gate/call_tier.h"
#include "gate/gate_internal.h"

/* SETTLE: what does it cost? Never more than was held; the rest is the operator's loss. */
enum call_next call_settle(struct call *call)
{
    int64_t nano = 0;
    call->pico = 0;
    bool billed = usage_sum(&call->billed) > 0 || usage_has_units(&call->billed);
    struct rate rate;
    call_rate(call, &rate);
    if (billed && rate_usage(&rate, &call->billed, &call->pico) != ERR_OK) {
        call->billed = (struct usage){ 0 };
        call->provenance = "unpriced"; /* a class without a price is not charged */
        call->pico = 0;
    }
    call_tier_settle(call, &rate);
    if (!money_nano_floor(call->pico, &nano)) {
        nano = INT64_MAX;
    }
    if (!money_nano_floor(rate_saved(&rate, &call->billed), &call->saved)) {
        call->saved = 0; /* told, and no part of any sum */
    }
    call_extend_end(call, nano);
    call_mark_end(call);
    call->charge = nano < call->ceiling ? nano : call->ceiling;
    call->overrun = nano - call->charge;
    call_goto(call, CALL_RECEIPT);
    return CALL_NEXT;
}
