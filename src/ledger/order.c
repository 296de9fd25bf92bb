/* Orders: who bought which plan on which terms, who paid for it and how, and who may buy how much.
 */
#include "base/payment.h"
#include "ledger/ledger.h"
#include "ledger/ledger_internal.h"

#define ORDER_DAY_NS INT64_C(86400000000000)

static const struct store_sql sql_payment = {
    "SELECT id FROM purchase_order WHERE payment = ?1 AND method = ?2 LIMIT 1"
};
static const struct store_sql sql_level = {
    "SELECT level FROM kyc WHERE party = ?1 ORDER BY id DESC LIMIT 1"
};
static const struct store_sql sql_day = {
    "SELECT count(*), coalesce(sum(price), 0) FROM purchase_order"
    " WHERE account = ?1 AND placed_ns > ?2 AND price > 0"
};
static const struct store_sql sql_terms = {
    "SELECT id FROM contract WHERE name = ?1 AND version = ?2 AND terms_hash = ?3"
};
static const struct store_sql sql_terms_add = {
    "INSERT INTO contract(id, name, version, terms_hash, first_ns)"
    " VALUES ((SELECT max(id) + 1 FROM contract), ?1, ?2, ?3, ?4)"
};
static const struct store_sql sql_order_add = {
    "INSERT INTO purchase_order(id, account, contract, product, plan, units, price, payer, method,"
    " payment, book, refund_until_ns, placed_ns)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
};
static const struct store_sql sql_kyc_add = {
    "INSERT INTO kyc(id, party, level, evidence, set_ns)"
    " VALUES ((SELECT coalesce(max(id), 0) + 1 FROM kyc), ?1, ?2, ?3, ?4)"
};

static enum err order_on_number(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

/* ---- what refuses an order --------------------------------------------------------------- */

static enum err order_check_payer(const struct ledger_purchase *purchase, struct fail *fail)
{
    if (purchase->kind == LOT_PROMO) {
        bool paid =
            purchase->payer.len > 0 || purchase->method.len > 0 || purchase->payment.len > 0;
        return paid ? FAIL(fail, ERR_ASK_INVALID, "credit that is given is paid by nobody")
                    : ERR_OK;
    }
    if (purchase->payer.len == 0) {
        return FAIL(fail, ERR_ASK_MISSING, "it is not said who pays");
    }
    if (!payment_method_known(purchase->method)) {
        return FAIL(fail, ERR_TOKEN_PAYMENT_METHOD,
                    "\"" STR_FMT "\" is no way to pay for credit: it is bought by " PAYMENT_METHODS,
                    STR_ARG(purchase->method));
    }
    return ERR_OK;
}

/* One payment buys once, whoever books it, however often. */
static enum err order_check_payment(struct store_txn *txn, const struct ledger_purchase *purchase,
                                    struct fail *fail)
{
    if (purchase->payment.len == 0) {
        return ERR_OK;
    }
    int64_t earlier = 0;
    const struct store_value values[] = { STORE_T(purchase->payment), STORE_T(purchase->method) };
    TRY(store_query(txn, &sql_payment, values, EP_ARRAY_LEN(values), order_on_number, &earlier,
                    fail));
    return earlier == 0
               ? ERR_OK
               : FAIL(fail, ERR_CONFLICT, "the payment \"" STR_FMT "\" has bought lot %lld already",
                      STR_ARG(purchase->payment), (long long)earlier);
}

struct order_day {
    int64_t count;
    int64_t amount;
};

static enum err order_on_day(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 2);
    *(struct order_day *)context = (struct order_day){ row[0].number, row[1].number };
    return ERR_OK;
}

