#include "base/counter.h"
#include "base/crash.h"
#include "base/log.h"
#include "gate/answer.h"
#include "gate/call_choice.h"
#include "gate/call_claim.h"
#include "gate/call_count.h"
#include "gate/call_extend.h"
#include "gate/call_limits.h"
#include "gate/call_mark.h"
#include "gate/call_screen.h"
#include "gate/call_talk.h"
#include "gate/call_tongue.h"
#include "gate/gate_internal.h"
#include "gate/upload.h"
#include "ident/ident.h"
#include "ledger/idem.h"

static const struct str done_outcomes[] = {
    [OUTCOME_REFUSED] = STR_INIT("refused"),         [OUTCOME_FAILED] = STR_INIT("failed"),
    [OUTCOME_INTERRUPTED] = STR_INIT("interrupted"), [OUTCOME_COMPLETE] = STR_INIT("complete"),
    [OUTCOME_REPLAYED] = STR_INIT("replayed"),
};

static const enum counter done_counters[] = {
    [OUTCOME_REFUSED] = COUNTER_CALLS_REFUSED,         [OUTCOME_FAILED] = COUNTER_CALLS_FAILED,
    [OUTCOME_INTERRUPTED] = COUNTER_CALLS_INTERRUPTED, [OUTCOME_COMPLETE] = COUNTER_CALLS_SERVED,
    [OUTCOME_REPLAYED] = COUNTER_CALLS_REPLAYED,
};

static void done_count(const struct call *call)
{
    int64_t input = 0;
    int64_t output = 0;
    for (int i = 0; i < USAGE_COUNT; i++) {
        *(usage_is_output((enum usage_class)i) ? &output : &input) += call->billed.tokens[i];
    }
    counter_add(done_counters[call->outcome], 1);
    counter_add(COUNTER_CALLS_OPEN, -1);
    counter_add(COUNTER_TOKENS_INPUT, input);
    counter_add(COUNTER_TOKENS_OUTPUT, output);
    counter_add(COUNTER_CHARGED_NANO, call->charge);
    counter_add(COUNTER_OVERRUN_NANO, call->overrun);
    histogram_add(HISTOGRAM_CALL, loop_now_ns(call->gate->loop) - call->begun_ns);
}

/* Everything an operator asks of a call, in one line; nothing of what was said. */
static void done_log(const struct call *call)
{
    int64_t now_ns = loop_now_ns(call->gate->loop);
    struct log_line line;
    log_begin(&line, EVENT_CALL);
    log_id(&line, "call", STR("call_"), call->id);
    if (call->key != NULL) {
        log_id(&line, "client", STR(IDENT_CLIENT_PREFIX), call->key->client->id);
        log_id(&line, "key", STR(IDENT_KEY_PREFIX), call->key->id);
        log_str(&line, "product", call->key->product);
    }
    log_str(&line, "model", call->model == NULL ? STR_EMPTY : call->model->id);
    if (call->work != NULL) {
        log_str(&line, "service", str_from(registry_service_name(call->service->service)));
    }
    log_bool(&line, "stream", call->ask.stream);
    log_str(&line, "outcome", done_outcomes[call->outcome]);
    const struct idem_earlier *earlier = call_claim_earlier(call);
    if (earlier != NULL) {
        log_id(&line, "key_of", STR("call_"), earlier->call);
    }
    struct call_replay replay;
    if (call_repeat_replay(call, &replay)) {
        log_id(&line, "repeats", STR("call_"), replay.call);
    } else if (!id_is_zero(call->repeat.joined)) {
        log_id(&line, "repeats", STR("call_"), call->repeat.joined);
    }
    if (call->err != ERR_OK) {
        log_str(&line, "code", str_from(err_info(call->err)->name));
    }
    if (call->law.judged && call->law.code != POLICY_FINE) {
        log_str(&line, "rule", str_from(policy_reason_info(call->law.code)->name));
    }
    if (call->route != NULL) {
        log_str(&line, "route", call->route->id);
        log_int(&line, "attempts", call->attempts);
        if (call->hedged) {
            log_bool(&line, "hedged", true);
        }
        log_int(&line, "upstream_status", call->upstream_status);
    }
    if (call->hold.placed) {
        log_int(&line, "held_nano", call->ceiling);
        log_int(&line, "charged_nano", call->charge);
        log_str(&line, "usage", str_from(call->provenance));
    }
    if (call->first_byte_ns != 0) {
        log_int(&line, "first_byte_us", (call->first_byte_ns - call->begun_ns) / 1000);
    }
    log_int(&line, "total_us", (now_ns - call->begun_ns) / 1000);
    log_end(&line);
}

/* What a call costs above its hold is never dropped in silence. */
static void done_alarm(const struct call *call)
{
    if (call->overrun == 0) {
        return;
    }
    struct log_line line;
    log_begin(&line, EVENT_OVERRUN);
    log_id(&line, "call", STR("call_"), call->id);
    log_str(&line, "route", call->route == NULL ? STR_EMPTY : call->route->id);
    log_int(&line, "held_nano", call->ceiling);
    log_int(&line, "lost_nano", call->overrun);
    log_end(&line);
}

static void done_free(struct task *task)
{
    struct call *call = EP_CONTAINER(task, struct call, wake);
    slab_give(&call->gate->calls, call);
}

/* DONE: the client gets the end of its answer, and nothing of the call is left. */
enum call_next call_done(struct call *call)
{
    struct gate *gate = call->gate;
    ASSERT(call->place.route == NULL && call->waiting == NULL);
    ASSERT(!http_call_is_open(&call->upstream) && call->hedge == NULL);
    done_count(call);      /* first: whoever has its answer finds it in the figures */
    call_limits_end(call); /* likewise: and its place is free */
    bool gone = call->x == NULL;
    call_ping_end(call);
    if (!gone) {
        answer_end(call);
        EP_CRASH_POINT("last-byte");
    }
    done_log(call);
    done_alarm(call);
    call_drain_free(call);
    call_repeat_end(call, gone);
    call_settlement_free(call);
    call_claim_free(call);
    call_extend_free(call);
    call_mark_free(call);
    call_attempts_free(call);
    call_choice_free(call);
    call_count_end(call);
    call_screen_free(call);
    call_quota_end(call, false);
    limits_free(&call->limits.hold);
    tally_fini(&call->tally);
    buf_fini(&call->said);
    relay_fini(&call->relay);
    buf_fini(&call->answer);
    call_tongue_free(call);
    call_talk_free(call);
    buf_fini(&call->body);
    upload_free(call->upload);
    arena_fini(&call->arena);
    gate_snapshot_unref(call->snapshot);
    node_unlink(&call->node);
    call->magic = 0;
    call->wake.run = done_free;
    task_cancel(&call->wake);
    loop_bury(gate->loop, &call->wake); /* the engine still looks at it */
    return CALL_STOP;
}
