#include "app/erasure_row.h"

#include <string.h>

/* The states are those of enum erasure_state, the walks those of enum retention_walk. */
const struct store_migration privacy_migration = {
    .number = 16,
    .name = "privacy",
    .sql = "CREATE TABLE erasure(id INTEGER PRIMARY KEY,"
           " client BLOB NOT NULL UNIQUE REFERENCES client(id),"
           " account INTEGER NOT NULL REFERENCES account,"
           " state INTEGER NOT NULL CHECK(state IN (1, 2, 3)), person TEXT NOT NULL,"
           " reason TEXT NOT NULL, leaf_next INTEGER NOT NULL CHECK(leaf_next >= 0),"
           " keys INTEGER NOT NULL, orders INTEGER NOT NULL, answers INTEGER NOT NULL,"
           " attempts INTEGER NOT NULL, receipts INTEGER NOT NULL, begun_ns INTEGER NOT NULL,"
           " ended_ns INTEGER NOT NULL, CHECK((state = 1) = (ended_ns = 0))) STRICT;"
           "CREATE TABLE retention_mark(walk INTEGER PRIMARY KEY CHECK(walk IN (0, 1, 2)),"
           " next INTEGER NOT NULL CHECK(next >= 0)) STRICT;"
           "CREATE TABLE retention_kept(walk INTEGER NOT NULL CHECK(walk IN (0, 1, 2)),"
           " number INTEGER NOT NULL, PRIMARY KEY(walk, number)) STRICT, WITHOUT ROWID;",
};

#define ERASURE_COLUMNS                                                             \
    "client, account, state, leaf_next, keys, orders, answers, attempts, receipts," \
    " begun_ns, ended_ns"

static const struct store_sql sql_find = { "SELECT " ERASURE_COLUMNS
                                           " FROM erasure WHERE client = ?1" };
static const struct store_sql sql_each = { "SELECT " ERASURE_COLUMNS " FROM erasure ORDER BY id" };
static const struct store_sql sql_add = {
    "INSERT INTO erasure(id, " ERASURE_COLUMNS ", person, reason)"
    " SELECT (SELECT coalesce(max(id), 0) + 1 FROM erasure),"
    " ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13"
};
static const struct store_sql sql_save = {
    "UPDATE erasure SET account = ?2, state = ?3, leaf_next = ?4, keys = ?5, orders = ?6,"
    " answers = ?7, attempts = ?8, receipts = ?9, begun_ns = ?10, ended_ns = ?11"
    " WHERE client = ?1"
};
#define ERASURE_VALUES 11

struct erasure_walk {
    erasure_row_fn *told;
    void *context;
    int64_t count;
};

static enum err erasure_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct erasure_walk *walk = context;
    ASSERT(columns == ERASURE_VALUES);
    ASSERT(row[0].bytes.len == ID_BYTES);
    struct erasure erasure = {
        .account = row[1].number,
        .state = (enum erasure_state)row[2].number,
        .leaf_next = row[3].number,
        .keys = row[4].number,
        .orders = row[5].number,
        .answers = row[6].number,
        .attempts = row[7].number,
        .receipts = row[8].number,
        .begun_ns = row[9].number,
        .ended_ns = row[10].number,
    };
    memcpy(erasure.client.bytes, row[0].bytes.ptr, ID_BYTES);
    walk->count++;
    return walk->told(walk->context, &erasure);
}

static enum err erasure_take(void *context, const struct erasure *erasure)
{
    *(struct erasure *)context = *erasure;
    return ERR_OK;
}

enum err erasure_find(struct store_txn *txn, struct id client, struct erasure *ret_erasure,
                      struct fail *fail)
{
    struct erasure_walk walk = { erasure_take, ret_erasure, 0 };
    const struct store_value value = STORE_B(id_str(&client));
    TRY(store_query(txn, &sql_find, &value, 1, erasure_on_row, &walk, fail));
    return walk.count > 0 ? ERR_OK : FAIL(fail, ERR_NOT_FOUND, "this client was never erased");
}

enum err erasure_each(struct store_txn *txn, erasure_row_fn *told, void *context, struct fail *fail)
{
    struct erasure_walk walk = { told, context, 0 };
    return store_query(txn, &sql_each, NULL, 0, erasure_on_row, &walk, fail);
}

static void erasure_values(const struct erasure *erasure, struct store_value *values)
{
    const struct store_value all[ERASURE_VALUES] = {
        STORE_B(id_str(&erasure->client)), STORE_I(erasure->account),  STORE_I(erasure->state),
        STORE_I(erasure->leaf_next),       STORE_I(erasure->keys),     STORE_I(erasure->orders),
        STORE_I(erasure->answers),         STORE_I(erasure->attempts), STORE_I(erasure->receipts),
        STORE_I(erasure->begun_ns),        STORE_I(erasure->ended_ns),
    };
    memcpy(values, all, sizeof(all));
}

enum err erasure_add(struct store_txn *txn, const struct erasure *erasure,
                     const struct erasure_ground *ground, struct fail *fail)
{
    struct store_value values[ERASURE_VALUES + 2];
    ASSERT(erasure->state == ERASURE_OPEN && erasure->begun_ns > 0);
    erasure_values(erasure, values);
    values[ERASURE_VALUES] = STORE_T(ground->person);
    values[ERASURE_VALUES + 1] = STORE_T(ground->reason);
    return store_exec(txn, &sql_add, values, EP_ARRAY_LEN(values), fail);
}

