#include "settle/tree_gap.h"

unsigned tree_gap_level(int64_t from, int64_t until)
{
    ASSERT(from >= 0 && from < until && until <= TREE_SIZE_MAX);
    unsigned room = 63 - (unsigned)__builtin_clzll((unsigned long long)(until - from));
    unsigned place = from == 0 ? room : (unsigned)__builtin_ctzll((unsigned long long)from);
    return place < room ? place : room;
}

enum err tree_gap_read(int64_t from, int64_t until, tree_read_fn *read, void *read_context,
                       tree_gap_fn *told, void *context)
{
    while (from < until) {
        struct digest hash;
        unsigned level = tree_gap_level(from, until);
        TRY(read(read_context, level, from >> level, &hash));
        TRY(told(context, &hash));
        from += INT64_C(1) << level;
    }
    return ERR_OK;
}

void tree_gap_add(struct tree_edge *edge, unsigned level, const struct digest *hash)
{
    struct digest root = *hash;
    int64_t width = INT64_C(1) << level;
    ASSERT((edge->size & (width - 1)) == 0);
    /* A subtree as large as the last one makes one of twice the size with it. */
    for (; (edge->size & width) != 0; width <<= 1) {
        edge->count--;
        root = tree_node_hash(&edge->roots[edge->count], &root);
        edge->size -= width;
    }
    ASSERT(edge->count < TREE_PATH_MAX);
    edge->roots[edge->count++] = root;
    edge->size += width;
}
