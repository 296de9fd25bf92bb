#include "policy/fixed.h"

#include "harness.h"

TEST(logarithms_are_exact_at_powers_of_two_and_never_too_large)
{
    for (unsigned i = 0; i < 64; i++) {
        CHECK_EQ(fixed_log2(UINT64_C(1) << i), i * FIXED_ONE);
    }
    CHECK_EQ(fixed_log2(3), 103872);  /* 1.584962 x 65536 = 103872.1 */
    CHECK_EQ(fixed_log2(10), 217705); /* 3.321928 x 65536 = 217705.9 */
    CHECK_EQ(fixed_log2(24), 300480); /* 4.584962 x 65536 = 300480.1 */
    CHECK(fixed_log2(UINT64_MAX) < 64 * FIXED_ONE);
}

TEST(logarithms_never_fall)
{
    uint32_t before = 0;
    for (uint64_t i = 1; i < 100000; i++) {
        uint32_t now = fixed_log2(i);
        CHECK(now >= before);
        before = now;
    }
}

TEST(equal_hours_are_even_and_one_busy_hour_is_not)
{
    uint32_t hours[24] = { 0 };
    CHECK(!fixed_is_even(hours, 24, 970)); /* none at all */
    hours[3] = UINT32_MAX;
    CHECK(!fixed_is_even(hours, 24, 970));
    CHECK(!fixed_is_even(hours, 24, 0)); /* no entropy is not more than none */
    for (size_t i = 0; i < 24; i++) {
        hours[i] = UINT32_MAX; /* sums that are larger than 32 bits */
    }
    CHECK(fixed_is_even(hours, 24, 970));
    for (size_t i = 0; i < 16; i++) {
        hours[i] = 1024;
    }
    CHECK(!fixed_is_even(hours, 16, 1000)); /* nothing is above the most */
    CHECK(fixed_is_even(hours, 16, 999));
}

/* k hours of 24 alike have log2 k / log2 24 of the most: 21 have 0.9580, 22 0.9726. */
TEST(the_border_lies_where_the_numbers_say)
{
    uint32_t hours[24] = { 0 };
    for (size_t i = 0; i < 21; i++) {
        hours[i] = 1000;
    }
    CHECK(!fixed_is_even(hours, 24, 970));
    CHECK(fixed_is_even(hours, 24, 957));
    CHECK(!fixed_is_even(hours, 24, 958));
    hours[21] = 1000;
    CHECK(fixed_is_even(hours, 24, 970));
    CHECK(fixed_is_even(hours, 24, 972));
    CHECK(!fixed_is_even(hours, 24, 973));
}

TEST(bits_count_what_set_them)
{
    CHECK_EQ(fixed_distinct(512, 512), 0);
    CHECK_EQ(fixed_distinct(512, 511), 1);
    CHECK_EQ(fixed_distinct(512, 502), 10);
    CHECK_EQ(fixed_distinct(512, 188), 513); /* 512 x ln(512 / 188) = 512.97 */
    CHECK_EQ(fixed_distinct(512, 0), fixed_distinct(512, 1));
    CHECK_EQ(fixed_distinct(1, 0), 0);
    uint32_t before = 0;
    for (uint32_t zeros = 512; zeros > 0; zeros--) {
        uint32_t now = fixed_distinct(512, zeros);
        CHECK(now >= before && now >= 512 - zeros);
        before = now;
    }
}
