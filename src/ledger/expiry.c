/* Lots that end: when, with which warnings, and what is left of them then. */
#include <string.h>

#include "base/mem.h"
#include "ledger/ledger.h"
#include "ledger/ledger_internal.h"

#define EXPIRY_DAY_NS INT64_C(86400000000000)

static const int64_t expiry_days[] = { 7, 30, 60 }; /* before the end, the nearest first */

static const struct store_sql sql_warning_add = {
    "INSERT INTO lot_warning(lot, days, left_nano, at_ns) VALUES (?1, ?2, ?3, ?4)"
};

int64_t ledger_next_expiry(const struct ledger *ledger)
{
    return atomic_load_explicit(&ledger->next_expiry_ns, memory_order_relaxed);
}

int64_t ledger_overdue(const struct ledger_account *account)
{
    return atomic_load_explicit(&account->overdue, memory_order_relaxed);
}

/* The writer's thread alone writes it. */
void ledger_note_expiry(struct ledger *ledger, int64_t expires_ns)
{
    if (expires_ns != 0 && expires_ns < ledger_next_expiry(ledger)) {
        atomic_store_explicit(&ledger->next_expiry_ns, expires_ns, memory_order_relaxed);
    }
}

/* ---- the end ----------------------------------------------------------------------------- */

struct expiry_job {
    struct store_job job;
    struct ledger *ledger;
    int64_t now_ns;
    int64_t amount;
};

/* As far as it is not held. */
static enum err expiry_end_lot(struct expiry_job *expiry, struct store_txn *txn,
                               struct ledger_account *account, struct ledger_lot *lot,
                               struct fail *fail)
{
    int64_t available = atomic_load(&account->credit.available);
    const struct ledger_entry entry = {
        .client = account,
        .house = ledger_house(expiry->ledger, LEDGER_BREAKAGE, account->currency),
        .way = CREDIT_SHRINKS,
        .amount = lot->remaining < available ? lot->remaining : available,
        .code = ENTRY_EXPIRY,
        .ref = lot->id,
        .txn = expiry->ledger->next_txn,
    };
    const struct ledger_cause cause = { .ground = GROUND_TERM, .at_ns = expiry->now_ns };
    /* Where a call is quicker, the next look takes what is left. */
    if (entry.amount == 0 || account_remove(&account->credit, entry.amount) != ERR_OK) {
        return ERR_OK;
    }
    TRY(lot_take(expiry->ledger, txn, &entry, lot, &cause, fail));
    expiry->ledger->next_txn++;
    expiry->amount += entry.amount;
    return ERR_OK;
}

static enum err expiry_look_at(struct expiry_job *expiry, struct store_txn *txn,
                               struct ledger_account *account, int64_t *next_ns, struct fail *fail)
{
    int64_t overdue = 0;
    for (size_t i = 0; i < account->lot_count; i++) {
        struct ledger_lot *lot = &account->lots[i];
        if (lot->expires_ns == 0 || lot->remaining == 0) {
            continue;
        }
        /* Validity is half-open: at its expiry a lot is over. */
        if (lot->expires_ns <= expiry->now_ns) {
            TRY(expiry_end_lot(expiry, txn, account, lot, fail));
            overdue += lot->remaining;
        }
        /* A part that is held has its turn when the hold has ended. */
        if (lot->remaining > 0 && lot->expires_ns < *next_ns) {
            *next_ns = lot->expires_ns;
        }
    }
    atomic_store_explicit(&account->overdue, overdue, memory_order_relaxed);
    return ERR_OK;
}

static enum err expiry_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct expiry_job *expiry = EP_CONTAINER(job, struct expiry_job, job);
    struct ledger *ledger = expiry->ledger;
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < ledger->account_count; i++) {
        TRY(expiry_look_at(expiry, txn, ledger->accounts[i], &next_ns, fail));
    }
    atomic_store_explicit(&ledger->next_expiry_ns, next_ns, memory_order_relaxed);
    return ERR_OK;
}

