/*
 * The layout of a vocabulary file (NAME.etk) and how its tables are followed. Shared by vocab.c,
 * which checks a file, bpe*.c, which follow it, and mkvocab/, which writes it.
 *
 * A file is a header of one page and sections that begin on pages; everything is little endian.
 * Where a section begins and how long it is follows from the counts in the header, and is compared
 * with what the header says.
 *
 * Tokens are numbered by an index of their own, so that the order of merges is the order of
 * numbers:
 *
 *   0 .. bases            what text is made of before any merge: bytes, or characters
 *   bases .. ordered      made by a merge; lower ones are merged earlier, and both parts are lower
 *   ordered .. reached    made by a merge that goes before one of those it needs (Gemma's runs):
 *                         here the numbers say nothing, `ranks` does
 *   reached .. tokens     never made by merges; whole pieces only, or nothing but an id
 *
 * Only one pair can ever merge to a token: the last one when the token's own bytes are merged. For
 * what merges to it in a text did so before anything crossed its ends, as if it stood alone. So a
 * pair table of one row a token is exact, whatever the source's list of merges says, and a row that
 * names the token is enough: its link has the pair.
 *
 * Most tokens' bytes stand at the begin or the end of a longer token's, and are kept only there.
 */
#pragma once

#include "meter/vocab.h"

#define VOCAB_MAGIC    "EPVOCAB"
#define VOCAB_VERSION  3U
#define VOCAB_PAGE     ((size_t)4096)
#define VOCAB_HEX      64 /* SHA-256 in hex */
#define VOCAB_FILE_MAX ((size_t)64 << 20)

#define VOCAB_INDEX_BITS  20
#define VOCAB_INDEX_NONE  ((1U << VOCAB_INDEX_BITS) - 1)
#define VOCAB_NODE_BITS   22 /* of the trie: Gemma has 0.7 million nodes */
#define VOCAB_NODE_NONE   ((1U << VOCAB_NODE_BITS) - 1)
#define VOCAB_PLACE_BITS  22 /* of all tokens' bytes: four megabytes */
#define VOCAB_SHORT_MAX   8  /* bytes: the key of the set of short tokens */
#define VOCAB_ROW_NONE    UINT32_MAX
#define VOCAB_ID_NONE     UINT32_MAX
#define VOCAB_SPECIAL_MAX 65536U
#define VOCAB_EDGE_WORDS  16 /* a bit for each continuing byte before each first one of three */
#define VOCAB_FILTER_MIN  10U
#define VOCAB_FILTER_MAX  24U /* as a power of two: two megabytes */

enum vocab_flag {
    VOCAB_FLAG_SLASH = 1 << 0,
    VOCAB_FLAG_NFC = 1 << 1,
    VOCAB_FLAG_BYTE_FALLBACK = 1 << 2, /* bases are characters */
    VOCAB_FLAG_WHOLE = 1 << 3          /* a piece that is a token is that token */
};
#define VOCAB_FLAGS_ALL 15U

enum vocab_section {
    VOCAB_PLACES,     /* uint32_t[tokens]: where a token's bytes begin, and how many they are */
    VOCAB_BYTES,      /* of all tokens; those of many lie in those of others */
    VOCAB_LINKS,      /* uint64_t[reached]: left part, right part, longest shorter prefix, and
                         whether it has under three bytes */
    VOCAB_RANKS,      /* uint32_t[reached - ordered]: the highest index that goes before it */
    VOCAB_PAIRS,      /* uint32_t[pair_slots]: tag, and what a pair merges to */
    VOCAB_PAIR_BITS,  /* uint64_t[]: a filter of 2^pair_bits bits, of all pairs */
    VOCAB_TRIE,       /* uint64_t[trie_slots]: base, parent, token */
    VOCAB_SHORT,      /* uint64_t[short_slots]: whole pieces of up to 8 bytes, no NUL at the end */
    VOCAB_LONG,       /* uint32_t[long_slots]: tag and index of other whole pieces; both sets are
                         empty without VOCAB_FLAG_WHOLE */
    VOCAB_JOINS,      /* uint64_t[VOCAB_EDGE_WORDS], then a filter of
                         2^join_bits bits: see vocab_joins() */
    VOCAB_RUNS,       /* struct vocab_file_run[id_runs], ordered by index */
    VOCAB_RUNS_BY_ID, /* the same, ordered by id */
    VOCAB_SPECIALS,   /* struct vocab_file_special[specials], ordered by text */
    VOCAB_SPECIAL_BYTES, /* of all specials */
    VOCAB_CLASS_INDEX,   /* uint16_t[UNICODE_INDEX_SIZE] */
    VOCAB_CLASS_BLOCKS,  /* uint16_t[class_blocks][UNICODE_BLOCK_SIZE] */
    VOCAB_SECTION_COUNT
};

