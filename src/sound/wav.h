/*
 * WAV files (RIFF) of 16-bit samples: a head to write, and a reader that is fed in pieces. Pure.
 *
 * Read is what services of speech send: PCM of one or two channels, chunks that are not known
 * skipped, lengths that nobody knew when the head was written (0, or 0xFFFFFFFF: "to the end").
 */
#pragma once

#include "base/str.h"

#define WAV_HEAD     ((size_t)44)
#define WAV_RATE_MIN 8000
#define WAV_RATE_MAX 48000

/* The head of one channel with `bytes` of samples behind it. */
void wav_head(int rate, size_t bytes, char ret_head[WAV_HEAD]);

struct wav {
    int state;        /* enum wav_state, in wav.c */
    char piece[20];   /* of a head or chunk that is not complete */
    size_t piece_len; /* of it */
    uint32_t left;    /* of the chunk that is read or skipped */
    bool endless;     /* its length is not known */
    int channels;     /* once the format is known: 1 or 2 */
    int rate;         /* Hz; 0: not known yet */
};

void wav_init(struct wav *wav);
/*
 * Takes from the front of `bytes` and sets *ret_samples to a slice of it with samples (may be
 * empty): 16 bits, little endian, channels in turn; a slice may end within a sample. Call until
 * `bytes` is empty. ERR_SOUND: no WAV, or none that is read here.
 */
EP_MUST_CHECK enum err wav_read(struct wav *wav, struct str *bytes, struct str *ret_samples,
                                struct fail *fail);
