/*
 * A JSON value of a request as a chat template writes it: Python's json.dumps() with
 * ensure_ascii=False, keys in their order. Made piece by piece from the text as it stands, with no
 * copy of it; the value may itself stand inside a JSON string (a tool call's arguments).
 *
 * `exact` is given up where Python's result is not known: a number that Python writes otherwise
 * (1e5, 1.50), a key that stands twice, text in a string that is no JSON (which goes out as it is
 * from there on).
 */
#pragma once

#include "base/str.h"
#include "wire/json.h"

enum tojson_style {
    TOJSON_SPACED,  /* {"a": 1, "b": [2, 3]} */
    TOJSON_COMPACT, /* {"a":1,"b":[2,3]} */
    TOJSON_INDENT   /* by four spaces */
};

/* Members of the outermost object, each in marks of its own; strings among the values as text. */
struct tojson_wrap {
    struct str key_open; /* marks: a token where the vocabulary has one */
    struct str key_close;
    struct str between; /* text */
    struct str value_open;
    struct str value_close;
    struct str behind; /* text */
};

struct tojson_run {
    bool mark;
    struct str text; /* valid until the next call */
};

#define TOJSON_KEYS_MAX 512 /* of all objects open at a place; beyond that: not exact */
#define TOJSON_OUT      512 /* bytes a run */
#define TOJSON_NUMBER   32  /* bytes; a longer number is as good as no JSON */

enum tojson_want {
    TOJSON_WANT_VALUE,
    TOJSON_WANT_FIRST, /* a value or the array's end */
    TOJSON_WANT_KEY,
    TOJSON_WANT_FIRST_KEY,
    TOJSON_WANT_COLON,
    TOJSON_WANT_COMMA,
    TOJSON_WANT_END
};

struct tojson {
    struct str rest;
    const struct tojson_wrap *wrap;
    enum tojson_style style;
    enum tojson_want want;
    bool embedded; /* inside a JSON string */
    bool exact;
    bool broken;    /* no JSON: the rest goes out as it is */
    bool in_string; /* and whether it is a key, or bare text of a wrapped value */
    bool in_key;
    bool bare;
    uint32_t high; /* half of a surrogate pair, or 0 */
    uint32_t hash; /* of the key so far */
    unsigned depth;
    uint64_t objects[JSON_DEPTH_MAX / 64 + 1]; /* a bit a level: an object is open there */
    uint16_t keys_at[JSON_DEPTH_MAX + 1];      /* where a level's keys begin in `keys` */
    uint16_t key_count;
    uint32_t keys[TOJSON_KEYS_MAX];
    char byte[4]; /* the character at hand */
    uint8_t byte_at;
    uint8_t byte_len;
    uint8_t number_len; /* of the scalar at hand */
    char number[TOJSON_NUMBER];
    uint8_t queue_at;
    uint8_t queue_len;
    struct tojson_run queue[6]; /* what goes out before anything is read */
    unsigned pad;               /* spaces that go out before anything else */
    size_t out_len;
    char out[TOJSON_OUT];
};

/* `json`: a checked value; `embedded`: the inside of a checked JSON string. `wrap` may be NULL. */
void tojson_begin(struct tojson *tojson, struct str json, bool embedded, enum tojson_style style,
                  const struct tojson_wrap *wrap);
/* false: all is out, and tojson->exact holds. */
bool tojson_next(struct tojson *tojson, struct tojson_run *ret_run);
/* Whether the inside of a string is JSON; reads all of it. `tojson` is scratch. */
bool tojson_is_json(struct tojson *tojson, struct str span);
