#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/mem.h"

#define ARENA_ALIGN alignof(max_align_t)

struct arena_block {
    struct arena_block *below;
    size_t size; /* of data */
    size_t at;   /* first free byte of data */
    alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, size_t first, size_t max)
{
    ASSERT(first >= 64);
    ASSERT(first <= max);
    *arena = (struct arena){ .first = first, .max = max };
}

static void arena_pop(struct arena *arena)
{
    struct arena_block *block = arena->top;
    arena->top = block->below;
    ASSERT(arena->used >= block->size);
    arena->used -= block->size;
    mem_free(block);
}

void arena_fini(struct arena *arena)
{
    while (arena->top != NULL) {
        arena_pop(arena);
    }
    ASSERT(arena->used == 0);
}

static struct arena_block *arena_push(struct arena *arena, size_t need)
{
    size_t size = arena->top == NULL ? arena->first : arena->top->size * 2;
    if (size > ARENA_BLOCK_MAX) {
        size = ARENA_BLOCK_MAX;
    }
    if (size < need) {
        size = need;
    }
    size_t room = arena->max - arena->used;
    if (size > room) {
        size = room; /* the last block may be smaller than its turn */
    }
    if (size < need) {
        return NULL;
    }
    struct arena_block *block = mem_alloc(sizeof(*block) + size);
    if (block == NULL) {
        return NULL;
    }
    *block = (struct arena_block){ .below = arena->top, .size = size };
    arena->top = block;
    arena->used += size;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > arena->max) {
        return NULL;
    }
    size_t need = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    struct arena_block *block = arena->top;
    if (block == NULL || block->size - block->at < need) {
        block = arena_push(arena, need);
        if (block == NULL) {
            return NULL;
        }
    }
    void *ptr = block->data + block->at;
    block->at += need;
    ASSERT(block->at <= block->size);
    return ptr;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    void *ptr = arena_alloc(arena, size);
    if (ptr != NULL) {
        memset(ptr, 0, size);
    }
    return ptr;
}

bool arena_copy(struct arena *arena, struct str text, struct str *ret_copy)
{
    char *copy = arena_alloc(arena, text.len + 1);
    if (copy == NULL) {
        return false;
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    *ret_copy = (struct str){ copy, text.len };
    return true;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){ arena->top, arena->top == NULL ? 0 : arena->top->at, arena->used };
}

void arena_rollback(struct arena *arena, struct arena_mark mark)
{
    while (arena->top != mark.top) {
        ASSERT(arena->top != NULL);
        arena_pop(arena);
    }
    if (arena->top != NULL) {
        ASSERT(mark.at <= arena->top->at);
        arena->top->at = mark.at;
    }
    ASSERT(arena->used == mark.used);
}
