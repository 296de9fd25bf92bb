/*
 * Text that grows piece by piece in an arena, in blocks that double up to 64 KiB: no byte is moved
 * until somebody wants it in one piece. Zeroes are an empty rope. Not thread-safe.
 */
#pragma once

#include "base/arena.h"

struct rope_block;

struct rope {
    struct rope_block *first;
    struct rope_block *last;
    size_t len;
};

/* false: no memory; the rope is what it was, or a part of `text` longer. */
EP_MUST_CHECK bool rope_append(struct rope *rope, struct arena *arena, struct str text);
/* All of it in one piece, valid as long as the arena. false: no memory. */
EP_MUST_CHECK bool rope_join(struct rope *rope, struct arena *arena, struct str *ret_text);
