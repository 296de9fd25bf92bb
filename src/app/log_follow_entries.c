/* The entries by which a log grew: that they give the root that is signed, and what they are. */
#include <stdio.h>
#include <string.h>

#include "app/log_follow_internal.h"
#include "base/mem.h"
#include "tlog/entry_form.h"

#define FOLLOW_EVENTS_TOLD 20 /* of a round, one by one */

struct follow_growth {
    struct follow_round *round;
    struct fail *fail;
    int64_t from;   /* the first leaf that is new */
    int64_t bundle; /* the next to ask for */
    struct tree_edge edge;
    int64_t kinds[ENTRY_KINDS];
    int64_t unknown;
    size_t told;
    struct buf spare;
};

static struct tile growth_tile(const struct follow_growth *growth, int64_t index)
{
    return (struct tile){ .entries = true,
                          .index = index,
                          .width = tile_width_in(growth->round->size, 0, index) };
}

static bool growth_next(void *context, struct fetch_item *ret_item)
{
    struct follow_growth *growth = context;
    struct buf path = { ret_item->path, 0, FETCH_PATH_MAX - 1, FETCH_PATH_MAX - 1 };
    const struct tile tile = growth_tile(growth, growth->bundle);
    if (tile.width == 0) {
        return false;
    }
    enum err err = tile_print(&tile, &path);
    ASSERT(err == ERR_OK); /* fits */
    ret_item->path[path.len] = '\0';
    ret_item->bytes_max = (size_t)tile.width * (2 + TILE_ENTRY_MAX);
    ret_item->tag = (uint64_t)growth->bundle++;
    return true;
}

/* A start is every day's; what else the log says of itself is worth knowing. */
static void growth_event(struct follow_growth *growth, int64_t leaf, struct str event)
{
    if (!str_eq(event, STR("start")) && growth->told++ < FOLLOW_EVENTS_TOLD) {
        follow_tell(growth->round, FOLLOW_NOTE, "leaf %lld: the log says \"" STR_FMT "\"",
                    (long long)leaf, STR_ARG(event));
    }
}

static void growth_entry(struct follow_growth *growth, int64_t leaf, struct str entry)
{
    enum entry_kind kind = ENTRY_RECEIPT;
    struct fail why = { .text = "" };
    enum err err = entry_form(entry, &kind, &why);
    struct digest hash = tree_leaf_hash(entry);
    tree_edge_add(&growth->edge, &hash);
    if (err == ERR_NOT_FOUND) {
        growth->unknown++;
    } else if (err != ERR_OK) {
        follow_tell(growth->round, FOLLOW_DAMAGED, "leaf %lld: %s", (long long)leaf, why.text);
    } else {
        growth->kinds[kind]++;
        if (kind == ENTRY_EVENT) {
            growth_event(growth, leaf, entry_event(entry));
        }
    }
}

static enum err growth_got(void *context, const struct fetch_item *item, enum err err,
                           struct str body, const struct fail *why)
{
    struct follow_growth *growth = context;
    struct fail second = *why;
    struct str entry;
    const struct tile tile = growth_tile(growth, (int64_t)item->tag);
    int64_t leaf = tile.index * TILE_WIDTH;
    if (err == ERR_NOT_FOUND && tile.width < TILE_WIDTH) {
        err = log_tiles_fetch(growth->round->order->source, &tile, &growth->spare, &second);
        body = buf_str(&growth->spare);
    }
    if (err != ERR_OK) {
        return FAIL(growth->fail, err, "%s", second.text);
    }
    for (unsigned i = 0; i < tile.width; i++, leaf++) {
        if (!tile_entry_next(&body, &entry)) {
            return FAIL(growth->fail, ERR_PROOF_INVALID, "\"%s\" is cut off at leaf %lld",
                        item->path, (long long)leaf);
        }
        if (leaf >= growth->from) {
            growth_entry(growth, leaf, entry);
        }
    }
    return body.len == 0
               ? ERR_OK
               : FAIL(growth->fail, ERR_PROOF_INVALID,
                      "%zu bytes stand behind the entries of \"%s\"", body.len, item->path);
}

static enum err growth_edge(struct follow_growth *growth, struct fail *why)
{
    struct log_tiles *tiles = mem_alloc(sizeof(*tiles));
    if (tiles == NULL) {
        return FAIL(why, ERR_NO_MEMORY, "no memory for tiles");
    }
    log_tiles_init(tiles, growth->round->order->source, growth->round->size, why);
    enum err err = tree_edge_read(growth->from, log_tiles_read, tiles, &growth->edge);
    log_tiles_fini(tiles);
    mem_free(tiles);
    return err;
}

static void growth_told(const struct follow_growth *growth)
{
    char kinds[256];
    struct buf text = { kinds, 0, sizeof(kinds) - 1, sizeof(kinds) - 1 };
    const char *comma = "";
    for (int i = 0; i < (int)ENTRY_KINDS; i++) {
        if (growth->kinds[i] > 0) {
            EP_IGNORE(buf_printf(&text, "%s%lld %s", comma, (long long)growth->kinds[i],
                                 entry_kind_name((enum entry_kind)i))); /* fits */
            comma = ", ";
        }
    }
    if (growth->unknown > 0) {
        EP_IGNORE(buf_printf(&text, "%s%lld of kinds not known here", comma,
                             (long long)growth->unknown)); /* as above */
    }
    follow_tell(growth->round, FOLLOW_GREW, "the log grew from %lld to %lld entries: " STR_FMT,
                (long long)growth->from, (long long)growth->round->size, STR_ARG(buf_str(&text)));
}

static enum err growth_read(struct follow_growth *growth, const struct follow_seen *seen,
                            struct fail *fail)
{
    struct follow_round *round = growth->round;
    const struct fetch_walk walk = { growth_next, growth_got, growth };
    struct fail why = { .text = "" };
    enum err err = growth_edge(growth, &why);
    if (err == ERR_OK) {
        struct digest before = tree_edge_root(&growth->edge);
        ASSERT(growth->edge.size == growth->from);
        growth->fail = &why;
        err = digest_eq(&before, &seen->root)
                  ? log_source_walk(round->order->source, &walk, &why)
                  : FAIL(&why, ERR_PROOF_INVALID,
                         "the tiles do not give the root of the %lld entries that were seen",
                         (long long)growth->from);
    }
    if (err != ERR_OK) {
        return follow_unread(round, err, &why, fail);
    }
    struct digest root = tree_edge_root(&growth->edge);
    if (!digest_eq(&root, &round->root)) {
        follow_tell(round, FOLLOW_DAMAGED,
                    "the entries %lld to %lld do not give the root that is signed; \"entrepot log "
                    "verify\" says which files are wrong",
                    (long long)growth->from, (long long)(round->size - 1));
        return ERR_OK;
    }
    growth_told(growth);
    return ERR_OK;
}

enum err follow_entries(struct follow_round *round, const struct follow_seen *seen,
                        struct fail *fail)
{
    struct follow_growth *growth = mem_zalloc(sizeof(*growth));
    if (growth == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory to read entries");
    }
    growth->round = round;
    growth->from = seen->size;
    growth->bundle = seen->size / TILE_WIDTH;
    buf_init(&growth->spare, TILE_BUNDLE_MAX);
    enum err err = growth_read(growth, seen, fail);
    buf_fini(&growth->spare);
    mem_free(growth);
    return err;
}
