#include "settle/counts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/money.h"

#define COUNTS_NAME_MAX 4096 /* of a row: keys are ids, names and codes */

void counts_init(struct counts *counts, size_t keys, size_t values, size_t bytes_max)
{
    ASSERT(keys > 0 && keys <= COUNTS_KEYS_MAX && values > 0 && values <= COUNTS_VALUES_MAX);
    *counts = (struct counts){ .key_count = keys, .value_count = values };
    arena_init(&counts->arena, 4096, bytes_max);
    map_init(&counts->map);
}

void counts_fini(struct counts *counts)
{
    mem_free(counts->rows);
    map_fini(&counts->map);
    arena_fini(&counts->arena);
    counts->rows = NULL;
    counts->count = 0;
}

/* Each key behind its length, so that no two rows have one name. */
static bool counts_name(const struct counts *counts, const struct str *keys, struct buf *out)
{
    for (size_t i = 0; i < counts->key_count; i++) {
        uint32_t len = (uint32_t)keys[i].len;
        if (buf_append(out, (struct str){ (const char *)&len, sizeof(len) }) != ERR_OK ||
            buf_append(out, keys[i]) != ERR_OK) {
            return false;
        }
    }
    return true;
}

static struct counts_row *counts_make(struct counts *counts, const struct str *keys,
                                      struct str name)
{
    struct str kept;
    size_t size = sizeof(struct counts_row) + counts->value_count * sizeof(int64_t);
    struct counts_row *row = arena_zalloc(&counts->arena, size);
    if (counts->count == counts->cap) {
        size_t cap = counts->cap == 0 ? 32 : 2 * counts->cap;
        struct counts_row **grown = mem_realloc(counts->rows, cap * sizeof(struct counts_row *));
        if (grown == NULL) {
            return NULL;
        }
        counts->rows = grown;
        counts->cap = cap;
    }
    if (row == NULL || !arena_copy(&counts->arena, name, &kept) ||
        map_add(&counts->map, kept, row) != ERR_OK) {
        return NULL;
    }
    size_t at = 0;
    for (size_t i = 0; i < counts->key_count; i++) {
        at += sizeof(uint32_t);
        row->keys[i] = str_slice(kept, at, at + keys[i].len);
        at += keys[i].len;
    }
    counts->rows[counts->count++] = row;
    return row;
}

struct counts_row *counts_row(struct counts *counts, const struct str *keys)
{
    char room[COUNTS_NAME_MAX];
    struct buf name = { room, 0, sizeof(room), sizeof(room) };
    if (counts->err != ERR_OK) {
        return NULL;
    }
    if (!counts_name(counts, keys, &name)) {
        counts->err = ERR_LIMIT;
        return NULL;
    }
    struct counts_row *row = map_find(&counts->map, buf_str(&name));
    if (row == NULL) {
        row = counts_make(counts, keys, buf_str(&name));
        counts->err = row == NULL ? ERR_NO_MEMORY : ERR_OK;
    }
    return row;
}

void counts_add(struct counts *counts, struct counts_row *row, size_t value, int64_t more)
{
    ASSERT(value < counts->value_count);
    if (row != NULL && !money_add(row->values[value], more, &row->values[value])) {
        counts->err = ERR_LIMIT;
    }
}

void counts_note(struct counts *counts, const struct str *keys, size_t value, int64_t more)
{
    counts_add(counts, counts_row(counts, keys), value, more);
}

static int counts_order(const void *left, const void *right)
{
    const struct counts_row *const *a = left;
    const struct counts_row *const *b = right;
    int order = 0;
    for (size_t i = 0; order == 0 && i < COUNTS_KEYS_MAX; i++) {
        order = str_cmp((*a)->keys[i], (*b)->keys[i]);
    }
    return order;
}

void counts_sort(struct counts *counts)
{
    if (counts->count > 1) {
        qsort(counts->rows, counts->count, sizeof(counts->rows[0]), counts_order);
    }
}

int64_t counts_sum(const struct counts *counts, size_t value)
{
    int64_t sum = 0;
    ASSERT(value < counts->value_count);
    for (size_t i = 0; i < counts->count; i++) {
        if (!money_add(sum, counts->rows[i]->values[value], &sum)) {
            return INT64_MAX;
        }
    }
    return sum;
}
