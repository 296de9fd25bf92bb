#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "crypto/tag.h"

#define HMAC_BLOCK 64 /* RFC 2104, for SHA-256 */

/* Fetched once: a fetch by name costs more than the hash of a short text. */
static EVP_MD *digest_algorithm;
static _Thread_local EVP_MD_CTX *digest_context; /* lives as long as its thread */
static pthread_key_t digest_thread_end;

static void digest_end_thread(void *context)
{
    digest_context = NULL;
    EVP_MD_CTX_free(context);
}

static EVP_MD_CTX *digest_thread_context(void)
{
    if (digest_context == NULL) {
        ASSERT(digest_algorithm != NULL); /* crypto_start() */
        digest_context = EVP_MD_CTX_new();
        ASSERT(digest_context != NULL);
        ASSERT(pthread_setspecific(digest_thread_end, digest_context) == 0);
    }
    return digest_context;
}

enum err crypto_start(struct fail *fail)
{
    /* FIPS 180-2, appendix B.1 */
    static const struct digest known = { { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                           0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                           0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                           0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad } };
    if (digest_algorithm == NULL) {
        if (pthread_key_create(&digest_thread_end, digest_end_thread) != 0) {
            return FAIL(fail, ERR_CRYPTO, "the system has no room for a thread's key");
        }
        digest_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    }
    if (digest_algorithm == NULL) {
        return FAIL(fail, ERR_CRYPTO, "the crypto library has no SHA-256");
    }
    struct digest abc = digest_sha256(STR("abc"));
    if (!digest_eq(&abc, &known)) {
        return FAIL(fail, ERR_CRYPTO, "the crypto library's SHA-256 fails its known answer");
    }
    return tag_start(fail);
}

struct digest digest_sha256_parts(const struct str *parts, size_t count)
{
    ASSERT(count <= 8);
    EVP_MD_CTX *context = digest_thread_context();
    struct digest digest;
    unsigned int len = 0;
    int good = EVP_DigestInit_ex2(context, digest_algorithm, NULL);
    for (size_t i = 0; i < count; i++) {
        good &= EVP_DigestUpdate(context, parts[i].ptr, parts[i].len);
    }
    good &= EVP_DigestFinal_ex(context, digest.bytes, &len);
    ASSERT(good == 1 && len == DIGEST_BYTES);
    return digest;
}

struct digest digest_sha256(struct str text)
{
    return digest_sha256_parts(&text, 1);
}

void digest_sha1(struct str text, unsigned char ret_bytes[DIGEST_SHA1_BYTES])
{
    size_t len = 0;
    if (EVP_Q_digest(NULL, "SHA1", NULL, text.ptr, text.len, ret_bytes, &len) != 1) {
        memset(ret_bytes, 0, DIGEST_SHA1_BYTES);
    }
}

bool digest_stream_begin(struct digest_stream *stream)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    stream->context = context;
    if (context == NULL || EVP_DigestInit_ex2(context, digest_algorithm, NULL) != 1) {
        digest_stream_fini(stream);
        return false;
    }
    return true;
}

void digest_stream_add(struct digest_stream *stream, struct str text)
{
    int good = EVP_DigestUpdate(stream->context, text.ptr, text.len);
    ASSERT(good == 1);
}

struct digest digest_stream_end(struct digest_stream *stream)
{
    struct digest digest;
    unsigned int len = 0;
    int good = EVP_DigestFinal_ex(stream->context, digest.bytes, &len);
    ASSERT(good == 1 && len == DIGEST_BYTES);
    digest_stream_fini(stream);
    return digest;
}

void digest_stream_fini(struct digest_stream *stream)
{
    EVP_MD_CTX_free(stream->context);
    stream->context = NULL;
}

struct digest digest_hmac_sha256(struct str key, struct str text)
{
    unsigned char block[HMAC_BLOCK] = { 0 };
    if (key.len > HMAC_BLOCK) {
        struct digest short_key = digest_sha256(key);
        memcpy(block, short_key.bytes, DIGEST_BYTES);
    } else if (key.len > 0) {
        memcpy(block, key.ptr, key.len);
    }
    char pad[HMAC_BLOCK];
    for (size_t i = 0; i < HMAC_BLOCK; i++) {
        pad[i] = (char)(block[i] ^ 0x36);
    }
    const struct str inner[] = { { pad, sizeof(pad) }, text };
    struct digest digest = digest_sha256_parts(inner, 2);
    for (size_t i = 0; i < HMAC_BLOCK; i++) {
        pad[i] = (char)(block[i] ^ 0x5c);
    }
    const struct str outer[] = { { pad, sizeof(pad) }, digest_str(&digest) };
    digest = digest_sha256_parts(outer, 2);
    OPENSSL_cleanse(pad, sizeof(pad)); /* both are the key but for a constant */
    OPENSSL_cleanse(block, sizeof(block));
    return digest;
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

struct str digest_str(const struct digest *digest)
{
    return (struct str){ (const char *)digest->bytes, DIGEST_BYTES };
}

bool crypto_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}
