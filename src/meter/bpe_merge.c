/*
 * The encoding of a piece that fits the stack: the longest token first, and back where that leads
 * nowhere. A place from which the rest cannot be encoded is remembered, so each is tried once.
 */
#include <string.h>

#include "meter/bpe_internal.h"

/* When a merge happens: merges with a lower rank go first. Two of one rank are the same merge. */
static uint64_t bpe_rank(const struct vocab *vocab, uint32_t index)
{
    ASSERT(index >= vocab->bases);
    if (index < vocab->ordered) {
        return (uint64_t)index << 32;
    }
    return (uint64_t)vocab->ranks[index - vocab->ordered] << 32 | (index - vocab->ordered + 1);
}

/* The characters or bytes that a token is made of, to `symbols`; how many. */
static size_t bpe_take_apart(const struct vocab *vocab, uint32_t index, uint32_t *symbols)
{
    struct str text = vocab_bytes(vocab, index);
    size_t count = 0;
    ASSERT(text.len <= VOCAB_TOKEN_MAX);
    for (size_t at = 0; at < text.len;) {
        uint32_t node = 0;
        size_t end = at;
        do {
            node = vocab_child(vocab, node, (unsigned char)text.ptr[end]);
            end++;
        } while (node != VOCAB_NODE_NONE && vocab->characters && end < text.len &&
                 vocab_continues(text.ptr[end]));
        symbols[count] =
            node == VOCAB_NODE_NONE ? VOCAB_INDEX_NONE : vocab_trie_token(vocab->trie[node]);
        count++;
        at = end;
    }
    return count;
}

/* Merges both tokens' symbols one by one, as the definition has it, until one crosses over. */
static bool bpe_stays_slowly(struct bpe *bpe, uint32_t left, uint32_t right)
{
    const struct vocab *vocab = bpe->vocab;
    uint32_t *symbols = bpe->symbols;
    uint32_t *merges = bpe->merges;
    size_t border = bpe_take_apart(vocab, left, symbols);
    size_t count = border + bpe_take_apart(vocab, right, symbols + border);
    for (size_t i = 0; i + 1 < count; i++) {
        merges[i] = vocab_pair(vocab, symbols[i], symbols[i + 1]);
    }
    for (;;) {
        size_t best = count;
        uint64_t best_rank = UINT64_MAX;
        for (size_t i = 0; i + 1 < count; i++) {
            uint64_t rank = merges[i] != VOCAB_INDEX_NONE ? bpe_rank(vocab, merges[i]) : UINT64_MAX;
            best = rank < best_rank ? i : best;
            best_rank = rank < best_rank ? rank : best_rank;
        }
        if (best == count) {
            return true;
        }
        if (best + 1 == border) {
            return false;
        }
        border -= best + 1 < border;
        symbols[best] = merges[best];
        count--;
        memmove(symbols + best + 1, symbols + best + 2, (count - best - 1) * sizeof(*symbols));
        memmove(merges + best, merges + best + 1, (count - best - 1) * sizeof(*merges));
        if (best > 0) {
            merges[best - 1] = vocab_pair(vocab, symbols[best - 1], symbols[best]);
        }
        if (best + 1 < count) {
            merges[best] = vocab_pair(vocab, symbols[best], symbols[best + 1]);
        }
    }
}

/*
 * Undoes the merges of both tokens, the latest first. At each moment the two symbols beside the
 * border could merge; they did if that merge goes before the one that was undone last. Of two
 * merges of one rank the left one goes first.
 */
bool bpe_pair_stays(struct bpe *bpe, uint32_t left, uint32_t right, bool wide)
{
    const struct vocab *vocab = bpe->vocab;
    uint32_t a = left;
    uint32_t b = right;
    uint32_t limit = vocab->ordered;
    ASSERT(left < vocab->reached && right < vocab->reached);
    if (a >= limit || b >= limit) {
        return bpe_stays_slowly(bpe, left, right);
    }
    for (;;) {
        if (wide &&
            (vocab_link_is_narrow(vocab->links[a]) || vocab_link_is_narrow(vocab->links[b]))) {
            return true;
        }
        uint32_t merged = vocab_pair(vocab, a, b);
        if (merged < limit) {
            return false;
        }
        if (merged >= vocab->ordered && merged != VOCAB_INDEX_NONE) {
            return bpe_stays_slowly(bpe, left, right); /* its number does not tell when */
        }
        uint32_t latest = a > b ? a : b;
        if (latest < vocab->bases) {
            return true;
        }
        if (a > b) {
            limit = a;
            a = vocab_link_right(vocab->links[a]);
        } else {
            limit = b + 1;
            b = vocab_link_left(vocab->links[b]);
        }
    }
}

/* A node of the trie that two bytes lead to, with its own number in the place of its parent's and
 * the longest token on the way; 0: none is there. */
static uint64_t bpe_step_of(const struct vocab *vocab, unsigned char first, unsigned char second)
{
    uint32_t node = vocab_child(vocab, 0, first);
    if (node == VOCAB_NODE_NONE) {
        return 0;
    }
    uint32_t token = vocab_trie_token(vocab->trie[node]);
    node = vocab_child(vocab, node, second);
    if (node == VOCAB_NODE_NONE) {
        return 0;
    }
    uint64_t slot = vocab->trie[node];
    token = vocab_trie_token(slot) != VOCAB_INDEX_NONE ? vocab_trie_token(slot) : token;
    return vocab_trie_slot(vocab_trie_base(slot), node, token);
}

