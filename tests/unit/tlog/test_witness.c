#include "tlog/witness.h"

#include "golden.h"

#define WITNESS_NAME "witness.example/w1"
#define SECOND_VKEY  "second.example+c6667e6e+ASVDuS/xCVURR2rcg2nbbdyTNmWhGXjdoUBO4QZsqVWd"

/* Made by an implementation of its own from the specifications: from size 3 to size 8. */
#define GOLDEN_OLD_3 "old 3\n"
#define GOLDEN_PROOF_3_8                             \
    "Ey8+Snwr7kymdrfMzwXfkwt2ZlLTu4JpSLGXiTaKVUE=\n" \
    "Z0I01yH3YttyCkrZd/N5AGGrtnfLOnyZ9lXDRyV1w/g=\n" \
    "/K3S2x3LtQaY5Y5YqStGRhQTGmo/YG/V2CLaOtGPhtU=\n" \
    "OZAriPrpFeRaUR7OTj9xMEw9MteJrmqcIP7ZQ+7e2cU=\n"
#define GOLDEN_TEXT_8 GOLDEN_ORIGIN "\n8\nyqCFfuW473ZcBiFsu7P8cWpYrQ4iZ3NUYGvcFVKeEAc=\n"
#define GOLDEN_LINE_8                                                                     \
    "\xE2\x80\x94 " GOLDEN_ORIGIN                                                         \
    " Xk5dSwhNRHXcr92RjgNY+tH/qtDczRMDEVKELYXvmX3Ba7/Zohmo34szTQ/e6Gu6pqNvljIHP2tgHgk6Mo" \
    "yxAn05UwQ=\n"
#define GOLDEN_REQUEST_8 GOLDEN_OLD_3 GOLDEN_PROOF_3_8 "\n" GOLDEN_TEXT_8 "\n" GOLDEN_LINE_8
#define GOLDEN_COSIGNATURE_8                                                                 \
    "\xE2\x80\x94 " WITNESS_NAME " IDJKvgAAAABlU/EBpAahBvO7iHmwHD6FU2hjM/c/Tw6Km68o32Hh8lgJ" \
    "e96TrbJaCU/1hvfYaT98fDKIvqPXdmjlXGDZhyjQtxkfCw==\n"
/* The same tree under extension lines. */
#define GOLDEN_EXTENDED_8                                                                     \
    GOLDEN_TEXT_8 "time 5\nmore\n\n\xE2\x80\x94 " GOLDEN_ORIGIN                               \
                  " Xk5dS094OxBovPYzYLt47gCoSZlOaXz3M1rk2KfmqOM2CaEkUMGpMpAM1woOMAGaI2ksl5ml" \
                  "LYW9xDQ2276dlMY+rg8=\n"
#define GOLDEN_EXTENDED_COSIGNATURE_8                                                        \
    "\xE2\x80\x94 " WITNESS_NAME " IDJKvgAAAABlU/ECxQTY6Y6TFUhYGbs2KFJ0VcreOaOV4PxiZ3Xxeom/" \
    "+bgQ9b4A3hmlO14FF9TWv8KofB1xnvuc+wv8W68zKd9jCQ==\n"

static struct fail fail;

static struct witness_logs *logs_of(const char *text)
{
    struct witness_logs *logs = NULL;
    CHECK(crypto_start(NULL) == ERR_OK);
    CHECK(witness_logs_parse(str_from(text), &logs, &fail) == ERR_OK);
    return logs;
}

static bool said(const char *what)
{
    return str_search(str_from(fail.text), str_from(what)) < strlen(fail.text);
}

/* ---- the list ------------------------------------------------------------------------------ */

TEST(a_list_of_logs_is_read)
{
    struct witness_logs *logs =
        logs_of("# whom we watch\n\n  " GOLDEN_VKEY "\n" SECOND_VKEY " go.sum database tree\n"
                "\t" SECOND_VKEY " " GOLDEN_ORIGIN " ");
    CHECK_EQ(witness_logs_count(logs), 3);
    CHECK_STR(witness_logs_origin(logs, 0), STR(GOLDEN_ORIGIN));
    CHECK_STR(witness_logs_origin(logs, 1), STR("go.sum database tree"));
    CHECK_STR(witness_logs_origin(logs, 2), STR(GOLDEN_ORIGIN));
    struct sign_key *log = golden_secret(0);
    struct sign_key *witness = golden_secret(0x20);
    struct note_key key = golden_key(log, "any.example", NOTE_COSIGNATURE);
    CHECK(witness_logs_have(logs, &key));
    key = golden_key(witness, WITNESS_NAME, NOTE_COSIGNATURE);
    CHECK(!witness_logs_have(logs, &key));
    sign_key_destroy(log);
    sign_key_destroy(witness);
    witness_logs_destroy(logs);
    witness_logs_destroy(NULL);
}

