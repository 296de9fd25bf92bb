/*
 * What becomes a leaf of the log beside receipts, each written in the transaction of what it is
 * about: registry versions and events of the log itself, in plain words; price books and changes of
 * API keys as a salted commitment, because the log is public and they are not.
 *
 * Threads: inside a store job, behind all its own writes. A failure is the store's: the rows and
 * their leaf stay together, or neither does.
 */
#pragma once

#include "ident/ident.h"
#include "ledger/prices.h"
#include "tlog/tlog.h"

/* {"hash":"<hex>","kind":"registry","number":"2","version":"1"} */
EP_MUST_CHECK enum err log_leaf_registry(struct tlog *tlog, struct store_txn *txn, int64_t number,
                                         const struct digest *hash, int64_t now_ns,
                                         struct fail *fail);

/* An ident_changed_fn; `context` is the tlog. Its detail: who got or lost which key. */
EP_MUST_CHECK enum err log_leaf_key(void *context, struct store_txn *txn,
                                    const struct ident_key_change *change, struct fail *fail);

/* A ledger_book_kept_fn; `context` is the tlog. Its detail: which book, and its hash. */
EP_MUST_CHECK enum err log_leaf_prices(void *context, struct store_txn *txn,
                                       const struct ledger_price_book *book, int64_t now_ns,
                                       struct fail *fail);

/* The server has started. */
struct log_start {
    struct str program; /* its version */
    int64_t registry;   /* the version in force */
    int64_t now_ns;
};
EP_MUST_CHECK enum err log_leaf_start(struct tlog *tlog, struct store_txn *txn,
                                      const struct log_start *start, struct fail *fail);

/* Leaves [first, first + leaves) were covered `seconds` after the oldest receipt among them was
 * written, which is later than it promises. */
struct log_gap {
    int64_t first;
    int64_t leaves;
    int64_t seconds;
    int64_t now_ns;
};
EP_MUST_CHECK enum err log_leaf_gap(struct tlog *tlog, struct store_txn *txn,
                                    const struct log_gap *gap, struct fail *fail);
