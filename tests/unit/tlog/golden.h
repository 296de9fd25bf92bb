/*
 * The log of the golden vectors: its keys, and its tree, leaf i of which is "receipt <i>". The
 * tree is built level by level, without the code under test but for its two hashes.
 */
#pragma once

#include "base/enc.h"
#include "base/mem.h"
#include "harness.h"
#include "tlog/checkpoint.h"

#define GOLDEN_ORIGIN "entrepot.example/receipts"
#define GOLDEN_VKEY   GOLDEN_ORIGIN "+5e4e5d4b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define GOLDEN_WITNESS_VKEY \
    "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
#define GOLDEN_NOTE_3                                                                      \
    GOLDEN_ORIGIN "\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n\n"                  \
                  "\xE2\x80\x94 " GOLDEN_ORIGIN                                            \
                  " Xk5dS/G8HTtzibIc8QEsmKpukzcmIz4z9eom7rE2g8GWm9e/StNezRuBaTDjtKj/GYgZO" \
                  "iwVdCCOp7idxa7dRQ+aqQs=\n"
#define GOLDEN_COSIGNATURE                                                                 \
    "\xE2\x80\x94 witness.example/w1 IDJKvgAAAABlU/EAb3faUgmfIKNiQQxrkEUerjolhco+Yt01LC+W" \
    "iol4xP5qpqhhP+A+fVaXIADjQRxJtlYDuWdh8dAoiFqEsFxGDw==\n"

static inline struct sign_key *golden_secret(unsigned char first)
{
    unsigned char seed[SIGN_SEED_BYTES];
    for (unsigned i = 0; i < sizeof(seed); i++) {
        seed[i] = (unsigned char)(first + i);
    }
    struct sign_key *key = NULL;
    CHECK(crypto_start(NULL) == ERR_OK);
    CHECK(sign_key_from_seed(seed, &key, NULL) == ERR_OK);
    return key;
}

static inline struct note_key golden_key(const struct sign_key *secret, const char *name,
                                         enum note_algorithm algorithm)
{
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    struct note_key key;
    sign_public(secret, public_key);
    CHECK(note_key_make(str_from(name), algorithm, public_key, &key, NULL) == ERR_OK);
    return key;
}

static inline struct digest golden_leaf(int64_t index)
{
    char text[40];
    struct buf entry = { text, 0, sizeof(text), sizeof(text) };
    CHECK(buf_append(&entry, STR("receipt ")) == ERR_OK);
    CHECK(buf_i64(&entry, index) == ERR_OK);
    return tree_leaf_hash(buf_str(&entry));
}

static inline void golden_check_hash(const struct digest *hash, const char *base64)
{
    struct buf text;
    buf_init(&text, 64);
    CHECK(enc_base64(&text, hash->bytes, DIGEST_BYTES) == ERR_OK);
    CHECK_STR(buf_str(&text), str_from(base64));
    buf_fini(&text);
}

/* levels[l][i] is the full subtree (l, i). */
#define GOLDEN_LEVELS 18 /* up to 2^17 leaves */
struct golden_tree {
    int64_t size;
    struct digest *levels[GOLDEN_LEVELS];
    int64_t reads;
};

static inline void golden_tree_init(struct golden_tree *tree, int64_t size)
{
    *tree = (struct golden_tree){ .size = size };
    CHECK(crypto_start(NULL) == ERR_OK);
    for (unsigned level = 0; level < GOLDEN_LEVELS && size >> level > 0; level++) {
        size_t count = (size_t)(size >> level);
        struct digest *hashes = mem_alloc(count * sizeof(*hashes));
        CHECK(hashes != NULL);
        for (size_t i = 0; i < count; i++) {
            hashes[i] = level == 0 ? golden_leaf((int64_t)i)
                                   : tree_node_hash(&tree->levels[level - 1][2 * i],
                                                    &tree->levels[level - 1][2 * i + 1]);
        }
        tree->levels[level] = hashes;
    }
}

static inline void golden_tree_fini(struct golden_tree *tree)
{
    for (unsigned level = 0; level < GOLDEN_LEVELS; level++) {
        mem_free(tree->levels[level]);
    }
}

/* A tree_read_fn. */
static inline enum err golden_read(void *context, unsigned level, int64_t index,
                                   struct digest *ret_hash)
{
    struct golden_tree *tree = context;
    CHECK(level < GOLDEN_LEVELS && index >= 0 && (index + 1) << level <= tree->size);
    *ret_hash = tree->levels[level][index];
    tree->reads++;
    return ERR_OK;
}

/* The root of the first `size` leaves: pair by pair, the odd one waits for the next level. */
static inline struct digest golden_root(const struct golden_tree *tree, int64_t size)
{
    CHECK(size <= tree->size);
    if (size == 0) {
        return digest_sha256(STR_EMPTY);
    }
    struct digest *hashes = mem_alloc((size_t)size * sizeof(*hashes));
    CHECK(hashes != NULL);
    memcpy(hashes, tree->levels[0], (size_t)size * sizeof(*hashes));
    for (int64_t count = size; count > 1; count = (count + 1) / 2) {
        for (int64_t i = 0; i < count; i += 2) {
            hashes[i / 2] = i + 1 < count ? tree_node_hash(&hashes[i], &hashes[i + 1]) : hashes[i];
        }
    }
    struct digest root = hashes[0];
    mem_free(hashes);
    return root;
}
