/*
 * The log's entries, appended in the transaction of what they are about: dense indexes from 0, the
 * leaf hash of RFC 6962, and, for a receipt, its sections and salts beside it. The tree and its
 * proofs are built from these rows.
 *
 * A receipt is found by its call's id without an index on random ids: ids rise with time, so each
 * block of a thousand leaves notes the lowest and the highest call in it, and few blocks can hold a
 * given one. No clock is trusted: one that jumps makes blocks overlap, and hides nothing.
 *
 * Threads: tlog_append_*() inside a store job; tlog_find() over a reader's snapshot.
 */
#pragma once

#include "store/store.h"
#include "tlog/receipt.h"

extern const struct store_migration tlog_migration; /* number 3 */

enum tlog_kind {
    TLOG_RECEIPT = 1,
    TLOG_REGISTRY,
    TLOG_EVENT
};

struct tlog;

/* Reads how long the log is. */
EP_MUST_CHECK enum err tlog_open(struct store *store, struct tlog **ret_tlog, struct fail *fail);
void tlog_close(struct tlog *tlog); /* NULL is allowed */

/* Appends a receipt; `wall_ns`, the time of writing, is informative. *ret_leaf: its index. */
EP_MUST_CHECK enum err tlog_append_receipt(struct tlog *tlog, struct store_txn *txn, struct id call,
                                           const struct receipt *receipt, int64_t wall_ns,
                                           int64_t *ret_leaf, struct fail *fail);
/* Appends an entry of another kind: its canonical bytes. */
EP_MUST_CHECK enum err tlog_append(struct tlog *tlog, struct store_txn *txn, enum tlog_kind kind,
                                   struct str entry, int64_t wall_ns, int64_t *ret_leaf,
                                   struct fail *fail);

struct tlog_found {
    int64_t leaf;
    struct str entry;
    struct str sections[RECEIPT_SECTIONS];
    struct str salts[RECEIPT_SECTIONS]; /* empty: erased */
};

typedef enum err tlog_found_fn(void *context, const struct tlog_found *found);

/* The receipt of a call; `found` runs once, its bytes are valid inside it. ERR_NOT_FOUND. */
EP_MUST_CHECK enum err tlog_find(struct store_txn *txn, struct id call, tlog_found_fn *found,
                                 void *context, struct fail *fail);

/* How many leaves the log has. */
EP_MUST_CHECK enum err tlog_size(struct store_txn *txn, int64_t *ret_leaves, struct fail *fail);

struct tlog_figures {
    int64_t leaves;
    int64_t bad;   /* leaves that do not agree with their hash or their sections */
    int64_t first; /* the lowest of those; bad > 0 */
};

/* Recomputes every leaf's hash and every section's digest. */
EP_MUST_CHECK enum err tlog_audit(struct store_txn *txn, struct tlog_figures *ret_figures,
                                  struct fail *fail);
