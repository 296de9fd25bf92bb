/*
 * A log as files, made without the code that publishes: the entries, all hashes, a checkpoint that
 * the log and a witness have signed.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../tlog/golden.h"
#include "app/log_source.h"
#include "tlog/quorum.h"
#include "tlog/tile.h"

#define LOG_FILES_ORIGIN "entrepot.example/receipts"
#define LOG_FILES_MAX    70000

struct log_files {
    char folder[64];
    struct sign_key *secret;
    struct sign_key *witness_secret;
    struct note_key key;
    struct note_key witness;
    int64_t time_s;  /* of the witness */
    int64_t size;    /* leaves that are made */
    int64_t changed; /* a leaf with another entry than it should have; -1: none */
    struct digest *levels[GOLDEN_LEVELS];
};

static inline struct str log_files_entry(const struct log_files *files, int64_t leaf, char text[96])
{
    int len = snprintf(text, 96, "{\"event\":\"e%lld%s\",\"kind\":\"event\",\"version\":\"1\"}",
                       (long long)leaf, leaf == files->changed ? "x" : "");
    return (struct str){ text, (size_t)len };
}

static inline void log_files_write(const struct log_files *files, const char *name, struct str text)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", files->folder, name);
    for (char *at = path + strlen(files->folder) + 1; *at != 0; at++) {
        if (*at == '/') {
            *at = 0;
            (void)mkdir(path, 0755); /* it may be there */
            *at = '/';
        }
    }
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK(fwrite(text.ptr, 1, text.len, file) == text.len);
    CHECK(fclose(file) == 0);
}

