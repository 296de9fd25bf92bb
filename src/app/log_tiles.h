/*
 * A log's tree, read from its tiles: hashes of full subtrees for tree.h, from whatever serves the
 * tiles. Nothing is believed: a proof made of them leads to a signed root, or does not.
 */
#pragma once

#include "app/log_source.h"
#include "tlog/tile.h"

#define LOG_TILES_KEPT 32 /* a proof needs two a level */

struct log_tiles {
    struct log_source *source;
    int64_t size; /* of the tree: which tiles are partial */
    struct fail *fail;
    struct buf scratch;
    size_t next; /* to be replaced */
    struct log_tiles_one {
        struct tile tile; /* width 0: free */
        struct digest hashes[TILE_WIDTH];
    } kept[LOG_TILES_KEPT];
};

/* `source` and `fail` outlive it. What fails is told in *fail. */
void log_tiles_init(struct log_tiles *tiles, struct log_source *source, int64_t size,
                    struct fail *fail);
void log_tiles_fini(struct log_tiles *tiles);
/* A tree_read_fn; `context` is a struct log_tiles. ERR_NOT_FOUND, ERR_PROOF_INVALID (a tile of
 * another length), or as log_source_read(). */
enum err log_tiles_read(void *context, unsigned level, int64_t index, struct digest *ret_hash);

/* Reads a tile or a bundle; where a partial one is gone, what is needed of the full one, which a
 * log may serve in its place. Replaces what is in `out`. */
EP_MUST_CHECK enum err log_tiles_fetch(struct log_source *source, const struct tile *tile,
                                       struct buf *out, struct fail *fail);
