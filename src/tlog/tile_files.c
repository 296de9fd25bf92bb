#include "tlog/tile_files.h"

#define FILES_STEP 256  /* written over one snapshot */
#define FILES_LOOK 4    /* tiles of level 0 a look */
#define FILES_BULK 1024 /* leaves, and more: from ten files on one sync is cheaper than theirs */

/* The files that are new in a tree of `to` leaves for who has those of `from`. */
struct files_walk {
    const struct tile_files *files;
    int64_t from;
    int64_t to;
    unsigned level;
    int64_t index;
    enum tile_files_manner manner;
    int64_t written;
    bool over;
};

static bool walk_next(struct files_walk *walk, struct tile *ret_tile)
{
    for (; walk->level < TILE_LEVELS; walk->level++) {
        unsigned bits = 8 * walk->level;
        int64_t first = (walk->from >> bits) / TILE_WIDTH;
        walk->index = walk->index < first ? first : walk->index;
        unsigned width = tile_width_in(walk->to, walk->level, walk->index);
        if (walk->from >> bits < walk->to >> bits && width > 0) {
            *ret_tile = (struct tile){
                .level = walk->level,
                .index = walk->index++,
                .width = width,
            };
            return true;
        }
        walk->index = 0;
    }
    return false;
}

static enum err files_bytes(struct store_txn *txn, const struct tile *tile, struct buf *out,
                            struct fail *fail)
{
    struct digest hashes[TILE_WIDTH];
    int64_t first = tile->index * TILE_WIDTH;
    if (tile->entries) {
        return tile_rows_bundle(txn, first, tile->width, out, fail);
    }
    TRY(tile_rows_hashes(txn, tile->level, first, tile->width, hashes, fail));
    return buf_append(out, (struct str){ (const char *)hashes, tile->width * DIGEST_BYTES });
}

/* By its length alone; how long a bundle must be only its rows could tell. */
static bool files_seem_there(const struct tile_folder *folder, const struct tile *tile)
{
    int64_t size = tile_folder_size(folder, tile);
    return tile->entries ? size > 2 * (int64_t)tile->width
                         : size == (int64_t)tile->width * DIGEST_BYTES;
}

static enum err files_put_one(struct files_walk *walk, struct store_txn *txn,
                              const struct tile *tile, struct fail *fail)
{
    struct tile_folder *folder = walk->files->folder;
    struct buf bytes;
    if (walk->manner == TILE_FILES_MISSING && files_seem_there(folder, tile)) {
        return ERR_OK;
    }
    buf_init(&bytes, TILE_BUNDLE_MAX);
    enum err err = files_bytes(txn, tile, &bytes, fail);
    bool wanted = walk->manner != TILE_FILES_OTHER;
    if (err == ERR_OK && (wanted || !tile_folder_holds(folder, tile, buf_str(&bytes)))) {
        err = tile_folder_put(folder, tile, buf_str(&bytes), fail);
        walk->written++;
    }
    buf_fini(&bytes);
    return err;
}

/* A tile, and the bundle of its leaves. */
static enum err files_put(struct files_walk *walk, struct store_txn *txn, const struct tile *tile,
                          struct fail *fail)
{
    struct tile bundle = *tile;
    bundle.entries = true;
    TRY(files_put_one(walk, txn, tile, fail));
    return tile->level > 0 ? ERR_OK : files_put_one(walk, txn, &bundle, fail);
}

static enum err files_step(void *context, struct store_txn *txn, struct fail *fail)
{
    struct files_walk *walk = context;
    struct tile tile;
    int64_t until = walk->written + FILES_STEP;
    while (walk->written < until) {
        if (!walk_next(walk, &tile)) {
            walk->over = true;
            return ERR_OK;
        }
        TRY(files_put(walk, txn, &tile, fail));
    }
    return ERR_OK;
}

enum err tile_files_make(const struct tile_files *files, int64_t from, int64_t to,
                         enum tile_files_manner manner, int64_t *written, struct fail *fail)
{
    struct files_walk walk = { .files = files, .from = from, .to = to, .manner = manner };
    ASSERT(from >= 0 && from <= to);
    int64_t bulk = files->bulk > 0 ? files->bulk : FILES_BULK;
    if (manner == TILE_FILES_ALL && to - from >= bulk) {
        tile_folder_begin_bulk(files->folder);
    }
    while (!walk.over) {
        TRY(store_read(files->store, files_step, &walk, fail));
    }
    *written += walk.written;
    return tile_folder_sync(files->folder, fail);
}

void tile_files_drop_partials(const struct tile_files *files, int64_t from, int64_t to)
{
    struct files_walk walk = { .files = files, .from = from, .to = to };
    struct tile tile;
    while (walk_next(&walk, &tile)) {
        if (tile.width == TILE_WIDTH) {
            tile_folder_drop_partials(files->folder, &tile);
        }
        if (tile.width == TILE_WIDTH && tile.level == 0) {
            tile.entries = true;
            tile_folder_drop_partials(files->folder, &tile);
        }
    }
}

struct files_looking {
    struct files_walk walk;
    int64_t size;
    int64_t at;
};

static enum err files_look(void *context, struct store_txn *txn, struct fail *fail)
{
    struct files_looking *looking = context;
    for (int i = 0; i < FILES_LOOK; i++) {
        struct tile tile = { .index = looking->at };
        while (tile.level < TILE_LEVELS) {
            tile.width = tile_width_in(looking->size, tile.level, tile.index);
            if (tile.width == 0) {
                break;
            }
            TRY(files_put(&looking->walk, txn, &tile, fail));
            if (tile.index % TILE_WIDTH != 0) {
                break;
            }
            tile.level++;
            tile.index /= TILE_WIDTH;
        }
        looking->at++;
        looking->at = looking->at * TILE_WIDTH < looking->size ? looking->at : 0;
    }
    return ERR_OK;
}

enum err tile_files_look(const struct tile_files *files, int64_t size, int64_t *at,
                         int64_t *written, struct fail *fail)
{
    struct files_looking looking = {
        .walk = { .files = files, .manner = TILE_FILES_OTHER },
        .size = size,
        .at = *at,
    };
    TRY(store_read(files->store, files_look, &looking, fail));
    *at = looking.at;
    *written += looking.walk.written;
    return tile_folder_sync(files->folder, fail);
}
