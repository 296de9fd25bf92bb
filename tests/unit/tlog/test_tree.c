#include "tlog/tree.h"

#include "golden.h"

#define ALL  300 /* every proof of every tree up to here */
#define EACH 64  /* every hash of every proof of every tree up to here; beyond, they take turns */

static struct golden_tree tree;
static struct digest roots[ALL + 2];
static struct tree_path path;

static void flip(struct digest *hash, size_t bit)
{
    hash->bytes[bit / 8 % DIGEST_BYTES] ^= (unsigned char)(1U << bit % 8);
}

TEST(roots_are_those_of_the_reference)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    static const char *const leaves[] = { "",
                                          "00",
                                          "10",
                                          "2021",
                                          "3031",
                                          "40414243",
                                          "5051525354555657",
                                          "606162636465666768696a6b6c6d6e6f" };
    static const char *const wanted[] = {
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct tree_edge edge = { .size = 0 };
    struct digest want = digest_sha256(STR_EMPTY);
    struct digest root = tree_edge_root(&edge);
    CHECK(digest_eq(&root, &want));
    for (size_t i = 0; i < EP_ARRAY_LEN(leaves); i++) {
        char bytes[16];
        struct str hex = str_from(leaves[i]);
        CHECK(enc_hex_read(hex, bytes, hex.len / 2));
        struct digest leaf = tree_leaf_hash((struct str){ bytes, hex.len / 2 });
        tree_edge_add(&edge, &leaf);
        root = tree_edge_root(&edge);
        CHECK(enc_hex_read(str_from(wanted[i]), want.bytes, DIGEST_BYTES));
        CHECK(digest_eq(&root, &want));
    }
}