struct vocab_span {
    uint64_t offset;
    uint64_t bytes;
};

struct vocab_header {
    char magic[8];
    uint32_t version;
    uint32_t flags;
    uint64_t file_bytes;
    uint64_t checksum; /* of the file with this field 0 */
    char name[VOCAB_NAME_MAX];
    char template[VOCAB_NAME_MAX];
    char source[VOCAB_HEX];
    uint32_t unicode;
    uint32_t rule;
    uint32_t digits_max;
    uint32_t run_max;
    uint32_t text_max;
    uint32_t bases;
    uint32_t ordered;
    uint32_t reached;
    uint32_t tokens;
    uint32_t longest; /* bytes of the longest token that is looked up or merged */
    uint32_t specials;
    uint32_t ids;
    uint32_t id_runs;
    uint32_t token_bytes;
    uint32_t special_bytes;
    uint32_t pair_slots;
    uint32_t trie_slots;
    uint32_t short_slots;
    uint32_t long_slots;
    uint32_t class_blocks;
    uint32_t join_bits;
    uint32_t pair_bits;
    uint32_t byte_ids[256]; /* with VOCAB_FLAG_BYTE_FALLBACK */
    struct vocab_span sections[VOCAB_SECTION_COUNT];
};
_Static_assert(sizeof(struct vocab_header) <= VOCAB_PAGE, "the header is one page");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "tables are used as they lie in the file");
_Static_assert(VOCAB_TOKENS_MAX <= VOCAB_INDEX_NONE, "an index fits its bits");

/* Tokens whose ids follow each other as their indexes do: most families have one run, Gemma 111. */
struct vocab_file_run {
    uint32_t index;
    uint32_t id;
    uint32_t count;
};

struct vocab_file_special {
    uint32_t at; /* in VOCAB_SPECIAL_BYTES */
    uint32_t len;
    uint32_t id;
    uint32_t flags; /* 1 control, 2 lstrip, 4 rstrip */
};
#define VOCAB_SPECIAL_CONTROL   1U
#define VOCAB_SPECIAL_LSTRIP    2U
#define VOCAB_SPECIAL_RSTRIP    4U
#define VOCAB_SPECIAL_FLAGS_ALL 7U

struct vocab {
    const struct vocab_header *header; /* the mapping's begin */
    const uint32_t *places;
    const char *bytes;
    const uint64_t *links;
    const uint32_t *ranks;
    const uint32_t *pairs;
    const uint64_t *pair_filter;
    const uint64_t *trie;
    const uint64_t *shorts;
    const uint32_t *longs;
    const uint64_t *joins;
    const struct vocab_file_run *runs;
    const struct vocab_file_run *runs_by_id;
    uint32_t bases;
    uint32_t ordered;
    uint32_t reached;
    uint32_t longest;
    uint32_t pair_slots;
    uint32_t short_slots;
    uint32_t long_slots;
    uint32_t join_bits;
    uint32_t pair_bits;
    bool characters; /* bases are characters */
    bool whole;      /* a piece that is a token is that token */
    struct unicode_table unicode;
    struct vocab_split split;
    struct vocab_info info;
    struct vocab_special *specials;
    char byte_texts[256]; /* what a fallback token stands for */
};

/* Where each section of a file with these counts lies. Returns the file's size. */
uint64_t vocab_layout(const struct vocab_header *header, struct vocab_span *ret_sections);
/* Of a whole file, its field for it counted as 0. Not against malice: any single changed word is
 * seen, and of larger damage all but 2^-64. */
uint64_t vocab_checksum(const void *file, size_t bytes);
/* Sets `vocab` up on a file's bytes (aligned to 8) and checks them all. What is wrong is in `fail`;
 * `name` is the file's. Nothing is allocated but vocab->specials. */
EP_MUST_CHECK enum err vocab_attach(struct vocab *vocab, struct str file, const char *name,
                                    struct fail *fail);
/* Gives back what vocab_attach() took; the bytes are the caller's. */
void vocab_detach(struct vocab *vocab);
