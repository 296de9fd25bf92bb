/*
 * A mouth: a WAV file, as it comes, made Opus packets for a device. Pure but for libopus.
 *
 * Packets are of MOUTH_RATE, one channel, and of the length that was agreed with the device; the
 * last one of a sentence is filled up with silence. 24 kbit/s with variable rate: a voice loses
 * nothing that a toy's speaker could show, and a second is 3 KB.
 *
 * Threads: one at a time. Failures: ERR_SOUND (no WAV), ERR_LIMIT (a sentence is longer than
 * MOUTH_MS_MAX), ERR_NO_MEMORY. After one the mouth may only be reset or ended.
 */
#pragma once

#include "base/buf.h"
#include "sound/resample.h"
#include "sound/wav.h"

#define MOUTH_RATE       24000
#define MOUTH_MS_MAX     120000 /* a sentence of 400 bytes lasts 30 s, read slowly twice that */
#define MOUTH_PACKET_MAX 1275   /* of one frame (RFC 6716); 60 ms of SILK are three in one packet */
#define MOUTH_FRAME_MAX  (MOUTH_RATE / 1000 * 60)
#define MOUTH_BYTES_MAX  ((size_t)2 << 20) /* of packets that wait: 120 s at 17 KB/s and more */

struct mouth {
    void *encoder; /* OpusEncoder; NULL: none yet */
    int frame_ms;
    struct wav wav;
    struct resample *resample; /* NULL: no sample has come */
    int16_t frame[MOUTH_FRAME_MAX];
    size_t frame_len; /* samples in it */
    int16_t channel;  /* the first of two */
    bool has_channel;
    char half; /* of a sample */
    bool has_half;
    int64_t ms;         /* spoken, whole packets */
    struct buf packets; /* each behind its length, two bytes, the lower first */
};

/* `frame_ms`: 10, 20, 40 or 60. No memory is taken before the first bytes. */
void mouth_init(struct mouth *mouth, int frame_ms);
void mouth_fini(struct mouth *mouth);
/* The next bytes of a file; packets that are complete are appended to `packets`. */
EP_MUST_CHECK enum err mouth_say(struct mouth *mouth, struct str bytes, struct fail *fail);
/* The file has ended; the next begins another. ERR_SOUND: there was no sample in it. */
EP_MUST_CHECK enum err mouth_end(struct mouth *mouth, struct fail *fail);
/* The first packet of `packets`, taken from its front. False: none. */
EP_MUST_CHECK bool mouth_packet(struct str *packets, struct str *ret_packet);
