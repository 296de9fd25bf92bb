/*
 * Which places between two characters of three bytes a token reaches over: all others cut a piece
 * in parts that have nothing to do with each other.
 */
#include "build_internal.h"

/* Whether such a place can be at `at`, by what the token has of both characters. */
static bool build_may_join(struct str text, size_t at)
{
    bool begins = at < 3 || vocab_is_wide(text.ptr[at - 3]);
    return begins && vocab_continues(text.ptr[at - 1]) && vocab_is_wide(text.ptr[at]);
}

uint32_t build_join_bits(const struct build *build)
{
    uint64_t places = 0;
    for (uint32_t i = 0; i < build->source->token_count; i++) {
        struct str text = build_bytes(build, i);
        for (size_t at = 1; at < text.len; at++) {
            places += build_may_join(text, at);
        }
    }
    return build_filter_bits(places);
}

void build_joins(const struct build *build, uint64_t *section, uint32_t bits)
{
    uint64_t *joins = section + VOCAB_EDGE_WORDS;
    ASSERT(bits >= VOCAB_FILTER_MIN && bits <= VOCAB_FILTER_MAX);
    for (uint32_t i = 0; i < build->source->token_count; i++) {
        struct str text = build_bytes(build, i);
        for (size_t at = 1; at < text.len; at++) {
            if (!build_may_join(text, at)) {
                continue;
            }
            if (at >= 3 && text.len - at >= 3) {
                uint32_t before = vocab_wide_code(vocab_wide_bytes(text.ptr + at - 3));
                uint32_t behind = vocab_wide_code(vocab_wide_bytes(text.ptr + at));
                uint64_t hash = vocab_join(before, behind);
                joins[vocab_filter_word(hash, bits)] |= vocab_filter_mask(hash);
            } else {
                uint32_t edge =
                    vocab_edge((unsigned char)text.ptr[at - 1], (unsigned char)text.ptr[at]);
                section[edge / 64] |= UINT64_C(1) << edge % 64;
            }
        }
    }
}
