/* Refunds and corrections: what takes credit out of a lot, or puts it back, but for calls. */
#include <string.h>

#include "ledger/ledger.h"
#include "ledger/ledger_internal.h"

static const struct store_sql sql_cause_add = {
    "INSERT INTO cause(entry, at_ns, ground, payer, method, reason, reference, corrects)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
};
static const struct store_sql sql_lot_parts = {
    "UPDATE lot SET refunded = refunded + ?2, expired = expired + ?3, corrected = corrected + ?4"
    " WHERE id = ?1"
};
static const struct store_sql sql_order = {
    "SELECT payer, method, refund_until_ns FROM purchase_order WHERE id = ?1"
};
static const struct store_sql sql_entry = {
    "SELECT e.debit, e.credit, e.amount, e.code, e.ref,"
    " (SELECT coalesce(sum(m.amount), 0) FROM cause c JOIN entry m ON m.id = c.entry"
    " WHERE c.corrects = e.id) FROM entry e WHERE e.id = ?1"
};
static const struct store_sql sql_lot = {
    "SELECT l.account, l.kind, l.amount, l.priority, l.expires_ns,"
    " l.refunded + l.expired + l.corrected, coalesce(o.book, 0)"
    " FROM lot l LEFT JOIN purchase_order o ON o.id = l.id WHERE l.id = ?1"
};

/* ---- lots -------------------------------------------------------------------------------- */

struct ledger_lot *lot_find(struct ledger_account *account, int64_t id)
{
    for (size_t i = 0; i < account->lot_count; i++) {
        if (account->lots[i].id == id) {
            return &account->lots[i];
        }
    }
    return NULL;
}

/* What an entry does to the lot's counters: by the operator's account on its other side. */
static enum err lot_count(struct store_txn *txn, const struct ledger_entry *entry,
                          struct fail *fail)
{
    enum ledger_class other = entry->house.account->class;
    int64_t change = entry->way == CREDIT_SHRINKS ? entry->amount : -entry->amount;
    bool sale = other == LEDGER_CASH_CLEARING || other == LEDGER_PROMO;
    const struct store_value values[] = {
        STORE_I(entry->ref),
        STORE_I(other == LEDGER_REFUND ? change : 0),
        STORE_I(other == LEDGER_BREAKAGE ? change : 0),
        STORE_I(sale ? change : 0),
    };
    return store_exec(txn, &sql_lot_parts, values, EP_ARRAY_LEN(values), fail);
}

enum err lot_post(struct ledger *ledger, struct store_txn *txn, const struct ledger_entry *entry,
                  const struct ledger_cause *cause, struct fail *fail)
{
    const struct store_value values[] = {
        STORE_I(ledger->next_entry),
        STORE_I(cause->at_ns),
        STORE_I(cause->ground),
        STORE_T(cause->payer),
        STORE_T(cause->method),
        STORE_T(cause->reason),
        STORE_T(cause->reference),
        cause->corrects == 0 ? STORE_NULL_VALUE : STORE_I(cause->corrects),
    };
    TRY(ledger_post(ledger, txn, entry, fail));
    TRY(store_exec(txn, &sql_cause_add, values, EP_ARRAY_LEN(values), fail));
    return lot_count(txn, entry, fail);
}

enum err lot_take(struct ledger *ledger, struct store_txn *txn, const struct ledger_entry *entry,
                  struct ledger_lot *lot, const struct ledger_cause *cause, struct fail *fail)
{
    ASSERT(entry->way == CREDIT_SHRINKS);
    ASSERT(entry->amount <= lot->remaining);
    TRY(lot_post(ledger, txn, entry, cause, fail));
    lot->remaining -= entry->amount;
    lot->dirty = true;
    ledger_note_prices(entry->client);
    return ERR_OK;
}

/* ---- refunds ----------------------------------------------------------------------------- */

struct refund_job {
    struct store_job job;
    struct ledger *ledger;
    struct ledger_refund *refund;
    char payer[512]; /* as the order has it: a payer's name is shorter */
    char method[32];
    struct str order_payer;
    struct str order_method;
    int64_t until_ns;
    int64_t amount;
};

static struct str refund_keep(char *room, size_t size, struct str text)
{
    size_t len = text.len < size ? text.len : size;
    memcpy(room, text.len > 0 ? text.ptr : "", len);
    return (struct str){ room, len };
}

