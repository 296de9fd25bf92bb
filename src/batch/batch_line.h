/*
 * The lines of batches: what is asked in one, and what its results look like. Pure.
 *
 * OpenAI's lines are {custom_id, method, url, body}, Anthropic's requests {custom_id, params}; one
 * with a member that is in neither is refused, as any other that is not as it must be: with its
 * field, while the others run.
 */
#pragma once

#include "batch/batch.h"

#define BATCH_CUSTOM_ID_MAX 512 /* bytes of OpenAI's; Anthropic's have 64 plain characters */
#define BATCH_REQUEST_MAX   512 /* bytes of a result beside body and custom id */

/* Slices of the line. */
struct batch_ask {
    struct str custom_id; /* a JSON string; empty: there is none that can be told */
    struct str body;      /* the JSON object that is the request's */
};

/* What is wrong with a line. */
struct batch_fault {
    const char *code;
    const char *param; /* NULL: none */
    const char *message;
};

/* False: it is none, and *ret_fault says why; ret_ask->custom_id is there if it could be read. */
EP_MUST_CHECK bool batch_line_read(enum batch_shape shape, struct str endpoint, struct str line,
                                   struct batch_ask *ret_ask, struct batch_fault *ret_fault);

/* Whose result it is. */
struct batch_result {
    enum batch_shape shape;
    struct id batch;
    int64_t line;         /* its number, from 1 on */
    struct str custom_id; /* as above */
};

/* An answer to a line's request, one JSON value; what it lacks of one line is mended. */
EP_MUST_CHECK enum err batch_result_answer(struct buf *out, const struct batch_result *result,
                                           int status, struct str request, struct str body);
/* It was no request. */
EP_MUST_CHECK enum err batch_result_fault(struct buf *out, const struct batch_result *result,
                                          const struct batch_fault *fault);
/* Its time was over, or the batch was cancelled, before it was begun. */
EP_MUST_CHECK enum err batch_result_unrun(struct buf *out, const struct batch_result *result,
                                          bool expired);
