#include "auditor_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auditor_internal.h"
#include "base/mem.h"
#include "disk.h"
#include "life_log.h"
#include "tlog/checkpoint.h"
#include "tlog/tile.h"

#define LOG_SEEN_MAX   8192
#define LOG_FILE_MAX   ((size_t)1 << 22)
#define LOG_WITNESSED  "\xE2\x80\x94 sim.example/witness AAAAAAAAAAAAAAAA\n"
#define LOG_LEAVES_MAX 65536

struct log_seen {
    int64_t size;
    struct digest root;
};

static struct {
    struct log_seen seen[LOG_SEEN_MAX]; /* by whoever looked, in no order of size */
    size_t seen_count;
    struct log_seen cosigned;
    int64_t shown; /* the largest that a round has ended with */
    struct note_key key;
    struct digest hashes[LOG_LEAVES_MAX]; /* of the leaves that the tiles have, at a look */
} audit;

void auditor_log_begin(void)
{
    audit.seen_count = 0;
    audit.cosigned = (struct log_seen){ .size = 0 };
    audit.shown = 0;
    audit.key = life_log_key();
}

static void log_note_seen(struct play *play, int64_t size, const struct digest *root)
{
    for (size_t i = 0; i < audit.seen_count; i++) {
        if (audit.seen[i].size == size) {
            if (!digest_eq(&audit.seen[i].root, root)) {
                play_fail(play, NULL, "two logs of %lld leaves were shown", (long long)size);
            }
            return;
        }
    }
    ASSERT(audit.seen_count < LOG_SEEN_MAX);
    audit.seen[audit.seen_count++] = (struct log_seen){ size, *root };
}

/* ---- the folder ------------------------------------------------------------------------------ */

