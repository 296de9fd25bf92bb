/*
 * Text between dialects: the inside of a JSON string is looked at, joined and written as it stands;
 * a writer whose failure sticks, for JSON with keys in an order of our own. Not thread-safe.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

/* Writes one thing behind another; the first failure stays, what comes after it is not written. */
struct put {
    struct buf *out;
    enum err err;
};

#define PUT(put, literal) put_str((put), STR(literal))

static inline void put_str(struct put *put, struct str text)
{
    if (put->err == ERR_OK) {
        put->err = buf_append(put->out, text);
    }
}

void put_int(struct put *put, int64_t value);
/* Text in quotes. */
void put_text(struct put *put, struct str text);
/* Text in quotes, or null where it is empty. */
void put_text_or_null(struct put *put, struct str text);
/* Any bytes in quotes, escaped. */
void put_quoted(struct put *put, struct str bytes);
/* Any bytes, escaped, without quotes: JSON becomes text. */
void put_escaped(struct put *put, struct str bytes);

/* The inside of a JSON string; empty for what is none. */
struct str text_of(struct str value);
/* The text of an object's member that is a string; else empty. */
struct str text_get(struct str object, struct str name);
/* Decoded into `arena`, NUL behind it; a lone surrogate is U+FFFD. false: no memory. */
EP_MUST_CHECK bool text_decode(struct str text, struct arena *arena, struct str *ret_bytes);
/* A copy of `bytes` as text. false: no memory. */
EP_MUST_CHECK bool text_encode(struct str bytes, struct arena *arena, struct str *ret_text);
/* Whether an id is made of letters, digits, "_" and "-", one to `max` of them. */
bool text_is_id(struct str text, size_t max);

/*
 * Whether the pieces of text seen so far are one JSON value that has ended: then no more of it can
 * come. Brackets and strings are counted, no more; begin with zeroes.
 */
struct text_scan {
    unsigned depth;
    bool in_string;
    bool escaped;
    bool ended;
};

void text_scan(struct text_scan *scan, struct str text);