TEST(a_list_with_a_fault_is_refused_with_its_line)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        { "", "no log in it" },
        { "\n# none yet\n", "no log in it" },
        { "# x\n" GOLDEN_ORIGIN "\n", "line 2: " },
        { GOLDEN_VKEY "\nlog " SECOND_VKEY "\n", "line 2: " },
        { GOLDEN_WITNESS_VKEY "\n", "algorithm 0x04" },
        { GOLDEN_VKEY "\n" GOLDEN_VKEY "\n", "line 2: a line before has the same key" },
        { GOLDEN_VKEY " a\n" GOLDEN_VKEY "\n" GOLDEN_VKEY "  a\n", "line 3: a line before" },
        { GOLDEN_VKEY " a\x01\n", "control character" },
        { GOLDEN_VKEY " a\r\n", "control character" },
    };
    struct witness_logs *logs = NULL;
    CHECK(crypto_start(NULL) == ERR_OK);
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct str text = test_at_page_end(str_from(bad[i].text));
        CHECK_EQ(witness_logs_parse(text, &logs, &fail), ERR_CONF_INVALID);
        CHECK(said(bad[i].why));
    }
    struct buf many;
    buf_init(&many, WITNESS_LIST_MAX + 1);
    for (int i = 0; i <= WITNESS_LOGS_MAX; i++) {
        CHECK(buf_printf(&many, GOLDEN_VKEY " %d\n", i) == ERR_OK);
    }
    CHECK_EQ(witness_logs_parse(buf_str(&many), &logs, &fail), ERR_CONF_INVALID);
    CHECK(said("line 1025: there are more than 1024 logs"));
    while (buf_byte(&many, '\n') == ERR_OK) {
    }
    CHECK_EQ(witness_logs_parse(buf_str(&many), &logs, &fail), ERR_CONF_INVALID);
    CHECK(said("bytes; at most"));
    buf_fini(&many);
}

static void list_without_memory(void)
{
    struct witness_logs *logs = NULL;
    enum err err = witness_logs_parse(STR(GOLDEN_VKEY "\n"), &logs, &fail);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    witness_logs_destroy(logs);
}

TEST(a_list_without_memory_is_an_ordinary_failure)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    CHECK(test_each_allocation_failing(list_without_memory) > 2);
}

/* ---- requests ------------------------------------------------------------------------------ */

TEST(golden_requests_are_cosigned_with_golden_bytes)
{
    static const struct {
        int64_t time_s;
        const char *body;
        const char *line;
    } golden[] = {
        { 1700000000, "old 0\n\n" GOLDEN_NOTE_3, GOLDEN_COSIGNATURE },
        { 1700000001, GOLDEN_REQUEST_8, GOLDEN_COSIGNATURE_8 },
        { 1700000002, "old 8\n\n" GOLDEN_EXTENDED_8, GOLDEN_EXTENDED_COSIGNATURE_8 },
    };
    struct witness_logs *logs = logs_of(GOLDEN_VKEY "\n");
    struct sign_key *secret = golden_secret(0x20);
    struct note_key key = golden_key(secret, WITNESS_NAME, NOTE_COSIGNATURE);
    struct witness_known known = witness_known_none();
    struct buf out;
    buf_init(&out, 4096);
    for (size_t i = 0; i < EP_ARRAY_LEN(golden); i++) {
        struct witness_request request;
        struct str body = test_at_page_end(str_from(golden[i].body));
        CHECK_EQ(witness_open(logs, body, &request, &fail), WITNESS_COSIGNS);
        CHECK_EQ(request.old, known.size);
        CHECK_EQ(witness_judge(&request, &known, &fail), WITNESS_COSIGNS);
        CHECK_EQ(known.size, request.checkpoint.size);
        CHECK(digest_eq(&known.root, &request.checkpoint.root));
        buf_reset(&out);
        CHECK(witness_cosign(&request, &key, secret, golden[i].time_s, &out) == ERR_OK);
        CHECK_STR(buf_str(&out), str_from(golden[i].line));
    }
    buf_fini(&out);
    sign_key_destroy(secret);
    witness_logs_destroy(logs);
}

