#include "meter/code.h"

/* The second byte's range after each first byte: what excludes overlong forms and surrogates. */
static bool code_second_fits(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF;
    case 0xED:
        return second >= 0x80 && second <= 0x9F;
    case 0xF0:
        return second >= 0x90 && second <= 0xBF;
    case 0xF4:
        return second >= 0x80 && second <= 0x8F;
    default:
        return second >= 0x80 && second <= 0xBF;
    }
}

/* By the first byte; 1: none begins so. */
static size_t code_wanted(uint8_t first)
{
    if (first >= 0xC2 && first <= 0xDF) {
        return 2;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        return 3;
    }
    return first >= 0xF0 && first <= 0xF4 ? 4 : 1;
}

size_t code_broken(struct str text, bool over)
{
    ASSERT(text.len > 0 && utf8_len(text.ptr, text.len) == 0);
    const uint8_t *at = (const uint8_t *)text.ptr;
    ASSERT(at[0] >= 0x80);
    size_t wanted = code_wanted(at[0]);
    size_t length = 1;
    while (length < wanted && length < text.len &&
           (length == 1 ? code_second_fits(at[0], at[1]) : (at[length] & 0xC0) == 0x80)) {
        length++;
    }
    ASSERT(length < wanted || wanted == 1);
    return length < wanted && length == text.len && !over ? 0 : length;
}

size_t code_last(struct str text)
{
    ASSERT(text.len > 0);
    size_t at = text.len - 1;
    while (at > 0 && ((uint8_t)text.ptr[at] & 0xC0) == 0x80) {
        at--;
    }
    return at;
}
