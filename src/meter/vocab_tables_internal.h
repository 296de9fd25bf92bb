/*
 * How the tables of a vocabulary are followed: hashes, slots, packed words. Used by bpe*.c, which
 * look up, and by mkvocab/, which fills in, so that both agree.
 */
#pragma once

#include <string.h>

#include "meter/vocab_internal.h"

static inline uint64_t vocab_load64(const char *ptr)
{
    uint64_t word;
    memcpy(&word, ptr, sizeof(word));
    return word;
}

static inline uint32_t vocab_load32(const char *ptr)
{
    uint32_t word;
    memcpy(&word, ptr, sizeof(word));
    return word;
}

/* 1 to 8 bytes as a number, without reading behind them: loads that overlap. Two texts without a
 * NUL at their end have the same number only if they are the same. */
static inline uint64_t vocab_short_key(const char *ptr, size_t len)
{
    if (len >= 4) {
        uint64_t high = vocab_load32(ptr + len - 4);
        return vocab_load32(ptr) | high << (8 * (len - 4));
    }
    uint64_t first = (unsigned char)ptr[0];
    uint64_t middle = (unsigned char)ptr[len / 2];
    uint64_t last = (unsigned char)ptr[len - 1];
    return first | middle << (8 * (len / 2)) | last << (8 * (len - 1));
}

#define VOCAB_MIX_A UINT64_C(0x9E3779B97F4A7C15) /* 2^64 / golden ratio */
#define VOCAB_MIX_B UINT64_C(0xD1B54A32D192ED03)

__extension__ typedef unsigned __int128 vocab_wide;

