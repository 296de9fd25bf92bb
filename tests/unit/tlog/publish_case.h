/* A log that is published into a folder, and the folder looked at as anybody would. */
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tlog/publish.h"
#include "tlog_case.h"

#define PUBLISH_ORIGIN "entrepot.example/receipts"
#define PUBLISH_MANY   66000

struct publish_case {
    struct tlog_case log;
    const char *origin;
    struct sign_key *secret;
    struct note_key key;
    struct publisher *publisher;
    struct publish_round round;
    int64_t bulk;          /* of the publishers that are opened */
    struct digest *hashes; /* of all leaves that there may be */
};

static inline struct publish_options publish_case_options(const struct publish_case *it)
{
    return (struct publish_options){
        .store = it->log.store,
        .folder = it->log.log_folder,
        .origin = str_from(it->origin),
        .key = it->secret,
        .bulk = it->bulk,
    };
}

static inline enum err publish_case_try_open(struct publish_case *it)
{
    const struct publish_options options = publish_case_options(it);
    return publish_open(&options, &it->publisher, &it->log.fail);
}

static inline void publish_case_open(struct publish_case *it)
{
    CHECK_EQ(publish_case_try_open(it), ERR_OK);
}

static inline void publish_case_close(struct publish_case *it)
{
    publish_close(it->publisher);
    it->publisher = NULL;
}

static inline void publish_case_key(struct publish_case *it, unsigned char seed)
{
    unsigned char bytes[SIGN_SEED_BYTES];
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    memset(bytes, seed, sizeof(bytes));
    sign_key_destroy(it->secret);
    CHECK_EQ(sign_key_from_seed(bytes, &it->secret, NULL), ERR_OK);
    sign_public(it->secret, public_key);
    CHECK_EQ(note_key_make(str_from(it->origin), NOTE_ED25519, public_key, &it->key, NULL), ERR_OK);
}

/* A log of `size` leaves; nothing is published yet. */
static inline void publish_case_begin(struct publish_case *it, int64_t size)
{
    static struct digest hashes[PUBLISH_MANY];
    static int64_t made;
    *it = (struct publish_case){ .origin = PUBLISH_ORIGIN, .hashes = hashes };
    tlog_case_begin(&it->log);
    for (int64_t i = made; i < PUBLISH_MANY; i++) {
        char text[64];
        hashes[i] = tree_leaf_hash(tlog_case_entry(i, text));
    }
    made = PUBLISH_MANY;
    tlog_case_append(&it->log, 0, size);
    publish_case_key(it, 7);
    publish_round_init(&it->round);
    publish_case_open(it);
}

static inline void publish_case_end(struct publish_case *it)
{
    publish_case_close(it);
    publish_round_fini(&it->round);
    sign_key_destroy(it->secret);
    tlog_case_end(&it->log);
}

static inline enum err publish_case_try_round(struct publish_case *it)
{
    struct fail *fail = &it->log.fail;
    enum err err = publish_sign(it->publisher, 1000, &it->round, fail);
    return err == ERR_OK ? publish_finish(it->publisher, &it->round, fail) : err;
}

static inline void publish_case_round(struct publish_case *it)
{
    enum err err = publish_case_try_round(it);
    if (err != ERR_OK) {
        test_failed(EP_SITE, "%s: %s", err_info(err)->name, it->log.fail.text);
    }
}

static inline void publish_case_path(const struct publish_case *it, struct str name, char path[256])
{
    (void)snprintf(path, 256, "%s/" STR_FMT, it->log.log_folder, STR_ARG(name));
}

/* Appends the file; false: there is none. */
static inline bool publish_case_read(const struct publish_case *it, struct str name,
                                     struct buf *out)
{
    char path[256];
    char bytes[4096];
    publish_case_path(it, name, path);
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        return false;
    }
    for (ssize_t got = 0; (got = read(fd, bytes, sizeof(bytes))) > 0;) {
        CHECK_EQ(buf_append(out, (struct str){ bytes, (size_t)got }), ERR_OK);
    }
    CHECK_EQ(close(fd), 0);
    return true;
}

static inline void publish_case_write(const struct publish_case *it, struct str name,
                                      struct str bytes)
{
    char path[256];
    publish_case_path(it, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, bytes.ptr, bytes.len), bytes.len);
    CHECK_EQ(close(fd), 0);
}

/* What the tile's file must hold. */
static inline void publish_case_tile(const struct publish_case *it, const struct tile *tile,
                                     struct buf *out)
{
    for (unsigned i = 0; i < tile->width; i++) {
        int64_t index = tile->index * TILE_WIDTH + i;
        if (tile->entries) {
            char text[64];
            CHECK_EQ(tile_entry_put(tlog_case_entry(index, text), out), ERR_OK);
        } else {
            int64_t leaves = INT64_C(1) << (8 * tile->level);
            struct digest hash = tlog_case_root(it->hashes + index * leaves, leaves);
            CHECK_EQ(buf_append(out, digest_str(&hash)), ERR_OK);
        }
    }
}

static inline void publish_case_check_tile(const struct publish_case *it, const struct tile *tile)
{
    char text[TILE_PATH_MAX];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    struct buf want;
    struct buf got;
    buf_init(&want, 100000);
    buf_init(&got, 100000);
    CHECK_EQ(tile_print(tile, &name), ERR_OK);
    publish_case_tile(it, tile, &want);
    if (!publish_case_read(it, buf_str(&name), &got) || !str_eq(buf_str(&want), buf_str(&got))) {
        test_failed(EP_SITE, "\"" STR_FMT "\" is not what it must be", STR_ARG(buf_str(&name)));
    }
    buf_fini(&want);
    buf_fini(&got);
}

/* How many leaves the checkpoint in the folder has; 0: there is none. It is this log's. */
static inline int64_t publish_case_shown(const struct publish_case *it)
{
    struct buf text;
    struct note note;
    struct checkpoint checkpoint;
    int64_t size = 0;
    buf_init(&text, 100000);
    if (publish_case_read(it, STR("checkpoint"), &text)) {
        CHECK_EQ(checkpoint_open(buf_str(&text), &it->key, &checkpoint, &note, NULL), ERR_OK);
        size = checkpoint.size;
        struct digest root = tlog_case_root(it->hashes, size);
        CHECK(digest_eq(&root, &checkpoint.root));
    }
    buf_fini(&text);
    return size;
}

/* All that is shown, and all that it stands on, byte for byte. Returns how many leaves it has. */
static inline int64_t publish_case_look(const struct publish_case *it)
{
    int64_t size = publish_case_shown(it);
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        struct tile tile = { .level = level };
        while ((tile.width = tile_width_in(size, level, tile.index)) > 0) {
            struct tile bundle = tile;
            bundle.entries = true;
            publish_case_check_tile(it, &tile);
            if (level == 0) {
                publish_case_check_tile(it, &bundle);
            }
            tile.index++;
        }
    }
    return size;
}
