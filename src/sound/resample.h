/*
 * Samples of one rate made samples of another: a windowed sinc of 32 taps in 256 phases, which
 * keeps what the lower rate cannot have some 40 dB down: speech, not music. Pure. Where samples
 * are cut into pieces makes no difference.
 */
#pragma once

#include "base/buf.h"

#define RESAMPLE_TAPS   32
#define RESAMPLE_PHASES 256
#define RESAMPLE_MAX    8 /* times as many samples come out as go in, at most */

struct resample {
    int from; /* Hz */
    int to;
    uint64_t at; /* of the next sample, in 1/`to` of a sample that went in, behind `past` */
    int16_t past[RESAMPLE_TAPS];
    int16_t taps[RESAMPLE_PHASES][RESAMPLE_TAPS]; /* Q14 */
};

/* 8,000 <= `from`, `to` <= 48,000. */
void resample_init(struct resample *resample, int from, int to);
/* Takes one sample and gives those that can be made with it: their count. */
size_t resample_take(struct resample *resample, int16_t sample, int16_t ret_samples[RESAMPLE_MAX]);
