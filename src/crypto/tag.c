#include "crypto/tag.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "crypto/random.h"

#define TAG_KEY_BYTES   16
#define TAG_NONCE_BYTES 12
#define TAG_STEP        ((size_t)1 << 30) /* the library counts in int */

static EVP_CIPHER *tag_algorithm;
static unsigned char tag_key[TAG_KEY_BYTES];
static _Thread_local EVP_CIPHER_CTX *tag_context; /* lives as long as its thread */
static pthread_key_t tag_thread_end;

static void tag_end_thread(void *context)
{
    tag_context = NULL;
    EVP_CIPHER_CTX_free(context);
}

static EVP_CIPHER_CTX *tag_thread_context(void)
{
    if (tag_context == NULL) {
        ASSERT(tag_algorithm != NULL); /* crypto_start() */
        tag_context = EVP_CIPHER_CTX_new();
        ASSERT(tag_context != NULL);
        ASSERT(EVP_EncryptInit_ex2(tag_context, tag_algorithm, tag_key, NULL, NULL) == 1);
        ASSERT(pthread_setspecific(tag_thread_end, tag_context) == 0);
    }
    return tag_context;
}

enum err tag_start(struct fail *fail)
{
    if (tag_algorithm != NULL) {
        return ERR_OK;
    }
    if (pthread_key_create(&tag_thread_end, tag_end_thread) != 0) {
        return FAIL(fail, ERR_CRYPTO, "the system has no room for a thread's key");
    }
    random_bytes(tag_key, sizeof(tag_key));
    tag_algorithm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    if (tag_algorithm == NULL) {
        return FAIL(fail, ERR_CRYPTO, "the crypto library has no AES-128-GCM");
    }
    return ERR_OK;
}

struct tag tag_of(struct str text)
{
    static const unsigned char nonce[TAG_NONCE_BYTES] = { 0 };
    EVP_CIPHER_CTX *context = tag_thread_context();
    struct tag tag;
    int len = 0;
    int good = EVP_EncryptInit_ex2(context, NULL, NULL, nonce, NULL);
    while (text.len > 0) {
        struct str step = str_slice(text, 0, text.len < TAG_STEP ? text.len : TAG_STEP);
        const unsigned char *bytes = (const unsigned char *)step.ptr;
        good &= EVP_EncryptUpdate(context, NULL, &len, bytes, (int)step.len);
        text = str_from_at(text, step.len);
    }
    good &= EVP_EncryptFinal_ex(context, tag.bytes, &len); /* nothing: the text was not encrypted */
    good &= EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag.bytes);
    ASSERT(good == 1);
    return tag;
}

struct str tag_str(const struct tag *tag)
{
    return (struct str){ (const char *)tag->bytes, TAG_BYTES };
}
