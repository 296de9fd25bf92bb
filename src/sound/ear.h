/*
 * An ear: Opus packets of a device made a WAV file of what was said. Pure but for libopus; the room
 * `sound` is its only user.
 *
 * Whatever rate a device samples at, 16 kHz come out: recognisers want that, and Opus decodes to
 * any rate. Time is counted in what packets say they last, not in bytes: silence is a few bytes.
 *
 * Threads: one at a time. Failures: ERR_SOUND (a packet does not decode), ERR_NO_MEMORY.
 */
#pragma once

#include "base/buf.h"
#include "sound/pause.h"

#define EAR_RATE 16000
/* The longest that is heard in one segment: who speaks for half a minute has asked his question,
 * and it is 960 KB of samples. */
#define EAR_MS_MAX    30000
#define EAR_LEAD_MS   500
#define EAR_BYTES_MAX ((size_t)EAR_MS_MAX * (EAR_RATE / 1000) * 2)

struct ear {
    void *decoder; /* OpusDecoder; NULL: none yet */
    struct buf wav;
    struct pause pause;
    int64_t ms; /* heard, whole packets */
};

/* No memory is taken before the first packet. */
void ear_init(struct ear *ear);
void ear_fini(struct ear *ear);
/* A new segment: what was heard is forgotten but for the room's noise, the decoder begins anew. */
void ear_reset(struct ear *ear);
/* One packet; what goes beyond EAR_MS_MAX is not kept. */
EP_MUST_CHECK enum err ear_hear(struct ear *ear, struct str packet, struct fail *fail);
/* Forgets the silence that nobody has broken yet but for its last EAR_LEAD_MS, in which a word may
 * have begun: seconds of it are billed like any other. */
void ear_forget_silence(struct ear *ear);
bool ear_full(const struct ear *ear);
/* The WAV file of all that was heard; valid until the ear changes. Empty: nothing was. */
struct str ear_wav(struct ear *ear);
