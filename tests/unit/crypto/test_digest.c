#include "crypto/digest.h"

#include <pthread.h>
#include <string.h>

#include "base/enc.h"
#include "harness.h"

static void hex(const struct digest *digest, char text[2 * DIGEST_BYTES + 1])
{
    struct buf buf;
    buf_init(&buf, 2 * DIGEST_BYTES);
    CHECK_EQ(enc_hex(&buf, digest->bytes, DIGEST_BYTES), ERR_OK);
    memcpy(text, buf.ptr, buf.len);
    text[buf.len] = '\0';
    buf_fini(&buf);
}

static void check_digest(struct digest got, const char *want)
{
    char text[2 * DIGEST_BYTES + 1];
    hex(&got, text);
    CHECK_STR(str_from(text), str_from(want));
}

static void start(void)
{
    CHECK_EQ(crypto_start(NULL), ERR_OK);
}

TEST(sha256_gives_the_known_answers_of_fips_180)
{
    start();
    check_digest(digest_sha256(STR_EMPTY),
                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_digest(digest_sha256(STR("abc")),
                 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_digest(digest_sha256(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(sha256_of_a_million_letters_is_the_known_one)
{
    static char letters[1000000];
    start();
    memset(letters, 'a', sizeof(letters));
    check_digest(digest_sha256((struct str){ letters, sizeof(letters) }),
                 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(sha1_gives_the_known_answer_of_rfc_6455)
{
    unsigned char sum[DIGEST_SHA1_BYTES];
    struct buf text;
    buf_init(&text, 64);
    digest_sha1(STR("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"), sum);
    CHECK_EQ(enc_base64(&text, sum, sizeof(sum)), ERR_OK);
    CHECK_STR(buf_str(&text), STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    buf_fini(&text);
}

TEST(parts_hash_as_their_sum_however_they_are_cut)
{
    struct str text = test_at_page_end(STR("the quick brown fox jumps over the lazy dog, twice"));
    start();
    struct digest whole = digest_sha256(text);
    for (size_t i = 0; i <= text.len; i++) {
        const struct str parts[] = { str_slice(text, 0, i), STR_EMPTY, str_from_at(text, i) };
        struct digest cut = digest_sha256_parts(parts, 3);
        CHECK(digest_eq(&cut, &whole));
    }
    struct digest none = digest_sha256_parts(NULL, 0);
    struct digest empty = digest_sha256(STR_EMPTY);
    CHECK(digest_eq(&none, &empty));
}

TEST(a_stream_hashes_as_its_sum_however_it_is_cut)
{
    struct str text = STR("some text of several pieces");
    struct digest want = digest_sha256(text);
    for (size_t step = 1; step <= text.len; step++) {
        struct digest_stream stream;
        CHECK(digest_stream_begin(&stream));
        for (size_t at = 0; at < text.len; at += step) {
            size_t end = at + step < text.len ? at + step : text.len;
            digest_stream_add(&stream, str_slice(text, at, end));
        }
        struct digest got = digest_stream_end(&stream);
        CHECK(digest_eq(&got, &want));
        digest_stream_fini(&stream);
    }
    struct digest_stream left;
    CHECK(digest_stream_begin(&left));
    digest_stream_fini(&left);
}

TEST(starting_twice_is_as_good_as_once)
{
    start();
    start();
    check_digest(digest_sha256(STR("abc")),
                 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 4231, cases 1, 2, 3, 6 and 7. */
TEST(hmac_gives_the_known_answers_of_rfc_4231)
{
    char key[131];
    char text[50];
    start();
    memset(key, 0x0b, 20);
    check_digest(digest_hmac_sha256((struct str){ key, 20 }, STR("Hi There")),
                 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check_digest(digest_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?")),
                 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    memset(text, 0xdd, sizeof(text));
    check_digest(digest_hmac_sha256((struct str){ key, 20 }, (struct str){ text, 50 }),
                 "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    check_digest(digest_hmac_sha256((struct str){ key, 131 },
                                    STR("Test Using Larger Than Block-Size Key - Hash Key First")),
                 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    check_digest(
        digest_hmac_sha256((struct str){ key, 131 },
                           STR("This is a test using a larger than block-size key and a larger "
                               "than block-size data. The key needs to be hashed before being "
                               "used by the HMAC algorithm.")),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(hmac_takes_an_empty_key_and_an_empty_text)
{
    start();
    check_digest(digest_hmac_sha256(STR_EMPTY, STR_EMPTY),
                 "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(another_bit_anywhere_is_another_digest)
{
    start();
    struct digest digest = digest_sha256(STR("abc"));
    for (size_t bit = 0; bit < (size_t)8 * DIGEST_BYTES; bit++) {
        struct digest other = digest;
        other.bytes[bit / 8] = (unsigned char)(other.bytes[bit / 8] ^ (1U << bit % 8));
        CHECK(!digest_eq(&digest, &other));
    }
    CHECK(digest_eq(&digest, &digest));
    CHECK(digest_str(&digest).ptr == (const char *)digest.bytes);
}

TEST(equal_bytes_are_equal_and_no_others)
{
    CHECK(crypto_equal(STR("abc"), STR("abc")));
    CHECK(crypto_equal(STR_EMPTY, STR("")));
    CHECK(!crypto_equal(STR("abc"), STR("abd")));
    CHECK(!crypto_equal(STR("abc"), STR("ab")));
    CHECK(!crypto_equal(STR_EMPTY, STR("a")));
}

static void *hash_much(void *context)
{
    struct digest digest = digest_sha256(STR("abc"));
    for (int i = 0; i < 1000; i++) {
        digest = digest_hmac_sha256(digest_str(&digest), STR("again"));
    }
    *(struct digest *)context = digest;
    return NULL;
}

TEST(threads_hash_beside_each_other)
{
    pthread_t threads[4];
    struct digest digests[EP_ARRAY_LEN(threads)];
    start();
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, hash_much, &digests[i]), 0);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK(digest_eq(&digests[i], &digests[0]));
    }
}
