/* Writing words into a buffer: a failure sticks and is asked for once, at the end. */
#pragma once

#include "policy/policy.h"
#include "registry/registry_canonical.h"

struct words {
    struct buf *out;
    enum err err;
};

static inline void words_put(struct words *words, struct str text)
{
    words->err = words->err == ERR_OK ? buf_append(words->out, text) : words->err;
}

static inline void words_number(struct words *words, uint64_t number)
{
    words->err = words->err == ERR_OK ? buf_u64(words->out, number) : words->err;
}

static inline void words_time(struct words *words, int64_t ns)
{
    words->err = words->err == ERR_OK ? registry_time_print(words->out, ns) : words->err;
}

/* print.c */
void words_reason(struct words *words, const struct policy_reason *reason);
