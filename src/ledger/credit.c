/* The commands on credit: each is one store job that its caller waits for. */
#include <string.h>

#include "ledger/ledger.h"
#include "ledger/ledger_internal.h"

static const struct store_sql sql_account_add = {
    "INSERT INTO account(id, uid, currency, class, dr_pend, cr_pend, dr_post, cr_post, used)"
    " VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0, 0)"
};
static const struct store_sql sql_lot_add = {
    "INSERT INTO lot(id, account, kind, amount, remaining, priority, expires_ns, plan, payment,"
    " created_ns) VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9)"
};

/* ---- accounts ---------------------------------------------------------------------------- */

struct credit_open {
    struct store_job job;
    struct ledger *ledger;
    struct id id;
    char currency[4];
};

static enum err credit_add_account(struct credit_open *open, struct store_txn *txn,
                                   enum ledger_class class, struct id id, struct fail *fail)
{
    struct ledger *ledger = open->ledger;
    struct ledger_account row = { .row = ledger->next_account, .id = id, .class = class };
    memcpy(row.currency, open->currency, sizeof(row.currency));
    const struct store_value values[] = { STORE_I(row.row), STORE_B(id_str(&row.id)),
                                          STORE_T(ledger_currency(&row)), STORE_I(class) };
    TRY(store_exec(txn, &sql_account_add, values, EP_ARRAY_LEN(values), fail));
    struct ledger_account *kept = NULL;
    if (ledger_keep_account(ledger, &row, &kept) != ERR_OK) {
        /* The row is written: what memory lacks, only a restart can read. */
        return FAIL(fail, ERR_STORE_FAILED, "no memory for an account");
    }
    ledger->next_account++;
    return ERR_OK;
}

/* The operator's accounts of a currency have ids that anyone can name: currency and class. */
static struct id credit_own_id(const char *currency, enum ledger_class class)
{
    struct id id = { { 0 } };
    memcpy(id.bytes, currency, 3);
    id.bytes[ID_BYTES - 1] = (unsigned char)class;
    return id;
}

/* No client may have the id of one of the operator's accounts, in whatever currency. */
static bool credit_is_own_id(struct id id)
{
    char currency[4] = { 0 };
    memcpy(currency, id.bytes, 3);
    unsigned class = id.bytes[ID_BYTES - 1];
    return class > LEDGER_CUSTOMER_CREDIT && class < LEDGER_CLASS_END &&
           id_eq(id, credit_own_id(currency, (enum ledger_class) class));
}

static enum err credit_run_open(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct credit_open *open = EP_CONTAINER(job, struct credit_open, job);
    if (credit_is_own_id(open->id)) {
        return FAIL(fail, ERR_CONFLICT, "the id is one of the operator's own accounts'");
    }
    if (ledger_find(open->ledger, open->id) != NULL) {
        return FAIL(fail, ERR_CONFLICT, "the account is there already");
    }
    for (int class = LEDGER_CUSTOMER_CREDIT + 1; class < LEDGER_CLASS_END; class ++) {
        enum ledger_class own = (enum ledger_class) class;
        if (ledger_own(open->ledger, own, open->currency) == NULL) {
            TRY(credit_add_account(open, txn, own, credit_own_id(open->currency, own), fail));
        }
    }
    return credit_add_account(open, txn, LEDGER_CUSTOMER_CREDIT, open->id, fail);
}

enum err ledger_open_account(struct ledger *ledger, struct id account, struct str currency,
                             struct fail *fail)
{
    bool good = currency.len == 3;
    for (size_t i = 0; good && i < 3; i++) {
        good = currency.ptr[i] >= 'A' && currency.ptr[i] <= 'Z';
    }
    if (!good) {
        return FAIL(fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is no ISO 4217 code such as \"USD\"",
                    STR_ARG(currency));
    }
    struct credit_open open = { .job = { .run = credit_run_open },
                                .ledger = ledger,
                                .id = account };
    memcpy(open.currency, currency.ptr, 3);
    return store_run(ledger->store, &open.job, fail);
}

/* ---- purchases --------------------------------------------------------------------------- */

struct credit_purchase {
    struct store_job job;
    struct ledger *ledger;
    struct ledger_purchase *purchase;
};

/* What is sold and given bounds every counter of the currency but the overruns'. */
static bool credit_is_too_much(struct ledger *ledger, const struct credit_purchase *context)
{
    const char *currency = context->purchase->account->currency;
    int64_t total = context->purchase->amount;
    return __builtin_add_overflow(
               total, ledger_own(ledger, LEDGER_CASH_CLEARING, currency)->dr_post, &total) ||
           __builtin_add_overflow(total, ledger_own(ledger, LEDGER_PROMO, currency)->dr_post,
                                  &total);
}

static enum err credit_run_purchase(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct credit_purchase *context = EP_CONTAINER(job, struct credit_purchase, job);
    struct ledger *ledger = context->ledger;
    struct ledger_purchase *purchase = context->purchase;
    struct ledger_account *account = purchase->account;
    if (credit_is_too_much(ledger, context)) {
        return FAIL(fail, ERR_MONEY_RANGE, "the books cannot count so much %s", account->currency);
    }
    struct ledger_lot lot = {
        .id = ledger->next_lot,
        .kind = purchase->kind,
        .amount = purchase->amount,
        .remaining = purchase->amount,
        .priority = purchase->priority,
        .expires_ns = purchase->expires_ns,
    };
    TRY(ledger_keep_lot(account, &lot));
    const struct store_value values[] = {
        STORE_I(lot.id),         STORE_I(account->row),      STORE_I(lot.kind),
        STORE_I(lot.amount),     STORE_I(lot.priority),      STORE_I(lot.expires_ns),
        STORE_T(purchase->plan), STORE_T(purchase->payment), STORE_I(purchase->now_ns),
    };
    TRY(store_exec(txn, &sql_lot_add, values, EP_ARRAY_LEN(values), fail));
    enum ledger_class from = lot.kind == LOT_PAID ? LEDGER_CASH_CLEARING : LEDGER_PROMO;
    TRY(ledger_post(ledger, txn,
                    &(struct ledger_entry){ ledger_own(ledger, from, account->currency), account,
                                            lot.amount, ENTRY_PURCHASE, lot.id,
                                            ledger->next_txn++ },
                    fail));
    purchase->lot = ledger->next_lot++;
    return ERR_OK;
}

