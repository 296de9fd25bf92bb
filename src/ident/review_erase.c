#include "ident/review_erase.h"

#include <string.h>

#include "ident/review.h"

static const struct store_sql sql_held = {
    "SELECT DISTINCT client FROM review_case WHERE state = 0"
};
static const struct store_sql sql_forget_case = {
    "UPDATE review_case SET key = NULL, score = 0, signals = 0 WHERE client = ?1"
};
static const struct store_sql sql_forget_signals = {
    "DELETE FROM review_signal WHERE review IN (SELECT id FROM review_case WHERE client = ?1)"
};
static const struct store_sql sql_forget_notes = {
    "UPDATE review_decision SET why = '' WHERE review IN"
    " (SELECT id FROM review_case WHERE client = ?1)"
};

_Static_assert(REVIEW_OPEN == 0 && REVIEW_RELEASED == 1, "the statements of this file say so too");

/* Released, and something of it is there. */
#define REVIEW_OLD                                                       \
    " FROM review_case c WHERE c.state = 1 AND c.decided_ns < ?1"        \
    " AND (EXISTS (SELECT 1 FROM review_signal s WHERE s.review = c.id)" \
    " OR EXISTS (SELECT 1 FROM review_decision d WHERE d.review = c.id AND d.why <> ''))"
static const struct store_sql sql_old = { "SELECT c.id" REVIEW_OLD " ORDER BY c.id LIMIT ?2" };
static const struct store_sql sql_old_count = { "SELECT count(*)" REVIEW_OLD };
static const struct store_sql sql_oldest = { "SELECT coalesce(min(c.decided_ns), 0)" REVIEW_OLD };
static const struct store_sql sql_expire_signals = {
    "DELETE FROM review_signal WHERE review = ?1"
};
static const struct store_sql sql_expire_notes = {
    "UPDATE review_decision SET why = '' WHERE review = ?1"
};

struct review_walk {
    review_held_fn *told;
    void *context;
};

static enum err review_on_held(void *context, const struct store_value *row, size_t columns)
{
    const struct review_walk *walk = context;
    struct id client;
    ASSERT(columns == 1 && row[0].bytes.len == ID_BYTES);
    memcpy(client.bytes, row[0].bytes.ptr, ID_BYTES);
    return walk->told(walk->context, client);
}

enum err review_held(struct store_txn *txn, review_held_fn *told, void *context, struct fail *fail)
{
    struct review_walk walk = { told, context };
    return store_query(txn, &sql_held, NULL, 0, review_on_held, &walk, fail);
}

enum err review_forget(struct store_txn *txn, struct id client, struct fail *fail)
{
    const struct store_value value = STORE_B(id_str(&client));
    TRY(store_exec(txn, &sql_forget_signals, &value, 1, fail));
    TRY(store_exec(txn, &sql_forget_notes, &value, 1, fail));
    return store_exec(txn, &sql_forget_case, &value, 1, fail);
}

struct review_olds {
    int64_t cases[REVIEW_ERASE_MAX];
    size_t count;
};

static enum err review_on_old(void *context, const struct store_value *row, size_t columns)
{
    struct review_olds *olds = context;
    ASSERT(columns == 1 && olds->count < REVIEW_ERASE_MAX);
    olds->cases[olds->count++] = row[0].number;
    return ERR_OK;
}

enum err review_expire(struct store_txn *txn, int64_t before_ns, int64_t *ret_count,
                       struct fail *fail)
{
    struct review_olds olds = { .count = 0 };
    const struct store_value values[] = { STORE_I(before_ns), STORE_I(REVIEW_ERASE_MAX) };
    TRY(store_query(txn, &sql_old, values, EP_ARRAY_LEN(values), review_on_old, &olds, fail));
    for (size_t i = 0; i < olds.count; i++) {
        const struct store_value number = STORE_I(olds.cases[i]);
        TRY(store_exec(txn, &sql_expire_signals, &number, 1, fail));
        TRY(store_exec(txn, &sql_expire_notes, &number, 1, fail));
    }
    *ret_count = (int64_t)olds.count;
    return ERR_OK;
}

static enum err review_on_number(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

enum err review_oldest(struct store_txn *txn, int64_t *ret_ns, struct fail *fail)
{
    const struct store_value value = STORE_I(INT64_MAX);
    return store_query(txn, &sql_oldest, &value, 1, review_on_number, ret_ns, fail);
}

enum err review_count_old(struct store_txn *txn, int64_t before_ns, int64_t *ret_count,
                          struct fail *fail)
{
    const struct store_value value = STORE_I(before_ns);
    return store_query(txn, &sql_old_count, &value, 1, review_on_number, ret_count, fail);
}
