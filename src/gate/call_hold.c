#include "base/counter.h"
#include "base/crash.h"
#include "gate/call_claim.h"
#include "gate/call_fit.h"
#include "gate/gate_internal.h"
#include "gate/price_shelf.h"

/* On the writer's thread. */
static enum err hold_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct call *call = EP_CONTAINER(job, struct call, hold.job);
    if (call->claim != NULL) {
        return call_claim_write(call, txn, fail);
    }
    return ledger_write_hold(call->gate->world.ledger, txn, &call->hold.row, fail);
}

static void hold_done(struct store_job *job)
{
    struct call *call = EP_CONTAINER(job, struct call, hold.job);
    ASSERT(call->magic == CALL_MAGIC);
    call->hold.err = job->err;
    EP_CRASH_POINT("hold-durable");
    histogram_add(HISTOGRAM_GATE_A, loop_now_ns(call->gate->loop) - call->begun_ns);
    call_wake(call);
}

static void hold_place(struct call *call)
{
    call->hold.row = (struct ledger_hold){
        .call = call->id,
        .account = call->account,
        .amount = call->ceiling,
        .price_version = call->kept == NULL ? call->snapshot->price_version : call->kept->row,
        .opened_ns = call->begun_wall_ns,
        .budget = call->budgeted,
    };
    call->hold.job.run = hold_write;
    call->hold.job.done = hold_done;
    call->hold.job.home = call->gate->loop;
    call->hold.queued = true;
    call->hold.placed = !call_claim_only_looks(call);
    counter_add(COUNTER_HOLDS_OPEN, call->hold.placed ? 1 : 0);
    store_submit(call->gate->world.store, &call->hold.job);
    EP_CRASH_POINT("hold-queued");
}

bool call_receipt_fits(const struct call *call)
{
    const struct call_quota *quota = call->quota;
    const struct call_fit fit = {
        .model = call->model,
        .fallback = call->fallback,
        .quarantined = call->law.quarantined,
        .counters = quota == NULL
                        ? 0
                        : quota->grant_count + quota->order_count + EP_ARRAY_LEN(quota->us_bulk),
    };
    return call_fit_holds(&fit);
}

/* HOLD: the ceiling is set aside; its row is written while the upstream works, or first. */
enum call_next call_hold(struct call *call)
{
    const struct gate_options *options = &call->snapshot->options;
    bool dear = options->hold_before_above > 0 && call->ceiling > options->hold_before_above;
    if (!call->hold.queued && !call_receipt_fits(call)) {
        return call_refuse(call, ERR_RECEIPT_LIMIT, "%s", err_info(ERR_RECEIPT_LIMIT)->text);
    }
    if (!call->hold.queued) {
        hold_place(call);
    }
    bool first = options->hold == GATE_HOLD_BEFORE || dear || call->claim != NULL;
    if (call->hold.err == ERR_BUSY && first) {
        return CALL_WAIT;
    }
    /* What a failed store has of a reserved hold is unknown until a restart: it stays reserved. */
    bool unknown = call->hold.err == ERR_STORE_FAILED && call->hold.placed;
    if (call->claim != NULL && !unknown && !call_claim_won(call)) {
        return call_claim_lost(call);
    }
    bool stop = call->x == NULL || (call->hold.err != ERR_OK && call->hold.err != ERR_BUSY);
    if (stop) {
        call->err = call->x == NULL ? ERR_CANCELLED : call->hold.err;
        call->outcome = OUTCOME_FAILED;
    }
    call_goto(call, stop ? CALL_METER : CALL_ROUTE);
    return CALL_NEXT;
}
