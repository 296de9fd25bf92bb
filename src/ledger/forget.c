#include "ledger/forget.h"

#include <string.h>

#include "ledger/attempt.h"

static enum err forget_on_number(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err forget_number(struct store_txn *txn, const struct store_sql *sql,
                              const struct store_value *values, size_t count, int64_t *ret_number,
                              struct fail *fail)
{
    *ret_number = 0;
    return store_query(txn, sql, values, count, forget_on_number, ret_number, fail);
}

/* ---- how an account stands ----------------------------------------------------------------- */

#define FORGET_NAMED "(payer <> '' OR payment <> '')"

/* A currency's smallest coin, nano: less than it cannot be given back. */
#define FORGET_COIN                                                                     \
    "CASE s.exponent WHEN 0 THEN 1000000000 WHEN 1 THEN 100000000 WHEN 2 THEN 10000000" \
    " WHEN 3 THEN 1000000 WHEN 4 THEN 100000 ELSE 1 END"
static const struct store_sql sql_look = {
    "SELECT a.id, a.dr_pend,"
    " (SELECT coalesce(sum(l.remaining - l.remaining % " FORGET_COIN "), 0) FROM lot l"
    " JOIN asset s ON s.code = a.currency WHERE l.account = a.id),"
    " (SELECT count(*) FROM purchase_order o WHERE o.account = a.id AND " FORGET_NAMED "),"
    " (SELECT count(*) FROM idem i WHERE i.account = a.id),"
    " (SELECT count(*) FROM kyc k WHERE k.party = a.party AND k.evidence <> '')"
    " FROM account a WHERE a.uid = ?1"
};

static enum err forget_on_look(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 6);
    *(struct ledger_forget_look *)context = (struct ledger_forget_look){
        .row = row[0].number,
        .pending = row[1].number,
        .balance = row[2].number,
        .orders = row[3].number,
        .answers = row[4].number,
        .papers = row[5].number,
    };
    return ERR_OK;
}

enum err ledger_forget_look(struct store_txn *txn, struct id account,
                            struct ledger_forget_look *ret_look, struct fail *fail)
{
    const struct store_value value = STORE_B(id_str(&account));
    *ret_look = (struct ledger_forget_look){ .row = 0 };
    return store_query(txn, &sql_look, &value, 1, forget_on_look, ret_look, fail);
}

/* ---- orders -------------------------------------------------------------------------------- */

/* An order and its lot name the same payment, and what was given back names the order's payer: an
 * audit compares them, so they lose it together. */
static const struct store_sql sql_orders = {
    "SELECT id FROM purchase_order WHERE account = ?1 AND " FORGET_NAMED " ORDER BY id LIMIT ?2"
};
static const struct store_sql sql_order_forget = {
    "UPDATE purchase_order SET payer = '', payment = '' WHERE id = ?1"
};
static const struct store_sql sql_lot_forget = { "UPDATE lot SET payment = '' WHERE id = ?1" };
/* Causes are few: there is one for what was given back, ended or corrected. */
static const struct store_sql sql_causes_forget = {
    "UPDATE cause SET payer = '', reason = '', reference = '' WHERE entry IN"
    " (SELECT c.entry FROM cause c JOIN entry e ON e.id = c.entry"
    " WHERE (e.debit = ?1 OR e.credit = ?1) AND e.ref BETWEEN ?2 AND ?3"
    " AND (c.payer <> '' OR c.reason <> '' OR c.reference <> ''))"
};
static const struct store_sql sql_papers_forget = {
    "UPDATE kyc SET evidence = '' WHERE evidence <> ''"
    " AND party = (SELECT party FROM account WHERE id = ?1)"
};

struct forget_rows {
    int64_t ids[LEDGER_FORGET_MAX];
    size_t count;
};

static enum err forget_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct forget_rows *rows = context;
    ASSERT(columns == 1 && rows->count < LEDGER_FORGET_MAX);
    rows->ids[rows->count++] = row[0].number;
    return ERR_OK;
}

static enum err forget_causes(struct store_txn *txn, int64_t account, int64_t first, int64_t last,
                              struct fail *fail)
{
    const struct store_value values[] = { STORE_I(account), STORE_I(first), STORE_I(last) };
    return store_exec(txn, &sql_causes_forget, values, EP_ARRAY_LEN(values), fail);
}

