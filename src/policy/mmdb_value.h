/*
 * Values of the MaxMind DB format (2.0, "Data Field Format"): what records and the description of a
 * file are made of. Bounds are checked at every step, nothing recurses, and what one record makes
 * a reader walk over is limited, so that no file can keep it busy. Inside the room only.
 */
#pragma once

#include "base/str.h"

#define MMDB_WALK_MAX  ((size_t)64 * 1024) /* bytes of one record: a city's is 1 to 2 KiB */
#define MMDB_PAIRS_MAX 1024U               /* of one map: 30 are many */

enum mmdb_type {
    MMDB_POINTER = 1,
    MMDB_TEXT = 2,
    MMDB_DOUBLE = 3,
    MMDB_BYTES = 4,
    MMDB_U16 = 5,
    MMDB_U32 = 6,
    MMDB_MAP = 7,
    MMDB_I32 = 8,
    MMDB_U64 = 9,
    MMDB_U128 = 10,
    MMDB_ARRAY = 11,
    MMDB_BOOL = 14,
    MMDB_FLOAT = 15
};

enum mmdb_found {
    MMDB_FOUND,
    MMDB_ABSENT, /* no such key, or no map where one would have to be */
    MMDB_DAMAGED
};

struct mmdb_value {
    enum mmdb_type type;
    uint32_t count;   /* pairs of a map, items of an array */
    struct str bytes; /* of all others; a number's, big-endian; none of a bool */
    size_t inside;    /* of a map or array: where its first value begins */
};

/* The value at `at` of `section`; a pointer is followed. */
EP_MUST_CHECK bool mmdb_value_read(struct str section, size_t at, struct mmdb_value *ret_value);
/* The value of `key` in the map `map`. */
EP_MUST_CHECK enum mmdb_found mmdb_value_get(struct str section, const struct mmdb_value *map,
                                             struct str key, struct mmdb_value *ret_value);
/* An unsigned number of at most 64 bits; false: it is none. */
EP_MUST_CHECK bool mmdb_value_number(const struct mmdb_value *value, uint64_t *ret_number);
