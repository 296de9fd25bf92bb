/*
 * Extensions: more money set aside for a hold whose call goes on. A hold and its extensions are one
 * reservation: they end together, and what is posted is never more than their sum.
 *
 * Threads: inside a store job.
 */
#pragma once

#include "ledger/ledger.h"

extern const struct store_migration extend_migration; /* number 9 */

struct ledger_extension {
    struct ledger_hold *hold; /* durable, or written by an earlier job of the same thread */
    int64_t n;                /* 1, 2, ... of the hold */
    int64_t amount;           /* nano, > 0, reserved with account_reserve() before */
    int64_t extended_ns;
};

/* Writes the row and adds it to the hold's amount. */
EP_MUST_CHECK enum err ledger_write_extension(struct ledger *ledger, struct store_txn *txn,
                                              const struct ledger_extension *extension,
                                              struct fail *fail);
