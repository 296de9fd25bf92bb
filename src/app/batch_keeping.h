/*
 * The contents of batches over time: where they are, when they go, and with whom. A content whose
 * time is over goes, then its row; one that no row knows is what a crash has left, and goes after
 * a day.
 *
 * Threads: any that may wait.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"
#include "store/store.h"

/* Of a store's URL: the folder "batches" beside it, NUL-terminated. */
EP_MUST_CHECK enum err batch_keeping_path(struct str store_url, struct buf *out, struct fail *fail);
/* What is due at `now_ns` goes, files, batches and leftovers; *ret_gone: how many contents. */
EP_MUST_CHECK enum err batch_keeping_sweep(struct store *store, const char *folder, int64_t now_ns,
                                           int64_t *ret_gone, struct fail *fail);
/* All that there is of a client goes at once; what is worked off meanwhile is dropped. */
EP_MUST_CHECK enum err batch_keeping_forget(struct store *store, const char *folder,
                                            struct id client, struct fail *fail);
