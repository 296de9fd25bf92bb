#include "base/id.h"

#include "base/stamp.h"
#include "harness.h"

TEST(ids_come_back_from_their_text)
{
    uint64_t random = 9;
    for (int i = 0; i < 5000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        struct id id = id_make((int64_t)(random >> 2), (uint16_t)i, random);
        struct buf buf;
        buf_init(&buf, 64);
        CHECK_EQ(id_print(&buf, STR("call_"), id), ERR_OK);
        CHECK_EQ(buf.len, 5 + ID_TEXT_LEN);
        struct id back = { 0 };
        CHECK(id_parse(buf_str(&buf), STR("call_"), &back));
        CHECK(id_eq(back, id));
        buf_fini(&buf);
    }
}

TEST(the_text_sorts_as_the_time_does)
{
    struct buf before;
    struct buf after;
    buf_init(&before, 64);
    buf_init(&after, 64);
    CHECK_EQ(id_print(&before, STR_EMPTY, id_make(1000 * STAMP_NS_PER_MS, 9, UINT64_MAX)), ERR_OK);
    CHECK_EQ(id_print(&after, STR_EMPTY, id_make(1001 * STAMP_NS_PER_MS, 0, 0)), ERR_OK);
    CHECK(str_cmp(buf_str(&before), buf_str(&after)) < 0);
    buf_fini(&before);
    buf_fini(&after);
}

TEST(the_time_is_kept_to_the_millisecond)
{
    CHECK_EQ(id_made_ms(id_make(INT64_C(1795521600123999999), 1, 2)), INT64_C(1795521600123));
    CHECK_EQ(id_made_ms(id_make(0, 1, 2)), 0);
}

TEST(zero_is_known)
{
    struct id id = { 0 };
    CHECK(id_is_zero(id));
    id.bytes[15] = 1;
    CHECK(!id_is_zero(id));
    CHECK_EQ(id_str(&id).len, ID_BYTES);
}

TEST(what_was_not_printed_is_not_read)
{
    static const struct str bad[] = {
        STR_INIT(""),
        STR_INIT("call_"),
        STR_INIT("call_0000000000000000000000000"),
        STR_INIT("call_000000000000000000000000000"),
        STR_INIT("call_80000000000000000000000000"),
        STR_INIT("call_0000000000000000000000000u"),
        STR_INIT("call_i0000000000000000000000000"),
        STR_INIT("hold_00000000000000000000000000"),
        STR_INIT("call-00000000000000000000000000"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct id id = { .bytes = { 7 } };
        CHECK(!id_parse(bad[i], STR("call_"), &id));
        CHECK_EQ(id.bytes[0], 7);
    }
    struct id id;
    CHECK(id_parse(STR("call_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), STR("call_"), &id));
    CHECK_EQ(id.bytes[0], 255);
    CHECK_EQ(id.bytes[15], 255);
}
