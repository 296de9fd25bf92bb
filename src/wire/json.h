/*
 * JSON (RFC 8259) as spans of the text: checked whole in one pass, then looked at in place. No
 * tree, no allocation, no copy. UTF-8 is checked; lone surrogate escapes and \u0000 are JSON and
 * pass.
 *
 * A value's span is its text, quotes and brackets included. All functions but json_check(),
 * json_index() and json_string_len() want text that one of these has passed.
 */
#pragma once

#include "base/buf.h"

#define JSON_DEPTH_MAX 128 /* the SDKs' own limit for structured output */

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_fault {
    size_t offset; /* of the first byte that cannot stand there */
    const char *reason;
};

struct json_member {
    struct str key; /* between its quotes, escapes as they stand */
    struct str value;
};

/* One value and white space, nothing else. ERR_JSON_SYNTAX or ERR_JSON_DEPTH with the place. */
EP_MUST_CHECK enum err json_check(struct str text, struct json_fault *ret_fault);
/* The same pass, which also lists the first `max` members of the object that the text must be;
 * *ret_count may be larger than `max`: so many there are. */
EP_MUST_CHECK enum err json_index(struct str text, struct json_member *members, size_t max,
                                  size_t *ret_count, struct json_fault *ret_fault);

/* The length of the string at the front, with its quotes; 0: there is none, or it is not as it must
 * be. What follows is not looked at. */
size_t json_string_len(struct str text);

/* The text without the white space that JSON allows around a value. */
struct str json_trim(struct str text);
enum json_kind json_kind(struct str value);
/* Steps through an object or array: begin with the rest = json_inside(value). False: no more. */
struct str json_inside(struct str value);
bool json_next_member(struct str *rest, struct json_member *ret_member);
bool json_next_item(struct str *rest, struct str *ret_item);
/* The first member of that name, or an empty slice; so for what is no object. White space may stand
 * around the object. */
struct str json_get(struct str object, struct str name);

/*
 * Steps through a value and those inside it without looking at any byte twice: `rest` begins with a
 * value and goes as far as the text. After json_enter(), json_more() is asked before each item or
 * member, until it has taken the closing bracket; of a member json_take_key() comes first; a value
 * is entered in its turn, or taken whole.
 */
void json_enter(struct str *rest); /* an array's or object's */
EP_MUST_CHECK bool json_more(struct str *rest);
struct str json_take_key(struct str *rest); /* between its quotes, escapes as they stand */
struct str json_take(struct str *rest);

/* Whether a key's text, escapes decoded, is `name` (plain ASCII). Most keys are told apart by their
 * first byte. */
bool json_key_equals(struct str key, struct str name);
static inline bool json_key_is(struct str key, struct str name)
{
    bool may_be = key.len > 0 && name.len > 0 && (key.ptr[0] == name.ptr[0] || key.ptr[0] == '\\');
    return may_be ? json_key_equals(key, name) : key.len == name.len && key.len == 0;
}
/* Whether a value is the string `text` (plain ASCII). */
bool json_string_is(struct str value, struct str text);
/* Appends a string's text. false: a lone surrogate, or no room. */
EP_MUST_CHECK bool json_decode(struct str value, struct buf *out);
/* An integer without fraction and exponent, in range. */
EP_MUST_CHECK bool json_i64(struct str value, int64_t *ret_number);
/*
 * Takes the first character of a string's inside (not empty) as UTF-8 to `ret_char` and returns its
 * length there: escapes are decoded, a lone surrogate is U+FFFD.
 */
size_t json_take_char(struct str *rest, char ret_char[4]);
