/* A folder of a witness that watches the golden log, and requests of that log, for the tests. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../tlog/golden.h"
#include "app/witness_folder.h"

#define CASE_NAME "witness.example/w1"

struct witness_case {
    char root[40];
    char folder[64]; /* in it: not there at first */
    char path[128];  /* of the last witness_case_path() */
    struct fail fail;
};

static inline void witness_case_begin(struct witness_case *place)
{
    *place = (struct witness_case){ .root = "/tmp/test-witness-XXXXXX" };
    CHECK(crypto_start(NULL) == ERR_OK);
    CHECK(test_folder(place->root) != NULL);
    (void)snprintf(place->folder, sizeof(place->folder), "%s/w", place->root);
}

static inline const char *witness_case_path(struct witness_case *place, const char *name)
{
    (void)snprintf(place->path, sizeof(place->path), "%s/%s", place->folder, name);
    return place->path;
}

static inline void witness_case_put(struct witness_case *place, const char *name, const char *text)
{
    FILE *file = fopen(witness_case_path(place, name), "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_EQ(fclose(file), 0);
}

static inline void witness_case_end(struct witness_case *place)
{
    static const char *const files[] = { "witness.key",  "witness.vkey", "logs",         "state.db",
                                         "state.db-wal", "state.db-shm", "state.db.lock" };
    for (size_t i = 0; i < EP_ARRAY_LEN(files); i++) {
        (void)unlink(witness_case_path(place, files[i])); /* most are there, some not */
    }
    (void)rmdir(place->folder); /* some tests make none */
    CHECK_EQ(rmdir(place->root), 0);
}

/* "old OLD", the proof, and the checkpoint of `size` leaves under the golden key. */
static inline void witness_case_ask(struct golden_tree *tree, int64_t old, int64_t size,
                                    struct buf *out)
{
    struct sign_key *secret = golden_secret(0);
    struct note_key key = golden_key(secret, GOLDEN_ORIGIN, NOTE_ED25519);
    const struct checkpoint checkpoint = { STR_INIT(GOLDEN_ORIGIN), size, golden_root(tree, size) };
    struct tree_path proof;
    CHECK(tree_consistency(old, size, golden_read, tree, &proof) == ERR_OK);
    CHECK(buf_printf(out, "old %lld\n", (long long)old) == ERR_OK);
    for (size_t i = 0; i < proof.count; i++) {
        CHECK(enc_base64(out, proof.hashes[i].bytes, DIGEST_BYTES) == ERR_OK);
        CHECK(buf_byte(out, '\n') == ERR_OK);
    }
    CHECK(buf_byte(out, '\n') == ERR_OK);
    size_t begin = out->len;
    CHECK(checkpoint_print(&checkpoint, out) == ERR_OK);
    size_t end = out->len;
    CHECK(buf_byte(out, '\n') == ERR_OK);
    struct buf line;
    buf_init(&line, 1024);
    CHECK(note_sign(str_slice(buf_str(out), begin, end), &key, secret, 0, &line) == ERR_OK);
    CHECK(buf_append(out, buf_str(&line)) == ERR_OK);
    buf_fini(&line);
    sign_key_destroy(secret);
}
