#include "random.h"

#include <string.h>
#include <sys/types.h>

#include "crypto/random.h"

static uint64_t random_state;

void random_seed(uint64_t seed)
{
    random_state = seed ^ UINT64_C(0x72616e64);
}

uint64_t random_u64(void)
{
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = random_state;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void random_bytes(void *bytes, size_t len)
{
    unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++) {
        at[i] = (unsigned char)random_u64();
    }
}

ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags);

/* The maps' seed, taken once a process. */
ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags)
{
    (void)flags;
    memset(bytes, 1, len);
    return (ssize_t)len;
}
