#include "sound/resample.h"

#include <math.h>
#include <string.h>

#define RESAMPLE_ONE 16384.0 /* Q14: a tap is at most 1, a sum of them little more */

/* The taps of a phase sum to one, so that silence and a steady tone keep their level. */
static void resample_phase(int16_t taps[RESAMPLE_TAPS], double phase, double band)
{
    double row[RESAMPLE_TAPS];
    double sum = 0;
    for (int i = 0; i < RESAMPLE_TAPS; i++) {
        double x = (double)i - (RESAMPLE_TAPS / 2 - 1) - phase;
        double angle = M_PI * x * band;
        double sinc = fabs(angle) < 1e-9 ? 1 : sin(angle) / angle;
        double window = 0.5 + 0.5 * cos(2 * M_PI * x / RESAMPLE_TAPS); /* Hann's */
        row[i] = fabs(x) < RESAMPLE_TAPS / 2 ? sinc * window : 0;
        sum += row[i];
    }
    for (int i = 0; i < RESAMPLE_TAPS; i++) {
        taps[i] = (int16_t)lrint(row[i] / sum * RESAMPLE_ONE);
    }
}

void resample_init(struct resample *resample, int from, int to)
{
    ASSERT(from >= 8000 && from <= 48000);
    ASSERT(to >= 8000 && to <= 48000);
    *resample = (struct resample){ .from = from, .to = to };
    double band = from > to ? 0.95 * to / from : 0.95;
    for (int i = 0; i < RESAMPLE_PHASES; i++) {
        resample_phase(resample->taps[i], (double)i / RESAMPLE_PHASES, band);
    }
}

static int16_t resample_at(const struct resample *resample, const int16_t *taps)
{
    int64_t sum = 0;
    for (size_t i = 0; i < RESAMPLE_TAPS; i++) {
        sum += (int64_t)resample->past[i] * taps[i];
    }
    sum /= (int64_t)RESAMPLE_ONE;
    return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

size_t resample_take(struct resample *resample, int16_t sample, int16_t ret_samples[RESAMPLE_MAX])
{
    memmove(resample->past, resample->past + 1, sizeof(resample->past) - sizeof(int16_t));
    resample->past[RESAMPLE_TAPS - 1] = sample;
    size_t count = 0;
    uint64_t to = (uint64_t)resample->to;
    while (resample->at < to) {
        ASSERT(count < RESAMPLE_MAX);
        const int16_t *taps = resample->taps[resample->at * RESAMPLE_PHASES / to];
        ret_samples[count] = resample_at(resample, taps);
        count++;
        resample->at += (uint64_t)resample->from;
    }
    resample->at -= to;
    return count;
}
