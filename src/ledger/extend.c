#include "ledger/extend.h"

#include "ledger/ledger_internal.h"

const struct store_migration extend_migration = {
    .number = 9,
    .name = "hold_ext",
    .sql = "CREATE TABLE hold_ext(hold INTEGER NOT NULL REFERENCES hold,"
           " n INTEGER NOT NULL CHECK(n > 0), amount INTEGER NOT NULL CHECK(amount > 0),"
           " extended_ns INTEGER NOT NULL, PRIMARY KEY(hold, n)) STRICT;"
           "CREATE TABLE hold_progress(hold INTEGER PRIMARY KEY REFERENCES hold,"
           " key TEXT NOT NULL, product TEXT NOT NULL, price_book TEXT NOT NULL,"
           " model TEXT NOT NULL, route TEXT NOT NULL,"
           " attempt INTEGER NOT NULL CHECK(attempt BETWEEN 1 AND 64),"
           " usage TEXT NOT NULL, rated_pico INTEGER NOT NULL CHECK(rated_pico >= 0),"
           " marked_ns INTEGER NOT NULL) STRICT;"
           "CREATE TABLE attempt(id INTEGER PRIMARY KEY, hold INTEGER NOT NULL REFERENCES hold,"
           " n INTEGER NOT NULL CHECK(n BETWEEN 1 AND 64), route TEXT NOT NULL,"
           " upstream_id TEXT NOT NULL, outcome TEXT NOT NULL, usage_source TEXT NOT NULL,"
           " sent INTEGER NOT NULL CHECK(sent IN (0, 1)),"
           " billable INTEGER NOT NULL CHECK(billable IN (0, 1))) STRICT;"
           /* Settlements of holds below were written by a program that knew no attempts. */
           "CREATE TABLE attempt_mark(id INTEGER PRIMARY KEY CHECK(id = 1),"
           " hold_from INTEGER NOT NULL) STRICT;"
           "INSERT INTO attempt_mark(id, hold_from)"
           " SELECT 1, coalesce(max(id), 0) + 1 FROM hold;",
};

static const struct store_sql sql_extension_add = {
    "INSERT INTO hold_ext(hold, n, amount, extended_ns) VALUES (?1, ?2, ?3, ?4)"
};

enum err ledger_write_extension(struct ledger *ledger, struct store_txn *txn,
                                const struct ledger_extension *extension, struct fail *fail)
{
    struct ledger_hold *hold = extension->hold;
    struct ledger_account *account = hold->account;
    ASSERT(hold->seq > 0);
    ASSERT(extension->n > 0 && extension->amount > 0);
    const struct store_value values[] = {
        STORE_I(hold->seq),
        STORE_I(extension->n),
        STORE_I(extension->amount),
        STORE_I(extension->extended_ns),
    };
    TRY(store_exec(txn, &sql_extension_add, values, EP_ARRAY_LEN(values), fail));
    hold->amount += extension->amount;
    struct ledger_account *revenue = ledger_own(ledger, LEDGER_PLATFORM_REVENUE, account->currency);
    account->dr_pend += extension->amount;
    revenue->cr_pend += extension->amount;
    ASSERT(account->dr_post + account->dr_pend <= account->cr_post);
    ledger_touch(ledger, account);
    ledger_touch(ledger, revenue);
    return ERR_OK;
}
