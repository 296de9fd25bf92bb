#include "batch/batch.h"

#include <string.h>

/* Names are the public ids; rows are found by their owner through the indexes. */
const struct store_migration batch_migration = {
    .number = 23,
    .name = "batch",
    .sql = "CREATE TABLE batch_file(id INTEGER PRIMARY KEY,"
           " name BLOB NOT NULL UNIQUE CHECK(length(name) = 16),"
           " client BLOB NOT NULL CHECK(length(client) = 16), product TEXT NOT NULL,"
           " purpose TEXT NOT NULL, filename TEXT NOT NULL,"
           " bytes INTEGER NOT NULL CHECK(bytes >= 0), created_ns INTEGER NOT NULL,"
           " until_ns INTEGER NOT NULL) STRICT;"
           "CREATE INDEX batch_file_client ON batch_file(client, id);"
           "CREATE INDEX batch_file_until ON batch_file(until_ns);"
           "CREATE TABLE batch(id INTEGER PRIMARY KEY,"
           " name BLOB NOT NULL UNIQUE CHECK(length(name) = 16),"
           " client BLOB NOT NULL CHECK(length(client) = 16), product TEXT NOT NULL,"
           " key BLOB NOT NULL CHECK(length(key) = 16), shape INTEGER NOT NULL,"
           " state INTEGER NOT NULL, endpoint TEXT NOT NULL, metadata TEXT NOT NULL,"
           " market TEXT NOT NULL, link TEXT NOT NULL, address TEXT NOT NULL,"
           " input BLOB NOT NULL, output BLOB NOT NULL, errors BLOB NOT NULL,"
           " has_output INTEGER NOT NULL DEFAULT 0, has_errors INTEGER NOT NULL DEFAULT 0,"
           " total INTEGER NOT NULL DEFAULT 0, completed INTEGER NOT NULL DEFAULT 0,"
           " failed INTEGER NOT NULL DEFAULT 0, expired INTEGER NOT NULL DEFAULT 0,"
           " cancelled INTEGER NOT NULL DEFAULT 0, begun INTEGER NOT NULL DEFAULT 0,"
           " begun_ns INTEGER NOT NULL DEFAULT 0, created_ns INTEGER NOT NULL,"
           " started_ns INTEGER NOT NULL DEFAULT 0, deadline_ns INTEGER NOT NULL,"
           " cancelling_ns INTEGER NOT NULL DEFAULT 0, finalizing_ns INTEGER NOT NULL DEFAULT 0,"
           " ended_ns INTEGER NOT NULL DEFAULT 0, until_ns INTEGER NOT NULL,"
           " fault TEXT NOT NULL DEFAULT '') STRICT;"
           "CREATE INDEX batch_client ON batch(client, id);"
           "CREATE INDEX batch_until ON batch(until_ns);"
           "CREATE INDEX batch_unended ON batch(id) WHERE ended_ns = 0;",
};

static const struct str batch_state_names[BATCH_STATES] = {
    [BATCH_VALIDATING] = STR_INIT("validating"), [BATCH_IN_PROGRESS] = STR_INIT("in_progress"),
    [BATCH_CANCELLING] = STR_INIT("cancelling"), [BATCH_COMPLETED] = STR_INIT("completed"),
    [BATCH_FAILED] = STR_INIT("failed"),         [BATCH_EXPIRED] = STR_INIT("expired"),
    [BATCH_CANCELLED] = STR_INIT("cancelled"),
};

struct str batch_state_name(enum batch_state state)
{
    ASSERT((unsigned)state < BATCH_STATES);
    return batch_state_names[state];
}

static struct id batch_id_of(struct str bytes)
{
    struct id id;
    ASSERT(bytes.len == ID_BYTES);
    memcpy(id.bytes, bytes.ptr, ID_BYTES);
    return id;
}

/* ---- files ------------------------------------------------------------------------------- */

#define FILE_COLUMNS "name, client, product, purpose, filename, bytes, created_ns, until_ns"
#define FILE_PAGE                                                                               \
    "SELECT " FILE_COLUMNS                                                                      \
    " FROM batch_file WHERE client = ?1 AND product = ?2 AND id < ?3 AND purpose != 'messages'" \
    " ORDER BY id DESC LIMIT ?4"

