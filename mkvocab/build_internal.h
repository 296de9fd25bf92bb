/*
 * Building: what its files share. All memory is one arena's, given back at the end.
 */
#pragma once

#include "build.h"
#include "meter/vocab_joins_internal.h"

#define BUILD_NONE UINT32_MAX

/* A token of the source, and how merges make it. Numbers here are the source's. */
struct build_token {
    uint32_t index; /* in the file */
    uint32_t left;  /* BUILD_NONE: no merge makes it */
    uint32_t right;
    uint32_t rank;  /* of the merge */
    uint32_t place; /* of its bytes: vocab_place() */
    bool base;
    bool reached;
    bool ordered; /* no merge in it goes before one that it needs */
};

struct build {
    const struct source *source;
    struct arena arena;
    struct build_token *tokens;
    uint32_t *texts; /* a table of hashes: tokens by their bytes, BUILD_NONE: free */
    uint32_t text_slots;
    uint32_t token_bytes; /* of all that are kept */
    uint32_t *order;      /* index to the source's number */
    uint32_t bases;
    uint32_t ordered;
    uint32_t reached;
    uint32_t *ranks;
    uint64_t *trie;
    uint32_t trie_slots;
    struct fail *fail;
};

/* Finds out what merges reach, and orders all tokens. From then on tokens are found by their bytes:
 * the source's number, or BUILD_NONE. */
EP_MUST_CHECK enum err build_merges(struct build *build);
uint32_t build_find(const struct build *build, struct str text);
/* Where the bytes of all tokens lie; then, in sections of their own, places and bytes. */
EP_MUST_CHECK enum err build_places(struct build *build);
void build_fill_places(const struct build *build, uint32_t *places, char *bytes);
/* The trie over what is reached. */
EP_MUST_CHECK enum err build_trie(struct build *build);

uint32_t build_filter_bits(uint64_t rows);
/* The size of the table of joins (vocab_joins()), and all its bits in a section of zeros. */
uint32_t build_join_bits(const struct build *build);
void build_joins(const struct build *build, uint64_t *section, uint32_t bits);

/* The bytes of a token by its index in the file. */
static inline struct str build_bytes(const struct build *build, uint32_t index)
{
    return build->source->tokens[build->order[index]].bytes;
}

EP_MUST_CHECK static inline enum err build_no_memory(const struct build *build)
{
    return FAIL(build->fail, ERR_NO_MEMORY, "no memory for the tables of \"%s\"",
                build->source->name);
}
