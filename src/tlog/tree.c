#include "tlog/tree.h"

#include "base/enc.h"

_Static_assert(TREE_PATH_MAX >= 63, "62 siblings, and the old tree itself in a consistency proof");

struct digest tree_leaf_hash(struct str entry)
{
    const struct str parts[] = { { "\0", 1 }, entry };
    return digest_sha256_parts(parts, 2);
}

struct digest tree_node_hash(const struct digest *left, const struct digest *right)
{
    const struct str parts[] = { { "\1", 1 }, digest_str(left), digest_str(right) };
    return digest_sha256_parts(parts, 3);
}

bool tree_size_read(struct str text, int64_t *ret_size)
{
    uint64_t size = 0;
    if ((text.len > 1 && text.ptr[0] == '0') || !str_to_u64(text, &size) ||
        size > (uint64_t)TREE_SIZE_MAX) {
        return false;
    }
    *ret_size = (int64_t)size;
    return true;
}

bool tree_hash_read(struct str text, struct digest *ret_hash)
{
    char bytes[DIGEST_BYTES + 1]; /* base64 comes in steps of three bytes */
    struct buf hash = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    if (!enc_base64_read(&hash, text) || hash.len != DIGEST_BYTES) {
        return false;
    }
    memcpy(ret_hash->bytes, bytes, DIGEST_BYTES);
    return true;
}

/* ---- growing ----------------------------------------------------------------------------- */

void tree_edge_add(struct tree_edge *edge, const struct digest *leaf_hash)
{
    ASSERT(edge->size >= 0 && edge->size < TREE_SIZE_MAX);
    ASSERT_SLOW(edge->count == (unsigned)__builtin_popcountll((unsigned long long)edge->size));
    struct digest hash = *leaf_hash;
    /* As a carry runs through a binary number. */
    for (int64_t rest = edge->size; (rest & 1) != 0; rest >>= 1) {
        edge->count--;
        hash = tree_node_hash(&edge->roots[edge->count], &hash);
    }
    edge->roots[edge->count++] = hash;
    edge->size++;
}

struct digest tree_edge_root(const struct tree_edge *edge)
{
    if (edge->count == 0) {
        ASSERT(edge->size == 0);
        return digest_sha256(STR_EMPTY);
    }
    struct digest hash = edge->roots[edge->count - 1];
    for (unsigned i = edge->count - 1; i > 0; i--) {
        hash = tree_node_hash(&edge->roots[i - 1], &hash);
    }
    return hash;
}

/* ---- reading ----------------------------------------------------------------------------- */

struct tree_reader {
    tree_read_fn *read;
    void *context;
};

static enum err tree_read(const struct tree_reader *reader, unsigned level, int64_t start,
                          struct digest *ret_hash)
{
    ASSERT((start & ((INT64_C(1) << level) - 1)) == 0);
    return reader->read(reader->context, level, start >> level, ret_hash);
}

/* The root of the leaves [start, end): `start` is where a full subtree of that length or more
 * begins. Smallest subtree first: the larger ones stand to the left of it. */
static enum err tree_range_root(const struct tree_reader *reader, int64_t start, int64_t end,
                                struct digest *ret_hash)
{
    ASSERT(start >= 0 && start < end);
    int64_t count = end - start;
    bool begun = false;
    for (unsigned level = 0; count >> level != 0; level++) {
        struct digest hash;
        if ((count >> level & 1) == 0) {
            continue;
        }
        TRY(tree_read(reader, level, start + (count >> level >> 1 << level << 1), &hash));
        *ret_hash = begun ? tree_node_hash(&hash, ret_hash) : hash;
        begun = true;
    }
    return ERR_OK;
}

/* The largest power of two below `count`: where RFC 6962 splits a tree. */
static int64_t tree_split(int64_t count)
{
    ASSERT(count > 1);
    return INT64_C(1) << (63 - __builtin_clzll((unsigned long long)count - 1));
}

static void tree_path_reverse(struct tree_path *path)
{
    for (size_t i = 0; i < path->count / 2; i++) {
        struct digest hash = path->hashes[i];
        path->hashes[i] = path->hashes[path->count - 1 - i];
        path->hashes[path->count - 1 - i] = hash;
    }
}

enum err tree_edge_read(int64_t size, tree_read_fn *read, void *context, struct tree_edge *ret_edge)
{
    ASSERT(size >= 0 && size <= TREE_SIZE_MAX);
    const struct tree_reader reader = { read, context };
    struct tree_edge edge = { .size = size };
    for (unsigned level = 63; level-- > 0;) {
        if ((size >> level & 1) == 0) {
            continue;
        }
        TRY(tree_read(&reader, level, size >> level >> 1 << level << 1, &edge.roots[edge.count]));
        edge.count++;
    }
    *ret_edge = edge;
    return ERR_OK;
}

/* The leaves [start, end) of a tree. */
struct tree_range {
    int64_t start;
    int64_t end;
};

