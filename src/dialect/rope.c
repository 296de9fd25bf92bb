#include "dialect/rope.h"

#include <string.h>

#define BLOCK_FIRST 64
#define BLOCK_MAX   ((size_t)64 << 10)

struct rope_block {
    struct rope_block *next;
    size_t len;
    size_t size;
    char data[];
};

/* A block more, twice as large as the last, that has room for `need` bytes. */
static struct rope_block *rope_grow(struct rope *rope, struct arena *arena, size_t need)
{
    size_t size = rope->last == NULL ? BLOCK_FIRST : 2 * rope->last->size;
    size = size > BLOCK_MAX ? BLOCK_MAX : size;
    size = size < need ? need : size;
    struct rope_block *block = arena_alloc(arena, sizeof(*block) + size);
    if (block == NULL) {
        return NULL;
    }
    *block = (struct rope_block){ .size = size };
    if (rope->last == NULL) {
        rope->first = block;
    } else {
        rope->last->next = block;
    }
    rope->last = block;
    return block;
}

static void rope_add(struct rope *rope, struct rope_block *block, struct str text)
{
    if (text.len > 0) {
        memcpy(block->data + block->len, text.ptr, text.len);
        block->len += text.len;
        rope->len += text.len;
    }
}

bool rope_append(struct rope *rope, struct arena *arena, struct str text)
{
    struct rope_block *block = rope->last;
    size_t room = block == NULL ? 0 : block->size - block->len;
    size_t now = text.len < room ? text.len : room;
    if (now > 0) {
        rope_add(rope, block, str_slice(text, 0, now));
    }
    if (now == text.len) {
        return true;
    }
    block = rope_grow(rope, arena, text.len - now);
    if (block == NULL) {
        return false;
    }
    rope_add(rope, block, str_from_at(text, now));
    return true;
}

bool rope_join(struct rope *rope, struct arena *arena, struct str *ret_text)
{
    if (rope->first == NULL) {
        *ret_text = STR_EMPTY;
        return true;
    }
    if (rope->first->next != NULL) {
        struct rope_block *block = arena_alloc(arena, sizeof(*block) + rope->len);
        if (block == NULL) {
            return false;
        }
        *block = (struct rope_block){ .size = rope->len };
        for (const struct rope_block *from = rope->first; from != NULL; from = from->next) {
            memcpy(block->data + block->len, from->data, from->len);
            block->len += from->len;
        }
        rope->first = block;
        rope->last = block;
    }
    *ret_text = (struct str){ rope->first->data, rope->first->len };
    return true;
}
