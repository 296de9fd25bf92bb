/*
 * Which tokens merges reach: each token's own bytes are merged, one merge at a time, as the
 * definition has it. If one token is left, the last merge is the only one that ever makes it.
 */
#include <stdlib.h>
#include <string.h>

#include "build_internal.h"

struct build_merge {
    uint64_t key; /* left and right, BUILD_NONE twice: free */
    uint32_t rank;
    uint32_t result;
};

/* What two neighbours merge to, by the list of merges or by the bytes of both together. */
struct build_rules {
    const struct build *build;
    struct build_merge *merges; /* NULL: by bytes */
    uint32_t slots;
};

struct build_symbol {
    uint32_t token;
    uint32_t at;   /* in the token's bytes */
    uint32_t rank; /* of the merge with the next symbol, BUILD_NONE: none */
    uint32_t result;
};

static struct str build_text(const struct build *build, uint32_t token)
{
    return build->source->tokens[token].bytes;
}

uint32_t build_find(const struct build *build, struct str text)
{
    uint32_t slot = vocab_slot(vocab_hash(text.ptr, text.len), build->text_slots);
    while (build->texts[slot] != BUILD_NONE) {
        if (str_eq(build_text(build, build->texts[slot]), text)) {
            return build->texts[slot];
        }
        slot = slot + 1 == build->text_slots ? 0 : slot + 1;
    }
    return BUILD_NONE;
}

static struct build_merge *build_merge_slot(const struct build_rules *rules, uint32_t left,
                                            uint32_t right)
{
    const uint64_t key = (uint64_t)left << 32 | right;
    uint32_t slot = vocab_slot(vocab_mix(key, 0), rules->slots);
    while (rules->merges[slot].key != key && rules->merges[slot].key != UINT64_MAX) {
        slot = slot + 1 == rules->slots ? 0 : slot + 1;
    }
    return &rules->merges[slot];
}

static enum err build_index_texts(struct build *build)
{
    const struct source *source = build->source;
    for (uint32_t i = 0; i < build->text_slots; i++) {
        build->texts[i] = BUILD_NONE;
    }
    for (uint32_t i = 0; i < source->token_count; i++) {
        struct str text = source->tokens[i].bytes;
        if (text.len == 0 || text.len > VOCAB_TOKEN_MAX) {
            return FAIL(build->fail, ERR_VOCAB, "token %u of \"%s\" has %zu bytes", i, source->name,
                        text.len);
        }
        uint32_t slot = vocab_slot(vocab_hash(text.ptr, text.len), build->text_slots);
        while (build->texts[slot] != BUILD_NONE) {
            if (str_eq(source->tokens[build->texts[slot]].bytes, text)) {
                return FAIL(build->fail, ERR_VOCAB, "tokens %u and %u of \"%s\" are the same",
                            build->texts[slot], i, source->name);
            }
            slot = slot + 1 == build->text_slots ? 0 : slot + 1;
        }
        build->texts[slot] = i;
    }
    return ERR_OK;
}

static bool build_merge_fits(const struct source *source, const struct source_merge *merge)
{
    if (merge->left >= source->token_count || merge->right >= source->token_count ||
        merge->result >= source->token_count) {
        return false;
    }
    struct str left = source->tokens[merge->left].bytes;
    struct str right = source->tokens[merge->right].bytes;
    struct str result = source->tokens[merge->result].bytes;
    return result.len == left.len + right.len && str_starts(result, left) &&
           str_ends(result, right);
}

static enum err build_index_merges(struct build *build, struct build_rules *rules)
{
    const struct source *source = build->source;
    for (uint32_t i = 0; i < rules->slots; i++) {
        rules->merges[i].key = UINT64_MAX;
    }
    for (uint32_t i = 0; i < source->merge_count; i++) {
        const struct source_merge *merge = &source->merges[i];
        if (!build_merge_fits(source, merge)) {
            return FAIL(build->fail, ERR_VOCAB, "merge %u of \"%s\" does not make its token", i,
                        source->name);
        }
        /* A pair that stands there twice has its last rank, as in Hugging Face's tokenizers. */
        *build_merge_slot(rules, merge->left, merge->right) =
            (struct build_merge){ (uint64_t)merge->left << 32 | merge->right, i, merge->result };
    }
    return ERR_OK;
}

/* Which merge the symbol `left` and its right neighbour have; `text` is the token's. */
static void build_meet(const struct build_rules *rules, struct str text, struct build_symbol *left,
                       uint32_t end)
{
    const struct build_symbol *right = left + 1;
    left->rank = BUILD_NONE;
    if (rules->merges != NULL) {
        const struct build_merge *slot = build_merge_slot(rules, left->token, right->token);
        if (slot->key != UINT64_MAX) {
            left->rank = slot->rank;
            left->result = slot->result;
        }
        return;
    }
    left->result = build_find(rules->build, str_slice(text, left->at, end));
    left->rank = left->result;
}

/* The bytes or characters of a token; 0: one of them is no token. */
static size_t build_take_apart(const struct build_rules *rules, struct str text,
                               struct build_symbol *symbols)
{
    size_t count = 0;
    for (size_t at = 0; at < text.len;) {
        size_t end = at + 1;
        while (rules->build->source->byte_fallback && end < text.len &&
               vocab_continues(text.ptr[end])) {
            end++;
        }
        uint32_t token = build_find(rules->build, str_slice(text, at, end));
        if (token == BUILD_NONE) {
            return 0;
        }
        symbols[count++] = (struct build_symbol){ token, (uint32_t)at, BUILD_NONE, BUILD_NONE };
        at = end;
    }
    return count;
}

