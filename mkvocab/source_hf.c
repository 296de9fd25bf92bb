/*
 * Hugging Face's tokenizer.json, where its model is BPE: on bytes (GPT-2's alphabet of 256
 * characters stands for them), or on characters with byte tokens for those that are not in the
 * vocabulary (SentencePiece's, as Gemma's). What changes counts and is not known is refused;
 * post-processor, decoder, truncation and padding change none and are not read.
 */
#include <string.h>

#include "base/enc.h"
#include "source_internal.h"

#define HF_ALPHABET     324 /* one above the largest character that stands for a byte */
#define HF_PATTERNS_MAX 4
#define HF_TEXT_MAX     ((size_t)2 * VOCAB_TOKEN_MAX) /* a byte is one or two in the alphabet */
#define HF_SPACE        "\xE2\x96\x81"                /* U+2581 */

struct hf {
    struct reader *reader;
    const json_t *model;
    bool spaces;                   /* the normalizer makes " " to U+2581 */
    int16_t alphabet[HF_ALPHABET]; /* the byte that a character stands for, or -1 */
};

static enum err hf_unsupported(struct hf *hf, const char *key, const json_t *value)
{
    char text[120];
    size_t len = json_dumpb(value, text, sizeof(text), JSON_COMPACT | JSON_ENCODE_ANY);
    struct str shown = { text, len < sizeof(text) ? len : sizeof(text) };
    return FAIL(hf->reader->fail, ERR_VOCAB, "\"%s\" is not supported: " STR_FMT, key,
                STR_ARG(shown));
}

static bool hf_is(const json_t *object, const char *key, struct str want)
{
    return str_eq(source_text(json_object_get(object, key)), want);
}

/* Absent, null, or an empty text. */
static bool hf_is_unset(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

/* ---- what is done to text before the merges -------------------------------------------------- */

static enum err hf_normalizer_one(struct hf *hf, const json_t *normalizer)
{
    struct vocab_split *split = &hf->reader->source->split;
    const json_t *pattern = json_object_get(normalizer, "pattern");
    if (hf_is(normalizer, "type", STR("NFC")) && !hf->spaces && !split->nfc) {
        split->nfc = true;
        return ERR_OK;
    }
    if (hf_is(normalizer, "type", STR("Replace")) && hf_is(pattern, "String", STR(" ")) &&
        hf_is(normalizer, "content", STR(HF_SPACE)) && !hf->spaces && !split->nfc) {
        hf->spaces = true;
        return ERR_OK;
    }
    return hf_unsupported(hf, "normalizer", normalizer);
}

static enum err hf_normalizer(struct hf *hf)
{
    const json_t *normalizer = json_object_get(hf->reader->root, "normalizer");
    if (normalizer == NULL || json_is_null(normalizer)) {
        return ERR_OK;
    }
    if (!hf_is(normalizer, "type", STR("Sequence"))) {
        return hf_normalizer_one(hf, normalizer);
    }
    const json_t *list = json_object_get(normalizer, "normalizers");
    for (size_t i = 0; i < json_array_size(list); i++) {
        TRY(hf_normalizer_one(hf, json_array_get(list, i)));
    }
    return ERR_OK;
}

/* A split by a regular expression: each match is a piece, and so is what lies between two. Where
 * what lies between is removed, the expression must leave nothing: those that are known do. */
static bool hf_split_pattern(const json_t *split, struct str *ret_pattern)
{
    bool invert = json_is_true(json_object_get(split, "invert"));
    struct str behaviour = invert ? STR("Removed") : STR("Isolated");
    struct str pattern = source_text(json_object_get(json_object_get(split, "pattern"), "Regex"));
    if (!hf_is(split, "type", STR("Split")) || !hf_is(split, "behavior", behaviour) ||
        pattern.len == 0) {
        return false;
    }
    *ret_pattern = pattern;
    return true;
}

static bool hf_is_plain_bytes(const json_t *part)
{
    return hf_is(part, "type", STR("ByteLevel")) &&
           json_is_false(json_object_get(part, "add_prefix_space")) &&
           json_is_false(json_object_get(part, "use_regex"));
}

static enum err hf_splits(struct hf *hf)
{
    const json_t *outer = json_object_get(hf->reader->root, "pre_tokenizer");
    const json_t *list = json_object_get(outer, "pretokenizers");
    size_t size = json_array_size(list);
    if (!hf_is(outer, "type", STR("Sequence")) || size < 2 || size > HF_PATTERNS_MAX + 1 ||
        !hf_is_plain_bytes(json_array_get(list, size - 1))) {
        return hf_unsupported(hf, "pre_tokenizer", outer);
    }
    struct str patterns[HF_PATTERNS_MAX];
    for (size_t i = 0; i < size - 1; i++) {
        const json_t *part = json_array_get(list, i);
        if (!hf_split_pattern(part, &patterns[i])) {
            return hf_unsupported(hf, "pre_tokenizer", part);
        }
    }
    return source_rule_find(hf->reader, patterns, size - 1);
}

/* After the normalizer no space is left that this could split at. */
static bool hf_is_no_split(const json_t *split)
{
    return split == NULL || json_is_null(split) ||
           (hf_is(split, "type", STR("Split")) &&
            hf_is(json_object_get(split, "pattern"), "String", STR(" ")));
}

static enum err hf_pre_tokenizer(struct hf *hf)
{
    if (!hf->spaces) {
        return hf_splits(hf);
    }
    const json_t *split = json_object_get(hf->reader->root, "pre_tokenizer");
    if (!hf_is_no_split(split)) {
        return hf_unsupported(hf, "pre_tokenizer", split);
    }
    hf->reader->source->split = (struct vocab_split){ .rule = VOCAB_RULE_SPACES, .digits_max = 1 };
    return ERR_OK;
}

/* ---- the model ------------------------------------------------------------------------------- */

static enum err hf_model_flags(struct hf *hf)
{
    struct source *source = hf->reader->source;
    const json_t *type = json_object_get(hf->model, "type");
    if (type != NULL && !str_eq(source_text(type), STR("BPE"))) {
        return FAIL(hf->reader->fail, ERR_VOCAB,
                    "the model's type is \"" STR_FMT "\"; only \"BPE\" is supported",
                    STR_ARG(source_text(type)));
    }
    const json_t *dropout = json_object_get(hf->model, "dropout");
    if (dropout != NULL && !json_is_null(dropout)) {
        return hf_unsupported(hf, "dropout", dropout);
    }
    const char *const affixes[] = { "continuing_subword_prefix", "end_of_word_suffix" };
    for (size_t i = 0; i < EP_ARRAY_LEN(affixes); i++) {
        if (!hf_is_unset(hf->model, affixes[i])) {
            return hf_unsupported(hf, affixes[i], json_object_get(hf->model, affixes[i]));
        }
    }
    if (!source_flag(hf->model, "ignore_merges", &source->whole_pieces) ||
        !source_flag(hf->model, "byte_fallback", &source->byte_fallback)) {
        return FAIL(hf->reader->fail, ERR_VOCAB,
                    "\"ignore_merges\" or \"byte_fallback\" is neither true nor false");
    }
    if (source->byte_fallback != hf->spaces || (source->byte_fallback && source->whole_pieces)) {
        return FAIL(hf->reader->fail, ERR_VOCAB,
                    "byte_fallback goes with the normalizer that makes spaces to U+2581 and "
                    "without ignore_merges; other combinations are not supported");
    }
    return ERR_OK;
}

/* GPT-2's alphabet: printable Latin-1 characters stand for themselves, the other bytes for the
 * characters from U+0100 on, in order. */
static void hf_alphabet_init(struct hf *hf)
{
    for (size_t i = 0; i < HF_ALPHABET; i++) {
        hf->alphabet[i] = -1;
    }
    size_t other = 256;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
        size_t code = printable ? byte : other++;
        hf->alphabet[code] = (int16_t)byte;
    }
    ASSERT(other == HF_ALPHABET);
}

