/*
 * Tiles (c2sp.org/tlog-tiles): names, and what is in them. A tile of level L holds up to 256 hashes
 * of full subtrees of level 8 L; a bundle holds the entries of the leaves of a tile of level 0. The
 * last ones of a tree are partial. Pure.
 */
#pragma once

#include "base/buf.h"
#include "tlog/tree.h"

#define TILE_WIDTH     256
#define TILE_BYTES     (TILE_WIDTH * DIGEST_BYTES)
#define TILE_LEVELS    8
#define TILE_PATH_MAX  64
#define TILE_ENTRY_MAX 65535
#define TILE_BUNDLE_MAX \
    (TILE_WIDTH * (2 + TILE_ENTRY_MAX)) /* of others' logs; ours has 300 bytes an entry */

struct tile {
    bool entries;   /* a bundle; `level` is 0 */
    unsigned level; /* 0 .. 63 in names; ours reach TILE_LEVELS - 1 */
    int64_t index;
    unsigned width; /* 1 .. 256; 256: full */
};

/* "tile/0/x001/067.p/3", "tile/entries/000": without a leading slash. */
EP_MUST_CHECK enum err tile_print(const struct tile *tile, struct buf *out);
/* Exactly what tile_print() prints; false otherwise. */
bool tile_parse(struct str path, struct tile *ret_tile);
/* How many hashes the tile has in a tree of `size` leaves; 0: it is not in it. */
unsigned tile_width_in(int64_t size, unsigned level, int64_t index);
/* The root of a full tile, or of part of it: `count` is a power of two, 1 .. 256. */
struct digest tile_subtree(const struct digest *hashes, size_t count);

EP_MUST_CHECK enum err tile_entry_put(struct str entry, struct buf *out);
/* The next entry of a bundle; false at its end, or (*rest is not empty then) where it is cut. */
bool tile_entry_next(struct str *rest, struct str *ret_entry);