static inline void log_files_read(const struct log_files *files, const char *name, struct buf *out)
{
    char path[256];
    char bytes[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", files->folder, name);
    buf_reset(out);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    for (size_t got = 1; got > 0;) {
        got = fread(bytes, 1, sizeof(bytes), file);
        CHECK(buf_append(out, (struct str){ bytes, got }) == ERR_OK);
    }
    CHECK(fclose(file) == 0);
}

static inline void log_files_remove(const struct log_files *files, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", files->folder, name);
    CHECK(unlink(path) == 0);
}

/* Reads what log_files_grow() has made: a tree_read_fn. */
static inline enum err log_files_hash(void *context, unsigned level, int64_t index,
                                      struct digest *ret_hash)
{
    const struct log_files *files = context;
    CHECK(level < GOLDEN_LEVELS && (index + 1) << level <= files->size);
    *ret_hash = files->levels[level][index];
    return ERR_OK;
}

static inline struct digest log_files_root(struct log_files *files, int64_t size)
{
    struct tree_edge edge;
    CHECK(tree_edge_read(size, log_files_hash, files, &edge) == ERR_OK);
    return tree_edge_root(&edge);
}

/* The checkpoint of the first `size` leaves; `witnessed`: with the witness's line. Appends. */
static inline void log_files_note(struct log_files *files, int64_t size, bool witnessed,
                                  struct buf *out)
{
    char bytes[CHECKPOINT_TEXT_MAX];
    struct buf text = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    const struct checkpoint checkpoint = {
        .origin = str_from(files->key.name),
        .size = size,
        .root = log_files_root(files, size),
    };
    CHECK(checkpoint_print(&checkpoint, &text) == ERR_OK);
    CHECK(buf_append(out, buf_str(&text)) == ERR_OK);
    CHECK(buf_byte(out, '\n') == ERR_OK);
    CHECK(note_sign(buf_str(&text), &files->key, files->secret, 0, out) == ERR_OK);
    if (witnessed) {
        CHECK(note_sign(buf_str(&text), &files->witness, files->witness_secret, files->time_s,
                        out) == ERR_OK);
    }
}

static inline void log_files_show(struct log_files *files, int64_t size, bool witnessed)
{
    struct buf note;
    buf_init(&note, NOTE_BYTES_MAX);
    log_files_note(files, size, witnessed, &note);
    log_files_write(files, "checkpoint", buf_str(&note));
    buf_fini(&note);
}

static inline void log_files_put(const struct log_files *files, const struct tile *tile)
{
    char name[TILE_PATH_MAX + 1];
    char text[96];
    struct buf path = { name, 0, TILE_PATH_MAX, TILE_PATH_MAX };
    struct buf bytes;
    buf_init(&bytes, TILE_BUNDLE_MAX);
    for (int64_t i = tile->index * TILE_WIDTH; i < tile->index * TILE_WIDTH + tile->width; i++) {
        if (tile->entries) {
            CHECK(tile_entry_put(log_files_entry(files, i, text), &bytes) == ERR_OK);
        } else {
            const struct digest *hash = &files->levels[(size_t)8 * tile->level][i];
            CHECK(buf_append(&bytes, (struct str){ (const char *)hash->bytes, DIGEST_BYTES }) ==
                  ERR_OK);
        }
    }
    CHECK(tile_print(tile, &path) == ERR_OK);
    name[path.len] = 0;
    log_files_write(files, name, buf_str(&bytes));
    buf_fini(&bytes);
}

/* The hashes of `size` leaves, without a file. */
static inline void log_files_make(struct log_files *files, int64_t size)
{
    CHECK(size <= LOG_FILES_MAX);
    files->size = size;
    for (int64_t i = 0; i < size; i++) {
        char text[96];
        files->levels[0][i] = tree_leaf_hash(log_files_entry(files, i, text));
    }
    for (size_t level = 1; level < GOLDEN_LEVELS; level++) {
        for (int64_t i = 0; i < size >> level; i++) {
            files->levels[level][i] = tree_node_hash(&files->levels[level - 1][2 * i],
                                                     &files->levels[level - 1][2 * i + 1]);
        }
    }
}

/* All files of a log of `size` leaves; those of earlier sizes stay. */
static inline void log_files_grow(struct log_files *files, int64_t size)
{
    log_files_make(files, size);
    for (unsigned level = 0; level < 3; level++) {
        for (int64_t index = 0; tile_width_in(size, level, index) > 0; index++) {
            struct tile tile = { .level = level,
                                 .index = index,
                                 .width = tile_width_in(size, level, index) };
            log_files_put(files, &tile);
            tile.entries = true;
            if (level == 0) {
                log_files_put(files, &tile);
            }
        }
    }
    log_files_show(files, size, true);
}

static inline void log_files_begin(struct log_files *files, int64_t size)
{
    *files = (struct log_files){ .secret = golden_secret(0),
                                 .witness_secret = golden_secret(64),
                                 .time_s = 1764000005,
                                 .changed = -1 };
    (void)snprintf(files->folder, sizeof(files->folder), "/tmp/log-XXXXXX");
    CHECK(test_folder(files->folder) != NULL);
    files->key = golden_key(files->secret, LOG_FILES_ORIGIN, NOTE_ED25519);
    files->witness = golden_key(files->witness_secret, "witness.example/w1", NOTE_COSIGNATURE);
    for (size_t level = 0; level < GOLDEN_LEVELS; level++) {
        files->levels[level] = malloc(((size_t)LOG_FILES_MAX >> level) * DIGEST_BYTES + 1);
        CHECK(files->levels[level] != NULL);
    }
    log_files_grow(files, size);
}

static inline void log_files_end(struct log_files *files)
{
    char command[96];
    (void)snprintf(command, sizeof(command), "rm -rf %s", files->folder);
    CHECK_EQ(system(command), 0);
    for (size_t level = 0; level < GOLDEN_LEVELS; level++) {
        free(files->levels[level]);
    }
    sign_key_destroy(files->secret);
    sign_key_destroy(files->witness_secret);
}

/* A policy that wants the one witness; `url` is where it is asked, and may be empty. */
static inline struct quorum *log_files_quorum(const struct log_files *files, const char *url)
{
    struct quorum *quorum = NULL;
    struct buf text;
    buf_init(&text, QUORUM_BYTES_MAX);
    CHECK(buf_append(&text, STR("log ")) == ERR_OK);
    CHECK(note_key_print(&files->key, &text) == ERR_OK);
    CHECK(buf_append(&text, STR("\nwitness w1 ")) == ERR_OK);
    CHECK(note_key_print(&files->witness, &text) == ERR_OK);
    CHECK(buf_printf(&text, " %s\nquorum w1\n", url) == ERR_OK);
    CHECK(quorum_parse(buf_str(&text), &quorum, NULL) == ERR_OK);
    buf_fini(&text);
    return quorum;
}