TEST(monitors_see_the_signatures_that_were_checked)
{
    struct witness_logs *logs = logs_of(GOLDEN_VKEY "\n");
    struct witness_request request;
    struct buf out;
    buf_init(&out, 4096);
    CHECK_EQ(witness_open(logs,
                          STR("old 0\n\n" GOLDEN_TEXT_8 "\n\xE2\x80\x94 a AAAAAAA=\n" GOLDEN_LINE_8
                              "\xE2\x80\x94 " GOLDEN_ORIGIN " AAAAAAA=\n"),
                          &request, &fail),
             WITNESS_COSIGNS);
    CHECK(witness_note(logs, &request, STR(GOLDEN_COSIGNATURE_8), &out) == ERR_OK);
    CHECK_STR(buf_str(&out), STR(GOLDEN_TEXT_8 "\n" GOLDEN_LINE_8 GOLDEN_COSIGNATURE_8));
    buf_fini(&out);
    witness_logs_destroy(logs);
}

TEST(a_request_that_is_cut_anywhere_is_malformed)
{
    struct witness_logs *logs = logs_of(GOLDEN_VKEY "\n");
    struct witness_request request;
    struct str whole = STR(GOLDEN_REQUEST_8);
    for (size_t cut = 0; cut < whole.len; cut++) {
        struct str part = test_at_page_end(str_slice(whole, 0, cut));
        CHECK_EQ(witness_open(logs, part, &request, &fail), WITNESS_MALFORMED);
        part = test_at_page_end(str_from_at(whole, cut + 1));
        CHECK(witness_open(logs, part, &request, &fail) != WITNESS_COSIGNS);
    }
    witness_logs_destroy(logs);
}

/* Every byte is a part of the form, under the signature, or of a proof that no longer leads. */
TEST(a_request_with_a_bit_flipped_is_refused)
{
    static char bytes[sizeof(GOLDEN_REQUEST_8)];
    struct witness_logs *logs = logs_of(GOLDEN_VKEY "\n");
    struct witness_request request;
    struct str whole = STR(GOLDEN_REQUEST_8);
    struct golden_tree tree;
    golden_tree_init(&tree, 8);
    const struct digest root = golden_root(&tree, 3);
    for (size_t at = 0; at < whole.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct witness_known known = { 3, root };
            memcpy(bytes, whole.ptr, whole.len);
            bytes[at] = (char)(bytes[at] ^ (char)(1U << bit));
            enum witness_status status =
                witness_open(logs, (struct str){ bytes, whole.len }, &request, &fail);
            if (status == WITNESS_COSIGNS) {
                status = witness_judge(&request, &known, &fail);
                CHECK(status == WITNESS_ELSEWHERE || status == WITNESS_INCONSISTENT);
                CHECK(known.size == 3 && digest_eq(&known.root, &root));
            }
        }
    }
    golden_tree_fini(&tree);
    witness_logs_destroy(logs);
}

TEST(malformed_requests_say_what_is_wrong)
{
    static const struct {
        const char *body;
        const char *why;
    } bad[] = {
        { "", "old N" },
        { "\n", "old N" },
        { "old\n\n" GOLDEN_NOTE_3, "old N" },
        { "old \n\n" GOLDEN_NOTE_3, "old N" },
        { "old 00\n\n" GOLDEN_NOTE_3, "old N" },
        { "old 03\n\n" GOLDEN_NOTE_3, "old N" },
        { "old -1\n\n" GOLDEN_NOTE_3, "old N" },
        { "old +1\n\n" GOLDEN_NOTE_3, "old N" },
        { "old  1\n\n" GOLDEN_NOTE_3, "old N" },
        { "old 1 \n\n" GOLDEN_NOTE_3, "old N" },
        { "old 1\r\n\n" GOLDEN_NOTE_3, "old N" },
        { "Old 1\n\n" GOLDEN_NOTE_3, "old N" },
        { "old 9999999999999999999\n\n" GOLDEN_NOTE_3, "old N" },
        { "old 0\n" GOLDEN_NOTE_3, "no hash" },
        { "old 0\n\n\n" GOLDEN_NOTE_3, "origin, is empty" },
        { "old 0\n\r\n" GOLDEN_NOTE_3, "no hash" },
        { "old 3\nAAAA\n\n" GOLDEN_NOTE_3, "line 1 of the proof" },
        { "old 3\n" GOLDEN_PROOF_3_8 " \n\n" GOLDEN_NOTE_3, "line 5 of the proof" },
        { "old 3\n" GOLDEN_PROOF_3_8, "no empty line" },
        { "old 0\n\n" GOLDEN_TEXT_8, "the note" },
        { "old 0\n\n" GOLDEN_TEXT_8 "\n", "no signature" },
        { "old 0\n\n" GOLDEN_ORIGIN "\n8\n\n" GOLDEN_LINE_8, "three lines" },
        { "old 0\n\n" GOLDEN_TEXT_8 "\nmore\n\n" GOLDEN_LINE_8, "extension line" },
        { "old 0\n\n" GOLDEN_NOTE_3 "\n", "signature" },
        { "old 4\n\n" GOLDEN_NOTE_3, "above the checkpoint's, 3" },
    };
    struct witness_logs *logs = logs_of(GOLDEN_VKEY "\n");
    struct witness_request request;
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct str body = test_at_page_end(str_from(bad[i].body));
        CHECK_EQ(witness_open(logs, body, &request, &fail), WITNESS_MALFORMED);
        CHECK(said(bad[i].why));
    }
    witness_logs_destroy(logs);
}

