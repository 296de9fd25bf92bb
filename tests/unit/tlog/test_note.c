#include "tlog/note.h"

#include "golden.h"

#define EXAMPLE_VKEY "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define EXAMPLE_NOTE                                                                          \
    "This is an example message.\n\n\xE2\x80\x94 example.com/foo "                            \
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72Ine" \
    "yaQM=\n"
#define LINE "\xE2\x80\x94 a AAAAAAA=\n" /* of nobody known: four bytes of id, one of signature */

static void check_vkey(const struct note_key *key, const char *vkey)
{
    struct buf out;
    buf_init(&out, NOTE_VKEY_MAX);
    CHECK(note_key_print(key, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), str_from(vkey));
    buf_fini(&out);
}

TEST(golden_keys)
{
    struct sign_key *log = golden_secret(0);
    struct sign_key *witness = golden_secret(0x20);
    struct note_key key = golden_key(log, GOLDEN_ORIGIN, NOTE_ED25519);
    struct note_key read;
    check_vkey(&key, GOLDEN_VKEY);
    CHECK(note_key_parse(test_at_page_end(STR(GOLDEN_VKEY)), &read, NULL) == ERR_OK);
    CHECK(read.id == 0x5e4e5d4b && read.algorithm == NOTE_ED25519);
    CHECK_STR(str_from(read.name), STR(GOLDEN_ORIGIN));
    CHECK(note_key_same(&key, &read));
    struct note_key cosigner = golden_key(witness, "witness.example/w1", NOTE_COSIGNATURE);
    check_vkey(&cosigner, GOLDEN_WITNESS_VKEY);
    CHECK(!note_key_same(&key, &cosigner));
    /* Another algorithm is another key's id, and still the same public key. */
    cosigner = golden_key(log, GOLDEN_ORIGIN, NOTE_COSIGNATURE);
    CHECK(cosigner.id != key.id);
    CHECK(note_key_same(&key, &cosigner));
    sign_key_destroy(log);
    sign_key_destroy(witness);
}

TEST(the_example_of_the_specification_holds)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    struct note_key key;
    struct note note;
    int64_t time_s = 1;
    CHECK(note_key_parse(STR(EXAMPLE_VKEY), &key, NULL) == ERR_OK);
    CHECK_EQ(key.id, 0x530d903a);
    CHECK(note_parse(test_at_page_end(STR(EXAMPLE_NOTE)), &note, NULL) == ERR_OK);
    CHECK_STR(note.text, STR("This is an example message.\n"));
    CHECK(note_check(&note, &key, &time_s) == NOTE_SIGNED);
    CHECK_EQ(time_s, 0);
    check_vkey(&key, EXAMPLE_VKEY);
}

TEST(names_of_keys)
{
    static const char *const good[] = { "a", "entrepot.example/receipts", "\xE2\x82\xAC.example",
                                        "\xE6\x97\xA5\xE6\x9C\xAC", "\xE2\x80\x8B" };
    static const char *const bad[] = { "",
                                       "a b",
                                       " a",
                                       "a+b",
                                       "a\tb",
                                       "a\nb",
                                       "a\x1F",
                                       "a\xC2\x85",
                                       "a\xC2\xA0",
                                       "a\xE1\x9A\x80",
                                       "a\xE2\x80\x80",
                                       "a\xE2\x80\x8Az",
                                       "a\xE2\x80\xA8",
                                       "a\xE2\x80\xA9",
                                       "a\xE2\x80\xAF",
                                       "a\xE2\x81\x9F",
                                       "\xE3\x80\x80",
                                       "a\xFF",
                                       "a\xE2\x80",
                                       "\xC0\x80" };
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        CHECK(note_name_valid(test_at_page_end(str_from(good[i]))));
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK(!note_name_valid(test_at_page_end(str_from(bad[i]))));
    }
    CHECK(!note_name_valid((struct str){ "a\0b", 3 }));
    char name[NOTE_NAME_MAX + 1];
    memset(name, 'a', sizeof(name));
    CHECK(note_name_valid((struct str){ name, NOTE_NAME_MAX }));
    CHECK(!note_name_valid((struct str){ name, NOTE_NAME_MAX + 1 }));
}

