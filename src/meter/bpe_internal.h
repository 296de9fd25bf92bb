/*
 * Byte-pair encoding: what its files share.
 *
 * The encoding of a text is the one sequence of tokens in which each two neighbours are a valid
 * pair: one that stays as it is when its own bytes are merged. (The first merge across a border
 * between two tokens would have come about in these two alone.) So no merging is done: tokens are
 * looked up in a trie, and pairs are checked and remembered.
 */
#pragma once

#include "meter/bpe.h"
#include "meter/vocab_joins_internal.h"

#define BPE_SHORT_BITS  13   /* caches of texts: up to 8 bytes or 4 wide characters, */
#define BPE_SHORT_WAYS  6    /* sets of six; */
#define BPE_MIDDLE_SETS 3575 /* 16 bytes or 8 wide characters: as many as there is room for, */
#define BPE_MIDDLE_WAYS 6    /* sets of six; */
#define BPE_LONG_BITS   9    /* and, single ones, 32 bytes */
#define BPE_MEMO_BITS   12   /* pairs */
#define BPE_SHORT_MAX   VOCAB_SHORT_MAX
#define BPE_WIDE_WORD   4 /* characters of three bytes have room in a word of a key */
#define BPE_MIDDLE_MAX  16
#define BPE_LONG_MAX    32
#define BPE_WIDE_RUN    63 /* characters of three bytes that are looked at together */

#define BPE_STEPS      1024 /* of the trie: two bytes that begin a character of three */
#define BPE_TOKEN_BITS 4    /* for the tokens of a short text */
#define BPE_TOKENS_MAX ((1U << BPE_TOKEN_BITS) - 1)

/* What is encoded, as bits beside its length in the caches' keys. */
enum bpe_kind {
    BPE_PIECE = 0,
    BPE_WIDE = 1 << 6, /* the key is of 16 bits a character, each of three bytes */
    BPE_PART = 1 << 7  /* of a piece: nothing merges over its ends */
};

struct bpe_middle {
    uint64_t key[2]; /* the first and the last 8 bytes, or the codes of wide characters */
};

struct bpe_long {
    uint64_t key[4];
};

struct bpe {
    const struct vocab *vocab;
    uint64_t salt;
    uint64_t factor;    /* odd: multiplying by it loses nothing */
    enum bpe_kind part; /* BPE_PIECE where merges reach all tokens: looking up changes nothing */
    /* A short text's product is spread over its slot's number and its slot's high bits, so that
     * the two together are the text; the low bits are its kind, length and tokens, 0: none. */
    uint64_t shorts[1U << BPE_SHORT_BITS][BPE_SHORT_WAYS];
    struct bpe_middle middles[BPE_MIDDLE_SETS][BPE_MIDDLE_WAYS];
    struct bpe_long longs[1U << BPE_LONG_BITS];
    uint16_t middle_values[BPE_MIDDLE_SETS][BPE_MIDDLE_WAYS]; /* length and tokens */
    uint16_t long_values[1U << BPE_LONG_BITS];
    uint64_t steps[BPE_STEPS];             /* see bpe_step() */
    uint64_t memo[1U << BPE_MEMO_BITS];    /* pair + 1, and whether it is valid */
    uint64_t dead[BPE_STACK_MAX / 64 + 1]; /* places from which the rest cannot be encoded */
    uint32_t stack[BPE_STACK_MAX + 1];
    uint16_t starts[BPE_STACK_MAX + 1]; /* where each token on the stack begins */
    uint32_t symbols[2 * VOCAB_TOKEN_MAX];
    uint32_t merges[2 * VOCAB_TOKEN_MAX];
    uint64_t
        lengths[VOCAB_TOKEN_MAX / 64 + 1]; /* a bit for each number of bytes that a token has */
    struct bpe_run run;
};
_Static_assert(sizeof(struct bpe) <= BPE_BYTES_MAX, "scratch of a thread");
_Static_assert(3 * BPE_WIDE_WORD <= BPE_TOKENS_MAX, "a short text's tokens fit their bits");
_Static_assert(2 * BPE_PART << BPE_TOKEN_BITS <= 1 << BPE_SHORT_BITS, "so does all beside it");

/* Where ids go: `count` of them were made, the first `max` are kept. `ids` NULL: only counted. */
struct bpe_out {
    uint32_t *ids;
    size_t max;
    size_t count;
};

static inline void bpe_put(struct bpe_out *out, uint32_t id)
{
    if (out->count < out->max) {
        out->ids[out->count] = id;
    }
    out->count++;
}

/* Whether `left` and `right` stay apart when their bytes are merged; worked out, not remembered.
 * `wide`: between them no token reaches over that has under three bytes of either. */
bool bpe_pair_stays(struct bpe *bpe, uint32_t left, uint32_t right, bool wide);

/* The same, remembered. VOCAB_INDEX_NONE on the left: the text's begin, or what never merges. */
static inline bool bpe_valid(struct bpe *bpe, uint32_t left, uint32_t right, bool wide)
{
    if (left == VOCAB_INDEX_NONE) {
        return true;
    }
    uint64_t key = vocab_pair_key(left, right);
    uint64_t *slot = &bpe->memo[(key ^ bpe->salt) * bpe->factor >> (64 - BPE_MEMO_BITS)];
    if (*slot >> 1 != key + 1) {
        *slot = (key + 1) << 1 | (uint64_t)bpe_pair_stays(bpe, left, right, wide);
    }
    return (*slot & 1) != 0;
}

/* Looks up what the trie has for the first two bytes of all characters of three. */
void bpe_set_steps(struct bpe *bpe);
/* A piece of at most BPE_STACK_MAX bytes by its merges alone. */
void bpe_merge(struct bpe *bpe, struct str piece, struct bpe_out *out);
/* Feeds `part` and notes at ret_last[i], unless it is NULL, the token that ends behind byte i of
 * the part, or VOCAB_INDEX_NONE. */
void bpe_run_feed_noting(struct bpe *bpe, struct bpe_run *run, struct str part, uint32_t *ret_last);
