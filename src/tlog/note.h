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
#define NOTE_SIGNATURES_MAX 100  /* Go's reader stops here, too */
#define NOTE_PUBLIC_MAX     1312 /* an ML-DSA-44 key */
#define NOTE_VKEY_MAX       2400 /* a name, an id, and such a key in base64 */
#define NOTE_SIGNATURE_MAX  8192 /* decoded; post-quantum ones have up to nearly 5,000 bytes */
#define NOTE_COSIGNED_MAX   4096 /* bytes of text a cosignature is checked over: a checkpoint */

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
    unsigned char public_key[NOTE_PUBLIC_MAX]; /* its first SIGN_PUBLIC_BYTES: Ed25519 */
};

/* 1 .. NOTE_NAME_MAX bytes, UTF-8 without white space (Unicode's), control characters and '+'. */
bool note_name_valid(struct str name);
/* Of the Ed25519 algorithms. ERR_NOTE_INVALID with what is wrong: a bad name, a weak key. */
EP_MUST_CHECK enum err note_key_make(struct str name, enum note_algorithm algorithm,
                                     const unsigned char public_key[SIGN_PUBLIC_BYTES],
                                     struct note_key *ret_key, struct fail *fail);
/* ERR_NOTE_INVALID as above, and for an id that is not the key's, an algorithm that is not known,
 * a key that is too long or too short, and anything that note_key_print() would not print. */
EP_MUST_CHECK enum err note_key_parse(struct str vkey, struct note_key *ret_key, struct fail *fail);
EP_MUST_CHECK enum err note_key_print(const struct note_key *key, struct buf *out); /* vkey */

struct note {
    struct str text;       /* with its last line feed */
    struct str signatures; /* the lines */
};

/* Whether both are of one public key, whatever their names and algorithms. */
bool note_key_same(const struct note_key *a, const struct note_key *b);

/* Borrows `bytes`. The form alone is checked, of every line: ERR_NOTE_INVALID. */
EP_MUST_CHECK enum err note_parse(struct str bytes, struct note *ret_note, struct fail *fail);

enum note_verdict {
    NOTE_UNSIGNED, /* no line of this key, or a key whose signatures are not checked yet */
    NOTE_SIGNED,
    NOTE_FORGED /* a line of this key that does not hold, whatever others do */
};

/* *ret_time: of a cosignature, Unix seconds (the last one, if there are more), otherwise 0; written
 * with NOTE_SIGNED alone. NULL is allowed. */
enum note_verdict note_check(const struct note *note, const struct note_key *key,
                             int64_t *ret_time);

struct note_line {
    struct str name;
    uint32_t id;
    struct str line; /* with its line feed */
};
/* The next signature's line of *rest (first: note.signatures); false at the end, or, with *rest not
 * empty then, where a line is none: never in a note that was parsed. */
bool note_next_line(struct str *rest, struct note_line *ret_line);

/* Appends the line of a signature over `text`, which ends with a line feed; `time_s` counts for
 * NOTE_COSIGNATURE alone. `secret` is `key`'s, of an Ed25519 algorithm. */
EP_MUST_CHECK enum err note_sign(struct str text, const struct note_key *key,
                                 const struct sign_key *secret, int64_t time_s, struct buf *out);
