/* The schema of a database: which migrations it has, whether they are this program's. Room only. */
#pragma once

#include "store/store_internal.h"

struct schema {
    const struct store_options *options;
    const char *path; /* of the database: for what is said of it */
    int64_t version;  /* out: the number of the last migration that it has; 0: none */
};

/*
 * Whether the database has the program's migrations, in their order and by their names. All that is
 * not so is ERR_STORE_SCHEMA: newer than the program, a migration that is missing in between, one
 * of another program; and for a reader, older than the program. Nothing is changed.
 */
EP_MUST_CHECK enum err schema_check(struct store_txn *txn, struct schema *schema,
                                    struct fail *fail);
/* The same, then what is missing at the end is applied. */
EP_MUST_CHECK enum err schema_migrate(struct store_txn *txn, struct schema *schema,
                                      struct fail *fail);
