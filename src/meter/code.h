/*
 * Code points of text: reading them, and what stands for bytes that are no UTF-8. Pure.
 *
 * What is broken is counted as Rust and Python replace it: one U+FFFD for each maximal part of a
 * sequence (Unicode 16, section 3.9).
 */
#pragma once

#include "meter/unicode.h"
#include "wire/utf8.h"

/*
 * Of text that begins with what is no character: the bytes that one U+FFFD stands for. 0: it is the
 * beginning of a character whose rest may still come, which is for text that is not over.
 */
size_t code_broken(struct str text, bool over);
/* Where the last character begins of text that is valid and not empty. */
size_t code_last(struct str text);

/* The code point at `at` < `end`, and its length; a byte that begins none is U+FFFD, 1 byte. */
static inline uint32_t code_read(const uint8_t *at, const uint8_t *end, unsigned *ret_length)
{
    uint32_t first = *at;
    if (first < 0x80) {
        *ret_length = 1;
        return first;
    }
    if (end - at >= 4) { /* most of what is not ASCII has three bytes */
        uint32_t word;
        memcpy(&word, at, sizeof(word));
        uint32_t code = (word & 15) << 12 | (word >> 8 & 63) << 6 | (word >> 16 & 63);
        if ((word & 0xC0C0F0) == 0x8080E0 && code >= 0x800 && (code < 0xD800 || code > 0xDFFF)) {
            *ret_length = 3;
            return code;
        }
    }
    unsigned length = (unsigned)utf8_len((const char *)at, (size_t)(end - at));
    *ret_length = length > 0 ? length : 1;
    switch (length) {
    case 2:
        return (first & 31) << 6 | (at[1] & 63U);
    case 3:
        return (first & 15) << 12 | (at[1] & 63U) << 6 | (at[2] & 63U);
    case 4:
        return (first & 7) << 18 | (at[1] & 63U) << 12 | (at[2] & 63U) << 6 | (at[3] & 63U);
    default:
        return UNICODE_REPLACEMENT;
    }
}
