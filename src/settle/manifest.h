/*
 * What a pack holds, and who says so. "manifest.sha256" has a line for each other file, by name, as
 * sha256sum prints and checks them; "manifest.note" is a signed note of the log's key over
 *
 *   entrepot-evidence/v1 LF origin LF client LF from LF until LF
 *   hex(SHA-256 of manifest.sha256) LF number of its lines LF
 *
 * a text that no checkpoint and no other promise of that key can have. Pure.
 */
#pragma once

#include "settle/pack.h"
#include "tlog/note.h"

#define MANIFEST_FILES     "manifest.sha256"
#define MANIFEST_NOTE      "manifest.note"
#define MANIFEST_FIRST     "entrepot-evidence/v1"
#define MANIFEST_BYTES_MAX ((size_t)PACK_FILES_MAX * (PACK_NAME_MAX + 67))

/* The lines of a pack's files, by name. */
EP_MUST_CHECK enum err manifest_print(const struct pack_writer *writer, struct buf *out);

/* The next line; false at the end. ERR_PACK_INVALID with the line: not in this form, or not in
 * order. `last` is the name of the line before. */
struct manifest_line {
    struct str name; /* borrowed */
    struct digest sum;
};
EP_MUST_CHECK enum err manifest_next(struct str *rest, struct str last,
                                     struct manifest_line *ret_line, struct fail *fail);

struct manifest_head {
    struct str origin;
    struct str client;
    struct str from; /* RFC 3339 */
    struct str until;
    struct digest sum; /* of the lines */
    int64_t files;
};
EP_MUST_CHECK enum err manifest_sign(const struct manifest_head *head, const struct note_key *key,
                                     const struct sign_key *secret, struct buf *out);
/* Under the key's signature, or ERR_NOTE_FORGED; ERR_NOTE_INVALID: no such note. Borrows `note`. */
EP_MUST_CHECK enum err manifest_open(struct str note, const struct note_key *key,
                                     struct manifest_head *ret_head, struct fail *fail);
