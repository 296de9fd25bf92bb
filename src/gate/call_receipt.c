#include <string.h>

#include "base/counter.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "batch/batch.h"
#include "gate/answer.h"
#include "gate/call_choice.h"
#include "gate/call_claim.h"
#include "gate/call_dispute.h"
#include "gate/call_extend.h"
#include "gate/call_mark.h"
#include "gate/call_tongue.h"
#include "gate/gate_internal.h"
#include "gate/price_shelf.h"
#include "ident/ident.h"
#include "tlog/tlog.h"
#include "wire/jsonw.h"

_Static_assert((int)USAGE_COUNT == (int)RECEIPT_CLASSES && (int)USAGE_UNITS == (int)RECEIPT_UNITS,
               "receipts show the classes and units that are counted");

#define SETTLEMENT_USAGE_MAX 4096 /* four lists of sixteen classes, two of eight units */

/* What one store job writes when a call ends: settlement, entries and receipt, or nothing. */
struct call_settlement {
    struct store_job job;
    struct call *call;
    struct receipt receipt;
    struct buf usage;
    char usage_text[SETTLEMENT_USAGE_MAX];
    char pico_text[48];
    int64_t begun_ns;
    int64_t wall_ns;
    int64_t leaf;
    bool done;
};

_Static_assert((int)USAGE_COUNT == (int)USAGE_MONTH_CLASSES &&
                   (int)USAGE_UNITS == (int)USAGE_MONTH_UNITS,
               "months sum the classes and units that are billed");

/* ---- the job ------------------------------------------------------------------------------ */

/* As the ledger counts it, too. */
static bool settlement_served(const struct call *call)
{
    return call->charge > 0 || call->outcome == OUTCOME_COMPLETE;
}

static struct usage_month_use settlement_use(const struct call *call)
{
    struct usage_month_use use = { .key = call->key->id };
    use.model = call->route != NULL ? call->model->id : STR_EMPTY;
    memcpy(use.tokens, call->billed.tokens, sizeof(use.tokens));
    use.has_units = usage_has_units(&call->billed);
    if (use.has_units) {
        memcpy(use.units, call->billed.units, sizeof(use.units));
    }
    return use;
}

/* On the writer's thread. */
static enum err settlement_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct call_settlement *settlement = EP_CONTAINER(job, struct call_settlement, job);
    struct call *call = settlement->call;
    const struct gate_world *world = &call->gate->world;
    if (call->hold.placed) {
        struct ledger_settlement row = {
            .hold = &call->hold.row,
            .state = settlement_served(call) ? HOLD_SETTLED : HOLD_VOIDED,
            .posted = call->charge,
            .overrun = call->overrun,
            .usage = buf_str(&settlement->usage),
            .rated_pico = str_from(settlement->pico_text),
            .settled_ns = settlement->wall_ns,
            .use = settlement_use(call),
        };
        TRY(call_extend_write_last(call, txn, settlement->wall_ns, fail));
        TRY(ledger_write_settlement(world->ledger, txn, &row, fail));
        EP_CRASH_POINT("settlement-half");
        TRY(call_attempts_write(call, txn, fail));
        TRY(call_quota_write(call, txn, fail));
        TRY(call_dispute_write(call, txn, settlement->wall_ns, fail));
        TRY(call->claim == NULL ? ERR_OK : call_claim_end(call, txn, fail));
    }
    enum err err = tlog_append_receipt(world->tlog, txn, call->id, &settlement->receipt,
                                       settlement->wall_ns, &settlement->leaf, fail);
    /* Half of it must not stay: whatever keeps the receipt out stops the sale. */
    return err == ERR_OK ? ERR_OK : ERR_STORE_FAILED;
}

static void settlement_done(struct store_job *job)
{
    struct call_settlement *settlement = EP_CONTAINER(job, struct call_settlement, job);
    settlement->done = true;
    EP_CRASH_POINT("settlement-durable");
    int64_t now_ns = loop_now_ns(settlement->call->gate->loop);
    histogram_add(HISTOGRAM_GATE_B, now_ns - settlement->begun_ns);
    call_wake(settlement->call);
}

/* ---- what is written ---------------------------------------------------------------------- */

static void settlement_put_usage(struct jsonw *json, const char *name, const struct usage *usage)
{
    jsonw_key(json, name);
    jsonw_open(json, '{');
    for (int i = 0; i < USAGE_COUNT; i++) {
        if (usage->tokens[i] != 0) {
            jsonw_put_int(json, usage_name((enum usage_class)i), usage->tokens[i]);
        }
    }
    jsonw_close(json, '}');
}

