#include "base/buf.h"

#include "base/mem.h"
#include "harness.h"

TEST(an_empty_buffer_owns_nothing)
{
    int64_t before = mem_blocks_open();
    struct buf buf;
    buf_init(&buf, 10);
    CHECK_EQ(buf_append(&buf, STR_EMPTY), ERR_OK);
    CHECK_EQ(mem_blocks_open(), before);
    CHECK_EQ(buf_str(&buf).len, 0);
    buf_fini(&buf);
}

TEST(appending_at_the_limit_fits_and_one_more_does_not)
{
    struct buf buf;
    buf_init(&buf, 5);
    CHECK_EQ(buf_append(&buf, STR("abcd")), ERR_OK);
    CHECK_EQ(buf_append(&buf, STR("ef")), ERR_LIMIT);
    CHECK_STR(buf_str(&buf), STR("abcd"));
    CHECK_EQ(buf_byte(&buf, 'e'), ERR_OK);
    CHECK_EQ(buf_byte(&buf, 'f'), ERR_LIMIT);
    CHECK_EQ(buf_reserve(&buf, SIZE_MAX), ERR_LIMIT);
    CHECK_STR(buf_str(&buf), STR("abcde"));
    buf_fini(&buf);
}

TEST(what_is_little_takes_little)
{
    struct buf buf;
    buf_init(&buf, 1000);
    CHECK_EQ(buf_reserve_little(&buf, 0), ERR_OK);
    CHECK_EQ(buf.cap, 0);
    CHECK_EQ(buf_reserve_little(&buf, 1), ERR_OK);
    CHECK_EQ(buf.cap, 64);
    CHECK_EQ(buf_append(&buf, STR("ab")), ERR_OK);
    CHECK_EQ(buf_reserve_little(&buf, 62), ERR_OK);
    CHECK_EQ(buf.cap, 64);
    CHECK_EQ(buf_reserve_little(&buf, 63), ERR_OK);
    CHECK_EQ(buf.cap, 128);
    CHECK_EQ(buf_reserve_little(&buf, 255), ERR_OK);
    CHECK_EQ(buf.cap, 512);
    CHECK_EQ(buf_reserve_little(&buf, 999), ERR_LIMIT);
    CHECK_EQ(buf_reserve_little(&buf, SIZE_MAX), ERR_LIMIT);
    CHECK_EQ(buf_reserve_little(&buf, 998), ERR_OK);
    CHECK_EQ(buf.cap, 1000);
    CHECK_STR(buf_str(&buf), STR("ab"));
    buf_fini(&buf);
    buf_init(&buf, 10);
    CHECK_EQ(buf_reserve_little(&buf, 3), ERR_OK);
    CHECK_EQ(buf.cap, 10);
    buf_fini(&buf);
}

TEST(growth_keeps_every_byte)
{
    struct buf buf;
    buf_init(&buf, 100000);
    for (unsigned i = 0; i < 100000; i++) {
        CHECK_EQ(buf_byte(&buf, (char)(i % 127)), ERR_OK);
    }
    CHECK_EQ(buf_byte(&buf, 'x'), ERR_LIMIT);
    for (unsigned i = 0; i < 100000; i++) {
        CHECK_EQ(buf.ptr[i], i % 127);
    }
    buf_fini(&buf);
}

TEST(numbers_are_written_at_both_ends_of_their_range)
{
    struct buf buf;
    buf_init(&buf, 100);
    CHECK_EQ(buf_u64(&buf, UINT64_MAX), ERR_OK);
    CHECK_EQ(buf_byte(&buf, ' '), ERR_OK);
    CHECK_EQ(buf_i64(&buf, INT64_MIN), ERR_OK);
    CHECK_EQ(buf_byte(&buf, ' '), ERR_OK);
    CHECK_EQ(buf_i64(&buf, 0), ERR_OK);
    CHECK_STR(buf_str(&buf), STR("18446744073709551615 -9223372036854775808 0"));
    buf_fini(&buf);
}

TEST(a_number_that_does_not_fit_leaves_no_sign_behind)
{
    struct buf buf;
    buf_init(&buf, 3);
    CHECK_EQ(buf_i64(&buf, -123), ERR_LIMIT);
    CHECK_EQ(buf.len, 0);
    CHECK_EQ(buf_i64(&buf, -12), ERR_OK);
    buf_fini(&buf);
}

TEST(formatted_text_is_whole_or_not_there)
{
    struct buf buf;
    buf_init(&buf, 8);
    CHECK_EQ(buf_printf(&buf, "%s-%d", "ab", 7), ERR_OK);
    CHECK_EQ(buf_printf(&buf, "%s", "0123456789"), ERR_LIMIT);
    CHECK_STR(buf_str(&buf), STR("ab-7"));
    buf_fini(&buf);
}

TEST(dropping_takes_from_the_front)
{
    struct buf buf;
    buf_init(&buf, 100);
    CHECK_EQ(buf_append(&buf, STR("abcdef")), ERR_OK);
    buf_drop(&buf, 2);
    CHECK_STR(buf_str(&buf), STR("cdef"));
    buf_drop(&buf, 0);
    buf_drop(&buf, 4);
    CHECK_EQ(buf.len, 0);
    CHECK_EQ(buf_append(&buf, STR("x")), ERR_OK);
    buf_reset(&buf);
    CHECK_EQ(buf.len, 0);
    buf_fini(&buf);
}

TEST(given_text_is_terminated_and_the_buffer_usable_again)
{
    struct buf buf;
    buf_init(&buf, 100);
    CHECK_EQ(buf_append(&buf, STR("abc")), ERR_OK);
    char *text = buf_give_text(&buf);
    CHECK(text != NULL);
    CHECK_STR(str_from(text), STR("abc"));
    CHECK_EQ(buf.len, 0);
    CHECK_EQ(buf_append(&buf, STR("d")), ERR_OK);
    mem_free(text);
    buf_fini(&buf);
}

static void body_build(void)
{
    struct buf buf;
    buf_init(&buf, 10000);
    for (int i = 0; i < 1000; i++) {
        size_t before = buf.len;
        enum err err = buf_append(&buf, STR("12345678"));
        CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
        CHECK_EQ(buf.len, before + (err == ERR_OK ? 8 : 0));
    }
    char *text = buf_give_text(&buf);
    mem_free(text);
    buf_fini(&buf);
}

TEST(a_heap_that_is_out_leaves_the_buffer_as_it_was)
{
    CHECK(test_each_allocation_failing(body_build) > 3);
}

TEST(all_parts_are_appended_or_none)
{
    char room[8];
    struct buf buf = { room, 0, sizeof(room), sizeof(room) };
    const struct str fits[] = { STR("ab"), STR_EMPTY, STR("cde") };
    const struct str more[] = { STR("fg"), STR("hi") };
    CHECK_EQ(buf_append_all(&buf, fits, EP_ARRAY_LEN(fits)), ERR_OK);
    CHECK_EQ(buf_append_all(&buf, more, EP_ARRAY_LEN(more)), ERR_LIMIT);
    CHECK_STR(buf_str(&buf), STR("abcde"));
    CHECK_EQ(buf_append_all(&buf, more, 0), ERR_OK);
    CHECK_EQ(buf_append_all(&buf, more, 1), ERR_OK);
    CHECK_STR(buf_str(&buf), STR("abcdefg"));
}