/* Leaves the half of *range with `leaf` in it, and appends the root of the other half. */
static enum err tree_descend(const struct tree_reader *reader, int64_t leaf,
                             struct tree_range *range, struct tree_path *path)
{
    ASSERT(path->count < TREE_PATH_MAX);
    int64_t middle = range->start + tree_split(range->end - range->start);
    struct tree_range near = { range->start, middle };
    struct tree_range far = { middle, range->end };
    if (leaf >= middle) {
        near = far;
        far = (struct tree_range){ range->start, middle };
    }
    TRY(tree_range_root(reader, far.start, far.end, &path->hashes[path->count]));
    path->count++;
    *range = near;
    return ERR_OK;
}

enum err tree_inclusion(int64_t index, int64_t size, tree_read_fn *read, void *context,
                        struct tree_path *ret_path)
{
    ASSERT(index >= 0 && index < size);
    ASSERT(size <= TREE_SIZE_MAX);
    const struct tree_reader reader = { read, context };
    struct tree_range range = { 0, size };
    ret_path->count = 0;
    while (range.end - range.start > 1) {
        TRY(tree_descend(&reader, index, &range, ret_path));
    }
    tree_path_reverse(ret_path);
    return ERR_OK;
}

enum err tree_consistency(int64_t old, int64_t size, tree_read_fn *read, void *context,
                          struct tree_path *ret_path)
{
    ASSERT(old >= 0 && old <= size);
    ASSERT(size <= TREE_SIZE_MAX);
    const struct tree_reader reader = { read, context };
    struct tree_range range = { 0, size };
    ret_path->count = 0;
    if (old == 0) {
        return ERR_OK;
    }
    while (range.end != old) {
        TRY(tree_descend(&reader, old - 1, &range, ret_path));
    }
    /* From 0 on it would be the old tree, whose root the reader of the proof has. */
    if (range.start == 0) {
        tree_path_reverse(ret_path);
        return ERR_OK;
    }
    TRY(tree_range_root(&reader, range.start, range.end, &ret_path->hashes[ret_path->count]));
    ret_path->count++;
    tree_path_reverse(ret_path);
    return ERR_OK;
}

/* ---- checking ---------------------------------------------------------------------------- */

/* Where a check has come to, in the words of RFC 9162: `node` is fn, `last` is sn. */
struct tree_climb {
    int64_t node;
    int64_t last;
};

static bool tree_climb_is_right(const struct tree_climb *climb)
{
    return (climb->node & 1) != 0 || climb->node == climb->last;
}

static void tree_climb_up(struct tree_climb *climb)
{
    climb->node >>= 1;
    climb->last >>= 1;
}

/* Levels on which the last node has no sibling are not in the path. */
static void tree_climb_skip(struct tree_climb *climb)
{
    while ((climb->node & 1) == 0 && climb->node != 0) {
        tree_climb_up(climb);
    }
}

bool tree_check_inclusion(int64_t index, int64_t size, const struct digest *leaf_hash,
                          const struct tree_path *path, const struct digest *root)
{
    if (index < 0 || index >= size || size > TREE_SIZE_MAX || path->count > TREE_PATH_MAX) {
        return false;
    }
    struct tree_climb climb = { .node = index, .last = size - 1 };
    struct digest hash = *leaf_hash;
    for (size_t i = 0; i < path->count; i++) {
        if (climb.last == 0) {
            return false;
        }
        if (tree_climb_is_right(&climb)) {
            hash = tree_node_hash(&path->hashes[i], &hash);
            tree_climb_skip(&climb);
        } else {
            hash = tree_node_hash(&hash, &path->hashes[i]);
        }
        tree_climb_up(&climb);
    }
    return climb.last == 0 && digest_eq(&hash, root);
}

/* Of two sizes of which no proof is needed: equal ones, or nothing at first. */
static bool tree_check_trivial(int64_t old, const struct digest *old_root, int64_t size,
                               const struct digest *root)
{
    struct digest nothing = digest_sha256(STR_EMPTY);
    bool old_good = old > 0 || digest_eq(old_root, &nothing);
    return old_good && (old < size || digest_eq(old_root, root));
}

bool tree_check_consistency(int64_t old, const struct digest *old_root, int64_t size,
                            const struct digest *root, const struct tree_path *path)
{
    if (old < 0 || old > size || size > TREE_SIZE_MAX || path->count > TREE_PATH_MAX) {
        return false;
    }
    if (old == 0 || old == size) {
        return path->count == 0 && tree_check_trivial(old, old_root, size, root);
    }
    struct tree_climb climb = { .node = old - 1, .last = size - 1 };
    while ((climb.node & 1) != 0) {
        tree_climb_up(&climb);
    }
    size_t at = 0;
    struct digest old_hash = *old_root; /* a full subtree of the new tree: not in the path */
    if ((old & (old - 1)) != 0) {
        if (path->count == 0) {
            return false;
        }
        old_hash = path->hashes[at++];
    }
    struct digest hash = old_hash;
    for (; at < path->count; at++) {
        if (climb.last == 0) {
            return false;
        }
        if (tree_climb_is_right(&climb)) {
            old_hash = tree_node_hash(&path->hashes[at], &old_hash);
            hash = tree_node_hash(&path->hashes[at], &hash);
            tree_climb_skip(&climb);
        } else {
            hash = tree_node_hash(&hash, &path->hashes[at]);
        }
        tree_climb_up(&climb);
    }
    return climb.last == 0 && digest_eq(&old_hash, old_root) && digest_eq(&hash, root);
}
