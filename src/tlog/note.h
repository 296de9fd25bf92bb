/*
 * Signed notes (c2sp.org/signed-note@v1.0.0) and cosignatures (c2sp.org/tlog-cosignature): a text,
 * an empty line, and a line for each signature. A key is known by its name and its id,
 * SHA-256(name || 0x0A || algorithm || public key)[:4]; lines of other keys are ignored, a line of
 * a known key that does not hold makes the whole note a forgery.
 *
 * Pure. Threads: any.
 */
#pragma once

#include "base/buf.h"
#include "crypto/sign.h"

#define NOTE_BYTES_MAX      65536 /* text and signatures; checkpoints are a few hundred bytes */
#define NOTE_NAME_MAX       255
#define NOTE_SIGNATURES_MAX 100 /* Go's reader stops here, too */
#define NOTE_VKEY_MAX       2400 /* an ML-DSA-44 key has 1312 bytes */

/* The byte in front of the public key. A row of the table in note.c each. */
enum note_algorithm {
    NOTE_ED25519 = 0x01,     /* over the text: logs */
    NOTE_COSIGNATURE = 0x04, /* Ed25519 over "cosignature/v1", a time, and the text: witnesses */
    NOTE_ML_DSA_44 = 0x06    /* read and shown; signatures of it are not checked yet */
};

struct note_key {
    char name[NOTE_NAME_MAX + 1];
    uint32_t id;
    enum note_algorithm algorithm;
    unsigned char public_key[SIGN_PUBLIC_BYTES]; /* of the Ed25519 ones */
};

/* Not empty, UTF-8 without white space (Unicode's), control characters and '+'. */
bool note_name_valid(struct str name);
/* ERR_NOTE_INVALID with what is wrong: a bad name, an id that is not the key's, a weak key, an
 * algorithm that is not known. */
EP_MUST_CHECK enum err note_key_make(struct str name, enum note_algorithm algorithm,
                                     const unsigned char public_key[SIGN_PUBLIC_BYTES],
                                     struct note_key *ret_key, struct fail *fail);
EP_MUST_CHECK enum err note_key_parse(struct str vkey, struct note_key *ret_key,
                                      struct fail *fail);
EP_MUST_CHECK enum err note_key_print(const struct note_key *key, struct buf *out); /* vkey */

struct note {
    struct str text;       /* with its last line feed */
    struct str signatures; /* the lines */
};

/* Borrows `bytes`. The form alone is checked, of every line: ERR_NOTE_INVALID. */
EP_MUST_CHECK enum err note_parse(struct str bytes, struct note *ret_note, struct fail *fail);

enum note_verdict {
    NOTE_UNSIGNED, /* no line of this key */
    NOTE_SIGNED,
    NOTE_FORGED /* a line of this key that does not hold */
};

/* *ret_time: of a cosignature, Unix seconds; NULL is allowed. */
enum note_verdict note_check(const struct note *note, const struct note_key *key,
                             int64_t *ret_time);

struct note_line {
    struct str name;
    uint32_t id;
    struct str line; /* with its line feed */
};
/* The next signature's line of *rest (first: note.signatures); false at the end. */
bool note_next_line(struct str *rest, struct note_line *ret_line);

/* Appends the line of a signature over `text`; `time_s` counts for NOTE_COSIGNATURE alone. */
EP_MUST_CHECK enum err note_sign(struct str text, const struct note_key *key,
                                 const struct sign_key *secret, int64_t time_s, struct buf *out);
