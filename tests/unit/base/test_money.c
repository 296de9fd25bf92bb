#include "base/money.h"

#include "harness.h"

TEST(sums_that_leave_the_range_are_refused_and_change_nothing)
{
    int64_t value = 7;
    CHECK(!money_add(INT64_MAX, 1, &value));
    CHECK(!money_add(INT64_MIN, -1, &value));
    CHECK(!money_sub(INT64_MIN, 1, &value));
    CHECK(!money_sub(0, INT64_MIN, &value));
    CHECK_EQ(value, 7);
    CHECK(money_add(INT64_MAX, -1, &value));
    CHECK(value == INT64_MAX - 1);
    CHECK(money_sub(-1, INT64_MIN, &value));
    CHECK(value == INT64_MAX);
}

TEST(a_hold_rounds_up_and_a_settlement_down)
{
    for (int64_t pico = 0; pico < 5000; pico++) {
        int64_t down = -1;
        int64_t up = -1;
        CHECK(money_nano_floor(pico, &down));
        CHECK(money_nano_ceil(pico, &up));
        CHECK_EQ(down, pico / 1000);
        CHECK_EQ(up, (pico + 999) / 1000);
    }
}

TEST(the_largest_rate_does_not_wrap_and_is_out_of_range)
{
    money_wide pico = money_rate(INT64_MAX, INT64_MAX);
    CHECK(pico / INT64_MAX == INT64_MAX);
    int64_t nano = 7;
    CHECK(!money_nano_floor(pico, &nano));
    CHECK(!money_nano_ceil(pico, &nano));
    CHECK_EQ(nano, 7);
}

TEST(the_last_nano_fits_and_one_pico_more_rounds_out)
{
    money_wide last = (money_wide)INT64_MAX * 1000;
    int64_t nano = 0;
    CHECK(money_nano_ceil(last, &nano));
    CHECK(nano == INT64_MAX);
    CHECK(money_nano_floor(last + 999, &nano));
    CHECK(!money_nano_ceil(last + 1, &nano));
    CHECK(!money_nano_floor(last + 1000, &nano));
}

TEST(amounts_are_read_exactly)
{
    static const struct {
        struct str text;
        unsigned scale;
        int64_t value;
    } good[] = {
        { STR_INIT("0"), 9, 0 },
        { STR_INIT("100"), 9, INT64_C(100000000000) },
        { STR_INIT("0.25"), 9, 250000000 },
        { STR_INIT("-3.5"), 9, INT64_C(-3500000000) },
        { STR_INIT("-0"), 9, 0 },
        { STR_INIT("0.000000001"), 9, 1 },
        { STR_INIT("0.0000000010000"), 9, 1 },
        { STR_INIT("007"), 0, 7 },
        { STR_INIT("1.0"), 0, 1 },
        { STR_INIT("9223372036.854775807"), 9, INT64_MAX },
        { STR_INIT("-9223372036.854775808"), 9, INT64_MIN },
        { STR_INIT("1"), 12, INT64_C(1000000000000) },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        int64_t value = -1;
        CHECK(money_parse(test_at_page_end(good[i].text), good[i].scale, &value));
        CHECK_EQ(value, good[i].value);
    }
}

TEST(amounts_that_are_not_plain_are_refused)
{
    static const struct str bad[] = {
        STR_INIT(""),
        STR_INIT("-"),
        STR_INIT("."),
        STR_INIT("1."),
        STR_INIT(".5"),
        STR_INIT("+1"),
        STR_INIT("--1"),
        STR_INIT("1e3"),
        STR_INIT(" 1"),
        STR_INIT("1 "),
        STR_INIT("1,5"),
        STR_INIT("1.2.3"),
        STR_INIT("0x10"),
        STR_INIT("1.0-"),
        STR_INIT("NaN"),
        STR_INIT("0.0000000001"),
        STR_INIT("-."),
        STR_INIT("1.-5"),
        STR_INIT("1\0"),
        STR_INIT("9223372036.854775808"),
        STR_INIT("1__0"),
        STR_INIT("1.00x"),
        STR_INIT("1.x00"),
        STR_INIT("-9223372036.854775809"),
        STR_INIT("99999999999999999999999999"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        int64_t value = 7;
        CHECK(!money_parse(bad[i], 9, &value));
        CHECK_EQ(value, 7);
    }
}

static void check_printed(int64_t value, unsigned scale, unsigned places, struct str want)
{
    struct buf buf;
    buf_init(&buf, 64);
    CHECK_EQ(money_print(&buf, value, scale, places), ERR_OK);
    CHECK_STR(buf_str(&buf), want);
    buf_fini(&buf);
}

TEST(amounts_are_written_without_needless_zeros)
{
    check_printed(0, 9, 0, STR("0"));
    check_printed(0, 9, 2, STR("0.00"));
    check_printed(1500000000, 9, 2, STR("1.50"));
    check_printed(1, 9, 2, STR("0.000000001"));
    check_printed(-1, 9, 0, STR("-0.000000001"));
    check_printed(INT64_MIN, 9, 0, STR("-9223372036.854775808"));
    check_printed(INT64_MAX, 0, 0, STR("9223372036854775807"));
}

TEST(what_is_written_is_read_back_the_same)
{
    uint64_t random = 1;
    struct buf buf;
    buf_init(&buf, 64);
    for (int i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int64_t value = (int64_t)((random ^ random >> 29) >> (i % 64));
        value = (i & 1) != 0 && value != INT64_MIN ? -value : value;
        unsigned scale = (unsigned)i % 13;
        int64_t back = 0;
        buf_reset(&buf);
        CHECK_EQ(money_print(&buf, value, scale, scale / 2), ERR_OK);
        CHECK(money_parse(buf_str(&buf), scale, &back));
        CHECK_EQ(back, value);
    }
    buf_fini(&buf);
}
