#include "crypto/random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#define RANDOM_POOL 1024 /* a call takes about 64 bytes: one request of the library for 16 calls */

static _Thread_local unsigned char random_pool[RANDOM_POOL];
static _Thread_local size_t random_left;
static pthread_once_t random_once = PTHREAD_ONCE_INIT;

/* In a forked child: the parent gives out the same bytes. */
static void random_forget(void)
{
    random_left = 0;
}

static void random_start(void)
{
    ASSERT(pthread_atfork(NULL, NULL, random_forget) == 0);
}

static void random_fill(void)
{
    ASSERT(pthread_once(&random_once, random_start) == 0);
    ASSERT(RAND_bytes(random_pool, RANDOM_POOL) == 1);
    random_left = RANDOM_POOL;
}

void random_bytes(void *bytes, size_t len)
{
    if (len > RANDOM_POOL) {
        ASSERT(len <= 65536);
        ASSERT(RAND_bytes(bytes, (int)len) == 1);
        return;
    }
    if (len > random_left) {
        random_fill();
    }
    random_left -= len;
    memcpy(bytes, random_pool + random_left, len);
    OPENSSL_cleanse(random_pool + random_left, len); /* what was given is nowhere else */
}

uint64_t random_u64(void)
{
    uint64_t value = 0;
    random_bytes(&value, sizeof(value));
    return value;
}
