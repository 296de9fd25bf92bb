#include "ledger/idem.h"

#include <string.h>

#include "ledger/ledger_internal.h"

/* `hold` grows, so rows are removed where they are oldest; only the index takes random keys, and
 * it is written by calls that carry a key alone. */
const struct store_migration idem_migration = {
    .number = 5,
    .name = "idem",
    .sql = "CREATE TABLE idem(hold INTEGER PRIMARY KEY REFERENCES hold,"
           " account INTEGER NOT NULL REFERENCES account,"
           " key BLOB NOT NULL CHECK(length(key) = 32),"
           " fingerprint BLOB NOT NULL CHECK(length(fingerprint) = 32),"
           " result BLOB CHECK(length(result) BETWEEN 1 AND 65536)) STRICT;"
           "CREATE UNIQUE INDEX idem_key ON idem(account, key);",
};

_Static_assert(IDEM_RESULT_MAX == 65536, "the table's CHECK says so too");
_Static_assert(IDEM_SUM_BYTES == 32, "the table's CHECKs say so too");

static const struct store_sql sql_look = {
    "SELECT i.fingerprint, h.call, s.posted, i.result FROM idem i JOIN hold h ON h.id = i.hold"
    " LEFT JOIN settlement s ON s.hold = i.hold WHERE i.account = ?1 AND i.key = ?2"
};
static const struct store_sql sql_look_end = {
    "SELECT s.state, s.posted, i.result FROM idem i LEFT JOIN settlement s ON s.hold = i.hold"
    " WHERE i.account = ?1 AND i.key = ?2"
};
static const struct store_sql sql_claim = {
    "INSERT INTO idem(hold, account, key, fingerprint, result) VALUES (?1, ?2, ?3, ?4, NULL)"
};
static const struct store_sql sql_keep = { "UPDATE idem SET result = ?2 WHERE hold = ?1" };
static const struct store_sql sql_release = { "DELETE FROM idem WHERE hold = ?1" };

/* The oldest rows alone are looked at, so that a turn costs the same however many there are. */
#define IDEM_OLD                                                 \
    " FROM idem WHERE hold IN (SELECT o.hold FROM"               \
    " (SELECT hold FROM idem ORDER BY hold LIMIT " EP_STRINGIFY( \
        IDEM_EXPIRE_MAX) ") o"                                   \
                         " JOIN settlement s ON s.hold = o.hold WHERE s.settled_ns < ?1)"
static const struct store_sql sql_old_count = { "SELECT count(*)" IDEM_OLD };
static const struct store_sql sql_old_remove = { "DELETE" IDEM_OLD };

/* ---- the calls of a key ------------------------------------------------------------------- */

struct idem_look {
    const struct idem_ask *ask;
    struct idem_earlier *earlier;
};

static enum err idem_on_row(void *context, const struct store_value *row, size_t columns)
{
    const struct idem_look *look = context;
    struct idem_earlier *earlier = look->earlier;
    ASSERT(columns == 4);
    ASSERT(row[1].bytes.len == ID_BYTES);
    ASSERT(earlier->found == IDEM_FREE); /* the index is unique */
    memcpy(earlier->call.bytes, row[1].bytes.ptr, ID_BYTES);
    bool ended = row[2].kind != STORE_NULL;
    if (!str_eq(row[0].bytes, look->ask->fingerprint)) {
        earlier->found = IDEM_MISMATCH;
        return ERR_OK;
    }
    if (!ended) {
        earlier->found = IDEM_UNDER_WAY;
        return ERR_OK;
    }
    earlier->posted = row[2].number;
    if (row[3].kind == STORE_NULL) {
        earlier->found = IDEM_NO_RESULT;
        return ERR_OK;
    }
    TRY(buf_append(&earlier->result, row[3].bytes));
    earlier->found = IDEM_RESULT;
    return ERR_OK;
}

