/*
 * What of review cases does not stay: the notes of who decided, and the signals that were found.
 * The case itself stays, with its kind, its state and its times: that somebody was held, and that a
 * person decided it, can be shown for as long as anybody asks.
 *
 * An open case is a legal hold: nothing of it goes, nor anything of its client.
 *
 * Threads: over a reader's snapshot or inside a job, as each says.
 */
#pragma once

#include "base/id.h"
#include "store/store.h"

#define REVIEW_ERASE_MAX 64 /* cases of one job */

/* Told of each client that has an open case. */
typedef enum err review_held_fn(void *context, struct id client);
EP_MUST_CHECK enum err review_held(struct store_txn *txn, review_held_fn *told, void *context,
                                   struct fail *fail);

/* Inside a job: of all cases of a client. */
EP_MUST_CHECK enum err review_forget(struct store_txn *txn, struct id client, struct fail *fail);
/* Inside a job: of cases that were released before a time, REVIEW_ERASE_MAX of them at most. A
 * refused case is in force, and keeps its ground. *ret_count: how many; 0: there are no more. */
EP_MUST_CHECK enum err review_expire(struct store_txn *txn, int64_t before_ns, int64_t *ret_count,
                                     struct fail *fail);
/* When the oldest case was decided that review_expire() would take some day; 0: there is none. */
EP_MUST_CHECK enum err review_oldest(struct store_txn *txn, int64_t *ret_ns, struct fail *fail);
/* How many were decided before a time. */
EP_MUST_CHECK enum err review_count_old(struct store_txn *txn, int64_t before_ns,
                                        int64_t *ret_count, struct fail *fail);
