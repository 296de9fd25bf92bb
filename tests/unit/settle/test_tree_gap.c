#include "settle/tree_gap.h"

#include "base/buf.h"
#include "harness.h"

#define LEAVES 130

static struct digest hashes[LEAVES];

static struct digest leaf(int64_t i)
{
    char text[24];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_i64(&out, i));
    return tree_leaf_hash(buf_str(&out));
}

/* The root of the full subtree, straight from the leaves. */
static struct digest subtree(int64_t from, int64_t count)
{
    if (count == 1) {
        return hashes[from];
    }
    struct digest left = subtree(from, count / 2);
    struct digest right = subtree(from + count / 2, count / 2);
    return tree_node_hash(&left, &right);
}

static enum err read_subtree(void *context, unsigned level, int64_t index, struct digest *ret_hash)
{
    int64_t *until = context;
    CHECK(((index + 1) << level) <= *until);
    *ret_hash = subtree(index << level, INT64_C(1) << level);
    return ERR_OK;
}

struct told {
    struct digest hashes[128];
    size_t count;
};

static enum err keep(void *context, const struct digest *hash)
{
    struct told *told = context;
    CHECK(told->count < 128);
    told->hashes[told->count++] = *hash;
    return ERR_OK;
}

TEST(leaves_with_gaps_grow_the_same_root)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    for (int64_t i = 0; i < LEAVES; i++) {
        hashes[i] = leaf(i);
    }
    struct tree_edge whole = { .size = 0 };
    for (int64_t size = 0; size <= LEAVES; size++) {
        struct digest root = tree_edge_root(&whole);
        for (int64_t from = 0; from <= size; from++) {
            int64_t until = from + (size - from) / 2;
            struct tree_edge edge = { .size = 0 };
            for (int64_t i = 0; i < from; i++) {
                tree_edge_add(&edge, &hashes[i]);
            }
            struct told told = { .count = 0 };
            CHECK_EQ(tree_gap_read(from, until, read_subtree, &until, keep, &told), ERR_OK);
            for (size_t i = 0; i < told.count; i++) {
                tree_gap_add(&edge, tree_gap_level(edge.size, until), &told.hashes[i]);
            }
            CHECK_EQ(edge.size, until);
            for (int64_t i = until; i < size; i++) {
                tree_edge_add(&edge, &hashes[i]);
            }
            struct digest again = tree_edge_root(&edge);
            CHECK(digest_eq(&root, &again));
        }
        if (size < LEAVES) {
            tree_edge_add(&whole, &hashes[size]);
        }
    }
}

TEST(a_gap_takes_few_hashes)
{
    CHECK_EQ(tree_gap_level(0, 1), 0);
    CHECK_EQ(tree_gap_level(0, 256), 8);
    CHECK_EQ(tree_gap_level(1, 256), 0);
    CHECK_EQ(tree_gap_level(2, 256), 1);
    CHECK_EQ(tree_gap_level(128, 200), 6);
    CHECK_EQ(tree_gap_level(0, TREE_SIZE_MAX), 62);
}