TEST(bad_keys_are_refused_with_the_reason)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    static const struct {
        const char *vkey;
        const char *why;
    } bad[] = {
        { "", "NAME+ID+KEY" },
        { "example.com/foo", "NAME+ID+KEY" },
        { "example.com/foo+530d903a", "NAME+ID+KEY" },
        { "example.com/foo+530d903a+", "NAME+ID+KEY" },
        { "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "no name" },
        { "example.com foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "no name" },
        { "example.com/fooo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "id" },
        { "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "id" },
        { "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "id" },
        { "example.com/foo+530d903+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "id" },
        { "example.com/foo++AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "id" },
        { "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
          "algorithm 0x02" },
        { "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U0=", "31 bytes" },
        { "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2kAA==", "33 bytes" },
        { "example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "not 1312" },
        { "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k=", "base64" },
        { "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k ", "base64" },
        { "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2*", "base64" },
        { "example.com/foo+530d903a+====", "base64" },
        { "example.com/foo+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          "anybody can sign" },
    };
    struct note_key key;
    struct fail fail;
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct str vkey = test_at_page_end(str_from(bad[i].vkey));
        CHECK(note_key_parse(vkey, &key, &fail) == ERR_NOTE_INVALID);
        if (strstr(fail.text, bad[i].why) == NULL) {
            test_failed(EP_SITE, "\"%s\" does not say \"%s\"", fail.text, bad[i].why);
        }
    }
    const unsigned char weak[SIGN_PUBLIC_BYTES] = { 1 };
    CHECK(note_key_make(STR("a"), NOTE_ED25519, weak, &key, &fail) == ERR_NOTE_INVALID);
    CHECK(note_key_make(STR("a b"), NOTE_ED25519, weak, &key, &fail) == ERR_NOTE_INVALID);
}

TEST(an_ml_dsa_key_is_read_and_shown_and_its_signatures_ignored)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    unsigned char blob[1 + NOTE_PUBLIC_MAX] = { NOTE_ML_DSA_44 };
    for (size_t i = 1; i < sizeof(blob); i++) {
        blob[i] = (unsigned char)(i * 7);
    }
    const struct str parts[] = { STR("pq.example\n"), { (const char *)blob, sizeof(blob) } };
    struct digest digest = digest_sha256_parts(parts, 2);
    struct buf vkey;
    buf_init(&vkey, NOTE_VKEY_MAX);
    CHECK(buf_printf(&vkey, "pq.example+%02x%02x%02x%02x+", digest.bytes[0], digest.bytes[1],
                     digest.bytes[2], digest.bytes[3]) == ERR_OK);
    CHECK(enc_base64(&vkey, blob, sizeof(blob)) == ERR_OK);
    struct note_key key;
    CHECK(note_key_parse(buf_str(&vkey), &key, NULL) == ERR_OK);
    CHECK(key.algorithm == NOTE_ML_DSA_44);
    struct buf again;
    buf_init(&again, NOTE_VKEY_MAX);
    CHECK(note_key_print(&key, &again) == ERR_OK);
    CHECK_STR(buf_str(&again), buf_str(&vkey));

    /* A signature of its length beside one that holds. */
    unsigned char signature[4 + 8 + 2420];
    memset(signature, 5, sizeof(signature));
    for (size_t i = 0; i < 4; i++) {
        signature[i] = digest.bytes[i];
    }
    struct buf text;
    buf_init(&text, NOTE_BYTES_MAX);
    CHECK(buf_append(&text, STR(EXAMPLE_NOTE "\xE2\x80\x94 pq.example ")) == ERR_OK);
    CHECK(enc_base64(&text, signature, sizeof(signature)) == ERR_OK);
    CHECK(buf_byte(&text, '\n') == ERR_OK);
    struct note note;
    CHECK(note_parse(buf_str(&text), &note, NULL) == ERR_OK);
    CHECK(note_check(&note, &key, NULL) == NOTE_UNSIGNED);
    CHECK(note_key_parse(STR(EXAMPLE_VKEY), &key, NULL) == ERR_OK);
    CHECK(note_check(&note, &key, NULL) == NOTE_SIGNED);
    buf_fini(&text);
    buf_fini(&again);
    buf_fini(&vkey);
}

TEST(the_last_empty_line_ends_the_text)
{
    struct note note;
    CHECK(note_parse(STR("a\n\nb\n\n" LINE), &note, NULL) == ERR_OK);
    CHECK_STR(note.text, STR("a\n\nb\n"));
    CHECK_STR(note.signatures, STR(LINE));
    CHECK(note_parse(STR("a\n\n\n" LINE LINE), &note, NULL) == ERR_OK);
    CHECK_STR(note.text, STR("a\n\n"));
    CHECK(note_parse(STR("\n\n" LINE), &note, NULL) == ERR_OK);
    CHECK_STR(note.text, STR("\n"));
}

TEST(forms_that_are_not_exact_are_refused)
{
    static const struct {
        const char *bytes;
        const char *why;
    } bad[] = {
        { "", "line feed" },
        { "a", "line feed" },
        { "a\n", "no empty line" },
        { "\n", "no empty line" },
        { "a\n" LINE, "no empty line" },
        { "\n" LINE, "no empty line" },
        { "a\n\n", "no signature" },
        { "a\n\n" LINE "b", "line feed" },
        { "a\n\n" LINE "\n", "no signature" }, /* an empty line more: another text */
        { "a\n\n" LINE "b\n", "signature 2" },
        { "a\n\nb\n", "signature 1" },
        { "a\n\n- a AAAAAAA=\n", "signature 1" },
        { "a\n\n\xE2\x80\x93 a AAAAAAA=\n", "signature 1" }, /* another dash */
        { "a\n\n\xE2\x80\x94"
          "a AAAAAAA=\n",
          "signature 1" },
        { "a\n\n\xE2\x80\x94  a AAAAAAA=\n", "signature 1" },
        { "a\n\n\xE2\x80\x94 a  AAAAAAA=\n", "signature 1" },
        { "a\n\n\xE2\x80\x94 a AAAAAAA= \n", "signature 1" },
        { "a\n\n\xE2\x80\x94 a\n", "signature 1" },
        { "a\n\n\xE2\x80\x94 a \n", "signature 1" },
        { "a\n\n\xE2\x80\x94 a+b AAAAAAA=\n", "signature 1" },
        { "a\n\n\xE2\x80\x94 a\xC2\xA0 AAAAAAA=\n", "signature 1" },
        { "a\n\n\xE2\x80\x94  AAAAAAA=\n", "signature 1" },
        { "a\n\n\xE2\x80\x94 a AAAAAAB=\n", "signature 1" }, /* unused bits */
        { "a\n\n\xE2\x80\x94 a AAAAAAA\n", "signature 1" },
        { "a\n\n\xE2\x80\x94 a AAAAAAA-\n", "signature 1" },
        { "a\n\n\xE2\x80\x94 a AAAAAA==\n", "signature 1" }, /* an id and nothing else */
        { "a\n\n\xE2\x80\x94 a AAAA\n", "signature 1" },
        { "a\r\n\n" LINE, "control character" },
        { "a\tb\n\n" LINE, "control character" },
        { "a\x1F\n\n" LINE, "control character" },
        { "a\xFF\n\n" LINE, "not UTF-8 from byte 1" },
        { "\xED\xA0\x80\n\n" LINE, "not UTF-8 from byte 0" },
    };
    struct note note;
    struct fail fail;
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct str bytes = test_at_page_end(str_from(bad[i].bytes));
        if (note_parse(bytes, &note, &fail) != ERR_NOTE_INVALID ||
            strstr(fail.text, bad[i].why) == NULL) {
            test_failed(EP_SITE, "case %zu: \"%s\", not \"%s\"", i, fail.text, bad[i].why);
        }
    }
    CHECK(note_parse((struct str){ "a\0b\n\n" LINE, 5 + sizeof(LINE) - 1 }, &note, &fail) ==
          ERR_NOTE_INVALID);
}

TEST(signatures_have_limits)
{
    struct buf bytes;
    struct note note;
    struct fail fail;
    buf_init(&bytes, (size_t)2 * NOTE_BYTES_MAX);
    CHECK(buf_append(&bytes, STR("a\n\n")) == ERR_OK);
    for (int i = 0; i < NOTE_SIGNATURES_MAX; i++) {
        CHECK(buf_append(&bytes, STR(LINE)) == ERR_OK);
    }
    CHECK(note_parse(buf_str(&bytes), &note, &fail) == ERR_OK);
    struct str rest = note.signatures;
    struct note_line line;
    int count = 0;
    while (note_next_line(&rest, &line)) {
        CHECK_STR(line.line, STR(LINE));
        CHECK_STR(line.name, STR("a"));
        count++;
    }
    CHECK_EQ(count, NOTE_SIGNATURES_MAX);
    CHECK_EQ(rest.len, 0);
    CHECK(buf_append(&bytes, STR(LINE)) == ERR_OK);
    CHECK(note_parse(buf_str(&bytes), &note, &fail) == ERR_NOTE_INVALID);
    CHECK(strstr(fail.text, "more than 100") != NULL);

    /* A signature of the largest size, and one of a byte more. */
    char *signature = mem_zalloc(4 + NOTE_SIGNATURE_MAX + 1);
    CHECK(signature != NULL);
    for (size_t more = 0; more < 2; more++) {
        buf_reset(&bytes);
        CHECK(buf_append(&bytes, STR("a\n\n\xE2\x80\x94 a ")) == ERR_OK);
        CHECK(enc_base64(&bytes, signature, 4 + NOTE_SIGNATURE_MAX + more) == ERR_OK);
        CHECK(buf_byte(&bytes, '\n') == ERR_OK);
        CHECK(note_parse(buf_str(&bytes), &note, &fail) == (more ? ERR_NOTE_INVALID : ERR_OK));
    }
    mem_free(signature);

    buf_reset(&bytes);
    for (size_t i = 0; i < NOTE_BYTES_MAX; i++) {
        CHECK(buf_byte(&bytes, 'a') == ERR_OK);
    }
    CHECK(buf_append(&bytes, STR("\n\n" LINE)) == ERR_OK);
    CHECK(note_parse(buf_str(&bytes), &note, &fail) == ERR_NOTE_INVALID);
    CHECK(strstr(fail.text, "at most 65536") != NULL);
    buf_fini(&bytes);
}

static void put_signed(struct buf *out, struct str text, const char *lines)
{
    buf_reset(out);
    CHECK(buf_append(out, text) == ERR_OK);
    CHECK(buf_byte(out, '\n') == ERR_OK);
    CHECK(buf_append(out, str_from(lines)) == ERR_OK);
}

TEST(only_lines_of_the_key_count_and_all_of_them_must_hold)
{
    struct sign_key *secret = golden_secret(0);
    struct note_key key = golden_key(secret, "a.example", NOTE_ED25519);
    struct note_key same_name = golden_key(secret, "a.example", NOTE_COSIGNATURE);
    struct buf good;
    struct buf bytes;
    struct note note;
    buf_init(&good, 1024);
    buf_init(&bytes, 4096);
    CHECK(note_sign(STR("text\n"), &key, secret, 0, &good) == ERR_OK);
    CHECK(buf_byte(&good, 0) == ERR_OK);

    put_signed(&bytes, STR("text\n"), good.ptr);
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == ERR_OK);
    CHECK(note_check(&note, &key, NULL) == NOTE_SIGNED);
    CHECK(note_check(&note, &same_name, NULL) == NOTE_UNSIGNED);

    put_signed(&bytes, STR("text\n"), LINE);
    CHECK(buf_append(&bytes, str_from(good.ptr)) == ERR_OK);
    CHECK(buf_append(&bytes, str_from(good.ptr)) == ERR_OK); /* twice the same */
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == ERR_OK);
    CHECK(note_check(&note, &key, NULL) == NOTE_SIGNED);

    /* The same line over another text; and after a line that holds. */
    put_signed(&bytes, STR("another text\n"), good.ptr);
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == ERR_OK);
    CHECK(note_check(&note, &key, NULL) == NOTE_FORGED);
    struct buf forged;
    buf_init(&forged, 1024);
    CHECK(note_sign(STR("else\n"), &key, secret, 0, &forged) == ERR_OK);
    put_signed(&bytes, STR("text\n"), good.ptr);
    CHECK(buf_append(&bytes, buf_str(&forged)) == ERR_OK);
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == ERR_OK);
    CHECK(note_check(&note, &key, NULL) == NOTE_FORGED);

    /* A line of the key's name and id of another length. */
    buf_reset(&forged);
    const unsigned char blob[] = { (unsigned char)(key.id >> 24), (unsigned char)(key.id >> 16),
                                   (unsigned char)(key.id >> 8), (unsigned char)key.id, 9 };
    CHECK(buf_append(&forged, STR("text\n\n\xE2\x80\x94 a.example ")) == ERR_OK);
    CHECK(enc_base64(&forged, blob, sizeof(blob)) == ERR_OK);
    CHECK(buf_byte(&forged, '\n') == ERR_OK);
    CHECK(note_parse(buf_str(&forged), &note, NULL) == ERR_OK);
    CHECK(note_check(&note, &key, NULL) == NOTE_FORGED);
    buf_fini(&forged);
    buf_fini(&bytes);
    buf_fini(&good);
    sign_key_destroy(secret);
}

TEST(a_cosignature_is_of_its_time)
{
    struct sign_key *secret = golden_secret(0x20);
    struct note_key key = golden_key(secret, "w.example", NOTE_COSIGNATURE);
    struct str text = STR("a.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
    struct buf bytes;
    struct note note;
    int64_t time_s = 0;
    buf_init(&bytes, 4096);
    put_signed(&bytes, text, "");
    CHECK(note_sign(text, &key, secret, INT64_MAX, &bytes) == ERR_OK);
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == ERR_OK);
    CHECK(note_check(&note, &key, &time_s) == NOTE_SIGNED);
    CHECK_EQ(time_s, INT64_MAX);

    /* Each bit of its 76 bytes. */
    struct note_line line;
    struct str rest = note.signatures;
    CHECK(note_next_line(&rest, &line));
    size_t from = (size_t)(note.signatures.ptr - bytes.ptr) + sizeof("\xE2\x80\x94 w.example ") - 1;
    struct buf blob;
    buf_init(&blob, 128);
    CHECK(enc_base64_read(&blob, str_slice(buf_str(&bytes), from, bytes.len - 1)));
    CHECK_EQ(blob.len, 76);
    for (size_t bit = 0; bit < 8 * blob.len; bit++) {
        blob.ptr[bit / 8] = (char)(blob.ptr[bit / 8] ^ (char)(1U << bit % 8));
        bytes.len = from;
        CHECK(enc_base64(&bytes, blob.ptr, blob.len) == ERR_OK);
        CHECK(buf_byte(&bytes, '\n') == ERR_OK);
        blob.ptr[bit / 8] = (char)(blob.ptr[bit / 8] ^ (char)(1U << bit % 8));
        CHECK(note_parse(buf_str(&bytes), &note, NULL) == ERR_OK);
        CHECK(note_check(&note, &key, &time_s) == (bit < 32 ? NOTE_UNSIGNED : NOTE_FORGED));
    }
    CHECK_EQ(time_s, INT64_MAX);
    buf_fini(&blob);

    /* The last of two: a witness may have been asked twice. */
    put_signed(&bytes, text, "");
    CHECK(note_sign(text, &key, secret, 17, &bytes) == ERR_OK);
    CHECK(note_sign(text, &key, secret, 18, &bytes) == ERR_OK);
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == ERR_OK);
    CHECK(note_check(&note, &key, &time_s) == NOTE_SIGNED);
    CHECK_EQ(time_s, 18);
    buf_fini(&bytes);
    sign_key_destroy(secret);
}