/* What is no token stands apart: the books sum the tokens that were billed. */
static void settlement_put_units(struct jsonw *json, const char *name, const struct usage *usage)
{
    bool open = false;
    for (int i = 0; i < USAGE_UNITS; i++) {
        if (usage->units[i] == 0) {
            continue;
        }
        if (!open) {
            jsonw_key(json, name);
            jsonw_open(json, '{');
            open = true;
        }
        jsonw_put_int(json, usage_unit_name((enum usage_unit)i), usage->units[i]);
    }
    if (open) {
        jsonw_close(json, '}');
    }
}

static void settlement_usage(struct call_settlement *settlement)
{
    const struct call *call = settlement->call;
    struct jsonw json;
    settlement->usage =
        (struct buf){ settlement->usage_text, 0, SETTLEMENT_USAGE_MAX, SETTLEMENT_USAGE_MAX };
    jsonw_init(&json, &settlement->usage);
    jsonw_open(&json, '{');
    settlement_put_usage(&json, "billed", &call->billed);
    jsonw_put_str(&json, "provenance", str_from(call->provenance));
    if (call->counted_by != NULL) {
        settlement_put_usage(&json, "counted", &call->counted_usage);
        jsonw_put_str(&json, "counted_by", str_from(call->counted_by));
    }
    if (call->generated_by != NULL) {
        settlement_put_usage(&json, "generated", call->generated);
        jsonw_put_str(&json, "generated_by", str_from(call->generated_by));
    }
    if (call->has_reported) {
        settlement_put_usage(&json, "reported", &call->reported);
        settlement_put_units(&json, "reported_units", &call->reported);
    }
    settlement_put_units(&json, "units", &call->billed);
    jsonw_close(&json, '}');
    ASSERT(jsonw_err(&json) ==
           ERR_OK); /* sixteen short names and numbers, four times, and sixteen */
}

/* A 128-bit number in decimal; pico >= 0. */
static void settlement_pico(char *text, size_t size, money_wide pico)
{
    char digits[48];
    size_t at = sizeof(digits) - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + (int)(pico % 10));
        pico /= 10;
    } while (pico > 0);
    ASSERT(sizeof(digits) - at <= size);
    for (size_t i = at; i < sizeof(digits); i++) {
        text[i - at] = digits[i];
    }
}

static struct receipt_tokens settlement_tokens(const struct usage *usage, const char *provenance)
{
    struct receipt_tokens tokens = { .provenance = str_from(provenance) };
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        tokens.tokens[i] = usage->tokens[i];
    }
    return tokens;
}

static const struct str outcome_names[] = {
    [OUTCOME_REFUSED] = STR_INIT("refused"),
    [OUTCOME_FAILED] = STR_INIT("failed"),
    [OUTCOME_INTERRUPTED] = STR_INIT("interrupted"),
    [OUTCOME_COMPLETE] = STR_INIT("complete"),
};

static const struct str mode_names[] = {
    [REGISTRY_MODE_DIRECT] = STR_INIT("direct"),
    [REGISTRY_MODE_AGGREGATE] = STR_INIT("aggregate"),
    [REGISTRY_MODE_ZONE] = STR_INIT("zone"),
};

/* What is to be known of the report, and what was billed beside tokens. */
static void settlement_tell_usage(const struct call *call, const char *unit_names[USAGE_UNITS],
                                  struct receipt_facts *facts)
{
    const struct usage *reported = &call->reported;
    if (call->has_reported) {
        facts->reported_flags[0] = reported->quarantined ? STR("quarantined") : STR_EMPTY;
        facts->reported_flags[1] = reported->reasoning_added ? STR("reasoning_added") : STR_EMPTY;
        facts->reported_flags[2] = reported->split_assumed ? STR("split_assumed") : STR_EMPTY;
    }
    for (int i = 0; i < USAGE_UNITS; i++) {
        unit_names[i] = usage_unit_name((enum usage_unit)i);
        facts->units[i] = call->billed.units[i];
    }
    facts->unit_names = unit_names;
    facts->saved_nano = call->charge > 0 ? call->saved : 0;
}

