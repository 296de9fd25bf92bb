/*
 * A vocabulary's source as entrepot-mkvocab has read it, whatever its format: tiktoken's JSON or
 * rank lines, Mistral's tekken JSON, a Hugging Face tokenizer.json, or rank lines dumped from a
 * package. build.c makes the tables of the file from it.
 *
 * A source that was read is sound: ids are below VOCAB_TOKENS_MAX and stand for one text each, no
 * text has two tokens, every byte has a token, merges name tokens and make them, the split is a
 * known rule. What this cannot promise is refused: a count that is nearly right is wrong.
 */
#pragma once

#include "base/arena.h"
#include "crypto/digest.h"
#include "meter/vocab.h"

/* Base vocabulary: bytes of a token and its id. */
struct source_token {
    struct str bytes;
    uint32_t id;
};

/* Merge of tokens[left] and tokens[right] to tokens[result]; earlier in the list goes first. */
struct source_merge {
    uint32_t left;
    uint32_t right;
    uint32_t result;
};

struct source {
    char name[VOCAB_NAME_MAX];
    char template[VOCAB_NAME_MAX];
    struct digest digest; /* of the source file */
    struct vocab_split split;
    bool whole_pieces;  /* a piece that is a token is that token (tiktoken, ignore_merges: true) */
    bool byte_fallback; /* a character without a token is its bytes' tokens (SentencePiece) */
    bool rank_order;    /* two neighbours merge if their concatenation is a token, the one of the
                           lowest index in `tokens` first; `merges` is empty then */
    struct source_token *tokens; /* without the byte tokens where byte_fallback; a special of the
                                    same id and text may stand beside one */
    uint32_t token_count;
    struct source_merge *merges;
    uint32_t merge_count;
    struct vocab_special *specials; /* ordered by text */
    uint32_t special_count;
    uint32_t byte_ids[256]; /* byte_fallback: the id of each byte's token */
    struct arena arena;     /* of all this */
};

/* What is asked for, and what a file of ranks does not say itself. */
struct source_options {
    struct str name;     /* under VOCAB_NAME_MAX bytes, not empty */
    struct str template; /* likewise, or empty */
    struct str rule;     /* how text is split ("cl100k"): only for rank lines; else empty */
    uint32_t digits;     /* of a run of numbers, or 0: the rule's own; only with a rule */
    bool nfc;            /* only with a rule */
    struct str specials; /* JSON: added_tokens of a tokenizer.json, or a tokenizer_config.json
                            with added_tokens_decoder; adds to what the file has; or empty */
};

/*
 * Reads `file`, whatever its format. ERR_VOCAB: it is not understood, or not sound, or the options
 * do not go with it; `fail` says what, where and what to do. ERR_NO_MEMORY. The source is the
 * caller's to source_fini() if ERR_OK; it borrows nothing.
 */
EP_MUST_CHECK enum err source_read(struct source *source, const struct source_options *options,
                                   struct str file, struct fail *fail);
void source_fini(struct source *source);
