#include "gate/call_extend.h"

#include "base/counter.h"
#include "base/crash.h"
#include "base/mem.h"
#include "gate/gate_internal.h"
#include "ledger/extend.h"

int64_t call_extend_first(const struct call *call, int64_t cap)
{
    int64_t first = call->snapshot->options.hold_first_tokens;
    /* Steps are of one model's price: a call that may fall back is held whole. */
    bool in_steps = first > 0 && call->ask.stream && call->counter != NULL &&
                    call->fallback == NULL && call->work == NULL;
    return in_steps && first < cap ? first : cap;
}

enum err call_extend_begin(struct call *call, const struct rate_bounds *input, int64_t first)
{
    ASSERT(call->extend == NULL);
    if (first == call->output_cap) {
        return ERR_OK;
    }
    struct call_extend *extend = mem_zalloc(sizeof(*extend));
    if (extend == NULL) {
        return ERR_NO_MEMORY;
    }
    extend->call = call;
    extend->input = *input;
    extend->cover = (struct cover){
        .held = first * call->ask.choices,
        .step = first * call->ask.choices,
        .most = call->output_cap * call->ask.choices,
    };
    extend->durable = extend->cover.held; /* Gate A keeps everything until the hold is */
    call->extend = extend;
    return ERR_OK;
}

/* ---- rows --------------------------------------------------------------------------------- */

static void extend_submit(struct call_extend *extend);

/* On the writer's thread, behind the hold's own row. */
static enum err extend_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct call_extend *extend = EP_CONTAINER(job, struct call_extend, job);
    const struct ledger_extension row = {
        .hold = &extend->call->hold.row,
        .n = extend->rows,
        .amount = extend->amount,
        .extended_ns = extend->now_wall_ns,
    };
    return ledger_write_extension(extend->call->gate->world.ledger, txn, &row, fail);
}

static void extend_done(struct store_job *job)
{
    struct call_extend *extend = EP_CONTAINER(job, struct call_extend, job);
    struct call *call = extend->call;
    ASSERT(call->magic == CALL_MAGIC);
    extend->on_its_way = false;
    EP_CRASH_POINT("extension-durable");
    if (job->err == ERR_OK) {
        /* Tokens that cost nothing more need no row. */
        extend->durable = extend->waiting > 0 ? extend->submitted : extend->cover.held;
        extend_submit(extend);
    } else {
        call->hold.err = job->err; /* what of the hold is on disk is unknown until a restart */
    }
    call_wake(call);
}

static void extend_submit(struct call_extend *extend)
{
    struct gate *gate = extend->call->gate;
    if (extend->on_its_way || extend->waiting == 0) {
        return;
    }
    extend->rows++;
    extend->amount = extend->waiting;
    extend->waiting = 0;
    extend->submitted = extend->cover.held;
    extend->now_wall_ns = loop_wall_ns(gate->loop);
    extend->on_its_way = true;
    extend->job = (struct store_job){ .run = extend_run, .done = extend_done, .home = gate->loop };
    store_submit(gate->world.store, &extend->job);
    EP_CRASH_POINT("extension-queued");
}

/* ---- the stream --------------------------------------------------------------------------- */

static int64_t extend_sum(const uint64_t tokens[TALLY_PARTS])
{
    uint64_t sum = 0;
    for (size_t i = 0; i < TALLY_PARTS; i++) {
        sum += tokens[i];
    }
    return (int64_t)sum;
}

/* Tokens that so much of a tally is at most: an estimate may be too low by its margin. */
static int64_t extend_most(const struct call *call, const uint64_t tokens[TALLY_PARTS])
{
    if (call->tally.lost) {
        return call->extend->cover.most; /* nobody knows */
    }
    return extend_sum(tokens) * (100 + (int64_t)call->model->token_margin_percent) / 100;
}

/* The price of all that the hold is to cover. */
static enum err extend_price(const struct call *call, int64_t output, int64_t *ret_nano)
{
    struct rate rate;
    struct rate_bounds bounds = call->extend->input;
    call_rate(call, &rate);
    bounds.output = output;
    return rate_ceiling(&rate, &bounds, ret_nano);
}

