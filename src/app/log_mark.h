/*
 * The high-water mark of a folder's log, in a small file beside the store: how many leaves were
 * durable at least, and whether the store was ever found with fewer. A store that was put back to
 * an earlier time is known by it, whoever put it back and how.
 *
 * The mark is a lower bound: it is raised at most once a second and at a clean stop, from what is
 * committed. That the log was found behind stays noted until an operator accepts the loss, for new
 * leaves would soon hide it.
 *
 * The file is 64 bytes that are written over in one piece: within one sector of a disk, of which
 * either the old or the new content is there after a power loss. Not thread-safe.
 */
#pragma once

#include "base/buf.h"

struct log_mark {
    int64_t reached; /* leaves */
    bool behind;     /* the log was found shorter than that */
    int64_t found;   /* how long it was then; behind alone */
};

/* "FOLDER/log.size" for the store's "sqlite:FOLDER/..."; 0-terminated. */
EP_MUST_CHECK enum err log_mark_path(struct str store_url, struct buf *out, struct fail *fail);
/* No file, or one of zeros alone: nothing was reached. ERR_STORE_DAMAGED: it is there and cannot be
 * understood. */
EP_MUST_CHECK enum err log_mark_read(const char *path, struct log_mark *ret_mark,
                                     struct fail *fail);
/* Durable when it returns. */
EP_MUST_CHECK enum err log_mark_write(const char *path, const struct log_mark *mark,
                                      struct fail *fail);
/* Compares the mark with a log of `leaves`, and notes it when the log is found behind. */
EP_MUST_CHECK enum err log_mark_check(const char *path, int64_t leaves, struct log_mark *ret_mark,
                                      struct fail *fail);
/* Notes that the log has `leaves`: written only if that is more, and the log not behind. */
EP_MUST_CHECK enum err log_mark_raise(const char *path, int64_t leaves, struct log_mark *mark,
                                      struct fail *fail);
