/*
 * OpenAI's embeddings: what is asked for, what comes back. Pure; results borrow the text.
 *
 * Input is a text, a list of texts, one text as token ids, or a list of such. Vectors come as lists
 * of numbers or as base64 of little-endian floats of 32 bits; some servers send numbers whatever
 * they were asked for, and then the answer is written anew.
 */
#pragma once

#include "dialect/ask.h"

#define EMBEDDINGS_TEXTS_MAX 2048               /* as OpenAI has it */
#define EMBEDDINGS_IDS_MAX   (INT64_C(1) << 20) /* token ids of one request */
#define EMBEDDINGS_SIZE_MAX  65536 /* numbers of a vector; the longest known has 12288 */

struct embeddings_ask {
    struct str texts; /* JSON: a string or a list of strings; empty: the input came as token ids */
    int64_t tokens;   /* their number; -1: it came as text */
    int64_t count;    /* vectors that are asked for */
    int64_t size;     /* numbers of each; 0: the model's own */
    bool base64;
};

/* As ask_read_chat(); the fields: input, encoding_format, dimensions. */
EP_MUST_CHECK enum err embeddings_read(struct str body, struct ask *ret_ask,
                                       struct embeddings_ask *ret_embeddings, struct fail *fail);

struct embeddings_answer {
    struct str model; /* a JSON string; empty: it names none */
    struct str usage; /* an object, or empty */
    bool error;       /* it says an error */
    bool rewrite;     /* its vectors are not in the form that was asked for */
};

/* Whether a whole answer is what was asked for: so many vectors, each of one length and once.
 * False: it is not, or no JSON. An answer with `error` is true. */
EP_MUST_CHECK bool embeddings_answer_read(struct str body, const struct embeddings_ask *asked,
                                          struct embeddings_answer *ret_answer);
/* Appends the answer with its vectors in the form that was asked for. `body`: as was read. Numbers
 * that no float holds are the nearest that one does. ERR_LIMIT, ERR_NO_MEMORY,
 * ERR_UPSTREAM_SYNTAX: what should be base64 is none. */
EP_MUST_CHECK enum err embeddings_answer_write(struct str body, const struct embeddings_ask *asked,
                                               struct buf *out);
