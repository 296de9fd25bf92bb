/*
 * A realtime session's input_audio_buffer: how long the sound in it is, and where somebody speaks.
 * Pure. The sound itself is not kept.
 *
 * Somebody speaks from the first sample that is not quiet to the last before half a second that is.
 */
#pragma once

#include "base/buf.h"

#define HEARING_LEAST_MS 100     /* of a commit, as OpenAI has it */
#define HEARING_QUIET_MS 500     /* ends what is said */
#define HEARING_MAX_MS   3600000 /* in the buffer: an hour, as long as a session may be */

struct hearing {
    bool narrow;        /* G.711: a byte a sample, 8,000 a second; else two, 24,000 */
    bool speaks;        /* somebody does */
    int64_t samples;    /* in the buffer */
    int64_t quiet;      /* samples, of its end */
    int64_t since;      /* samples of the session so far */
    struct buf decoded; /* of the piece at hand */
};

enum hearing_heard {
    HEARING_BAD, /* no base64, or odd, or more than the buffer takes */
    HEARING_NOTHING,
    HEARING_STARTED,
    HEARING_STOPPED
};

void hearing_init(struct hearing *hearing);
void hearing_fini(struct hearing *hearing);
/* `audio`: a JSON string of base64. */
enum hearing_heard hearing_append(struct hearing *hearing, struct str audio);
void hearing_clear(struct hearing *hearing);
int64_t hearing_ms(const struct hearing *hearing);    /* in the buffer */
int64_t hearing_at_ms(const struct hearing *hearing); /* of the session */