/* The bytes that a token's text stands for, to `bytes`; false: it holds a character that stands
 * for none. The text is checked UTF-8. */
static bool hf_bytes(const struct hf *hf, struct str text, struct buf *bytes)
{
    for (size_t i = 0; i < text.len; i++) {
        size_t code = (unsigned char)text.ptr[i];
        if (code >= 0xE0) {
            return false;
        }
        if (code >= 0x80) {
            i++;
            ASSERT(i < text.len);
            code = (code & 0x1FU) << 6 | ((unsigned char)text.ptr[i] & 0x3FU);
        }
        if (code >= HF_ALPHABET || hf->alphabet[code] < 0 ||
            buf_byte(bytes, (char)hf->alphabet[code]) != ERR_OK) {
            return false;
        }
    }
    return true;
}

/* A token's text as merges see it: its bytes; for SentencePiece the text itself. */
static bool hf_token_text(const struct hf *hf, struct str text, struct buf *bytes)
{
    bytes->len = 0;
    return hf->spaces ? buf_append(bytes, text) == ERR_OK : hf_bytes(hf, text, bytes);
}

/* The byte of "<0x0A>", or -1. */
static int hf_byte_token(struct str text)
{
    unsigned char byte = 0;
    bool is = text.len == 6 && str_starts(text, STR("<0x")) && text.ptr[5] == '>';
    return is && enc_hex_read(str_slice(text, 3, 5), &byte, 1) ? byte : -1;
}

