/*
 * Receipts of a time, in the log's order: for reports over a period.
 *
 * Which leaves can hold them follows from the blocks by which receipts are found (tlog.h): a block
 * whose calls all began a week before the period, or a week behind it, is not read. No call takes a
 * week, and a clock that jumps by one is told of by the operating system's own log.
 */
#pragma once

#include "tlog/tlog.h"

struct tlog_walk {
    int64_t from_ns; /* of the period, half-open */
    int64_t until_ns;
    tlog_found_fn *found; /* bytes are valid inside it; anything but ERR_OK ends the walk with it */
    void *context;
};

/* All receipts of leaves that can be of the period: whoever is told looks at their times. */
EP_MUST_CHECK enum err tlog_walk(struct store_txn *txn, const struct tlog_walk *walk,
                                 struct fail *fail);
