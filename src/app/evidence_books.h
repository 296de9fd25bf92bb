/*
 * What the books give to a pack of evidence beside receipts: the registry's versions with who
 * signed them, and what the usage check has found. Contexts are a struct evidence_books.
 *
 * Threads: any that may wait.
 */
#pragma once

#include "settle/evidence_make.h"

struct evidence_books {
    struct store *store;
    const struct evidence_head *head;
    int64_t from_ns;
    int64_t until_ns;
};

/* All versions, into a law that reads them from the books. */
EP_MUST_CHECK enum err evidence_books_law(struct evidence_books *books, struct evidence_law *law,
                                          struct fail *fail);
/* As struct evidence_order has them. */
EP_MUST_CHECK enum err evidence_books_files(void *context, struct evidence_version *version,
                                            evidence_files_fn *told, void *told_context,
                                            struct fail *fail);
EP_MUST_CHECK enum err evidence_books_findings(void *context, struct store_txn *txn,
                                               const struct evidence_fold *fold, struct buf *out,
                                               struct fail *fail);
