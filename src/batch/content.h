/*
 * Contents of batches: files in a folder beside the store, for the server's user alone, with names
 * of our own making (an id and what it is), so that nothing of a client's is in a path.
 *
 *   ID.jsonl     what a client has handed in, or the results of a batch: written once, synced
 *   ID.journal   of a batch that is worked off: a line for each of its lines that is over
 *
 * A line of a journal is "LINE KIND JSON": the number of a line of the input from 1 on, how it
 * ended, and the result as the client gets it. What a crash has left half written is at its end
 * and is cut off by who opens it.
 *
 * Threads: any that may wait; one at a time a file.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"

#define CONTENT_PATH_MAX 4352 /* a folder's path and a name */

enum content_kind {
    CONTENT_JSONL,
    CONTENT_JOURNAL
};

/* Makes it (0700), durably, if it is not there. */
EP_MUST_CHECK enum err content_folder_make(const char *folder, struct fail *fail);
/* Empty, for writing and reading. ERR_IO. */
EP_MUST_CHECK enum err content_create(const char *folder, struct id id, enum content_kind kind,
                                      int *ret_fd, struct fail *fail);
/* What is there, for reading and for writing behind it; of a journal, made if it is missing.
 * ERR_NOT_FOUND, ERR_IO. */
EP_MUST_CHECK enum err content_open(const char *folder, struct id id, enum content_kind kind,
                                    int *ret_fd, struct fail *fail);
/* All of the bytes, at the file's end. */
EP_MUST_CHECK enum err content_write(int fd, struct str bytes, struct fail *fail);
EP_MUST_CHECK enum err content_sync(int fd, struct fail *fail);
/* New names in it are durable. */
EP_MUST_CHECK enum err content_folder_sync(const char *folder, struct fail *fail);
/* One that is not there is gone already. */
EP_MUST_CHECK enum err content_remove(const char *folder, struct id id, enum content_kind kind,
                                      struct fail *fail);
/* `len` bytes from `at` on are appended. ERR_IO: it is shorter. */
EP_MUST_CHECK enum err content_read_at(int fd, uint64_t at, size_t len, struct buf *out,
                                       struct fail *fail);

/* A line without its line end; `at` is where it begins. Anything but ERR_OK ends the walk. */
typedef enum err content_line_fn(void *context, uint64_t at, struct str line);
/* From the file's beginning; a last line without an end is told where `torn` is NULL, else it is
 * not, and *torn is where it begins, or the file's length. ERR_LIMIT: a line is longer than
 * `line_max`. */
EP_MUST_CHECK enum err content_lines(int fd, size_t line_max, content_line_fn *told, void *context,
                                     uint64_t *torn, struct fail *fail);

/* How a line of the input ended. */
enum content_end {
    CONTENT_DONE = 'o',
    CONTENT_FAILED = 'e',
    CONTENT_EXPIRED = 'x',
    CONTENT_CANCELLED = 'c'
};
/* A line of a journal; `json` has no line end. */
EP_MUST_CHECK enum err content_journal_put(struct buf *out, int64_t line, enum content_end end,
                                           struct str json);
/* Only what content_journal_put() wrote is read. */
EP_MUST_CHECK bool content_journal_read(struct str text, int64_t *ret_line,
                                        enum content_end *ret_end, struct str *ret_json);
