/*
 * A hash table from digests to pointers that is read without locks while one writer changes it.
 *
 * It only grows: what was removed leaves a grave until the slots are outgrown, because a reader may
 * be looking at it. Outgrown slots are kept until key_table_fini() for the same reason; each set is
 * at most half its successor's size, so that all of them together are smaller than those in use.
 *
 * Threads: key_table_find(): any, beside one writer. Everything else: the writer.
 */
#pragma once

#include "crypto/digest.h"

struct key_slots;

struct key_table {
    struct key_slots *_Atomic slots;
    size_t used; /* live ones and graves */
    size_t live;
};

/* ERR_NO_MEMORY. A table ends with key_table_fini(), also after a failure. */
EP_MUST_CHECK enum err key_table_init(struct key_table *table);
void key_table_fini(struct key_table *table); /* nobody may look any more */
/* Makes room for `more`: then so many calls of key_table_add() cannot fail. */
EP_MUST_CHECK enum err key_table_reserve(struct key_table *table, size_t more);
/* Room was reserved; `hash` is not in it yet; `value` is not NULL. What was written to `value`
 * before is seen by whoever finds it. */
void key_table_add(struct key_table *table, const struct digest *hash, const void *value);
/* Nobody finds it any more who begins to look afterwards. It is there. */
void key_table_remove(struct key_table *table, const struct digest *hash);
/* NULL: not there. Compares in constant time. The digests must be such that nobody outside can
 * choose them (keyed), or he could make searches long. */
const void *key_table_find(const struct key_table *table, const struct digest *hash);
