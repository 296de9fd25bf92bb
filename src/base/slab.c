#include "base/slab.h"

#include <stdalign.h>
#include <string.h>

#include "base/mem.h"

#define SLAB_CHUNK_BYTES ((size_t)64 * 1024)
#define SLAB_POISON      0xA5 /* a use after give shows */

struct slab_chunk {
    struct slab_chunk *next;
    alignas(max_align_t) char data[];
};

struct slab_free {
    struct slab_free *next;
};

void slab_init(struct slab *slab, size_t size, size_t count_max)
{
    ASSERT(size > 0);
    ASSERT(count_max > 0);
    size_t align = alignof(max_align_t);
    size_t rounded = (size + align - 1) / align * align;
    size_t fit = (SLAB_CHUNK_BYTES - sizeof(struct slab_chunk)) / rounded;
    *slab = (struct slab){
        .size = rounded,
        .per_chunk = fit == 0 ? 1 : fit,
        .count_max = count_max,
    };
}

void slab_fini(struct slab *slab)
{
    ASSERT(slab->count == 0);
    while (slab->chunks != NULL) {
        struct slab_chunk *chunk = slab->chunks;
        slab->chunks = chunk->next;
        mem_free(chunk);
    }
    slab->free = NULL;
}

static bool slab_grow(struct slab *slab)
{
    struct slab_chunk *chunk = mem_alloc(sizeof(*chunk) + slab->size * slab->per_chunk);
    if (chunk == NULL) {
        return false;
    }
    chunk->next = slab->chunks;
    slab->chunks = chunk;
    for (size_t i = slab->per_chunk; i > 0; i--) {
        struct slab_free *object = (struct slab_free *)(void *)(chunk->data + (i - 1) * slab->size);
        object->next = slab->free;
        slab->free = object;
    }
    return true;
}

void *slab_take(struct slab *slab)
{
    if (slab->count == slab->count_max || (slab->free == NULL && !slab_grow(slab))) {
        return NULL;
    }
    struct slab_free *object = slab->free;
    slab->free = object->next;
    slab->count++;
    memset(object, 0, slab->size);
    return object;
}

void slab_give(struct slab *slab, void *object)
{
    ASSERT(object != NULL);
    ASSERT(slab->count > 0);
    slab->count--;
    memset(object, SLAB_POISON, slab->size);
    struct slab_free *free_object = object;
    free_object->next = slab->free;
    slab->free = free_object;
}