/* Which prices were asked for: the book's, and the batch that lowers them. */
static void settlement_price(const struct call *call, struct buf *book, struct buf *batch)
{
    if (!id_is_zero(call->batch)) {
        EP_IGNORE(id_print(batch, STR(BATCH_PREFIX), call->batch)); /* fits */
    }
    if (call->product != NULL) {
        const struct registry_price_book *prices = call->product->price_book;
        struct str version = call->kept == NULL ? prices->version : call->kept->version;
        const struct str parts[] = { prices->id, STR("/"), version };
        EP_IGNORE(
            buf_append_all(book, parts, EP_ARRAY_LEN(parts))); /* one that does not fit stays out */
    }
}

/* Empty: chat, as in receipts of before there were others. */
static struct str settlement_service(const struct call *call)
{
    enum registry_service service = call->service->service;
    return service == REGISTRY_SERVICE_CHAT ? STR_EMPTY : str_from(registry_service_name(service));
}

/* Empty: the ordinary one, as in receipts of before there were others. */
static struct str settlement_tier(enum tier tier)
{
    return tier_is_ordinary(tier) ? STR_EMPTY : str_from(tier_name(tier));
}

static void settlement_tell_tier(const struct call *call, struct receipt_facts *facts)
{
    facts->tier = settlement_tier(call->tier);
    facts->tier_asked = settlement_tier(call->ask.tier);
    facts->tier_served =
        call->served == TIER_UNSAID ? STR_EMPTY : str_from(tier_name(call->served));
    facts->usage_sha256 = call->report;
    facts->has_usage_sha256 = call->has_report;
}

static enum err settlement_receipt(struct call_settlement *settlement)
{
    const struct call *call = settlement->call;
    const char *class_names[USAGE_COUNT];
    const char *unit_names[USAGE_UNITS];
    for (int i = 0; i < USAGE_COUNT; i++) {
        class_names[i] = usage_name((enum usage_class)i);
    }
    char key_text[ID_SHOWN_MAX];
    struct buf key = { key_text, 0, sizeof(key_text), sizeof(key_text) };
    EP_IGNORE(id_print(&key, STR(IDENT_KEY_PREFIX), call->key->id)); /* fits */
    char batch_text[ID_SHOWN_MAX];
    struct buf batch = { batch_text, 0, sizeof(batch_text), sizeof(batch_text) };
    char book_text[256];
    struct buf book = { book_text, 0, sizeof(book_text), sizeof(book_text) };
    settlement_price(call, &book, &batch);
    struct receipt_try tries[LEDGER_ATTEMPTS_MAX];
    struct receipt_candidate candidates[RECEIPT_CANDIDATES_MAX];
    struct receipt_facts facts = {
        .call = call->id,
        .begun_ns = call->begun_wall_ns,
        .ended_ns = settlement->wall_ns,
        .key = buf_str(&key),
        .product = call->key->product,
        .batch = buf_str(&batch),
        .batch_percent = call->product == NULL ? 0 : (int64_t)call_batch_percent(call),
        .dialect = call_tongue_name(call),
        .service = settlement_service(call),
        .segment = { call->segment, call->segment_step },
        .model_asked = call->ask.model,
        .model_served = call->route != NULL ? call->model->id : STR_EMPTY,
        .counted = settlement_tokens(&call->counted_usage,
                                     call->counted_by == NULL ? "" : call->counted_by),
        .reported = settlement_tokens(&call->reported, call->has_reported ? "upstream" : ""),
        .generated =
            settlement_tokens(call->generated_by == NULL ? &(struct usage){ 0 } : call->generated,
                              call->generated_by == NULL ? "" : call->generated_by),
        .billed = settlement_tokens(&call->billed, call->provenance),
        .class_names = class_names,
        .price_book = buf_str(&book),
        .amount_nano = call->charge,
        .currency = ledger_currency(call->account),
        .outcome = outcome_names[call->outcome],
        .allowed = call->outcome != OUTCOME_REFUSED,
        .mode = call->product == NULL ? STR_EMPTY : mode_names[call->product->mode],
        .registry_hash = { call->snapshot->registry_hash, sizeof(call->snapshot->registry_hash) },
        .place = call->route != NULL ? call->route->place : STR_EMPTY,
        .route = call->route != NULL ? call->route->id : STR_EMPTY,
        .attempts = call->attempts,
        .tries = tries,
        .try_count = call_attempts_tell(call, tries),
        .held_nano = call->hold.placed ? call->ceiling : 0,
        .overrun_nano = call->overrun,
        .internal_reason = call->err == ERR_OK ? STR_EMPTY : str_from(err_info(call->err)->name),
    };
    settlement_tell_usage(call, unit_names, &facts);
    settlement_tell_tier(call, &facts);
    call_choice_tell(call, candidates, &facts.choice);
    struct call_law_room room;
    call_law_receipt(call, settlement->wall_ns, &room, &facts);
    if (call->outcome == OUTCOME_REFUSED || call->err == ERR_LEDGER_SPENT ||
        call->err == ERR_UPSTREAM_MODEL) {
        facts.reasons[facts.reason_count++] = str_from(err_info(call->err)->code);
    }
    enum err err = receipt_build(&settlement->receipt, &facts);
    if (err == ERR_LIMIT) { /* what a replay needs stays out before the call cannot be settled */
        facts.law_facts = STR_EMPTY;
        facts.law_reason_count = 0;
        err = receipt_build(&settlement->receipt, &facts);
    }
    return err;
}

