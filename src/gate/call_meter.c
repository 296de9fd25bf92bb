#include <string.h>

#include "base/counter.h"
#include "gate/call.h"
#include "gate/call_claim.h"
#include "gate/call_count.h"
#include "gate/call_stand.h"
#include "gate/call_tongue.h"
#include "gate/gate_internal.h"
#include "gate/usage_check.h"

/* ---- what was counted here ---------------------------------------------------------------- */

/* A class that has no price of its own is sold as another. */
static void meter_put(struct usage *usage, const struct rate *rate, enum usage_class class,
                      enum usage_class other, uint64_t tokens)
{
    usage->tokens[rate->known[class] ? class : other] += (int64_t)tokens;
}

/* The call as it was counted: its input, and of the answer what was delivered. */
static void meter_counted(const struct call *call, const struct rate *rate, struct usage *usage)
{
    *usage = (struct usage){ 0 };
    const struct chat_counted *input = call_count_of(call, call->route->special_text);
    /* Of an answer in one piece nobody gets a part: where it is billed, all of it is. */
    bool whole = call->outcome == OUTCOME_COMPLETE || !call->streamed;
    const uint64_t *said = whole ? call->tally.tokens : call->tally.most;
    usage->tokens[USAGE_IN] = (int64_t)input->tokens;
    meter_put(usage, rate, USAGE_IN_IMAGE, USAGE_IN, input->image_tokens);
    meter_put(usage, rate, USAGE_IN_AUDIO, USAGE_IN, input->audio_tokens);
    usage->tokens[USAGE_OUT] = (int64_t)(said[TALLY_CONTENT] + said[TALLY_TOOLS]);
    meter_put(usage, rate, USAGE_REASON, USAGE_OUT, said[TALLY_REASONING]);
}

/* Takes tokens off the input, text at the full price first, until at most `most` are left. */
static void meter_cut_input(struct usage *usage, int64_t most)
{
    int64_t excess = usage_sum_side(usage, false) - most;
    for (int i = 0; i < USAGE_OUT && excess > 0; i++) {
        int64_t off = usage->tokens[i] < excess ? usage->tokens[i] : excess;
        usage->tokens[i] -= off;
        excess -= off;
    }
}

/* The count that surely is not too high: an estimate's lower edge. */
static void meter_lower_edge(const struct call *call, struct usage *usage)
{
    const struct chat_counted *input = call_count_of(call, call->route->special_text);
    int64_t percent = (int64_t)call->model->token_margin_percent;
    meter_cut_input(usage, usage_sum_side(usage, false) - (int64_t)input->margin);
    for (int i = 0; i < USAGE_COUNT && percent > 0; i++) {
        usage->tokens[i] -= usage->tokens[i] * percent / 100;
    }
}

/* ---- the check of the upstream ------------------------------------------------------------ */

static void meter_sample(const struct call *call, enum usage_check_side side, int64_t counted,
                         int64_t reported)
{
    usage_check_add(call->gate->world.usage_check, &(struct usage_check_sample){
                                                       .route = call->route->id,
                                                       .party = call->route->upstream_party->id,
                                                       .model = call->model->id,
                                                       .side = side,
                                                       .call = call->id,
                                                       .counted = counted,
                                                       .reported = reported,
                                                       .now_ns = loop_wall_ns(call->gate->loop),
                                                   });
}

/* The input was counted exactly, as this route's server takes it. */
static bool meter_input_exact(const struct call *call)
{
    enum registry_special_text special = call->route->special_text;
    return call->has_counted && call_count_of(call, special)->exact &&
           (special != REGISTRY_SPECIAL_UNKNOWN || call->counted[COUNT_PARSED].controls == 0);
}

/* No text is missing, and no markup that is the family's own, as of tool calls. */
static bool meter_all_seen(const struct call *call)
{
    const struct tally *tally = &call->tally;
    return !tally->lost && !tally->cut && !call->relay.unread && tally->most[TALLY_TOOLS] == 0 &&
           tally->tokens[TALLY_TOOLS] == 0;
}

/* All that the answer's reported tokens can stand for was seen, and nothing in the request lets a
 * server write tokens that it does not show. */
static bool meter_output_exact(const struct call *call)
{
    return call->has_counted && call->outcome == OUTCOME_COMPLETE && call->x != NULL &&
           meter_all_seen(call) && call->tally.tokens[TALLY_CONTENT] > 0 && !call->ask.steered &&
           call->model->token_count == REGISTRY_COUNT_EXACT;
}

