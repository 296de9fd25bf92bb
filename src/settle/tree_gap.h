/*
 * Many leaves of one tree, proved together. Between two leaves that are shown, the full subtrees
 * that cover the others are given by their hashes: from left to right, as large as their place
 * allows. Leaves and hashes together grow the root, and nothing is given twice. A leaf of a pack
 * costs so, where all are the client's, no hash at all, and where one in a thousand is, some twenty
 * for each; a path for each would cost twenty in both cases.
 *
 * Which subtrees cover a gap follows from where it begins and ends: the hashes alone are written.
 * Pure.
 */
#pragma once

#include "tlog/tree.h"

/* The next subtree of the gap [from, until), from < until, 0 <= from: its level. */
unsigned tree_gap_level(int64_t from, int64_t until);

typedef enum err tree_gap_fn(void *context, const struct digest *hash);

/* The hashes of the gap [from, until), which may be empty, by `read`. */
EP_MUST_CHECK enum err tree_gap_read(int64_t from, int64_t until, tree_read_fn *read,
                                     void *read_context, tree_gap_fn *told, void *context);

/* Grows a tree by a full subtree of that level: its size is a multiple of the subtree's. */
void tree_gap_add(struct tree_edge *edge, unsigned level, const struct digest *hash);