enum err ledger_expire(struct ledger *ledger, int64_t now_ns, int64_t *ret_amount,
                       struct fail *fail)
{
    struct expiry_job expiry = {
        .job = { .run = expiry_run },
        .ledger = ledger,
        .now_ns = now_ns,
    };
    TRY(store_run(ledger->store, &expiry.job, fail));
    *ret_amount = expiry.amount;
    return ERR_OK;
}

/* ---- warnings before it ------------------------------------------------------------------ */

struct expiry_warnings {
    struct store_job job;
    struct ledger *ledger;
    int64_t now_ns;
    int64_t ending; /* lots */
    struct ledger_warning *list;
    size_t count;
    size_t cap;
};

static enum err expiry_keep(struct expiry_warnings *warnings, const struct ledger_warning *warning)
{
    if (warnings->count == warnings->cap) {
        size_t cap = warnings->cap == 0 ? 16 : warnings->cap * 2;
        struct ledger_warning *grown = mem_realloc(warnings->list, cap * sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        warnings->list = grown;
        warnings->cap = cap;
    }
    warnings->list[warnings->count++] = *warning;
    return ERR_OK;
}

/* The nearest mark that has been reached; 0: none. */
static int64_t expiry_mark(int64_t left_ns)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(expiry_days); i++) {
        if (left_ns <= expiry_days[i] * EXPIRY_DAY_NS) {
            return expiry_days[i];
        }
    }
    return 0;
}

static enum err expiry_look(struct expiry_warnings *warnings, const struct ledger_account *account,
                            const struct ledger_lot *lot)
{
    if (lot->expires_ns == 0 || lot->remaining == 0 || lot->expires_ns <= warnings->now_ns) {
        return ERR_OK;
    }
    int64_t days = expiry_mark(lot->expires_ns - warnings->now_ns);
    warnings->ending += days > 0;
    if (days == 0 || (lot->warned > 0 && lot->warned <= days)) {
        return ERR_OK;
    }
    struct ledger_warning warning = {
        .account = account->id,
        .lot = lot->id,
        .days = days,
        .left = lot->remaining,
        .expires_ns = lot->expires_ns,
    };
    memcpy(warning.currency, account->currency, sizeof(warning.currency));
    return expiry_keep(warnings, &warning);
}

static enum err expiry_warn(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct expiry_warnings *warnings = EP_CONTAINER(job, struct expiry_warnings, job);
    struct ledger *ledger = warnings->ledger;
    for (size_t i = 0; i < ledger->account_count; i++) {
        const struct ledger_account *account = ledger->accounts[i];
        for (size_t k = 0; k < account->lot_count; k++) {
            TRY(expiry_look(warnings, account, &account->lots[k]));
        }
    }
    for (size_t i = 0; i < warnings->count; i++) {
        const struct ledger_warning *warning = &warnings->list[i];
        const struct store_value values[] = { STORE_I(warning->lot), STORE_I(warning->days),
                                              STORE_I(warning->left), STORE_I(warnings->now_ns) };
        TRY(store_exec(txn, &sql_warning_add, values, EP_ARRAY_LEN(values), fail));
        lot_find(ledger_find(ledger, warning->account), warning->lot)->warned = warning->days;
    }
    return ERR_OK;
}

enum err ledger_warn(struct ledger *ledger, int64_t now_ns, ledger_warning_fn *told, void *context,
                     int64_t *ret_ending, struct fail *fail)
{
    struct expiry_warnings warnings = {
        .job = { .run = expiry_warn },
        .ledger = ledger,
        .now_ns = now_ns,
    };
    enum err err = store_run(ledger->store, &warnings.job, fail);
    for (size_t i = 0; err == ERR_OK && i < warnings.count; i++) {
        told(context, &warnings.list[i]);
    }
    mem_free(warnings.list);
    TRY(err);
    *ret_ending = warnings.ending;
    return ERR_OK;
}
