#include "ledger/attempt.h"

#include "ledger/ledger_internal.h"

/* The key is made of hold and number, so that rows are appended and found without an index. */
static const struct store_sql sql_attempt_add = {
    "INSERT INTO attempt(id, hold, n, route, upstream_id, outcome, usage_source, sent, billable)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
};

enum err ledger_write_attempt(struct store_txn *txn, const struct ledger_hold *hold,
                              const struct ledger_attempt *attempt, struct fail *fail)
{
    ASSERT(hold->seq > 0);
    ASSERT(attempt->n > 0 && attempt->n <= LEDGER_ATTEMPTS_MAX);
    const struct store_value values[] = {
        STORE_I(hold->seq * LEDGER_ATTEMPTS_MAX + attempt->n - 1),
        STORE_I(hold->seq),
        STORE_I(attempt->n),
        STORE_T(attempt->route),
        STORE_T(attempt->upstream_id),
        STORE_T(attempt->outcome),
        STORE_T(attempt->usage_source),
        STORE_I(attempt->sent),
        STORE_I(attempt->billable),
    };
    return store_exec(txn, &sql_attempt_add, values, EP_ARRAY_LEN(values), fail);
}
