#include "crypto/sign.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/mem.h"
#include "crypto/random.h"

struct sign_key {
    EVP_PKEY *pkey;
    unsigned char public_key[SIGN_PUBLIC_BYTES];
};

enum err sign_key_from_seed(const unsigned char seed[SIGN_SEED_BYTES], struct sign_key **ret_key,
                            struct fail *fail)
{
    struct sign_key *key = mem_zalloc(sizeof(*key));
    if (key == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a key");
    }
    size_t len = SIGN_PUBLIC_BYTES;
    key->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SIGN_SEED_BYTES);
    if (key->pkey == NULL || EVP_PKEY_get_raw_public_key(key->pkey, key->public_key, &len) != 1) {
        sign_key_destroy(key);
        return FAIL(fail, ERR_CRYPTO, "the crypto library refused an Ed25519 key");
    }
    *ret_key = key;
    return ERR_OK;
}

enum err sign_key_create_file(const char *path, struct fail *fail)
{
    unsigned char seed[SIGN_SEED_BYTES];
    random_bytes(seed, sizeof(seed));
    struct buf text;
    buf_init(&text, 128);
    enum err err = enc_base64(&text, seed, sizeof(seed));
    err = err == ERR_OK ? buf_byte(&text, '\n') : err;
    secret_wipe(seed, sizeof(seed));
    if (err == ERR_OK) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) {
            err = FAIL_SYS(fail, ERR_IO, "could not create the key \"%s\"", path);
        } else {
            bool whole = write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0;
            err = whole ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not write the key \"%s\"", path);
            (void)close(fd); /* synced already */
            if (!whole) {
                (void)unlink(path); /* half a key would stand in the way of the next try */
            }
        }
        secret_wipe(text.ptr, text.len);
    }
    buf_fini(&text);
    return err;
}

enum err sign_key_load(const struct secret *secret, struct sign_key **ret_key, struct fail *fail)
{
    struct buf seed;
    buf_init(&seed, 128);
    enum err err = ERR_CRYPTO;
    if (!enc_base64_read(&seed, secret_str(secret)) || seed.len != SIGN_SEED_BYTES) {
        err = FAIL(fail, ERR_CONF_INVALID, "an Ed25519 key is 32 bytes in base64");
    } else {
        err = sign_key_from_seed((const unsigned char *)seed.ptr, ret_key, fail);
    }
    if (seed.ptr != NULL) {
        secret_wipe(seed.ptr, seed.cap);
    }
    buf_fini(&seed);
    return err;
}

void sign_key_destroy(struct sign_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey);
        mem_free(key);
    }
}

void sign_public(const struct sign_key *key, unsigned char ret_public[SIGN_PUBLIC_BYTES])
{
    for (size_t i = 0; i < SIGN_PUBLIC_BYTES; i++) {
        ret_public[i] = key->public_key[i];
    }
}

enum err sign_make(const struct sign_key *key, struct str text,
                   unsigned char ret_signature[SIGN_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = SIGN_BYTES;
    bool good = context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
                EVP_DigestSign(context, ret_signature, &len, (const unsigned char *)text.ptr,
                               text.len) == 1;
    EVP_MD_CTX_free(context);
    return good && len == SIGN_BYTES ? ERR_OK : ERR_CRYPTO;
}

/*
 * Points of small order, in all their encodings but for the sign: a signature of zeros verifies
 * under such a "key" for every fourth text or so, and the library does not refuse them.
 */
static const unsigned char sign_weak[][SIGN_PUBLIC_BYTES] = {
    { 0x00 },
    { 0x01 },
    { 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
      0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
      0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
    { 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
      0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
      0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
    { 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
    { 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
    { 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
};

bool sign_public_is_weak(const unsigned char public_key[SIGN_PUBLIC_BYTES])
{
    const size_t last = SIGN_PUBLIC_BYTES - 1;
    for (size_t i = 0; i < EP_ARRAY_LEN(sign_weak); i++) {
        if (memcmp(public_key, sign_weak[i], last) == 0 &&
            (public_key[last] & 0x7f) == sign_weak[i][last]) {
            return true;
        }
    }
    return false;
}

bool sign_check(const unsigned char public_key[SIGN_PUBLIC_BYTES], struct str text,
                const unsigned char signature[SIGN_BYTES])
{
    if (sign_public_is_weak(public_key)) {
        return false;
    }
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, SIGN_PUBLIC_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = pkey != NULL && context != NULL &&
                EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1 &&
                EVP_DigestVerify(context, signature, SIGN_BYTES, (const unsigned char *)text.ptr,
                                 text.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return good;
}
