#include <string.h>

#include "base/mem.h"
#include "meter/vocab_tables_internal.h"

#define VOCAB_LANES 8
#define VOCAB_BLOCK ((size_t)64 << 10) /* is still in the nearest cache when it is read again */

static const char vocab_damaged[] = "it is damaged: the checksum differs";

/* Each step of a lane can be undone, so a changed word changes its lane; eight lanes keep the
 * multiplier busy, which is then about as fast as memory: 10 MB in half a millisecond. */
static uint64_t vocab_checksum_step(uint64_t lane, uint64_t word)
{
    lane = (lane ^ word) * VOCAB_MIX_A;
    return lane ^ lane >> 32;
}

/* Written out, for a loop would not be unrolled and its lanes not be kept in registers. */
static inline void vocab_checksum_line(uint64_t *lanes, const char *ptr)
{
    lanes[0] = vocab_checksum_step(lanes[0], vocab_load64(ptr));
    lanes[1] = vocab_checksum_step(lanes[1], vocab_load64(ptr + 8));
    lanes[2] = vocab_checksum_step(lanes[2], vocab_load64(ptr + 16));
    lanes[3] = vocab_checksum_step(lanes[3], vocab_load64(ptr + 24));
    lanes[4] = vocab_checksum_step(lanes[4], vocab_load64(ptr + 32));
    lanes[5] = vocab_checksum_step(lanes[5], vocab_load64(ptr + 40));
    lanes[6] = vocab_checksum_step(lanes[6], vocab_load64(ptr + 48));
    lanes[7] = vocab_checksum_step(lanes[7], vocab_load64(ptr + 56));
}

static uint64_t vocab_checksum_part(uint64_t seed, const char *ptr, size_t bytes)
{
    uint64_t lanes[VOCAB_LANES];
    for (size_t i = 0; i < VOCAB_LANES; i++) {
        lanes[i] = vocab_mix(seed, i);
    }
    size_t at = 0;
    for (; at + 8 * VOCAB_LANES <= bytes; at += 8 * VOCAB_LANES) {
        vocab_checksum_line(lanes, ptr + at);
    }
    for (; at < bytes; at++) {
        lanes[0] = vocab_checksum_step(lanes[0], (unsigned char)ptr[at]);
    }
    uint64_t sum = bytes;
    for (size_t i = 0; i < VOCAB_LANES; i++) {
        sum = vocab_checksum_step(sum, lanes[i]);
    }
    return sum;
}

/* Of the first page. */
static uint64_t vocab_checksum_page(const char *ptr)
{
    const size_t at = offsetof(struct vocab_header, checksum);
    const size_t behind = at + sizeof(uint64_t);
    return vocab_checksum_part(vocab_checksum_part(0, ptr, at), ptr + behind, VOCAB_PAGE - behind);
}

static size_t vocab_block_end(size_t at, size_t bytes)
{
    return bytes - at < VOCAB_BLOCK ? bytes : at + VOCAB_BLOCK;
}

uint64_t vocab_checksum(const void *file, size_t bytes)
{
    ASSERT(bytes >= VOCAB_PAGE);
    const char *ptr = file;
    uint64_t sum = vocab_checksum_page(ptr);
    for (size_t at = VOCAB_PAGE; at < bytes; at = vocab_block_end(at, bytes)) {
        sum = vocab_checksum_part(sum, ptr + at, vocab_block_end(at, bytes) - at);
    }
    return sum;
}

uint64_t vocab_layout(const struct vocab_header *header, struct vocab_span *ret_sections)
{
    const uint64_t bytes[VOCAB_SECTION_COUNT] = {
        [VOCAB_PLACES] = 4 * (uint64_t)header->tokens,
        [VOCAB_BYTES] = header->token_bytes,
        [VOCAB_LINKS] = 8 * (uint64_t)header->reached,
        [VOCAB_RANKS] = 4 * ((uint64_t)header->reached - header->ordered),
        [VOCAB_PAIRS] = 4 * (uint64_t)header->pair_slots,
        [VOCAB_PAIR_BITS] = (UINT64_C(1) << header->pair_bits) / 8,
        [VOCAB_TRIE] = 8 * (uint64_t)header->trie_slots,
        [VOCAB_SHORT] = 8 * (uint64_t)header->short_slots,
        [VOCAB_LONG] = 4 * (uint64_t)header->long_slots,
        [VOCAB_JOINS] = 8 * VOCAB_EDGE_WORDS + (UINT64_C(1) << header->join_bits) / 8,
        [VOCAB_RUNS] = sizeof(struct vocab_file_run) * (uint64_t)header->id_runs,
        [VOCAB_RUNS_BY_ID] = sizeof(struct vocab_file_run) * (uint64_t)header->id_runs,
        [VOCAB_SPECIALS] = sizeof(struct vocab_file_special) * (uint64_t)header->specials,
        [VOCAB_SPECIAL_BYTES] = header->special_bytes,
        [VOCAB_CLASS_INDEX] = 2 * (uint64_t)UNICODE_INDEX_SIZE,
        [VOCAB_CLASS_BLOCKS] = 2 * (uint64_t)UNICODE_BLOCK_SIZE * header->class_blocks,
    };
    uint64_t at = VOCAB_PAGE;
    for (size_t i = 0; i < VOCAB_SECTION_COUNT; i++) {
        ret_sections[i] = (struct vocab_span){ at, bytes[i] };
        at += (bytes[i] + VOCAB_PAGE - 1) / VOCAB_PAGE * VOCAB_PAGE;
    }
    return at;
}

