#include "dialect/rope.h"

#include "harness.h"

TEST(pieces_are_one_text_in_the_end)
{
    struct arena arena;
    struct rope rope = { 0 };
    struct str text;
    arena_init(&arena, 256, 4 << 20);
    CHECK(rope_join(&rope, &arena, &text));
    CHECK_EQ(text.len, 0);
    for (unsigned i = 0; i < 20000; i++) {
        char piece[3] = { (char)('a' + i % 26), (char)('a' + i % 25), 'x' };
        CHECK(rope_append(&rope, &arena, (struct str){ piece, i % 4 }));
    }
    CHECK(arena.used < 3 * rope.len + (64 << 10));
    for (int again = 0; again < 2; again++) { /* a second time costs nothing */
        size_t at = 0;
        CHECK(rope_join(&rope, &arena, &text));
        CHECK_EQ(text.len, rope.len);
        for (unsigned i = 0; i < 20000; i++) {
            char piece[3] = { (char)('a' + i % 26), (char)('a' + i % 25), 'x' };
            CHECK_STR(str_slice(text, at, at + i % 4), ((struct str){ piece, i % 4 }));
            at += i % 4;
        }
    }
    arena_fini(&arena);
}

static void append_and_join(void)
{
    struct arena arena;
    struct rope rope = { 0 };
    struct str text;
    arena_init(&arena, 64, 4096);
    if (rope_append(&rope, &arena, STR("0123456789012345678901234567890123456789")) &&
        rope_append(&rope, &arena, STR("0123456789012345678901234567890123456789")) &&
        rope_append(&rope, &arena, STR("01234567890123456789012345678901234567890123456789"))) {
        EP_IGNORE(rope_join(&rope, &arena, &text));
    }
    arena_fini(&arena);
}

TEST(running_out_of_memory_is_said)
{
    CHECK(test_each_allocation_failing(append_and_join) > 2);
}
