#include "sound/pause.h"

#include "harness.h"

#define RATE 16000

static uint32_t noise_seed;

static int16_t noise(int level)
{
    noise_seed = noise_seed * 1664525U + 1013904223U;
    return (int16_t)((int)(noise_seed >> 16) % (2 * level + 1) - level);
}

static void hear(struct pause *pause, int ms, int level)
{
    int16_t samples[RATE / 1000];
    for (int i = 0; i < ms; i++) {
        for (size_t j = 0; j < EP_ARRAY_LEN(samples); j++) {
            samples[j] = noise(level);
        }
        pause_hear(pause, samples, EP_ARRAY_LEN(samples));
    }
}

TEST(silence_and_the_noise_of_a_room_are_not_speech)
{
    static const int levels[] = { 0, 20, 100, 300 };
    for (size_t i = 0; i < EP_ARRAY_LEN(levels); i++) {
        struct pause pause;
        pause_init(&pause, RATE);
        hear(&pause, 10000, levels[i]);
        CHECK(!pause.spoken);
        CHECK(!pause_ended(&pause));
    }
}

TEST(speech_ends_after_a_pause_and_not_within_one_of_half_a_second)
{
    struct pause pause;
    pause_init(&pause, RATE);
    hear(&pause, 500, 50);
    hear(&pause, 400, 5000);
    CHECK(pause.spoken);
    hear(&pause, 500, 50);
    CHECK(!pause_ended(&pause));
    hear(&pause, 400, 3000);
    hear(&pause, PAUSE_END_MS - PAUSE_STEP_MS, 50);
    CHECK(!pause_ended(&pause));
    hear(&pause, 2 * PAUSE_STEP_MS, 50);
    CHECK(pause_ended(&pause));
}

TEST(a_click_is_no_word)
{
    struct pause pause;
    pause_init(&pause, RATE);
    for (int i = 0; i < 5; i++) {
        hear(&pause, 40, 20000);
        hear(&pause, 300, 20);
    }
    CHECK(!pause.spoken);
}

TEST(a_noise_that_does_not_end_becomes_usual)
{
    struct pause pause;
    pause_init(&pause, RATE);
    hear(&pause, 8000, 600);
    CHECK(pause.spoken); /* it might have been */
    CHECK(pause_ended(&pause));
    pause_reset(&pause);
    hear(&pause, 6000, 600);
    CHECK(!pause.spoken);
    hear(&pause, 300, 8000);
    CHECK(pause.spoken);
    hear(&pause, PAUSE_END_MS + PAUSE_STEP_MS, 600);
    CHECK(pause_ended(&pause));
}

TEST(a_long_word_is_heard_to_its_end)
{
    struct pause pause;
    pause_init(&pause, RATE);
    hear(&pause, 5000, 5000);
    CHECK(pause.spoken);
    CHECK(!pause_ended(&pause));
}