static uint64_t *bpe_step(struct bpe *bpe, unsigned char first, unsigned char second)
{
    return &bpe->steps[(first & 15U) << 6 | (second & 63U)];
}

void bpe_set_steps(struct bpe *bpe)
{
    for (unsigned first = 0xE0; first <= 0xEF; first++) {
        for (unsigned second = 0x80; second <= 0xBF; second++) {
            unsigned char a = (unsigned char)first;
            unsigned char b = (unsigned char)second;
            *bpe_step(bpe, a, b) = bpe_step_of(bpe->vocab, a, b);
        }
    }
}

/* The longest token that `text` begins with, or VOCAB_INDEX_NONE; *ret_end: where it ends. */
static inline uint32_t bpe_longest(struct bpe *bpe, struct str text, const char **ret_end)
{
    const char *ptr = text.ptr;
    const char *end = text.ptr + text.len;
    const uint64_t *trie = bpe->vocab->trie;
    uint32_t node = 0;
    uint64_t slot = trie[0];
    uint32_t best = VOCAB_INDEX_NONE;
    if (end - ptr >= 2 && vocab_is_wide(ptr[0]) && vocab_continues(ptr[1])) {
        uint64_t step = *bpe_step(bpe, (unsigned char)ptr[0], (unsigned char)ptr[1]);
        if (step != 0) {
            slot = step;
            node = vocab_trie_parent(step);
            best = vocab_trie_token(step);
            ptr += 2;
            *ret_end = best != VOCAB_INDEX_NONE ? text.ptr + vocab_len(bpe->vocab, best) : ptr;
        }
    }
    while (ptr < end) {
        uint32_t child = vocab_trie_base(slot) + (unsigned char)*ptr;
        slot = trie[child];
        if (vocab_trie_parent(slot) != node) {
            break;
        }
        node = child;
        ptr++;
        if (vocab_trie_token(slot) != VOCAB_INDEX_NONE) {
            best = vocab_trie_token(slot);
            *ret_end = ptr;
        }
    }
    return best;
}

static void bpe_flush(struct bpe *bpe, size_t depth, struct bpe_out *out)
{
    if (out->ids == NULL) {
        out->count += depth;
        return;
    }
    for (size_t i = 0; i < depth; i++) {
        bpe_put(out, vocab_id(bpe->vocab, bpe->stack[i]));
    }
}

/* Whether `at` is between two characters of three bytes, and only tokens with both reach over. */
static bool bpe_is_wide(const struct vocab *vocab, struct str text, size_t at)
{
    return at >= 3 && vocab_is_wide(text.ptr[at - 3]) && vocab_continues(text.ptr[at - 1]) &&
           vocab_is_wide(text.ptr[at]) &&
           !vocab_joins_narrow(vocab, (unsigned char)text.ptr[at - 1], (unsigned char)text.ptr[at]);
}

/* Up to the piece's end, or to a character that no token begins with. Returns where it stopped. */
static size_t bpe_merge_known(struct bpe *bpe, struct str text, struct bpe_out *out)
{
    const struct vocab *vocab = bpe->vocab;
    const char *end = text.ptr;
    uint32_t *stack = bpe->stack;
    size_t depth = 0;
    size_t at = 0;
    uint32_t token = bpe_longest(bpe, text, &end);
    memset(bpe->dead, 0, (text.len / 64 + 1) * sizeof(*bpe->dead));
    while (at < text.len && token != VOCAB_INDEX_NONE) {
        size_t next = (size_t)(end - text.ptr);
        bool open = next <= text.len && (bpe->dead[next / 64] >> next % 64 & 1) == 0;
        uint32_t left = depth > 0 ? stack[depth - 1] : VOCAB_INDEX_NONE;
        if (open && bpe_valid(bpe, left, token, bpe_is_wide(vocab, text, at))) {
            stack[depth] = token;
            bpe->starts[depth++] = (uint16_t)at;
            at = next;
            token = bpe_longest(bpe, str_from_at(text, at), &end);
            continue;
        }
        token = vocab_link_shorter(vocab->links[token]);
        if (token == VOCAB_INDEX_NONE && depth > 0) {
            bpe->dead[at / 64] |= UINT64_C(1) << at % 64;
            token = stack[--depth];
            at = bpe->starts[depth];
        }
        end = text.ptr + at + (token != VOCAB_INDEX_NONE ? vocab_len(vocab, token) : 0);
    }
    bpe_flush(bpe, depth, out);
    return at;
}

void bpe_merge(struct bpe *bpe, struct str piece, struct bpe_out *out)
{
    const struct vocab *vocab = bpe->vocab;
    ASSERT(piece.len <= BPE_STACK_MAX);
    for (size_t at = 0; at < piece.len;) {
        at += bpe_merge_known(bpe, str_from_at(piece, at), out);
        /* A character without a token of its own never merges: it is its bytes, and ends a text. */
        for (size_t first = at; at < piece.len; at++) {
            if (at > first && !vocab_continues(piece.ptr[at])) {
                break;
            }
            bpe_put(out, vocab->header->byte_ids[(unsigned char)piece.ptr[at]]);
        }
    }
}
