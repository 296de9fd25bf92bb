#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/mem.h"
#include "harness.h"

static const char *kept_text(void)
{
    static const char text[64];
    return text;
}

TEST(no_memory_is_taken_before_the_first_allocation)
{
    int64_t before = mem_blocks_open();
    struct arena arena;
    arena_init(&arena, 64, 1024);
    CHECK_EQ(mem_blocks_open(), before);
    arena_fini(&arena);
}

TEST(allocations_are_aligned_and_do_not_overlap)
{
    struct arena arena;
    arena_init(&arena, 64, (size_t)1 << 20);
    unsigned char *blocks[200];
    for (size_t i = 0; i < EP_ARRAY_LEN(blocks); i++) {
        blocks[i] = arena_alloc(&arena, i + 1);
        CHECK(blocks[i] != NULL);
        CHECK_EQ((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        memset(blocks[i], (int)i, i + 1);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(blocks); i++) {
        for (size_t k = 0; k <= i; k++) {
            CHECK_EQ(blocks[i][k], i);
        }
    }
    arena_fini(&arena);
}

TEST(the_limit_is_kept_to_the_byte)
{
    struct arena arena;
    arena_init(&arena, 64, 128);
    CHECK(arena_alloc(&arena, 64) != NULL);
    CHECK(arena_alloc(&arena, 65) == NULL);
    CHECK(arena_alloc(&arena, 64) != NULL);
    CHECK(arena_alloc(&arena, 1) == NULL);
    CHECK(arena_alloc(&arena, SIZE_MAX) == NULL);
    CHECK_EQ(arena.used, 128);
    arena_fini(&arena);
}

TEST(a_rollback_gives_back_what_came_after_the_mark)
{
    struct arena arena;
    arena_init(&arena, 64, 4096);
    struct arena_mark empty = arena_mark(&arena);
    char *kept = arena_zalloc(&arena, 16);
    CHECK(kept != NULL);
    struct arena_mark mark = arena_mark(&arena);
    char *first = arena_alloc(&arena, 16);
    CHECK(arena_alloc(&arena, 1000) != NULL);
    arena_rollback(&arena, mark);
    CHECK_EQ(arena.used, 64);
    char *again = arena_alloc(&arena, 16);
    CHECK(again == first);
    CHECK_EQ(kept[15], 0);
    arena_rollback(&arena, empty);
    CHECK_EQ(arena.used, 0);
    arena_fini(&arena);
}

TEST(a_copy_is_terminated_and_keeps_zeros)
{
    struct arena arena;
    arena_init(&arena, 64, 64);
    struct str copy = STR("old");
    CHECK(arena_copy(&arena, STR("a\0b"), &copy));
    CHECK_STR(copy, STR("a\0b"));
    CHECK_EQ(copy.ptr[3], 0);
    CHECK(arena_copy(&arena, STR_EMPTY, &copy));
    CHECK_EQ(copy.len, 0);
    copy = STR("old");
    struct str large = { kept_text(), 64 };
    CHECK(!arena_copy(&arena, large, &copy));
    CHECK_STR(copy, STR("old"));
    arena_fini(&arena);
}

static void body_fill(void)
{
    struct arena arena;
    arena_init(&arena, 64, (size_t)1 << 20);
    for (size_t i = 0; i < 200; i++) {
        char *ptr = arena_zalloc(&arena, i);
        if (ptr == NULL) {
            break;
        }
    }
    arena_fini(&arena);
}

TEST(a_heap_that_is_out_leaks_nothing)
{
    CHECK(test_each_allocation_failing(body_fill) > 3);
}