/* Tokens of text that the client saw, where the upstream tells reasoning apart and where not. */
int64_t call_meter_visible(const struct call *call)
{
    bool apart = call->reported.tokens[USAGE_REASON] > 0;
    const uint64_t *said = call->tally.tokens;
    return (int64_t)(said[TALLY_CONTENT] + (apart ? 0 : said[TALLY_REASONING]));
}

static void meter_check(const struct call *call)
{
    if (meter_input_exact(call)) {
        meter_sample(call, USAGE_CHECK_INPUT, usage_sum_side(&call->counted_usage, false),
                     usage_sum_side(&call->reported, false));
    }
    if (meter_output_exact(call)) {
        /* Servers differ on whether a choice's stop token counts. */
        int64_t reported = call->reported.tokens[USAGE_OUT] - call->ask.choices;
        meter_sample(call, USAGE_CHECK_OUTPUT, call_meter_visible(call),
                     reported > 0 ? reported : 0);
    }
}

/* What stands against the route before this call is looked at: the call is one more of it, unless
 * it is itself among those that are found now. */
static void meter_dispute(struct call *call)
{
    struct usage_check *check = call->gate->world.usage_check;
    struct str route = call->route->id;
    if (meter_input_exact(call)) {
        call->disputes.usage[USAGE_CHECK_INPUT] =
            usage_check_finding(check, route, USAGE_CHECK_INPUT);
    }
    if (meter_output_exact(call)) {
        call->disputes.usage[USAGE_CHECK_OUTPUT] =
            usage_check_finding(check, route, USAGE_CHECK_OUTPUT);
    }
}

/* While a finding stands, the client pays by our count where that is less. */
static bool meter_correct(const struct call *call, struct usage *billed)
{
    struct usage_check *check = call->gate->world.usage_check;
    struct str route = call->route->id;
    int64_t before = usage_sum(billed);
    if (meter_input_exact(call) &&
        usage_check_finding(check, route, USAGE_CHECK_INPUT) != FIT_FINE) {
        meter_cut_input(billed, usage_sum_side(&call->counted_usage, false));
    }
    if (meter_output_exact(call) &&
        usage_check_finding(check, route, USAGE_CHECK_OUTPUT) != FIT_FINE &&
        billed->tokens[USAGE_OUT] > call_meter_visible(call)) {
        billed->tokens[USAGE_OUT] = call_meter_visible(call);
    }
    return usage_sum(billed) < before;
}

/* ---- the step ----------------------------------------------------------------------------- */

/* Events with text that the client was there to take. */
static int64_t meter_events(const struct call *call)
{
    if (call->repeat.untaken) {
        return 0;
    }
    return call->drain != NULL ? call_drain_delivered(call) : call->relay.content_events;
}

/*
 * Nobody reported usage that can be believed: what was counted is billed; where nothing is, an
 * event with text holds at least one token, and no input is billed. The client is never charged
 * for more than it got, and error text is never charged.
 */
static void meter_without_report(struct call *call)
{
    counter_add(COUNTER_LATE_USAGE, 1);
    if (call->has_counted) {
        call->billed = call->counted_usage;
        meter_lower_edge(call, &call->billed);
        call->provenance = strcmp(call->counted_by, "exact") == 0 ? "counted" : "estimate";
        return;
    }
    call->billed = (struct usage){ 0 };
    if (call->streamed && call->work == NULL) {
        call->billed.tokens[USAGE_OUT] = meter_events(call);
    }
    call->provenance = "lower_bound";
}

bool call_meter_so_far(const struct call *call, const struct rate *rate, struct usage *ret_usage)
{
    ASSERT(call->outcome != OUTCOME_COMPLETE);
    *ret_usage = (struct usage){ 0 };
    if (call->work != NULL) { /* of most, what was used is known at the end */
        return call->service->so_far != NULL && call->service->so_far(call, ret_usage);
    }
    if (call->counter != NULL && !call->has_counted) {
        return false; /* the input is still being counted */
    }
    if (call->has_counted) {
        meter_counted(call, rate, ret_usage);
        meter_lower_edge(call, ret_usage);
    } else {
        ret_usage->tokens[USAGE_OUT] = call->relay.content_events;
    }
    return true;
}

/* What the upstream made of an answer that was not delivered whole, as far as anybody knows. */
static void meter_generated(struct call *call)
{
    if (call->has_reported) {
        call->generated = &call->reported;
        call->generated_by = "upstream_final";
    } else if (call->streamed && call->relay.has_usage) {
        call->generated = &call->relay.usage;
        call->generated_by = "upstream_partial";
    } else if (call->has_counted) {
        call->generated = &call->counted_usage;
        call->generated_by = "local_count";
    }
}

