/*
 * The heap. Only this file calls malloc, calloc, realloc and free, so that limits are seen and
 * tests can make the n-th request fail.
 *
 * Threads: any. Sizes above MEM_REQUEST_MAX are refused: no honest request is that large.
 */
#pragma once

#include "base/err.h"

#define MEM_REQUEST_MAX ((size_t)1 << 30) /* 1 GiB: a whole registry and more */

/* Uninitialised memory, or NULL. Ends with mem_free(). `size` > 0. */
EP_MUST_CHECK void *mem_alloc(size_t size);
/* Zeroed memory, or NULL. */
EP_MUST_CHECK void *mem_zalloc(size_t size);
/* As realloc; on NULL the old block is untouched. `ptr` may be NULL. */
EP_MUST_CHECK void *mem_realloc(void *ptr, size_t size);
/* A NUL-terminated copy of `len` bytes, or NULL. */
EP_MUST_CHECK char *mem_copy_text(const char *ptr, size_t len);
/* NULL is allowed. */
void mem_free(void *ptr);

/*
 * For a server, once, before its threads: freed memory is kept for the next call instead of being
 * given back to the system and faulted in again page by page (a third of what a 100 KB prompt
 * cost). At most MEM_KEEP_MAX a thread stays.
 */
#define MEM_KEEP_MAX (32 << 20) /* 300 prompts of 100 KB at once; the largest that malloc takes */
void mem_keep(void);

/* For tests: the `nth` request from now (1: the next) on this thread fails, once; 0: none. */
void mem_fail_nth(uint64_t nth);
/* For tests: that one and all after it fail, until either is called again. */
void mem_fail_from(uint64_t nth);
/* For tests: requests made on this thread since one of both was called. */
uint64_t mem_requests(void);
/* Blocks that were given out and not freed, in the whole process. */
int64_t mem_blocks_open(void);
