/*
 * Where a log is read from: a folder of its files, or the address at which they are served. Names
 * are those of c2sp.org/tlog-tiles: "checkpoint", "tile/0/x001/067.p/3".
 *
 * Threads: one at a time, which may wait.
 */
#pragma once

#include "app/fetch.h"

struct log_source;

/* "http(s)://..." or a folder. ERR_ASK_INVALID, ERR_NOT_FOUND (no such folder), ERR_IO. */
EP_MUST_CHECK enum err log_source_open(struct str where, struct log_source **ret_source,
                                       struct fail *fail);
void log_source_close(struct log_source *source); /* NULL is allowed */

/* Appends what is at `path`. ERR_NOT_FOUND: nothing. ERR_LIMIT: more than `out` takes. */
EP_MUST_CHECK enum err log_source_read(struct log_source *source, const char *path, struct buf *out,
                                       struct fail *fail);
/* Many, told in the order in which they were asked for: as fetch_walk(). */
EP_MUST_CHECK enum err log_source_walk(struct log_source *source, const struct fetch_walk *walk,
                                       struct fail *fail);

typedef enum err log_source_file_fn(void *context, struct str path);
/* Every file of a folder, by its path in it; nothing of an address, which lists none. */
EP_MUST_CHECK enum err log_source_files(struct log_source *source, log_source_file_fn *told,
                                        void *context, struct fail *fail);

/* Of an address or a file: "https://example.com/log/checkpoint", "/tmp/checkpoint". */
EP_MUST_CHECK enum err log_source_read_any(struct str where, struct buf *out, struct fail *fail);