static enum err hf_vocab_one(struct hf *hf, struct str text, const json_t *value, bool *bytes_seen)
{
    struct reader *reader = hf->reader;
    char bytes[HF_TEXT_MAX];
    struct buf out = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    uint32_t id = 0;
    if (!source_number(value, VOCAB_TOKENS_MAX, &id) || text.len > HF_TEXT_MAX) {
        struct str shown = source_shown(text);
        return FAIL(reader->fail, ERR_VOCAB,
                    "the token \"" STR_FMT "\" has no id below %u, or over %d bytes",
                    STR_ARG(shown), VOCAB_TOKENS_MAX, VOCAB_TOKEN_MAX);
    }
    int byte = hf->spaces ? hf_byte_token(text) : -1;
    if (byte >= 0) {
        reader->source->byte_ids[byte] = id;
        bytes_seen[byte] = true;
        return ERR_OK;
    }
    /* In a vocabulary on bytes, text of other characters can only be an added token's. */
    return hf_token_text(hf, text, &out) ? source_add(reader, buf_str(&out), id) : ERR_OK;
}

static enum err hf_vocab(struct hf *hf)
{
    json_t *vocab = json_object_get(hf->model, "vocab");
    bool bytes_seen[256] = { false };
    TRY(source_reserve(hf->reader, json_object_size(vocab)));
    const char *key = NULL;
    size_t len = 0;
    json_t *value = NULL;
    json_object_keylen_foreach(vocab, key, len, value)
    {
        TRY(hf_vocab_one(hf, (struct str){ key, len }, value, bytes_seen));
    }
    for (unsigned byte = 0; byte < 256 && hf->spaces; byte++) {
        if (!bytes_seen[byte]) {
            return FAIL(hf->reader->fail, ERR_VOCAB, "the token \"<0x%02X>\" is missing", byte);
        }
    }
    return ERR_OK;
}

/* ---- merges ---------------------------------------------------------------------------------- */

/* The two sides of a merge: ["a","b"], or "a b". */
static bool hf_merge_sides(const json_t *merge, struct str *ret_left, struct str *ret_right)
{
    if (json_is_array(merge) && json_array_size(merge) == 2) {
        *ret_left = source_text(json_array_get(merge, 0));
        *ret_right = source_text(json_array_get(merge, 1));
    } else {
        *ret_right = source_text(merge);
        *ret_left = str_cut(ret_right, ' ');
    }
    return ret_left->len > 0 && ret_right->len > 0;
}

static bool hf_row(const struct hf *hf, struct str bytes, uint32_t *ret_row)
{
    const struct source_token *token = map_find(&hf->reader->tokens, bytes);
    if (token == NULL) {
        return false;
    }
    *ret_row = (uint32_t)(token - hf->reader->source->tokens);
    return true;
}

static bool hf_merge_one(const struct hf *hf, const json_t *json, struct source_merge *merge)
{
    char left[VOCAB_TOKEN_MAX];
    char both[VOCAB_TOKEN_MAX];
    struct buf part = { left, 0, sizeof(left), sizeof(left) };
    struct buf whole = { both, 0, sizeof(both), sizeof(both) };
    struct str left_text;
    struct str right_text;
    if (!hf_merge_sides(json, &left_text, &right_text) || !hf_token_text(hf, left_text, &part) ||
        buf_append(&whole, buf_str(&part)) != ERR_OK || !hf_row(hf, buf_str(&part), &merge->left) ||
        !hf_token_text(hf, right_text, &part) || buf_append(&whole, buf_str(&part)) != ERR_OK ||
        !hf_row(hf, buf_str(&part), &merge->right)) {
        return false;
    }
    return hf_row(hf, buf_str(&whole), &merge->result);
}

static enum err hf_merges(struct hf *hf)
{
    struct source *source = hf->reader->source;
    const json_t *list = json_object_get(hf->model, "merges");
    size_t count = json_array_size(list);
    if (count == 0 || count > UINT32_MAX) {
        return FAIL(hf->reader->fail, ERR_VOCAB, "the model has no list of \"merges\"");
    }
    source->merges = arena_alloc(&source->arena, count * sizeof(*source->merges));
    if (source->merges == NULL) {
        return source_no_memory(hf->reader);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *merge = json_array_get(list, i);
        if (!hf_merge_one(hf, merge, &source->merges[i])) {
            struct str left = STR_EMPTY;
            struct str right = STR_EMPTY;
            (void)hf_merge_sides(merge, &left, &right); /* what is not two texts shows as none */
            left = source_shown(left);
            right = source_shown(right);
            return FAIL(hf->reader->fail, ERR_VOCAB,
                        "merge %zu is not two tokens that together are a token: \"" STR_FMT
                        "\" and \"" STR_FMT "\"",
                        i, STR_ARG(left), STR_ARG(right));
        }
    }
    source->merge_count = (uint32_t)count;
    return ERR_OK;
}

enum err source_read_hf(struct reader *reader)
{
    struct hf hf = { .reader = reader, .model = json_object_get(reader->root, "model") };
    hf_alphabet_init(&hf);
    TRY(hf_normalizer(&hf));
    TRY(hf_model_flags(&hf));
    TRY(hf_pre_tokenizer(&hf));
    TRY(hf_vocab(&hf));
    TRY(hf_merges(&hf));
    json_t *added = json_object_get(reader->root, "added_tokens");
    return added == NULL || json_is_null(added) ? ERR_OK : source_add_all_added(reader, added);
}
