#include "gate/call_dispute.h"

#include "gate/call.h"
#include "gate/call_tier.h"
#include "gate/gate_internal.h"
#include "gate/quarantine.h"
#include "gate/usage_check.h"

static struct claim_item dispute_item(const struct call *call, const struct call_attempt *attempt,
                                      int64_t now_ns)
{
    return (struct claim_item){
        .route = attempt->route->id,
        .party = attempt->route->upstream_party->id,
        .model = call->model->id,
        .call = call->id,
        .upstream_id = { attempt->id, attempt->id_len },
        .now_ns = now_ns,
    };
}

/* "it answered as "NAME", asked for "NAME"", of bounded names. */
static enum err dispute_swap(const struct call *call, const struct call_attempt *attempt,
                             struct store_txn *txn, int64_t now_ns, struct fail *fail)
{
    char text[256];
    struct buf evidence = { text, 0, sizeof(text), sizeof(text) };
    struct claim_item item = dispute_item(call, attempt, now_ns);
    item.kind = CLAIM_SWAP;
    item.declared = (struct str){ attempt->declared, attempt->declared_len };
    EP_IGNORE(buf_printf(&evidence, "asked for \"" STR_FMT "\", it answered as \"" STR_FMT "\"",
                         STR_ARG(attempt->route->upstream_model),
                         STR_ARG(item.declared))); /* both are bounded, and fit */
    TRY(quarantine_write(call->gate->world.quarantine, txn,
                         &(struct quarantine_row){
                             .route = item.route,
                             .model = item.model,
                             .reason = STR("swap"),
                             .evidence = buf_str(&evidence),
                             .now_ns = now_ns,
                         },
                         fail));
    return upstream_claim_add(txn, &item, fail);
}

/* Of the attempt that was billed: a finding that stood, by side. */
static enum err dispute_usage(const struct call *call, enum usage_check_side side,
                              struct store_txn *txn, int64_t now_ns, struct fail *fail)
{
    bool input = side == USAGE_CHECK_INPUT;
    if (call->disputes.usage[side] == FIT_FINE) {
        return ERR_OK; /* an upstream need not have been asked */
    }
    struct claim_item item = dispute_item(call, &call->attempt, now_ns);
    item.kind = usage_check_claim(call->disputes.usage[side]);
    item.counted = input ? usage_sum_side(&call->counted_usage, false) : call_meter_visible(call);
    /* Of the output, servers differ on whether a choice's stop token counts. */
    item.reported = input ? usage_sum_side(&call->reported, false)
                          : call->reported.tokens[USAGE_OUT] - call->ask.choices;
    bool agrees = input ? item.reported == item.counted : item.reported <= item.counted;
    return agrees ? ERR_OK : upstream_claim_add(txn, &item, fail);
}

/* What was reported does not add up: the sum of its classes is as good a figure as any. */
static enum err dispute_report(const struct call *call, struct store_txn *txn, int64_t now_ns,
                               struct fail *fail)
{
    if (!call->disputes.contradicts) {
        return ERR_OK;
    }
    struct claim_item item = dispute_item(call, &call->attempt, now_ns);
    int64_t reported = usage_sum(&call->reported);
    item.kind = CLAIM_USAGE;
    item.counted = usage_sum(&call->counted_usage);
    item.reported = reported > 0 ? reported : 0;
    return upstream_claim_add(txn, &item, fail);
}

/* A recording is said to be longer than it is. Figures are seconds. */
static enum err dispute_seconds(const struct call *call, struct store_txn *txn, int64_t now_ns,
                                struct fail *fail)
{
    if (call->disputes.reported_seconds == 0) {
        return ERR_OK;
    }
    struct claim_item item = dispute_item(call, &call->attempt, now_ns);
    item.kind = CLAIM_SLOPE;
    item.counted = call->disputes.counted_seconds;
    item.reported = call->disputes.reported_seconds;
    return upstream_claim_add(txn, &item, fail);
}

/* What it would have cost by the tier that it says is nobody's figure: the client pays what it has
 * asked for. */
static enum err dispute_tier(const struct call *call, struct store_txn *txn, int64_t now_ns,
                             struct fail *fail)
{
    if (!call_tier_is_disputed(call)) {
        return ERR_OK;
    }
    struct claim_item item = dispute_item(call, &call->attempt, now_ns);
    item.kind = CLAIM_TIER;
    item.declared = str_from(tier_name(call->served));
    return upstream_claim_add(txn, &item, fail);
}

enum err call_dispute_write(const struct call *call, struct store_txn *txn, int64_t now_ns,
                            struct fail *fail)
{
    const struct call_attempt *attempt = call->attempt.n > 0 ? &call->attempt : NULL;
    for (; attempt != NULL; attempt = attempt->next) {
        if (attempt->err == ERR_UPSTREAM_MODEL) {
            TRY(dispute_swap(call, attempt, txn, now_ns, fail));
        }
    }
    TRY(dispute_report(call, txn, now_ns, fail));
    TRY(dispute_seconds(call, txn, now_ns, fail));
    TRY(dispute_tier(call, txn, now_ns, fail));
    TRY(dispute_usage(call, USAGE_CHECK_INPUT, txn, now_ns, fail));
    TRY(dispute_usage(call, USAGE_CHECK_OUTPUT, txn, now_ns, fail));
    if (!call->disputes.unnamed) {
        return ERR_OK;
    }
    struct claim_item item = dispute_item(call, &call->attempt, now_ns);
    item.kind = CLAIM_UNKNOWN_MODEL;
    return upstream_claim_add(txn, &item, fail);
}
