#include "tlog/checkpoint.h"

#include "golden.h"

static struct digest golden_root_3(void)
{
    struct tree_edge edge = { .size = 0 };
    for (int64_t i = 0; i < 3; i++) {
        struct digest leaf = golden_leaf(i);
        tree_edge_add(&edge, &leaf);
    }
    return tree_edge_root(&edge);
}

TEST(the_golden_checkpoint_is_written_and_read)
{
    struct sign_key *log = golden_secret(0);
    struct sign_key *witness = golden_secret(0x20);
    struct note_key key = golden_key(log, GOLDEN_ORIGIN, NOTE_ED25519);
    struct note_key witness_key = golden_key(witness, "witness.example/w1", NOTE_COSIGNATURE);
    struct buf out;
    buf_init(&out, 1024);
    const struct checkpoint made = { STR(GOLDEN_ORIGIN), 3, golden_root_3() };
    CHECK(checkpoint_print(&made, &out) == ERR_OK);
    struct buf text;
    buf_init(&text, 1024);
    CHECK(buf_append(&text, buf_str(&out)) == ERR_OK);
    CHECK(buf_byte(&out, '\n') == ERR_OK);
    CHECK(note_sign(buf_str(&text), &key, log, 0, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), STR(GOLDEN_NOTE_3));
    CHECK(note_sign(buf_str(&text), &witness_key, witness, 1700000000, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), STR(GOLDEN_NOTE_3 GOLDEN_COSIGNATURE));
    CHECK_EQ(out.len, 325);
    struct digest digest = digest_sha256(buf_str(&out));
    struct buf hex;
    buf_init(&hex, 64);
    CHECK(enc_hex(&hex, digest.bytes, DIGEST_BYTES) == ERR_OK);
    CHECK_STR(buf_str(&hex),
              STR("4b408507bbc22c68e1bf409e77d3e094e5cc8d30a775c4c10a54e2a085d73665"));

    struct checkpoint read;
    struct note note;
    int64_t time_s = 0;
    CHECK(checkpoint_open(buf_str(&out), &key, &read, &note, NULL) == ERR_OK);
    CHECK_STR(read.origin, STR(GOLDEN_ORIGIN));
    CHECK_EQ(read.size, 3);
    CHECK(digest_eq(&read.root, &made.root));
    CHECK(note_check(&note, &witness_key, &time_s) == NOTE_SIGNED);
    CHECK_EQ(time_s, 1700000000);
    buf_fini(&hex);
    buf_fini(&text);
    buf_fini(&out);
    sign_key_destroy(log);
    sign_key_destroy(witness);
}

TEST(a_form_that_is_not_exact_is_refused)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        { "", "line feed" },
        { "\n", "three lines" },
        { "a\n", "three lines" },
        { "a\n3\n", "three lines" },
        { "a\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=", "line feed" },
        { "\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n", "origin" },
        { "a\n03\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n", "size" },
        { "a\n\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n", "size" },
        { "a\n-3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n", "size" },
        { "a\n+3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n", "size" },
        { "a\n3 \nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n", "size" },
        { "a\n4611686018427387905\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n", "size" },
        { "a\n18446744073709551619\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n", "size" },
        { "a\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244J=\n", "root" },
        { "a\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I\n", "root" },
        { "a\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E2\n", "root" },
        { "a\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\r\n", "root" },
        { "a\n3\n\n", "root" },
        { "a\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\nmore\n", "behind its root" },
        { "a\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n\n", "behind its root" },
    };
    struct checkpoint checkpoint;
    struct fail fail;
    CHECK(checkpoint_parse(STR("a b+c\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n"),
                           &checkpoint, &fail) == ERR_OK); /* any origin is one */
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct str text = test_at_page_end(str_from(bad[i].text));
        CHECK(checkpoint_parse(text, &checkpoint, &fail) == ERR_NOTE_INVALID);
        struct str said = str_from(fail.text);
        CHECK(str_search(said, str_from(bad[i].why)) < said.len);
    }
    struct buf longer;
    buf_init(&longer, 2048);
    for (size_t i = 0; i < CHECKPOINT_TEXT_MAX; i++) {
        CHECK(buf_byte(&longer, 'a') == ERR_OK);
    }
    CHECK(buf_append(&longer, STR("\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n")) ==
          ERR_OK);
    CHECK(checkpoint_parse(buf_str(&longer), &checkpoint, &fail) == ERR_NOTE_INVALID);
    buf_fini(&longer);
}

