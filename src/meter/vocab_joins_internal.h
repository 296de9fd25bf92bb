/*
 * Between which characters of three bytes, as most of Asia's writing has, some token reaches over.
 * Used by bpe*.c, which cut text elsewhere, and by mkvocab/, which fills in.
 */
#pragma once

#include "meter/vocab_tables_internal.h"

/* Whether a byte continues a character of UTF-8. */
static inline bool vocab_continues(char byte)
{
    return ((unsigned char)byte & 0xC0U) == 0x80U;
}

/* Whether a byte begins a character of three bytes. */
static inline bool vocab_is_wide(char byte)
{
    return ((unsigned char)byte & 0xF0U) == 0xE0U;
}

/* The three bytes of such a character. */
static inline uint32_t vocab_wide_bytes(const char *ptr)
{
    uint16_t low;
    memcpy(&low, ptr, sizeof(low));
    return low | (uint32_t)(unsigned char)ptr[2] << 16;
}

/* Whether they are one. */
static inline bool vocab_wide_fits(uint32_t bytes)
{
    return (bytes & 0xC0C0F0) == 0x8080E0;
}

/* The 16 bits that they stand for. */
static inline uint32_t vocab_wide_code(uint32_t bytes)
{
    return (bytes & 15) << 12 | (bytes >> 8 & 63) << 6 | (bytes >> 16 & 63);
}

/* The number of a bit, of VOCAB_EDGE_WORDS words of them: the last six bits of the character before
 * a place and the first four of the one behind it. */
static inline uint32_t vocab_edge(uint32_t last, uint32_t first)
{
    return (last & 63U) << 4 | (first & 15U);
}

/* Of the characters on either side of a place, for the filter of joins. */
static inline uint64_t vocab_join(uint32_t before, uint32_t behind)
{
    return (before | (uint64_t)behind << 16) * VOCAB_MIX_A;
}

/* Whether a token reaches over such a place that ends or begins inside of the two characters. */
static inline bool vocab_joins_narrow(const struct vocab *vocab, uint32_t last, uint32_t first)
{
    uint32_t edge = vocab_edge(last, first);
    return (vocab->joins[edge / 64] >> edge % 64 & 1) != 0;
}

/*
 * Whether a token may reach over a place between two characters of three bytes: there is one with
 * both in it, or one that ends or begins inside of them. If not, nothing ever merges over the
 * place, and what is before it and behind it is encoded by itself.
 */
static inline bool vocab_joins(const struct vocab *vocab, uint32_t before, uint32_t behind)
{
    const uint64_t *joins = vocab->joins + VOCAB_EDGE_WORDS;
    bool whole = vocab_filter_has(joins, vocab_join(before, behind), vocab->join_bits);
    bool narrow = vocab_joins_narrow(vocab, before, behind >> 12);
    return ((unsigned)whole | (unsigned)narrow) != 0; /* not to be guessed: no branch */
}
