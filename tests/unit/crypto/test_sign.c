#include "crypto/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/mem.h"
#include "harness.h"

static void unhex(const char *text, void *ret_bytes, size_t len)
{
    CHECK(enc_hex_read(str_from(text), ret_bytes, len));
}

struct vector {
    const char *seed;
    const char *public_key;
    const char *text;
    const char *signature;
};

/* RFC 8032, section 7.1, tests 1 to 3. */
static const struct vector vectors[] = {
    { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
    { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
    { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
      "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

TEST(signatures_are_those_of_rfc_8032)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(vectors); i++) {
        unsigned char seed[SIGN_SEED_BYTES];
        unsigned char want_public[SIGN_PUBLIC_BYTES];
        unsigned char want[SIGN_BYTES];
        char text[2];
        struct str message = { text, strlen(vectors[i].text) / 2 };
        unhex(vectors[i].seed, seed, sizeof(seed));
        unhex(vectors[i].public_key, want_public, sizeof(want_public));
        unhex(vectors[i].signature, want, sizeof(want));
        unhex(vectors[i].text, text, message.len);

        struct sign_key *key = NULL;
        unsigned char public_key[SIGN_PUBLIC_BYTES];
        unsigned char signature[SIGN_BYTES];
        CHECK_EQ(sign_key_from_seed(seed, &key, NULL), ERR_OK);
        sign_public(key, public_key);
        CHECK(memcmp(public_key, want_public, sizeof(public_key)) == 0);
        CHECK_EQ(sign_make(key, message, signature), ERR_OK);
        CHECK(memcmp(signature, want, sizeof(signature)) == 0);
        CHECK(sign_check(public_key, message, signature));
        sign_key_destroy(key);
    }
}

static struct sign_key *example_key(void)
{
    unsigned char seed[SIGN_SEED_BYTES];
    for (size_t i = 0; i < sizeof(seed); i++) {
        seed[i] = (unsigned char)i;
    }
    struct sign_key *key = NULL;
    CHECK_EQ(sign_key_from_seed(seed, &key, NULL), ERR_OK);
    return key;
}

/* A verifier key of a signed note holds a byte 1 (Ed25519) and the public key. */
TEST(the_seed_of_the_log_formats_golden_vectors_gives_their_public_key)
{
    struct buf want;
    struct sign_key *key = example_key();
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    buf_init(&want, 64);
    CHECK(enc_base64_read(&want, STR("AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4")));
    sign_public(key, public_key);
    CHECK_STR(((struct str){ (const char *)public_key, sizeof(public_key) }),
              str_from_at(buf_str(&want), 1));
    buf_fini(&want);
    sign_key_destroy(key);
}

TEST(any_bit_that_is_flipped_breaks_the_signature)
{
    struct sign_key *key = example_key();
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    unsigned char signature[SIGN_BYTES];
    char text[] = "receipt 0";
    struct str message = str_from(text);
    sign_public(key, public_key);
    CHECK_EQ(sign_make(key, message, signature), ERR_OK);
    for (size_t bit = 0; bit < (size_t)8 * SIGN_BYTES; bit++) {
        signature[bit / 8] = (unsigned char)(signature[bit / 8] ^ (1U << bit % 8));
        CHECK(!sign_check(public_key, message, signature));
        signature[bit / 8] = (unsigned char)(signature[bit / 8] ^ (1U << bit % 8));
    }
    for (size_t bit = 0; bit < 8 * message.len; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        CHECK(!sign_check(public_key, message, signature));
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    }
    CHECK(!sign_check(public_key, str_slice(message, 0, message.len - 1), signature));
    public_key[0] ^= 1;
    CHECK(!sign_check(public_key, message, signature));
    public_key[0] ^= 1;
    CHECK(sign_check(public_key, message, signature));
    sign_key_destroy(key);
}

TEST(a_key_file_is_made_once_and_loads)
{
    char folder[] = "/tmp/test_sign.XXXXXX";
    char path[64];
    char reference[80];
    struct fail fail;
    CHECK(test_folder(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/log.key", folder);
    (void)snprintf(reference, sizeof(reference), "file:%s", path);
    CHECK_EQ(sign_key_create_file(path, &fail), ERR_OK);
    struct stat info;
    CHECK_EQ(stat(path, &info), 0);
    CHECK_EQ(info.st_mode & 0777, 0600);
    CHECK_EQ(info.st_size, 45); /* 44 digits and a line end */

    CHECK_EQ(sign_key_create_file(path, &fail), ERR_IO); /* never over one that is there */
    CHECK_EQ(fail.sys_errno, EEXIST);

    struct secret secret = { 0 };
    struct sign_key *key = NULL;
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    unsigned char signature[SIGN_BYTES];
    CHECK_EQ(secret_load(str_from(reference), STR_EMPTY, &secret, &fail), ERR_OK);
    CHECK_EQ(sign_key_load(&secret, &key, &fail), ERR_OK);
    secret_fini(&secret);
    sign_public(key, public_key);
    CHECK_EQ(sign_make(key, STR("text"), signature), ERR_OK);
    CHECK(sign_check(public_key, STR("text"), signature));
    sign_key_destroy(key);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(folder), 0);
}

TEST(a_key_that_cannot_be_written_is_told)
{
    struct fail fail;
    CHECK_EQ(sign_key_create_file("/nonexistent/log.key", &fail), ERR_IO);
    CHECK_EQ(fail.sys_errno, ENOENT);
}

TEST(a_secret_that_is_no_seed_is_refused)
{
    static const char *const bad[] = {
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",  /* 31 bytes */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",  /* 33 bytes */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",   /* no padding */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= ", /* a space behind it */
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "!",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct secret secret = { 0 };
        struct sign_key *key = NULL;
        struct fail fail;
        CHECK_EQ(secret_from(str_from(bad[i]), &secret), ERR_OK);
        CHECK_EQ(sign_key_load(&secret, &key, &fail), ERR_CONF_INVALID);
        CHECK(key == NULL);
        CHECK(strstr(fail.text, bad[i]) == NULL || strcmp(bad[i], "!") == 0);
        secret_fini(&secret);
    }
    sign_key_destroy(NULL);
}

static void load_seed(void)
{
    struct secret secret = { 0 };
    struct sign_key *key = NULL;
    enum err err = secret_from(STR("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), &secret);
    err = err == ERR_OK ? sign_key_load(&secret, &key, NULL) : err;
    CHECK_EQ(err == ERR_OK, key != NULL);
    sign_key_destroy(key);
    secret_fini(&secret);
}

TEST(running_out_of_memory_makes_no_key)
{
    CHECK(test_each_allocation_failing(load_seed) >= 3);
}

/* Without the refusal, a quarter of these would verify under the first key. */
TEST(a_key_under_which_anybody_can_sign_is_refused)
{
    static const char *const keys[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    static const unsigned char nothing[SIGN_BYTES];
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    for (size_t i = 0; i < EP_ARRAY_LEN(keys); i++) {
        unhex(keys[i], public_key, sizeof(public_key));
        CHECK(sign_public_is_weak(public_key));
        for (char text = 0; text < 64; text++) {
            CHECK(!sign_check(public_key, (struct str){ &text, 1 }, nothing));
        }
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(vectors); i++) {
        unhex(vectors[i].public_key, public_key, sizeof(public_key));
        CHECK(!sign_public_is_weak(public_key));
    }
}
