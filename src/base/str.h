/*
 * Borrowed bytes: a pointer and a length, passed by value. Not owned, not NUL-terminated, may hold
 * any byte. Whoever returns one states how long it lives.
 */
#pragma once

#include "base/err.h"

struct str {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_INIT(literal)               \
    {                                   \
        "" literal, sizeof(literal) - 1 \
    }
#define STR_EMPTY     ((struct str){ NULL, 0 })
#define STR_FMT       "%.*s"
#define STR_ARG(text) (int)(text).len, (text).len > 0 ? (text).ptr : ""

struct str str_from(const char *text); /* NUL-terminated, or NULL for empty */
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
int str_cmp(struct str a, struct str b);        /* byte order, as memcmp */
bool str_starts(struct str text, struct str prefix);
bool str_ends(struct str text, struct str suffix);
bool str_starts_nocase(struct str text, struct str prefix);
/* Index of the first `byte`, or text.len. */
size_t str_find(struct str text, char byte);
/* Index of the first `part`, or text.len. */
size_t str_search(struct str text, struct str part);
/* From `start` to the end; from `start` up to `end`. Bounds are the caller's to keep. */
struct str str_from_at(struct str text, size_t start);
struct str str_slice(struct str text, size_t start, size_t end);
/* Takes what is before the first `byte` and leaves what is behind it; all if there is none. */
struct str str_cut(struct str *rest, char byte);
struct str str_trim(struct str text); /* spaces and tabs at both ends */

/* Decimal digits only, the whole text, no sign, no overflow. */
EP_MUST_CHECK bool str_to_u64(struct str text, uint64_t *ret_value);
/* As above with an optional leading '-'. */
EP_MUST_CHECK bool str_to_i64(struct str text, int64_t *ret_value);
