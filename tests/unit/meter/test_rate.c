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
    rate_complete(&rate);
    return rate;
}

static void put(struct rate *rate, enum usage_class class, int64_t pico)
{
    rate->known[class] = true;
    rate->pico[class] = pico;
    rate_complete(rate);
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

TEST(tokens_of_a_side_without_a_price_are_not_rated)
{
    struct rate rate = price_of(1, 1, 1);
    struct usage in = { .tokens = { [USAGE_CACHED] = 1 } };
    struct usage out = { .tokens = { [USAGE_OUT_IMAGE] = 1 } };
    struct usage image = { .units = { [USAGE_UNIT_IMAGE] = 3 } };
    money_wide pico = 0;
    rate.known[USAGE_OUT] = false;
    CHECK(rate_usage(&rate, &in, &pico) == ERR_OK);
    CHECK(rate_usage(&rate, &out, &pico) == ERR_PRICE_MISSING);
    rate.known[USAGE_OUT] = true;
    rate.known[USAGE_IN] = false;
    CHECK(rate_usage(&rate, &in, &pico) == ERR_PRICE_MISSING);
    CHECK(rate_usage(&rate, &out, &pico) == ERR_OK);
    rate.known[USAGE_OUT] = false;
    rate.pico_unit[USAGE_UNIT_IMAGE] = 40;
    CHECK(rate_usage(&rate, &image, &pico) == ERR_OK);
    CHECK(pico == 120);
}

TEST(a_ceiling_covers_the_units_that_are_asked_for)
{
    struct rate rate = price_of(1000, 1, 1000);
    const int64_t units[USAGE_UNITS] = { [USAGE_UNIT_IMAGE] = 4, [USAGE_UNIT_CHAR] = 10 };
    struct rate_bounds bounds = { .input = 1, .output = 1, .units = units };
    int64_t nano = 0;
    rate.pico_unit[USAGE_UNIT_IMAGE] = 5000000;
    rate.pico_unit[USAGE_UNIT_WEB_SEARCH] = 5000000;
    CHECK(rate_ceiling(&rate, &bounds, &nano) == ERR_OK);
    CHECK_EQ(nano, 20002);
    bounds.tools = true;
    CHECK(rate_ceiling(&rate, &bounds, &nano) == ERR_OK);
    CHECK_EQ(nano, 20002 + RATE_UNITS_MOST * 5000);
    /* What is sold by the piece alone has no price of tokens. */
    rate = (struct rate){ .pico_unit = { [USAGE_UNIT_IMAGE] = 5000000 } };
    bounds.tools = false;
    CHECK(rate_ceiling(&rate, &bounds, &nano) == ERR_OK);
    CHECK_EQ(nano, 20000);
    bounds.units = NULL;
    CHECK(rate_ceiling(&rate, &bounds, &nano) == ERR_PRICE_MISSING);
}

TEST(a_class_without_a_price_costs_what_it_is_a_part_of)
{
    struct rate rate = { .pico = { 0 } };
    put(&rate, USAGE_IN, 100);
    put(&rate, USAGE_OUT, 300);
    for (unsigned i = 0; i < USAGE_COUNT; i++) {
        CHECK_EQ(rate.pico[i], usage_is_output((enum usage_class)i) ? 300 : 100);
    }
    put(&rate, USAGE_IN_AUDIO, 700);
    put(&rate, USAGE_IN_IMAGE, 50);
    put(&rate, USAGE_CACHED, 10);
    CHECK_EQ(rate.pico[USAGE_CACHED_AUDIO], 700); /* not the discount of text */
    CHECK_EQ(rate.pico[USAGE_CACHED_IMAGE], 50);
    CHECK_EQ(rate.pico[USAGE_IN_TOOL], 100);
    put(&rate, USAGE_CACHED_AUDIO, 70);
    CHECK_EQ(rate.pico[USAGE_CACHED_AUDIO], 70);
    CHECK(!rate.known[USAGE_WX] && !rate.known[USAGE_REASON]);
}

TEST(a_write_of_unknown_life_costs_the_dearest_write)
{
    struct rate rate = price_of(100, 10, 300);
    put(&rate, USAGE_W5M, 125);
    CHECK_EQ(rate.pico[USAGE_WX], 125);
    CHECK_EQ(rate.pico[USAGE_W1H], 125);
    put(&rate, USAGE_W1H, 200);
    CHECK_EQ(rate.pico[USAGE_WX], 200);
    CHECK_EQ(rate.pico[USAGE_W30M], 200);
    CHECK_EQ(rate.pico[USAGE_W5M], 125);
    put(&rate, USAGE_WX, 150);
    CHECK_EQ(rate.pico[USAGE_WX], 150);
    struct rate cheap = price_of(100, 10, 300);
    put(&cheap, USAGE_W5M, 20); /* a gift for five minutes is none for an hour */
    CHECK_EQ(cheap.pico[USAGE_W1H], 100);
    CHECK_EQ(cheap.pico[USAGE_WX], 100);
}

TEST(what_is_no_token_is_paid_by_the_piece_and_only_at_a_price)
{
    struct rate rate = price_of(100, 10, 300);
    struct usage usage = { .tokens = { [USAGE_IN] = 2 },
                           .units = { [USAGE_UNIT_WEB_SEARCH] = 3, [USAGE_UNIT_SOURCE] = 9 } };
    money_wide pico = 0;
    rate.pico_unit[USAGE_UNIT_WEB_SEARCH] = 10000000000; /* 0.01 */
    CHECK(rate_usage(&rate, &usage, &pico) == ERR_OK);
    CHECK(pico == (money_wide)200 + (money_wide)3 * 10000000000);
}

TEST(what_the_cache_saved_is_told_by_the_prices_of_what_was_cached)
{
    struct rate rate = price_of(100, 10, 300);
    struct usage usage = { .tokens = {
                               [USAGE_IN] = 5, [USAGE_CACHED] = 7, [USAGE_CACHED_AUDIO] = 3 } };
    CHECK(rate_saved(&rate, &usage) == 7 * 90);
    put(&rate, USAGE_IN_AUDIO, 1000);
    put(&rate, USAGE_CACHED_AUDIO, 400);
    CHECK(rate_saved(&rate, &usage) == 7 * 90 + 3 * 600);
    struct rate odd = price_of(100, 110, 300); /* dearer than none: nothing is saved */
    CHECK(rate_saved(&odd, &usage) == 0);
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
    put(&rate, USAGE_W5M, 2000);
    CHECK(rate_ceiling(&rate, &(struct rate_bounds){ .input = 1, .output = 0 }, &nano) == ERR_OK);
    CHECK_EQ(nano, 2);
    rate.known[USAGE_IN] = false;
    CHECK(rate_ceiling(&rate, &(struct rate_bounds){ .input = 1, .output = 0 }, &nano) ==
          ERR_PRICE_MISSING);
}

static uint64_t drawn;

static int64_t draw(uint64_t below)
{
    drawn = drawn * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)(drawn >> 33) % (int64_t)below;
}