enum err idem_look(struct store_txn *txn, const struct ledger_account *account,
                   const struct idem_ask *ask, struct idem_earlier *ret_earlier, struct fail *fail)
{
    ASSERT(ask->key.len == IDEM_SUM_BYTES);
    ASSERT(ask->fingerprint.len == IDEM_SUM_BYTES);
    *ret_earlier = (struct idem_earlier){ .found = IDEM_FREE };
    buf_init(&ret_earlier->result, IDEM_RESULT_MAX);
    struct idem_look look = { ask, ret_earlier };
    const struct store_value values[] = { STORE_I(account->row), STORE_B(ask->key) };
    return store_query(txn, &sql_look, values, EP_ARRAY_LEN(values), idem_on_row, &look, fail);
}

static enum err idem_on_end(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 3);
    bool nothing = row[0].kind != STORE_NULL && row[0].number != HOLD_SETTLED && row[1].number == 0;
    *(enum idem_end *)context =
        nothing && row[2].kind == STORE_NULL ? IDEM_END_VOIDED : IDEM_END_OTHER;
    return ERR_OK;
}

enum err idem_look_end(struct store_txn *txn, const struct ledger_account *account, struct str key,
                       enum idem_end *ret_end, struct fail *fail)
{
    ASSERT(key.len == IDEM_SUM_BYTES);
    *ret_end = IDEM_END_FREE;
    const struct store_value values[] = { STORE_I(account->row), STORE_B(key) };
    return store_query(txn, &sql_look_end, values, EP_ARRAY_LEN(values), idem_on_end, ret_end,
                       fail);
}

enum err idem_claim(struct store_txn *txn, const struct ledger_hold *hold,
                    const struct idem_ask *ask, struct fail *fail)
{
    ASSERT(hold->seq > 0);
    ASSERT(ask->key.len == IDEM_SUM_BYTES);
    ASSERT(ask->fingerprint.len == IDEM_SUM_BYTES);
    const struct store_value values[] = { STORE_I(hold->seq), STORE_I(hold->account->row),
                                          STORE_B(ask->key), STORE_B(ask->fingerprint) };
    return store_exec(txn, &sql_claim, values, EP_ARRAY_LEN(values), fail);
}

enum err idem_keep(struct store_txn *txn, const struct ledger_hold *hold, struct str result,
                   struct fail *fail)
{
    ASSERT(hold->seq > 0);
    ASSERT(result.len > 0);
    ASSERT(result.len <= IDEM_RESULT_MAX);
    const struct store_value values[] = { STORE_I(hold->seq), STORE_B(result) };
    return store_exec(txn, &sql_keep, values, EP_ARRAY_LEN(values), fail);
}

enum err idem_release(struct store_txn *txn, const struct ledger_hold *hold, struct fail *fail)
{
    ASSERT(hold->seq > 0);
    const struct store_value value = STORE_I(hold->seq);
    return store_exec(txn, &sql_release, &value, 1, fail);
}

/* ---- the end of keys ---------------------------------------------------------------------- */

struct idem_expiry {
    struct store_job job;
    int64_t before_ns;
    int64_t count; /* out */
};

static enum err idem_on_count(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

/* On the writer's thread. */
static enum err idem_run_expiry(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct idem_expiry *expiry = EP_CONTAINER(job, struct idem_expiry, job);
    const struct store_value before = STORE_I(expiry->before_ns);
    TRY(store_query(txn, &sql_old_count, &before, 1, idem_on_count, &expiry->count, fail));
    return expiry->count > 0 ? store_exec(txn, &sql_old_remove, &before, 1, fail) : ERR_OK;
}

enum err idem_expire(struct ledger *ledger, int64_t before_ns, int64_t *ret_count,
                     struct fail *fail)
{
    int64_t total = 0;
    struct idem_expiry expiry = { .job = { .run = idem_run_expiry }, .before_ns = before_ns };
    do {
        TRY(store_run(ledger->store, &expiry.job, fail));
        ASSERT(expiry.count >= 0 && expiry.count <= IDEM_EXPIRE_MAX);
        total += expiry.count;
    } while (expiry.count > 0); /* a call under way in front must not end it early */
    *ret_count = total;
    return ERR_OK;
}
