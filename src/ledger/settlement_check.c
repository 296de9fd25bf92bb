#include "ledger/settlement_check.h"

/*
 * For a list of more than two numbers the engine builds a table of its own, with a cache, for each
 * row that it checks: a tenth of what all rows of a call cost. A range says the same and is
 * compared. The rows stay as they are, and so does what they may be, which is when the engine's
 * manual lets the text of a schema be changed alone (ALTER TABLE, "other kinds of schema changes"),
 * however many rows there are. Connections that have read the schema before do not write, and so
 * check nothing.
 */
const struct store_migration settlement_check_migration = {
    .number = 18,
    .name = "settlement_check",
    .sql = "PRAGMA writable_schema=ON;"
           "UPDATE sqlite_schema SET sql = replace(sql, 'state IN (1, 2, 3)',"
           " 'state BETWEEN 1 AND 3') WHERE type = 'table' AND name = 'settlement';"
           "PRAGMA writable_schema=RESET;",
};
