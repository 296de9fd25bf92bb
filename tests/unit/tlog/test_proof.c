#include "tlog/proof.h"

#include "golden.h"

#define CHECKPOINT GOLDEN_NOTE_3 GOLDEN_COSIGNATURE
#define HASH       "K58LqAUKLMfkL9z+GZrnyoJ6Fw9ei7Gb++Mb8ALf35I=\n"

static struct golden_tree tree;
static struct sign_key *secret;
static struct note_key key;
static struct proof proof;
static struct buf text;

static void start(void)
{
    secret = golden_secret(0);
    key = golden_key(secret, GOLDEN_ORIGIN, NOTE_ED25519);
    golden_tree_init(&tree, 3);
    proof_init(&proof);
    buf_init(&text, PROOF_TEXT_MAX);
}

static void stop(void)
{
    buf_fini(&text);
    proof_fini(&proof);
    golden_tree_fini(&tree);
    sign_key_destroy(secret);
}

/* The proof of leaf `index` of the golden log of three. */
static void make(int64_t index, struct str extra)
{
    struct tree_path path;
    buf_reset(&text);
    CHECK(tree_inclusion(index, 3, golden_read, &tree, &path) == ERR_OK);
    CHECK(proof_print(extra, index, &path, STR(CHECKPOINT), &text) == ERR_OK);
}

TEST(a_proof_is_written_as_the_specification_has_it)
{
    start();
    make(2, STR_EMPTY);
    CHECK_STR(buf_str(&text), STR("c2sp.org/tlog-proof@v1\nindex 2\n"
                                  "/K3S2x3LtQaY5Y5YqStGRhQTGmo/YG/V2CLaOtGPhtU=\n\n" CHECKPOINT));
    make(2, STR("receipt 2"));
    CHECK_STR(buf_str(&text), STR("c2sp.org/tlog-proof@v1\nextra cmVjZWlwdCAy\nindex 2\n"
                                  "/K3S2x3LtQaY5Y5YqStGRhQTGmo/YG/V2CLaOtGPhtU=\n\n" CHECKPOINT));
    CHECK(proof_parse(test_at_page_end(buf_str(&text)), &proof, NULL) == ERR_OK);
    CHECK_STR(buf_str(&proof.extra), STR("receipt 2"));
    CHECK_EQ(proof.index, 2);
    CHECK_EQ(proof.path.count, 1);
    CHECK_STR(proof.checkpoint, STR(CHECKPOINT));
    stop();
}

TEST(every_leaf_is_proved_and_no_other_entry)
{
    start();
    struct checkpoint checkpoint;
    struct note note;
    struct fail fail;
    static const char *const entries[] = { "receipt 0", "receipt 1", "receipt 2" };
    for (int64_t index = 0; index < 3; index++) {
        make(index, STR_EMPTY);
        CHECK(proof_parse(buf_str(&text), &proof, &fail) == ERR_OK);
        CHECK_EQ(proof.extra.len, 0);
        for (size_t i = 0; i < 3; i++) {
            enum err err =
                proof_check(&proof, str_from(entries[i]), &key, &checkpoint, &note, &fail);
            CHECK(err == ((int64_t)i == index ? ERR_OK : ERR_PROOF_INVALID));
        }
        CHECK_EQ(checkpoint.size, 3);
        CHECK(str_ends(STR(CHECKPOINT), note.signatures));
        proof.index = (index + 1) % 3; /* the right entry, under another index */
        CHECK(proof_check(&proof, str_from(entries[index]), &key, &checkpoint, &note, &fail) ==
              ERR_PROOF_INVALID);
    }
    stop();
}

