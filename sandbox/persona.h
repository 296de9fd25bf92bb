/*
 * What the sandbox says: deterministic text of any length, its count of tokens, and answers in the
 * shape of OpenAI's chat completions. Pure.
 *
 * The sandbox's own count: a token is a run of letters and digits, or any other single character
 * that is not white space. It is no vocabulary's count, and is stated to be none.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

enum persona_usage {
    USAGE_EXACT,
    USAGE_INFLATED,
    USAGE_PADDED,
    USAGE_MISSING
};

struct persona_options {
    struct str declare_model; /* empty: the one that was asked for */
    int64_t words;            /* of an answer */
    int64_t cached;           /* of the prompt's tokens, reported as cached */
    int64_t reasoning;        /* tokens, added to the answer's */
    enum persona_usage usage;
};

#define PERSONA_MODEL_MAX 128
#define PERSONA_TOOL_MAX  64

/* One request, understood. */
struct persona_ask {
    char model_text[PERSONA_MODEL_MAX];
    struct str model;
    char tool_text[PERSONA_TOOL_MAX]; /* of the first tool; empty: none is called */
    struct str tool;
    char argument_text[PERSONA_TOOL_MAX]; /* its first parameter */
    struct str argument;
    bool stream;
    bool include_usage;
    int64_t choices;
    int64_t prompt_tokens;
    int64_t words;  /* that an answer has, under the output cap */
    bool cut_short; /* the cap was reached */
    uint64_t seed;
    int64_t created; /* seconds since 1970 */
};

/* What is wrong with the body, as a sentence; NULL: nothing. */
const char *persona_read(struct str body, const struct persona_options *options, int64_t now_s,
                         struct persona_ask *ret_ask);

/* Events of a stream, numbered from 0; each appends "data: ...\n\n". */
int64_t persona_event_count(const struct persona_ask *ask, const struct persona_options *options);
EP_MUST_CHECK enum err persona_event(const struct persona_ask *ask,
                                     const struct persona_options *options, int64_t at,
                                     struct buf *out);
/* The whole answer of an ask that is not streamed. */
EP_MUST_CHECK enum err persona_answer(const struct persona_ask *ask,
                                      const struct persona_options *options, struct buf *out);
EP_MUST_CHECK enum err persona_error(struct buf *out, struct str message, struct str type);
EP_MUST_CHECK enum err persona_models(struct buf *out, struct str names);
