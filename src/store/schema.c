#include "store/schema.h"

#include "base/crash.h"

static const struct store_sql sql_schema_read = {
    "SELECT number, name FROM schema_version ORDER BY number"
};
static const struct store_sql sql_schema_add = {
    "INSERT INTO schema_version(number, name) VALUES (?1, ?2)"
};

struct schema_reading {
    struct schema *schema;
    struct fail fail; /* of the first row that does not fit */
};

/* A row of the database's own list: it must be the next of the program's. */
static enum err schema_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct schema_reading *reading = context;
    struct schema *schema = reading->schema;
    const struct store_options *options = schema->options;
    int64_t number = row[0].number;
    int64_t expected = schema->version + 1;
    ASSERT(columns == 2);
    if (number > (int64_t)options->migrations_count) {
        schema->version = number;
        return ERR_OK; /* newer: how much is said when all are read */
    }
    if (number != expected) {
        return FAIL(&reading->fail, ERR_STORE_SCHEMA,
                    "the database \"%s\" has schema %lld and lacks %lld: restore a backup",
                    schema->path, (long long)number, (long long)expected);
    }
    struct str known = str_from(options->migrations[number - 1].name);
    if (!str_eq(row[1].bytes, known)) {
        return FAIL(&reading->fail, ERR_STORE_SCHEMA,
                    "the database \"%s\" has \"" STR_FMT
                    "\" as schema %lld, this program \"" STR_FMT
                    "\": another program has written it",
                    schema->path, STR_ARG(row[1].bytes), (long long)number, STR_ARG(known));
    }
    schema->version = number;
    return ERR_OK;
}

enum err schema_check(struct store_txn *txn, struct schema *schema, struct fail *fail)
{
    const struct store_options *options = schema->options;
    struct schema_reading reading = { .schema = schema };
    schema->version = 0;
    enum err err = store_query(txn, &sql_schema_read, NULL, 0, schema_on_row, &reading, fail);
    if (reading.fail.code != ERR_OK && fail != NULL) {
        *fail = reading.fail;
    }
    TRY(err);
    if (schema->version > (int64_t)options->migrations_count) {
        return FAIL(fail, ERR_STORE_SCHEMA,
                    "the database \"%s\" has schema %lld, this program knows %zu: use a newer one",
                    schema->path, (long long)schema->version, options->migrations_count);
    }
    if (options->read_only && schema->version < (int64_t)options->migrations_count) {
        return FAIL(fail, ERR_STORE_SCHEMA,
                    "the database \"%s\" has schema %lld, this program needs %zu: run the server "
                    "once, it migrates",
                    schema->path, (long long)schema->version, options->migrations_count);
    }
    return ERR_OK;
}

static enum err schema_apply(struct store_txn *txn, const struct store_migration *migration,
                             struct fail *fail)
{
    EP_CRASH_POINT("migration");
    TRY(txn->engine->begin(txn->conn, true, fail));
    const struct store_value values[] = { STORE_I(migration->number),
                                          STORE_T(str_from(migration->name)) };
    enum err err = txn->engine->script(txn->conn, migration->sql, fail);
    err = err == ERR_OK ? store_exec(txn, &sql_schema_add, values, 2, fail) : err;
    err = err == ERR_OK ? txn->engine->commit(txn->conn, fail) : err;
    if (err != ERR_OK) {
        txn->engine->rollback(txn->conn);
    }
    return err;
}

enum err schema_migrate(struct store_txn *txn, struct schema *schema, struct fail *fail)
{
    const struct store_options *options = schema->options;
    TRY(txn->engine->script(txn->conn,
                            "CREATE TABLE IF NOT EXISTS schema_version("
                            "number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",
                            fail));
    TRY(schema_check(txn, schema, fail));
    for (size_t i = 0; i < options->migrations_count; i++) {
        ASSERT(options->migrations[i].number == (int64_t)i + 1);
        if (options->migrations[i].number > schema->version) {
            TRY(schema_apply(txn, &options->migrations[i], fail));
        }
    }
    return ERR_OK;
}
