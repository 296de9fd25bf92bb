/*
 * Plain text, 64 bytes at a time: where the pieces of cl100k and of the cased rules begin, worked
 * out for all of them at once from one number a class, of which bit i tells of byte i. Most of
 * English and of code is cut here; what needs more than its neighbours to be decided is left to
 * the rules themselves, from the piece on that it is in.
 */
#include "meter/split_internal.h"

/* The classes of a byte: each has a byte of its row, whose lowest bit is set. */
#define IN(class)  (UINT64_C(1) << 8 * (class))
#define IN_LOWER   IN(0)
#define IN_UPPER   IN(1)
#define IN_DIGIT   IN(2)
#define IN_NEWLINE IN(3)
#define IN_TAB     IN(4)
#define IN_SPACE   IN(5)
#define IN_MARK    IN(6) /* what is left of ASCII but for control characters */
#define IN_QUOTE   IN(7) /* "'"; with IN_MARK "/" */

#define L IN_LOWER
#define U IN_UPPER
#define D IN_DIGIT
#define N IN_NEWLINE
#define T IN_TAB
#define S IN_SPACE
#define P IN_MARK
#define Q IN_QUOTE
#define V (IN_MARK | IN_QUOTE)
#define X UINT64_C(0) /* left to the rules */

/* clang-format off */
static const uint64_t plain_rows[256] = {
    X, X, X, X, X, X, X, X, X, T, N, X, X, N, X, X, /* 00 */
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, /* 10 */
    S, P, P, P, P, P, P, Q, P, P, P, P, P, P, P, V, /* 20 */
    D, D, D, D, D, D, D, D, D, D, P, P, P, P, P, P, /* 30 */
    P, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, /* 40 */
    U, U, U, U, U, U, U, U, U, U, U, P, P, P, P, P, /* 50 */
    P, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* 60 */
    L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, X, /* 70; and all that is not ASCII: none */
};
/* clang-format on */

#undef L
#undef U
#undef D
#undef N
#undef T
#undef S
#undef P
#undef Q
#undef V
#undef X

/* Bit i of each number: whether byte i is in the class. */
struct plain_bits {
    uint64_t lower;
    uint64_t upper;
    uint64_t digit;
    uint64_t newline;
    uint64_t tab;
    uint64_t space;
    uint64_t mark;
    uint64_t quote;
};

/* Swaps the high part of each of `low`'s halves of 2 * bits with the low part of `high`'s. */
static inline void plain_swap(uint64_t *low, uint64_t *high, unsigned bits, uint64_t mask)
{
    uint64_t change = (*low >> bits ^ *high) & mask;
    *high ^= change;
    *low ^= change << bits;
}

/* A row's bits moved by a byte's place in its eight make a number whose byte c is class c's bits of
 * those bytes. Eight such numbers, turned about, are the eight classes' bits of 64 bytes. */
static inline struct plain_bits plain_read(const uint8_t *at)
{
    uint64_t rows[8];
    for (size_t i = 0; i < 8; i++) {
        const uint8_t *byte = at + 8 * i;
        uint64_t row = plain_rows[byte[7]];
        row = row << 1 | plain_rows[byte[6]];
        row = row << 1 | plain_rows[byte[5]];
        row = row << 1 | plain_rows[byte[4]];
        row = row << 1 | plain_rows[byte[3]];
        row = row << 1 | plain_rows[byte[2]];
        row = row << 1 | plain_rows[byte[1]];
        rows[i] = row << 1 | plain_rows[byte[0]];
    }
    for (size_t i = 0; i < 4; i++) {
        plain_swap(&rows[i], &rows[i + 4], 32, UINT64_C(0x00000000FFFFFFFF));
    }
    for (size_t i = 0; i < 8; i += i % 4 == 1 ? 3 : 1) {
        plain_swap(&rows[i], &rows[i + 2], 16, UINT64_C(0x0000FFFF0000FFFF));
    }
    for (size_t i = 0; i < 8; i += 2) {
        plain_swap(&rows[i], &rows[i + 1], 8, UINT64_C(0x00FF00FF00FF00FF));
    }
    return (struct plain_bits){ rows[0], rows[1], rows[2], rows[3],
                                rows[4], rows[5], rows[6], rows[7] };
}

/* Where numbers are cut: at the first of a run, and behind every `max` of them. */
static inline uint64_t plain_numbers(uint64_t digit, unsigned max)
{
    uint64_t first = digit & ~(digit << 1);
    uint64_t far = digit; /* as many digits stand right before it */
    for (unsigned i = 1; i <= max; i++) {
        far &= digit << i;
    }
    uint64_t found = first;
    for (uint64_t next = first << max & far; next != 0; next = next << max & far) {
        found |= next;
    }
    return found;
}

/* Bytes that the rules must look at: no plain ones, blanks before newlines, which go with them, a
 * "/" that punctuation may take behind its newlines, and what may be a contraction. */
static inline uint64_t plain_hard(const struct vocab_split *split, const struct plain_bits *in)
{
    uint64_t letter = in->lower | in->upper;
    uint64_t blank = in->tab | in->space;
    uint64_t hard = ~(letter | blank | in->digit | in->newline | in->mark | in->quote);
    hard |= blank & in->newline >> 1;
    if (split->slash) {
        hard |= in->quote & in->mark & in->newline << 1;
    }
    if (split->rule != VOCAB_RULE_TEKKEN) {
        uint64_t before = split->rule == VOCAB_RULE_CL100K ? UINT64_MAX : letter << 1;
        hard |= in->quote & ~in->mark & before & letter >> 1;
    }
    return hard;
}

/*
 * Where pieces begin; each kind of byte by itself and at most three bytes before and one behind:
 *
 * Punctuation goes on with punctuation, and with one space before it. The first of a run is right
 * before a letter taken by that word, as is the last blank of a run.
 * Newlines go on with each other, and with punctuation before them.
 * Of a run of blanks all go together but the last.
 */
static inline uint64_t plain_starts(const struct vocab_split *split, const struct plain_bits *in)
{
    uint64_t letter = in->lower | in->upper;
    uint64_t blank = in->tab | in->space;
    uint64_t mark = in->mark | in->quote;
    uint64_t marks = mark & ~(mark << 1) & ~(in->space << 1);
    uint64_t words = letter & ~((letter | blank | marks) << 1);
    if (split->rule != VOCAB_RULE_CL100K) {
        words |= in->upper & in->lower << 1;
    }
    return marks | words | plain_numbers(in->digit, split->digits_max) |
           (in->newline & ~((in->newline | mark) << 1)) | (blank & ~(blank << 1)) |
           (blank & ~(blank >> 1));
}

/* The bytes that are decided. What one is depends on the one behind it, so the last before a hard
 * one or the end is not; nor are blanks there that follow a newline: if another comes behind them,
 * all go together. */
static inline uint64_t plain_known(const struct plain_bits *in, uint64_t hard)
{
    uint64_t easy = (hard & -hard) - 1; /* bits below the lowest one; all if there is none */
    uint64_t other = easy & ~(in->tab | in->space);
    if (other == 0) {
        return 0;
    }
    uint64_t last = UINT64_C(1) << (63 - __builtin_clzll(other));
    return (in->newline & last) != 0 ? last | (last - 1) : easy >> 1;
}

uint64_t split_plain(const struct vocab_split *split, const uint8_t *at)
{
    ASSERT(split->digits_max > 0 && split->digits_max <= VOCAB_DIGITS_MAX);
    struct plain_bits in = plain_read(at);
    uint64_t known = plain_known(&in, plain_hard(split, &in));
    return plain_starts(split, &in) & known & ~UINT64_C(1);
}
