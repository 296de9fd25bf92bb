/*
 * The audit of the books: every invariant recomputed from the rows alone, without the code that
 * wrote them: sums in SQL, and the lots by doing their history over again. Run it over a reader's
 * snapshot, also beside a running server.
 */
#pragma once

#include "store/store.h"

/* One violated invariant; `count` rows show it. `name` is short, `meaning` a sentence; static. */
typedef void ledger_audit_fn(void *context, const char *name, const char *meaning, int64_t count);

/* *ret_violated: how many invariants do not hold; *ret_checked: how many were looked at. */
EP_MUST_CHECK enum err ledger_audit(struct store_txn *txn, ledger_audit_fn *violated, void *context,
                                    size_t *ret_checked, size_t *ret_violated, struct fail *fail);
