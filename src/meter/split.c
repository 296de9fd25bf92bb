#include "meter/split.h"

#include "meter/split_internal.h"

#define SPLIT_MANY 8 /* pieces: for less it is not worth to look at a window */

static const uint8_t *split_cl100k(struct split_text *text, const struct vocab_split *split,
                                   const uint8_t *at)
{
    unsigned contraction = split_contraction(text, at);
    if (contraction > 0) {
        return at + contraction;
    }
    unsigned length;
    unsigned class = split_class(text, at, &length);
    if ((class & SPLIT_LETTER) != 0) {
        return split_run(text, at + length, SPLIT_LETTER);
    }
    const uint8_t *next = at + length;
    if ((class & (UNICODE_NEWLINE | UNICODE_NUMBER)) == 0 && next < text->end) {
        const uint8_t *word = split_run(text, next, SPLIT_LETTER);
        if (word > next) {
            return word;
        }
    }
    return split_rest(text, split, at);
}

/* The end without the beginning of a character whose rest may still come. */
static const uint8_t *split_whole_end(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *last = end - 1;
    for (int i = 0; i < 3 && last > at && (*last & 0xC0) == 0x80; i++) {
        last--;
    }
    if (*last < 0x80) {
        return end;
    }
    struct str part = { (const char *)last, (size_t)(end - last) };
    return utf8_len(part.ptr, part.len) == 0 && code_broken(part, false) == 0 ? last : end;
}

/* The end of the piece at `at`, which is before the text's. */
static inline const uint8_t *split_piece(struct split_text *text, const struct vocab_split *split,
                                         const uint8_t *at)
{
    switch (split->rule) {
    case VOCAB_RULE_CL100K:
        return split_cl100k(text, split, at);
    case VOCAB_RULE_O200K:
    case VOCAB_RULE_TEKKEN:
    case VOCAB_RULE_KIMI:
        return split_cased(text, split, at);
    case VOCAB_RULE_DEEPSEEK:
        return split_deepseek(text, at);
    case VOCAB_RULE_SPACES:
        return split_spaces(text, at);
    case VOCAB_RULE_COUNT:
        break;
    }
    return at;
}

/* Whether it pays to look at many bytes at once: a piece is not all that is wanted, and not even
 * the first bytes are other than ASCII. */
static inline bool split_is_plain(const struct split_text *text, const struct vocab_split *split,
                                  const uint8_t *at, size_t room)
{
    if (room < SPLIT_MANY || text->end - at < SPLIT_WINDOW + SPLIT_AHEAD ||
        split->rule == VOCAB_RULE_DEEPSEEK || split->rule == VOCAB_RULE_SPACES) {
        return false;
    }
    uint64_t words[2];
    memcpy(words, at, sizeof(words));
    return ((words[0] | words[1]) & SPLIT_BYTES(0x80)) == 0;
}

/* Takes the ends that are set in `bits`, byte 0 of which is at `from`; how many, `max` at most. */
static inline size_t split_take(uint64_t bits, size_t from, size_t *ends, size_t max)
{
    size_t count = 0;
    while (bits != 0 && count < max) {
        ends[count++] = from + (size_t)__builtin_ctzll(bits);
        bits &= bits - 1;
    }
    return count;
}

size_t split_ends(const struct vocab_split *split, const struct unicode_table *unicode,
                  struct str text, bool over, size_t *ends, size_t max)
{
    ASSERT(text.len > 0 && max > 0);
    ASSERT(split->digits_max > 0 || split->rule == VOCAB_RULE_SPACES);
    const uint8_t *begin = (const uint8_t *)text.ptr;
    struct split_text all = {
        .end = over ? begin + text.len : split_whole_end(begin, begin + text.len),
        .table = unicode,
        .ascii = unicode->blocks + (size_t)unicode->index[0] * UNICODE_BLOCK_SIZE,
    };
    const uint8_t *at = begin;
    size_t count = 0;
    while (count < max && at < all.end) {
        if (split_is_plain(&all, split, at, max - count)) {
            size_t plain =
                split_take(split_plain(split, at), (size_t)(at - begin), ends + count, max - count);
            if (plain > 0) {
                count += plain;
                at = begin + ends[count - 1];
                continue;
            }
        }
        const uint8_t *next = split_piece(&all, split, at);
        ASSERT(next > at && next <= all.end);
        if (!over && (all.open || all.end - next < SPLIT_AHEAD)) {
            break;
        }
        ends[count++] = (size_t)(next - begin);
        at = next;
    }
    return count;
}

size_t split_next(const struct vocab_split *split, const struct unicode_table *unicode,
                  struct str text, size_t at, bool over)
{
    size_t end = 0;
    ASSERT(at < text.len);
    return split_ends(split, unicode, str_from_at(text, at), over, &end, 1) > 0 ? at + end : 0;
}
