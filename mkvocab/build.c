#include "build.h"

#include <stdlib.h>
#include <string.h>

#include "build_internal.h"

#define BUILD_ARENA_MAX ((size_t)1 << 30)

/* Slots for every four rows of a table: a search that fails reads about one line of the cache, and
 * most of those for pairs never begin, for the filter of pairs is asked first. */
#define BUILD_ROOM 5U

/* What tools/unicode_table.mjs writes: this, then the index, then the blocks. */
struct build_classes {
    char magic[4];
    uint32_t version;
    uint32_t index_count;
    uint32_t block_count;
};
#define BUILD_CLASSES_MAGIC "EPUC"

struct build_file {
    struct vocab_header header;
    struct build_classes classes;
    struct str class_tables;
    char *bytes; /* the file */
};

static enum err build_read_classes(struct build_file *file, struct str classes, struct fail *fail)
{
    struct build_classes *head = &file->classes;
    if (classes.len < sizeof(*head)) {
        return FAIL(fail, ERR_VOCAB, "the table of characters is cut off");
    }
    memcpy(head, classes.ptr, sizeof(*head));
    file->class_tables = str_from_at(classes, sizeof(*head));
    if (memcmp(head->magic, BUILD_CLASSES_MAGIC, sizeof(head->magic)) != 0 ||
        head->index_count != UNICODE_INDEX_SIZE || head->block_count == 0 ||
        head->block_count > UNICODE_INDEX_SIZE ||
        file->class_tables.len !=
            2 * ((size_t)head->index_count + (size_t)head->block_count * UNICODE_BLOCK_SIZE)) {
        return FAIL(fail, ERR_VOCAB, "the table of characters is damaged");
    }
    return ERR_OK;
}

static bool build_is_short(struct str text)
{
    return text.len <= VOCAB_SHORT_MAX && text.ptr[text.len - 1] != '\0';
}

/* The size of a filter as a power of two: eight bits or more a row, so that few that are not there
 * seem to be. */
uint32_t build_filter_bits(uint64_t rows)
{
    uint32_t bits = VOCAB_FILTER_MIN;
    while (bits < VOCAB_FILTER_MAX && UINT64_C(1) << bits < 8 * rows) {
        bits++;
    }
    return bits;
}

static uint32_t build_room(uint32_t rows)
{
    return (uint32_t)((uint64_t)rows * BUILD_ROOM / 4) + 2;
}

static uint32_t build_id(const struct build *build, uint32_t index)
{
    return build->source->tokens[build->order[index]].id;
}

/* Whether a run of ids begins at this index. */
static bool build_begins_run(const struct build *build, uint32_t index)
{
    return index == 0 || build_id(build, index) != (uint64_t)build_id(build, index - 1) + 1;
}

static void build_count_tables(const struct build *build, struct vocab_header *header)
{
    uint32_t shorts = 0;
    uint32_t longs = 0;
    for (uint32_t i = 0; i < header->tokens; i++) {
        struct str text = build_bytes(build, i);
        if (build->source->whole_pieces) {
            shorts += build_is_short(text);
            longs += !build_is_short(text) || i >= build->reached;
        }
        if (build->source->whole_pieces || i < build->reached) {
            header->longest = text.len > header->longest ? (uint32_t)text.len : header->longest;
        }
    }
    header->token_bytes = build->token_bytes;
    header->short_slots = build_room(shorts);
    header->long_slots = build_room(longs);
    header->pair_slots = build_room(build->reached - build->bases);
    header->trie_slots = build->trie_slots;
    header->join_bits = build_join_bits(build);
    header->pair_bits = build_filter_bits(build->reached - build->bases);
}

static enum err build_count_ids(const struct build *build, struct vocab_header *header)
{
    const struct source *source = build->source;
    uint32_t most = 0;
    for (uint32_t i = 0; i < source->token_count; i++) {
        header->id_runs += build_begins_run(build, i);
        most = source->tokens[i].id > most ? source->tokens[i].id : most;
    }
    for (uint32_t i = 0; i < source->special_count; i++) {
        const struct vocab_special *special = &source->specials[i];
        most = special->id > most ? special->id : most;
        if (special->text.len == 0 || special->text.len > VOCAB_TOKEN_MAX ||
            (i > 0 && str_cmp(source->specials[i - 1].text, special->text) >= 0)) {
            return FAIL(build->fail, ERR_VOCAB, "the control tokens of \"%s\" are not in order",
                        source->name);
        }
        header->special_bytes += (uint32_t)special->text.len;
    }
    for (size_t i = 0; i < 256 && source->byte_fallback; i++) {
        most = source->byte_ids[i] > most ? source->byte_ids[i] : most;
        header->byte_ids[i] = source->byte_ids[i];
    }
    header->ids = most + 1;
    if (most >= 4 * VOCAB_TOKENS_MAX || source->special_count > VOCAB_SPECIAL_MAX) {
        return FAIL(build->fail, ERR_VOCAB, "\"%s\" has an id of %u and %u control tokens",
                    source->name, most, source->special_count);
    }
    return ERR_OK;
}

