#include "source.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source_internal.h"

/* The largest known, Gemma 3, takes 40 MB of it. */
#define SOURCE_ARENA_MAX ((size_t)512 << 20)
#define SOURCE_ARENA_MIN ((size_t)4 << 10)
/* Text of a token that a message shows. */
#define SOURCE_SHOWN 40

enum err source_no_memory(struct reader *reader)
{
    return FAIL(reader->fail, ERR_NO_MEMORY, "no memory for the tokens");
}

struct str source_shown(struct str text)
{
    return text.len > SOURCE_SHOWN ? str_slice(text, 0, SOURCE_SHOWN) : text;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Jansson tells want of memory as a syntax error here and there. */
static _Thread_local bool source_json_starved;

static void *source_json_alloc(size_t size)
{
    void *ptr = mem_alloc(size > 0 ? size : 1);
    source_json_starved |= ptr == NULL;
    return ptr;
}

struct str source_text(const json_t *value)
{
    if (!json_is_string(value)) {
        return STR_EMPTY;
    }
    return (struct str){ json_string_value(value), json_string_length(value) };
}

bool source_number(const json_t *value, uint32_t max, uint32_t *ret_number)
{
    if (!json_is_integer(value)) {
        return false;
    }
    json_int_t number = json_integer_value(value);
    if (number < 0 || number >= (json_int_t)max) {
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

bool source_flag(const json_t *object, const char *key, bool *ret_flag)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_null(value) && !json_is_boolean(value)) {
        return false;
    }
    *ret_flag = json_is_true(value);
    return true;
}

static enum err source_parse(struct reader *reader, struct str text, const char *what,
                             json_t **ret_root)
{
    json_error_t error;
    /* A key twice is two ids for a token: which one a model was trained with is not to be told. */
    size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    source_json_starved = false;
    json_t *root = json_loadb(text.len > 0 ? text.ptr : "", text.len, flags, &error);
    if (root != NULL) {
        *ret_root = root;
        return ERR_OK;
    }
    if (source_json_starved) {
        return source_no_memory(reader);
    }
    return FAIL(reader->fail, ERR_VOCAB, "%s is not valid JSON at line %d, column %d: %s", what,
                error.line, error.column, error.text);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

enum err source_reserve(struct reader *reader, size_t count)
{
    struct source *source = reader->source;
    ASSERT(source->tokens == NULL);
    if (count == 0 || count > VOCAB_TOKENS_MAX) {
        return FAIL(reader->fail, ERR_VOCAB, "the file has %zu tokens; a vocabulary has 1 to %u",
                    count, VOCAB_TOKENS_MAX);
    }
    source->tokens = arena_alloc(&source->arena, count * sizeof(*source->tokens));
    if (source->tokens == NULL) {
        return source_no_memory(reader);
    }
    reader->token_max = (uint32_t)count;
    return ERR_OK;
}

enum err source_add(struct reader *reader, struct str bytes, uint32_t id)
{
    struct source *source = reader->source;
    ASSERT(source->token_count < reader->token_max);
    if (bytes.len == 0 || bytes.len > VOCAB_TOKEN_MAX) {
        return FAIL(reader->fail, ERR_VOCAB, "token %u has %zu bytes; a token has 1 to %d", id,
                    bytes.len, VOCAB_TOKEN_MAX);
    }
    if (id >= VOCAB_TOKENS_MAX) {
        return FAIL(reader->fail, ERR_VOCAB, "the id %u is too large; the largest is %u", id,
                    VOCAB_TOKENS_MAX - 1);
    }
    struct source_token *row = &source->tokens[source->token_count];
    if (!arena_copy(&source->arena, bytes, &row->bytes)) {
        return source_no_memory(reader);
    }
    row->id = id;
    enum err err = map_add(&reader->tokens, row->bytes, row);
    if (err == ERR_CONFLICT) {
        const struct source_token *other = map_find(&reader->tokens, row->bytes);
        struct str shown = source_shown(bytes);
        return FAIL(reader->fail, ERR_VOCAB,
                    "the tokens %u and %u are the same text \"" STR_FMT "\": the file is damaged",
                    other->id, id, STR_ARG(shown));
    }
    if (err != ERR_OK) {
        return source_no_memory(reader);
    }
    source->token_count++;
    return ERR_OK;
}

/* ---- specials -------------------------------------------------------------------------------- */

enum err source_reserve_specials(struct reader *reader, size_t count)
{
    struct source *source = reader->source;
    if (count > VOCAB_TOKENS_MAX - source->special_count) {
        return FAIL(reader->fail, ERR_VOCAB, "over %u added tokens", VOCAB_TOKENS_MAX);
    }
    size_t max = source->special_count + count;
    struct vocab_special *rows = arena_alloc(&source->arena, max * sizeof(*rows));
    if (rows == NULL) {
        return source_no_memory(reader);
    }
    if (source->special_count > 0) {
        memcpy(rows, source->specials, source->special_count * sizeof(*rows));
    }
    source->specials = rows;
    reader->special_max = (uint32_t)max;
    return ERR_OK;
}

enum err source_add_special(struct reader *reader, struct vocab_special special)
{
    struct source *source = reader->source;
    ASSERT(source->special_count < reader->special_max);
    if (special.text.len == 0 || special.text.len > VOCAB_TOKEN_MAX ||
        special.id >= VOCAB_TOKENS_MAX) {
        return FAIL(reader->fail, ERR_VOCAB,
                    "the added token %u is not 1 to %d bytes with an id below %u", special.id,
                    VOCAB_TOKEN_MAX, VOCAB_TOKENS_MAX);
    }
    struct vocab_special *row = &source->specials[source->special_count];
    *row = special;
    if (!arena_copy(&source->arena, special.text, &row->text)) {
        return source_no_memory(reader);
    }
    source->special_count++;
    return ERR_OK;
}

/* Reads an entry of added_tokens; without an "id" in it, `id` is taken. */
static enum err source_add_added(struct reader *reader, const json_t *added, uint32_t id,
                                 size_t place)
{
    struct vocab_special special = { .text = source_text(json_object_get(added, "content")),
                                     .id = id };
    const json_t *own = json_object_get(added, "id");
    bool single_word = false;
    bool normalized = false;
    if (special.text.len == 0 ||
        (own != NULL && !source_number(own, VOCAB_TOKENS_MAX, &special.id)) ||
        !source_flag(added, "special", &special.control) ||
        !source_flag(added, "lstrip", &special.lstrip) ||
        !source_flag(added, "rstrip", &special.rstrip) ||
        !source_flag(added, "single_word", &single_word) ||
        !source_flag(added, "normalized", &normalized)) {
        return FAIL(reader->fail, ERR_VOCAB,
                    "entry %zu of the added tokens has no \"content\", no \"id\" below %u, or a "
                    "flag that is neither true nor false",
                    place, VOCAB_TOKENS_MAX);
    }
    struct str shown = source_shown(special.text);
    const struct vocab_split *split = &reader->source->split;
    if (single_word) {
        return FAIL(reader->fail, ERR_VOCAB,
                    "the added token \"" STR_FMT "\" is \"single_word\", which is not supported",
                    STR_ARG(shown));
    }
    if (normalized && (split->nfc || split->rule == VOCAB_RULE_SPACES)) {
        return FAIL(reader->fail, ERR_VOCAB,
                    "the added token \"" STR_FMT "\" is \"normalized\", which is not supported "
                    "where a normalizer changes text",
                    STR_ARG(shown));
    }
    return source_add_special(reader, special);
}

enum err source_add_all_added(struct reader *reader, json_t *list)
{
    size_t place = 0;
    if (json_is_array(list)) {
        TRY(source_reserve_specials(reader, json_array_size(list)));
        for (; place < json_array_size(list); place++) {
            TRY(source_add_added(reader, json_array_get(list, place), UINT32_MAX, place));
        }
        return ERR_OK;
    }
    if (!json_is_object(list)) {
        return FAIL(reader->fail, ERR_VOCAB,
                    "the added tokens are neither a list nor an object by id");
    }
    TRY(source_reserve_specials(reader, json_object_size(list)));
    for (void *at = json_object_iter(list); at != NULL; at = json_object_iter_next(list, at)) {
        uint64_t id = 0;
        if (!str_to_u64(str_from(json_object_iter_key(at)), &id) || id >= VOCAB_TOKENS_MAX) {
            return FAIL(reader->fail, ERR_VOCAB, "the added token's id \"%.40s\" is not below %u",
                        json_object_iter_key(at), VOCAB_TOKENS_MAX);
        }
        TRY(source_add_added(reader, json_object_iter_value(at), (uint32_t)id, place++));
    }
    return ERR_OK;
}

/* The specials that were given beside the file. */
static enum err source_add_specials(struct reader *reader)
{
    if (reader->options->specials.len == 0) {
        return ERR_OK;
    }
    json_t *root = NULL;
    TRY(source_parse(reader, reader->options->specials, "the file of special tokens", &root));
    json_t *decoder = json_object_get(root, "added_tokens_decoder");
    json_t *added = json_object_get(root, "added_tokens");
    json_t *list = decoder != NULL ? decoder : added != NULL ? added : root;
    enum err err = source_add_all_added(reader, list);
    json_decref(root);
    return err;
}

/* ---- is it sound ----------------------------------------------------------------------------- */

static int source_special_order(const void *a, const void *b)
{
    const struct vocab_special *left = a;
    const struct vocab_special *right = b;
    return str_cmp(left->text, right->text);
}

static enum err source_check_bytes(struct reader *reader)
{
    const struct source *source = reader->source;
    for (unsigned byte = 0; byte < 256 && !source->byte_fallback; byte++) {
        char text = (char)byte;
        if (map_find(&reader->tokens, (struct str){ &text, 1 }) == NULL) {
            return FAIL(reader->fail, ERR_VOCAB,
                        "the byte 0x%02X has no token, so not every text has tokens: the file is "
                        "cut, or no byte-level vocabulary",
                        byte);
        }
    }
    return ERR_OK;
}

/* Which text an id stands for: `by_id` has a row's number plus one, or 0. */
static enum err source_check_ids(struct reader *reader, uint32_t *by_id)
{
    const struct source *source = reader->source;
    for (uint32_t i = 0; i < source->token_count; i++) {
        const struct source_token *token = &source->tokens[i];
        if (by_id[token->id] != 0) {
            struct str a = source_shown(source->tokens[by_id[token->id] - 1].bytes);
            struct str b = source_shown(token->bytes);
            return FAIL(reader->fail, ERR_VOCAB,
                        "the id %u is given twice, to \"" STR_FMT "\" and \"" STR_FMT "\"",
                        token->id, STR_ARG(a), STR_ARG(b));
        }
        by_id[token->id] = i + 1;
    }
    return ERR_OK;
}

static enum err source_check_specials(struct reader *reader, const uint32_t *by_id)
{
    struct source *source = reader->source;
    if (source->special_count > 0) {
        qsort(source->specials, source->special_count, sizeof(*source->specials),
              source_special_order);
    }
    for (uint32_t i = 0; i < source->special_count; i++) {
        const struct vocab_special *special = &source->specials[i];
        struct str shown = source_shown(special->text);
        if (i > 0 && str_eq(special->text, source->specials[i - 1].text)) {
            return FAIL(reader->fail, ERR_VOCAB, "the special token \"" STR_FMT "\" is there twice",
                        STR_ARG(shown));
        }
        uint32_t row = by_id[special->id];
        if (row > 0 && !str_eq(source->tokens[row - 1].bytes, special->text)) {
            struct str other = source_shown(source->tokens[row - 1].bytes);
            return FAIL(reader->fail, ERR_VOCAB,
                        "the special token \"" STR_FMT "\" has the id %u of the token \"" STR_FMT
                        "\"",
                        STR_ARG(shown), special->id, STR_ARG(other));
        }
    }
    return ERR_OK;
}

static enum err source_check(struct reader *reader)
{
    ASSERT(reader->source->rank_order == (reader->source->merge_count == 0));
    TRY(source_check_bytes(reader));
    TRY(source_add_specials(reader));
    uint32_t *by_id = mem_zalloc(VOCAB_TOKENS_MAX * sizeof(*by_id));
    if (by_id == NULL) {
        return source_no_memory(reader);
    }
    enum err err = source_check_ids(reader, by_id);
    if (err == ERR_OK) {
        err = source_check_specials(reader, by_id);
    }
    mem_free(by_id);
    return err;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum err source_read_json(struct reader *reader)
{
    TRY(source_parse(reader, reader->file, "the file", &reader->root));
    if (reader->options->rule.len > 0) {
        return FAIL(reader->fail, ERR_VOCAB,
                    "the file says itself how text is split: leave the rule out");
    }
    if (json_object_get(reader->root, "model") != NULL) {
        return source_read_hf(reader);
    }
    if (json_object_get(reader->root, "config") != NULL) {
        return source_read_tekken(reader);
    }
    if (json_object_get(reader->root, "bpe_ranks") != NULL) {
        return source_read_tiktoken(reader);
    }
    return FAIL(reader->fail, ERR_VOCAB,
                "the file is JSON, but none of: a tokenizer.json (\"model\"), Mistral's tekken "
                "(\"config\"), tiktoken's encoder (\"bpe_ranks\")");
}

static enum err source_read_any(struct reader *reader)
{
    struct str start = reader->file;
    while (start.len > 0 && (start.ptr[0] == ' ' || start.ptr[0] == '\n' || start.ptr[0] == '\r' ||
                             start.ptr[0] == '\t')) {
        start = str_from_at(start, 1);
    }
    if (start.len == 0) {
        return FAIL(reader->fail, ERR_VOCAB, "the file is empty");
    }
    TRY(start.ptr[0] == '{' || start.ptr[0] == '[' ? source_read_json(reader)
                                                   : source_read_lines(reader));
    return source_check(reader);
}

enum err source_read(struct source *source, const struct source_options *options, struct str file,
                     struct fail *fail)
{
    ASSERT(options->name.len > 0 && options->name.len < sizeof(source->name));
    ASSERT(options->template.len < sizeof(source->template));
    json_set_alloc_funcs(source_json_alloc, mem_free);

    struct source empty = { .digest = digest_sha256(file) };
    *source = empty;
    memcpy(source->name, options->name.ptr, options->name.len);
    if (options->template.len > 0) {
        memcpy(source->template, options->template.ptr, options->template.len);
    }
    arena_init(&source->arena, SOURCE_ARENA_MIN, SOURCE_ARENA_MAX);
    struct reader reader = { .source = source, .options = options, .file = file, .fail = fail };
    map_init(&reader.tokens);
    enum err err = source_read_any(&reader);
    map_fini(&reader.tokens);
    json_decref(reader.root);
    if (err != ERR_OK) {
        source_fini(source);
    }
    return err;
}

void source_fini(struct source *source)
{
    arena_fini(&source->arena);
    *source = (struct source){ 0 };
}
