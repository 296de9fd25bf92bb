#include "settle/manifest.h"

#include <string.h>

#include "pack_case.h"

static struct pack_case here;
static struct fail fail;
static struct sign_key *secret;
static struct note_key key;

static void begin(const char *origin)
{
    unsigned char seed[SIGN_SEED_BYTES];
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    CHECK(crypto_start(NULL) == ERR_OK);
    memset(seed, 3, sizeof(seed));
    CHECK_EQ(sign_key_from_seed(seed, &secret, NULL), ERR_OK);
    sign_public(secret, public_key);
    CHECK_EQ(note_key_make(str_from(origin), NOTE_ED25519, public_key, &key, NULL), ERR_OK);
}

TEST(the_lines_are_by_name_as_sha256sum_has_them)
{
    struct pack_writer *writer = NULL;
    struct manifest_line line = { .name = STR_EMPTY };
    struct buf lines;
    pack_case_begin(&here);
    CHECK_EQ(pack_create(str_from(here.path), &writer, &fail), ERR_OK);
    CHECK_EQ(pack_add(writer, STR("b"), STR("abc"), &fail), ERR_OK);
    CHECK_EQ(pack_add(writer, STR("a/z"), STR(""), &fail), ERR_OK);
    buf_init(&lines, MANIFEST_BYTES_MAX);
    CHECK_EQ(manifest_print(writer, &lines), ERR_OK);
    CHECK_STR(buf_str(&lines),
              STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a/z\n"
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n"));
    struct str rest = buf_str(&lines);
    CHECK_EQ(manifest_next(&rest, STR_EMPTY, &line, &fail), ERR_OK);
    CHECK_STR(line.name, STR("a/z"));
    CHECK_EQ(manifest_next(&rest, line.name, &line, &fail), ERR_OK);
    CHECK_STR(line.name, STR("b"));
    CHECK_EQ(rest.len, 0);
    pack_writer_close(writer);
    buf_fini(&lines);
    pack_case_end(&here);
}

TEST(a_line_that_is_none_is_refused)
{
#define SUM "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    static const char *const bad[] = {
        SUM "  b",
        SUM " b\n",
        SUM "  \n",
        SUM "  ../b\n",
        SUM "  a\n",
        SUM "  a b\n",
        "\n",
        "e3b0  b\n",
        "x" SUM "  b\n",
        SUM " *b\n",
        "E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n",
    };
    struct manifest_line line;
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct str rest = str_from(bad[i]);
        CHECK_EQ(manifest_next(&rest, STR("a"), &line, &fail), ERR_PACK_INVALID);
    }
    struct str good = STR(SUM "  b\n");
    CHECK_EQ(manifest_next(&good, STR("a"), &line, &fail), ERR_OK);
#undef SUM
}

TEST(the_note_is_signed_and_read_again_under_that_key_alone)
{
    begin("entrepot.example/receipts");
    struct manifest_head head = {
        .origin = STR("entrepot.example/receipts"),
        .client = STR("cli_1"),
        .from = STR("2026-11-01T00:00:00.000Z"),
        .until = STR("2026-12-01T00:00:00.000Z"),
        .sum = digest_sha256(STR("lines")),
        .files = 12,
    };
    struct manifest_head again;
    struct buf note;
    buf_init(&note, NOTE_BYTES_MAX);
    CHECK_EQ(manifest_sign(&head, &key, secret, &note), ERR_OK);
    CHECK_EQ(manifest_open(buf_str(&note), &key, &again, &fail), ERR_OK);
    CHECK_STR(again.client, head.client);
    CHECK_STR(again.from, head.from);
    CHECK_STR(again.until, head.until);
    CHECK_STR(again.origin, head.origin);
    CHECK(digest_eq(&again.sum, &head.sum));
    CHECK_EQ(again.files, 12);
    for (size_t i = 0; i < note.len; i++) {
        note.ptr[i] ^= 1;
        CHECK(manifest_open(buf_str(&note), &key, &again, &fail) != ERR_OK);
        note.ptr[i] ^= 1;
    }
    key.id ^= 1;
    CHECK_EQ(manifest_open(buf_str(&note), &key, &again, &fail), ERR_NOTE_FORGED);
    buf_fini(&note);
    sign_key_destroy(secret);
}

/* The key signs checkpoints, too: one is no manifest. */
TEST(a_checkpoint_is_no_manifest)
{
    struct manifest_head again;
    struct buf note;
    begin("entrepot.example/receipts");
    buf_init(&note, NOTE_BYTES_MAX);
    struct str text = STR("entrepot.example/receipts\n1\n"
                          "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
    CHECK_EQ(buf_append(&note, text), ERR_OK);
    CHECK_EQ(buf_byte(&note, '\n'), ERR_OK);
    CHECK_EQ(note_sign(text, &key, secret, 0, &note), ERR_OK);
    CHECK_EQ(manifest_open(buf_str(&note), &key, &again, &fail), ERR_NOTE_INVALID);
    CHECK_EQ(manifest_open(STR("no note"), &key, &again, &fail), ERR_NOTE_INVALID);
    buf_fini(&note);
    sign_key_destroy(secret);
}
