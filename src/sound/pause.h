/*
 * Whether somebody speaks, and when he has ended: by the loudness of 20 ms at a time against what
 * the room's own noise was. Pure; integers only. It decides when a segment ends where the device
 * does not, and whether anything was said at all, so that silence is asked of nobody.
 */
#pragma once

#include "base/err.h"

#define PAUSE_STEP_MS 20
#define PAUSE_SPEAK_MS \
    100                  /* of speech without a gap: a click or a step is shorter, a word longer */
#define PAUSE_END_MS 800 /* of quiet behind speech: children stop for half a second within one */

struct pause {
    int rate;
    int64_t sum;   /* of squares, of the step under way */
    int count;     /* of samples in it */
    int64_t floor; /* mean square of the quietest that was heard, rising slowly */
    int loud_ms;   /* without a gap, up to now */
    int quiet_ms;  /* likewise */
    bool spoken;   /* somebody spoke */
};

void pause_init(struct pause *pause, int rate);
/* Somebody else speaks, or again: what the room is like is still known. */
void pause_reset(struct pause *pause);
void pause_hear(struct pause *pause, const int16_t *samples, size_t count);
/* Somebody spoke and has been quiet for PAUSE_END_MS. */
bool pause_ended(const struct pause *pause);