TEST(what_the_checkpoint_does_not_cover_is_not_proved)
{
    start();
    struct checkpoint checkpoint;
    struct note note;
    struct fail fail;
    make(2, STR_EMPTY);
    CHECK(proof_parse(buf_str(&text), &proof, &fail) == ERR_OK);
    proof.index = 3;
    CHECK(proof_check(&proof, STR("receipt 2"), &key, &checkpoint, &note, &fail) ==
          ERR_PROOF_INVALID);
    CHECK(strstr(fail.text, "covers 3 leaves") != NULL);
    proof.index = 2;

    struct sign_key *other = golden_secret(1);
    struct note_key other_key = golden_key(other, GOLDEN_ORIGIN, NOTE_ED25519);
    struct note_key elsewhere = golden_key(secret, "rival.example/receipts", NOTE_ED25519);
    CHECK(proof_check(&proof, STR("receipt 2"), &other_key, &checkpoint, &note, &fail) ==
          ERR_NOTE_FORGED);
    CHECK(proof_check(&proof, STR("receipt 2"), &elsewhere, &checkpoint, &note, &fail) ==
          ERR_NOTE_FORGED);
    proof.checkpoint = STR("no checkpoint\n");
    CHECK(proof_check(&proof, STR("receipt 2"), &key, &checkpoint, &note, &fail) ==
          ERR_NOTE_INVALID);
    sign_key_destroy(other);
    stop();
}

TEST(a_proof_that_is_cut_or_changed_is_refused)
{
    start();
    struct checkpoint checkpoint;
    struct note note;
    make(1, STR("receipt 1"));
    struct str good = buf_str(&text);
    for (size_t cut = 0; cut < good.len; cut++) {
        struct str part = test_at_page_end(str_slice(good, 0, cut));
        enum err err = proof_parse(part, &proof, NULL);
        if (err == ERR_OK) {
            err = proof_check(&proof, STR("receipt 1"), &key, &checkpoint, &note, NULL);
        }
        /* A whole cosignature less is still the log's checkpoint. */
        CHECK(err != ERR_OK || cut == good.len - (sizeof(GOLDEN_COSIGNATURE) - 1));
    }
    /* A bit of any byte: but for the extra data, which nothing vouches for, and for the witness,
     * which is not asked about here, nothing holds any more. */
    size_t extra = sizeof("c2sp.org/tlog-proof@v1\nextra ") - 1;
    for (size_t i = 0; i < good.len - (sizeof(GOLDEN_COSIGNATURE) - 1); i++) {
        text.ptr[i] = (char)(text.ptr[i] ^ 1);
        enum err err = proof_parse(good, &proof, NULL);
        if (err == ERR_OK) {
            err = proof_check(&proof, STR("receipt 1"), &key, &checkpoint, &note, NULL);
        }
        CHECK(err != ERR_OK || (i >= extra && i < extra + 12));
        text.ptr[i] = (char)(text.ptr[i] ^ 1);
    }
    stop();
}

