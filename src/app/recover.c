#include "app/recover.h"

#include "base/log.h"

struct recover_job {
    struct store_job job;
    struct ledger *ledger;
    struct tlog *tlog;
    const struct ledger_hold *hold;
    const struct receipt *receipt;
    int64_t now_ns;
};

static enum err recover_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct recover_job *recover = EP_CONTAINER(job, struct recover_job, job);
    const struct ledger_settlement settlement = {
        .hold = recover->hold,
        .state = HOLD_RECOVERED,
        .usage = STR("{}"),
        .rated_pico = STR("0"),
        .settled_ns = recover->now_ns,
    };
    TRY(ledger_write_settlement(recover->ledger, txn, &settlement, fail));
    int64_t leaf = 0;
    return tlog_append_receipt(recover->tlog, txn, recover->hold->call, recover->receipt,
                               recover->now_ns, &leaf, fail);
}

static enum err recover_hold(struct store *store, struct recover_job *recover,
                             struct receipt *receipt, struct fail *fail)
{
    const struct ledger_hold *hold = recover->hold;
    const struct receipt_facts facts = {
        .call = hold->call,
        .begun_ns = hold->opened_ns,
        /* A clock that went back must not make a call end before it began. */
        .ended_ns = recover->now_ns > hold->opened_ns ? recover->now_ns : hold->opened_ns,
        .currency = ledger_currency(hold->account),
        .outcome = STR("interrupted"),
        .allowed = true,
        .held_nano = hold->amount,
        .internal_reason = STR("the server ended before this call did"),
    };
    enum err err = receipt_build(receipt, &facts);
    if (err != ERR_OK) {
        return FAIL(fail, err, "could not write the receipt of an interrupted call");
    }
    recover->receipt = receipt;
    TRY(store_run(store, &recover->job, fail));
    account_settle(ledger_credit(hold->account), hold->amount, 0);
    budget_settle(&hold->budget, 0);
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
            .job = { .run = recover_run },
            .ledger = ledger,
            .tlog = tlog,
            .hold = &hold,
            .now_ns = now_ns,
        };
        err = recover_hold(store, &recover, &receipt, fail);
        count += err == ERR_OK;
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