static bool vocab_is_filter(uint32_t bits)
{
    return bits >= VOCAB_FILTER_MIN && bits <= VOCAB_FILTER_MAX;
}

/* What is wrong, or NULL. */
static const char *vocab_check_counts(const struct vocab_header *header)
{
    if (header->bases == 0 || header->ordered < header->bases ||
        header->reached < header->ordered || header->tokens < header->reached ||
        header->tokens > VOCAB_TOKENS_MAX) {
        return "its token counts do not agree";
    }
    if (header->pair_slots == 0 || header->trie_slots < 256 ||
        header->trie_slots >= VOCAB_NODE_NONE || header->short_slots == 0 ||
        header->long_slots == 0 || !vocab_is_filter(header->join_bits) ||
        !vocab_is_filter(header->pair_bits)) {
        return "a table has an impossible size";
    }
    if (header->token_bytes > 1U << VOCAB_PLACE_BITS) {
        return "its tokens have too many bytes";
    }
    if (header->longest == 0 || header->longest > VOCAB_TOKEN_MAX) {
        return "its longest token has an impossible length";
    }
    if (header->specials > VOCAB_SPECIAL_MAX || header->class_blocks == 0 ||
        header->class_blocks > UNICODE_INDEX_SIZE || header->id_runs == 0 ||
        header->id_runs > header->tokens || header->ids > 4 * VOCAB_TOKENS_MAX) {
        return "a count is out of range";
    }
    return NULL;
}

static const char *vocab_check_names(const struct vocab_header *header)
{
    if (header->name[0] == '\0' || memchr(header->name, '\0', VOCAB_NAME_MAX) == NULL ||
        memchr(header->template, '\0', VOCAB_NAME_MAX) == NULL) {
        return "its name or template is not text";
    }
    for (size_t i = 0; i < VOCAB_HEX; i++) {
        char digit = header->source[i];
        if (!((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'))) {
            return "the digest of its source is not hex";
        }
    }
    if (header->rule >= VOCAB_RULE_COUNT ||
        (header->digits_max == 0 && header->rule != VOCAB_RULE_SPACES) ||
        header->digits_max > VOCAB_DIGITS_MAX || (header->flags & ~VOCAB_FLAGS_ALL) != 0) {
        return "its rule of splitting is not known";
    }
    return NULL;
}

static const char *vocab_check_header(const struct vocab_header *header, size_t bytes)
{
    static const char magic[8] = VOCAB_MAGIC;
    if (memcmp(header->magic, magic, sizeof(magic)) != 0) {
        return "it is not a vocabulary";
    }
    if (header->version != VOCAB_VERSION) {
        return "it is of another version; make it again";
    }
    if (header->file_bytes != bytes) {
        return "it is cut off or has grown";
    }
    const char *wrong = vocab_check_counts(header);
    if (wrong == NULL) {
        wrong = vocab_check_names(header);
    }
    struct vocab_span want[VOCAB_SECTION_COUNT];
    if (wrong == NULL && (vocab_layout(header, want) != bytes ||
                          memcmp(want, header->sections, sizeof(want)) != 0)) {
        wrong = "its sections do not lie where its counts put them";
    }
    bool damaged = wrong != NULL && header->checksum != vocab_checksum(header, bytes);
    return damaged ? vocab_damaged : wrong;
}

/* ---- rows of the large tables, from .. to: what no other row has a part in ---- */

/* The bytes of each token lie in the file, and are few enough for the buffers of their users. */
static const char *vocab_check_places(const struct vocab *vocab, uint32_t from, uint32_t to)
{
    const uint32_t bytes = vocab->header->token_bytes;
    bool good = true;
    for (uint32_t i = from; i < to; i++) {
        uint32_t len = vocab_place_len(vocab->places[i]);
        good &= len - 1 < VOCAB_TOKEN_MAX;
        good &= vocab_place_at(vocab->places[i]) + len <= bytes;
    }
    return good ? NULL : "it has a token of an impossible place or length";
}

/* Undoing a merge leads to lower indexes, shortening a token to shorter ones: both end. */
static const char *vocab_check_links(const struct vocab *vocab, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        uint64_t link = vocab->links[i];
        bool made = i >= vocab->bases && i < vocab->ordered;
        if (made && (vocab_link_left(link) >= i || vocab_link_right(link) >= i)) {
            return "a merge needs a later one";
        }
        uint32_t shorter = vocab_link_shorter(link);
        if (shorter != VOCAB_INDEX_NONE &&
            (shorter >= vocab->reached || vocab_len(vocab, shorter) >= vocab_len(vocab, i))) {
            return "a token's shorter prefix is not shorter";
        }
    }
    return NULL;
}

static const char *vocab_check_ranks(const struct vocab *vocab, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (vocab->ranks[i] >= vocab->ordered) {
            return "a rank is out of range";
        }
    }
    return NULL;
}

