/*
 * Ranks: the order in which tokens were learnt is their priority. tiktoken's JSON as npm has it
 * ({pat_str, special_tokens, bpe_ranks}), and plain lines "BASE64 RANK" (.tiktoken).
 */
#include "base/enc.h"
#include "source_internal.h"

static void source_is_ranked(struct source *source)
{
    source->whole_pieces = true;
    source->rank_order = true;
}

enum err source_add_base64(struct reader *reader, struct str text, uint32_t id, size_t place)
{
    char bytes[VOCAB_TOKEN_MAX + 2]; /* the reader makes room for whole groups of three */
    struct buf out = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    if (text.len > (VOCAB_TOKEN_MAX + 2) / 3 * 4 || !enc_base64_read(&out, text)) {
        struct str shown = source_shown(text);
        return FAIL(reader->fail, ERR_VOCAB, "token %zu: \"" STR_FMT "\" is not base64", place,
                    STR_ARG(shown));
    }
    return source_add(reader, buf_str(&out), id);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

enum err source_add_ranks(struct reader *reader, struct str lines, uint32_t ranks_max,
                          uint32_t first_id)
{
    size_t count = 0;
    for (size_t i = 0; i < lines.len; i++) {
        count += lines.ptr[i] == ' ';
    }
    TRY(source_reserve(reader, count));
    uint64_t rank = 0;
    while (lines.len > 0) {
        struct str line = str_cut(&lines, '\n');
        (void)str_cut(&line, ' '); /* a name that nothing reads */
        uint64_t first = 0;
        /* In order and without gaps, so that the place in the list is the rank. */
        if (!str_to_u64(str_cut(&line, ' '), &first) || first != rank) {
            return FAIL(reader->fail, ERR_VOCAB,
                        "the ranks behind %zu do not go on with the next one", (size_t)rank);
        }
        for (; line.len > 0; rank++) {
            struct str text = str_cut(&line, ' ');
            if (rank < ranks_max) {
                TRY(source_add_base64(reader, text, first_id + (uint32_t)rank, (size_t)rank));
            }
        }
    }
    if (rank < ranks_max && ranks_max < VOCAB_TOKENS_MAX) {
        return FAIL(reader->fail, ERR_VOCAB, "there are %zu ranks where %u are announced",
                    (size_t)rank, ranks_max);
    }
    source_is_ranked(reader->source);
    return ERR_OK;
}

enum err source_read_tiktoken(struct reader *reader)
{
    struct str pattern = source_text(json_object_get(reader->root, "pat_str"));
    struct str lines = source_text(json_object_get(reader->root, "bpe_ranks"));
    json_t *specials = json_object_get(reader->root, "special_tokens");
    if (pattern.len == 0 || lines.len == 0 || !json_is_object(specials)) {
        return FAIL(reader->fail, ERR_VOCAB,
                    "tiktoken's encoder lacks \"pat_str\", \"bpe_ranks\" or \"special_tokens\"");
    }
    TRY(source_rule_find(reader, &pattern, 1));
    TRY(source_add_ranks(reader, lines, VOCAB_TOKENS_MAX, 0));
    /* All of them steer the model; a list beside the file is instead of these, not beside them. */
    if (reader->options->specials.len > 0) {
        return ERR_OK;
    }
    TRY(source_reserve_specials(reader, json_object_size(specials)));
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(specials, key, value)
    {
        struct vocab_special special = { .text = str_from(key), .control = true };
        if (!source_number(value, VOCAB_TOKENS_MAX, &special.id)) {
            return FAIL(reader->fail, ERR_VOCAB, "the special token \"%.40s\" has no id below %u",
                        key, VOCAB_TOKENS_MAX);
        }
        TRY(source_add_special(reader, special));
    }
    return ERR_OK;
}

/* ---- lines ----------------------------------------------------------------------------------- */

enum err source_read_lines(struct reader *reader)
{
    TRY(source_rule_named(reader));
    struct str rest = reader->file;
    size_t count = 1;
    for (size_t i = 0; i < rest.len; i++) {
        count += rest.ptr[i] == '\n';
    }
    TRY(source_reserve(reader, count));
    uint64_t before = 0;
    for (size_t line_no = 1; rest.len > 0; line_no++) {
        struct str line = str_cut(&rest, '\n');
        if (str_ends(line, STR("\r"))) {
            line.len--;
        }
        if (line.len == 0) {
            continue;
        }
        struct str text = str_cut(&line, ' ');
        uint64_t rank = 0;
        if (!str_to_u64(line, &rank) || rank >= VOCAB_TOKENS_MAX) {
            return FAIL(reader->fail, ERR_VOCAB,
                        "line %zu is not \"BASE64 RANK\" with a rank below %u", line_no,
                        VOCAB_TOKENS_MAX);
        }
        if (reader->source->token_count > 0 && rank <= before) {
            return FAIL(reader->fail, ERR_VOCAB, "line %zu: the rank %zu does not rise", line_no,
                        (size_t)rank);
        }
        before = rank;
        TRY(source_add_base64(reader, text, (uint32_t)rank, line_no));
    }
    source_is_ranked(reader->source);
    return ERR_OK;
}