static const struct store_sql sql_file_add = { "INSERT INTO batch_file(" FILE_COLUMNS
                                               ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)" };
static const struct store_sql sql_file_find = {
    "SELECT " FILE_COLUMNS " FROM batch_file WHERE name = ?1 AND client = ?2 AND product = ?3"
    " AND purpose != 'messages'"
};
static const struct store_sql sql_file_row = {
    "SELECT id FROM batch_file WHERE name = ?1 AND client = ?2 AND product = ?3"
};
static const struct store_sql sql_file_page = { FILE_PAGE };
static const struct store_sql sql_file_remove = { "DELETE FROM batch_file WHERE name = ?1" };
static const struct store_sql sql_file_bytes = {
    "SELECT coalesce(sum(bytes), 0) FROM batch_file WHERE client = ?1"
};
static const struct store_sql sql_file_due = {
    "SELECT " FILE_COLUMNS " FROM batch_file WHERE until_ns < ?1"
    " AND name NOT IN (SELECT input FROM batch WHERE ended_ns = 0)"
    " ORDER BY until_ns LIMIT " EP_STRINGIFY(BATCH_EXPIRE_MAX)
};
static const struct store_sql sql_file_client = { "SELECT " FILE_COLUMNS
                                                  " FROM batch_file WHERE client = ?1" };

struct batch_file_walk {
    batch_file_fn *told;
    void *context;
    int64_t count;
};

static enum err batch_on_file(void *context, const struct store_value *row, size_t columns)
{
    struct batch_file_walk *walk = context;
    ASSERT(columns == 8);
    const struct batch_file file = {
        .id = batch_id_of(row[0].bytes),
        .owner = { batch_id_of(row[1].bytes), row[2].bytes },
        .purpose = row[3].bytes,
        .name = row[4].bytes,
        .bytes = row[5].number,
        .created_ns = row[6].number,
        .until_ns = row[7].number,
    };
    walk->count++;
    return walk->told(walk->context, &file);
}

