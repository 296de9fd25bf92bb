#include "batch/batch_again.h"

#include <string.h>

const struct store_migration batch_again_migration = {
    .number = 25,
    .name = "batch_again",
    .sql = "CREATE TABLE batch_again(id INTEGER PRIMARY KEY,"
           " name BLOB NOT NULL CHECK(length(name) = 32),"
           " sum BLOB NOT NULL CHECK(length(sum) = 32),"
           " client BLOB NOT NULL CHECK(length(client) = 16),"
           " object BLOB NOT NULL CHECK(length(object) = 16), tries INTEGER NOT NULL,"
           " asked_ns INTEGER NOT NULL, until_ns INTEGER NOT NULL) STRICT;"
           "CREATE INDEX batch_again_name ON batch_again(name, id);"
           "CREATE INDEX batch_again_client ON batch_again(client);"
           "CREATE INDEX batch_again_until ON batch_again(until_ns);",
};

static const struct store_sql sql_ask_find = {
    "SELECT sum, object FROM batch_again"
    " WHERE name = ?1 AND until_ns > ?2 AND tries >= ?3 AND asked_ns >= ?4"
    " ORDER BY id DESC LIMIT 1"
};
static const struct store_sql sql_ask_add = {
    "INSERT INTO batch_again(name, sum, client, object, tries, asked_ns, until_ns)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
};
static const struct store_sql sql_ask_expire = {
    "DELETE FROM batch_again WHERE id IN (SELECT id FROM batch_again WHERE until_ns < ?1"
    " ORDER BY until_ns LIMIT " EP_STRINGIFY(BATCH_AGAIN_EXPIRE_MAX) ")"
};
static const struct store_sql sql_ask_forget = { "DELETE FROM batch_again WHERE client = ?1" };

struct ask_found {
    struct str sum;
    struct id object;
    bool other;
};

static enum err ask_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct ask_found *found = context;
    ASSERT(columns == 2 && row[1].bytes.len == ID_BYTES);
    found->other = !str_eq(row[0].bytes, found->sum);
    memcpy(found->object.bytes, row[1].bytes.ptr, ID_BYTES);
    return ERR_OK;
}

enum err batch_again_find(struct store_txn *txn, const struct batch_again *ask,
                          struct id *ret_object, struct fail *fail)
{
    ASSERT(ask->name.len == BATCH_SUM_BYTES && ask->sum.len == BATCH_SUM_BYTES);
    struct ask_found found = { .sum = ask->sum };
    /* A first try repeats nothing: it looks for a repeat of itself, which came while it was on its
     * way. Those that look alike and were asked before are others'. */
    bool first = !ask->keyed && ask->tries == 0;
    const struct store_value values[] = { STORE_B(ask->name), STORE_I(ask->asked_ns),
                                          STORE_I(first ? 1 : 0),
                                          STORE_I(first ? ask->asked_ns : 0) };
    TRY(store_query(txn, &sql_ask_find, values, EP_ARRAY_LEN(values), ask_on_row, &found, fail));
    *ret_object = found.object;
    return found.other ? FAIL(fail, ERR_IDEM_MISMATCH, "another request has the key") : ERR_OK;
}

enum err batch_again_add(struct store_txn *txn, const struct batch_again *ask, struct id object,
                         struct fail *fail)
{
    const struct store_value values[] = {
        STORE_B(ask->name),       STORE_B(ask->sum),   STORE_B(id_str(&ask->client)),
        STORE_B(id_str(&object)), STORE_I(ask->tries), STORE_I(ask->asked_ns),
        STORE_I(ask->until_ns),
    };
    return store_exec(txn, &sql_ask_add, values, EP_ARRAY_LEN(values), fail);
}

enum err batch_again_expire(struct store_txn *txn, int64_t now_ns, struct fail *fail)
{
    const struct store_value value = STORE_I(now_ns);
    return store_exec(txn, &sql_ask_expire, &value, 1, fail);
}

enum err batch_again_forget(struct store_txn *txn, struct id client, struct fail *fail)
{
    const struct store_value value = STORE_B(id_str(&client));
    return store_exec(txn, &sql_ask_forget, &value, 1, fail);
}