enum err ledger_forget_orders(struct store_txn *txn, int64_t account, int64_t *ret_count,
                              struct fail *fail)
{
    struct forget_rows rows = { .count = 0 };
    const struct store_value values[] = { STORE_I(account), STORE_I(LEDGER_FORGET_MAX) };
    ASSERT(account > 0);
    TRY(store_query(txn, &sql_orders, values, EP_ARRAY_LEN(values), forget_on_row, &rows, fail));
    for (size_t i = 0; i < rows.count; i++) {
        const struct store_value id = STORE_I(rows.ids[i]);
        TRY(store_exec(txn, &sql_order_forget, &id, 1, fail));
        TRY(store_exec(txn, &sql_lot_forget, &id, 1, fail));
    }
    bool last = rows.count == 0;
    TRY(forget_causes(txn, account, last ? 0 : rows.ids[0],
                      last ? INT64_MAX : rows.ids[rows.count - 1], fail));
    if (last) {
        TRY(store_exec(txn, &sql_papers_forget, values, 1, fail));
    }
    *ret_count = (int64_t)rows.count;
    return ERR_OK;
}

#define FORGET_OLD_ORDERS " FROM purchase_order WHERE placed_ns < ?1 AND " FORGET_NAMED
static const struct store_sql sql_old_orders = { "SELECT id, account" FORGET_OLD_ORDERS
                                                 " ORDER BY id LIMIT ?2" };
static const struct store_sql sql_old_orders_count = { "SELECT count(*)" FORGET_OLD_ORDERS };
static const struct store_sql sql_order_oldest = {
    "SELECT coalesce(min(placed_ns), 0) FROM purchase_order WHERE " FORGET_NAMED
};

struct forget_orders {
    struct {
        int64_t id;
        int64_t account;
    } rows[LEDGER_FORGET_MAX];
    size_t count;
};

static enum err forget_on_order(void *context, const struct store_value *row, size_t columns)
{
    struct forget_orders *orders = context;
    ASSERT(columns == 2 && orders->count < LEDGER_FORGET_MAX);
    orders->rows[orders->count].id = row[0].number;
    orders->rows[orders->count++].account = row[1].number;
    return ERR_OK;
}

enum err ledger_expire_orders(struct store_txn *txn, int64_t before_ns, int64_t *ret_count,
                              struct fail *fail)
{
    struct forget_orders orders = { .count = 0 };
    const struct store_value values[] = { STORE_I(before_ns), STORE_I(LEDGER_FORGET_MAX) };
    TRY(store_query(txn, &sql_old_orders, values, EP_ARRAY_LEN(values), forget_on_order, &orders,
                    fail));
    for (size_t i = 0; i < orders.count; i++) {
        const struct store_value id = STORE_I(orders.rows[i].id);
        TRY(store_exec(txn, &sql_order_forget, &id, 1, fail));
        TRY(store_exec(txn, &sql_lot_forget, &id, 1, fail));
        TRY(forget_causes(txn, orders.rows[i].account, id.number, id.number, fail));
    }
    *ret_count = (int64_t)orders.count;
    return ERR_OK;
}

enum err ledger_count_old_orders(struct store_txn *txn, int64_t before_ns, int64_t *ret_count,
                                 struct fail *fail)
{
    const struct store_value value = STORE_I(before_ns);
    return forget_number(txn, &sql_old_orders_count, &value, 1, ret_count, fail);
}

/* ---- answers ------------------------------------------------------------------------------- */

#define FORGET_KEYS \
    " FROM idem WHERE hold IN (SELECT hold FROM idem WHERE account = ?1 ORDER BY hold LIMIT ?2)"
static const struct store_sql sql_keys_count = { "SELECT count(*)" FORGET_KEYS };
static const struct store_sql sql_keys_remove = { "DELETE" FORGET_KEYS };

#define FORGET_OLD_ANSWERS                              \
    " FROM idem i JOIN settlement s ON s.hold = i.hold" \
    " WHERE i.result IS NOT NULL AND s.settled_ns < ?1"
static const struct store_sql sql_answers = { "SELECT i.hold" FORGET_OLD_ANSWERS
                                              " ORDER BY i.hold LIMIT ?2" };
static const struct store_sql sql_answers_count = { "SELECT count(*)" FORGET_OLD_ANSWERS };
static const struct store_sql sql_answers_oldest = {
    "SELECT coalesce(min(s.settled_ns), 0)" FORGET_OLD_ANSWERS
};
static const struct store_sql sql_answer_forget = {
    "UPDATE idem SET result = NULL WHERE hold = ?1"
};

