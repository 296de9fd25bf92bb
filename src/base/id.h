/*
 * 128-bit identifiers, made by the node, ordered by time: 48 bits of milliseconds, 16 bits of node,
 * 64 random bits. Shown as a prefix and 26 lower-case base32 digits: "call_01jd...".
 */
#pragma once

#include "base/buf.h"

#define ID_BYTES      16
#define ID_TEXT_LEN   26 /* 130 bits for 128; the first digit is 0..7 */
#define ID_PREFIX_MAX 8
#define ID_SHOWN_MAX  (ID_PREFIX_MAX + ID_TEXT_LEN)

struct id {
    unsigned char bytes[ID_BYTES];
};

/* wall_ns >= 0; `random` comes from crypto_random(). */
struct id id_make(int64_t wall_ns, uint16_t node, uint64_t random);
bool id_eq(struct id a, struct id b);
bool id_is_zero(struct id id);
/* Milliseconds since 1970 at which it was made. */
int64_t id_made_ms(struct id id);
/* "call_" + 26 digits. The prefix has at most ID_PREFIX_MAX bytes. */
EP_MUST_CHECK enum err id_print(struct buf *out, struct str prefix, struct id id);
/* Reads what id_print() wrote, with exactly this prefix. */
EP_MUST_CHECK bool id_parse(struct str text, struct str prefix, struct id *ret_id);
/* The sixteen bytes as a slice, for a map's key or a column; valid as long as `id`. */
struct str id_str(const struct id *id);
