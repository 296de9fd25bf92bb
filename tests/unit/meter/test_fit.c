#include "harness.h"
#include "meter/fit.h"

/* A small generator of its own: the same numbers on every machine. */
static uint64_t state;

static int64_t draw(int64_t below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((state >> 33) % (uint64_t)below);
}

static struct id call_number(int64_t number)
{
    struct id id = { { 0 } };
    for (size_t i = 0; i < 8; i++) {
        id.bytes[i] = (unsigned char)((uint64_t)number >> (8 * i));
    }
    return id;
}

typedef int64_t report_fn(int64_t counted);

static int64_t honest(int64_t counted)
{
    return counted + 4; /* a stop token and a template of another make: a constant */
}

static int64_t inflated_3(int64_t counted)
{
    return counted * 103 / 100;
}

static int64_t inflated_12(int64_t counted)
{
    return counted * 112 / 100;
}

static int64_t deflated(int64_t counted)
{
    return counted * 90 / 100; /* another tokenizer */
}

static int64_t padded_24(int64_t counted)
{
    return counted + 24;
}

static int64_t noisy(int64_t counted)
{
    return counted + draw(5) - 2;
}

/* After how many calls of 20 to 1500 tokens something is found; 0: never. */
static int64_t calls_until(report_fn *report, int64_t calls, enum fit_code *ret_code)
{
    struct fit fit;
    struct fit_result result;
    fit_init(&fit);
    *ret_code = FIT_FINE;
    for (int64_t i = 1; i <= calls; i++) {
        int64_t counted = 20 + draw(1480);
        ASSERT(fit_add(&fit, call_number(i), counted, report(counted)));
        fit_judge_input(&fit, FIT_WINDOW, &result);
        if (result.code != FIT_FINE) {
            *ret_code = result.code;
            return i;
        }
    }
    return 0;
}

TEST(three_percent_of_inflation_are_found_within_sixty_calls)
{
    enum fit_code code;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        state = seed;
        int64_t found = calls_until(inflated_3, 60, &code);
        CHECK(found >= FIT_CALLS_MIN && found <= 60);
        CHECK(code == FIT_SLOPE);
        CHECK(calls_until(inflated_12, 60, &code) == FIT_CALLS_MIN);
        CHECK(code == FIT_SLOPE);
        CHECK(calls_until(deflated, 60, &code) == FIT_CALLS_MIN);
        CHECK(code == FIT_SLOPE);
    }
}

TEST(twenty_four_tokens_of_padding_are_found_within_sixty_calls)
{
    enum fit_code code;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        state = seed;
        CHECK(calls_until(padded_24, 60, &code) == FIT_CALLS_MIN);
        CHECK(code == FIT_OFFSET);
    }
}

TEST(ten_thousand_honest_calls_raise_nothing)
{
    enum fit_code code;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        state = seed;
        CHECK(calls_until(honest, 10000, &code) == 0);
        CHECK(calls_until(noisy, 10000, &code) == 0);
    }
}

TEST(calls_that_are_all_alike_show_padding_but_no_slope)
{
    struct fit fit;
    struct fit_result result;
    fit_init(&fit);
    for (int64_t i = 0; i < FIT_CALLS_MIN; i++) {
        CHECK(fit_add(&fit, call_number(i), 30 + i % 2, 30 + i % 2 + 24));
    }
    fit_judge_input(&fit, FIT_WINDOW, &result);
    CHECK(!result.slope_known);
    CHECK(result.offset_milli == 24000);
    CHECK(result.code == FIT_OFFSET);
    /* A constant within what templates differ by is no finding. */
    fit_init(&fit);
    for (int64_t i = 0; i < FIT_CALLS_MIN; i++) {
        CHECK(fit_add(&fit, call_number(i), 30, 38));
    }
    fit_judge_input(&fit, FIT_WINDOW, &result);
    CHECK(result.code == FIT_FINE);
}

TEST(the_line_is_the_one_that_was_drawn)
{
    struct fit fit;
    struct fit_result result;
    fit_init(&fit);
    for (int64_t i = 0; i < 100; i++) {
        CHECK(fit_add(&fit, call_number(i), 100 * i, 120 * i + 7));
    }
    fit_judge_input(&fit, FIT_WINDOW, &result);
    CHECK(result.slope_known);
    CHECK(result.slope_ppm == 200000);
    CHECK(result.slope_error_ppm == 0);
    CHECK(result.offset_milli == 7000);
    CHECK(result.calls == 100);
}

TEST(the_last_calls_know_first_of_a_change)
{
    static struct fit fit;
    struct fit_result result;
    fit_init(&fit);
    for (int64_t i = 0; i < FIT_WINDOW; i++) {
        CHECK(fit_add(&fit, call_number(i), 20 + 7 * i, 20 + 7 * i));
    }
    for (int64_t i = 0; i < FIT_CALLS_MIN; i++) {
        CHECK(fit_add(&fit, call_number(i), 20 + 17 * i, inflated_3(20 + 17 * i)));
    }
    fit_judge_input(&fit, FIT_CALLS_MIN, &result);
    CHECK_EQ(result.code, FIT_SLOPE);
    CHECK_EQ(result.calls, FIT_CALLS_MIN);
    fit_judge_input(&fit, FIT_WINDOW, &result);
    CHECK_EQ(result.code, FIT_FINE);
}

