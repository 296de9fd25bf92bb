#include "base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local uint64_t mem_fail_at;
static _Thread_local bool mem_fail_on; /* and for ever after */
static _Thread_local uint64_t mem_request_count;
static _Thread_local int64_t mem_open_here; /* may be negative: another thread may free */
static _Atomic int64_t mem_open_moved;

/* Thread-local balances are folded in now and then, so that no request touches a shared line. */
#define MEM_FOLD_EVERY 64

static void mem_note(int64_t delta)
{
    mem_open_here += delta;
    if (mem_open_here >= MEM_FOLD_EVERY || mem_open_here <= -MEM_FOLD_EVERY) {
        atomic_fetch_add_explicit(&mem_open_moved, mem_open_here, memory_order_relaxed);
        mem_open_here = 0;
    }
}

static bool mem_refuse(size_t size)
{
    ASSERT(size > 0);
    mem_request_count++;
    return size > MEM_REQUEST_MAX || mem_request_count == mem_fail_at ||
           (mem_fail_on && mem_request_count > mem_fail_at);
}

void *mem_alloc(size_t size)
{
    if (mem_refuse(size)) {
        return NULL;
    }
    void *ptr = malloc(size);
    if (ptr != NULL) {
        mem_note(1);
    }
    return ptr;
}

void *mem_zalloc(size_t size)
{
    if (mem_refuse(size)) {
        return NULL;
    }
    void *ptr = calloc(1, size);
    if (ptr != NULL) {
        mem_note(1);
    }
    return ptr;
}

void *mem_realloc(void *ptr, size_t size)
{
    if (mem_refuse(size)) {
        return NULL;
    }
    void *grown = realloc(ptr, size);
    if (grown != NULL && ptr == NULL) {
        mem_note(1);
    }
    return grown;
}

char *mem_copy_text(const char *ptr, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (copy != NULL) {
        if (len > 0) {
            memcpy(copy, ptr, len);
        }
        copy[len] = '\0';
    }
    return copy;
}

void mem_free(void *ptr)
{
    if (ptr != NULL) {
        mem_note(-1);
        free(ptr);
    }
}

void mem_keep(void)
{
    /* The defaults remain where the system refuses. */
    (void)mallopt(M_TRIM_THRESHOLD, MEM_KEEP_MAX);
    (void)mallopt(M_MMAP_THRESHOLD, MEM_KEEP_MAX);
}

void mem_fail_nth(uint64_t nth)
{
    mem_fail_at = nth;
    mem_fail_on = false;
    mem_request_count = 0;
}

void mem_fail_from(uint64_t nth)
{
    mem_fail_nth(nth);
    mem_fail_on = true;
}

uint64_t mem_requests(void)
{
    return mem_request_count;
}

int64_t mem_blocks_open(void)
{
    return atomic_load_explicit(&mem_open_moved, memory_order_relaxed) + mem_open_here;
}
