#include "base/map.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

#define MAP_FIRST 16

static char map_grave; /* its address marks a removed slot */

static uint64_t map_seed(void)
{
    static _Atomic uint64_t seed;
    uint64_t value = atomic_load_explicit(&seed, memory_order_relaxed);
    if (value == 0) {
        uint64_t fresh = 0;
        if (getrandom(&fresh, sizeof(fresh), 0) != (ssize_t)sizeof(fresh)) {
            fresh = (uint64_t)(uintptr_t)&map_grave; /* weaker, but the address is random too */
        }
        uint64_t none = 0;
        fresh |= 1;
        value = atomic_compare_exchange_strong_explicit(&seed, &none, fresh, memory_order_relaxed,
                                                        memory_order_relaxed)
                    ? fresh
                    : none;
    }
    return value;
}

static uint64_t map_mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A multiply-fold hash (the shape of wyhash) over 8 bytes a step. */
static uint64_t map_hash(struct str key)
{
    const uint64_t k0 = UINT64_C(0x9E3779B97F4A7C15);
    const uint64_t k1 = UINT64_C(0xBF58476D1CE4E5B9);
    uint64_t hash = map_seed() ^ map_mix(key.len ^ k0, k1);
    size_t at = 0;
    while (key.len - at >= 8) {
        uint64_t word = 0;
        memcpy(&word, key.ptr + at, 8);
        hash = map_mix(hash ^ word, k0);
        at += 8;
    }
    uint64_t tail = 0;
    if (key.len > at) {
        memcpy(&tail, key.ptr + at, key.len - at);
    }
    return map_mix(hash ^ tail, k1);
}

void map_init(struct map *map)
{
    *map = (struct map){ 0 };
}

void map_fini(struct map *map)
{
    mem_free(map->slots);
    map_init(map);
}

static bool map_slot_live(const struct map_slot *slot)
{
    return slot->value != NULL && slot->value != &map_grave;
}

/* The key's slot, or the free one where the search ended. */
static struct map_slot *map_seek(const struct map *map, struct str key, uint64_t hash)
{
    ASSERT(map->used < map->cap);
    size_t at = (size_t)hash & (map->cap - 1);
    for (;;) {
        struct map_slot *slot = &map->slots[at];
        if (slot->value == NULL) {
            return slot;
        }
        if (slot->value != &map_grave && slot->hash == hash && str_eq(slot->key, key)) {
            return slot;
        }
        at = (at + 1) & (map->cap - 1);
    }
}

static enum err map_resize(struct map *map, size_t cap)
{
    struct map_slot *slots = mem_zalloc(cap * sizeof(*slots));
    if (slots == NULL) {
        return ERR_NO_MEMORY;
    }
    struct map grown = { .slots = slots, .cap = cap };
    for (size_t i = 0; i < map->cap; i++) {
        const struct map_slot *slot = &map->slots[i];
        if (map_slot_live(slot)) {
            *map_seek(&grown, slot->key, slot->hash) = *slot;
            grown.count++;
            grown.used++;
        }
    }
    ASSERT(grown.count == map->count);
    mem_free(map->slots);
    *map = grown;
    return ERR_OK;
}

enum err map_reserve(struct map *map, size_t more)
{
    if ((map->used + more) * 4 <= map->cap * 3) {
        return ERR_OK;
    }
    size_t cap = map->cap == 0 ? MAP_FIRST : map->cap;
    while ((map->count + more) * 2 > cap) {
        cap *= 2;
    }
    return map_resize(map, cap);
}

enum err map_add(struct map *map, struct str key, void *value)
{
    ASSERT(value != NULL);
    TRY(map_reserve(map, 1));
    uint64_t hash = map_hash(key);
    struct map_slot *slot = map_seek(map, key, hash);
    if (slot->value != NULL) {
        return ERR_CONFLICT;
    }
    *slot = (struct map_slot){ .key = key, .value = value, .hash = hash };
    map->count++;
    map->used++;
    return ERR_OK;
}

void *map_find(const struct map *map, struct str key)
{
    return map->count == 0 ? NULL : map_seek(map, key, map_hash(key))->value;
}

void *map_remove(struct map *map, struct str key)
{
    if (map->count == 0) {
        return NULL;
    }
    struct map_slot *slot = map_seek(map, key, map_hash(key));
    void *value = slot->value;
    if (value != NULL) {
        slot->value = &map_grave;
        map->count--;
    }
    return value;
}

const struct map_slot *map_next(const struct map *map, size_t *at)
{
    while (*at < map->cap) {
        const struct map_slot *slot = &map->slots[(*at)++];
        if (map_slot_live(slot)) {
            return slot;
        }
    }
    return NULL;
}