/* So many tokens in some of the classes from `first` on. */
static void spread(struct usage *usage, int64_t tokens, unsigned first, unsigned last)
{
    while (tokens > 0) {
        int64_t some = 1 + draw((uint64_t)tokens);
        usage->tokens[first + (unsigned)draw(last - first + 1)] += some;
        tokens -= some;
    }
}

static struct rate random_rate(void)
{
    struct rate rate = { .pico_call = draw(5000) };
    for (unsigned i = 0; i < USAGE_COUNT; i++) {
        rate.known[i] = i == USAGE_IN || i == USAGE_OUT || draw(2) == 0;
        rate.pico[i] = rate.known[i] ? draw(30000) : 0;
    }
    for (unsigned i = 0; i < USAGE_UNITS; i++) {
        rate.pico_unit[i] = draw(2) * draw(10000000);
    }
    rate_complete(&rate);
    return rate;
}

TEST(no_call_within_its_bounds_costs_more_than_its_ceiling)
{
    for (int round = 0; round < 20000; round++) {
        struct rate rate = random_rate();
        struct usage usage = { .quarantined = false };
        struct rate_bounds bounds = {
            .input = draw(2000), .output = draw(2000), .mixed = draw(2) == 0, .tools = draw(2) == 0
        };
        spread(&usage, bounds.input, USAGE_IN, bounds.mixed ? USAGE_CACHED_IMAGE : USAGE_WX);
        spread(&usage, bounds.output, USAGE_OUT, USAGE_OUT_IMAGE);
        for (unsigned i = 0; bounds.tools && i < USAGE_TOOL_UNITS; i++) {
            usage.units[i] = draw(RATE_UNITS_MOST + 1);
        }
        int64_t most[USAGE_UNITS] = { 0 };
        for (unsigned i = USAGE_TOOL_UNITS; i < USAGE_UNITS; i++) {
            most[i] = draw(100);
            usage.units[i] = draw((uint64_t)most[i] + 1);
        }
        bounds.units = most;
        if (draw(2) == 0) {
            bounds.audio = draw(500);
            usage.tokens[draw(2) == 0 ? USAGE_IN_AUDIO : USAGE_CACHED_AUDIO] += bounds.audio;
            bounds.image = draw(500);
            usage.tokens[draw(2) == 0 ? USAGE_IN_IMAGE : USAGE_W1H] += bounds.image;
        }
        money_wide pico = 0;
        int64_t charge = 0;
        int64_t ceiling = 0;
        CHECK(rate_usage(&rate, &usage, &pico) == ERR_OK);
        CHECK(money_nano_floor(pico, &charge));
        CHECK(rate_ceiling(&rate, &bounds, &ceiling) == ERR_OK);
        CHECK(charge <= ceiling);
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
    put(&rate, USAGE_IN_AUDIO, 40000000);
    put(&rate, USAGE_IN_IMAGE, 500000); /* cheaper than text: an upstream may report it as text */
    CHECK(rate_ceiling(&rate, &bounds, &nano) == ERR_OK);
    CHECK_EQ(nano, 10 * 1000 + 100 * 1000 + 1000 * 40000 + 2000);
}