TEST(a_checkpoint_of_another_log_or_hand_is_no_checkpoint)
{
    struct sign_key *log = golden_secret(0);
    struct sign_key *other = golden_secret(1);
    struct note_key key = golden_key(log, GOLDEN_ORIGIN, NOTE_ED25519);
    struct note_key other_key = golden_key(other, GOLDEN_ORIGIN, NOTE_ED25519);
    struct note_key elsewhere = golden_key(log, "rival.example/receipts", NOTE_ED25519);
    struct checkpoint checkpoint;
    struct note note;
    struct fail fail;
    struct str good = STR(GOLDEN_NOTE_3);
    CHECK(checkpoint_open(good, &key, &checkpoint, &note, &fail) == ERR_OK);
    CHECK(checkpoint_open(good, &other_key, &checkpoint, &note, &fail) == ERR_NOTE_FORGED);
    CHECK(str_search(str_from(fail.text), STR("no signature")) < strlen(fail.text));
    CHECK(checkpoint_open(good, &elsewhere, &checkpoint, &note, &fail) == ERR_NOTE_FORGED);
    CHECK(str_search(str_from(fail.text), STR("rival.example")) < strlen(fail.text));

    /* Every bit of every byte is under the signature, or a part of its form. */
    char bytes[sizeof(GOLDEN_NOTE_3)];
    for (size_t i = 0; i < good.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(bytes, good.ptr, good.len);
            bytes[i] = (char)(bytes[i] ^ (char)(1U << bit));
            enum err err =
                checkpoint_open((struct str){ bytes, good.len }, &key, &checkpoint, &note, &fail);
            CHECK(err == ERR_NOTE_INVALID || err == ERR_NOTE_FORGED);
        }
    }
    for (size_t cut = 0; cut < good.len; cut++) {
        struct str part = test_at_page_end(str_slice(good, 0, cut));
        CHECK(checkpoint_open(part, &key, &checkpoint, &note, &fail) == ERR_NOTE_INVALID);
    }
    sign_key_destroy(log);
    sign_key_destroy(other);
}

TEST(extension_lines_are_refused_even_when_signed)
{
    struct sign_key *log = golden_secret(0);
    struct note_key key = golden_key(log, GOLDEN_ORIGIN, NOTE_ED25519);
    struct str text =
        STR(GOLDEN_ORIGIN "\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\nmore\n");
    struct buf out;
    buf_init(&out, 1024);
    CHECK(buf_append(&out, text) == ERR_OK);
    CHECK(buf_byte(&out, '\n') == ERR_OK);
    CHECK(note_sign(text, &key, log, 0, &out) == ERR_OK);
    struct checkpoint checkpoint;
    struct note note;
    CHECK(checkpoint_open(buf_str(&out), &key, &checkpoint, &note, NULL) == ERR_NOTE_INVALID);
    buf_fini(&out);
    sign_key_destroy(log);
}

TEST(a_checkpoint_of_any_log_may_be_extended)
{
#define THREE_LINES "a b\n3\nY9mvH0fsEvmG+85wY317KUdBSSqozxwifX+gu1E244I=\n"
    static const char *const good[] = { THREE_LINES, THREE_LINES "more\n",
                                        THREE_LINES "more\n \n\xE2\x80\x94 x\n" };
    static const char *const bad[] = { "",
                                       "a b\n3\n",
                                       THREE_LINES "\n",
                                       THREE_LINES "more\n\n",
                                       THREE_LINES "\nmore\n",
                                       THREE_LINES "more" };
    struct checkpoint checkpoint;
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        struct str text = test_at_page_end(str_from(good[i]));
        CHECK(checkpoint_parse_extended(text, &checkpoint, NULL) == ERR_OK);
        CHECK_STR(checkpoint.origin, STR("a b"));
        CHECK_EQ(checkpoint.size, 3);
        CHECK((checkpoint_parse(text, &checkpoint, NULL) == ERR_OK) == (i == 0));
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct str text = test_at_page_end(str_from(bad[i]));
        CHECK(checkpoint_parse_extended(text, &checkpoint, NULL) == ERR_NOTE_INVALID);
    }
#undef THREE_LINES
}
