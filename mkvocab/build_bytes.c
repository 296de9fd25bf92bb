/*
 * Where the bytes of tokens lie: those of a token that another begins or ends with are in the
 * other's. That is most tokens: words come with a space before them and without, and grow at their
 * ends.
 */
#include <stdlib.h>
#include <string.h>

#include "build_internal.h"

struct build_length {
    uint32_t number;
    uint32_t len;
};

/* The longest first. */
static int build_compare_lengths(const void *left, const void *right)
{
    const struct build_length *a = left;
    const struct build_length *b = right;
    if (a->len != b->len) {
        return a->len > b->len ? -1 : 1;
    }
    return (a->number > b->number) - (a->number < b->number);
}

static void build_put(struct build *build, uint32_t number, uint32_t at, size_t len)
{
    if (number != BUILD_NONE && build->tokens[number].place == BUILD_NONE) {
        build->tokens[number].place = vocab_place(at, len);
    }
}

enum err build_places(struct build *build)
{
    const struct source *source = build->source;
    const uint32_t count = source->token_count;
    struct build_length *lengths = arena_alloc(&build->arena, count * sizeof(*lengths));
    if (lengths == NULL) {
        return build_no_memory(build);
    }
    for (uint32_t i = 0; i < count; i++) {
        lengths[i] = (struct build_length){ i, (uint32_t)source->tokens[i].bytes.len };
        build->tokens[i].place = BUILD_NONE;
    }
    qsort(lengths, count, sizeof(*lengths), build_compare_lengths);
    for (uint32_t i = 0; i < count; i++) {
        struct str text = source->tokens[lengths[i].number].bytes;
        uint32_t at = build->token_bytes;
        if (build->tokens[lengths[i].number].place != BUILD_NONE) {
            continue;
        }
        if (at + text.len > 1U << VOCAB_PLACE_BITS) {
            return FAIL(build->fail, ERR_VOCAB, "the tokens of \"%s\" have too many bytes",
                        source->name);
        }
        build->token_bytes += (uint32_t)text.len;
        for (size_t cut = 0; cut < text.len; cut++) {
            struct str front = str_slice(text, 0, text.len - cut);
            struct str back = str_from_at(text, cut);
            build_put(build, build_find(build, front), at, front.len);
            build_put(build, build_find(build, back), at + (uint32_t)cut, back.len);
        }
    }
    return ERR_OK;
}

void build_fill_places(const struct build *build, uint32_t *places, char *bytes)
{
    for (uint32_t i = 0; i < build->source->token_count; i++) {
        struct str text = build_bytes(build, i);
        places[i] = build->tokens[build->order[i]].place;
        memcpy(bytes + vocab_place_at(places[i]), text.ptr, text.len);
    }
}
