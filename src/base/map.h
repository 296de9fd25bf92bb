/*
 * A hash map from borrowed bytes to pointers: open addressing, grows at 3/4, no removal of single
 * keys by design (snapshots are built whole and dropped whole; live tables use map_remove()).
 *
 * Keys are borrowed: they must live and not change as long as the map. The hash is keyed per
 * process (SipHash-like mixing of a random seed), so that outside input cannot force collisions.
 * Not thread-safe for writing; any number of threads may read a map that no longer changes.
 */
#pragma once

#include "base/str.h"

struct map_slot {
    struct str key;
    void *value; /* NULL: free; MAP_GONE: removed */
    uint64_t hash;
};

struct map {
    struct map_slot *slots;
    size_t cap;   /* a power of two, or 0 */
    size_t count; /* live keys */
    size_t used;  /* live keys and graves */
};

void map_init(struct map *map);
void map_fini(struct map *map);
/* Makes room: then the next `more` additions of new keys cannot fail. */
EP_MUST_CHECK enum err map_reserve(struct map *map, size_t more);
/* `value` is not NULL. ERR_CONFLICT if the key is there already (nothing changes). */
EP_MUST_CHECK enum err map_add(struct map *map, struct str key, void *value);
/* The value, or NULL. */
void *map_find(const struct map *map, struct str key);
/* Takes the key out and returns its value; NULL if it was not there. */
void *map_remove(struct map *map, struct str key);
/* The next live slot at or behind `*at` (start with 0), or NULL; in no stated order. */
const struct map_slot *map_next(const struct map *map, size_t *at);