static size_t build_first_merge(const struct build_symbol *symbols, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; i++) {
        best = symbols[i].rank < symbols[best].rank ? i : best;
    }
    return best;
}

static void build_merge_token(const struct build_rules *rules, uint32_t number,
                              struct build_token *token)
{
    struct build_symbol symbols[VOCAB_TOKEN_MAX + 1];
    struct str text = build_text(rules->build, number);
    size_t count = build_take_apart(rules, text, symbols);
    uint32_t before = 0;
    *token = (struct build_token){
        .index = BUILD_NONE,
        .left = BUILD_NONE,
        .right = BUILD_NONE,
        .base = count == 1,
        .ordered = true,
    };
    ASSERT(count <= VOCAB_TOKEN_MAX);
    symbols[count].at = (uint32_t)text.len;
    for (size_t i = 0; i + 1 < count; i++) {
        build_meet(rules, text, &symbols[i], symbols[i + 2].at);
    }
    while (count > 1) {
        size_t best = build_first_merge(symbols, count);
        if (symbols[best].rank == BUILD_NONE) {
            return;
        }
        token->left = symbols[best].token;
        token->right = symbols[best + 1].token;
        token->rank = symbols[best].rank;
        token->ordered &= token->rank >= before;
        before = token->rank;
        symbols[best].token = symbols[best].result;
        memmove(&symbols[best + 1], &symbols[best + 2], (count - best - 1) * sizeof(*symbols));
        count--;
        if (best + 1 < count) {
            build_meet(rules, text, &symbols[best], symbols[best + 2].at);
        }
        if (best > 0) {
            build_meet(rules, text, &symbols[best - 1], symbols[best + 1].at);
        }
    }
    token->reached = count == 1 && symbols[0].token == number;
}

/* Which group a token's index lies in: base, ordered, reached, the rest. */
static int build_group(const struct build_token *token)
{
    if (token->base) {
        return 0;
    }
    if (!token->reached) {
        return 3;
    }
    return token->ordered ? 1 : 2;
}

struct build_place {
    uint32_t number;
    uint32_t rank;
    int group;
};

static int build_compare(const void *left, const void *right)
{
    const struct build_place *a = left;
    const struct build_place *b = right;
    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    if (a->rank != b->rank) {
        return a->rank < b->rank ? -1 : 1;
    }
    return (a->number > b->number) - (a->number < b->number);
}

/* For each token out of order, the highest ordered index that goes before it. */
static void build_rank(struct build *build)
{
    uint32_t at = build->bases;
    for (uint32_t i = build->ordered; i < build->reached; i++) {
        uint32_t rank = build->tokens[build->order[i]].rank;
        while (at < build->ordered && build->tokens[build->order[at]].rank < rank) {
            at++;
        }
        build->ranks[i - build->ordered] = at - 1;
    }
}

static enum err build_order(struct build *build)
{
    const uint32_t count = build->source->token_count;
    uint32_t sizes[4] = { 0 };
    struct build_place *places = arena_alloc(&build->arena, count * sizeof(*places));
    build->order = arena_alloc(&build->arena, count * sizeof(*build->order));
    if (places == NULL || build->order == NULL) {
        return build_no_memory(build);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct build_token *token = &build->tokens[i];
        int group = build_group(token);
        token->reached |= token->base;
        places[i] = (struct build_place){ i, group == 1 || group == 2 ? token->rank : 0, group };
        sizes[group]++;
    }
    qsort(places, count, sizeof(*places), build_compare);
    for (uint32_t i = 0; i < count; i++) {
        build->order[i] = places[i].number;
        build->tokens[places[i].number].index = i;
    }
    build->bases = sizes[0];
    build->ordered = sizes[0] + sizes[1];
    build->reached = build->ordered + sizes[2];
    build->ranks = arena_alloc(&build->arena, (sizes[2] + 1) * sizeof(*build->ranks));
    if (build->ranks == NULL) {
        return build_no_memory(build);
    }
    if (build->bases == 0 || (!build->source->byte_fallback && build->bases != 256)) {
        return FAIL(build->fail, ERR_VOCAB, "\"%s\" has %u tokens of one byte, not 256",
                    build->source->name, build->bases);
    }
    build_rank(build);
    return ERR_OK;
}

enum err build_merges(struct build *build)
{
    const struct source *source = build->source;
    struct build_rules rules = { .build = build };
    ASSERT(source->token_count > 0 && source->token_count <= VOCAB_TOKENS_MAX);
    if (source->merge_count > 8 * VOCAB_TOKENS_MAX) {
        return FAIL(build->fail, ERR_VOCAB, "\"%s\" has too many merges", source->name);
    }
    build->text_slots = 2 * source->token_count;
    build->texts = arena_alloc(&build->arena, build->text_slots * sizeof(*build->texts));
    build->tokens = arena_alloc(&build->arena, source->token_count * sizeof(*build->tokens));
    if (build->texts == NULL || build->tokens == NULL) {
        return build_no_memory(build);
    }
    TRY(build_index_texts(build));
    if (!source->rank_order) {
        rules.slots = 2 * source->merge_count + 2;
        rules.merges = arena_alloc(&build->arena, rules.slots * sizeof(*rules.merges));
        if (rules.merges == NULL) {
            return build_no_memory(build);
        }
        TRY(build_index_merges(build, &rules));
    }
    for (uint32_t i = 0; i < source->token_count; i++) {
        build_merge_token(&rules, i, &build->tokens[i]);
    }
    return build_order(build);
}
