/* Random bytes from the library's generator; a small per-thread store makes single calls cheap.
 * Threads: any. Cannot fail after crypto_start(): without randomness the process stops. */
#pragma once

#include "base/err.h"

void random_bytes(void *bytes, size_t len);
uint64_t random_u64(void);
