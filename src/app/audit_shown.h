/*
 * What the log's folder shows, against the rows. It stands beside the database: rows that were all
 * changed alike, or that somebody has cut off at the log's end, still agree with each other, and no
 * longer with it.
 */
#pragma once

#include "app/acts_internal.h"

/* Appends the folder's checkpoint; nothing if it shows none. To be read before the rows are: what
 * is shown is in the rows before. */
EP_MUST_CHECK enum err audit_shown_read(const char *folder, struct buf *text, struct fail *fail);
/* Its signature is not looked at: whatever is there was there for everybody to read. */
EP_MUST_CHECK enum err audit_shown_check(struct store_txn *txn, struct str text,
                                         struct audit_line *ret_line, struct fail *fail);
