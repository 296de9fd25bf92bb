/*
 * DeepSeek V3: three splits in sequence, each of which works inside the pieces of the one before
 * and takes their ends for the ends of the text; what no alternative takes is a piece as well.
 *
 *   1  \p{N}{1,3}
 *   2  [一-龥぀-ゟ゠-ヿ]+
 *   3  [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+ | [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+ |
 *      ' '?[\p{P}\p{S}]+[\r\n]* | \s*[\r\n]+ | \s+(?!\S) | \s+
 *
 * A segment of the third split is thus a run of the second's characters, or a run of characters
 * that are neither numbers nor those. Which of them is seen at any of its characters, so nothing
 * has to be remembered from piece to piece.
 */
#include "meter/split_internal.h"

#define DEEPSEEK_WORD    (SPLIT_LETTER | UNICODE_MARK)
#define DEEPSEEK_OUTSIDE (1U << 16) /* of the segment; above all classes */

static bool deepseek_is_east(uint32_t code)
{
    return (code >= 0x4E00 && code <= 0x9FA5) || (code >= 0x3040 && code <= 0x30FF);
}

/* As split_class(), for a segment of the second split's characters or of others. */
static inline unsigned deepseek_class(const struct split_text *text, const uint8_t *at, bool east,
                                      unsigned *ret_length)
{
    if (*at < 0x80) {
        *ret_length = 1;
        unsigned class = text->ascii[*at];
        return east || (class & UNICODE_NUMBER) != 0 ? DEEPSEEK_OUTSIDE : class;
    }
    uint32_t code = code_read(at, text->end, ret_length);
    unsigned class = unicode_class(text->table, code);
    if (deepseek_is_east(code) != east || (class & UNICODE_NUMBER) != 0) {
        return DEEPSEEK_OUTSIDE;
    }
    return class;
}

static const uint8_t *deepseek_run(const struct split_text *text, const uint8_t *at, bool east,
                                   unsigned mask)
{
    unsigned length;
    while (at < text->end && (deepseek_class(text, at, east, &length) & mask) != 0) {
        at += length;
    }
    return at;
}

/* White space: as split_white(), but it ends where its segment does. */
static const uint8_t *deepseek_white(struct split_text *text, const uint8_t *at)
{
    const uint8_t *next = split_run(text, at, SPLIT_SPACE);
    unsigned length;
    bool outside =
        next < text->end && (deepseek_class(text, next, false, &length) & DEEPSEEK_OUTSIDE) != 0;
    if (!outside) {
        return split_white(text, at);
    }
    struct split_text segment = *text;
    segment.end = next;
    return split_white(&segment, at);
}

/* A piece of the third split; NULL: no alternative matches at `at`. */
static const uint8_t *deepseek_third(struct split_text *text, const uint8_t *at, bool east)
{
    unsigned length;
    unsigned second_length;
    unsigned class = deepseek_class(text, at, east, &length);
    ASSERT((class & DEEPSEEK_OUTSIDE) == 0);
    const uint8_t *next = at + length;
    unsigned second =
        next < text->end ? deepseek_class(text, next, east, &second_length) : DEEPSEEK_OUTSIDE;
    if ((class & UNICODE_PUNCTUATION) != 0 && *at < 0x80 && next < text->end &&
        split_is_alpha(*next)) {
        while (next < text->end && split_is_alpha(*next)) {
            next++;
        }
        return next;
    }
    bool before = (class & (UNICODE_NEWLINE | SPLIT_LETTER | UNICODE_PUNCTUATION)) == 0;
    if ((class & DEEPSEEK_WORD) != 0 || (before && (second & DEEPSEEK_WORD) != 0)) {
        return deepseek_run(text, next, east, DEEPSEEK_WORD);
    }
    bool spaced = *at == ' ' && (second & UNICODE_PUNCTUATION) != 0;
    if (spaced || (class & UNICODE_PUNCTUATION) != 0) {
        next = deepseek_run(text, next, east, UNICODE_PUNCTUATION);
        return deepseek_run(text, next, east, UNICODE_NEWLINE);
    }
    return (class & SPLIT_SPACE) != 0 ? deepseek_white(text, at) : NULL;
}

const uint8_t *split_deepseek(struct split_text *text, const uint8_t *at)
{
    unsigned length;
    uint32_t code = code_read(at, text->end, &length);
    if ((unicode_class(text->table, code) & UNICODE_NUMBER) != 0) {
        return split_number(text, at, 3);
    }
    bool east = deepseek_is_east(code);
    const uint8_t *next = deepseek_third(text, at, east);
    if (next != NULL) {
        return next;
    }
    for (next = at + length; next < text->end; next += length) {
        if ((deepseek_class(text, next, east, &length) & DEEPSEEK_OUTSIDE) != 0 ||
            deepseek_third(text, next, east) != NULL) {
            break;
        }
    }
    return next;
}