TEST(golden_roots_and_proofs)
{
    golden_tree_init(&tree, 70000);
    static const struct {
        int64_t size;
        const char *root;
    } golden[] = {
        { 1, "K58LqAUKLMfkL9z+GZrnyoJ6Fw9ei7Gb++Mb8ALf35I=" },
        { 2, "/K3S2x3LtQaY5Y5YqStGRhQTGmo/YG/V2CLaOtGPhtU=" },
        { 3, "Y9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=" },
        { 7, "cuHv5O1Up4/N2bZ395sHwL7vCT6IFkvgnj/fsIgrYFU=" },
        { 256, "wvMuxwoKu+S5q5myOnpuTpFmHA8XCbljS/fnJGVRwwM=" },
        { 257, "Bbc1A4t+SIEHdbIRh9p4M9zTUyPZNZynqmvPdkxXiWk=" },
        { 70000, "8F+GhWPLIy/2oImzDYP17ve6EG6qsyRUHtwMIjhjPpA=" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(golden); i++) {
        struct tree_edge edge;
        CHECK(tree_edge_read(golden[i].size, golden_read, &tree, &edge) == ERR_OK);
        struct digest root = tree_edge_root(&edge);
        golden_check_hash(&root, golden[i].root);
    }
    CHECK(tree_inclusion(4, 7, golden_read, &tree, &path) == ERR_OK);
    CHECK_EQ(path.count, 3);
    golden_check_hash(&path.hashes[0], "onA4RNZb4GQfaVtRZjgwY9x/CorXUEJ2hXxdWlOGJqQ=");
    golden_check_hash(&path.hashes[1], "1APx7h3h8I8fWxleAIk9tMq0KRGcH3158fOd3OBv+0o=");
    golden_check_hash(&path.hashes[2], "jb9phPH6Mu/EbUH3mtIqpa3ME1WmuP5jkqB5sc3kAYk=");
    CHECK(tree_consistency(3, 7, golden_read, &tree, &path) == ERR_OK);
    CHECK_EQ(path.count, 4);
    golden_check_hash(&path.hashes[0], "Ey8+Snwr7kymdrfMzwXfkwt2ZlLTu4JpSLGXiTaKVUE=");
    golden_check_hash(&path.hashes[1], "Z0I01yH3YttyCkrZd/N5AGGrtnfLOnyZ9lXDRyV1w/g=");
    golden_check_hash(&path.hashes[2], "/K3S2x3LtQaY5Y5YqStGRhQTGmo/YG/V2CLaOtGPhtU=");
    golden_check_hash(&path.hashes[3], "iX0tGBAyqgoBsW+blVnHWLt/13lseGPCcjd2tcR55mw=");
    CHECK(tree_consistency(4, 7, golden_read, &tree, &path) == ERR_OK);
    CHECK_EQ(path.count, 1);
    golden_check_hash(&path.hashes[0], "iX0tGBAyqgoBsW+blVnHWLt/13lseGPCcjd2tcR55mw=");
    golden_tree_fini(&tree);
}

TEST(every_size_grows_and_is_read_again)
{
    golden_tree_init(&tree, 600);
    struct tree_edge grown = { .size = 0 };
    for (int64_t size = 0; size <= 600; size++) {
        struct digest want = golden_root(&tree, size);
        struct digest root = tree_edge_root(&grown);
        CHECK(digest_eq(&root, &want));
        struct tree_edge edge;
        CHECK(tree_edge_read(size, golden_read, &tree, &edge) == ERR_OK);
        CHECK_EQ(edge.size, size);
        CHECK_EQ(edge.count, grown.count);
        for (unsigned i = 0; i < edge.count; i++) {
            CHECK(digest_eq(&edge.roots[i], &grown.roots[i]));
        }
        if (size < 600) {
            tree_edge_add(&grown, &tree.levels[0][size]);
        }
    }
    golden_tree_fini(&tree);
}

/* Whether the hash at `at` of the proof is spoiled. */
static bool takes_turn(size_t at, int64_t index, int64_t size)
{
    return size <= EACH || at == (size_t)(index + size) % path.count;
}

/* Of a good proof, all of these are bad ones. */
static void check_inclusion_twins(int64_t index, int64_t size)
{
    const struct digest *leaf = &tree.levels[0][index];
    const struct digest *root = &roots[size];
    CHECK(!tree_check_inclusion(index, size, &tree.levels[0][index + 1], &path, root));
    CHECK(!tree_check_inclusion(index + 1, size, leaf, &path, root));
    CHECK(!tree_check_inclusion(index - 1, size, leaf, &path, root));
    CHECK(!tree_check_inclusion(index, size + 1, leaf, &path, &roots[size + 1]));
    CHECK(!tree_check_inclusion(index, size - 1, leaf, &path, &roots[size - 1]));
    for (size_t i = 0; i < path.count; i++) {
        if (takes_turn(i, index, size)) {
            flip(&path.hashes[i], (size_t)(index + size) + i);
            CHECK(!tree_check_inclusion(index, size, leaf, &path, root));
            flip(&path.hashes[i], (size_t)(index + size) + i);
        }
    }
    path.hashes[path.count++] = *root;
    CHECK(!tree_check_inclusion(index, size, leaf, &path, root));
    path.count--;
    if (path.count > 0) {
        path.count--;
        CHECK(!tree_check_inclusion(index, size, leaf, &path, root));
        path.count++;
    }
    CHECK(tree_check_inclusion(index, size, leaf, &path, root));
}

TEST(every_inclusion_holds_and_none_of_its_twins)
{
    golden_tree_init(&tree, ALL + 1);
    for (int64_t size = 0; size <= ALL + 1; size++) {
        roots[size] = golden_root(&tree, size);
    }
    for (int64_t size = 1; size <= ALL; size++) {
        for (int64_t index = 0; index < size; index++) {
            CHECK(tree_inclusion(index, size, golden_read, &tree, &path) == ERR_OK);
            check_inclusion_twins(index, size);
        }
    }
    golden_tree_fini(&tree);
}

static void check_consistency_twins(int64_t old, int64_t size)
{
    const struct digest *old_root = &roots[old];
    const struct digest *root = &roots[size];
    CHECK(tree_check_consistency(old, old_root, size, root, &path));
    CHECK(!tree_check_consistency(old + 1, &roots[old + 1], size, root, &path) ||
          (old + 1 == size && path.count == 0));
    CHECK(!tree_check_consistency(old, old_root, size + 1, &roots[size + 1], &path) || old == 0);
    CHECK(!tree_check_consistency(old, &roots[old + 1], size, root, &path));
    CHECK(!tree_check_consistency(old, old_root, size, &roots[size + 1], &path) || old == 0);
    for (size_t i = 0; i < path.count; i++) {
        if (takes_turn(i, old, size)) {
            flip(&path.hashes[i], (size_t)(old + size) + i);
            CHECK(!tree_check_consistency(old, old_root, size, root, &path));
            flip(&path.hashes[i], (size_t)(old + size) + i);
        }
    }
    path.hashes[path.count++] = *root;
    CHECK(!tree_check_consistency(old, old_root, size, root, &path));
    path.count--;
    if (path.count > 0) {
        path.count--;
        CHECK(!tree_check_consistency(old, old_root, size, root, &path));
        path.count++;
    }
}

TEST(every_consistency_holds_and_none_of_its_twins)
{
    golden_tree_init(&tree, ALL + 1);
    for (int64_t size = 0; size <= ALL + 1; size++) {
        roots[size] = golden_root(&tree, size);
    }
    for (int64_t size = 0; size <= ALL; size++) {
        for (int64_t old = 0; old <= size; old++) {
            CHECK(tree_consistency(old, size, golden_read, &tree, &path) == ERR_OK);
            CHECK((path.count == 0) == (old == 0 || old == size));
            check_consistency_twins(old, size);
        }
    }
    golden_tree_fini(&tree);
}

TEST(numbers_that_are_none_prove_nothing)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    struct digest leaf = golden_leaf(0);
    struct digest nothing = digest_sha256(STR_EMPTY);
    path.count = 0;
    CHECK(tree_check_inclusion(0, 1, &leaf, &path, &leaf));
    CHECK(!tree_check_inclusion(0, 0, &leaf, &path, &leaf));
    CHECK(!tree_check_inclusion(-1, 1, &leaf, &path, &leaf));
    CHECK(!tree_check_inclusion(INT64_MIN, INT64_MIN, &leaf, &path, &leaf));
    CHECK(!tree_check_inclusion(0, INT64_MAX, &leaf, &path, &leaf));
    CHECK(!tree_check_inclusion(0, -1, &leaf, &path, &leaf));
    CHECK(tree_check_consistency(0, &nothing, 1, &leaf, &path));
    CHECK(tree_check_consistency(0, &nothing, 0, &nothing, &path));
    CHECK(!tree_check_consistency(0, &leaf, 0, &leaf, &path));
    CHECK(!tree_check_consistency(0, &leaf, 1, &leaf, &path));
    CHECK(!tree_check_consistency(1, &leaf, 0, &nothing, &path));
    CHECK(!tree_check_consistency(-1, &nothing, 1, &leaf, &path));
    CHECK(!tree_check_consistency(0, &nothing, INT64_MAX, &leaf, &path));
    path.count = TREE_PATH_MAX + 1;
    CHECK(!tree_check_inclusion(0, 2, &leaf, &path, &leaf));
    CHECK(!tree_check_consistency(1, &leaf, 2, &leaf, &path));
    path.count = SIZE_MAX;
    CHECK(!tree_check_inclusion(0, TREE_SIZE_MAX, &leaf, &path, &leaf));
}