/* How much a client may buy in 24 hours depends on what is known of it. */
static enum err order_check_velocity(struct store_txn *txn, const struct ledger_purchase *purchase,
                                     struct fail *fail)
{
    static const char *const names[KYC_END] = { "", "none", "basic", "full" };
    if (purchase->velocity == NULL || purchase->kind == LOT_PROMO) {
        return ERR_OK;
    }
    int64_t level = KYC_NONE;
    struct order_day day = { 0, 0 };
    const struct store_value values[] = { STORE_I(purchase->account->row),
                                          STORE_I(purchase->now_ns - ORDER_DAY_NS) };
    TRY(store_query(txn, &sql_level, values, 1, order_on_number, &level, fail));
    TRY(store_query(txn, &sql_day, values, EP_ARRAY_LEN(values), order_on_day, &day, fail));
    const struct ledger_velocity *limit = &purchase->velocity[level < KYC_END ? level : KYC_NONE];
    if (limit->purchases > 0 && day.count >= limit->purchases) {
        return FAIL(fail, ERR_TOKEN_KYC_LIMIT,
                    "a client of level \"%s\" buys at most %lld times in 24 hours", names[level],
                    (long long)limit->purchases);
    }
    int64_t after = 0;
    if (limit->amount > 0 &&
        (__builtin_add_overflow(day.amount, purchase->amount, &after) || after > limit->amount)) {
        return FAIL(fail, ERR_TOKEN_KYC_LIMIT,
                    "a client of level \"%s\" buys for at most %lld %s in 24 hours, and has for "
                    "%lld",
                    names[level], (long long)(limit->amount / 1000000000),
                    purchase->account->currency, (long long)(day.amount / 1000000000));
    }
    return ERR_OK;
}

enum err order_check(struct store_txn *txn, const struct ledger_purchase *purchase,
                     struct fail *fail)
{
    TRY(order_check_payer(purchase, fail));
    TRY(order_check_payment(txn, purchase, fail));
    return order_check_velocity(txn, purchase, fail);
}

/* ---- its rows ---------------------------------------------------------------------------- */

static enum err order_terms(struct store_txn *txn, const struct ledger_purchase *purchase,
                            int64_t *ret_contract, struct fail *fail)
{
    const struct ledger_terms *terms = &purchase->terms;
    const struct store_value values[] = { STORE_T(terms->name), STORE_T(terms->version),
                                          STORE_B(terms->hash), STORE_I(purchase->now_ns) };
    int64_t contract = 0;
    TRY(store_query(txn, &sql_terms, values, 3, order_on_number, &contract, fail));
    if (contract == 0) {
        TRY(store_exec(txn, &sql_terms_add, values, EP_ARRAY_LEN(values), fail));
        TRY(store_query(txn, &sql_terms, values, 3, order_on_number, &contract, fail));
    }
    ASSERT(contract > 0);
    *ret_contract = contract;
    return ERR_OK;
}

enum err order_write(struct store_txn *txn, const struct ledger_purchase *purchase,
                     const struct ledger_lot *lot, struct fail *fail)
{
    int64_t contract = 0;
    TRY(order_terms(txn, purchase, &contract, fail));
    const struct store_value values[] = {
        STORE_I(lot->id),
        STORE_I(purchase->account->row),
        STORE_I(contract),
        STORE_T(purchase->product),
        STORE_T(purchase->plan),
        STORE_I(purchase->units),
        STORE_I(purchase->kind == LOT_PAID ? purchase->amount : 0),
        STORE_T(purchase->payer),
        STORE_T(purchase->method),
        STORE_T(purchase->payment),
        lot->price_book == 0 ? STORE_NULL_VALUE : STORE_I(lot->price_book),
        STORE_I(purchase->refund_until_ns),
        STORE_I(purchase->now_ns),
    };
    return store_exec(txn, &sql_order_add, values, EP_ARRAY_LEN(values), fail);
}

/* ---- what is known of a client ----------------------------------------------------------- */

struct order_kyc {
    struct store_job job;
    const struct ledger_account *account;
    enum ledger_kyc level;
    struct str evidence;
    int64_t now_ns;
};

static enum err order_run_kyc(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct order_kyc *kyc = EP_CONTAINER(job, struct order_kyc, job);
    const struct store_value values[] = { STORE_I(kyc->account->row), STORE_I(kyc->level),
                                          STORE_T(kyc->evidence), STORE_I(kyc->now_ns) };
    return store_exec(txn, &sql_kyc_add, values, EP_ARRAY_LEN(values), fail);
}

enum err ledger_set_kyc(struct ledger *ledger, struct ledger_account *account,
                        enum ledger_kyc level, struct str evidence, int64_t now_ns,
                        struct fail *fail)
{
    ASSERT(level >= KYC_NONE && level < KYC_END);
    struct order_kyc kyc = { .job = { .run = order_run_kyc },
                             .account = account,
                             .level = level,
                             .evidence = evidence,
                             .now_ns = now_ns };
    return store_run(ledger->store, &kyc.job, fail);
}