/* The client left, and the answer was read to its end. Whether what was reported is billed: by the
 * product's terms, or because the answer is kept for the next try with its Idempotency-Key, or an
 * SDK's next try waits for it. */
static bool meter_abandoned_whole(const struct call *call)
{
    bool kept = !call->streamed && (call->claim != NULL || call_repeat_awaited(call));
    return kept || call->product->abandoned == REGISTRY_ABANDONED_GENERATED;
}

/* The client left, and the answer was read on without it: what is sold is what it was there to
 * take, whether or not its source reported anything, or broke off later. `whole`: all of it is. */
static void meter_left(struct call *call, bool whole)
{
    bool over = call->upstream_err == ERR_OK;
    bool got_some = call->streamed && call->head_sent && meter_events(call) > 0;
    bool sold = got_some || (whole && (over || !call->repeat.untaken));
    call->outcome = sold ? OUTCOME_INTERRUPTED : OUTCOME_FAILED;
    call->err = over || call->err == ERR_OK ? ERR_CANCELLED : call->err;
}

static void meter_bill(struct call *call, const struct rate *rate, bool by_report)
{
    money_wide pico = 0;
    if (call->has_counted) {
        bool exact = meter_input_exact(call) && meter_all_seen(call);
        meter_counted(call, rate, &call->counted_usage);
        call->counted_by = exact ? "exact" : "estimate";
    }
    if (call->has_reported && call->reported.quarantined) {
        call->disputes.contradicts = true;
        counter_add(COUNTER_USAGE_QUARANTINED, 1);
    }
    if (!by_report || !call->has_reported || call->reported.quarantined ||
        rate_usage(rate, &call->reported, &pico) != ERR_OK) {
        meter_without_report(call);
        return;
    }
    meter_dispute(call);
    meter_check(call);
    usage_check_tell(call->gate->world.usage_check, call->route->id, call->reported.told);
    call->billed = call->reported;
    call->provenance = meter_correct(call, &call->billed) ? "counted" : "upstream";
}

/* No memory is left to say it in the client's dialect: nothing was delivered. */
static void meter_unsay(struct call *call)
{
    buf_fini(&call->answer);
    call->billed = (struct usage){ 0 };
    call->provenance = "none";
    call->outcome = OUTCOME_FAILED;
    call->err = ERR_NO_MEMORY;
}

/* METER: how many tokens are billed, and who says so? */
enum call_next call_meter(struct call *call)
{
    struct rate rate;
    if (call_stand_waits(call)) {
        return CALL_WAIT;
    }
    call_rate(call, &rate);
    if (call->streamed && call->relay.has_usage && call->relay.ended) {
        /* Before the end a report says what there was so far, and may be older than the text. */
        call->reported = call->relay.usage;
        call->has_reported = true;
    }
    if (call->streamed) {
        call_report_from_relay(call);
    }
    bool left = call->drain != NULL || call->repeat.untaken;
    bool drained = left && call->has_reported && call->upstream_err == ERR_OK;
    bool whole = !left || meter_abandoned_whole(call);
    call->provenance = "none";
    if (left && call->outcome != OUTCOME_FAILED) {
        meter_left(call, whole);
    }
    /* What another model has said is not sold, wherever it came to light. */
    bool delivered = (call->outcome == OUTCOME_COMPLETE || call->outcome == OUTCOME_INTERRUPTED) &&
                     call->err != ERR_UPSTREAM_MODEL;
    if (delivered && call->cut && call->has_reported) {
        call_count_end(call); /* the server stops, and what is billed is known */
    }
    if (delivered && !call_count_slice(call)) {
        call_wake_next(call);
        return CALL_WAIT;
    }
    if (delivered) {
        if (call->counter != NULL) {
            tally_end(&call->tally, call->counter);
        }
        meter_bill(call, &rate, whole);
        if (call->work != NULL) {
            call_service_measure(call, &rate);
        }
    }
    if (call->outcome != OUTCOME_COMPLETE && (delivered || drained)) {
        meter_generated(call);
    }
    if (call_tongue_translates(call) && call_has_whole_answer(call) &&
        call_tongue_whole(call) != ERR_OK) {
        meter_unsay(call);
    }
    call_goto(call, CALL_SETTLE);
    return CALL_NEXT;
}