TEST(limits_of_a_request)
{
    struct witness_logs *logs = logs_of(GOLDEN_VKEY "\n");
    struct witness_request request;
    struct buf body;
    buf_init(&body, WITNESS_REQUEST_MAX + 1);
    for (int lines = 63; lines <= 64; lines++) {
        buf_reset(&body);
        CHECK(buf_append(&body, STR("old 3\n")) == ERR_OK);
        for (int i = 0; i < lines; i++) {
            CHECK(buf_append(&body, STR("Z0I01yH3YttyCkrZd/N5AGGrtnfLOnyZ9lXDRyV1w/g=\n")) ==
                  ERR_OK);
        }
        CHECK(buf_append(&body, STR("\n" GOLDEN_NOTE_3)) == ERR_OK);
        CHECK_EQ(witness_open(logs, buf_str(&body), &request, &fail),
                 lines == 63 ? WITNESS_COSIGNS : WITNESS_MALFORMED);
    }
    CHECK(said("more than 63 lines"));
    while (buf_byte(&body, '\n') == ERR_OK) {
    }
    CHECK_EQ(witness_open(logs, buf_str(&body), &request, &fail), WITNESS_MALFORMED);
    CHECK(said("more than 69632 bytes"));

    /* What is cosigned is a text of 4,096 bytes at most. */
    struct sign_key *log = golden_secret(0);
    struct note_key key = golden_key(log, GOLDEN_ORIGIN, NOTE_ED25519);
    for (size_t longest = NOTE_COSIGNED_MAX; longest <= NOTE_COSIGNED_MAX + 1; longest++) {
        buf_reset(&body);
        CHECK(buf_append(&body, STR("old 0\n\n" GOLDEN_TEXT_8)) == ERR_OK);
        while (body.len - 7 < longest - 1) {
            CHECK(buf_byte(&body, 'x') == ERR_OK);
        }
        CHECK(buf_append(&body, STR("\n\n")) == ERR_OK);
        struct str text = str_slice(buf_str(&body), 7, body.len - 1);
        struct buf line;
        buf_init(&line, 4096);
        CHECK_EQ(text.len, longest);
        CHECK(note_sign(text, &key, log, 0, &line) == ERR_OK);
        CHECK(buf_append(&body, buf_str(&line)) == ERR_OK);
        CHECK_EQ(witness_open(logs, buf_str(&body), &request, &fail),
                 longest == NOTE_COSIGNED_MAX ? WITNESS_COSIGNS : WITNESS_MALFORMED);
        buf_fini(&line);
    }
    CHECK(said("at most 4096 are cosigned"));
    sign_key_destroy(log);
    buf_fini(&body);
    witness_logs_destroy(logs);
}

TEST(who_signs_is_looked_at_before_what_is_said)
{
    struct witness_request request;
    /* Another log's checkpoint, whatever its signature, its sizes and its proof. */
    struct witness_logs *logs = logs_of(SECOND_VKEY "\n");
    CHECK_EQ(witness_open(logs, STR("old 4\n\n" GOLDEN_NOTE_3), &request, &fail), WITNESS_UNKNOWN);
    CHECK(said("\"" GOLDEN_ORIGIN "\" is not watched"));
    witness_logs_destroy(logs);

    /* The origin is watched, but by another key. */
    logs = logs_of(SECOND_VKEY " " GOLDEN_ORIGIN "\n");
    CHECK_EQ(witness_open(logs, STR("old 4\n\n" GOLDEN_NOTE_3), &request, &fail), WITNESS_UNSIGNED);
    CHECK(said("no key that is known"));
    witness_logs_destroy(logs);

    /* One of two keys is enough. */
    logs = logs_of(SECOND_VKEY " " GOLDEN_ORIGIN "\n" GOLDEN_VKEY "\n");
    CHECK_EQ(witness_open(logs, STR("old 0\n\n" GOLDEN_NOTE_3), &request, &fail), WITNESS_COSIGNS);
    /* A line of a key that is known, and does not hold, spoils the note. */
    CHECK_EQ(witness_open(logs,
                          STR("old 0\n\n" GOLDEN_NOTE_3 "\xE2\x80\x94 second.example xmZ+bgAA\n"),
                          &request, &fail),
             WITNESS_UNSIGNED);
    CHECK(said("\"second.example\" (key c6667e6e) does not hold"));
    CHECK_EQ(
        witness_open(logs, STR("old 4\n\n" GOLDEN_TEXT_8 "\n" GOLDEN_COSIGNATURE), &request, &fail),
        WITNESS_UNSIGNED);
    /* The signature of size 8 under the text of size 3. */
    CHECK_EQ(witness_open(logs,
                          STR("old 4\n\n" GOLDEN_ORIGIN "\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+"
                              "gu1E244I=\n\n" GOLDEN_LINE_8),
                          &request, &fail),
             WITNESS_UNSIGNED);
    witness_logs_destroy(logs);
}

