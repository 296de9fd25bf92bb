#include "ident/key_table.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

#define KEY_TABLE_FIRST 64 /* a power of two */
#define KEY_GRAVE       ((const void *)&key_grave)

static const char key_grave; /* its address marks a removed slot */

struct key_slot {
    struct digest hash;        /* written before `value`, read after it */
    const void *_Atomic value; /* NULL: free; KEY_GRAVE: removed */
};

struct key_slots {
    struct key_slots *outgrown;
    size_t cap;
    struct key_slot slots[];
};

static size_t key_slots_at(const struct key_slots *slots, const struct digest *hash)
{
    uint64_t word = 0;
    memcpy(&word, hash->bytes, sizeof(word));
    return (size_t)word & (slots->cap - 1);
}

static void key_slots_put(struct key_slots *slots, const struct digest *hash, const void *value)
{
    size_t at = key_slots_at(slots, hash);
    while (atomic_load_explicit(&slots->slots[at].value, memory_order_relaxed) != NULL) {
        at = (at + 1) & (slots->cap - 1);
    }
    slots->slots[at].hash = *hash;
    atomic_store_explicit(&slots->slots[at].value, value, memory_order_release);
}

enum err key_table_init(struct key_table *table)
{
    atomic_init(&table->slots, NULL);
    table->used = 0;
    table->live = 0;
    return key_table_reserve(table, 1);
}

void key_table_fini(struct key_table *table)
{
    struct key_slots *slots = atomic_load_explicit(&table->slots, memory_order_relaxed);
    while (slots != NULL) {
        struct key_slots *outgrown = slots->outgrown;
        mem_free(slots);
        slots = outgrown;
    }
    atomic_init(&table->slots, NULL);
    table->used = 0;
    table->live = 0;
}

enum err key_table_reserve(struct key_table *table, size_t more)
{
    struct key_slots *slots = atomic_load_explicit(&table->slots, memory_order_relaxed);
    /* At most half full: every search soon ends at a free slot. */
    if (slots != NULL && (table->used + more) * 2 <= slots->cap) {
        return ERR_OK;
    }
    size_t cap = slots == NULL ? KEY_TABLE_FIRST : slots->cap * 2;
    while ((table->live + more) * 2 > cap) {
        cap *= 2;
    }
    struct key_slots *grown = mem_zalloc(sizeof(*grown) + cap * sizeof(grown->slots[0]));
    if (grown == NULL) {
        return ERR_NO_MEMORY;
    }
    grown->outgrown = slots;
    grown->cap = cap;
    for (size_t i = 0; slots != NULL && i < slots->cap; i++) {
        const struct key_slot *slot = &slots->slots[i];
        const void *value = atomic_load_explicit(&slot->value, memory_order_relaxed);
        if (value != NULL && value != KEY_GRAVE) {
            key_slots_put(grown, &slot->hash, value);
        }
    }
    table->used = table->live;
    atomic_store_explicit(&table->slots, grown, memory_order_release);
    return ERR_OK;
}

void key_table_add(struct key_table *table, const struct digest *hash, const void *value)
{
    struct key_slots *slots = atomic_load_explicit(&table->slots, memory_order_relaxed);
    ASSERT(value != NULL);
    ASSERT((table->used + 1) * 2 <= slots->cap);
    key_slots_put(slots, hash, value);
    table->used++;
    table->live++;
}

static struct key_slot *key_slots_seek(struct key_slots *slots, const struct digest *hash)
{
    size_t at = key_slots_at(slots, hash);
    for (;;) {
        struct key_slot *slot = &slots->slots[at];
        const void *value = atomic_load_explicit(&slot->value, memory_order_acquire);
        if (value == NULL || (value != KEY_GRAVE && digest_eq(&slot->hash, hash))) {
            return slot;
        }
        at = (at + 1) & (slots->cap - 1);
    }
}

void key_table_remove(struct key_table *table, const struct digest *hash)
{
    struct key_slots *slots = atomic_load_explicit(&table->slots, memory_order_relaxed);
    struct key_slot *slot = key_slots_seek(slots, hash);
    ASSERT(atomic_load_explicit(&slot->value, memory_order_relaxed) != NULL);
    atomic_store_explicit(&slot->value, KEY_GRAVE, memory_order_release);
    ASSERT(table->live > 0);
    table->live--;
}

const void *key_table_find(const struct key_table *table, const struct digest *hash)
{
    struct key_slots *slots = atomic_load_explicit(&table->slots, memory_order_acquire);
    const struct key_slot *slot = key_slots_seek(slots, hash);
    const void *value = atomic_load_explicit(&slot->value, memory_order_acquire);
    return value == KEY_GRAVE ? NULL : value; /* it was removed in this instant */
}