static bool settlement_begin(struct call *call)
{
    struct call_settlement *settlement = mem_zalloc(sizeof(*settlement));
    if (settlement == NULL) {
        return false;
    }
    settlement->call = call;
    settlement->begun_ns = loop_now_ns(call->gate->loop);
    /* A clock that was set back must not make a call end before it began. */
    int64_t wall_ns = loop_wall_ns(call->gate->loop);
    settlement->wall_ns = wall_ns > call->begun_wall_ns ? wall_ns : call->begun_wall_ns;
    receipt_init(&settlement->receipt);
    settlement_usage(settlement);
    settlement_pico(settlement->pico_text, sizeof(settlement->pico_text), call->pico);
    call->settlement = settlement;
    if (settlement_receipt(settlement) != ERR_OK) {
        call_settlement_free(call);
        return false;
    }
    settlement->job = (struct store_job){
        .run = settlement_write,
        .done = settlement_done,
        .home = call->gate->loop,
    };
    store_submit(call->gate->world.store, &settlement->job);
    EP_CRASH_POINT("settlement-queued");
    return true;
}

bool call_settlement_durable(const struct call *call)
{
    return call->settlement != NULL && call->settlement->done &&
           call->settlement->job.err == ERR_OK;
}

void call_settlement_free(struct call *call)
{
    if (call->settlement != NULL) {
        receipt_fini(&call->settlement->receipt);
        mem_free(call->settlement);
        call->settlement = NULL;
    }
}

/* ---- the step ----------------------------------------------------------------------------- */

static void receipt_fault(struct call *call, enum err err)
{
    struct log_line line;
    log_begin(&line, EVENT_CALL_FAULT);
    log_id(&line, "call", STR("call_"), call->id);
    log_str(&line, "code", str_from(err_info(err)->name));
    log_str(&line, "text", STR("the call could not be settled; its hold ends with a restart"));
    log_end(&line);
    call->err = ERR_STORE_FAILED;
    call->message = STR_EMPTY; /* what it would have been refused with is not so */
    call->param = NULL;
}

/* RECEIPT: settlement and receipt become durable together (Gate B). */
enum call_next call_receipt(struct call *call)
{
    if (call->settlement == NULL) {
        call->provenance = call->provenance == NULL ? "none" : call->provenance;
        bool settled = settlement_begin(call);
        bool idle = !(call->hold.queued && call->hold.err == ERR_BUSY) &&
                    call_extend_is_idle(call) && call_mark_is_idle(call);
        if (!settled && !idle) {
            return CALL_WAIT; /* the store still has jobs of this call; then it is tried again */
        }
        if (!settled) {
            receipt_fault(call, ERR_NO_MEMORY);
            call_goto(call, CALL_DONE);
            return CALL_NEXT;
        }
        if (call->x != NULL && call->snapshot->options.hold == GATE_HOLD_RELAXED) {
            answer_end(call); /* no gates: for comparisons alone */
        }
        return CALL_WAIT;
    }
    if (!call->settlement->done) {
        return CALL_WAIT;
    }
    enum err err = call->settlement->job.err;
    if (err != ERR_OK) {
        receipt_fault(call, err);
    } else {
        counter_add(COUNTER_RECEIPTS, 1);
        if (call->hold.placed) {
            call_quota_end(call, true);
            account_settle(ledger_credit(call->account), call->ceiling, call->charge);
            budget_settle(&call->budgeted, call->charge, settlement_served(call));
            counter_add(COUNTER_HOLDS_OPEN, -1);
        }
    }
    call_goto(call, CALL_DONE);
    return CALL_NEXT;
}
