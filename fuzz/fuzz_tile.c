/* room: tlog */
#include "tlog/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name that is read is printed as it was written, and is of a tile that some tree has. */
static void check_name(struct str path)
{
    struct tile tile;
    struct buf again;
    if (!tile_parse(path, &tile)) {
        return;
    }
    ASSERT(tile.width >= 1 && tile.width <= TILE_WIDTH && tile.index >= 0);
    ASSERT(!tile.entries || tile.level == 0);
    buf_init(&again, TILE_PATH_MAX);
    ASSERT(tile_print(&tile, &again) == ERR_OK);
    ASSERT(str_eq(buf_str(&again), path));
    buf_fini(&again);
}

/* A bundle's entries, put one behind the other, are its bytes. */
static void check_bundle(struct str bundle)
{
    struct str rest = bundle;
    struct str entry;
    struct buf again;
    buf_init(&again, bundle.len + 1);
    while (tile_entry_next(&rest, &entry)) {
        ASSERT(entry.len <= TILE_ENTRY_MAX);
        ASSERT(tile_entry_put(entry, &again) == ERR_OK);
    }
    ASSERT(str_eq(buf_str(&again), str_slice(bundle, 0, bundle.len - rest.len)));
    buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = { (const char *)data, size };
    check_name(bytes);
    check_bundle(bytes);
    return 0;
}
