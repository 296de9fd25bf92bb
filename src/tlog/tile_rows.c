#include "tlog/tile_rows.h"

#include <string.h>

#define TILE_BITS 8 /* levels of the tree in a tile: 256 is 2^8 */

const struct store_migration tile_rows_migration = {
    .number = 15,
    .name = "tlog_tree",
    .sql = "CREATE TABLE tile(level INTEGER NOT NULL, idx INTEGER NOT NULL, root BLOB NOT NULL"
           " CHECK(length(root) = 32), PRIMARY KEY(level, idx)) STRICT, WITHOUT ROWID;"
           "CREATE TABLE log_state(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL,"
           " root BLOB NOT NULL CHECK(length(root) = 32)) STRICT;"
           "CREATE TABLE note(leaf INTEGER PRIMARY KEY REFERENCES leaf, detail BLOB NOT NULL,"
           " salt BLOB NOT NULL) STRICT;"
           "CREATE TABLE published(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL,"
           " root BLOB NOT NULL CHECK(length(root) = 32), note BLOB NOT NULL,"
           " at_ns INTEGER NOT NULL) STRICT;"
           "CREATE TABLE shown(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL,"
           " note BLOB NOT NULL) STRICT;"
           "CREATE TABLE cosignature(witness TEXT PRIMARY KEY, size INTEGER NOT NULL,"
           " line BLOB NOT NULL) STRICT;",
};

static const struct store_sql sql_tile_add = {
    "INSERT INTO tile(level, idx, root) VALUES (?1, ?2, ?3)"
};
static const struct store_sql sql_state_set = {
    "INSERT INTO log_state(id, size, root) VALUES (1, ?1, ?2)"
    " ON CONFLICT(id) DO UPDATE SET size = excluded.size, root = excluded.root"
};
static const struct store_sql sql_state = { "SELECT size, root FROM log_state WHERE id = 1" };
static const struct store_sql sql_leaf_hashes = {
    "SELECT id, hash FROM leaf WHERE id >= ?1 AND id < ?2 ORDER BY id"
};
static const struct store_sql sql_tile_roots = {
    "SELECT idx, root FROM tile WHERE idx >= ?1 AND idx < ?2 AND level = ?3 ORDER BY idx"
};
static const struct store_sql sql_entries = {
    "SELECT id, entry FROM leaf WHERE id >= ?1 AND id < ?2 ORDER BY id"
};

/* ---- the edge ------------------------------------------------------------------------------ */

void tile_edge_grow(struct tile_edge *edge, const struct digest *leaf_hash,
                    struct digest ret_roots[TILE_LEVELS], unsigned *ret_full)
{
    struct digest hash = *leaf_hash;
    unsigned level = 0;
    unsigned full = 0;
    ASSERT(edge->size < TREE_SIZE_MAX);
    for (; ((uint64_t)edge->size >> level & 1) != 0; level++) {
        hash = tree_node_hash(&edge->roots[level], &hash);
        if ((level + 1) % TILE_BITS == 0) {
            ASSERT(full < TILE_LEVELS);
            ret_roots[full++] = hash;
        }
    }
    edge->roots[level] = hash;
    edge->size++;
    *ret_full = full;
}

struct digest tile_edge_root(const struct tile_edge *edge)
{
    struct digest root = digest_sha256(STR_EMPTY);
    bool begun = false;
    for (unsigned level = 0; level < TREE_PATH_MAX; level++) {
        if (((uint64_t)edge->size >> level & 1) != 0) {
            root = begun ? tree_node_hash(&edge->roots[level], &root) : edge->roots[level];
            begun = true;
        }
    }
    return root;
}

enum err tile_rows_grow(struct tile_edge *edge, struct store_txn *txn,
                        const struct digest *leaf_hash, struct fail *fail)
{
    struct digest roots[TILE_LEVELS];
    unsigned full = 0;
    tile_edge_grow(edge, leaf_hash, roots, &full);
    for (unsigned level = 0; level < full; level++) {
        int64_t index = (edge->size >> (TILE_BITS * (level + 1))) - 1;
        const struct store_value values[] = { STORE_I(level), STORE_I(index),
                                              STORE_B(digest_str(&roots[level])) };
        TRY(store_exec(txn, &sql_tile_add, values, EP_ARRAY_LEN(values), fail));
    }
    return ERR_OK;
}

enum err tile_rows_save(struct tile_edge *edge, struct store_txn *txn, struct fail *fail)
{
    if (edge->size == edge->saved) {
        return ERR_OK;
    }
    struct digest root = tile_edge_root(edge);
    const struct store_value values[] = { STORE_I(edge->size), STORE_B(digest_str(&root)) };
    TRY(store_exec(txn, &sql_state_set, values, EP_ARRAY_LEN(values), fail));
    edge->saved = edge->size;
    return ERR_OK;
}

