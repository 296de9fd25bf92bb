/*
 * Canonical JSON (RFC 8785) as receipts use it: objects with their keys in order, strings, lists,
 * and integers written as strings, so that no reader loses digits. A failure sticks.
 */
#pragma once

#include "base/buf.h"

#define CANON_DEPTH_MAX 4

struct canon {
    struct buf *out;
    enum err err;
    bool comma;
    unsigned depth;
    struct str last_key[CANON_DEPTH_MAX]; /* borrowed: keys are constants */
};

void canon_init(struct canon *canon, struct buf *out);
void canon_open(struct canon *canon, char bracket);
void canon_close(struct canon *canon, char bracket);
/* Keys of an object come in byte order, each once: asserted. `key` is a constant, of which nothing
 * needs an escape. */
void canon_key(struct canon *canon, const char *key);
void canon_str(struct canon *canon, struct str text); /* UTF-8 */
void canon_put_str(struct canon *canon, const char *key, struct str text);
void canon_put_int(struct canon *canon, const char *key, int64_t value);
EP_MUST_CHECK enum err canon_err(const struct canon *canon);
