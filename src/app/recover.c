#include "app/recover.h"

#include "base/crash.h"
#include "base/log.h"
#include "base/money.h"
#include "ident/ident.h"
#include "ledger/attempt.h"
#include "ledger/mark.h"
#include "meter/usage.h"
#include "wire/json.h"
#include "wire/jsonw.h"

#define RECOVER_USAGE_MAX 512 /* a mark's, and a few words around it */

struct recover_job {
    struct store_job job;
    struct ledger *ledger;
    struct tlog *tlog;
    const struct ledger_hold *hold;
    const struct receipt *receipt;
    int64_t now_ns;
    struct ledger_marked marked;
    int64_t posted;
    int64_t overrun;
    struct buf usage;
    struct buf pico;
    char usage_text[RECOVER_USAGE_MAX];
    char pico_text[32];
};

/* ---- what it costs ------------------------------------------------------------------------ */

static enum err recover_look(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct recover_job *recover = EP_CONTAINER(job, struct recover_job, job);
    return ledger_read_mark(txn, recover->hold->seq, &recover->marked, fail);
}

static struct str recover_usage_of(const struct ledger_marked *marked)
{
    struct json_fault fault;
    struct str usage = { marked->progress.usage, marked->progress.usage_len };
    bool fine = marked->found && json_check(usage, &fault) == ERR_OK;
    return fine ? usage : STR("{}");
}

/* What the last mark says: never more than the hold and what extended it. */
static enum err recover_rate(struct recover_job *recover)
{
    struct jsonw json;
    int64_t pico = recover->marked.found ? recover->marked.progress.rated_pico : 0;
    int64_t nano = pico / MONEY_PICO_PER_NANO;
    recover->posted = nano < recover->hold->amount ? nano : recover->hold->amount;
    recover->overrun = nano - recover->posted;
    recover->usage = (struct buf){ recover->usage_text, 0, RECOVER_USAGE_MAX, RECOVER_USAGE_MAX };
    recover->pico = (struct buf){ recover->pico_text, 0, sizeof(recover->pico_text),
                                  sizeof(recover->pico_text) };
    TRY(buf_i64(&recover->pico, pico));
    jsonw_init(&json, &recover->usage);
    jsonw_open(&json, '{');
    if (recover->marked.found) {
        jsonw_key(&json, "billed");
        jsonw_raw(&json, recover_usage_of(&recover->marked));
        jsonw_put_str(&json, "provenance", STR("recovered"));
    }
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

static void recover_tokens(const struct ledger_marked *marked, struct receipt_tokens *ret_tokens)
{
    struct str usage = recover_usage_of(marked);
    ret_tokens->provenance = marked->found ? STR("recovered") : STR_EMPTY;
    for (int i = 0; i < USAGE_COUNT; i++) {
        struct str value = json_get(usage, str_from(usage_name((enum usage_class)i)));
        if (!json_i64(value, &ret_tokens->tokens[i])) {
            ret_tokens->tokens[i] = 0; /* the mark has no such class */
        }
    }
}

/* ---- its end ------------------------------------------------------------------------------ */

/* The one that delivered; what failed before it died with the server. */
static enum err recover_attempt(const struct recover_job *recover, struct store_txn *txn,
                                struct fail *fail)
{
    const struct ledger_progress *progress = &recover->marked.progress;
    if (!recover->marked.found) {
        return ERR_OK;
    }
    const struct ledger_attempt attempt = {
        .n = progress->attempt,
        .route = progress->route,
        .outcome = STR("interrupted"),
        .usage_source = STR("recovered"),
        .sent = true,
        .billable = true,
    };
    return ledger_write_attempt(txn, recover->hold, &attempt, fail);
}

/* For the month; a hold without a mark has neither key nor model, and costs nothing. */
static struct usage_month_use recover_use(const struct ledger_marked *marked)
{
    struct usage_month_use use = { .model = marked->found ? marked->progress.model : STR_EMPTY };
    struct receipt_tokens tokens;
    if (marked->found && !id_parse(marked->progress.key, STR(IDENT_KEY_PREFIX), &use.key)) {
        use.key = (struct id){ { 0 } };
    }
    recover_tokens(marked, &tokens);
    for (size_t i = 0; i < USAGE_MONTH_CLASSES; i++) {
        use.tokens[i] = tokens.tokens[i];
    }
    return use;
}

static enum err recover_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct recover_job *recover = EP_CONTAINER(job, struct recover_job, job);
    const struct ledger_settlement settlement = {
        .hold = recover->hold,
        .state = HOLD_RECOVERED,
        .posted = recover->posted,
        .overrun = recover->overrun,
        .usage = buf_str(&recover->usage),
        .rated_pico = buf_str(&recover->pico),
        .settled_ns = recover->now_ns,
        .use = recover_use(&recover->marked),
    };
    TRY(ledger_write_settlement(recover->ledger, txn, &settlement, fail));
    TRY(recover_attempt(recover, txn, fail));
    int64_t leaf = 0;
    return tlog_append_receipt(recover->tlog, txn, recover->hold->call, recover->receipt,
                               recover->now_ns, &leaf, fail);
}