TEST(a_text_that_is_no_checkpoint_is_not_cosigned)
{
    struct sign_key *secret = golden_secret(0x20);
    struct note_key key = golden_key(secret, "w.example", NOTE_COSIGNATURE);
    struct buf text;
    struct buf bytes;
    buf_init(&text, 8192);
    buf_init(&bytes, 16384);
    for (size_t i = 1; i < NOTE_COSIGNED_MAX; i++) {
        CHECK(buf_byte(&text, 'a') == ERR_OK);
    }
    CHECK(buf_byte(&text, '\n') == ERR_OK);
    put_signed(&bytes, buf_str(&text), "");
    CHECK(note_sign(buf_str(&text), &key, secret, 17, &bytes) == ERR_OK);
    struct note note;
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == ERR_OK);
    CHECK(note_check(&note, &key, NULL) == NOTE_SIGNED);
    CHECK(buf_byte(&text, '\n') == ERR_OK);
    size_t len = bytes.len;
    CHECK(note_sign(buf_str(&text), &key, secret, 17, &bytes) == ERR_LIMIT);
    CHECK_EQ(bytes.len, len);
    /* Another's line over a longer text than any checkpoint is none that holds. */
    struct str lines = note.signatures;
    struct buf longer;
    buf_init(&longer, 16384);
    CHECK(buf_append(&longer, buf_str(&text)) == ERR_OK);
    CHECK(buf_byte(&longer, '\n') == ERR_OK);
    CHECK(buf_append(&longer, lines) == ERR_OK);
    CHECK(note_parse(buf_str(&longer), &note, NULL) == ERR_OK);
    CHECK(note_check(&note, &key, NULL) == NOTE_FORGED);
    buf_fini(&longer);
    buf_fini(&bytes);
    buf_fini(&text);
    sign_key_destroy(secret);
}

TEST(a_line_that_is_none_ends_the_walk_with_something_left)
{
    struct str rest = STR(LINE "no line\n");
    struct note_line line;
    CHECK(note_next_line(&rest, &line));
    CHECK(!note_next_line(&rest, &line));
    CHECK_STR(rest, STR("no line\n"));
    rest = STR("\xE2\x80\x94 a AAAAAAA="); /* cut */
    CHECK(!note_next_line(&rest, &line));
    CHECK(rest.len > 0);
}
