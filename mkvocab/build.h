/*
 * From a vocabulary's source to its file: which tokens merges reach and in what order, the tables
 * that counting looks up, and the file itself (meter/vocab_internal.h).
 */
#pragma once

#include "base/buf.h"
#include "source.h"

#define BUILD_FILE_MAX ((size_t)64 << 20)

/*
 * The vocabulary file's bytes, into `out` (empty, of at least BUILD_FILE_MAX). `classes` is what
 * tools/unicode_table.mjs writes. ERR_VOCAB: the source contradicts itself or does not fit;
 * ERR_NO_MEMORY.
 */
EP_MUST_CHECK enum err build_vocab(const struct source *source, struct str classes, struct buf *out,
                                   struct fail *fail);
/* `path` holds all of `bytes` or what it held before, also after a crash. ERR_IO. */
EP_MUST_CHECK enum err build_write(const char *path, struct str bytes, struct fail *fail);