enum err tile_rows_load(struct store_txn *txn, struct tile_edge *ret_edge, struct fail *fail)
{
    struct tile_edge edge = { .size = 0 };
    struct tile_rows rows = { txn, fail };
    struct digest root;
    TRY(tile_rows_state(txn, &edge.size, &root, fail));
    edge.saved = edge.size;
    for (unsigned level = 0; level < TREE_PATH_MAX; level++) {
        if (((uint64_t)edge.size >> level & 1) != 0) {
            int64_t index = (edge.size >> level) - 1;
            TRY(tile_rows_read(&rows, level, index, &edge.roots[level]));
        }
    }
    struct digest found = tile_edge_root(&edge);
    if (!digest_eq(&found, &root)) {
        return FAIL(fail, ERR_STORE_DAMAGED,
                    "the log's rows do not give the root that is noted of their %lld leaves:"
                    " somebody has changed them",
                    (long long)edge.size);
    }
    *ret_edge = edge;
    return ERR_OK;
}

/* ---- reading ----------------------------------------------------------------------------- */

struct tile_state {
    int64_t size;
    struct digest root;
};

static enum err tile_on_state(void *context, const struct store_value *row, size_t columns)
{
    struct tile_state *state = context;
    ASSERT(columns == 2);
    state->size = row[0].number;
    if (row[1].bytes.len == DIGEST_BYTES) { /* else no root of any tree, as is found soon */
        memcpy(state->root.bytes, row[1].bytes.ptr, DIGEST_BYTES);
    }
    return ERR_OK;
}

enum err tile_rows_state(struct store_txn *txn, int64_t *ret_size, struct digest *ret_root,
                         struct fail *fail)
{
    struct tile_state state = { .root = digest_sha256(STR_EMPTY) };
    TRY(store_query(txn, &sql_state, NULL, 0, tile_on_state, &state, fail));
    if (state.size < 0 || state.size > TREE_SIZE_MAX) {
        return FAIL(fail, ERR_STORE_DAMAGED, "the log's noted size is %lld", (long long)state.size);
    }
    *ret_size = state.size;
    *ret_root = state.root;
    return ERR_OK;
}

struct tile_reading {
    int64_t first;
    size_t count;
    struct digest *hashes;
    struct buf *bundle;
};

static enum err tile_on_hash(void *context, const struct store_value *row, size_t columns)
{
    struct tile_reading *reading = context;
    ASSERT(columns == 2);
    if (row[0].number == reading->first + (int64_t)reading->count &&
        row[1].bytes.len == DIGEST_BYTES) {
        memcpy(reading->hashes[reading->count++].bytes, row[1].bytes.ptr, DIGEST_BYTES);
    }
    return ERR_OK;
}

enum err tile_rows_hashes(struct store_txn *txn, unsigned level, int64_t first, size_t count,
                          struct digest *ret_hashes, struct fail *fail)
{
    struct tile_reading reading = { .first = first, .hashes = ret_hashes };
    const struct store_value values[] = { STORE_I(first), STORE_I(first + (int64_t)count),
                                          STORE_I((int64_t)level - 1) };
    ASSERT(first >= 0 && count <= TILE_WIDTH && level < TILE_LEVELS);
    if (level == 0) {
        TRY(store_query(txn, &sql_leaf_hashes, values, 2, tile_on_hash, &reading, fail));
    } else {
        TRY(store_query(txn, &sql_tile_roots, values, 3, tile_on_hash, &reading, fail));
    }
    if (reading.count != count) {
        return FAIL(fail, ERR_STORE_DAMAGED,
                    "the log's rows lack the hash %lld of level %u: restore a backup",
                    (long long)first + (long long)reading.count, level);
    }
    return ERR_OK;
}

static enum err tile_on_entry(void *context, const struct store_value *row, size_t columns)
{
    struct tile_reading *reading = context;
    ASSERT(columns == 2);
    if (row[0].number == reading->first + (int64_t)reading->count) {
        TRY(tile_entry_put(row[1].bytes, reading->bundle));
        reading->count++;
    }
    return ERR_OK;
}

enum err tile_rows_bundle(struct store_txn *txn, int64_t first, size_t count, struct buf *out,
                          struct fail *fail)
{
    struct tile_reading reading = { .first = first, .bundle = out };
    const struct store_value values[] = { STORE_I(first), STORE_I(first + (int64_t)count) };
    ASSERT(first >= 0 && count <= TILE_WIDTH);
    TRY(store_query(txn, &sql_entries, values, 2, tile_on_entry, &reading, fail));
    if (reading.count != count) {
        return FAIL(fail, ERR_STORE_DAMAGED, "the log's rows lack the leaf %lld: restore a backup",
                    (long long)first + (long long)reading.count);
    }
    return ERR_OK;
}

enum err tile_rows_read(void *context, unsigned level, int64_t index, struct digest *ret_hash)
{
    const struct tile_rows *rows = context;
    struct digest hashes[TILE_WIDTH];
    unsigned below = level % TILE_BITS; /* levels of the tree inside the tile */
    TRY(tile_rows_hashes(rows->txn, level / TILE_BITS, index << below, (size_t)1 << below, hashes,
                         rows->fail));
    *ret_hash = tile_subtree(hashes, (size_t)1 << below);
    return ERR_OK;
}

enum err tile_rows_root(struct store_txn *txn, int64_t size, struct digest *ret_root,
                        struct fail *fail)
{
    struct tile_rows rows = { txn, fail };
    struct tree_edge edge;
    TRY(tree_edge_read(size, tile_rows_read, &rows, &edge));
    *ret_root = tree_edge_root(&edge);
    return ERR_OK;
}
