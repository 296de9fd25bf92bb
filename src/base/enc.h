/*
 * Bytes as text: hexadecimal, base64 (RFC 4648, padded) and base32 (Crockford's digits in lower
 * case: no i, l, o, u, so that an id read aloud comes back the same).
 */
#pragma once

#include "base/buf.h"

EP_MUST_CHECK enum err enc_hex(struct buf *out, const void *bytes, size_t len);
EP_MUST_CHECK enum err enc_base64(struct buf *out, const void *bytes, size_t len);
/* Exactly `len` bytes must come out, else false. Upper and lower case alike. */
EP_MUST_CHECK bool enc_hex_read(struct str text, void *ret_bytes, size_t len);
/* Strict: padding required, no white space, unused bits zero. Appends to `out`. */
EP_MUST_CHECK bool enc_base64_read(struct buf *out, struct str text);

/* How many bytes at the front stand in a JSON string as they are: no control, quote, backslash. */
size_t enc_json_plain(struct str text);

extern const char enc_base32_digits[33];
/* The value of a digit (upper or lower case), or -1. */
int enc_base32_value(char digit);