static enum err refund_on_order(void *context, const struct store_value *row, size_t columns)
{
    struct refund_job *job = context;
    ASSERT(columns == 3);
    job->order_payer = refund_keep(job->payer, sizeof(job->payer), row[0].bytes);
    job->order_method = refund_keep(job->method, sizeof(job->method), row[1].bytes);
    job->until_ns = row[2].number;
    return ERR_OK;
}

/* To whom, how and when. */
static enum err refund_check_order(const struct refund_job *job, struct fail *fail)
{
    const struct ledger_refund *refund = job->refund;
    if (refund->payer.len > 0 && !str_eq(refund->payer, job->order_payer)) {
        return FAIL(fail, ERR_TOKEN_NO_CASH_OUT,
                    "it was paid by \"" STR_FMT "\" and goes back to no other",
                    STR_ARG(job->order_payer));
    }
    if (refund->method.len > 0 && !str_eq(refund->method, job->order_method)) {
        return FAIL(fail, ERR_TOKEN_NO_CASH_OUT,
                    "it was paid by " STR_FMT " and goes back the same way",
                    STR_ARG(job->order_method));
    }
    if (refund->ground.len == 0 && refund->now_ns >= job->until_ns) {
        return FAIL(fail, ERR_TOKEN_NO_CASH_OUT,
                    "the time to give it back for the asking is over; a contract or a law may say "
                    "more");
    }
    return ERR_OK;
}

static enum err refund_check(struct refund_job *job, struct store_txn *txn,
                             const struct ledger_lot *lot, struct fail *fail)
{
    const struct ledger_refund *refund = job->refund;
    int64_t available = atomic_load(&refund->account->credit.available);
    int64_t left = lot->remaining < available ? lot->remaining : available;
    left -= refund->step > 0 ? left % refund->step : 0;
    if (lot->kind == LOT_PROMO) {
        return FAIL(fail, ERR_TOKEN_NO_CASH_OUT, "promotional credit is not refunded");
    }
    if (lot->expires_ns != 0 && lot->expires_ns <= refund->now_ns) {
        return FAIL(fail, ERR_TOKEN_EXPIRED, "the lot's time has passed");
    }
    if (left == 0 || refund->amount > left) {
        return FAIL(fail, ERR_TOKEN_NO_CASH_OUT,
                    left == 0 ? "nothing of this lot is left that is not held and can be paid"
                              : "it is more than is left of this lot and not held");
    }
    job->amount = refund->amount > 0 ? refund->amount : left;
    const struct store_value id = STORE_I(lot->id);
    TRY(store_query(txn, &sql_order, &id, 1, refund_on_order, job, fail));
    return refund_check_order(job, fail);
}

static enum err refund_run(struct store_job *store_job, struct store_txn *txn, struct fail *fail)
{
    struct refund_job *job = EP_CONTAINER(store_job, struct refund_job, job);
    struct ledger_refund *refund = job->refund;
    struct ledger_account *account = refund->account;
    struct ledger_lot *lot = lot_find(account, refund->lot);
    if (lot == NULL) {
        return FAIL(fail, ERR_NOT_FOUND, "the client has no lot %lld with anything left",
                    (long long)refund->lot);
    }
    TRY(refund_check(job, txn, lot, fail));
    const struct ledger_cause cause = {
        .ground = refund->ground.len > 0 ? GROUND_CONTRACT : GROUND_WINDOW,
        .at_ns = refund->now_ns,
        .payer = job->order_payer,
        .method = job->order_method,
        .reason = refund->ground,
    };
    if (account_remove(&account->credit, job->amount) != ERR_OK) { /* a call was quicker */
        return FAIL(fail, ERR_TOKEN_NO_CASH_OUT, "so much of this lot is held just now");
    }
    const struct ledger_entry entry = {
        .client = account,
        .house = ledger_house(job->ledger, LEDGER_REFUND, account->currency),
        .way = CREDIT_SHRINKS,
        .amount = job->amount,
        .code = ENTRY_REFUND,
        .ref = lot->id,
        .txn = job->ledger->next_txn++,
    };
    TRY(lot_take(job->ledger, txn, &entry, lot, &cause, fail));
    refund->amount = job->amount;
    return ERR_OK;
}

enum err ledger_refund(struct ledger *ledger, struct ledger_refund *refund, struct fail *fail)
{
    if (refund->amount < 0) {
        return FAIL(fail, ERR_ASK_INVALID, "an amount to give back must be above zero");
    }
    if (refund->step > 0 && refund->amount % refund->step != 0) {
        return FAIL(fail, ERR_ASK_INVALID, "no bank pays so small a part of %s",
                    refund->account->currency);
    }
    struct refund_job job = { .job = { .run = refund_run }, .ledger = ledger, .refund = refund };
    return store_run(ledger->store, &job.job, fail);
}

