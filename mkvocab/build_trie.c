/*
 * The trie over all tokens that merges reach, as a double array: a node's children lie at its base
 * plus their byte, wherever all of them find room.
 */
#include <stdlib.h>
#include <string.h>

#include "build_internal.h"

#define BUILD_SLOTS_FIRST ((uint32_t)1 << 16)
/* A node with few children tries at most so many places of a crowded region. */
#define BUILD_CROWDED 4096U

/* Tokens first .. last of the ordered list share `depth` bytes: they hang on `node`. */
struct build_branch {
    uint32_t node;
    uint32_t first;
    uint32_t last;
    uint32_t depth;
};

struct build_word {
    struct str text;
    uint32_t index;
};

struct build_grow {
    struct build *build;
    const struct build_word *words;
    struct build_branch *stack;
    size_t depth;
    uint32_t *parents; /* VOCAB_NODE_NONE: free */
    uint32_t *bases;
    uint32_t *tokens;
    uint32_t slots; /* room there is */
    uint32_t free;  /* no slot below is free */
    uint32_t used;  /* one above the highest used slot */
};

static int build_compare_words(const void *left, const void *right)
{
    const struct build_word *a = left;
    const struct build_word *b = right;
    return str_cmp(a->text, b->text);
}

/* The arena gives nothing back, but doubling wastes no more than is used in the end. */
static bool build_widen_one(struct build_grow *grow, uint32_t **array, uint32_t slots,
                            uint32_t fill)
{
    uint32_t *wider = arena_alloc(&grow->build->arena, slots * sizeof(*wider));
    if (wider == NULL) {
        return false;
    }
    if (grow->slots > 0) {
        memcpy(wider, *array, grow->slots * sizeof(*wider));
    }
    for (uint32_t i = grow->slots; i < slots; i++) {
        wider[i] = fill;
    }
    *array = wider;
    return true;
}

static enum err build_widen(struct build_grow *grow, uint32_t need)
{
    uint32_t slots = grow->slots > 0 ? grow->slots : BUILD_SLOTS_FIRST;
    while (slots < need) {
        slots *= 2;
    }
    if (slots == grow->slots) {
        return ERR_OK;
    }
    if (need >= VOCAB_NODE_NONE) {
        return FAIL(grow->build->fail, ERR_VOCAB, "the tokens of \"%s\" need too large a trie",
                    grow->build->source->name);
    }
    if (!build_widen_one(grow, &grow->parents, slots, VOCAB_NODE_NONE) ||
        !build_widen_one(grow, &grow->bases, slots, 0) ||
        !build_widen_one(grow, &grow->tokens, slots, VOCAB_INDEX_NONE)) {
        return build_no_memory(grow->build);
    }
    grow->slots = slots;
    return ERR_OK;
}

static bool build_fits(const struct build_grow *grow, uint32_t base, const unsigned char *bytes,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (grow->parents[base + bytes[i]] != VOCAB_NODE_NONE) {
            return false;
        }
    }
    return true;
}

/* A base at which all `bytes` (ascending) find room; never 0, for slot 0 is the root. */
static enum err build_place_children(struct build_grow *grow, const unsigned char *bytes,
                                     size_t count, uint32_t *ret_base)
{
    uint32_t tried = 0;
    TRY(build_widen(grow, grow->free + 1024));
    while (grow->parents[grow->free] != VOCAB_NODE_NONE) {
        grow->free++;
        TRY(build_widen(grow, grow->free + 1024));
    }
    for (uint32_t at = grow->free;; at++) {
        TRY(build_widen(grow, at + 1024));
        if (grow->parents[at] != VOCAB_NODE_NONE) {
            continue;
        }
        if (build_fits(grow, at - bytes[0], bytes, count)) {
            *ret_base = at - bytes[0];
            return ERR_OK;
        }
        tried++;
        if (tried == BUILD_CROWDED && grow->free + 4 * BUILD_CROWDED < at) {
            grow->free = at - BUILD_CROWDED; /* what lies before stays free: time for room */
        }
    }
}

static enum err build_grow_branch(struct build_grow *grow, struct build_branch branch)
{
    const struct build_word *words = grow->words;
    unsigned char bytes[256];
    uint32_t starts[257];
    size_t count = 0;
    if (branch.first < branch.last && words[branch.first].text.len == branch.depth) {
        grow->tokens[branch.node] = words[branch.first].index;
        branch.first++;
    }
    for (uint32_t i = branch.first; i < branch.last; i++) {
        unsigned char byte = (unsigned char)words[i].text.ptr[branch.depth];
        if (count == 0 || bytes[count - 1] != byte) {
            bytes[count] = byte;
            starts[count] = i;
            count++;
        }
    }
    if (count == 0) {
        return ERR_OK;
    }
    starts[count] = branch.last;
    uint32_t base = 0;
    TRY(build_place_children(grow, bytes, count, &base));
    grow->bases[branch.node] = base;
    for (size_t i = count; i > 0; i--) {
        uint32_t child = base + bytes[i - 1];
        grow->parents[child] = branch.node;
        grow->used = child >= grow->used ? child + 1 : grow->used;
        grow->stack[grow->depth++] =
            (struct build_branch){ child, starts[i - 1], starts[i], branch.depth + 1 };
    }
    return ERR_OK;
}

static enum err build_pack(struct build_grow *grow)
{
    struct build *build = grow->build;
    /* Room behind the last node, so that a child is looked for without a check. */
    build->trie_slots = grow->used + 256;
    TRY(build_widen(grow, build->trie_slots));
    build->trie = arena_alloc(&build->arena, build->trie_slots * sizeof(*build->trie));
    if (build->trie == NULL) {
        return build_no_memory(build);
    }
    for (uint32_t i = 0; i < build->trie_slots; i++) {
        uint32_t parent = i == 0 ? VOCAB_NODE_NONE : grow->parents[i];
        build->trie[i] = vocab_trie_slot(grow->bases[i], parent, grow->tokens[i]);
    }
    return ERR_OK;
}

enum err build_trie(struct build *build)
{
    /* Each level of the trie leaves at most 256 branches waiting. */
    const size_t waiting = (size_t)256 * (VOCAB_TOKEN_MAX + 1);
    struct build_word *words = arena_alloc(&build->arena, build->reached * sizeof(*words));
    /* From 256 on each slot can be any byte's, so that a lone child always takes the first free. */
    struct build_grow grow = { .build = build, .words = words, .free = 256, .used = 1 };
    grow.stack = arena_alloc(&build->arena, waiting * sizeof(*grow.stack));
    if (words == NULL || grow.stack == NULL) {
        return build_no_memory(build);
    }
    for (uint32_t i = 0; i < build->reached; i++) {
        words[i] = (struct build_word){ build->source->tokens[build->order[i]].bytes, i };
    }
    qsort(words, build->reached, sizeof(*words), build_compare_words);
    TRY(build_widen(&grow, BUILD_SLOTS_FIRST));
    grow.parents[0] = 0; /* taken */
    grow.stack[grow.depth++] = (struct build_branch){ 0, 0, build->reached, 0 };
    while (grow.depth > 0) {
        ASSERT(grow.depth <= waiting);
        grow.depth--;
        TRY(build_grow_branch(&grow, grow.stack[grow.depth]));
    }
    return build_pack(&grow);
}
