/*
 * The encoding of a piece of any length, read once from left to right in fixed memory.
 *
 * Every beginning of a text has an encoding of its own, and the whole's is that of some beginning
 * and one token more. So all that matters of what was read are the places from which a token could
 * still reach here: at most as many as a token has bytes. Of the tokens that end at one place just
 * one is valid behind what stands before it, so they may be tried in any order and the rest be left
 * alone: a place's way through the trie is made up for when it is tried.
 */
#include "meter/bpe_internal.h"

_Static_assert((VOCAB_TOKEN_MAX & (VOCAB_TOKEN_MAX - 1)) == 0, "places are taken modulo it");

static struct bpe_start *bpe_run_at(struct bpe_run *run, uint32_t at)
{
    return &run->starts[at % VOCAB_TOKEN_MAX];
}

/* A place from which no token reaches here is too far back, or before what never merges. */
static bool bpe_run_is_near(const struct vocab *vocab, const struct bpe_run *run, uint32_t at)
{
    uint32_t back = (uint32_t)run->at - at;
    return back <= vocab->longest && back <= (uint32_t)run->at - run->first;
}

static void bpe_run_start(struct bpe_run *run, uint32_t last)
{
    uint32_t at = (uint32_t)run->at;
    if (at - run->first > 2 * VOCAB_TOKEN_MAX) {
        run->first = at - VOCAB_TOKEN_MAX; /* so that places may come round to where they were */
    }
    *bpe_run_at(run, at) = (struct bpe_start){
        .at = at,
        .older = run->newest,
        .last = last,
        .tokens = (uint32_t)run->tokens,
    };
    run->newest = at;
}

/* Nothing merges across this place. */
static void bpe_run_cut(struct bpe_run *run)
{
    run->first = (uint32_t)run->at;
    run->newest = run->first - 1;
    for (size_t i = 0; i < BPE_RUN_GUESSES; i++) {
        run->guesses[i] = run->first;
    }
    bpe_run_start(run, VOCAB_INDEX_NONE);
}

void bpe_run_begin(struct bpe_run *run)
{
    run->at = 0;
    run->tokens = 0;
    run->pending = 0;
    bpe_run_cut(run);
}

/* Looks up the first `depth` bytes from a place on. False: no token goes so far. */
static bool bpe_run_reach(const struct vocab *vocab, const struct bpe_run *run,
                          struct bpe_start *start, uint32_t depth)
{
    uint32_t node = start->node;
    ASSERT(depth <= VOCAB_TOKEN_MAX);
    for (uint32_t i = start->depth; i < depth && node != VOCAB_NODE_NONE; i++) {
        node = vocab_child(vocab, node, run->text[(start->at + i) % VOCAB_TOKEN_MAX]);
    }
    start->node = node;
    start->depth = depth > start->depth ? depth : start->depth;
    return node != VOCAB_NODE_NONE;
}

/* Long tokens are runs of one letter, and few: where no token has the length that one from this
 * place would have, it is enough to know that the place is not dead so far. */
#define BPE_RUN_LONG 32U

/* The valid token from a place to here, or VOCAB_INDEX_NONE; *ret_dead: no token goes so far. */
static uint32_t bpe_run_try(struct bpe *bpe, const struct bpe_run *run, struct bpe_start *start,
                            bool *ret_dead)
{
    const struct vocab *vocab = bpe->vocab;
    const uint32_t len = (uint32_t)run->at - start->at;
    bool ends = (bpe->lengths[len / 64] >> len % 64 & 1) != 0;
    uint32_t depth = ends || len < BPE_RUN_LONG ? len : BPE_RUN_LONG;
    *ret_dead = !bpe_run_reach(vocab, run, start, depth);
    if (*ret_dead || !ends) {
        return VOCAB_INDEX_NONE;
    }
    uint32_t token = vocab_trie_token(vocab->trie[start->node]);
    bool valid = token != VOCAB_INDEX_NONE && bpe_valid(bpe, start->last, token, false);
    return valid ? token : VOCAB_INDEX_NONE;
}