/* ---- corrections ------------------------------------------------------------------------- */

struct correct_job {
    struct store_job job;
    struct ledger *ledger;
    struct ledger_correction *correction;
    struct ledger_account *credited; /* a client's that gets credit: told when it is durable */
    /* The entry that was wrong, and the lot that the correction is about. */
    int64_t debit;
    int64_t credit;
    int64_t amount;
    int64_t code;
    int64_t ref;
    int64_t corrected;
    int64_t lot_account;
    int64_t lot_gone; /* refunded, expired or corrected */
    struct ledger_lot lot;
};

static enum err correct_on_entry(void *context, const struct store_value *row, size_t columns)
{
    struct correct_job *job = context;
    ASSERT(columns == 6);
    job->debit = row[0].number;
    job->credit = row[1].number;
    job->amount = row[2].number;
    job->code = row[3].number;
    job->ref = row[4].number;
    job->corrected = row[5].number;
    return ERR_OK;
}

static enum err correct_on_lot(void *context, const struct store_value *row, size_t columns)
{
    struct correct_job *job = context;
    ASSERT(columns == 7);
    job->lot_account = row[0].number;
    job->lot.kind = (enum ledger_lot_kind)row[1].number;
    job->lot.amount = row[2].number;
    job->lot.priority = row[3].number;
    job->lot.expires_ns = row[4].number;
    job->lot_gone = row[5].number;
    job->lot.price_book = row[6].number;
    return ERR_OK;
}

static struct ledger_account *correct_account(const struct ledger *ledger, int64_t row)
{
    for (size_t i = 0; i < ledger->account_count; i++) {
        if (ledger->accounts[i]->row == row) {
            return ledger->accounts[i];
        }
    }
    return NULL;
}

/* What there is to correct, and how much of it. */
static enum err correct_check_entry(struct correct_job *job, struct store_txn *txn,
                                    struct fail *fail)
{
    struct ledger_correction *correction = job->correction;
    const struct store_value id = STORE_I(correction->entry);
    TRY(store_query(txn, &sql_entry, &id, 1, correct_on_entry, job, fail));
    if (job->amount == 0) {
        return FAIL(fail, ERR_NOT_FOUND, "there is no entry %lld", (long long)correction->entry);
    }
    if (job->code == ENTRY_OVERRUN) {
        return FAIL(fail, ERR_CONFLICT, "the entry moves no client's credit");
    }
    if (job->code == ENTRY_EXPIRY) {
        return FAIL(fail, ERR_TOKEN_EXPIRED,
                    "the lot's time has passed; credit that is given instead is promotional");
    }
    int64_t left = job->amount - job->corrected;
    if (left <= 0 || correction->amount > left) {
        return FAIL(fail, ERR_CONFLICT, "it is more than is left of the entry to correct");
    }
    correction->amount = correction->amount > 0 ? correction->amount : left;
    return ERR_OK;
}

static enum err correct_check_lot(struct correct_job *job, struct store_txn *txn,
                                  const struct ledger_account *client, struct fail *fail)
{
    struct ledger_correction *correction = job->correction;
    bool call = job->code == ENTRY_SETTLEMENT;
    if (call != (correction->lot > 0)) {
        return FAIL(fail, ERR_ASK_INVALID,
                    call ? "it must be said which lot gets the charge back"
                         : "the entry's own lot is corrected, and no other");
    }
    job->lot.id = call ? correction->lot : job->ref;
    const struct store_value id = STORE_I(job->lot.id);
    TRY(store_query(txn, &sql_lot, &id, 1, correct_on_lot, job, fail));
    if (job->lot_account != client->row) {
        return call ? FAIL(fail, ERR_TOKEN_NOT_TRANSFERABLE, "the lot is not this client's")
                    : FAIL(fail, ERR_NOT_FOUND, "there is no such lot");
    }
    return ERR_OK;
}

/* Credit that comes back is no more than what the lot has lost, and comes back in its time. */
static enum err correct_check_return(const struct correct_job *job, const struct ledger_lot *kept,
                                     struct fail *fail)
{
    int64_t remaining = kept == NULL ? 0 : kept->remaining;
    int64_t used = job->lot.amount - remaining - job->lot_gone;
    if (job->lot.expires_ns != 0 && job->lot.expires_ns <= job->correction->now_ns) {
        return FAIL(fail, ERR_TOKEN_EXPIRED, "the lot's time has passed");
    }
    if (job->code == ENTRY_SETTLEMENT && job->correction->amount > used) {
        return FAIL(fail, ERR_CONFLICT, "so much of this lot was not used");
    }
    return ERR_OK;
}

