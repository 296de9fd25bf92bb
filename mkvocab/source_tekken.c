/*
 * Mistral's tekken: ranks behind a block of special tokens, so that a token's id is its rank plus
 * their number. Mistral's own files list {rank, token_bytes} under "vocab"; npm's have the lines of
 * tiktoken under "bpe_ranks". Both hold more ranks than the models use.
 */
#include <stdio.h>

#include "source_internal.h"

/* The special tokens of files that do not list them, as Mistral's own library gives them. */
static const char *const tekken_specials[] = {
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
    "[IMG]",
    "<pad>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
};

/* Specials from `listed` on, up to `count`: the known ones of those, then fillers. */
static enum err tekken_add_fillers(struct reader *reader, uint32_t listed, uint32_t count)
{
    ASSERT(listed <= count);
    for (uint32_t id = listed; id < count; id++) {
        char filler[32];
        struct vocab_special special = { .id = id, .control = true };
        if (listed == 0 && id < EP_ARRAY_LEN(tekken_specials)) {
            special.text = str_from(tekken_specials[id]);
        } else {
            (void)snprintf(filler, sizeof(filler), "<SPECIAL_%u>", id);
            special.text = str_from(filler);
        }
        TRY(source_add_special(reader, special));
    }
    return ERR_OK;
}

static enum err tekken_add_specials(struct reader *reader, uint32_t count)
{
    const json_t *list = json_object_get(reader->root, "special_tokens");
    size_t listed = json_array_size(list);
    if (listed > count) {
        return FAIL(reader->fail, ERR_VOCAB, "%zu special tokens where %u are announced", listed,
                    count);
    }
    TRY(source_reserve_specials(reader, count));
    for (size_t i = 0; i < listed; i++) {
        const json_t *entry = json_array_get(list, i);
        struct vocab_special special = { .text = source_text(json_object_get(entry, "token_str")),
                                         .control = true };
        if (special.text.len == 0 ||
            !source_number(json_object_get(entry, "rank"), count, &special.id) || special.id != i) {
            return FAIL(reader->fail, ERR_VOCAB,
                        "special token %zu has no \"token_str\" or its \"rank\" is not %zu", i, i);
        }
        TRY(source_add_special(reader, special));
    }
    return tekken_add_fillers(reader, (uint32_t)listed, count);
}

static enum err tekken_add_vocab(struct reader *reader, const json_t *list, uint32_t ranks,
                                 uint32_t first_id)
{
    if (json_array_size(list) < ranks) {
        return FAIL(reader->fail, ERR_VOCAB, "there are %zu ranks where %u are announced",
                    json_array_size(list), ranks);
    }
    TRY(source_reserve(reader, ranks));
    for (uint32_t i = 0; i < ranks; i++) {
        const json_t *entry = json_array_get(list, i);
        uint32_t rank = 0;
        if (!source_number(json_object_get(entry, "rank"), VOCAB_TOKENS_MAX, &rank) || rank != i) {
            return FAIL(reader->fail, ERR_VOCAB, "entry %u of \"vocab\" has not the rank %u", i, i);
        }
        TRY(source_add_base64(reader, source_text(json_object_get(entry, "token_bytes")),
                              first_id + i, i));
    }
    reader->source->whole_pieces = true;
    reader->source->rank_order = true;
    return ERR_OK;
}

enum err source_read_tekken(struct reader *reader)
{
    const json_t *config = json_object_get(reader->root, "config");
    struct str pattern = source_text(json_object_get(config, "pattern"));
    uint32_t size = 0;
    uint32_t specials = 0;
    if (pattern.len == 0 ||
        !source_number(json_object_get(config, "default_vocab_size"), VOCAB_TOKENS_MAX, &size) ||
        !source_number(json_object_get(config, "default_num_special_tokens"), size, &specials)) {
        return FAIL(reader->fail, ERR_VOCAB,
                    "\"config\" lacks \"pattern\", \"default_vocab_size\", or fewer "
                    "\"default_num_special_tokens\"");
    }
    TRY(source_rule_find(reader, &pattern, 1));
    TRY(tekken_add_specials(reader, specials));
    const json_t *list = json_object_get(reader->root, "vocab");
    if (json_is_array(list)) {
        return tekken_add_vocab(reader, list, size - specials, specials);
    }
    struct str lines = source_text(json_object_get(reader->root, "bpe_ranks"));
    if (lines.len == 0) {
        return FAIL(reader->fail, ERR_VOCAB, "neither \"vocab\" nor \"bpe_ranks\" holds tokens");
    }
    return source_add_ranks(reader, lines, size - specials, specials);
}
