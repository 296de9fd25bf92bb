/* The audit's own account of the lots: every purchase, draw, refund and expiry done over again. */
#pragma once

#include "store/store.h"

/* *ret_wrong: lots whose remainder is another than their history leaves, and steps of the history
 * that could not have been. */
EP_MUST_CHECK enum err audit_lots(struct store_txn *txn, int64_t *ret_wrong, struct fail *fail);
