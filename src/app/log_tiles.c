#include "app/log_tiles.h"

#include <string.h>

void log_tiles_init(struct log_tiles *tiles, struct log_source *source, int64_t size,
                    struct fail *fail)
{
    tiles->source = source;
    tiles->size = size;
    tiles->fail = fail;
    tiles->next = 0;
    buf_init(&tiles->scratch, TILE_BYTES);
    for (size_t i = 0; i < LOG_TILES_KEPT; i++) {
        tiles->kept[i].tile = (struct tile){ .width = 0 };
    }
}

void log_tiles_fini(struct log_tiles *tiles)
{
    buf_fini(&tiles->scratch);
}

static enum err tiles_read_named(struct log_source *source, const struct tile *tile,
                                 struct buf *out, struct fail *fail)
{
    char text[TILE_PATH_MAX + 1];
    struct buf path = { text, 0, TILE_PATH_MAX, TILE_PATH_MAX };
    enum err err = tile_print(tile, &path);
    ASSERT(err == ERR_OK); /* fits */
    text[path.len] = '\0';
    buf_reset(out);
    return log_source_read(source, text, out, fail);
}

/* A full bundle's first `width` entries. */
static bool tiles_cut_bundle(struct buf *bundle, unsigned width)
{
    struct str rest = buf_str(bundle);
    struct str entry;
    for (unsigned i = 0; i < width; i++) {
        if (!tile_entry_next(&rest, &entry)) {
            return false;
        }
    }
    bundle->len -= rest.len;
    return true;
}

enum err log_tiles_fetch(struct log_source *source, const struct tile *tile, struct buf *out,
                         struct fail *fail)
{
    struct fail second = { .text = "" };
    struct tile full = *tile;
    enum err err = tiles_read_named(source, tile, out, fail);
    if (err != ERR_NOT_FOUND || tile->width == TILE_WIDTH) {
        return err;
    }
    full.width = TILE_WIDTH;
    if (tiles_read_named(source, &full, out, &second) != ERR_OK) {
        return err; /* the one that was asked for is what is missing */
    }
    if (tile->entries) {
        return tiles_cut_bundle(out, tile->width)
                   ? ERR_OK
                   : FAIL(fail, ERR_PROOF_INVALID, "the full bundle in its place is cut off");
    }
    if (out->len != TILE_BYTES) {
        return FAIL(fail, ERR_PROOF_INVALID, "the full tile in its place has %zu bytes, not %d",
                    out->len, TILE_BYTES);
    }
    out->len = (size_t)tile->width * DIGEST_BYTES;
    return ERR_OK;
}

static enum err tiles_load(struct log_tiles *tiles, const struct tile *tile,
                           struct log_tiles_one *one)
{
    one->tile.width = 0;
    TRY(log_tiles_fetch(tiles->source, tile, &tiles->scratch, tiles->fail));
    if (tiles->scratch.len != (size_t)tile->width * DIGEST_BYTES) {
        return FAIL(tiles->fail, ERR_PROOF_INVALID, "tile %lld of level %u has %zu bytes, not %zu",
                    (long long)tile->index, tile->level, tiles->scratch.len,
                    (size_t)tile->width * DIGEST_BYTES);
    }
    memcpy(one->hashes, tiles->scratch.ptr, tiles->scratch.len);
    one->tile = *tile;
    return ERR_OK;
}

static enum err tiles_find(struct log_tiles *tiles, unsigned level, int64_t index,
                           const struct log_tiles_one **ret_one)
{
    for (size_t i = 0; i < LOG_TILES_KEPT; i++) {
        const struct log_tiles_one *kept = &tiles->kept[i];
        if (kept->tile.width > 0 && kept->tile.level == level && kept->tile.index == index) {
            *ret_one = kept;
            return ERR_OK;
        }
    }
    struct log_tiles_one *one = &tiles->kept[tiles->next];
    const struct tile tile = {
        .level = level,
        .index = index,
        .width = tile_width_in(tiles->size, level, index),
    };
    ASSERT(tile.width > 0); /* tree.h asks for full subtrees of the tree alone */
    TRY(tiles_load(tiles, &tile, one));
    tiles->next = (tiles->next + 1) % LOG_TILES_KEPT;
    *ret_one = one;
    return ERR_OK;
}

enum err log_tiles_read(void *context, unsigned level, int64_t index, struct digest *ret_hash)
{
    struct log_tiles *tiles = context;
    const struct log_tiles_one *one = NULL;
    unsigned below = level % 8; /* levels inside its tile */
    int64_t first = index << below;
    TRY(tiles_find(tiles, level / 8, first / TILE_WIDTH, &one));
    size_t at = (size_t)(first % TILE_WIDTH);
    size_t count = (size_t)1 << below;
    ASSERT(at + count <= one->tile.width);
    *ret_hash = tile_subtree(&one->hashes[at], count);
    return ERR_OK;
}
