/* The commands on credit: each is one store job that its caller waits for. */
#include <string.h>

#include "base/currency.h"
#include "ledger/ledger.h"
#include "ledger/ledger_internal.h"

static const struct store_sql sql_asset_add = {
    "INSERT INTO asset(code, kind, scale, exponent) SELECT ?1, 1, 9, ?2"
    " WHERE NOT EXISTS(SELECT 1 FROM asset WHERE code = ?1)"
};
static const struct store_sql sql_party_add = { "INSERT INTO party(id, kind) VALUES (?1, 2)" };
static const struct store_sql sql_account_add = {
    "INSERT INTO account(id, uid, currency, class, dr_pend, cr_pend, dr_post, cr_post, used, party)"
    " VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0, 0, ?5)"
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
    bool client = class == LEDGER_CUSTOMER_CREDIT;
    const struct store_value values[] = { STORE_I(row.row), STORE_B(id_str(&row.id)),
                                          STORE_T(ledger_currency(&row)), STORE_I(class),
                                          STORE_I(client ? row.row : 0) };
    TRY(client ? store_exec(txn, &sql_party_add, values, 1, fail) : ERR_OK);
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
    const struct str code = { open->currency, 3 };
    const struct store_value asset[] = { STORE_T(code), STORE_I(currency_exponent(code)) };
    TRY(store_exec(txn, &sql_asset_add, asset, EP_ARRAY_LEN(asset), fail));
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
    if (currency_exponent(currency) == CURRENCY_UNKNOWN) {
        return FAIL(fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is no currency of ISO 4217 such as USD",
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
    TRY(order_check(txn, purchase, fail));
    struct ledger_lot lot = {
        .id = ledger->next_lot,
        .kind = purchase->kind,
        .amount = purchase->amount,
        .remaining = purchase->amount,
        .priority = purchase->priority,
        .expires_ns = purchase->expires_ns,
    };
    TRY(prices_find(txn, &purchase->prices, &lot.price_book, fail));
    TRY(ledger_keep_lot(account, &lot));
    const struct store_value values[] = {
        STORE_I(lot.id),         STORE_I(account->row),      STORE_I(lot.kind),
        STORE_I(lot.amount),     STORE_I(lot.priority),      STORE_I(lot.expires_ns),
        STORE_T(purchase->plan), STORE_T(purchase->payment), STORE_I(purchase->now_ns),
    };
    TRY(store_exec(txn, &sql_lot_add, values, EP_ARRAY_LEN(values), fail));
    TRY(order_write(txn, purchase, &lot, fail));
    ledger_note_expiry(ledger, lot.expires_ns);
    enum ledger_class from = lot.kind == LOT_PAID ? LEDGER_CASH_CLEARING : LEDGER_PROMO;
    TRY(ledger_post(ledger, txn,
                    &(struct ledger_entry){ account, ledger_house(ledger, from, account->currency),
                                            CREDIT_GROWS, lot.amount, ENTRY_PURCHASE, lot.id,
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
