/*
 * NFC, as the tokenizers that ask for it have it: by the table's UNSTABLE bit, which knows the
 * characters of the normalizer's Unicode version, so that a younger mark stays where it stands.
 *
 * Nearly all text is in NFC, and nearly all characters cannot be changed by it or by what follows:
 * they are passed over in place. Only a stable character with the unstable ones behind it is taken
 * apart, put in order and put together. Linear in the text, whatever stands in it.
 *
 * A run of more than NFC_RUN_MAX characters that belong together (no language has over 30) is
 * normalized in parts of so many, each for itself.
 */
#pragma once

#include "base/str.h"
#include "meter/unicode.h"

#define NFC_RUN_MAX ((size_t)64 << 10)
#define NFC_GROWTH  3 /* NFC makes no text more than so many times as long in bytes */

struct nfc; /* a thread's scratch */

/* The table must outlive it. */
EP_MUST_CHECK enum err nfc_create(const struct unicode_table *table, struct nfc **ret_nfc);
void nfc_destroy(struct nfc *nfc); /* NULL is allowed */

struct nfc_change {
    size_t start;    /* up to here the text stays as it is */
    size_t end;      /* equal to start: there is no change; what is behind is open */
    struct str text; /* what stands for it; valid until the next call */
};

/*
 * The next change at or behind `at` <= text.len, which must be where a text begins or the end of
 * the change before. `text` is valid UTF-8; with `over` false it goes on, and what could still
 * change stays open. ERR_NO_MEMORY: only for runs of over 256 characters.
 */
EP_MUST_CHECK enum err nfc_next(struct nfc *nfc, struct str text, size_t at, bool over,
                                struct nfc_change *ret_change);
