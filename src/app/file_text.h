/*
 * Small files of text that people edit, too: read whole, and replaced whole or not at all.
 *
 * Threads: any that may wait.
 */
#pragma once

#include <sys/types.h>

#include "base/buf.h"

/* Appends the file's bytes, at most `out`'s limit. ERR_NOT_FOUND: there is none; ERR_LIMIT;
 * ERR_IO; ERR_NO_MEMORY. */
EP_MUST_CHECK enum err file_text_read(const char *path, struct buf *out, struct fail *fail);
/* The same of what is open already; `name` is for people. */
EP_MUST_CHECK enum err file_text_read_fd(int fd, const char *name, struct buf *out,
                                         struct fail *fail);
/* Writes beside it, syncs, and gives the new file the old one's name; `mode` of a new file, an old
 * one keeps its own. */
EP_MUST_CHECK enum err file_text_replace(const char *path, struct str text, mode_t mode,
                                         struct fail *fail);
/* Who changes files of a folder does so alone until file_text_unlock(). */
EP_MUST_CHECK enum err file_text_lock(const char *folder, int *ret_fd, struct fail *fail);
void file_text_unlock(int fd);
