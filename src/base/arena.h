/*
 * An arena: memory that is given back all at once. Allocation is a pointer bump; blocks double up
 * to ARENA_BLOCK_MAX; the sum is capped by a limit that is given at the start.
 *
 * Not thread-safe. Everything allocated is valid until arena_reset(), arena_fini(), or a rollback
 * to a mark taken before.
 */
#pragma once

#include "base/str.h"

#define ARENA_BLOCK_MAX ((size_t)256 * 1024)

struct arena_block;

struct arena {
    struct arena_block *top;
    size_t first; /* size of the first block */
    size_t used;  /* bytes in all blocks */
    size_t max;
};

struct arena_mark {
    struct arena_block *top;
    size_t at;
    size_t used;
};

/* No memory is taken before the first allocation. 64 <= first <= max. */
void arena_init(struct arena *arena, size_t first, size_t max);
void arena_fini(struct arena *arena);

/* Aligned for any type, uninitialised; NULL when the limit or the heap is reached. */
EP_MUST_CHECK void *arena_alloc(struct arena *arena, size_t size);
EP_MUST_CHECK void *arena_zalloc(struct arena *arena, size_t size);
/* A copy with a NUL behind it (not counted in len). false: no room, `ret_copy` untouched. */
EP_MUST_CHECK bool arena_copy(struct arena *arena, struct str text, struct str *ret_copy);

struct arena_mark arena_mark(const struct arena *arena);
void arena_rollback(struct arena *arena, struct arena_mark mark);