/* ---- judging ------------------------------------------------------------------------------- */

static struct witness_request request_of(struct golden_tree *tree, int64_t old, int64_t size)
{
    struct witness_request request = {
        .old = old,
        .checkpoint = { .origin = STR_INIT("a"), .size = size, .root = golden_root(tree, size) },
    };
    CHECK(tree_consistency(old, size, golden_read, tree, &request.proof) == ERR_OK);
    return request;
}

TEST(every_step_from_size_to_size_is_cosigned_and_its_twins_are_not)
{
    struct golden_tree tree;
    golden_tree_init(&tree, 40);
    for (int64_t old = 0; old <= 40; old++) {
        const struct witness_known before = { old, golden_root(&tree, old) };
        for (int64_t size = old; size <= 40; size++) {
            const struct witness_request good = request_of(&tree, old, size);
            struct witness_known known = before;
            CHECK_EQ(witness_judge(&good, &known, &fail), WITNESS_COSIGNS);
            CHECK(known.size == size && digest_eq(&known.root, &good.checkpoint.root));

            struct witness_request twin = good; /* another tree of that size */
            twin.checkpoint.root.bytes[31] ^= 1;
            known = before;
            CHECK_EQ(witness_judge(&twin, &known, &fail),
                     old == 0 && size > 0 ? WITNESS_COSIGNS : WITNESS_INCONSISTENT);

            twin = good; /* a line too many, which may not be there at size 0 either */
            twin.proof.hashes[twin.proof.count++] = before.root;
            known = before;
            CHECK_EQ(witness_judge(&twin, &known, &fail), WITNESS_INCONSISTENT);
            CHECK(known.size == old && digest_eq(&known.root, &before.root));

            if (good.proof.count > 0) {
                twin = good;
                twin.proof.count--;
                CHECK_EQ(witness_judge(&twin, &known, &fail), WITNESS_INCONSISTENT);
            }
        }
    }
    golden_tree_fini(&tree);
}

TEST(another_size_is_told_before_the_proof_is_looked_at)
{
    struct golden_tree tree;
    golden_tree_init(&tree, 9);
    struct witness_request request = request_of(&tree, 4, 9);
    for (int64_t size = 0; size <= 9; size++) {
        struct witness_known known = { size, golden_root(&tree, size) };
        CHECK_EQ(witness_judge(&request, &known, &fail),
                 size == 4 ? WITNESS_COSIGNS : WITNESS_ELSEWHERE);
        CHECK_EQ(known.size, size == 4 ? 9 : size);
    }
    request.proof.hashes[0].bytes[0] ^= 1;
    request.checkpoint.root.bytes[0] ^= 1;
    struct witness_known known = { 5, golden_root(&tree, 5) };
    CHECK_EQ(witness_judge(&request, &known, &fail), WITNESS_ELSEWHERE);
    CHECK(said("cosigned last is 5"));
    golden_tree_fini(&tree);
}

TEST(the_empty_tree_has_one_root)
{
    struct golden_tree tree;
    golden_tree_init(&tree, 1);
    struct witness_request request = request_of(&tree, 0, 0);
    struct witness_known known = witness_known_none();
    CHECK_EQ(witness_judge(&request, &known, &fail), WITNESS_COSIGNS);
    CHECK_EQ(known.size, 0);
    request.checkpoint.root = golden_leaf(0);
    CHECK_EQ(witness_judge(&request, &known, &fail), WITNESS_INCONSISTENT);
    CHECK(said("empty tree"));
    golden_tree_fini(&tree);
}