TEST(the_window_forgets_what_is_older)
{
    static struct fit fit;
    struct fit_result result;
    fit_init(&fit);
    for (int64_t i = 0; i < FIT_WINDOW; i++) {
        CHECK(fit_add(&fit, call_number(i), 20 + 7 * i, 2 * (20 + 7 * i)));
    }
    fit_judge_input(&fit, FIT_WINDOW, &result);
    CHECK(result.code == FIT_SLOPE);
    for (int64_t i = 0; i < FIT_WINDOW; i++) {
        CHECK(fit_add(&fit, call_number(1000 + i), 20 + 7 * i, 20 + 7 * i));
    }
    fit_judge_input(&fit, FIT_WINDOW, &result);
    CHECK(result.code == FIT_FINE);
    CHECK(result.slope_ppm == 0);
    struct id oldest = call_number(1000);
    struct id newest = call_number(1000 + FIT_WINDOW - 1);
    CHECK(memcmp(&fit_sample(&fit, 0)->call, &oldest, sizeof(oldest)) == 0);
    CHECK(memcmp(&fit_sample(&fit, FIT_WINDOW - 1)->call, &newest, sizeof(newest)) == 0);
}

TEST(one_or_two_calls_alone_are_no_finding)
{
    struct fit fit;
    struct fit_result result;
    fit_init(&fit);
    for (int64_t i = 0; i < 60; i++) {
        CHECK(fit_add(&fit, call_number(i), 20 + i % 30, 20 + i % 30));
    }
    CHECK(fit_add(&fit, call_number(60), 20000, 21000));
    CHECK(fit_add(&fit, call_number(61), 30000, 31500));
    fit_judge_input(&fit, FIT_WINDOW, &result);
    CHECK_EQ(result.code, FIT_FINE);
    CHECK(fit_add(&fit, call_number(62), 40000, 42000));
    fit_judge_input(&fit, FIT_WINDOW, &result);
    CHECK_EQ(result.code, FIT_SLOPE);
}

TEST(output_that_has_no_text_is_found_and_a_little_more_is_not)
{
    struct fit fit;
    struct fit_result result;
    fit_init(&fit);
    for (int64_t i = 0; i < FIT_CALLS_MIN; i++) {
        CHECK(fit_add(&fit, call_number(i), 100, 101));
    }
    fit_judge_output(&fit, FIT_WINDOW, &result);
    CHECK(result.code == FIT_FINE);
    fit_init(&fit);
    for (int64_t i = 0; i < FIT_CALLS_MIN; i++) {
        CHECK(fit_add(&fit, call_number(i), 100, 107));
    }
    fit_judge_output(&fit, FIT_WINDOW, &result);
    CHECK(result.code == FIT_OUTPUT);
}

TEST(nonsense_is_not_added_and_few_calls_say_nothing)
{
    struct fit fit;
    struct fit_result result;
    fit_init(&fit);
    CHECK(!fit_add(&fit, call_number(1), -1, 1));
    CHECK(!fit_add(&fit, call_number(1), 1, -1));
    CHECK(!fit_add(&fit, call_number(1), FIT_TOKENS_MAX + 1, 1));
    CHECK(!fit_add(&fit, call_number(1), 1, INT64_MAX));
    CHECK(fit.count == 0);
    for (int64_t i = 0; i + 1 < FIT_CALLS_MIN; i++) {
        CHECK(fit_add(&fit, call_number(i), 10 * i, 30 * i + 100));
    }
    fit_judge_input(&fit, FIT_WINDOW, &result);
    CHECK(result.code == FIT_FINE);
    fit_judge_output(&fit, FIT_WINDOW, &result);
    CHECK(result.code == FIT_FINE);
}

TEST(the_largest_counts_stay_exact)
{
    static struct fit fit;
    struct fit_result result;
    fit_init(&fit);
    for (int64_t i = 0; i < 2 * FIT_WINDOW; i++) {
        int64_t counted = i % 2 == 0 ? 0 : FIT_TOKENS_MAX;
        CHECK(fit_add(&fit, call_number(i), counted, counted));
    }
    fit_judge_input(&fit, FIT_WINDOW, &result);
    CHECK(result.code == FIT_FINE);
    CHECK(result.slope_ppm == 0);
    CHECK(result.slope_error_ppm == 0);
    CHECK(result.offset_milli == 0);
}

TEST(codes_have_names)
{
    CHECK(strcmp(fit_code_name(FIT_SLOPE), "slope") == 0);
    CHECK(strcmp(fit_code_name(FIT_OUTPUT), "output") == 0);
}