static const char *vocab_check_pairs(const struct vocab *vocab, uint32_t from, uint32_t to)
{
    bool good = true;
    for (uint32_t i = from; i < to; i++) {
        uint32_t index = vocab_row_index(vocab->pairs[i]);
        good &= (vocab->pairs[i] == VOCAB_ROW_NONE) |
                ((index >= vocab->bases) & (index < vocab->reached));
    }
    return good ? NULL : "its table of pairs leads outside";
}

static const char *vocab_check_trie(const struct vocab *vocab, uint32_t from, uint32_t to)
{
    const uint32_t last = vocab->header->trie_slots - 256;
    bool good = true;
    for (uint32_t i = from; i < to; i++) {
        uint64_t slot = vocab->trie[i];
        uint32_t token = vocab_trie_token(slot);
        good &= vocab_trie_base(slot) <= last;
        good &= (token < vocab->reached) | (token == VOCAB_INDEX_NONE);
    }
    return good ? NULL : "a node of its trie leads outside";
}

static const char *vocab_check_longs(const struct vocab *vocab, uint32_t from, uint32_t to)
{
    bool good = true;
    for (uint32_t i = from; i < to; i++) {
        good &= (vocab->longs[i] == VOCAB_ROW_NONE) |
                (vocab_row_index(vocab->longs[i]) < vocab->info.tokens);
    }
    return good ? NULL : "its table of long pieces leads outside";
}

static const char *vocab_check_classes(const struct vocab *vocab, uint32_t from, uint32_t to)
{
    bool good = true;
    for (uint32_t i = from; i < to; i++) {
        good &= vocab->unicode.index[i] < vocab->header->class_blocks;
    }
    return good ? NULL : "its table of characters leads outside";
}

/* ---- what takes all of a table ---- */

/* Each table of hashes has a free slot, at which a search ends. */
static const char *vocab_check_ends(const struct vocab *vocab)
{
    uint32_t pair = 0;
    uint32_t shorter = 0;
    uint32_t longer = 0;
    while (pair < vocab->pair_slots && vocab->pairs[pair] != VOCAB_ROW_NONE) {
        pair++;
    }
    while (shorter < vocab->short_slots && vocab->shorts[shorter] != 0) {
        shorter++;
    }
    while (longer < vocab->long_slots && vocab->longs[longer] != VOCAB_ROW_NONE) {
        longer++;
    }
    return pair < vocab->pair_slots && shorter < vocab->short_slots && longer < vocab->long_slots
               ? NULL
               : "a table of it is full";
}

static const char *vocab_check_roots(const struct vocab *vocab)
{
    if (vocab_trie_parent(vocab->trie[0]) != VOCAB_NODE_NONE) {
        return "a node of its trie leads outside";
    }
    for (uint32_t byte = 0; byte < 256 && !vocab->characters; byte++) {
        uint64_t child = vocab->trie[vocab_trie_base(vocab->trie[0]) + byte];
        uint32_t token = vocab_trie_token(child);
        if (vocab_trie_parent(child) != 0 || token >= vocab->bases ||
            vocab_len(vocab, token) != 1) {
            return "a byte has no token";
        }
    }
    return NULL;
}

