#include "vocab_sample.h"

#include <string.h>

#define SAMPLE_TOKENS  160 /* merged ones */
#define SAMPLE_BYTES   24  /* of a token */
#define SAMPLE_LETTERS 5
#define SAMPLE_ARENA   ((size_t)1 << 20)

static const char *const sample_letters[] = { "a", "b", "\xC3\xA9", "\xE4\xB8\xAD",
                                              "\xE2\x96\x81" };
static const char *const sample_strangers[] = { "z", "\xC3\xB1", "\xE6\x97\xA5",
                                                "\xF0\x9F\x98\x80" };

uint64_t sample_random(uint64_t *random, uint64_t below)
{
    /* splitmix64 */
    *random += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t x = *random;
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return (x ^ x >> 31) % below;
}

struct str sample_classes(void)
{
    static uint16_t table[8 + UNICODE_INDEX_SIZE + UNICODE_BLOCK_SIZE];
    const uint32_t head[] = { 0x100000, UNICODE_INDEX_SIZE, 1 };
    memcpy(table, "EPUC", 4);
    memcpy(table + 2, head, sizeof(head));
    return (struct str){ (const char *)table, sizeof(table) };
}

static uint32_t sample_find(const struct source *source, struct str text)
{
    for (uint32_t i = 0; i < source->token_count; i++) {
        if (str_eq(source->tokens[i].bytes, text)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static bool sample_add(struct source *source, struct str text)
{
    struct str copy = STR_EMPTY;
    if (!arena_copy(&source->arena, text, &copy)) {
        return false;
    }
    source->tokens[source->token_count++] = (struct source_token){ copy, 0 };
    return true;
}

static bool sample_add_bases(struct sample *sample, enum sample_kind kind)
{
    struct source *source = &sample->source;
    if (kind == SAMPLE_CHARACTERS) {
        for (size_t i = 0; i < SAMPLE_LETTERS; i++) {
            if (!sample_add(source, str_from(sample_letters[i]))) {
                return false;
            }
        }
        return true;
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        char text = (char)(unsigned char)(byte * 7); /* not in order: 7 is coprime to 256 */
        if (!sample_add(source, (struct str){ &text, 1 })) {
            return false;
        }
    }
    return true;
}

/* A token to be a part of a merge: one of the letters' bytes or a merged one. */
static uint32_t sample_part(struct sample *sample, enum sample_kind kind, uint32_t bases)
{
    struct source *source = &sample->source;
    uint32_t merged = source->token_count - bases;
    if (merged > 0 && sample_random(&sample->random, 3) > 0) {
        return bases + (uint32_t)sample_random(&sample->random, merged);
    }
    const char *letter = sample_letters[sample_random(&sample->random, SAMPLE_LETTERS)];
    struct str text = str_from(letter);
    if (kind != SAMPLE_CHARACTERS) {
        text = str_slice(text, sample_random(&sample->random, text.len), text.len);
        text.len = 1;
    }
    return sample_find(source, text);
}

static bool sample_add_merged(struct sample *sample, enum sample_kind kind, uint32_t bases)
{
    struct source *source = &sample->source;
    char text[2 * SAMPLE_BYTES];
    for (size_t tries = 0; tries < 2 * SAMPLE_TOKENS; tries++) {
        uint32_t left = sample_part(sample, kind, bases);
        uint32_t right = sample_part(sample, kind, bases);
        struct str a = source->tokens[left].bytes;
        struct str b = source->tokens[right].bytes;
        size_t len = a.len + b.len;
        if (len > SAMPLE_BYTES || source->token_count == bases + SAMPLE_TOKENS) {
            continue;
        }
        memcpy(text, a.ptr, a.len);
        memcpy(text + a.len, b.ptr, b.len);
        if (sample_find(source, (struct str){ text, len }) == UINT32_MAX &&
            !sample_add(source, (struct str){ text, len })) {
            return false;
        }
    }
    return true;
}

/* Merges for the ways in which each token falls into two. */
static void sample_add_merges(struct sample *sample, uint32_t bases, bool all)
{
    struct source *source = &sample->source;
    for (uint32_t i = bases; i < source->token_count; i++) {
        struct str text = source->tokens[i].bytes;
        for (size_t cut = 1; cut < text.len; cut++) {
            uint32_t left = sample_find(source, str_slice(text, 0, cut));
            uint32_t right = sample_find(source, str_from_at(text, cut));
            bool both = left != UINT32_MAX && right != UINT32_MAX;
            if (both && (all || sample_random(&sample->random, 2) == 0)) {
                source->merges[source->merge_count++] = (struct source_merge){ left, right, i };
            }
        }
    }
}

static void sample_shuffle(struct sample *sample, uint32_t bases, enum sample_kind kind)
{
    struct source *source = &sample->source;
    for (uint32_t i = source->token_count - 1; kind == SAMPLE_RANKS && i > bases; i--) {
        uint32_t other = bases + (uint32_t)sample_random(&sample->random, i - bases + 1);
        struct source_token token = source->tokens[i];
        source->tokens[i] = source->tokens[other];
        source->tokens[other] = token;
    }
    for (uint32_t i = source->merge_count; i > 1; i--) {
        size_t other = sample_random(&sample->random, i);
        struct source_merge merge = source->merges[i - 1];
        source->merges[i - 1] = source->merges[other];
        source->merges[other] = merge;
    }
}

static void sample_add_specials(struct source *source, uint32_t id)
{
    static const char *const texts[] = { "<|a|>", "<|end|>" };
    for (uint32_t i = 0; i < 2; i++) {
        source->specials[i] = (struct vocab_special){
            .text = str_from(texts[i]),
            .id = id + i,
            .control = i == 0,
            .lstrip = i == 1,
        };
    }
    source->special_count = 2;
}

static bool sample_make(struct sample *sample, enum sample_kind kind, bool any_order)
{
    struct source *source = &sample->source;
    memcpy(source->name, "sample", sizeof("sample"));
    memcpy(source->template, "plain", sizeof("plain"));
    source->split = (struct vocab_split){ .rule = VOCAB_RULE_CL100K, .digits_max = 3 };
    source->rank_order = kind == SAMPLE_RANKS;
    source->byte_fallback = kind == SAMPLE_CHARACTERS;
    source->whole_pieces = kind != SAMPLE_CHARACTERS && sample_random(&sample->random, 2) == 0;
    const size_t most = 256 + SAMPLE_TOKENS;
    source->tokens = arena_zalloc(&source->arena, most * sizeof(*source->tokens));
    source->specials = arena_zalloc(&source->arena, 2 * sizeof(*source->specials));
    source->merges = arena_zalloc(&source->arena, most * SAMPLE_BYTES * sizeof(*source->merges));
    if (source->tokens == NULL || source->specials == NULL || source->merges == NULL ||
        !sample_add_bases(sample, kind)) {
        return false;
    }
    uint32_t bases = source->token_count;
    if (!sample_add_merged(sample, kind, bases)) {
        return false;
    }
    if (kind != SAMPLE_RANKS) {
        sample_add_merges(sample, bases, any_order);
    }
    if (any_order) {
        sample_shuffle(sample, bases, kind);
    }
    uint32_t shift = sample_random(&sample->random, 2) == 0 ? 5 : 1000;
    for (uint32_t i = 0; i < source->token_count; i++) {
        source->tokens[i].id = shift == 5 ? 5 + i : 7 * i;
    }
    for (uint32_t i = 0; i < 256 && source->byte_fallback; i++) {
        source->byte_ids[i] = 5000 + i;
    }
    sample_add_specials(source, 9000);
    return true;
}

/* The file of a source that was `made`. */
static bool sample_build(struct sample *sample, bool made)
{
    struct fail fail = { .code = ERR_OK };
    enum err err = ERR_NO_MEMORY;
    if (made) {
        err = build_vocab(&sample->source, sample_classes(), &sample->file, &fail);
    }
    if (err == ERR_OK) {
        err = vocab_attach(&sample->vocab, buf_str(&sample->file), "sample", &fail);
    }
    ASSERT(err == ERR_OK || err == ERR_NO_MEMORY);
    if (err != ERR_OK) {
        sample_fini(sample);
    }
    return err == ERR_OK;
}

bool sample_init(struct sample *sample, enum sample_kind kind, bool any_order, uint64_t seed)
{
    *sample = (struct sample){ .random = seed };
    arena_init(&sample->source.arena, 4096, SAMPLE_ARENA);
    buf_init(&sample->file, BUILD_FILE_MAX);
    return sample_build(sample, sample_make(sample, kind, any_order));
}

bool sample_init_runs(struct sample *sample, char letter)
{
    *sample = (struct sample){ .random = 1 };
    arena_init(&sample->source.arena, 4096, SAMPLE_ARENA);
    buf_init(&sample->file, BUILD_FILE_MAX);
    struct source *source = &sample->source;
    char text[VOCAB_TOKEN_MAX];
    memset(text, letter, sizeof(text));
    memcpy(source->name, "runs", sizeof("runs"));
    source->split = (struct vocab_split){ .rule = VOCAB_RULE_CL100K, .digits_max = 3 };
    source->rank_order = true;
    source->tokens = arena_zalloc(&source->arena, (256 + sizeof(text)) * sizeof(*source->tokens));
    bool good = source->tokens != NULL && sample_add_bases(sample, SAMPLE_RANKS);
    for (size_t len = sizeof(text); len > 1 && good; len--) {
        good = sample_add(source, (struct str){ text, len });
    }
    for (uint32_t i = 0; i < source->token_count; i++) {
        source->tokens[i].id = i;
    }
    return sample_build(sample, good);
}

void sample_fini(struct sample *sample)
{
    vocab_detach(&sample->vocab);
    buf_fini(&sample->file);
    arena_fini(&sample->source.arena);
}

struct sample *sample_cached(enum sample_kind kind, bool any_order, uint64_t seed)
{
    static struct sample samples[SAMPLE_KIND_COUNT][2][SAMPLE_CACHED];
    struct sample *sample = &samples[kind][any_order][seed % SAMPLE_CACHED];
    if (sample->file.len == 0 && !sample_init(sample, kind, any_order, seed % SAMPLE_CACHED)) {
        return NULL;
    }
    return sample;
}

size_t sample_text(struct sample *sample, char *text, size_t max)
{
    size_t len = 0;
    uint64_t letters = 1 + sample_random(&sample->random, SAMPLE_LETTERS);
    while (len < max) {
        bool strange = sample_random(&sample->random, 16) == 0;
        const char *letter = strange ? sample_strangers[sample_random(&sample->random, 4)]
                                     : sample_letters[sample_random(&sample->random, letters)];
        if (len + strlen(letter) > max) {
            break;
        }
        memcpy(text + len, letter, strlen(letter));
        len += strlen(letter);
    }
    return len;
}

/* A symbol of a text that is being merged, and what it merges to with the next. */
struct sample_symbol {
    uint32_t token; /* UINT32_MAX: a byte that never merges */
    size_t at;
    uint32_t rank; /* UINT32_MAX: they do not merge */
    uint32_t result;
};

static void sample_meet(const struct source *source, struct str piece, struct sample_symbol *left,
                        size_t end)
{
    left->rank = UINT32_MAX;
    if (left[0].token == UINT32_MAX || left[1].token == UINT32_MAX) {
        return;
    }
    if (source->rank_order) {
        left->result = sample_find(source, str_slice(piece, left->at, end));
        left->rank = left->result;
        return;
    }
    for (uint32_t i = 0; i < source->merge_count && left->rank == UINT32_MAX; i++) {
        const struct source_merge *merge = &source->merges[i];
        if (merge->left == left[0].token && merge->right == left[1].token) {
            left->result = merge->result;
            left->rank = i;
        }
    }
}

/* Of UTF-8, by its first byte; what continues one that never began stands alone. */
static size_t sample_letter_max(const struct source *source, unsigned char byte)
{
    if (!source->byte_fallback || byte < 0xC0) {
        return 1;
    }
    size_t wide = byte < 0xF0 ? 3 : 4;
    return byte < 0xE0 ? 2 : wide;
}

/* One more symbol stands behind the last, at the piece's end. */
static size_t sample_take_apart(const struct source *source, struct str piece,
                                struct sample_symbol *symbols)
{
    size_t count = 0;
    for (size_t at = 0; at < piece.len;) {
        size_t end = at + 1;
        size_t most = at + sample_letter_max(source, (unsigned char)piece.ptr[at]);
        while (end < most && end < piece.len && (piece.ptr[end] & 0xC0) == 0x80) {
            end++;
        }
        uint32_t token = sample_find(source, str_slice(piece, at, end));
        size_t step = token == UINT32_MAX ? 1 : end - at;
        for (; at < end; at += step) {
            symbols[count++] = (struct sample_symbol){ .token = token, .at = at };
        }
    }
    symbols[count] = (struct sample_symbol){ .token = UINT32_MAX, .at = piece.len };
    for (size_t i = 0; i < count; i++) {
        sample_meet(source, piece, &symbols[i], i + 1 < count ? symbols[i + 2].at : piece.len);
    }
    return count;
}

static bool sample_merge_once(const struct source *source, struct str piece,
                              struct sample_symbol *symbols, size_t *count)
{
    size_t best = 0;
    for (size_t i = 0; i < *count; i++) {
        best = symbols[i].rank < symbols[best].rank ? i : best;
    }
    if (*count == 0 || symbols[best].rank == UINT32_MAX) {
        return false;
    }
    symbols[best].token = symbols[best].result;
    memmove(&symbols[best + 1], &symbols[best + 2], (*count - best - 1) * sizeof(*symbols));
    (*count)--;
    if (best + 1 < *count) {
        sample_meet(source, piece, &symbols[best], symbols[best + 2].at);
    } else {
        symbols[best].rank = UINT32_MAX;
    }
    if (best > 0) {
        sample_meet(source, piece, &symbols[best - 1], symbols[best + 1].at);
    }
    return true;
}

#define SAMPLE_PIECE_MAX 4096

size_t sample_encode(const struct sample *sample, struct str piece, uint32_t *ids)
{
    const struct source *source = &sample->source;
    static struct sample_symbol symbols[SAMPLE_PIECE_MAX + 1];
    ASSERT(piece.len <= SAMPLE_PIECE_MAX);
    uint32_t whole = source->whole_pieces ? sample_find(source, piece) : UINT32_MAX;
    if (whole != UINT32_MAX) {
        ids[0] = source->tokens[whole].id;
        return 1;
    }
    size_t count = sample_take_apart(source, piece, symbols);
    while (sample_merge_once(source, piece, symbols, &count)) {
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t token = symbols[i].token;
        unsigned char byte = (unsigned char)piece.ptr[symbols[i].at];
        ids[i] = token == UINT32_MAX ? source->byte_ids[byte] : source->tokens[token].id;
    }
    return count;
}