static enum err batch_on_number(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

enum err batch_file_add(struct store_txn *txn, const struct batch_file *file, struct fail *fail)
{
    const struct store_value values[] = {
        STORE_B(id_str(&file->id)),   STORE_B(id_str(&file->owner.client)),
        STORE_T(file->owner.product), STORE_T(file->purpose),
        STORE_T(file->name),          STORE_I(file->bytes),
        STORE_I(file->created_ns),    STORE_I(file->until_ns),
    };
    return store_exec(txn, &sql_file_add, values, EP_ARRAY_LEN(values), fail);
}

enum err batch_file_find(struct store_txn *txn, const struct batch_owner *owner, struct id id,
                         batch_file_fn *told, void *context, struct fail *fail)
{
    struct batch_file_walk walk = { told, context, 0 };
    const struct store_value values[] = { STORE_B(id_str(&id)), STORE_B(id_str(&owner->client)),
                                          STORE_T(owner->product) };
    TRY(store_query(txn, &sql_file_find, values, EP_ARRAY_LEN(values), batch_on_file, &walk, fail));
    return walk.count == 1 ? ERR_OK : FAIL(fail, ERR_NOT_FOUND, "there is no such file");
}

/* The row below which a page begins. */
static enum err batch_page_row(struct store_txn *txn, const struct store_sql *sql,
                               const struct batch_owner *owner, const struct batch_page *page,
                               int64_t *ret_row, struct fail *fail)
{
    *ret_row = INT64_MAX;
    if (id_is_zero(page->after)) {
        return ERR_OK;
    }
    const struct store_value values[] = { STORE_B(id_str(&page->after)),
                                          STORE_B(id_str(&owner->client)),
                                          STORE_T(owner->product) };
    TRY(store_query(txn, sql, values, EP_ARRAY_LEN(values), batch_on_number, ret_row, fail));
    return *ret_row != INT64_MAX ? ERR_OK : FAIL(fail, ERR_NOT_FOUND, "there is no such object");
}

enum err batch_file_each(struct store_txn *txn, const struct batch_owner *owner,
                         const struct batch_page *page, batch_file_fn *told, void *context,
                         struct fail *fail)
{
    struct batch_file_walk walk = { told, context, 0 };
    int64_t row = 0;
    TRY(batch_page_row(txn, &sql_file_row, owner, page, &row, fail));
    const struct store_value values[] = { STORE_B(id_str(&owner->client)), STORE_T(owner->product),
                                          STORE_I(row), STORE_I(page->limit + 1) };
    return store_query(txn, &sql_file_page, values, EP_ARRAY_LEN(values), batch_on_file, &walk,
                       fail);
}

enum err batch_file_remove(struct store_txn *txn, struct id id, struct fail *fail)
{
    const struct store_value value = STORE_B(id_str(&id));
    return store_exec(txn, &sql_file_remove, &value, 1, fail);
}

enum err batch_file_bytes(struct store_txn *txn, struct id client, int64_t *ret_bytes,
                          struct fail *fail)
{
    const struct store_value value = STORE_B(id_str(&client));
    return store_query(txn, &sql_file_bytes, &value, 1, batch_on_number, ret_bytes, fail);
}

enum err batch_file_due(struct store_txn *txn, int64_t now_ns, batch_file_fn *told, void *context,
                        struct fail *fail)
{
    struct batch_file_walk walk = { told, context, 0 };
    const struct store_value value = STORE_I(now_ns);
    return store_query(txn, &sql_file_due, &value, 1, batch_on_file, &walk, fail);
}

enum err batch_file_of_client(struct store_txn *txn, struct id client, batch_file_fn *told,
                              void *context, struct fail *fail)
{
    struct batch_file_walk walk = { told, context, 0 };
    const struct store_value value = STORE_B(id_str(&client));
    return store_query(txn, &sql_file_client, &value, 1, batch_on_file, &walk, fail);
}

/* ---- batches ----------------------------------------------------------------------------- */

#define BATCH_COLUMNS                                                                      \
    "name, client, product, key, shape, state, endpoint, metadata, market, link, address," \
    " input, output, errors, has_output, has_errors, total, completed, failed, expired,"   \
    " cancelled, begun, begun_ns, created_ns, started_ns, deadline_ns, cancelling_ns,"     \
    " finalizing_ns, ended_ns, until_ns, fault"
#define BATCH_COLUMN_COUNT 31
#define BATCH_SELECT       "SELECT " BATCH_COLUMNS " FROM batch "

static const struct store_sql sql_open_count = {
    "SELECT count(*) FROM batch WHERE client = ?1 AND ended_ns = 0"
};
static const struct store_sql sql_add = {
    "INSERT INTO batch(name, client, product, key, shape, state, endpoint, metadata, market, link,"
    " address, input, output, errors, created_ns, deadline_ns, until_ns,"
    " total)"
    " VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
};
static const struct store_sql sql_find = {
    BATCH_SELECT "WHERE name = ?1 AND client = ?2 AND product = ?3 AND shape = ?4"
};
static const struct store_sql sql_row = {
    "SELECT id FROM batch WHERE name = ?1 AND client = ?2 AND product = ?3"
};
static const struct store_sql sql_page = {
    BATCH_SELECT "WHERE client = ?1 AND product = ?2 AND shape = ?3 AND id < ?4"
                 " ORDER BY id DESC LIMIT ?5"
};
static const struct store_sql sql_any = { BATCH_SELECT "WHERE name = ?1" };
static const struct store_sql sql_all = { BATCH_SELECT "ORDER BY id DESC LIMIT ?1" };
static const struct store_sql sql_unended = { BATCH_SELECT "WHERE ended_ns = 0 ORDER BY id" };
static const struct store_sql sql_client = { BATCH_SELECT "WHERE client = ?1" };
static const struct store_sql sql_cancel = { "UPDATE batch SET state = 2, cancelling_ns = ?2"
                                             " WHERE name = ?1 AND ended_ns = 0 AND state < 2" };
static const struct store_sql sql_start = {
    "UPDATE batch SET state = max(state, 1), started_ns = ?2, total = ?3"
    " WHERE name = ?1 AND ended_ns = 0"
};
static const struct store_sql sql_mark = {
    "UPDATE batch SET completed = ?2, failed = ?3, begun = ?4, begun_ns = ?5"
    " WHERE name = ?1 AND ended_ns = 0"
};
static const struct store_sql sql_end = {
    "UPDATE batch SET state = ?2, finalizing_ns = ?3, ended_ns = ?4, has_output = ?5,"
    " has_errors = ?6, total = ?7, completed = ?8, failed = ?9, expired = ?10, cancelled = ?11,"
    " fault = ?12, until_ns = ?13 WHERE name = ?1 AND ended_ns = 0"
};
static const struct store_sql sql_remove = { "DELETE FROM batch WHERE name = ?1" };
static const struct store_sql sql_expire = {
    "DELETE FROM batch WHERE until_ns < ?1 AND ended_ns > 0"
};

_Static_assert(BATCH_VALIDATING == 0 && BATCH_IN_PROGRESS == 1 && BATCH_CANCELLING == 2,
               "the statements above say so too");

struct batch_walk {
    batch_fn *told;
    void *context;
    int64_t count;
};

static void batch_read_times(struct batch *batch, const struct store_value *row)
{
    batch->counts = (struct batch_counts){ row[16].number, row[17].number, row[18].number,
                                           row[19].number, row[20].number };
    batch->begun = row[21].number;
    batch->begun_ns = row[22].number;
    batch->created_ns = row[23].number;
    batch->started_ns = row[24].number;
    batch->deadline_ns = row[25].number;
    batch->cancelling_ns = row[26].number;
    batch->finalizing_ns = row[27].number;
    batch->ended_ns = row[28].number;
    batch->until_ns = row[29].number;
    batch->fault = row[30].bytes;
}

static enum err batch_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct batch_walk *walk = context;
    ASSERT(columns == BATCH_COLUMN_COUNT);
    struct batch batch = {
        .id = batch_id_of(row[0].bytes),
        .owner = { batch_id_of(row[1].bytes), row[2].bytes },
        .key = batch_id_of(row[3].bytes),
        .shape = (enum batch_shape)row[4].number,
        .state = (enum batch_state)row[5].number,
        .endpoint = row[6].bytes,
        .metadata = row[7].bytes,
        .market = row[8].bytes,
        .link = row[9].bytes,
        .address = row[10].bytes,
        .input = batch_id_of(row[11].bytes),
        .output = batch_id_of(row[12].bytes),
        .errors = batch_id_of(row[13].bytes),
        .has_output = row[14].number != 0,
        .has_errors = row[15].number != 0,
    };
    batch_read_times(&batch, row);
    walk->count++;
    return walk->told(walk->context, &batch);
}

