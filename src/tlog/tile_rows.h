/*
 * The tree in the store's rows: leaf hashes stand with the leaves, and the root of each full tile
 * is a row of its own, (level, index), so that any hash of a full subtree is found, or made from at
 * most 256 rows. Once a batch log_state is written: how far the tree has come, and its root.
 *
 * The writer keeps the roots of the full subtrees at the tree's edge in memory: one a level, 2 KiB.
 * A leaf costs two hashes and now and then a row.
 *
 * Threads: tile_rows_grow() and tile_rows_save() inside store jobs; the rest over any transaction.
 */
#pragma once

#include "store/store.h"
#include "tlog/tile.h"

/* Number 15: also what publishing (publish.h) and salted notes (tlog.h) keep. */
extern const struct store_migration tile_rows_migration;

/* ---- writing ----------------------------------------------------------------------------- */

struct tile_edge {
    int64_t size;
    int64_t saved;                      /* the size in log_state */
    struct digest roots[TREE_PATH_MAX]; /* by level, where `size` has that bit */
};

struct digest tile_edge_root(const struct tile_edge *edge);
/* What log_state says, and the roots at its edge. ERR_STORE_DAMAGED: the rows do not give the root
 * that is in log_state. */
EP_MUST_CHECK enum err tile_rows_load(struct store_txn *txn, struct tile_edge *ret_edge,
                                      struct fail *fail);
/* One leaf more; writes the rows of the tiles that it fills. */
EP_MUST_CHECK enum err tile_rows_grow(struct tile_edge *edge, struct store_txn *txn,
                                      const struct digest *leaf_hash, struct fail *fail);
/* Writes log_state, if the tree has grown since. */
EP_MUST_CHECK enum err tile_rows_save(struct tile_edge *edge, struct store_txn *txn,
                                      struct fail *fail);

/* A leaf of an edge alone, without rows: *ret_full tiles of the levels 0, 1, ... are full with it,
 * and their roots are in ret_roots. */
void tile_edge_grow(struct tile_edge *edge, const struct digest *leaf_hash,
                    struct digest ret_roots[TILE_LEVELS], unsigned *ret_full);

/* ---- reading ----------------------------------------------------------------------------- */

/* What log_state says; nothing yet: 0, and the empty tree's root. */
EP_MUST_CHECK enum err tile_rows_state(struct store_txn *txn, int64_t *ret_size,
                                       struct digest *ret_root, struct fail *fail);

/* `count` <= 256 hashes of full subtrees of level 8 * `level`, from index `first` on.
 * ERR_STORE_DAMAGED: a row is missing. */
EP_MUST_CHECK enum err tile_rows_hashes(struct store_txn *txn, unsigned level, int64_t first,
                                        size_t count, struct digest *ret_hashes, struct fail *fail);
/* The entries of the `count` leaves from `first` on, as a bundle; appends. */
EP_MUST_CHECK enum err tile_rows_bundle(struct store_txn *txn, int64_t first, size_t count,
                                        struct buf *out, struct fail *fail);

struct tile_rows {
    struct store_txn *txn;
    struct fail *fail;
};
/* A tree_read_fn; the context is a struct tile_rows. */
EP_MUST_CHECK enum err tile_rows_read(void *context, unsigned level, int64_t index,
                                      struct digest *ret_hash);
/* The root of the first `size` leaves. */
EP_MUST_CHECK enum err tile_rows_root(struct store_txn *txn, int64_t size, struct digest *ret_root,
                                      struct fail *fail);