/* Appends the file; false: there is none. */
static bool log_read(const char *name, struct buf *out)
{
    char path[128];
    char bytes[4096];
    int len = snprintf(path, sizeof(path), "%s/%s", LIFE_LOG_FOLDER, name);
    ASSERT(len > 0 && (size_t)len < sizeof(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    off_t at = 0;
    for (ssize_t got = 0; (got = pread(fd, bytes, sizeof(bytes), at)) > 0; at += got) {
        enum err err = buf_append(out, (struct str){ bytes, (size_t)got });
        ASSERT(err == ERR_OK);
    }
    (void)close(fd); /* was read only */
    return true;
}

static void log_read_tile(struct play *play, const struct tile *tile, struct buf *out)
{
    char text[TILE_PATH_MAX + 1];
    struct buf name = { text, 0, TILE_PATH_MAX, TILE_PATH_MAX };
    enum err err = tile_print(tile, &name);
    ASSERT(err == ERR_OK);
    text[name.len] = '\0';
    buf_reset(out);
    if (!log_read(text, out)) {
        play_fail(play, NULL, "a checkpoint is shown, and \"%s\" is not there", text);
    }
    if (!tile->entries && out->len != tile->width * (size_t)DIGEST_BYTES) {
        play_fail(play, NULL, "\"%s\" has %zu bytes", text, out->len);
    }
}

/* The entries are those of the hashes. */
static void log_look_at_bundle(struct play *play, const struct tile *tile, struct buf *bytes)
{
    struct tile bundle = *tile;
    struct str entry;
    unsigned count = 0;
    bundle.entries = true;
    log_read_tile(play, &bundle, bytes);
    struct str rest = buf_str(bytes);
    while (count < tile->width && tile_entry_next(&rest, &entry)) {
        struct digest hash = tree_leaf_hash(entry);
        if (!digest_eq(&hash, &audit.hashes[tile->index * TILE_WIDTH + count])) {
            break;
        }
        count++;
    }
    if (count != tile->width || rest.len > 0) {
        play_fail(play, NULL, "entries %lld and on are not those of the tile",
                  (long long)tile->index * TILE_WIDTH + count);
    }
}

/* One above is the roots of those below. */
static void log_look_at_upper(struct play *play, const struct tile *tile, const struct buf *bytes)
{
    for (unsigned i = 0; i < tile->width; i++) {
        int64_t leaf = (tile->index * TILE_WIDTH + i) << (8 * tile->level);
        ASSERT(tile->level == 1); /* logs here have fewer than 65536 leaves */
        struct digest root = tile_subtree(&audit.hashes[leaf], TILE_WIDTH);
        if (memcmp(root.bytes, bytes->ptr + (size_t)i * DIGEST_BYTES, DIGEST_BYTES) != 0) {
            play_fail(play, NULL, "a tile above is not that of leaf %lld", (long long)leaf);
        }
    }
}

static void log_look_at_tiles(struct play *play, int64_t size, struct buf *bytes)
{
    for (unsigned level = 0; level < 2; level++) {
        struct tile tile = { .level = level };
        for (; (tile.width = tile_width_in(size, level, tile.index)) > 0; tile.index++) {
            log_read_tile(play, &tile, bytes);
            if (level == 0) {
                memcpy(&audit.hashes[tile.index * TILE_WIDTH], bytes->ptr, bytes->len);
                log_look_at_bundle(play, &tile, bytes);
            } else {
                log_look_at_upper(play, &tile, bytes);
            }
        }
    }
}

static void log_look_at_checkpoint(struct play *play, struct str text, struct buf *bytes)
{
    struct note note;
    struct checkpoint checkpoint;
    struct fail fail = { .text = "" };
    struct tree_edge edge = { .size = 0 };
    if (checkpoint_open(text, &audit.key, &checkpoint, &note, &fail) != ERR_OK) {
        play_fail(play, NULL, "the checkpoint that is shown is none: %s", fail.text);
    }
    ASSERT(checkpoint.size < LOG_LEAVES_MAX);
    log_look_at_tiles(play, checkpoint.size, bytes);
    for (int64_t i = 0; i < checkpoint.size; i++) {
        tree_edge_add(&edge, &audit.hashes[i]);
    }
    struct digest root = tree_edge_root(&edge);
    if (!digest_eq(&root, &checkpoint.root)) {
        play_fail(play, NULL, "the tiles are not those of the checkpoint of %lld leaves",
                  (long long)checkpoint.size);
    }
    if (checkpoint.size < audit.shown) {
        play_fail(play, NULL, "%lld leaves are shown, and were %lld", (long long)checkpoint.size,
                  (long long)audit.shown);
    }
    log_note_seen(play, checkpoint.size, &root);
}

void auditor_log_look(struct play *play)
{
    struct buf text;
    struct buf bytes;
    audit_count();
    buf_init(&text, LOG_FILE_MAX);
    buf_init(&bytes, LOG_FILE_MAX);
    disk_spare(true);
    if (log_read("checkpoint", &text)) {
        log_look_at_checkpoint(play, buf_str(&text), &bytes);
    } else if (audit.shown > 0) {
        play_fail(play, NULL, "%lld leaves were shown, and nothing is", (long long)audit.shown);
    }
    disk_spare(false);
    buf_fini(&text);
    buf_fini(&bytes);
}

void auditor_log_on_round(struct play *play, int64_t size)
{
    if (size < audit.shown) {
        play_fail(play, NULL, "%lld leaves are published, and were %lld", (long long)size,
                  (long long)audit.shown);
    }
    audit.shown = size;
}

void auditor_log_on_rest(struct play *play, int64_t leaves)
{
    audit_count();
    if (audit.shown != leaves) {
        play_fail(play, NULL, "%lld leaves are shown at the end, and there are %lld",
                  (long long)audit.shown, (long long)leaves);
    }
}

/* ---- the rows -------------------------------------------------------------------------------- */

struct log_rows {
    struct play *play;
    struct tree_edge edge;
    int64_t most; /* that was ever seen */
};

static void log_compare(const struct log_rows *rows, const struct log_seen *seen)
{
    struct digest root = tree_edge_root(&rows->edge);
    if (seen->size == rows->edge.size && !digest_eq(&root, &seen->root)) {
        play_fail(rows->play, NULL, "the first %lld leaves are not those that were shown",
                  (long long)seen->size);
    }
}

static enum err log_on_leaf(void *context, const struct store_value *row, size_t columns)
{
    struct log_rows *rows = context;
    ASSERT(columns == 1);
    struct digest hash = tree_leaf_hash(row[0].bytes);
    tree_edge_add(&rows->edge, &hash);
    for (size_t i = 0; i < audit.seen_count; i++) {
        log_compare(rows, &audit.seen[i]);
    }
    log_compare(rows, &audit.cosigned);
    return ERR_OK;
}

static enum err log_read_rows(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT entry FROM leaf ORDER BY id" };
    return store_query(txn, &sql, NULL, 0, log_on_leaf, context, fail);
}

void auditor_log_look_at_rows(struct play *play, struct store *store)
{
    struct fail fail = { .text = "" };
    struct log_rows rows = { .play = play, .most = audit.cosigned.size };
    for (size_t i = 0; i < audit.seen_count; i++) {
        rows.most = audit.seen[i].size > rows.most ? audit.seen[i].size : rows.most;
    }
    audit_count();
    disk_spare(true);
    enum err err = store_read(store, log_read_rows, &rows, &fail);
    disk_spare(false);
    if (err != ERR_OK) {
        play_fail(play, NULL, "the log's rows cannot be read: %s", fail.text);
    }
    if (rows.edge.size < rows.most) {
        play_fail(play, NULL, "%lld leaves were shown, and the rows have %lld",
                  (long long)rows.most, (long long)rows.edge.size);
    }
}

void auditor_log_on_restored(struct play *play, enum err result)
{
    bool behind = audit.shown > play->kept_leaves;
    audit_count();
    if (behind && result != ERR_LOG_BEHIND) {
        play_fail(play, NULL, "%lld leaves are shown, an old backup of %lld is put back, and: %s",
                  (long long)audit.shown, (long long)play->kept_leaves, err_info(result)->name);
    }
}

/* ---- the witness ----------------------------------------------------------------------------- */

int64_t auditor_log_cosigned(void)
{
    return audit.cosigned.size;
}

bool auditor_log_on_asked(struct play *play, struct str question, struct buf *line)
{
    struct note note;
    struct checkpoint checkpoint;
    struct fail fail = { .text = "" };
    struct tree_path path = { .count = 0 };
    int64_t old = -1;
    audit_count();
    struct str first = str_cut(&question, '\n');
    bool read = str_starts(first, STR("old ")) && tree_size_read(str_from_at(first, 4), &old);
    for (struct str hash; read && (hash = str_cut(&question, '\n')).len > 0;) {
        read = path.count < TREE_PATH_MAX && tree_hash_read(hash, &path.hashes[path.count++]);
    }
    if (!read || old != audit.cosigned.size ||
        checkpoint_open(question, &audit.key, &checkpoint, &note, &fail) != ERR_OK) {
        play_fail(play, NULL, "a witness is sent what it cannot read: %s", fail.text);
    }
    struct digest nothing = digest_sha256(STR_EMPTY);
    if (!tree_check_consistency(old, old == 0 ? &nothing : &audit.cosigned.root, checkpoint.size,
                                &checkpoint.root, &path)) {
        play_fail(play, NULL, "%lld leaves are no continuation of the %lld that were cosigned",
                  (long long)checkpoint.size, (long long)old);
    }
    audit.cosigned = (struct log_seen){ checkpoint.size, checkpoint.root };
    enum err err = buf_append(line, STR(LOG_WITNESSED));
    ASSERT(err == ERR_OK);
    return true;
}