/* Each index lies in one run, each id in one at most. */
static const char *vocab_check_ids(const struct vocab *vocab)
{
    const struct vocab_header *header = vocab->header;
    uint64_t index = 0;
    uint64_t id = 0;
    bool good = true;
    for (uint32_t i = 0; i < header->id_runs; i++) {
        const struct vocab_file_run *run = &vocab->runs[i];
        good &= run->index == index && run->count > 0;
        good &= (uint64_t)run->id + run->count <= header->ids;
        index += run->count;
        run = &vocab->runs_by_id[i];
        good &= run->id >= id && (uint64_t)run->index + run->count <= header->tokens;
        id = (uint64_t)run->id + run->count;
    }
    good &= index == header->tokens && id <= header->ids;
    for (uint32_t i = 0; vocab->characters && i < 256; i++) {
        good &= header->byte_ids[i] < header->ids;
    }
    return good ? NULL : "an id is out of range";
}

static const char *vocab_read_specials(struct vocab *vocab, const struct vocab_file_special *rows,
                                       const char *bytes)
{
    const struct vocab_header *header = vocab->header;
    for (uint32_t i = 0; i < header->specials; i++) {
        const struct vocab_file_special *row = &rows[i];
        if (row->len == 0 || row->len > VOCAB_TOKEN_MAX || row->at > header->special_bytes ||
            row->len > header->special_bytes - row->at || row->id >= header->ids ||
            (row->flags & ~VOCAB_SPECIAL_FLAGS_ALL) != 0) {
            return "a control token is out of range";
        }
        vocab->specials[i] = (struct vocab_special){
            .text = { bytes + row->at, row->len },
            .id = row->id,
            .control = (row->flags & VOCAB_SPECIAL_CONTROL) != 0,
            .lstrip = (row->flags & VOCAB_SPECIAL_LSTRIP) != 0,
            .rstrip = (row->flags & VOCAB_SPECIAL_RSTRIP) != 0,
        };
        if (i > 0 && str_cmp(vocab->specials[i - 1].text, vocab->specials[i].text) >= 0) {
            return "its control tokens are not in order";
        }
    }
    return NULL;
}

/* A section's begin: on a page, so aligned for any table. */
static const void *vocab_section(const struct vocab *vocab, enum vocab_section section)
{
    const struct vocab_span *span = &vocab->header->sections[section];
    return span->bytes > 0 ? (const char *)vocab->header + span->offset : NULL;
}

static void vocab_set_tables(struct vocab *vocab)
{
    const struct vocab_header *header = vocab->header;
    vocab->places = vocab_section(vocab, VOCAB_PLACES);
    vocab->bytes = vocab_section(vocab, VOCAB_BYTES);
    vocab->links = vocab_section(vocab, VOCAB_LINKS);
    vocab->ranks = vocab_section(vocab, VOCAB_RANKS);
    vocab->pairs = vocab_section(vocab, VOCAB_PAIRS);
    vocab->pair_filter = vocab_section(vocab, VOCAB_PAIR_BITS);
    vocab->trie = vocab_section(vocab, VOCAB_TRIE);
    vocab->shorts = vocab_section(vocab, VOCAB_SHORT);
    vocab->longs = vocab_section(vocab, VOCAB_LONG);
    vocab->joins = vocab_section(vocab, VOCAB_JOINS);
    vocab->runs = vocab_section(vocab, VOCAB_RUNS);
    vocab->runs_by_id = vocab_section(vocab, VOCAB_RUNS_BY_ID);
    vocab->unicode.index = vocab_section(vocab, VOCAB_CLASS_INDEX);
    vocab->unicode.blocks = vocab_section(vocab, VOCAB_CLASS_BLOCKS);
    vocab->bases = header->bases;
    vocab->ordered = header->ordered;
    vocab->reached = header->reached;
    vocab->longest = header->longest;
    vocab->pair_slots = header->pair_slots;
    vocab->short_slots = header->short_slots;
    vocab->long_slots = header->long_slots;
    vocab->join_bits = header->join_bits;
    vocab->pair_bits = header->pair_bits;
    vocab->characters = (header->flags & VOCAB_FLAG_BYTE_FALLBACK) != 0;
    vocab->whole = (header->flags & VOCAB_FLAG_WHOLE) != 0;
    for (size_t byte = 0; byte < 256; byte++) {
        vocab->byte_texts[byte] = (char)(unsigned char)byte;
    }
}