static inline uint64_t vocab_mix(uint64_t a, uint64_t b)
{
    vocab_wide product = (vocab_wide)(a ^ VOCAB_MIX_A) * (b ^ VOCAB_MIX_B);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Of a whole piece; not keyed, for the file's tables have it. */
static inline uint64_t vocab_hash(const char *ptr, size_t len)
{
    uint64_t hash = len;
    if (len <= 8) {
        return vocab_mix(hash, vocab_short_key(ptr, len));
    }
    for (size_t at = 0; at + 16 < len; at += 16) {
        hash = vocab_mix(hash ^ vocab_load64(ptr + at), vocab_load64(ptr + at + 8));
    }
    size_t tail = len >= 16 ? len - 16 : 0;
    return vocab_mix(hash ^ vocab_load64(ptr + tail), vocab_load64(ptr + len - 8));
}

/* A row of a table of hashes: beside the index the part of the hash that is not the slot's. */
static inline uint32_t vocab_row(uint64_t hash, uint32_t index)
{
    return (uint32_t)hash >> VOCAB_INDEX_BITS << VOCAB_INDEX_BITS | index;
}

/* Whether the row can be what is looked for. */
static inline bool vocab_row_fits(uint32_t row, uint64_t hash)
{
    return row >> VOCAB_INDEX_BITS == (uint32_t)hash >> VOCAB_INDEX_BITS;
}

static inline uint32_t vocab_row_index(uint32_t row)
{
    return row & VOCAB_INDEX_NONE;
}

/* A slot of a table of any size: the high half of `hash`, scaled. */
static inline uint32_t vocab_slot(uint64_t hash, uint32_t slots)
{
    return (uint32_t)((hash >> 32) * slots >> 32);
}

static inline uint32_t vocab_place(uint32_t at, size_t len)
{
    return at | (uint32_t)len << VOCAB_PLACE_BITS;
}

static inline uint32_t vocab_place_at(uint32_t place)
{
    return place & ((1U << VOCAB_PLACE_BITS) - 1);
}

static inline uint32_t vocab_place_len(uint32_t place)
{
    return place >> VOCAB_PLACE_BITS;
}

static inline uint32_t vocab_len(const struct vocab *vocab, uint32_t index)
{
    return vocab_place_len(vocab->places[index]);
}

static inline struct str vocab_bytes(const struct vocab *vocab, uint32_t index)
{
    uint32_t place = vocab->places[index];
    return (struct str){ vocab->bytes + vocab_place_at(place), vocab_place_len(place) };
}

/* The id of a token, as the family numbers it. */
static inline uint32_t vocab_id(const struct vocab *vocab, uint32_t index)
{
    const struct vocab_file_run *run = vocab->runs;
    for (uint32_t count = vocab->header->id_runs; count > 1;) {
        uint32_t half = count / 2;
        run = run[half].index <= index ? run + half : run;
        count -= half;
    }
    return run->id + (index - run->index);
}

static inline uint32_t vocab_link_left(uint64_t link)
{
    return (uint32_t)(link & VOCAB_INDEX_NONE);
}

static inline uint32_t vocab_link_right(uint64_t link)
{
    return (uint32_t)(link >> VOCAB_INDEX_BITS & VOCAB_INDEX_NONE);
}

/* The longest token that is a shorter prefix, or VOCAB_INDEX_NONE. */
static inline uint32_t vocab_link_shorter(uint64_t link)
{
    return (uint32_t)(link >> (2 * VOCAB_INDEX_BITS) & VOCAB_INDEX_NONE);
}

/* Whether the token has less bytes than a character of three. */
static inline bool vocab_link_is_narrow(uint64_t link)
{
    return link >> (3 * VOCAB_INDEX_BITS) != 0;
}

static inline uint64_t vocab_link(uint32_t left, uint32_t right, uint32_t shorter, size_t len)
{
    return left | (uint64_t)right << VOCAB_INDEX_BITS |
           (uint64_t)shorter << (2 * VOCAB_INDEX_BITS) |
           (uint64_t)(len < 3) << (3 * VOCAB_INDEX_BITS);
}

/* Of a token: the pair that merges to it. */
static inline uint64_t vocab_link_pair(uint64_t link)
{
    return link & ((UINT64_C(1) << (2 * VOCAB_INDEX_BITS)) - 1);
}

/* A pair as a link has it. */
static inline uint64_t vocab_pair_key(uint32_t left, uint32_t right)
{
    return left | (uint64_t)right << VOCAB_INDEX_BITS;
}

static inline uint64_t vocab_pair_hash(uint64_t key)
{
    return (key ^ key >> VOCAB_INDEX_BITS) * VOCAB_MIX_A;
}

/* A filter has two bits set for each row, both in the same word: one that is not there seems to be
 * only rarely, and costs one line of the cache. */
static inline uint64_t vocab_filter_word(uint64_t hash, uint32_t bits)
{
    return hash >> (64 + 6 - bits);
}

static inline uint64_t vocab_filter_mask(uint64_t hash)
{
    return UINT64_C(1) << (hash >> 32 & 63) | UINT64_C(1) << (hash >> 38 & 63);
}

static inline bool vocab_filter_has(const uint64_t *filter, uint64_t hash, uint32_t bits)
{
    return (~filter[vocab_filter_word(hash, bits)] & vocab_filter_mask(hash)) == 0;
}

/* What two neighbours merge to, or VOCAB_INDEX_NONE. */
static inline uint32_t vocab_pair(const struct vocab *vocab, uint32_t left, uint32_t right)
{
    uint64_t key = vocab_pair_key(left, right);
    uint64_t hash = vocab_pair_hash(key);
    if (!vocab_filter_has(vocab->pair_filter, hash, vocab->pair_bits)) {
        return VOCAB_INDEX_NONE; /* as most that are looked up */
    }
    uint32_t slot = vocab_slot(hash, vocab->pair_slots);
    while (vocab->pairs[slot] != VOCAB_ROW_NONE) {
        uint32_t index = vocab_row_index(vocab->pairs[slot]);
        if (vocab_row_fits(vocab->pairs[slot], hash) &&
            vocab_link_pair(vocab->links[index]) == key) {
            return index;
        }
        slot = slot + 1 == vocab->pair_slots ? 0 : slot + 1;
    }
    return VOCAB_INDEX_NONE;
}

/* Trie: a node's child by `byte` lies at the node's base + byte, and names the node. Node 0 is the
 * root. The low bits hold the token, so that a node read for its check has it at hand. */
static inline uint64_t vocab_trie_slot(uint32_t base, uint32_t parent, uint32_t token)
{
    return token | (uint64_t)parent << VOCAB_INDEX_BITS |
           (uint64_t)base << (VOCAB_INDEX_BITS + VOCAB_NODE_BITS);
}

static inline uint32_t vocab_trie_base(uint64_t slot)
{
    return (uint32_t)(slot >> (VOCAB_INDEX_BITS + VOCAB_NODE_BITS));
}

static inline uint32_t vocab_trie_parent(uint64_t slot)
{
    return (uint32_t)(slot >> VOCAB_INDEX_BITS & VOCAB_NODE_NONE);
}

static inline uint32_t vocab_trie_token(uint64_t slot)
{
    return (uint32_t)(slot & VOCAB_INDEX_NONE);
}

/* The child of a node, or VOCAB_NODE_NONE. */
static inline uint32_t vocab_child(const struct vocab *vocab, uint32_t node, unsigned char byte)
{
    uint32_t child = vocab_trie_base(vocab->trie[node]) + byte;
    return vocab_trie_parent(vocab->trie[child]) == node ? child : VOCAB_NODE_NONE;
}