enum err ledger_forget_answers(struct store_txn *txn, int64_t account, int64_t *ret_count,
                               struct fail *fail)
{
    const struct store_value values[] = { STORE_I(account), STORE_I(LEDGER_FORGET_ANSWERS) };
    ASSERT(account > 0);
    TRY(forget_number(txn, &sql_keys_count, values, EP_ARRAY_LEN(values), ret_count, fail));
    return *ret_count == 0 ? ERR_OK
                           : store_exec(txn, &sql_keys_remove, values, EP_ARRAY_LEN(values), fail);
}

enum err ledger_expire_answers(struct store_txn *txn, int64_t before_ns, int64_t *ret_count,
                               struct fail *fail)
{
    struct forget_rows rows = { .count = 0 };
    const struct store_value values[] = { STORE_I(before_ns), STORE_I(LEDGER_FORGET_ANSWERS) };
    TRY(store_query(txn, &sql_answers, values, EP_ARRAY_LEN(values), forget_on_row, &rows, fail));
    for (size_t i = 0; i < rows.count; i++) {
        const struct store_value hold = STORE_I(rows.ids[i]);
        TRY(store_exec(txn, &sql_answer_forget, &hold, 1, fail));
    }
    *ret_count = (int64_t)rows.count;
    return ERR_OK;
}

enum err ledger_count_old_answers(struct store_txn *txn, int64_t before_ns, int64_t *ret_count,
                                  struct fail *fail)
{
    const struct store_value value = STORE_I(before_ns);
    return forget_number(txn, &sql_answers_count, &value, 1, ret_count, fail);
}

/* ---- attempts ------------------------------------------------------------------------------ */

static const struct store_sql sql_attempts_of = {
    "SELECT t.id, h.call, h.account, 1, 1 FROM attempt t JOIN hold h ON h.id = t.hold"
    " WHERE t.id >= ?1 AND h.account = ?2 AND t.upstream_id <> '' ORDER BY t.id LIMIT ?3"
};
static const struct store_sql sql_attempts_before = {
    "SELECT t.id, h.call, h.account, s.settled_ns < ?2, t.upstream_id <> '' FROM attempt t"
    " JOIN hold h ON h.id = t.hold JOIN settlement s ON s.hold = t.hold"
    " WHERE t.id >= ?1 ORDER BY t.id LIMIT ?3"
};
static const struct store_sql sql_attempt_forget = {
    "UPDATE attempt SET upstream_id = '' WHERE id = ?1"
};
static const struct store_sql sql_attempt_call = {
    "SELECT h.call, h.account FROM attempt t JOIN hold h ON h.id = t.hold WHERE t.id = ?1"
};
static const struct store_sql sql_attempts_count = {
    "SELECT count(*) FROM attempt t JOIN settlement s ON s.hold = t.hold"
    " WHERE t.id >= ?1 AND t.upstream_id <> '' AND s.settled_ns < ?2"
};

struct forget_walk {
    struct ledger_attempts *attempts;
    bool ended; /* at one that is not old enough */
};

/* The table's own checks hold the length of an id. */
static struct id forget_id(const struct store_value *value)
{
    struct id id;
    ASSERT(value->kind == STORE_BLOB && value->bytes.len == ID_BYTES);
    memcpy(id.bytes, value->bytes.ptr, ID_BYTES);
    return id;
}

static enum err forget_on_attempt(void *context, const struct store_value *row, size_t columns)
{
    struct forget_walk *walk = context;
    struct ledger_attempts *attempts = walk->attempts;
    ASSERT(columns == 5);
    walk->ended = walk->ended || row[3].number == 0;
    if (walk->ended) {
        return ERR_OK;
    }
    attempts->next = row[0].number + 1;
    if (row[4].number != 0) {
        ASSERT(attempts->count < LEDGER_FORGET_MAX);
        attempts->ids[attempts->count] = row[0].number;
        attempts->calls[attempts->count] = forget_id(&row[1]);
        attempts->accounts[attempts->count++] = row[2].number;
    }
    return ERR_OK;
}

