/* room: mkvocab */
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a source that was taken promises: see source.h. */
static void source_promises(const struct source *source)
{
    for (uint32_t i = 0; i < source->token_count; i++) {
        struct str bytes = source->tokens[i].bytes;
        ASSERT(bytes.len > 0 && bytes.len <= VOCAB_TOKEN_MAX);
        ASSERT(source->tokens[i].id < VOCAB_TOKENS_MAX);
    }
    for (uint32_t i = 0; i < source->merge_count; i++) {
        const struct source_merge *merge = &source->merges[i];
        ASSERT(merge->left < source->token_count && merge->right < source->token_count);
        ASSERT(source->tokens[merge->left].bytes.len + source->tokens[merge->right].bytes.len ==
               source->tokens[merge->result].bytes.len);
    }
    for (uint32_t i = 1; i < source->special_count; i++) {
        ASSERT(str_cmp(source->specials[i - 1].text, source->specials[i].text) < 0);
    }
    ASSERT(source->split.digits_max > 0 && source->split.rule < VOCAB_RULE_COUNT);
}

/* The first byte chooses the options; a file behind a zero byte is the list of specials. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const rules[] = { "", "cl100k", "kimi", "none" };
    static bool started;
    struct fail fail = { .text = "" };
    if (!started) {
        ASSERT(crypto_start(&fail) == ERR_OK);
        started = true;
    }
    if (size == 0) {
        return 0;
    }
    struct str rest = { (const char *)data + 1, size - 1 };
    struct str file = str_cut(&rest, '\0');
    struct source_options options = { .name = STR("fuzz"),
                                      .rule = str_from(rules[data[0] % EP_ARRAY_LEN(rules)]),
                                      .specials = rest };
    struct source source;
    enum err err = source_read(&source, &options, file, &fail);
    if (err == ERR_OK) {
        source_promises(&source);
        source_fini(&source);
    } else {
        ASSERT(err == ERR_VOCAB && fail.text[0] != '\0');
    }
    return 0;
}