/* A tree of any size: its leaves are all alike but for one. */
struct vast {
    struct digest alike[63]; /* a full subtree of each level */
    struct digest one;
    int64_t at;
};

static enum err vast_read(void *context, unsigned level, int64_t index, struct digest *ret_hash)
{
    const struct vast *vast = context;
    if (vast->at >> level != index) {
        *ret_hash = vast->alike[level];
        return ERR_OK;
    }
    struct digest hash = vast->one;
    for (unsigned i = 0; i < level; i++) {
        hash = (vast->at >> i & 1) != 0 ? tree_node_hash(&vast->alike[i], &hash)
                                        : tree_node_hash(&hash, &vast->alike[i]);
    }
    *ret_hash = hash;
    return ERR_OK;
}

static struct digest vast_root(struct vast *vast, int64_t size)
{
    struct tree_edge edge;
    CHECK(tree_edge_read(size, vast_read, vast, &edge) == ERR_OK);
    return tree_edge_root(&edge);
}

static void check_vast(struct vast *vast, int64_t size, int64_t at)
{
    vast->at = at;
    struct digest root = vast_root(vast, size);
    CHECK(tree_inclusion(at, size, vast_read, vast, &path) == ERR_OK);
    CHECK(tree_check_inclusion(at, size, &vast->one, &path, &root));
    CHECK(!tree_check_inclusion(at ^ 1, size, &vast->one, &path, &root));
    CHECK(!tree_check_inclusion(at, size, &vast->alike[0], &path, &root));
    const int64_t olds[] = { 1, at > 0 ? at : 1, at + 1, size / 2 + 1, size - 1, size };
    for (size_t i = 0; i < EP_ARRAY_LEN(olds); i++) {
        struct digest old_root = vast_root(vast, olds[i]);
        CHECK(tree_consistency(olds[i], size, vast_read, vast, &path) == ERR_OK);
        CHECK(tree_check_consistency(olds[i], &old_root, size, &root, &path));
        if (path.count > 0) {
            flip(&path.hashes[path.count - 1], 7);
            CHECK(!tree_check_consistency(olds[i], &old_root, size, &root, &path));
        }
    }
}