static enum err forget_walk(struct store_txn *txn, const struct store_sql *sql, int64_t from,
                            int64_t value, struct ledger_attempts *ret_attempts, struct fail *fail)
{
    struct forget_walk walk = { .attempts = ret_attempts };
    const struct store_value values[] = { STORE_I(from), STORE_I(value),
                                          STORE_I(LEDGER_FORGET_MAX) };
    ASSERT(from >= 0);
    ret_attempts->count = 0;
    ret_attempts->next = from;
    return store_query(txn, sql, values, EP_ARRAY_LEN(values), forget_on_attempt, &walk, fail);
}

enum err ledger_attempts_of(struct store_txn *txn, int64_t account, int64_t from,
                            struct ledger_attempts *ret_attempts, struct fail *fail)
{
    return forget_walk(txn, &sql_attempts_of, from, account, ret_attempts, fail);
}

enum err ledger_attempts_before(struct store_txn *txn, int64_t from, int64_t before_ns,
                                struct ledger_attempts *ret_attempts, struct fail *fail)
{
    return forget_walk(txn, &sql_attempts_before, from, before_ns, ret_attempts, fail);
}

enum err ledger_forget_attempts(struct store_txn *txn, const int64_t *ids, size_t count,
                                struct fail *fail)
{
    ASSERT(count <= LEDGER_FORGET_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct store_value id = STORE_I(ids[i]);
        TRY(store_exec(txn, &sql_attempt_forget, &id, 1, fail));
    }
    return ERR_OK;
}

struct forget_call {
    struct id call;
    int64_t account;
    bool found;
};

static enum err forget_on_call(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 2);
    *(struct forget_call *)context =
        (struct forget_call){ forget_id(&row[0]), row[1].number, true };
    return ERR_OK;
}

enum err ledger_attempt_call(struct store_txn *txn, int64_t attempt, struct id *ret_call,
                             int64_t *ret_account, struct fail *fail)
{
    struct forget_call found = { .found = false };
    const struct store_value value = STORE_I(attempt);
    TRY(store_query(txn, &sql_attempt_call, &value, 1, forget_on_call, &found, fail));
    if (!found.found) {
        return FAIL(fail, ERR_NOT_FOUND, "there is no attempt %lld", (long long)attempt);
    }
    *ret_call = found.call;
    *ret_account = found.account;
    return ERR_OK;
}

enum err ledger_count_old_attempts(struct store_txn *txn, int64_t from, int64_t before_ns,
                                   int64_t *ret_count, struct fail *fail)
{
    const struct store_value values[] = { STORE_I(from), STORE_I(before_ns) };
    return forget_number(txn, &sql_attempts_count, values, EP_ARRAY_LEN(values), ret_count, fail);
}

/* ---- calls of an account ------------------------------------------------------------------- */

static const struct store_sql sql_calls_of = { "SELECT call FROM hold WHERE account = ?1" };

struct forget_calls {
    ledger_call_fn *told;
    void *context;
};

static enum err forget_on_call_of(void *context, const struct store_value *row, size_t columns)
{
    const struct forget_calls *calls = context;
    ASSERT(columns == 1);
    return calls->told(calls->context, forget_id(&row[0]));
}

enum err ledger_calls_of(struct store_txn *txn, int64_t account, ledger_call_fn *told,
                         void *context, struct fail *fail)
{
    struct forget_calls calls = { told, context };
    const struct store_value value = STORE_I(account);
    return store_query(txn, &sql_calls_of, &value, 1, forget_on_call_of, &calls, fail);
}

/* ---- the oldest ---------------------------------------------------------------------------- */

/* Holds are numbered as they come: the first has the lowest number. */
static const struct store_sql sql_attempt_oldest = {
    "SELECT s.settled_ns FROM attempt t JOIN settlement s ON s.hold = t.hold"
    " WHERE t.id >= ?1 AND t.upstream_id <> '' ORDER BY t.id LIMIT 1"
};
enum err ledger_oldest(struct store_txn *txn, int64_t from_attempt,
                       struct ledger_oldest *ret_oldest, struct fail *fail)
{
    const struct store_value from = STORE_I(from_attempt);
    const struct store_value any = STORE_I(INT64_MAX);
    struct ledger_oldest oldest = { .answer_ns = 0 };
    TRY(forget_number(txn, &sql_answers_oldest, &any, 1, &oldest.answer_ns, fail));
    TRY(forget_number(txn, &sql_attempt_oldest, &from, 1, &oldest.attempt_ns, fail));
    TRY(forget_number(txn, &sql_order_oldest, NULL, 0, &oldest.order_ns, fail));
    *ret_oldest = oldest;
    return ERR_OK;
}
