#include "ident/allowance.h"

#include <string.h>

#include "ident/ident_internal.h"

const struct store_migration allowance_migration = {
    17, "allowance",
    "CREATE TABLE allowance("
    "of_what INTEGER NOT NULL CHECK(of_what IN (0, 1, 2)),"
    "id BLOB NOT NULL CHECK(length(id) = 16),"
    "model TEXT NOT NULL CHECK(of_what <> 2 OR length(model) > 0),"
    "requests INTEGER NOT NULL CHECK(requests >= -2),"
    "tokens INTEGER NOT NULL CHECK(tokens >= -2),"
    "input_tokens INTEGER NOT NULL CHECK(input_tokens >= -2),"
    "output_tokens INTEGER NOT NULL CHECK(output_tokens >= -2),"
    "calls INTEGER NOT NULL CHECK(calls >= -2),"
    "set_ns INTEGER NOT NULL CHECK(set_ns > 0),"
    "PRIMARY KEY(of_what, id, model)) STRICT, WITHOUT ROWID"
};

static const struct store_sql sql_allowances = {
    "SELECT of_what, id, model, requests, tokens, input_tokens, output_tokens, calls, set_ns"
    " FROM allowance ORDER BY of_what, id, model"
};
static const struct store_sql sql_allowance_set = {
    "INSERT INTO allowance(of_what, id, model, requests, tokens, input_tokens, output_tokens,"
    " calls, set_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
    " ON CONFLICT(of_what, id, model) DO UPDATE SET requests = ?4, tokens = ?5, input_tokens = ?6,"
    " output_tokens = ?7, calls = ?8, set_ns = ?9"
};

struct allowance_walk {
    allowance_fn *told;
    void *context;
};

static enum err allowance_on_row(void *context, const struct store_value *row, size_t columns)
{
    const struct allowance_walk *walk = context;
    ASSERT(columns == 3 + ALLOWANCE_KINDS + 1);
    struct allowance allowance = {
        .of = (enum allowance_of)row[0].number,
        .model = row[2].bytes,
        .set_ns = row[3 + ALLOWANCE_KINDS].number,
    };
    ASSERT(row[1].bytes.len == ID_BYTES);
    memcpy(allowance.id.bytes, row[1].bytes.ptr, ID_BYTES);
    for (size_t i = 0; i < ALLOWANCE_KINDS; i++) {
        allowance.max[i] = row[3 + i].number;
    }
    return walk->told(walk->context, &allowance);
}

static enum err allowances_read(void *context, struct store_txn *txn, struct fail *fail)
{
    return store_query(txn, &sql_allowances, NULL, 0, allowance_on_row, context, fail);
}

enum err allowances_each(struct store *store, allowance_fn *told, void *context, struct fail *fail)
{
    struct allowance_walk walk = { told, context };
    return store_read(store, allowances_read, &walk, fail);
}

enum err allowance_set(struct ident *ident, const struct allowance *allowance, struct fail *fail)
{
    ASSERT(allowance->set_ns > 0);
    ASSERT(allowance->of != ALLOWANCE_OF_MODEL || allowance->model.len > 0);
    if (allowance->model.len > 0) {
        TRY(ident_check_name(allowance->model, "model's name", 1, fail));
    }
    const struct store_value values[] = {
        STORE_I(allowance->of),
        STORE_B(id_str(&allowance->id)),
        STORE_T(allowance->model),
        STORE_I(allowance->max[ALLOWANCE_REQUESTS]),
        STORE_I(allowance->max[ALLOWANCE_TOKENS]),
        STORE_I(allowance->max[ALLOWANCE_INPUT]),
        STORE_I(allowance->max[ALLOWANCE_OUTPUT]),
        STORE_I(allowance->max[ALLOWANCE_CALLS]),
        STORE_I(allowance->set_ns),
    };
    (void)pthread_mutex_lock(&ident->changing);
    enum err err = ident_commit(ident, &sql_allowance_set, values, EP_ARRAY_LEN(values), fail);
    if (err == ERR_OK && ident->allowed != NULL) {
        err = ident->allowed(ident->allowed_context, allowance);
        err = err == ERR_OK ? ERR_OK
                            : FAIL(fail, err, "the limit is kept, but counts from a restart on");
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}

void ident_on_allowance(struct ident *ident, allowance_fn *told, void *context)
{
    (void)pthread_mutex_lock(&ident->changing);
    ident->allowed = told;
    ident->allowed_context = context;
    (void)pthread_mutex_unlock(&ident->changing);
}
