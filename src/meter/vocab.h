/*
 * A vocabulary: the tokens of one model family with everything that counting needs, in one file
 * (share/vocab/NAME.etk, made by entrepot-mkvocab), mapped read-only and shared by all threads.
 *
 * vocab_open() checks every offset and every number in the file that is ever followed, so that a
 * damaged or foreign file is refused with its name and what is wrong, and a checked one cannot
 * lead outside itself. Nothing is parsed or built: opening takes milliseconds
 * (docs/performance.md).
 *
 * Threads: a vocabulary is immutable; any.
 */
#pragma once

#include "base/str.h"
#include "meter/unicode.h"

#define VOCAB_NAME_MAX   64               /* bytes */
#define VOCAB_TOKEN_MAX  512              /* bytes of a token: GLM has one of 512 spaces */
#define VOCAB_DIGITS_MAX 3                /* of a number in a piece */
#define VOCAB_TOKENS_MAX ((1U << 20) - 1) /* 20 bits and one value for none */

/* How text is cut into pieces before the merges; the rules are in facts and in split.h. */
enum vocab_rule {
    VOCAB_RULE_CL100K,   /* contractions, letters, digits, punctuation: GPT-4, Llama 3, Qwen, GLM */
    VOCAB_RULE_O200K,    /* cased words: GPT-4o and later, gpt-oss, MiniMax */
    VOCAB_RULE_TEKKEN,   /* o200k without contractions: Mistral */
    VOCAB_RULE_KIMI,     /* Han runs first, then o200k without Han: Kimi K2 */
    VOCAB_RULE_DEEPSEEK, /* three splits in sequence: DeepSeek V3 */
    VOCAB_RULE_SPACES,   /* SentencePiece: " " becomes U+2581, cut before its runs: Gemma 3 */
    VOCAB_RULE_COUNT
};

struct vocab_split {
    enum vocab_rule rule;
    uint32_t digits_max; /* of a run of numbers: 1 to VOCAB_DIGITS_MAX */
    bool slash;          /* "/" may follow punctuation, as newlines do (o200k) */
    bool nfc;            /* the text is normalized first (Qwen) */
    uint32_t run_max;    /* characters: longer runs of (non-)white space are cut first; 0: never */
    uint32_t text_max;   /* characters: longer texts are cut first; 0: never (Kimi: 400,000) */
};

/* A token that is matched in the text before it is split. */
struct vocab_special {
    struct str text; /* in the mapping */
    uint32_t id;
    bool control; /* steers the model ("<|im_end|>"): matched in a client's text only if that is
                     parsed; else it is plain vocabulary and always matched */
    bool lstrip;  /* white space before it belongs to it */
    bool rstrip;
};

struct vocab_info {
    struct str name;     /* "o200k_base" */
    struct str source;   /* SHA-256 of the source file, hex */
    struct str template; /* the family's chat template ("qwen3"), or empty */
    uint32_t unicode;    /* 0x100000: 16.0.0 */
    uint32_t tokens;     /* without the specials */
    uint32_t ids;        /* one above the largest id, specials included */
    size_t bytes;        /* of the mapping */
};

struct vocab;

/* ERR_IO: cannot be read; ERR_VOCAB: not a vocabulary of this version, or damaged (what is wrong
 * is in `fail`). */
EP_MUST_CHECK enum err vocab_open(const char *path, struct vocab **ret_vocab, struct fail *fail);
void vocab_close(struct vocab *vocab); /* NULL is allowed */

const struct vocab_info *vocab_info(const struct vocab *vocab);
const struct vocab_split *vocab_split(const struct vocab *vocab);
const struct unicode_table *vocab_unicode(const struct vocab *vocab);
/* Ordered by text, bytewise. */
const struct vocab_special *vocab_specials(const struct vocab *vocab, size_t *ret_count);
/* The bytes of a token or special by its id; empty: no such id. */
struct str vocab_token(const struct vocab *vocab, uint32_t id);
