#include "base/mem.h"

#include <string.h>

#include "harness.h"

TEST(zeroed_memory_is_zero)
{
    unsigned char *ptr = mem_zalloc(1000);
    CHECK(ptr != NULL);
    for (size_t i = 0; i < 1000; i++) {
        CHECK_EQ(ptr[i], 0);
    }
    mem_free(ptr);
}

TEST(a_request_that_is_too_large_is_refused)
{
    CHECK(mem_alloc(MEM_REQUEST_MAX + 1) == NULL);
    CHECK(mem_zalloc(SIZE_MAX) == NULL);
    CHECK(mem_realloc(NULL, SIZE_MAX) == NULL);
}

TEST(a_refused_growth_leaves_the_old_block)
{
    char *ptr = mem_copy_text("abc", 3);
    CHECK(ptr != NULL);
    CHECK(mem_realloc(ptr, MEM_REQUEST_MAX + 1) == NULL);
    CHECK_STR(str_from(ptr), STR("abc"));
    mem_free(ptr);
}

TEST(a_copied_text_is_terminated_also_when_empty)
{
    char *ptr = mem_copy_text(NULL, 0);
    CHECK(ptr != NULL);
    CHECK_EQ(ptr[0], 0);
    mem_free(ptr);
}

TEST(the_nth_request_fails_once)
{
    mem_fail_nth(2);
    void *a = mem_alloc(1);
    void *b = mem_alloc(1);
    void *c = mem_alloc(1);
    uint64_t requests = mem_requests();
    mem_fail_nth(0);
    CHECK(a != NULL);
    CHECK(b == NULL);
    CHECK(c != NULL);
    CHECK_EQ(requests, 3);
    mem_free(a);
    mem_free(c);
}

TEST(the_nth_request_and_all_after_it_fail)
{
    mem_fail_from(2);
    void *a = mem_alloc(1);
    void *b = mem_alloc(1);
    void *c = mem_zalloc(1);
    void *d = mem_realloc(NULL, 1);
    mem_fail_nth(0);
    void *e = mem_alloc(1);
    CHECK(a != NULL && b == NULL && c == NULL && d == NULL && e != NULL);
    mem_free(a);
    mem_free(e);
}

TEST(open_blocks_are_counted_over_many)
{
    int64_t before = mem_blocks_open();
    void *blocks[500];
    for (size_t i = 0; i < EP_ARRAY_LEN(blocks); i++) {
        blocks[i] = mem_realloc(NULL, i + 1);
        CHECK(blocks[i] != NULL);
    }
    CHECK_EQ(mem_blocks_open() - before, 500);
    for (size_t i = 0; i < EP_ARRAY_LEN(blocks); i++) {
        mem_free(blocks[i]);
    }
    mem_free(NULL);
    CHECK_EQ(mem_blocks_open(), before);
}
