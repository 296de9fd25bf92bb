/* The audit's own account of the lots: every purchase, draw, refund and expiry done over again. */
#pragma once

#include "ledger/audit.h"

/* Fills the figures: entries looked at and their sum; lots whose remainder is another than their
 * history leaves, and steps of the history that could not have been; the first account of such. */
EP_MUST_CHECK enum err audit_lots(struct store_txn *txn, struct audit_line *line,
                                  struct fail *fail);
