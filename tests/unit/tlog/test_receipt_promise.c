#include "tlog/receipt_promise.h"

#include <string.h>

#include "golden.h"

static struct sign_key *secret;
static struct note_key key;
static struct buf note;
static struct fail fail;

static struct receipt_promise good_promise(void)
{
    return (struct receipt_promise){
        .origin = STR(GOLDEN_ORIGIN),
        .leaf = 7,
        .leaf_hash = golden_leaf(7),
        .by_s = 1764000012,
    };
}

static void start(void)
{
    secret = golden_secret(0);
    key = golden_key(secret, GOLDEN_ORIGIN, NOTE_ED25519);
    const struct receipt_promise promise = good_promise();
    buf_init(&note, NOTE_BYTES_MAX);
    CHECK(receipt_promise_sign(&promise, &key, secret, &note) == ERR_OK);
}

static void stop(void)
{
    buf_fini(&note);
    sign_key_destroy(secret);
}

TEST(a_promise_is_written_and_read)
{
    start();
    struct receipt_promise promise;
    struct str text = STR("entrepot-receipt/v1\n" GOLDEN_ORIGIN
                          "\n7\nAu5kufcSJaJoUiHElEI8P6qPqK80uoZpIlN+yWJvR2A=\n1764000012\n\n"
                          "\xE2\x80\x94 " GOLDEN_ORIGIN " ");
    CHECK_STR(str_slice(buf_str(&note), 0, text.len), text);
    CHECK(receipt_promise_open(test_at_page_end(buf_str(&note)), &key, &promise, &fail) == ERR_OK);
    CHECK_STR(promise.origin, STR(GOLDEN_ORIGIN));
    CHECK_EQ(promise.leaf, 7);
    CHECK_EQ(promise.by_s, 1764000012);
    struct digest hash = golden_leaf(7);
    CHECK(digest_eq(&promise.leaf_hash, &hash));
    stop();
}

TEST(a_promise_under_another_key_or_of_another_log_is_forged)
{
    start();
    struct receipt_promise promise;
    struct sign_key *other = golden_secret(9);
    struct note_key same_name = golden_key(other, GOLDEN_ORIGIN, NOTE_ED25519);
    struct note_key rival = golden_key(secret, "rival.example/receipts", NOTE_ED25519);
    CHECK(receipt_promise_open(buf_str(&note), &same_name, &promise, &fail) == ERR_NOTE_FORGED);
    CHECK(strstr(fail.text, "no signature") != NULL);
    CHECK(receipt_promise_open(buf_str(&note), &rival, &promise, &fail) == ERR_NOTE_FORGED);
    CHECK(strstr(fail.text, "it is of the log") != NULL);
    sign_key_destroy(other);
    stop();
}

TEST(each_byte_of_a_promise_counts)
{
    start();
    struct receipt_promise promise;
    struct str all = buf_str(&note);
    for (size_t i = 0; i < all.len; i++) {
        note.ptr[i] ^= 1;
        CHECK(receipt_promise_open(all, &key, &promise, NULL) != ERR_OK);
        note.ptr[i] ^= 1;
        CHECK(receipt_promise_open(test_at_page_end(str_slice(all, 0, i)), &key, &promise, NULL) !=
              ERR_OK);
    }
    stop();
}

TEST(a_text_of_another_form_is_no_promise)
{
#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    static const struct {
        const char *text;
        const char *what;
    } bad[] = {
        { "", "first line" },
        { "entrepot-receipt/v2\nlog\n1\n" HASH "\n1\n", "first line" },
        { "entrepot-receipt/v1\nlog\n1\n" HASH "\n1", "first line" },
        { GOLDEN_ORIGIN "\n1\n" HASH "\n", "first line" }, /* a checkpoint */
        { "entrepot-receipt/v1\n\n1\n" HASH "\n1\n", "second line" },
        { "entrepot-receipt/v1\na+b\n1\n" HASH "\n1\n", "second line" },
        { "entrepot-receipt/v1\nlog\n\n" HASH "\n1\n", "third line" },
        { "entrepot-receipt/v1\nlog\n01\n" HASH "\n1\n", "third line" },
        { "entrepot-receipt/v1\nlog\n-1\n" HASH "\n1\n", "third line" },
        { "entrepot-receipt/v1\nlog\n4611686018427387904\n" HASH "\n1\n", "third line" },
        { "entrepot-receipt/v1\nlog\n1\nAAAA\n1\n", "fourth line" },
        { "entrepot-receipt/v1\nlog\n1\n" HASH "\n+1\n", "fifth line" },
        { "entrepot-receipt/v1\nlog\n1\n" HASH "\n99999999999999999999\n", "fifth line" },
        { "entrepot-receipt/v1\nlog\n1\n" HASH "\n1\n\n", "more than five" },
    };
    struct receipt_promise promise;
    CHECK(receipt_promise_parse(STR("entrepot-receipt/v1\nlog\n0\n" HASH "\n0\n"), &promise,
                                &fail) == ERR_OK);
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct str text = test_at_page_end(str_from(bad[i].text));
        CHECK(receipt_promise_parse(text, &promise, &fail) == ERR_NOTE_INVALID);
        if (strstr(fail.text, bad[i].what) == NULL) {
            test_failed(EP_SITE, "%zu: \"%s\" does not say \"%s\"", i, fail.text, bad[i].what);
        }
    }
}
