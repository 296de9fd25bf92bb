/*
 * Objects of one size, recycled: what a thread makes and drops thousands of times a second.
 * Chunks come from the heap and go back with slab_fini() alone. Not thread-safe.
 */
#pragma once

#include "base/err.h"

struct slab_chunk;
struct slab_free;

struct slab {
    struct slab_chunk *chunks;
    struct slab_free *free;
    size_t size;      /* of an object, rounded up */
    size_t per_chunk; /* objects a chunk */
    size_t count;     /* objects given out */
    size_t count_max;
};

/* `count_max` objects at most; size >= 1. */
void slab_init(struct slab *slab, size_t size, size_t count_max);
/* All objects must have come back. */
void slab_fini(struct slab *slab);
/* Zeroed; NULL at the limit or when the heap is out. */
EP_MUST_CHECK void *slab_take(struct slab *slab);
void slab_give(struct slab *slab, void *object);
