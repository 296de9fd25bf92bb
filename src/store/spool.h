/*
 * A place for what is too large for memory and must not outlive its use: files without a name, in
 * one folder, written once from front to back and read from anywhere.
 *
 * A file is unlinked before its first byte is written (O_TMPFILE), so whatever ends the process,
 * kill -9 too, its blocks are free again and nobody finds it. It is never synced: it lives in the
 * system's cache, and what of it reaches the disk is no promise to anybody.
 *
 * Bounded in number and in bytes of all files together. All of it may have to wait for the disk: it
 * is for workers' threads, in pieces of SPOOL_PIECE_MAX.
 *
 * Threads: a spool any, a file one at a time.
 */
#pragma once

#include "base/str.h"

#define SPOOL_PIECE_MAX ((size_t)64 * 1024)

struct spool;
struct spool_file;

struct spool_options {
    const char *folder; /* made if it is not there; NUL-terminated, borrowed until spool_create() is
                         * over */
    size_t files_max;
    uint64_t bytes_max;
};

/* Tries that a file can be made. ERR_IO. */
EP_MUST_CHECK enum err spool_create(const struct spool_options *options, struct spool **ret_spool,
                                    struct fail *fail);
/* All files are closed. NULL is allowed. */
void spool_destroy(struct spool *spool);
size_t spool_files(const struct spool *spool); /* open now */
uint64_t spool_bytes(const struct spool *spool);

/* ERR_UPLOADS_FULL: files_max are open. ERR_UPLOAD_FAILED, ERR_NO_MEMORY. */
EP_MUST_CHECK enum err spool_open(struct spool *spool, struct spool_file **ret_file,
                                  struct fail *fail);
/* At its end. ERR_UPLOADS_FULL: bytes_max are there. ERR_UPLOAD_FAILED: the file is of no use. */
EP_MUST_CHECK enum err spool_append(struct spool_file *file, struct str data, struct fail *fail);
uint64_t spool_size(const struct spool_file *file);
/* At least one byte from `at` on, which is before the end; at most SPOOL_PIECE_MAX.
 * ERR_UPLOAD_FAILED. */
EP_MUST_CHECK enum err spool_read(const struct spool_file *file, uint64_t at, char *place,
                                  size_t room, size_t *ret_len, struct fail *fail);
/* Its bytes are gone with it. NULL is allowed. */
void spool_close(struct spool_file *file);
