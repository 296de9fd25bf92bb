/*
 * The published folder of a log that has lost leaves. What stands in it is under the log's
 * signature and can never be true again: where an operator accepts the loss, it is put aside, as
 * evidence of what was published, and the log is published anew. No server may run.
 */
#pragma once

#include "base/buf.h"
#include "store/store.h"

struct log_aside {
    int64_t published; /* leaves of the folder's checkpoint; 0: nothing was published */
    bool untrue;       /* the store does not have these leaves, or the folder cannot be read */
};

/* Compares the folder with the log of `store`, whose tree is there (tlog_open()). ERR_CONFLICT:
 * another process publishes into it. */
EP_MUST_CHECK enum err log_aside_look(const char *folder, struct store *store,
                                      struct log_aside *ret_aside, struct fail *fail);
/* Renames it to FOLDER.lost-SECONDS, which is appended. */
EP_MUST_CHECK enum err log_aside_move(const char *folder, int64_t now_ns, struct buf *kept,
                                      struct fail *fail);
