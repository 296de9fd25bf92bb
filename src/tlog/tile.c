#include "tlog/tile.h"

#define TILE_LEVEL_MAX  63
#define TILE_GROUP      1000 /* a directory's entries: three digits of the index */
#define TILE_GROUPS_MAX 7    /* 2^62 has 19 digits */

enum err tile_print(const struct tile *tile, struct buf *out)
{
    ASSERT(tile->index >= 0 && tile->index <= TREE_SIZE_MAX);
    ASSERT(tile->width >= 1 && tile->width <= TILE_WIDTH);
    ASSERT(tile->level <= TILE_LEVEL_MAX && (!tile->entries || tile->level == 0));
    unsigned groups[TILE_GROUPS_MAX];
    unsigned count = 0;
    int64_t rest = tile->index;
    do {
        groups[count++] = (unsigned)(rest % TILE_GROUP);
        rest /= TILE_GROUP;
    } while (rest > 0);
    if (tile->entries) {
        TRY(buf_append(out, STR("tile/entries")));
    } else {
        TRY(buf_printf(out, "tile/%u", tile->level));
    }
    while (count-- > 0) {
        TRY(buf_printf(out, count > 0 ? "/x%03u" : "/%03u", groups[count]));
    }
    return tile->width < TILE_WIDTH ? buf_printf(out, ".p/%u", tile->width) : ERR_OK;
}

/* "x001/x234/067": what cannot be one is left for the comparison to find. */
static bool tile_parse_index(struct str text, int64_t *ret_index)
{
    int64_t index = 0;
    for (unsigned i = 0; text.len > 0; i++) {
        struct str group = str_cut(&text, '/');
        uint64_t value = 0;
        if (text.len > 0) {
            group = str_from_at(group, group.len > 0 ? 1 : 0);
        }
        if (i == TILE_GROUPS_MAX || !str_to_u64(group, &value) || value >= TILE_GROUP) {
            return false;
        }
        if (__builtin_mul_overflow(index, (int64_t)TILE_GROUP, &index) ||
            __builtin_add_overflow(index, (int64_t)value, &index)) {
            return false;
        }
    }
    *ret_index = index;
    return index <= TREE_SIZE_MAX;
}

static bool tile_parse_loosely(struct str path, struct tile *ret_tile)
{
    struct str rest = path;
    if (!str_eq(str_cut(&rest, '/'), STR("tile"))) {
        return false;
    }
    struct str level = str_cut(&rest, '/');
    struct tile tile = { .entries = str_eq(level, STR("entries")), .width = TILE_WIDTH };
    uint64_t number = 0;
    if (!tile.entries && (!str_to_u64(level, &number) || number > TILE_LEVEL_MAX)) {
        return false;
    }
    tile.level = (unsigned)number;
    size_t part = str_search(rest, STR(".p/"));
    if (part < rest.len) {
        if (!str_to_u64(str_from_at(rest, part + 3), &number) || number < 1 ||
            number >= TILE_WIDTH) {
            return false;
        }
        tile.width = (unsigned)number;
    }
    *ret_tile = tile;
    return tile_parse_index(str_slice(rest, 0, part), &ret_tile->index);
}

bool tile_parse(struct str path, struct tile *ret_tile)
{
    struct tile tile;
    if (path.len > TILE_PATH_MAX || !tile_parse_loosely(path, &tile)) {
        return false;
    }
    /* One way to write a name: with two, a file could be there under one and not the other. */
    char text[TILE_PATH_MAX + 8];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    if (tile_print(&tile, &name) != ERR_OK || !str_eq(buf_str(&name), path)) {
        return false;
    }
    *ret_tile = tile;
    return true;
}

unsigned tile_width_in(int64_t size, unsigned level, int64_t index)
{
    if (size <= 0 || level >= TILE_LEVELS || index < 0) {
        return 0; /* no tree has 256^8 leaves */
    }
    int64_t hashes = size >> (8 * level);
    int64_t full = hashes / TILE_WIDTH;
    return index < full ? TILE_WIDTH : index == full ? (unsigned)(hashes % TILE_WIDTH) : 0;
}

struct digest tile_subtree(const struct digest *hashes, size_t count)
{
    ASSERT(count >= 1 && count <= TILE_WIDTH);
    ASSERT((count & (count - 1)) == 0);
    struct tree_edge edge = { .size = 0 };
    for (size_t i = 0; i < count; i++) {
        tree_edge_add(&edge, &hashes[i]);
    }
    ASSERT(edge.count == 1);
    return edge.roots[0];
}

enum err tile_entry_put(struct str entry, struct buf *out)
{
    if (entry.len > TILE_ENTRY_MAX) {
        return ERR_LIMIT;
    }
    const char len[] = { (char)(entry.len >> 8), (char)(entry.len & 0xFF) };
    TRY(buf_reserve(out, sizeof(len) + entry.len)); /* both or nothing */
    TRY(buf_append(out, (struct str){ len, sizeof(len) }));
    return buf_append(out, entry);
}

bool tile_entry_next(struct str *rest, struct str *ret_entry)
{
    if (rest->len < 2) {
        return false;
    }
    size_t len = (size_t)(unsigned char)rest->ptr[0] << 8 | (unsigned char)rest->ptr[1];
    if (rest->len - 2 < len) {
        return false;
    }
    *ret_entry = str_slice(*rest, 2, 2 + len);
    *rest = str_from_at(*rest, 2 + len);
    return true;
}