enum err batch_add(struct store_txn *txn, const struct batch *batch, struct fail *fail)
{
    int64_t open = 0;
    const struct store_value client = STORE_B(id_str(&batch->owner.client));
    TRY(store_query(txn, &sql_open_count, &client, 1, batch_on_number, &open, fail));
    if (open >= BATCH_OPEN_MAX) {
        return FAIL(fail, ERR_LIMIT, "%d batches have not ended", BATCH_OPEN_MAX);
    }
    const struct store_value values[] = {
        STORE_B(id_str(&batch->id)),
        client,
        STORE_T(batch->owner.product),
        STORE_B(id_str(&batch->key)),
        STORE_I(batch->shape),
        STORE_T(batch->endpoint),
        STORE_T(batch->metadata),
        STORE_T(batch->market),
        STORE_T(batch->link),
        STORE_T(batch->address),
        STORE_B(id_str(&batch->input)),
        STORE_B(id_str(&batch->output)),
        STORE_B(id_str(&batch->errors)),
        STORE_I(batch->created_ns),
        STORE_I(batch->deadline_ns),
        STORE_I(batch->until_ns),
        STORE_I(batch->counts.total),
    };
    return store_exec(txn, &sql_add, values, EP_ARRAY_LEN(values), fail);
}

enum err batch_find(struct store_txn *txn, const struct batch_owner *owner, enum batch_shape shape,
                    struct id id, batch_fn *told, void *context, struct fail *fail)
{
    struct batch_walk walk = { told, context, 0 };
    const struct store_value values[] = { STORE_B(id_str(&id)), STORE_B(id_str(&owner->client)),
                                          STORE_T(owner->product), STORE_I(shape) };
    TRY(store_query(txn, &sql_find, values, EP_ARRAY_LEN(values), batch_on_row, &walk, fail));
    return walk.count == 1 ? ERR_OK : FAIL(fail, ERR_NOT_FOUND, "there is no such batch");
}