static enum err correct_return(struct correct_job *job, struct store_txn *txn,
                               const struct ledger_entry *entry, const struct ledger_cause *cause,
                               struct fail *fail)
{
    struct ledger_account *client = entry->client;
    struct ledger_lot *lot = lot_find(client, entry->ref);
    TRY(correct_check_return(job, lot, fail));
    if (lot == NULL) {
        /* It was used up before the last start: nothing is left of it. */
        TRY(ledger_keep_lot(client, &job->lot));
        lot = lot_find(client, entry->ref);
        ASSERT(lot != NULL && lot->remaining == 0);
    }
    TRY(lot_post(job->ledger, txn, entry, cause, fail));
    lot->remaining += entry->amount;
    lot->dirty = true;
    ASSERT(lot->remaining <= lot->amount);
    ledger_note_expiry(job->ledger, lot->expires_ns);
    ledger_note_prices(client);
    job->credited = client;
    return ERR_OK;
}

static enum err correct_take(struct correct_job *job, struct store_txn *txn,
                             const struct ledger_entry *entry, const struct ledger_cause *cause,
                             struct fail *fail)
{
    struct ledger_lot *lot = lot_find(entry->client, entry->ref);
    if (lot == NULL || lot->remaining < entry->amount ||
        account_remove(&entry->client->credit, entry->amount) != ERR_OK) {
        return FAIL(fail, ERR_CONFLICT, "so much of the lot is not left, or is held");
    }
    return lot_take(job->ledger, txn, entry, lot, cause, fail);
}

static enum err correct_check_sum(const struct ledger_account *debit,
                                  const struct ledger_account *credit, int64_t amount,
                                  struct fail *fail)
{
    int64_t sum = 0;
    if (__builtin_add_overflow(debit->dr_post, amount, &sum) ||
        __builtin_add_overflow(credit->cr_post, amount, &sum)) {
        return FAIL(fail, ERR_MONEY_RANGE, "the books cannot count so much %s", debit->currency);
    }
    return ERR_OK;
}

static enum err correct_run(struct store_job *store_job, struct store_txn *txn, struct fail *fail)
{
    struct correct_job *job = EP_CONTAINER(store_job, struct correct_job, job);
    struct ledger_correction *correction = job->correction;
    struct ledger *ledger = job->ledger;
    TRY(correct_check_entry(job, txn, fail));
    /* The sides of the entry exchanged: what it credited is debited now. */
    struct ledger_account *debit = correct_account(ledger, job->credit);
    struct ledger_account *credit = correct_account(ledger, job->debit);
    ASSERT(debit != NULL && credit != NULL);
    TRY(correct_check_sum(debit, credit, correction->amount, fail));
    bool taken = debit->class == LEDGER_CUSTOMER_CREDIT;
    const struct ledger_house house = { taken ? credit : debit };
    TRY(correct_check_lot(job, txn, taken ? debit : credit, fail));
    const struct ledger_entry entry = {
        .client = taken ? debit : credit,
        .house = house,
        .way = taken ? CREDIT_SHRINKS : CREDIT_GROWS,
        .amount = correction->amount,
        .code = ENTRY_CORRECTION,
        .ref = job->lot.id,
        .txn = ledger->next_txn,
    };
    const struct ledger_cause cause = {
        .ground = GROUND_CORRECTION,
        .at_ns = correction->now_ns,
        .reason = correction->reason,
        .reference = correction->reference,
        .corrects = correction->entry,
    };
    correction->made = ledger->next_entry;
    TRY(taken ? correct_take(job, txn, &entry, &cause, fail)
              : correct_return(job, txn, &entry, &cause, fail));
    ledger->next_txn++;
    return ERR_OK;
}

enum err ledger_correct(struct ledger *ledger, struct ledger_correction *correction,
                        struct fail *fail)
{
    if (correction->amount < 0) {
        return FAIL(fail, ERR_ASK_INVALID, "an amount to correct must be above zero");
    }
    if (correction->reason.len == 0) {
        return FAIL(fail, ERR_ASK_MISSING, "a correction has a reason");
    }
    struct correct_job job = { .job = { .run = correct_run },
                               .ledger = ledger,
                               .correction = correction };
    TRY(store_run(ledger->store, &job.job, fail));
    if (job.credited != NULL) {
        account_add(ledger_credit(job.credited), correction->amount);
    }
    return ERR_OK;
}