/* All places, the nearest first; those that no token reaches from are left out from now on. */
static uint32_t bpe_run_search(struct bpe *bpe, struct bpe_run *run, uint32_t *ret_at)
{
    uint32_t *link = &run->newest;
    while (bpe_run_is_near(bpe->vocab, run, *link)) {
        struct bpe_start *start = bpe_run_at(run, *link);
        bool dead = false;
        uint32_t token = bpe_run_try(bpe, run, start, &dead);
        if (token != VOCAB_INDEX_NONE) {
            *ret_at = start->at;
            return token;
        }
        if (dead) {
            *link = start->older;
        } else {
            link = &start->older;
        }
    }
    return VOCAB_INDEX_NONE;
}

static uint32_t bpe_run_guess(struct bpe *bpe, struct bpe_run *run, uint32_t *ret_at)
{
    for (size_t i = 0; i < BPE_RUN_GUESSES; i++) {
        uint32_t at = run->guesses[i];
        bool dead = false;
        if (!bpe_run_is_near(bpe->vocab, run, at)) {
            continue;
        }
        uint32_t token = bpe_run_try(bpe, run, bpe_run_at(run, at), &dead);
        if (token != VOCAB_INDEX_NONE) {
            *ret_at = at;
            return token;
        }
    }
    return VOCAB_INDEX_NONE;
}

static void bpe_run_remember(struct bpe_run *run, uint32_t at)
{
    uint32_t moved = at;
    for (size_t i = 0; i < BPE_RUN_GUESSES; i++) {
        uint32_t guess = run->guesses[i];
        run->guesses[i] = moved;
        if (guess == at) {
            return;
        }
        moved = guess;
    }
}

/* A token can end here. Returns it, or VOCAB_INDEX_NONE. */
static uint32_t bpe_run_end(struct bpe *bpe, struct bpe_run *run)
{
    uint32_t at = 0;
    uint32_t token = bpe_run_guess(bpe, run, &at);
    if (token == VOCAB_INDEX_NONE) {
        token = bpe_run_search(bpe, run, &at);
    }
    if (token != VOCAB_INDEX_NONE) {
        /* A longer text can have fewer tokens, but the two are near each other. */
        int32_t step = (int32_t)(bpe_run_at(run, at)->tokens + 1 - (uint32_t)run->tokens);
        run->tokens += (uint64_t)(int64_t)step;
        run->pending = 0;
        bpe_run_remember(run, at);
        bpe_run_start(run, token);
    }
    return token;
}

/* How many bytes the character has that begins with this one; 0: none begins so. */
static uint32_t bpe_run_character(const struct vocab *vocab, unsigned char byte)
{
    if (!vocab->characters || byte < 0x80) {
        return 1;
    }
    uint32_t bytes = byte >= 0xE0 ? 3U : 2U;
    bytes = byte >= 0xF0 ? 4U : bytes;
    return byte >= 0xC0 ? bytes : 0;
}

void bpe_run_feed_noting(struct bpe *bpe, struct bpe_run *run, struct str part, uint32_t *ret_last)
{
    const struct vocab *vocab = bpe->vocab;
    ASSERT(run->pending <= run->at);
    ASSERT((uint32_t)run->at - run->first >= run->pending);
    for (size_t i = 0; i < part.len; i++) {
        if (run->pending > 0 && !vocab_continues(part.ptr[i])) {
            run->tokens += run->pending; /* it has no token: it is its bytes */
            run->pending = 0;
            bpe_run_cut(run);
        }
        run->text[run->at % VOCAB_TOKEN_MAX] = (unsigned char)part.ptr[i];
        run->at++;
        run->pending++;
        unsigned char first = run->text[(run->at - run->pending) % VOCAB_TOKEN_MAX];
        bool whole = run->pending == bpe_run_character(vocab, first);
        uint32_t token = whole ? bpe_run_end(bpe, run) : VOCAB_INDEX_NONE;
        if (ret_last != NULL) {
            ret_last[i] = token;
        }
    }
}

void bpe_run_feed(struct bpe *bpe, struct bpe_run *run, struct str part)
{
    bpe_run_feed_noting(bpe, run, part, NULL);
}

uint64_t bpe_run_tokens(const struct bpe_run *run)
{
    ASSERT(run->pending <= run->at);
    return run->tokens + run->pending;
}
