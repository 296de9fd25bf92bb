/*
 * Byte-pair encoding of one piece of text, exactly as the family's own tokenizer does it, in time
 * linear in the piece's length whatever stands in it.
 *
 * A struct bpe is a thread's scratch for one vocabulary: piece caches, the memo of token pairs, a
 * stack. Its size is fixed (BPE_BYTES_MAX); counting allocates nothing. Caches compare keys in
 * full and are salted, so that nobody learns from them what others sent.
 *
 * Threads: one thread a struct bpe.
 */
#pragma once

#include "meter/vocab.h"

#define BPE_BYTES_MAX ((size_t)872 << 10) /* with count.h's own buffers below 1 MB a thread */
#define BPE_STACK_MAX ((size_t)2 << 10)   /* bytes of a piece that is encoded without the heap */

struct bpe;

/* `seed` salts the caches: random in a server, fixed in tests. The vocabulary must outlive it. */
EP_MUST_CHECK enum err bpe_create(const struct vocab *vocab, uint64_t seed, struct bpe **ret_bpe);
void bpe_destroy(struct bpe *bpe); /* NULL is allowed */

/*
 * Tokens of a piece. The piece must be one that split.h makes: it is looked up whole where the
 * family does that. Any length; nothing behind its end is read.
 */
uint64_t bpe_count(struct bpe *bpe, struct str piece);
/* Tokens of the pieces that a text begins with, which end at these places. */
uint64_t bpe_count_pieces(struct bpe *bpe, struct str text, const size_t *ends, size_t count);
/*
 * Its ids, as the family numbers them, to `ids` (room for `max`); the number of ids, of which only
 * the first `max` were written. May allocate for pieces over BPE_STACK_MAX bytes: ERR_NO_MEMORY.
 */
EP_MUST_CHECK enum err bpe_encode(struct bpe *bpe, struct str piece, uint32_t *ids, size_t max,
                                  size_t *ret_count);

/* A place in a piece where a token may begin. Of places and counts the low bits are enough. */
struct bpe_start {
    uint32_t at;
    uint32_t older; /* the place before */
    uint32_t depth; /* how many bytes from there on have been looked up */
    uint32_t node;  /* of the trie, by them */
    uint32_t last;  /* the token that ends here */
    uint32_t tokens;
};

#define BPE_RUN_GUESSES 4 /* in a run of one letter three take turns */

/*
 * A piece that comes in parts, cut anywhere: one of over VOCAB_TOKEN_MAX bytes, of which nobody
 * knows the end yet or which is too long for one turn. Belongs to no struct bpe and may be fed
 * through any of the same vocabulary. Plain data: copied, kept and dropped freely.
 */
struct bpe_run {
    uint64_t at;      /* bytes read */
    uint64_t tokens;  /* up to the last place where a token ends */
    uint32_t pending; /* bytes behind it: of a character that is not over or has no token */
    uint32_t newest;  /* the last place where a token may begin */
    uint32_t first;   /* no token reaches here from before this place */
    uint32_t guesses[BPE_RUN_GUESSES];        /* where the latest tokens began, the latest first */
    struct bpe_start starts[VOCAB_TOKEN_MAX]; /* each at its place modulo the size */
    unsigned char text[VOCAB_TOKEN_MAX];      /* the last bytes, likewise */
};

void bpe_run_begin(struct bpe_run *run);
void bpe_run_feed(struct bpe *bpe, struct bpe_run *run, struct str part);
/* As if the piece ended here. */
uint64_t bpe_run_tokens(const struct bpe_run *run);
