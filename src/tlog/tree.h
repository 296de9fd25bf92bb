/*
 * The Merkle tree of RFC 6962 section 2.1: SHA-256, a leaf hashed behind a byte 0, a node behind a
 * byte 1, the empty tree's root the hash of nothing. Pure; hashes of full subtrees are read through
 * a function, so that the same code works over rows, tiles, files and answers of a server.
 *
 * A full subtree is named by (level, index): it covers the leaves [index << level, (index + 1) <<
 * level). Sizes and indexes are 0 .. 2^62.
 */
#pragma once

#include "crypto/digest.h"

#define TREE_SIZE_MAX (INT64_C(1) << 62)
#define TREE_PATH_MAX 64 /* hashes of any proof */

struct digest tree_leaf_hash(struct str entry);
struct digest tree_node_hash(const struct digest *left, const struct digest *right);

/* A size or an index as the formats write it: decimal, 0 .. TREE_SIZE_MAX, no leading zero. */
bool tree_size_read(struct str text, int64_t *ret_size);
/* A hash as the formats write it: exactly 32 bytes in base64. */
bool tree_hash_read(struct str text, struct digest *ret_hash);

/* The roots of the full subtrees that a tree consists of, largest first: enough to grow it. */
struct tree_edge {
    int64_t size;
    unsigned count; /* the bits that are set in `size` */
    struct digest roots[TREE_PATH_MAX];
};

/* {0} is the edge of the empty tree. */
void tree_edge_add(struct tree_edge *edge, const struct digest *leaf_hash);
struct digest tree_edge_root(const struct tree_edge *edge);

/* The hash of the full subtree (level, index). Anything but ERR_OK ends the work with it. */
typedef enum err tree_read_fn(void *context, unsigned level, int64_t index,
                              struct digest *ret_hash);

struct tree_path {
    size_t count;
    struct digest hashes[TREE_PATH_MAX]; /* the leaf's sibling first */
};

EP_MUST_CHECK enum err tree_edge_read(int64_t size, tree_read_fn *read, void *context,
                                      struct tree_edge *ret_edge);
/* 0 <= index < size. Reads full subtrees inside [0, size) alone. */
EP_MUST_CHECK enum err tree_inclusion(int64_t index, int64_t size, tree_read_fn *read,
                                      void *context, struct tree_path *ret_path);
/* 0 <= old <= size; the path is empty where old is 0 or size. */
EP_MUST_CHECK enum err tree_consistency(int64_t old, int64_t size, tree_read_fn *read,
                                        void *context, struct tree_path *ret_path);

/* Any numbers are allowed here, and false unless the proof is exactly right (RFC 9162 section 2.1):
 * of two equal sizes the roots are equal and the path is empty; so it is from 0, the root of which
 * is the hash of nothing. */
bool tree_check_inclusion(int64_t index, int64_t size, const struct digest *leaf_hash,
                          const struct tree_path *path, const struct digest *root);
bool tree_check_consistency(int64_t old, const struct digest *old_root, int64_t size,
                            const struct digest *root, const struct tree_path *path);