enum err batch_each(struct store_txn *txn, const struct batch_owner *owner, enum batch_shape shape,
                    const struct batch_page *page, batch_fn *told, void *context, struct fail *fail)
{
    struct batch_walk walk = { told, context, 0 };
    int64_t row = 0;
    TRY(batch_page_row(txn, &sql_row, owner, page, &row, fail));
    const struct store_value values[] = { STORE_B(id_str(&owner->client)), STORE_T(owner->product),
                                          STORE_I(shape), STORE_I(row), STORE_I(page->limit + 1) };
    return store_query(txn, &sql_page, values, EP_ARRAY_LEN(values), batch_on_row, &walk, fail);
}

enum err batch_any(struct store_txn *txn, struct id id, batch_fn *told, void *context,
                   struct fail *fail)
{
    struct batch_walk walk = { told, context, 0 };
    const struct store_value value = STORE_B(id_str(&id));
    TRY(store_query(txn, &sql_any, &value, 1, batch_on_row, &walk, fail));
    return walk.count == 1 ? ERR_OK : FAIL(fail, ERR_NOT_FOUND, "there is no such batch");
}

enum err batch_all(struct store_txn *txn, int64_t limit, batch_fn *told, void *context,
                   struct fail *fail)
{
    struct batch_walk walk = { told, context, 0 };
    const struct store_value value = STORE_I(limit);
    return store_query(txn, &sql_all, &value, 1, batch_on_row, &walk, fail);
}

enum err batch_unended(struct store_txn *txn, batch_fn *told, void *context, struct fail *fail)
{
    struct batch_walk walk = { told, context, 0 };
    return store_query(txn, &sql_unended, NULL, 0, batch_on_row, &walk, fail);
}

enum err batch_of_client(struct store_txn *txn, struct id client, batch_fn *told, void *context,
                         struct fail *fail)
{
    struct batch_walk walk = { told, context, 0 };
    const struct store_value value = STORE_B(id_str(&client));
    return store_query(txn, &sql_client, &value, 1, batch_on_row, &walk, fail);
}

enum err batch_cancel(struct store_txn *txn, struct id id, int64_t now_ns, struct fail *fail)
{
    const struct store_value values[] = { STORE_B(id_str(&id)), STORE_I(now_ns) };
    return store_exec(txn, &sql_cancel, values, EP_ARRAY_LEN(values), fail);
}

enum err batch_start(struct store_txn *txn, const struct batch *batch, struct fail *fail)
{
    const struct store_value values[] = { STORE_B(id_str(&batch->id)), STORE_I(batch->started_ns),
                                          STORE_I(batch->counts.total) };
    return store_exec(txn, &sql_start, values, EP_ARRAY_LEN(values), fail);
}

enum err batch_mark(struct store_txn *txn, const struct batch *batch, struct fail *fail)
{
    const struct store_value values[] = { STORE_B(id_str(&batch->id)),
                                          STORE_I(batch->counts.completed),
                                          STORE_I(batch->counts.failed), STORE_I(batch->begun),
                                          STORE_I(batch->begun_ns) };
    return store_exec(txn, &sql_mark, values, EP_ARRAY_LEN(values), fail);
}

enum err batch_end(struct store_txn *txn, const struct batch *batch, struct fail *fail)
{
    const struct batch_counts *counts = &batch->counts;
    ASSERT(batch->ended_ns > 0);
    const struct store_value values[] = {
        STORE_B(id_str(&batch->id)), STORE_I(batch->state),      STORE_I(batch->finalizing_ns),
        STORE_I(batch->ended_ns),    STORE_I(batch->has_output), STORE_I(batch->has_errors),
        STORE_I(counts->total),      STORE_I(counts->completed), STORE_I(counts->failed),
        STORE_I(counts->expired),    STORE_I(counts->cancelled), STORE_T(batch->fault),
        STORE_I(batch->until_ns),
    };
    return store_exec(txn, &sql_end, values, EP_ARRAY_LEN(values), fail);
}

enum err batch_remove(struct store_txn *txn, struct id id, struct fail *fail)
{
    const struct store_value value = STORE_B(id_str(&id));
    return store_exec(txn, &sql_remove, &value, 1, fail);
}

enum err batch_expire(struct store_txn *txn, int64_t now_ns, struct fail *fail)
{
    const struct store_value value = STORE_I(now_ns);
    return store_exec(txn, &sql_expire, &value, 1, fail);
}
