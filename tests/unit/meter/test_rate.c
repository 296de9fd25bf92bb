#include "meter/rate.h"

#include "harness.h"

static struct rate price_of(int64_t in, int64_t cached, int64_t out)
{
    struct rate rate = { 0 };
    rate.pico[USAGE_IN] = in;
    rate.pico[USAGE_CACHED] = cached;
    rate.pico[USAGE_OUT] = out;
    rate.known[USAGE_IN] = true;
    rate.known[USAGE_CACHED] = true;
    rate.known[USAGE_OUT] = true;
    return rate;
}

TEST(tokens_times_price_is_exact)
{
    struct rate rate = price_of(2500000, 1250000, 10000000); /* 2.50, 1.25, 10 USD a million */
    struct usage usage = { .tokens = {
                               [USAGE_IN] = 86, [USAGE_CACHED] = 1920, [USAGE_OUT] = 300 } };
    money_wide pico = 0;
    CHECK(rate_usage(&rate, &usage, &pico) == ERR_OK);
    CHECK(pico ==
          (money_wide)86 * 2500000 + (money_wide)1920 * 1250000 + (money_wide)300 * 10000000);
}

TEST(a_class_without_a_price_is_refused_only_when_it_has_tokens)
{
    struct rate rate = price_of(1, 1, 1);
    struct usage usage = { .tokens = { [USAGE_IN] = 1, [USAGE_REASON] = 1 } };
    money_wide pico = 0;
    CHECK(rate_usage(&rate, &usage, &pico) == ERR_PRICE_MISSING);
    usage.tokens[USAGE_REASON] = 0;
    CHECK(rate_usage(&rate, &usage, &pico) == ERR_OK);
}

TEST(a_price_of_zero_is_a_price)
{
    struct rate rate = price_of(0, 0, 0);
    struct usage usage = { .tokens = { [USAGE_IN] = 5 } };
    money_wide pico = 1;
    CHECK(rate_usage(&rate, &usage, &pico) == ERR_OK);
    CHECK(pico == 0);
}

TEST(the_ceiling_takes_the_dearest_class_and_rounds_up)
{
    struct rate rate = price_of(1000, 1, 1001);
    int64_t nano = 0;
    CHECK(rate_ceiling(&rate, &(struct rate_bounds){ .input = 1, .output = 1 }, &nano) == ERR_OK);
    CHECK_EQ(nano, 3); /* 2001 pico */
    rate.known[USAGE_W5M] = true;
    rate.pico[USAGE_W5M] = 2000;
    CHECK(rate_ceiling(&rate, &(struct rate_bounds){ .input = 1, .output = 0 }, &nano) == ERR_OK);
    CHECK_EQ(nano, 2);
    rate.known[USAGE_IN] = false;
    CHECK(rate_ceiling(&rate, &(struct rate_bounds){ .input = 1, .output = 0 }, &nano) ==
          ERR_PRICE_MISSING);
}

TEST(no_call_within_its_bounds_costs_more_than_its_ceiling)
{
    struct rate rate = price_of(7, 3, 1999);
    rate.known[USAGE_REASON] = true;
    rate.pico[USAGE_REASON] = 2001;
    for (int64_t in = 0; in < 20; in++) {
        for (int64_t out = 0; out < 20; out++) {
            struct usage usage = { .tokens = { [USAGE_IN] = in / 2,
                                               [USAGE_CACHED] = in - in / 2,
                                               [USAGE_OUT] = out / 3,
                                               [USAGE_REASON] = out - out / 3 } };
            money_wide pico = 0;
            int64_t charge = 0;
            int64_t ceiling = 0;
            CHECK(rate_usage(&rate, &usage, &pico) == ERR_OK);
            CHECK(money_nano_floor(pico, &charge));
            CHECK(rate_ceiling(&rate, &(struct rate_bounds){ .input = in, .output = out },
                               &ceiling) == ERR_OK);
            CHECK(charge <= ceiling);
        }
    }
}

TEST(a_ceiling_out_of_range_is_refused)
{
    struct rate rate = price_of(INT64_MAX, 0, 0);
    int64_t nano = 0;
    CHECK(rate_ceiling(&rate, &(struct rate_bounds){ .input = INT64_MAX, .output = 1 }, &nano) ==
          ERR_MONEY_RANGE);
}

TEST(images_and_sounds_are_held_at_their_own_price_or_that_of_text)
{
    struct rate rate = price_of(1000000, 0, 2000000);
    int64_t nano = 0;
    const struct rate_bounds bounds = { .input = 10, .image = 100, .audio = 1000, .output = 1 };
    CHECK(rate_ceiling(&rate, &bounds, &nano) == ERR_OK);
    CHECK_EQ(nano, 10 * 1000 + 100 * 1000 + 1000 * 1000 + 2000);
    rate.known[USAGE_IN_AUDIO] = true;
    rate.pico[USAGE_IN_AUDIO] = 40000000;
    rate.known[USAGE_IN_IMAGE] = true;
    rate.pico[USAGE_IN_IMAGE] = 500000; /* cheaper than text: an upstream may report it as text */
    CHECK(rate_ceiling(&rate, &bounds, &nano) == ERR_OK);
    CHECK_EQ(nano, 10 * 1000 + 100 * 1000 + 1000 * 40000 + 2000);
}
