/*
 * Secrets: bytes that are locked into memory where the system allows it, never printed, and wiped
 * when they end. References ("env:NAME", "file:PATH") are resolved here and nowhere else.
 */
#pragma once

#include "base/str.h"

#define SECRET_BYTES_MAX 65536 /* a PEM file with a long chain */

struct secret {
    char *ptr; /* NULL: empty */
    size_t len;
};

/* A copy; `text` stays the caller's to wipe. */
EP_MUST_CHECK enum err secret_from(struct str text, struct secret *ret_secret);
/* "env:NAME" or "file:PATH" (relative to `base_dir`); one trailing line end is dropped. Refuses a
 * file that others may read (mode & 077), an unset variable, an empty value. */
EP_MUST_CHECK enum err secret_load(struct str reference, struct str base_dir,
                                   struct secret *ret_secret, struct fail *fail);
void secret_fini(struct secret *secret); /* wipes; allowed when empty */
/* Borrowed; must not be copied or logged. */
struct str secret_str(const struct secret *secret);
void secret_wipe(void *bytes, size_t len); /* not optimised away */
