/*
 * The cased rules. O, which is o200k:
 *
 *   [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|...)? |
 *   [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|...)? |
 *   \p{N}{1,3} | ' '?[^\s\p{L}\p{N}]+[\r\n/]* | \s*[\r\n]+ | \s+(?!\S) | \s+
 *
 * tekken is O without the contractions and with single numbers. kimi is [\p{Han}]+ first, then O
 * with Han (a script: also numbers, marks and symbols) taken out of both sets of letters.
 */
#include "meter/split_internal.h"

#define CASED_UPPER (UNICODE_UPPER | UNICODE_CASELESS | UNICODE_MARK)
#define CASED_LOWER (UNICODE_LOWER | UNICODE_CASELESS | UNICODE_MARK)

/* The classes as kimi sees them: Han is in none that makes a word. */
static inline unsigned cased_class(const struct split_text *text, const uint8_t *at, bool han,
                                   unsigned *ret_length)
{
    unsigned class = split_class(text, at, ret_length);
    if (han && (class & UNICODE_HAN) != 0) {
        class &= ~(unsigned)(SPLIT_LETTER | UNICODE_MARK);
    }
    return class;
}

/*
 * The words of both alternatives at `at`; NULL: neither. *ret_first: the first of them.
 *
 * The upper-case run is greedy and then gives back: where no lower-case letter follows, it ends the
 * word at its last character that is also in the lower-case set.
 */
static inline const uint8_t *cased_word(struct split_text *text, const uint8_t *at, bool han,
                                        bool *ret_first)
{
    const uint8_t *next = at;
    const uint8_t *both = NULL; /* the end of the last character of both sets */
    unsigned class = 0;
    unsigned length = 0;
    while (next < text->end) {
        if (!han && *next >= 0xE4) {
            const uint8_t *behind = split_ideographs(text, next);
            if (behind > next) {
                next = behind;
                both = behind;
                continue;
            }
        }
        class = cased_class(text, next, han, &length);
        if ((class & CASED_UPPER) == 0) {
            break;
        }
        next += length;
        both = (class & CASED_LOWER) != 0 ? next : both;
    }
    *ret_first = true;
    if (next < text->end && (class & UNICODE_LOWER) != 0) {
        next += length;
        while (next < text->end && (cased_class(text, next, han, &length) & CASED_LOWER) != 0) {
            next += length;
        }
        return next;
    }
    text->open = text->open || next == text->end;
    if (both != NULL) {
        return both;
    }
    *ret_first = false;
    return next > at ? next : NULL;
}

/* At a character that may stand before a word, but is itself no letter: each alternative is tried
 * with it before the word and then, if it is a mark, as the word's first. NULL: no word. */
static inline const uint8_t *cased_prefixed(struct split_text *text, const uint8_t *at,
                                            unsigned length, bool mark, bool han)
{
    const uint8_t *second = NULL;
    bool first = false;
    if (at + length < text->end) {
        second = cased_word(text, at + length, han, &first);
        if (second != NULL && first) {
            return second;
        }
    }
    if (mark) {
        const uint8_t *word = cased_word(text, at, han, &first);
        ASSERT(word != NULL && first);
        return word;
    }
    return second;
}

const uint8_t *split_cased(struct split_text *text, const struct vocab_split *split,
                           const uint8_t *at)
{
    bool han = split->rule == VOCAB_RULE_KIMI;
    const uint8_t *ideographs = han ? split_ideographs(text, at) : at;
    if (ideographs > at) {
        return split_run(text, ideographs, UNICODE_HAN);
    }
    unsigned length;
    unsigned class = split_class(text, at, &length);
    if (han && (class & UNICODE_HAN) != 0) {
        return split_run(text, at + length, UNICODE_HAN);
    }
    /* Between clauses: Han behind it is neither its word nor punctuation as well. */
    if (han && (class & UNICODE_PUNCTUATION) != 0 &&
        split_ideographs(text, at + length) > at + length) {
        return at + length;
    }
    const uint8_t *word = NULL;
    bool first = false;
    if ((class & SPLIT_LETTER) != 0) {
        word = cased_word(text, at, han, &first);
        ASSERT(word != NULL);
    } else if ((class & (UNICODE_NUMBER | UNICODE_NEWLINE)) == 0) {
        word = cased_prefixed(text, at, length, (class & UNICODE_MARK) != 0, han);
    }
    if (word == NULL) {
        return split_rest(text, split, at);
    }
    return split->rule == VOCAB_RULE_TEKKEN ? word : word + split_contraction(text, word);
}
