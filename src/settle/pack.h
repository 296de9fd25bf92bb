/*
 * Packs: files in a zip archive, written in one form alone, so that the same files are the same
 * bytes, and read by somebody who trusts neither the archive nor whoever made it.
 *
 * The form: for each file a local header and its deflated bytes, one right behind the other from
 * the archive's first byte; then the central directory in the same order; then the end record, to
 * the last byte. No comments, no extra fields, no encryption, one fixed time (1980-01-01), one mode
 * (a plain file, 0644). Any tool unpacks it. The reader takes nothing else: each byte of a pack
 * belongs to a file or to the end record, and can be told wrong.
 *
 * A name is a relative path of the characters a-z A-Z 0-9 . _ - and single slashes; no part of it
 * is "." or "..", and it occurs once.
 *
 * Not thread-safe.
 */
#pragma once

#include "base/buf.h"
#include "crypto/digest.h"

#define PACK_NAME_MAX 200
/* A pack of a million receipts has some 700 files; a number of entries costs memory before anything
 * is unpacked. Without ZIP64 the format ends at 65,535. */
#define PACK_FILES_MAX 32768
/* What is held in memory at once; receipts come in files of 8 MiB, a registry's text has at most
 * this. */
#define PACK_FILE_MAX ((size_t)64 << 20)
/* All files together: eight million receipts of 8 KiB. */
#define PACK_UNPACKED_MAX ((uint64_t)64 << 30)
/* The archive: the format without ZIP64, which not every tool reads. */
#define PACK_BYTES_MAX UINT32_MAX
/* Deflate cannot do better than 1,032 to 1. Receipts shrink to a fifth, a price book of ten
 * thousand like lines to a hundredth; a small file may be all the same. */
#define PACK_RATIO_MAX  200
#define PACK_RATIO_FROM ((size_t)1 << 20)

/* Whether a file of a pack can have that name. */
bool pack_name_valid(struct str name);

/* ---- writing ------------------------------------------------------------------------------ */

struct pack_writer;

/* Makes "PATH.part". ERR_CONFLICT: there is a file of that name, or a part of one. ERR_IO. */
EP_MUST_CHECK enum err pack_create(struct str path, struct pack_writer **ret_writer,
                                   struct fail *fail);
/* ERR_LIMIT: the pack gets too large; ERR_IO, ERR_NO_MEMORY. The name is valid and new. */
EP_MUST_CHECK enum err pack_add(struct pack_writer *writer, struct str name, struct str bytes,
                                struct fail *fail);
/* The file that was added as number `at` (from 0): its name (valid as long as the writer), size and
 * SHA-256. False: there are no more. */
struct pack_file {
    struct str name;
    uint64_t size;
    struct digest sum;
};
bool pack_added(const struct pack_writer *writer, size_t at, struct pack_file *ret_file);
/* Ends the archive, synced and with its name. */
EP_MUST_CHECK enum err pack_finish(struct pack_writer *writer, struct fail *fail);
/* Also after a failure, when nothing is left of the part. NULL is allowed. */
void pack_writer_close(struct pack_writer *writer);

/* ---- reading ------------------------------------------------------------------------------ */

struct pack;

/* Reads the directory and every header, and nothing of the files. ERR_PACK_INVALID with the file
 * and what is wrong with it; ERR_IO, ERR_NO_MEMORY. */
EP_MUST_CHECK enum err pack_open(struct str path, struct pack **ret_pack, struct fail *fail);
void pack_close(struct pack *pack); /* NULL is allowed */
size_t pack_count(const struct pack *pack);
struct str pack_name(const struct pack *pack, size_t at); /* valid as long as the pack */
uint64_t pack_size(const struct pack *pack, size_t at);   /* unpacked */
/* Its number, or pack_count(). */
size_t pack_find(const struct pack *pack, struct str name);
/* The file's bytes in place of what `out` has; its limit must not be below PACK_FILE_MAX.
 * ERR_PACK_INVALID: they are not what the header says. */
EP_MUST_CHECK enum err pack_read(const struct pack *pack, size_t at, struct buf *out,
                                 struct fail *fail);
