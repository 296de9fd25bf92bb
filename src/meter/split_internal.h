/*
 * What the rules of split.h have in common: a text with its table of classes, and the runs that
 * every one of them knows. Functions on the way of every character are inline here.
 */
#pragma once

#include <string.h>

#include "meter/code.h"
#include "meter/split.h"

#define SPLIT_LETTER (UNICODE_UPPER | UNICODE_LOWER | UNICODE_CASELESS)
#define SPLIT_SPACE  (UNICODE_SPACE | UNICODE_NEWLINE)

struct split_text {
    const uint8_t *end;
    const struct unicode_table *table;
    const uint16_t *ascii; /* the table's first block */
    bool open;             /* the cut was decided by the end, as if the text were over there */
};

const uint8_t *split_cased(struct split_text *text, const struct vocab_split *split,
                           const uint8_t *at);
const uint8_t *split_deepseek(struct split_text *text, const uint8_t *at);
const uint8_t *split_spaces(struct split_text *text, const uint8_t *at);

#define SPLIT_WINDOW 64 /* bytes that split_plain() reads */

/* Of the text from a piece's begin on: bit i is set where the piece before byte i ends, up to the
 * first byte that is not decided here. Not for deepseek and spaces. */
uint64_t split_plain(const struct vocab_split *split, const uint8_t *at);

#define SPLIT_BYTES(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline bool split_is_alpha(uint8_t byte)
{
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

/* The classes of the character at `at` < text->end, and its length. */
static inline unsigned split_class(const struct split_text *text, const uint8_t *at,
                                   unsigned *ret_length)
{
    if (*at < 0x80) {
        *ret_length = 1;
        return text->ascii[*at];
    }
    return unicode_class(text->table, code_read(at, text->end, ret_length));
}

/* The end of the run of U+4E00 to U+9FA5 at `at`. In every version of Unicode these are caseless
 * letters and Han; most of Chinese is made of them, and they need no table to be known. */
static inline const uint8_t *split_ideographs(const struct split_text *text, const uint8_t *at)
{
    while (text->end - at >= 4) {
        uint32_t word;
        memcpy(&word, at, sizeof(word));
        uint32_t above = (__builtin_bswap32(word) >> 8) - 0xE4B880;
        if (above > 0xE9BEA5 - 0xE4B880 || (word & 0xC0C000) != 0x808000) {
            break;
        }
        at += 3;
    }
    return at;
}

/* The end of the run of characters that are in one of the classes of `mask`. */
static inline const uint8_t *split_run(const struct split_text *text, const uint8_t *at,
                                       unsigned mask)
{
    unsigned length;
    at = (mask & (UNICODE_CASELESS | UNICODE_HAN)) != 0 ? split_ideographs(text, at) : at;
    while (at < text->end && (split_class(text, at, &length) & mask) != 0) {
        at += length;
    }
    return at;
}

static inline const uint8_t *split_run_not(const struct split_text *text, const uint8_t *at,
                                           unsigned mask)
{
    unsigned length;
    while (at < text->end && (split_class(text, at, &length) & mask) == 0) {
        at += length;
    }
    return at;
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d): its length, or 0. The long s (U+017F) folds to an s. */
static inline unsigned split_contraction(const struct split_text *text, const uint8_t *at)
{
    if (text->end - at < 2 || *at != '\'') {
        return 0;
    }
    bool third = text->end - at > 2;
    if (at[1] >= 0x80) {
        return third && at[1] == 0xC5 && at[2] == 0xBF ? 3 : 0;
    }
    switch (at[1] | 0x20) {
    case 's':
    case 't':
    case 'm':
    case 'd':
        return 2;
    case 'r':
    case 'v':
        return third && (at[2] | 0x20) == 'e' ? 3 : 0;
    case 'l':
        return third && (at[2] | 0x20) == 'l' ? 3 : 0;
    default:
        return 0;
    }
}

/* \p{N}{1,max}; a number is at `at`. */
static inline const uint8_t *split_number(const struct split_text *text, const uint8_t *at,
                                          unsigned max)
{
    unsigned length;
    for (unsigned i = 0; i < max && at < text->end; i++) {
        if ((split_class(text, at, &length) & UNICODE_NUMBER) == 0) {
            break;
        }
        at += length;
    }
    return at;
}

/* The end of the run of spaces at `at`: code is indented by many. */
static inline const uint8_t *split_blanks(const struct split_text *text, const uint8_t *at)
{
    while (text->end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        word ^= SPLIT_BYTES(' ');
        if (word != 0) {
            return at + __builtin_ctzll(word) / 8;
        }
        at += 8;
    }
    while (at < text->end && *at == ' ') {
        at++;
    }
    return at;
}

/* \s*[\r\n]+|\s+(?!\S)|\s+ ; white space is at `at`. */
static inline const uint8_t *split_white(struct split_text *text, const uint8_t *at)
{
    const uint8_t *newline = NULL; /* the end of the last one */
    const uint8_t *last = at;
    const uint8_t *next = at;
    unsigned length;
    while (next < text->end) {
        if (*next == ' ') {
            next = split_blanks(text, next);
            last = next - 1;
            continue;
        }
        unsigned class = split_class(text, next, &length);
        if ((class & SPLIT_SPACE) == 0) {
            break;
        }
        last = next;
        next += length;
        newline = (class & UNICODE_NEWLINE) != 0 ? next : newline;
    }
    text->open = text->open || next == text->end;
    if (newline != NULL) {
        return newline;
    }
    return next == text->end || last == at ? next : last;
}

/* What cl100k and the cased rules share behind their words: numbers, ' '?[^\s\p{L}\p{N}]+[\r\n]*
 * (with `slash` [\r\n/]*) and white space. No letter is at `at`. */
static inline const uint8_t *split_rest(struct split_text *text, const struct vocab_split *split,
                                        const uint8_t *at)
{
    unsigned length;
    unsigned class = split_class(text, at, &length);
    if ((class & UNICODE_NUMBER) != 0) {
        return split_number(text, at, split->digits_max);
    }
    const uint8_t *next = at;
    if (*at == ' ' && at + 1 < text->end) {
        next = at + 1;
        class = split_class(text, next, &length);
    }
    if ((class & (SPLIT_SPACE | SPLIT_LETTER | UNICODE_NUMBER)) != 0) {
        return split_white(text, at);
    }
    next = split_run_not(text, next + length, SPLIT_SPACE | SPLIT_LETTER | UNICODE_NUMBER);
    while (next < text->end && (*next == '\r' || *next == '\n' || (split->slash && *next == '/'))) {
        next++;
    }
    return next;
}