static enum err build_header(const struct build *build, struct build_file *file)
{
    const struct source *source = build->source;
    struct vocab_header *header = &file->header;
    const struct vocab_split *split = &source->split;
    memcpy(header->magic, VOCAB_MAGIC, sizeof(header->magic));
    header->version = VOCAB_VERSION;
    header->flags = (split->slash ? VOCAB_FLAG_SLASH : 0U) | (split->nfc ? VOCAB_FLAG_NFC : 0U) |
                    (source->byte_fallback ? VOCAB_FLAG_BYTE_FALLBACK : 0U) |
                    (source->whole_pieces ? VOCAB_FLAG_WHOLE : 0U);
    memcpy(header->name, source->name, sizeof(header->name));
    memcpy(header->template, source->template, sizeof(header->template));
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        header->source[2 * i] = digits[source->digest.bytes[i] >> 4];
        header->source[2 * i + 1] = digits[source->digest.bytes[i] & 15];
    }
    header->unicode = file->classes.version;
    header->class_blocks = file->classes.block_count;
    header->rule = (uint32_t)split->rule;
    header->digits_max = split->digits_max;
    header->run_max = split->run_max;
    header->text_max = split->text_max;
    header->bases = build->bases;
    header->ordered = build->ordered;
    header->reached = build->reached;
    header->tokens = source->token_count;
    header->specials = source->special_count;
    build_count_tables(build, header);
    TRY(build_count_ids(build, header));
    header->file_bytes = vocab_layout(header, header->sections);
    return ERR_OK;
}

static void *build_section(const struct build_file *file, enum vocab_section section)
{
    return file->bytes + file->header.sections[section].offset;
}

/* The longest token that `text` begins with and that is shorter. */
static uint32_t build_shorter(const struct build *build, struct str text)
{
    uint32_t node = 0;
    uint32_t best = VOCAB_INDEX_NONE;
    for (size_t i = 0; i + 1 < text.len; i++) {
        node = vocab_trie_base(build->trie[node]) + (unsigned char)text.ptr[i];
        uint32_t token = vocab_trie_token(build->trie[node]);
        best = token != VOCAB_INDEX_NONE ? token : best;
    }
    return best;
}

static void build_fill_links(const struct build *build, const struct build_file *file)
{
    uint64_t *links = build_section(file, VOCAB_LINKS);
    uint32_t *pairs = build_section(file, VOCAB_PAIRS);
    uint64_t *filter = build_section(file, VOCAB_PAIR_BITS);
    const uint32_t slots = file->header.pair_slots;
    memset(pairs, 0xFF, slots * sizeof(*pairs));
    for (uint32_t i = 0; i < build->reached; i++) {
        const struct build_token *token = &build->tokens[build->order[i]];
        struct str text = build_bytes(build, i);
        uint32_t shorter = build_shorter(build, text);
        if (token->base) {
            links[i] = vocab_link(i, i, shorter, text.len);
            continue;
        }
        uint32_t left = build->tokens[token->left].index;
        uint32_t right = build->tokens[token->right].index;
        links[i] = vocab_link(left, right, shorter, text.len);
        uint64_t hash = vocab_pair_hash(vocab_pair_key(left, right));
        filter[vocab_filter_word(hash, file->header.pair_bits)] |= vocab_filter_mask(hash);
        uint32_t slot = vocab_slot(hash, slots);
        while (pairs[slot] != VOCAB_ROW_NONE) {
            slot = slot + 1 == slots ? 0 : slot + 1;
        }
        pairs[slot] = vocab_row(hash, i);
    }
    memcpy(build_section(file, VOCAB_RANKS), build->ranks,
           (build->reached - build->ordered) * sizeof(*build->ranks));
    memcpy(build_section(file, VOCAB_TRIE), build->trie, build->trie_slots * sizeof(*build->trie));
}

static void build_fill_whole(const struct build *build, const struct build_file *file)
{
    uint64_t *shorts = build_section(file, VOCAB_SHORT);
    uint32_t *longs = build_section(file, VOCAB_LONG);
    const uint32_t short_slots = file->header.short_slots;
    const uint32_t long_slots = file->header.long_slots;
    memset(longs, 0xFF, long_slots * sizeof(*longs));
    for (uint32_t i = 0; i < file->header.tokens && build->source->whole_pieces; i++) {
        struct str text = build_bytes(build, i);
        if (build_is_short(text)) {
            uint64_t key = vocab_short_key(text.ptr, text.len);
            uint32_t slot = vocab_slot(key * VOCAB_MIX_A, short_slots);
            while (shorts[slot] != 0) {
                slot = slot + 1 == short_slots ? 0 : slot + 1;
            }
            shorts[slot] = key;
        }
        if (!build_is_short(text) || i >= build->reached) {
            uint64_t hash = vocab_hash(text.ptr, text.len);
            uint32_t slot = vocab_slot(hash, long_slots);
            while (longs[slot] != VOCAB_ROW_NONE) {
                slot = slot + 1 == long_slots ? 0 : slot + 1;
            }
            longs[slot] = vocab_row(hash, i);
        }
    }
}