TEST(trees_of_any_size)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    struct vast vast = { .one = tree_leaf_hash(STR("one")), .at = 0 };
    vast.alike[0] = tree_leaf_hash(STR("alike"));
    for (unsigned level = 1; level < EP_ARRAY_LEN(vast.alike); level++) {
        vast.alike[level] = tree_node_hash(&vast.alike[level - 1], &vast.alike[level - 1]);
    }
    for (unsigned power = 1; power < 8; power++) {
        for (int64_t around = -2; around <= 2; around++) {
            int64_t size = (INT64_C(1) << (8 * power)) + around;
            const int64_t leaves[] = { 0, 1, 127, size / 3, size / 2, size - 2, size - 1 };
            for (size_t i = 0; i < EP_ARRAY_LEN(leaves); i++) {
                check_vast(&vast, size, leaves[i]);
            }
        }
    }
    check_vast(&vast, TREE_SIZE_MAX, 0);
    check_vast(&vast, TREE_SIZE_MAX, TREE_SIZE_MAX - 1);
    check_vast(&vast, TREE_SIZE_MAX - 1, TREE_SIZE_MAX - 2);
    CHECK(tree_consistency(TREE_SIZE_MAX / 2 + 1, TREE_SIZE_MAX, vast_read, &vast, &path) ==
          ERR_OK);
    CHECK_EQ(path.count, 63); /* as many as there can be, and as a witness takes */
}

TEST(a_proof_reads_few_hashes)
{
    golden_tree_init(&tree, 70000);
    CHECK(tree_inclusion(33333, 70000, golden_read, &tree, &path) == ERR_OK);
    CHECK(tree.reads <= 34);
    golden_tree_fini(&tree);
}

static enum err failing_read(void *context, unsigned level, int64_t index, struct digest *ret_hash)
{
    int *left = context;
    (void)index;
    *ret_hash = (struct digest){ { (unsigned char)level } };
    return (*left)-- == 0 ? ERR_IO : ERR_OK;
}

TEST(a_hash_that_cannot_be_read_ends_the_work)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    struct tree_edge edge;
    for (int nth = 0; nth < 3; nth++) {
        int left = nth;
        CHECK(tree_edge_read(7, failing_read, &left, &edge) == ERR_IO);
        left = nth;
        CHECK(tree_inclusion(4, 7, failing_read, &left, &path) == ERR_IO);
        left = nth;
        CHECK(tree_inclusion(1, 7, failing_read, &left, &path) == ERR_IO);
        left = nth;
        CHECK(tree_consistency(3, 7, failing_read, &left, &path) == ERR_IO);
    }
}

TEST(sizes_and_hashes_have_one_spelling)
{
    int64_t size = 0;
    CHECK(tree_size_read(STR("0"), &size) && size == 0);
    CHECK(tree_size_read(STR("4611686018427387904"), &size) && size == TREE_SIZE_MAX);
    static const char *const bad_sizes[] = { "",
                                             "00",
                                             "01",
                                             "-1",
                                             "+1",
                                             " 1",
                                             "1 ",
                                             "0x1",
                                             "1e3",
                                             "4611686018427387905",
                                             "18446744073709551616" };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad_sizes); i++) {
        CHECK(!tree_size_read(str_from(bad_sizes[i]), &size));
    }
    struct digest hash;
    CHECK(tree_hash_read(STR("K58LqAUKLMfkL9z+GZrnyoJ6Fw9ei7Gb++Mb8ALf35I="), &hash));
    golden_check_hash(&hash, "K58LqAUKLMfkL9z+GZrnyoJ6Fw9ei7Gb++Mb8ALf35I=");
    static const char *const bad_hashes[] = {
        "",
        "K58LqAUKLMfkL9z+GZrnyoJ6Fw9ei7Gb++Mb8ALf35J=", /* unused bits */
        "K58LqAUKLMfkL9z+GZrnyoJ6Fw9ei7Gb++Mb8ALf35I",
        "K58LqAUKLMfkL9z-GZrnyoJ6Fw9ei7Gb--Mb8ALf35I=",
        "K58LqAUKLMfkL9z+GZrnyoJ6Fw9ei7Gb++Mb8ALf3w==", /* 31 bytes */
        "K58LqAUKLMfkL9z+GZrnyoJ6Fw9ei7Gb++Mb8ALf35IA", /* 33 bytes */
        "K58LqAUKLMfkL9z+GZrnyoJ6Fw9ei7Gb++Mb8ALf35IAAAA=",
        " K58LqAUKLMfkL9z+GZrnyoJ6Fw9ei7Gb++Mb8ALf35I=",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad_hashes); i++) {
        CHECK(!tree_hash_read(str_from(bad_hashes[i]), &hash));
    }
}