static void vocab_set_info(struct vocab *vocab)
{
    const struct vocab_header *header = vocab->header;
    vocab->split = (struct vocab_split){
        .rule = (enum vocab_rule)header->rule,
        .digits_max = header->digits_max,
        .slash = (header->flags & VOCAB_FLAG_SLASH) != 0,
        .nfc = (header->flags & VOCAB_FLAG_NFC) != 0,
        .run_max = header->run_max,
        .text_max = header->text_max,
    };
    vocab->info = (struct vocab_info){
        .name = str_from(header->name),
        .source = { header->source, VOCAB_HEX },
        .template = str_from(header->template),
        .unicode = header->unicode,
        .tokens = header->tokens,
        .ids = header->ids,
        .bytes = header->file_bytes,
    };
}

/* How a section's rows are checked. A section begins on a page, so no row lies in two blocks. */
struct vocab_rows {
    enum vocab_section section;
    uint32_t width; /* bytes */
    const char *(*check)(const struct vocab *vocab, uint32_t from, uint32_t to);
};

/* The rows that lie in from .. to of the file. What is wrong, or NULL. */
static const char *vocab_check_block(const struct vocab *vocab, uint64_t from, uint64_t to)
{
    static const struct vocab_rows rows[] = {
        { VOCAB_PLACES, 4, vocab_check_places },       { VOCAB_LINKS, 8, vocab_check_links },
        { VOCAB_RANKS, 4, vocab_check_ranks },         { VOCAB_PAIRS, 4, vocab_check_pairs },
        { VOCAB_TRIE, 8, vocab_check_trie },           { VOCAB_LONG, 4, vocab_check_longs },
        { VOCAB_CLASS_INDEX, 2, vocab_check_classes },
    };
    const char *wrong = NULL;
    for (size_t i = 0; i < EP_ARRAY_LEN(rows) && wrong == NULL; i++) {
        const struct vocab_span *span = &vocab->header->sections[rows[i].section];
        uint64_t first = from > span->offset ? from - span->offset : 0;
        uint64_t last = to > span->offset ? to - span->offset : 0;
        last = last < span->bytes ? last : span->bytes;
        if (first < last) {
            ASSERT(first % rows[i].width == 0 && last % rows[i].width == 0);
            wrong = rows[i].check(vocab, (uint32_t)(first / rows[i].width),
                                  (uint32_t)(last / rows[i].width));
        }
    }
    return wrong;
}

/* Reads the file once, for its checksum and for its rows: it is too large to stay near. */
static const char *vocab_check_tables(const struct vocab *vocab)
{
    static const char *(*const checks[])(const struct vocab *) = {
        vocab_check_ends,
        vocab_check_roots,
        vocab_check_ids,
    };
    const struct vocab_header *header = vocab->header;
    const char *ptr = (const char *)header;
    const char *wrong = NULL;
    uint64_t sum = vocab_checksum_page(ptr);
    for (size_t at = VOCAB_PAGE; at < header->file_bytes;) {
        size_t end = vocab_block_end(at, header->file_bytes);
        sum = vocab_checksum_part(sum, ptr + at, end - at);
        wrong = wrong == NULL ? vocab_check_block(vocab, at, end) : wrong;
        at = end;
    }
    if (sum != header->checksum) {
        return vocab_damaged;
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(checks) && wrong == NULL; i++) {
        wrong = checks[i](vocab);
    }
    return wrong;
}

enum err vocab_attach(struct vocab *vocab, struct str file, const char *name, struct fail *fail)
{
    ASSERT((uintptr_t)file.ptr % sizeof(uint64_t) == 0);
    ASSERT(vocab->specials == NULL);
    if (file.len < VOCAB_PAGE) {
        return FAIL(fail, ERR_VOCAB, "\"%s\": it is cut off", name);
    }
    vocab->header = (const void *)file.ptr;
    const char *wrong = vocab_check_header(vocab->header, file.len);
    if (wrong == NULL) {
        vocab_set_tables(vocab);
        vocab_set_info(vocab);
        wrong = vocab_check_tables(vocab);
    }
    if (wrong == NULL && vocab->header->specials > 0) {
        vocab->specials = mem_alloc(vocab->header->specials * sizeof(*vocab->specials));
        if (vocab->specials == NULL) {
            return FAIL(fail, ERR_NO_MEMORY, "no memory for the vocabulary \"%s\"", name);
        }
        wrong = vocab_read_specials(vocab, vocab_section(vocab, VOCAB_SPECIALS),
                                    vocab_section(vocab, VOCAB_SPECIAL_BYTES));
    }
    if (wrong != NULL) {
        vocab_detach(vocab);
        return FAIL(fail, ERR_VOCAB, "the vocabulary \"%s\" is refused: %s", name, wrong);
    }
    return ERR_OK;
}

void vocab_detach(struct vocab *vocab)
{
    mem_free(vocab->specials);
    vocab->specials = NULL;
}
