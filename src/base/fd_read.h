/* A file read to its end. Blocks: for start-up, commands and workers. */
#pragma once

#include "base/buf.h"

/*
 * Appends what is left of `fd`, which stays open, `chunk` bytes at a time; `out` must have room for
 * one more of these. ERR_IO with errno, ERR_LIMIT, ERR_NO_MEMORY: what was read stays in `out`.
 */
EP_MUST_CHECK enum err fd_read_all(int fd, size_t chunk, struct buf *out);