enum err erasure_save(struct store_txn *txn, const struct erasure *erasure, struct fail *fail)
{
    struct store_value values[ERASURE_VALUES];
    ASSERT((erasure->state == ERASURE_OPEN) == (erasure->ended_ns == 0));
    erasure_values(erasure, values);
    return store_exec(txn, &sql_save, values, EP_ARRAY_LEN(values), fail);
}

/* ---- periods ------------------------------------------------------------------------------- */

static const struct store_sql sql_mark = { "SELECT next FROM retention_mark WHERE walk = ?1" };
static const struct store_sql sql_mark_set = {
    "INSERT INTO retention_mark(walk, next) VALUES (?1, ?2)"
    " ON CONFLICT(walk) DO UPDATE SET next = excluded.next"
};
static const struct store_sql sql_kept = {
    "SELECT number FROM retention_kept WHERE walk = ?1 AND number > ?2 ORDER BY number LIMIT ?3"
};
static const struct store_sql sql_keep = {
    "INSERT INTO retention_kept(walk, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
};
static const struct store_sql sql_unkeep = {
    "DELETE FROM retention_kept WHERE walk = ?1 AND number = ?2"
};
static const struct store_sql sql_kept_count = {
    "SELECT count(*) FROM retention_kept WHERE walk = ?1"
};

static enum err retention_on_number(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

enum err retention_mark(struct store_txn *txn, enum retention_walk walk, int64_t *ret_next,
                        struct fail *fail)
{
    const struct store_value value = STORE_I(walk);
    *ret_next = 0;
    return store_query(txn, &sql_mark, &value, 1, retention_on_number, ret_next, fail);
}

enum err retention_mark_set(struct store_txn *txn, enum retention_walk walk, int64_t next,
                            struct fail *fail)
{
    const struct store_value values[] = { STORE_I(walk), STORE_I(next) };
    ASSERT((unsigned)walk < RETENTION_WALKS && next >= 0);
    return store_exec(txn, &sql_mark_set, values, EP_ARRAY_LEN(values), fail);
}

struct retention_keeping {
    retention_kept_fn *told;
    void *context;
};

static enum err retention_on_kept(void *context, const struct store_value *row, size_t columns)
{
    const struct retention_keeping *keeping = context;
    ASSERT(columns == 1);
    return keeping->told(keeping->context, row[0].number);
}

enum err retention_kept(struct store_txn *txn, enum retention_walk walk, int64_t after,
                        int64_t count, retention_kept_fn *told, void *context, struct fail *fail)
{
    struct retention_keeping keeping = { told, context };
    const struct store_value values[] = { STORE_I(walk), STORE_I(after), STORE_I(count) };
    return store_query(txn, &sql_kept, values, EP_ARRAY_LEN(values), retention_on_kept, &keeping,
                       fail);
}

enum err retention_keep(struct store_txn *txn, enum retention_walk walk, int64_t number,
                        struct fail *fail)
{
    const struct store_value values[] = { STORE_I(walk), STORE_I(number) };
    return store_exec(txn, &sql_keep, values, EP_ARRAY_LEN(values), fail);
}

enum err retention_unkeep(struct store_txn *txn, enum retention_walk walk, int64_t number,
                          struct fail *fail)
{
    const struct store_value values[] = { STORE_I(walk), STORE_I(number) };
    return store_exec(txn, &sql_unkeep, values, EP_ARRAY_LEN(values), fail);
}

enum err retention_kept_count(struct store_txn *txn, enum retention_walk walk, int64_t *ret_count,
                              struct fail *fail)
{
    const struct store_value value = STORE_I(walk);
    return store_query(txn, &sql_kept_count, &value, 1, retention_on_number, ret_count, fail);
}

/* ---- the audit ----------------------------------------------------------------------------- */

#define ERASURE_RECEIPTS "coalesce((SELECT next FROM retention_mark WHERE walk = 0), 0)"
#define ERASURE_OPERATOR "coalesce((SELECT next FROM retention_mark WHERE walk = 1), 0)"

/* The sections of a client's receipts go together; the operator's may have gone before. A receipt
 * without a hold is of a call that was refused: whose it was stood in it alone. */
const struct store_sql erasure_audit_sql = {
    "SELECT count(CASE WHEN gone THEN 1 END), NULL, count(CASE WHEN bad THEN 1 END),"
    " min(CASE WHEN bad THEN leaf END) FROM (SELECT t.leaf, t.gone, t.gone AND CASE"
    " WHEN h.account IS NULL THEN NOT EXISTS (SELECT 1 FROM erasure)"
    " ELSE h.account NOT IN (SELECT account FROM erasure) END AS bad"
    " FROM (SELECT leaf, call, ((length(client_salt) = 0 OR length(evidence_salt) = 0)"
    " AND leaf >= " ERASURE_RECEIPTS ") OR (length(operator_salt) = 0"
    " AND leaf >= max(" ERASURE_RECEIPTS ", " ERASURE_OPERATOR ")) AS gone FROM receipt) t"
    " LEFT JOIN hold h ON h.call = t.call)"
};