static enum err recover_hold(struct store *store, struct recover_job *recover,
                             struct receipt *receipt, struct fail *fail)
{
    const struct ledger_hold *hold = recover->hold;
    const struct ledger_progress *progress = &recover->marked.progress;
    const char *class_names[USAGE_COUNT];
    for (int i = 0; i < USAGE_COUNT; i++) {
        class_names[i] = usage_name((enum usage_class)i);
    }
    recover->job.run = recover_look;
    TRY(store_run(store, &recover->job, fail));
    TRY(recover_rate(recover));
    struct receipt_facts facts = {
        .call = hold->call,
        .begun_ns = hold->opened_ns,
        /* A clock that went back must not make a call end before it began. */
        .ended_ns = recover->now_ns > hold->opened_ns ? recover->now_ns : hold->opened_ns,
        .currency = ledger_currency(hold->account),
        .outcome = STR("interrupted"),
        .allowed = true,
        .class_names = class_names,
        .key = progress->key,
        .product = progress->product,
        .price_book = progress->price_book,
        .model_asked = progress->model,
        .model_served = progress->model,
        .amount_nano = recover->posted,
        .route = progress->route,
        .attempts = progress->attempt,
        .held_nano = hold->amount,
        .overrun_nano = recover->overrun,
        .internal_reason = STR("the server ended before this call did"),
    };
    recover_tokens(&recover->marked, &facts.billed);
    enum err err = receipt_build(receipt, &facts);
    if (err != ERR_OK) {
        return FAIL(fail, err, "could not write the receipt of an interrupted call");
    }
    recover->receipt = receipt;
    recover->job.run = recover_run;
    TRY(store_run(store, &recover->job, fail));
    account_settle(ledger_credit(hold->account), hold->amount, recover->posted);
    budget_settle(&hold->budget, recover->posted, recover->posted > 0); /* as its row counts */
    return ERR_OK;
}

enum err recover_holds(struct store *store, struct ledger *ledger, struct tlog *tlog,
                       int64_t now_ns, size_t *ret_count, struct fail *fail)
{
    struct ledger_hold hold;
    struct receipt receipt;
    size_t count = 0;
    enum err err = ERR_OK;
    receipt_init(&receipt);
    while (err == ERR_OK && ledger_next_open_hold(ledger, &hold)) {
        struct recover_job recover = {
            .ledger = ledger,
            .tlog = tlog,
            .hold = &hold,
            .now_ns = now_ns,
        };
        err = recover_hold(store, &recover, &receipt, fail);
        count += err == ERR_OK;
        EP_CRASH_POINT("recovery-half");
    }
    receipt_fini(&receipt);
    if (count > 0) {
        struct log_line line;
        log_begin(&line, EVENT_RECOVERED);
        log_int(&line, "holds", (int64_t)count);
        log_end(&line);
    }
    TRY(err);
    *ret_count = count;
    return ERR_OK;
}