TEST(forms_that_are_not_exact_are_refused)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        { "", "first line" },
        { "c2sp.org/tlog-proof@v1", "first line" },
        { "c2sp.org/tlog-proof@v2\nindex 0\n\na\n", "first line" },
        { "c2sp.org/tlog-proof@v1 \nindex 0\n\na\n", "first line" },
        { "c2sp.org/tlog-proof@v1\n", "line 2: it is cut" },
        { "c2sp.org/tlog-proof@v1\nindex 0", "line 2: it is cut" },
        { "c2sp.org/tlog-proof@v1\nindex 0\n", "line 3: it is cut" },
        { "c2sp.org/tlog-proof@v1\nindex 0\n" HASH, "line 4: it is cut" },
        { "c2sp.org/tlog-proof@v1\nindex 0\n\n", "line 4: it is cut" },
        { "c2sp.org/tlog-proof@v1\nindex 00\n\na\n", "line 2" },
        { "c2sp.org/tlog-proof@v1\nindex 01\n\na\n", "line 2" },
        { "c2sp.org/tlog-proof@v1\nindex -1\n\na\n", "line 2" },
        { "c2sp.org/tlog-proof@v1\nindex \n\na\n", "line 2" },
        { "c2sp.org/tlog-proof@v1\nindex  0\n\na\n", "line 2" },
        { "c2sp.org/tlog-proof@v1\nindex 4611686018427387905\n\na\n", "line 2" },
        { "c2sp.org/tlog-proof@v1\nindex 18446744073709551616\n\na\n", "line 2" },
        { "c2sp.org/tlog-proof@v1\n\nindex 0\n\na\n", "line 2" },
        { "c2sp.org/tlog-proof@v1\n" HASH "index 0\n\na\n", "line 2" },
        { "c2sp.org/tlog-proof@v1\nextra AAAA", "line 2: it is cut" },
        { "c2sp.org/tlog-proof@v1\nextra AAAA\n", "line 3: it is cut" },
        { "c2sp.org/tlog-proof@v1\nextra \nindex 0\n\na\n", "no base64" },
        { "c2sp.org/tlog-proof@v1\nextra AAA\nindex 0\n\na\n", "no base64" },
        { "c2sp.org/tlog-proof@v1\nextra AB==\nindex 0\n\na\n", "no base64" },
        { "c2sp.org/tlog-proof@v1\nextra AAAA\nextra AAAA\nindex 0\n\na\n", "line 3" },
        { "c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\na\n", "line 3" },
        { "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\na\n", "line 3" },
        { "c2sp.org/tlog-proof@v1\nindex 0\n" HASH " " HASH "\na\n", "line 4" },
        { "c2sp.org/tlog-proof@v1\r\nindex 0\r\n\r\na\n", "first line" },
    };
    struct fail fail;
    start();
    CHECK(proof_parse(STR("c2sp.org/tlog-proof@v1\nindex 4611686018427387904\n\na\n"), &proof,
                      &fail) == ERR_OK);
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct str bytes = test_at_page_end(str_from(bad[i].text));
        if (proof_parse(bytes, &proof, &fail) != ERR_PROOF_INVALID ||
            strstr(fail.text, bad[i].why) == NULL) {
            test_failed(EP_SITE, "case %zu: \"%s\", not \"%s\"", i, fail.text, bad[i].why);
        }
    }
    stop();
}

TEST(proofs_have_limits)
{
    struct fail fail;
    start();
    for (int hashes = TREE_PATH_MAX; hashes <= TREE_PATH_MAX + 1; hashes++) {
        buf_reset(&text);
        CHECK(buf_append(&text, STR("c2sp.org/tlog-proof@v1\nindex 0\n")) == ERR_OK);
        for (int i = 0; i < hashes; i++) {
            CHECK(buf_append(&text, STR(HASH)) == ERR_OK);
        }
        CHECK(buf_append(&text, STR("\na\n")) == ERR_OK);
        CHECK(proof_parse(buf_str(&text), &proof, &fail) ==
              (hashes == TREE_PATH_MAX ? ERR_OK : ERR_PROOF_INVALID));
    }
    CHECK(strstr(fail.text, "more than 64") != NULL);
    buf_fini(&text);
    buf_init(&text, PROOF_TEXT_MAX + 1);
    while (text.len < PROOF_TEXT_MAX + 1) {
        CHECK(buf_byte(&text, 'a') == ERR_OK);
    }
    CHECK(proof_parse(buf_str(&text), &proof, &fail) == ERR_PROOF_INVALID);
    CHECK(strstr(fail.text, "at most 131072") != NULL);
    stop();
}

static void body(void)
{
    struct proof each;
    proof_init(&each);
    enum err err =
        proof_parse(STR("c2sp.org/tlog-proof@v1\nextra cmVjZWlwdCAy\nindex 2\n\na\n"), &each, NULL);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    proof_fini(&each);
}

TEST(without_memory_it_is_not_the_proof_that_is_wrong)
{
    CHECK(test_each_allocation_failing(body) > 1);
}