/* Of the credit and of the key's budget; both or neither. */
static enum err extend_take(struct call *call, int64_t nano)
{
    TRY(account_reserve(ledger_credit(call->account), nano));
    enum err err = budget_extend(&call->budgeted, nano);
    if (err != ERR_OK) {
        account_release(ledger_credit(call->account), nano);
        return err;
    }
    call->ceiling += nano;
    return ERR_OK;
}

/* Reserves what `held` tokens of output cost beyond what is reserved. */
static enum err extend_reserve(struct call *call, int64_t held)
{
    struct call_extend *extend = call->extend;
    int64_t nano = 0;
    TRY(extend_price(call, held, &nano));
    int64_t more = nano > call->ceiling ? nano - call->ceiling : 0;
    TRY(extend_take(call, more));
    extend->waiting += more;
    extend->cover.held = held;
    return ERR_OK;
}

/* A whole step, or where the credit does not cover that, halves of it. */
static void extend_step(struct call *call, int64_t delivered)
{
    struct call_extend *extend = call->extend;
    int64_t from = extend->cover.held > delivered ? extend->cover.held : delivered;
    int64_t held = cover_next(&extend->cover, delivered);
    while (extend_reserve(call, held) != ERR_OK) {
        if (held - from <= 1) {
            return;
        }
        held = from + (held - from) / 2;
    }
    counter_add(COUNTER_HOLDS_EXTENDED, 1);
    if (extend->waiting == 0 && !extend->on_its_way) {
        extend->durable = extend->cover.held; /* it costs nothing */
    }
    extend_submit(extend);
}

enum err call_extend_pass(struct call *call)
{
    struct call_extend *extend = call->extend;
    if (extend == NULL) {
        return ERR_OK;
    }
    int64_t delivered = extend_most(call, call->tally.most);
    if (cover_due(&extend->cover, delivered)) {
        extend_step(call, delivered);
    }
    if (delivered > extend->cover.held) {
        return ERR_LEDGER_SPENT;
    }
    for (size_t i = 0; i < TALLY_PARTS; i++) {
        extend->told[i] = call->tally.most[i];
    }
    extend->told_events = call->relay.content_events;
    return delivered <= extend->durable ? ERR_OK : ERR_BUSY;
}

bool call_extend_durable(const struct call *call)
{
    return call->extend == NULL || extend_most(call, call->extend->told) <= call->extend->durable;
}

void call_extend_rewind(struct call *call)
{
    const struct call_extend *extend = call->extend;
    for (size_t i = 0; i < TALLY_PARTS; i++) {
        call->tally.most[i] = extend->told[i];
    }
    call->relay.content_events = extend->told_events;
    call->relay.has_usage = false;
    call->relay.ended = false;
    buf_reset(&call->relay.tail);
}

/* ---- the end ------------------------------------------------------------------------------ */

void call_extend_end(struct call *call, int64_t nano)
{
    struct call_extend *extend = call->extend;
    int64_t most = 0;
    if (extend == NULL) {
        return;
    }
    account_release(ledger_credit(call->account), extend->waiting);
    EP_IGNORE(budget_extend(&call->budgeted, -extend->waiting)); /* gives back */
    call->ceiling -= extend->waiting;
    extend->waiting = 0;
    if (nano <= call->ceiling || extend_price(call, extend->cover.most, &most) != ERR_OK) {
        return;
    }
    int64_t credit =
        atomic_load_explicit(&ledger_credit(call->account)->available, memory_order_relaxed);
    int64_t more = (nano < most ? nano : most) - call->ceiling;
    more = more < credit ? more : credit;
    if (more > 0 && extend_take(call, more) == ERR_OK) {
        extend->last = more;
    }
}

enum err call_extend_write_last(struct call *call, struct store_txn *txn, int64_t wall_ns,
                                struct fail *fail)
{
    struct call_extend *extend = call->extend;
    if (extend == NULL || extend->last == 0) {
        return ERR_OK;
    }
    const struct ledger_extension row = {
        .hold = &call->hold.row,
        .n = extend->rows + 1,
        .amount = extend->last,
        .extended_ns = wall_ns,
    };
    return ledger_write_extension(call->gate->world.ledger, txn, &row, fail);
}

bool call_extend_is_idle(const struct call *call)
{
    return call->extend == NULL || !call->extend->on_its_way;
}

void call_extend_free(struct call *call)
{
    ASSERT(call_extend_is_idle(call));
    mem_free(call->extend);
    call->extend = NULL;
}
