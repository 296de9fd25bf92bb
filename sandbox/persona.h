/*
 * What the sandbox says: OpenAI's chat completions, whole and as streams, made of one request. Pure
 * but for the memory of a tool's arguments.
 *
 * Its tokens are those of lexicon.h. A prompt has those of its messages' texts and three for each
 * message; what is not text (images, the tools' definitions) counts nothing. An answer has those of
 * its text, or of the called tool's name and arguments. Both are exact: counting again finds them.
 * For a model on the scale (scale.h) they are the real vocabulary's instead, markup included.
 */
#pragma once

#include "base/buf.h"
#include "scale.h"
#include "script.h"

enum persona_usage {
    PERSONA_EXACT,
    PERSONA_INFLATED,
    PERSONA_PADDED,
    PERSONA_ODD, /* its total is one more than its parts */
    PERSONA_MISSING
};

struct persona_options {
    struct str declare_model; /* empty: the one that was asked for */
    int64_t words;            /* of an answer */
    int64_t cached;           /* of the prompt's tokens, reported as cached */
    int64_t cache_write;      /* of the others, reported as written to the cache */
    int64_t reasoning;        /* tokens, added to the answer's */
    int64_t reasoning_beside; /* tokens that are in the total alone */
    int64_t sources;          /* that a search of the upstream's own has read; 0: not told */
    struct str report;        /* JSON that is reported as it stands; empty: what was counted */
    enum persona_usage usage;
    int64_t inflate_percent; /* of PERSONA_INFLATED */
    int64_t pad;             /* of PERSONA_PADDED: tokens, of the prompt and of the answer */
    bool jina;               /* rerank answers in Jina's form, not Cohere's */
    const struct scale *scale;
    const struct script *script; /* NULL: none */
};

#define PERSONA_MODEL_MAX     128
#define PERSONA_TOOL_MAX      64                /* OpenAI's own limit for a function's name */
#define PERSONA_ARGUMENTS_MAX ((size_t)1 << 16) /* of a call: a schema may ask for very much */
#define PERSONA_TIER_MAX      15
#define PERSONA_CHOICES_MAX   128 /* the SDKs' own limit */

/* One request, understood. Borrows nothing from its body. Ends with persona_ask_fini(). */
struct persona_ask {
    char model[PERSONA_MODEL_MAX + 1];
    char tool[PERSONA_TOOL_MAX + 1]; /* that is called; empty: none */
    char tier[PERSONA_TIER_MAX + 1]; /* that was asked for, and is served; empty: none */
    struct buf arguments;            /* of the call: JSON */
    struct buf text;                 /* by the script; empty: words of the lexicon */
    bool stream;
    bool include_usage;
    int64_t choices;
    int64_t prompt_tokens;
    int64_t output_tokens; /* of one choice: its words, or those of the call */
    int64_t said_tokens;   /* of all choices, as they are reported */
    bool cut_short;        /* the output cap was reached */
    uint64_t seed;
    int64_t created; /* seconds since 1970 */
};

/* An error, in OpenAI's words. */
struct persona_fault {
    int status;
    const char *text;
    const char *type;
    const char *param; /* NULL: none */
    const char *code;  /* NULL: none */
};

/* False: the body is refused as `ret_fault` says, and `ret_ask` holds nothing. */
EP_MUST_CHECK bool persona_read(struct str body, const struct persona_options *options,
                                int64_t now_s, struct persona_ask *ret_ask,
                                struct persona_fault *ret_fault);
void persona_ask_fini(struct persona_ask *ask);

#define PERSONA_WORD_MAX 1024              /* bytes: of a script; those of the lexicon are short */
#define PERSONA_TEXT_MAX ((size_t)1 << 24) /* a million words and spaces */
/* Appends " boats": the word `at` of a choice's text, with the white space in front of it. */
EP_MUST_CHECK enum err persona_word(const struct persona_ask *ask, int64_t choice, int64_t at,
                                    struct buf *out);
/* What is called is told in fragments: so many, and the one at `at`. */
int64_t persona_fragments(const struct persona_ask *ask);
struct str persona_fragment(const struct persona_ask *ask, int64_t at);
/* As the options have usage reported: so many tokens instead of `tokens`. */
int64_t persona_told(const struct persona_options *options, int64_t tokens);
/* Appends the first `count` words of a choice's text. */
EP_MUST_CHECK enum err persona_words(const struct persona_ask *ask, int64_t choice, int64_t count,
                                     struct buf *out);

/* Events of a stream, numbered from 0; each appends "data: ...\n\n". */
int64_t persona_event_count(const struct persona_ask *ask, const struct persona_options *options);
EP_MUST_CHECK enum err persona_event(const struct persona_ask *ask,
                                     const struct persona_options *options, int64_t at,
                                     struct buf *out);
/* The whole answer of an ask that is not streamed. */
EP_MUST_CHECK enum err persona_answer(const struct persona_ask *ask,
                                      const struct persona_options *options, struct buf *out);
EP_MUST_CHECK enum err persona_error(const struct persona_fault *fault, struct buf *out);
/* `names`: with commas between. */
EP_MUST_CHECK enum err persona_models(struct str names, struct buf *out);