enum err ledger_purchase(struct ledger *ledger, struct ledger_purchase *purchase, struct fail *fail)
{
    if (purchase->amount <= 0) {
        return FAIL(fail, ERR_ASK_INVALID, "an amount of credit must be above zero");
    }
    if (purchase->expires_ns != 0 && purchase->expires_ns <= purchase->now_ns) {
        return FAIL(fail, ERR_ASK_INVALID, "the credit would expire before it is bought");
    }
    ASSERT(purchase->kind == LOT_PAID || purchase->kind == LOT_PROMO);
    struct credit_purchase context = {
        .job = { .run = credit_run_purchase },
        .ledger = ledger,
        .purchase = purchase,
    };
    TRY(store_run(ledger->store, &context.job, fail));
    account_add(ledger_credit(purchase->account), purchase->amount);
    return ERR_OK;
}

/* ---- refunds and expiry ------------------------------------------------------------------ */

/* Takes what is left of a lot out of the account, as far as it is not held. */
static enum err credit_take_lot(struct ledger *ledger, struct store_txn *txn,
                                struct ledger_account *account, struct ledger_lot *lot,
                                enum ledger_code code, int64_t *ret_amount, struct fail *fail)
{
    int64_t available = atomic_load(&account->credit.available);
    int64_t amount = lot->remaining < available ? lot->remaining : available;
    /* Taken in memory first: from here on no call can reserve it. */
    if (amount == 0 || account_remove(&account->credit, amount) != ERR_OK) {
        *ret_amount = 0;
        return ERR_OK;
    }
    enum ledger_class to = code == ENTRY_REFUND ? LEDGER_REFUND : LEDGER_BREAKAGE;
    TRY(ledger_post(ledger, txn,
                    &(struct ledger_entry){ account, ledger_own(ledger, to, account->currency),
                                            amount, code, lot->id, ledger->next_txn++ },
                    fail));
    lot->remaining -= amount;
    lot->dirty = true;
    *ret_amount = amount;
    return ERR_OK;
}

struct credit_refund {
    struct store_job job;
    struct ledger *ledger;
    struct ledger_account *account;
    int64_t lot;
    int64_t amount;
};

static enum err credit_run_refund(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct credit_refund *refund = EP_CONTAINER(job, struct credit_refund, job);
    struct ledger_account *account = refund->account;
    for (size_t i = 0; i < account->lot_count; i++) {
        struct ledger_lot *lot = &account->lots[i];
        if (lot->id != refund->lot) {
            continue;
        }
        if (lot->kind == LOT_PROMO) {
            return FAIL(fail, ERR_CONFLICT, "promotional credit is not refunded");
        }
        TRY(credit_take_lot(refund->ledger, txn, account, lot, ENTRY_REFUND, &refund->amount,
                            fail));
        return refund->amount > 0 ? ERR_OK
                                  : FAIL(fail, ERR_CONFLICT, "nothing of this lot is left");
    }
    return FAIL(fail, ERR_NOT_FOUND, "the client has no lot %lld with anything left",
                (long long)refund->lot);
}

enum err ledger_refund(struct ledger *ledger, struct ledger_account *account, int64_t lot,
                       int64_t *ret_amount, struct fail *fail)
{
    struct credit_refund refund = {
        .job = { .run = credit_run_refund },
        .ledger = ledger,
        .account = account,
        .lot = lot,
    };
    TRY(store_run(ledger->store, &refund.job, fail));
    *ret_amount = refund.amount;
    return ERR_OK;
}

struct credit_expiry {
    struct store_job job;
    struct ledger *ledger;
    int64_t now_ns;
    int64_t amount;
};

static enum err credit_run_expiry(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct credit_expiry *expiry = EP_CONTAINER(job, struct credit_expiry, job);
    struct ledger *ledger = expiry->ledger;
    for (size_t i = 0; i < ledger->account_count; i++) {
        struct ledger_account *account = ledger->accounts[i];
        for (size_t k = 0; k < account->lot_count; k++) {
            struct ledger_lot *lot = &account->lots[k];
            /* Validity is half-open: at its expiry a lot is over. */
            if (lot->expires_ns != 0 && lot->expires_ns <= expiry->now_ns) {
                int64_t amount = 0;
                TRY(credit_take_lot(ledger, txn, account, lot, ENTRY_EXPIRY, &amount, fail));
                expiry->amount += amount;
            }
        }
    }
    return ERR_OK;
}

enum err ledger_expire(struct ledger *ledger, int64_t now_ns, int64_t *ret_amount,
                       struct fail *fail)
{
    struct credit_expiry expiry = {
        .job = { .run = credit_run_expiry },
        .ledger = ledger,
        .now_ns = now_ns,
    };
    TRY(store_run(ledger->store, &expiry.job, fail));
    *ret_amount = expiry.amount;
    return ERR_OK;
}
