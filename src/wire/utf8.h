/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF. In a header
 * because the scan of a prompt that is not English spends its time here.
 */
#pragma once

#include <string.h>

#include "base/str.h"

/* The length of the sequence at the front, of two bytes or more, or 0. `room` >= 1. */
static inline size_t utf8_len(const char *text, size_t room)
{
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] >= 0xC2 && at[0] <= 0xDF) {
        return room >= 2 && (at[1] & 0xC0) == 0x80 ? 2 : 0;
    }
    if ((at[0] & 0xF0) == 0xE0) {
        bool tail = room >= 3 && (at[1] & 0xC0) == 0x80 && (at[2] & 0xC0) == 0x80;
        bool overlong = at[0] == 0xE0 && tail && at[1] < 0xA0;
        bool surrogate = at[0] == 0xED && tail && at[1] >= 0xA0;
        return tail && !overlong && !surrogate ? 3 : 0;
    }
    if (at[0] >= 0xF0 && at[0] <= 0xF4) {
        bool tail =
            room >= 4 && (at[1] & 0xC0) == 0x80 && (at[2] & 0xC0) == 0x80 && (at[3] & 0xC0) == 0x80;
        bool overlong = at[0] == 0xF0 && tail && at[1] < 0x90;
        bool beyond = at[0] == 0xF4 && tail && at[1] >= 0x90;
        return tail && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

/* Steps over sequences of two bytes or more; stops at the first byte that begins none. */
static inline const char *utf8_run(const char *at, const char *end)
{
    while (at < end && (unsigned char)*at >= 0x80) {
        uint32_t word = 0;
        while (end - at >= 4) { /* most of what is not ASCII has three bytes, and is not E0 or ED */
            memcpy(&word, at, sizeof(word));
            uint32_t special = (1U << 0x0 | 1U << 0xD) >> (word & 0xF) & 1;
            if ((((word & 0xC0C0F0) ^ 0x8080E0) | special) != 0) {
                break;
            }
            at += 3;
        }
        if (at == end || (unsigned char)*at < 0x80) {
            break;
        }
        size_t len = utf8_len(at, (size_t)(end - at));
        if (len == 0) {
            return at;
        }
        at += len;
    }
    return at;
}

/* The offset of the first byte that is not UTF-8, or text.len. */
static inline size_t utf8_valid(struct str text)
{
    const char *start = text.len > 0 ? text.ptr : "";
    const char *at = start;
    const char *end = start + text.len;
    while (at < end) {
        uint64_t word = 0;
        while (end - at >= 8) { /* most text is ASCII */
            memcpy(&word, at, sizeof(word));
            word &= UINT64_C(0x8080808080808080);
            if (word != 0) {
                at += __builtin_ctzll(word) / 8;
                break;
            }
            at += sizeof(word);
        }
        if (at == end || (unsigned char)*at < 0x80) {
            at += at < end;
            continue;
        }
        const char *next = utf8_run(at, end);
        if (next == at) {
            break;
        }
        at = next;
    }
    return (size_t)(at - start);
}

/* A code point below 0x110000 as UTF-8; its length. A surrogate is written as any other. */
static inline size_t utf8_put(uint32_t point, char ret_char[4])
{
    if (point < 0x80) {
        ret_char[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        ret_char[0] = (char)(0xC0 | point >> 6);
        ret_char[1] = (char)(0x80 | (point & 63));
        return 2;
    }
    if (point < 0x10000) {
        ret_char[0] = (char)(0xE0 | point >> 12);
        ret_char[1] = (char)(0x80 | (point >> 6 & 63));
        ret_char[2] = (char)(0x80 | (point & 63));
        return 3;
    }
    ret_char[0] = (char)(0xF0 | point >> 18);
    ret_char[1] = (char)(0x80 | (point >> 12 & 63));
    ret_char[2] = (char)(0x80 | (point >> 6 & 63));
    ret_char[3] = (char)(0x80 | (point & 63));
    return 4;
}

/* Puts '?' in the place of bytes that are no UTF-8, as where a text was cut off inside a character,
 * and of control characters: what others have sent is shown on a line, and in JSON. */
static inline void utf8_mend(char *text)
{
    size_t at = 0;
    while ((at += utf8_valid(str_from(text + at))) < strlen(text)) {
        text[at] = '?';
    }
    for (; *text != '\0'; text++) {
        *text = (unsigned char)*text < 0x20 || *text == 0x7F ? '?' : *text;
    }
}
