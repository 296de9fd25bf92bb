#include "sound/resample.h"

#include <math.h>

#include "harness.h"

#define RATES 6
static const int rates[RATES] = { 8000, 16000, 22050, 24000, 44100, 48000 };

/* A second of a tone, resampled: how many samples come, the mean square of them, and that of what
 * is left when the same tone of the new rate is taken away, whatever its phase and level. The first
 * twentieth, in which the taps fill, is not looked at. */
static double tone(int from, int to, double hertz, size_t *ret_count, double *ret_power)
{
    static struct resample resample;
    double power = 0;
    double real = 0;
    double imaginary = 0;
    size_t count = 0;
    size_t looked = 0;
    resample_init(&resample, from, to);
    for (int i = 0; i < from; i++) {
        int16_t out[RESAMPLE_MAX];
        int16_t in = (int16_t)lrint(10000 * sin(2 * M_PI * hertz * i / from));
        size_t made = resample_take(&resample, in, out);
        for (size_t j = 0; j < made; j++) {
            double angle = 2 * M_PI * hertz * (double)count / to;
            count++;
            if (count > (size_t)to / 20) {
                power += (double)out[j] * out[j];
                real += out[j] * cos(angle);
                imaginary += out[j] * sin(angle);
                looked++;
            }
        }
    }
    double kept = 2 * (real * real + imaginary * imaginary) / (double)looked / (double)looked;
    *ret_count = count;
    *ret_power = power / (double)looked;
    return *ret_power - kept;
}

TEST(a_tone_stays_what_it_was_at_every_pair_of_rates)
{
    for (int i = 0; i < RATES; i++) {
        for (int j = 0; j < RATES; j++) {
            size_t count;
            double power;
            double rest = tone(rates[i], rates[j], 1000, &count, &power);
            CHECK((int)count >= rates[j] - RESAMPLE_MAX && (int)count <= rates[j] + RESAMPLE_MAX);
            CHECK(power > 49e6 && power < 52e6);
            CHECK(rest < power / 1e4); /* 40 dB */
        }
    }
}

TEST(what_the_lower_rate_cannot_have_is_kept_out)
{
    size_t count;
    double power;
    (void)tone(48000, 24000, 16000, &count, &power);
    CHECK(power < 50e6 / 1e4);
}

TEST(the_loudest_samples_do_not_turn_over)
{
    static struct resample resample;
    resample_init(&resample, 22050, 24000);
    for (int i = 0; i < 1000; i++) {
        int16_t out[RESAMPLE_MAX];
        size_t made = resample_take(&resample, i % 40 < 20 ? INT16_MAX : INT16_MIN, out);
        for (size_t j = 0; j < made && i > 40; j++) {
            CHECK((out[j] > 0) == ((i + 40 - RESAMPLE_TAPS / 2) % 40 < 20) || out[j] > -32000);
        }
    }
}
