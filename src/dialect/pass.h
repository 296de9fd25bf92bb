/*
 * A request that goes on in its own dialect, other than chat (dialect/ask.h has that): byte for
 * byte, but for the upstream's own name of the model, the output cap, and what is for us alone.
 * Pure.
 */
#pragma once

#include "base/arena.h"
#include "dialect/dialect.h"
#include "wire/splice.h"

struct pass {
    enum dialect dialect;
    struct str body; /* read by talk_read(): no member that is written stands there twice */
    struct str model;
    int64_t output_cap; /* > 0 */
    int64_t given_cap;  /* the client's own; 0: none */
};

/* What is put in lives in `arena`. Gemini has its model in the path: it is not written. Where
 * Responses are not told whether to keep the answer, they are told not to. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err pass_write(const struct pass *pass, struct arena *arena,
                                  struct splice *ret_splice);