static int build_compare_runs(const void *left, const void *right)
{
    const struct vocab_file_run *a = left;
    const struct vocab_file_run *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

static enum err build_fill_ids(const struct build *build, const struct build_file *file)
{
    struct vocab_file_run *runs = build_section(file, VOCAB_RUNS);
    struct vocab_file_run *by_id = build_section(file, VOCAB_RUNS_BY_ID);
    const uint32_t count = file->header.id_runs;
    uint32_t at = 0;
    for (uint32_t i = 0; i < file->header.tokens; i++) {
        if (build_begins_run(build, i)) {
            runs[at++] = (struct vocab_file_run){ i, build_id(build, i), 0 };
        }
        runs[at - 1].count++;
    }
    ASSERT(at == count);
    memcpy(by_id, runs, count * sizeof(*runs));
    qsort(by_id, count, sizeof(*by_id), build_compare_runs);
    for (uint32_t i = 1; i < count; i++) {
        if (by_id[i].id < by_id[i - 1].id + by_id[i - 1].count) {
            return FAIL(build->fail, ERR_VOCAB, "two tokens of \"%s\" have the id %u",
                        build->source->name, by_id[i].id);
        }
    }
    return ERR_OK;
}

static void build_fill_specials(const struct build *build, const struct build_file *file)
{
    struct vocab_file_special *rows = build_section(file, VOCAB_SPECIALS);
    char *bytes = build_section(file, VOCAB_SPECIAL_BYTES);
    uint32_t at = 0;
    for (uint32_t i = 0; i < file->header.specials; i++) {
        const struct vocab_special *special = &build->source->specials[i];
        rows[i] = (struct vocab_file_special){
            .at = at,
            .len = (uint32_t)special->text.len,
            .id = special->id,
            .flags = (special->control ? VOCAB_SPECIAL_CONTROL : 0U) |
                     (special->lstrip ? VOCAB_SPECIAL_LSTRIP : 0U) |
                     (special->rstrip ? VOCAB_SPECIAL_RSTRIP : 0U),
        };
        memcpy(bytes + at, special->text.ptr, special->text.len);
        at += rows[i].len;
    }
}

static enum err build_fill(const struct build *build, struct build_file *file)
{
    const size_t index_bytes = sizeof(uint16_t) * UNICODE_INDEX_SIZE;
    build_fill_places(build, build_section(file, VOCAB_PLACES), build_section(file, VOCAB_BYTES));
    build_fill_links(build, file);
    build_fill_whole(build, file);
    build_joins(build, build_section(file, VOCAB_JOINS), file->header.join_bits);
    TRY(build_fill_ids(build, file));
    build_fill_specials(build, file);
    memcpy(build_section(file, VOCAB_CLASS_INDEX), file->class_tables.ptr, index_bytes);
    memcpy(build_section(file, VOCAB_CLASS_BLOCKS), file->class_tables.ptr + index_bytes,
           file->class_tables.len - index_bytes);
    memcpy(file->bytes, &file->header, sizeof(file->header));
    file->header.checksum = vocab_checksum(file->bytes, file->header.file_bytes);
    memcpy(file->bytes, &file->header, sizeof(file->header));
    return ERR_OK;
}

/* What was made must be what is taken: a fault here is seen before a server starts on it. */
static enum err build_check(const struct build_file *file, const char *name, struct fail *fail)
{
    struct vocab vocab = { .specials = NULL };
    TRY(vocab_attach(&vocab, (struct str){ file->bytes, file->header.file_bytes }, name, fail));
    vocab_detach(&vocab);
    return ERR_OK;
}

static enum err build_tables(struct build *build, struct str classes, struct buf *out)
{
    struct build_file file = { .bytes = NULL };
    TRY(build_read_classes(&file, classes, build->fail));
    TRY(build_merges(build));
    TRY(build_places(build));
    TRY(build_trie(build));
    TRY(build_header(build, &file));
    if (file.header.file_bytes > BUILD_FILE_MAX) {
        return FAIL(build->fail, ERR_VOCAB, "the tables of \"%s\" are too large",
                    build->source->name);
    }
    if (buf_reserve(out, file.header.file_bytes) != ERR_OK) {
        return build_no_memory(build);
    }
    file.bytes = out->ptr;
    memset(file.bytes, 0, file.header.file_bytes);
    TRY(build_fill(build, &file));
    buf_added(out, file.header.file_bytes);
    return build_check(&file, build->source->name, build->fail);
}

enum err build_vocab(const struct source *source, struct str classes, struct buf *out,
                     struct fail *fail)
{
    ASSERT(source != NULL && out->len == 0);
    if (source->token_count == 0 || source->token_count > VOCAB_TOKENS_MAX) {
        return FAIL(fail, ERR_VOCAB, "\"%s\" has %u tokens", source->name, source->token_count);
    }
    struct build build = { .source = source, .fail = fail };
    arena_init(&build.arena, (size_t)1 << 16, BUILD_ARENA_MAX);
    enum err err = build_tables(&build, classes, out);
    if (err != ERR_OK) {
        buf_reset(out);
    }
    arena_fini(&build.arena);
    return err;
}
