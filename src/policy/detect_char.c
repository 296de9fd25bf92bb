/* Characters as the detectors see them: full-width forms folded, separators known. */
#include "policy/detect_internal.h"
#include "wire/utf8.h"

#define POINT_NONE 0xFFFD /* what is not UTF-8 */

uint32_t detect_point_at(const char *at, const char *end, size_t *ret_len)
{
    ASSERT(at < end);
    const unsigned char *byte = (const unsigned char *)at;
    *ret_len = 1;
    if (byte[0] < 0x80) {
        return byte[0];
    }
    size_t len = utf8_len(at, (size_t)(end - at));
    if (len == 0) {
        return POINT_NONE;
    }
    *ret_len = len;
    uint32_t point = byte[0] & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        point = point << 6 | (byte[i] & 0x3FU);
    }
    return point;
}

/* What ASCII a character stands for, or the character. */
static uint32_t detect_fold(uint32_t point)
{
    if (point >= 0xFF01 && point <= 0xFF5E) {
        return point - 0xFF01 + '!';
    }
    if (point == 0x3000 || point == 0xA0) { /* ideographic and no-break space */
        return ' ';
    }
    if ((point >= 0x2010 && point <= 0x2015) || point == 0x2212) { /* dashes, the minus */
        return '-';
    }
    return point;
}

struct detect_char detect_char_wide(const char *at, const char *end)
{
    size_t len = 0;
    uint32_t point = detect_fold(detect_point_at(at, end, &len));
    char folded = '\0';
    if (point < 0x80) {
        folded = (char)point;
    }
    return (struct detect_char){ detect_kind_of(folded), folded, (uint8_t)len };
}

struct detect_char detect_char_wide_before(const char *begin, const char *at)
{
    ASSERT(begin < at);
    for (ptrdiff_t len = 2; len <= 4 && len <= at - begin; len++) {
        size_t got = 0;
        (void)detect_point_at(at - len, at, &got); /* only its length tells anything */
        if (got == (size_t)len) {
            return detect_char_at(at - len, at);
        }
    }
    return detect_char_at(at - 1, at);
}
