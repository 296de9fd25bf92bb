#include "sound/pause.h"

#define PAUSE_LOUD  ((int64_t)200 * 200) /* mean square: -44 dB; a microphone's own noise is less */
#define PAUSE_ABOVE 8                    /* 9 dB above the room */
#define PAUSE_RISE  64  /* the floor rises by a 64th each step: doubles in a second */
#define PAUSE_DOUBT 256 /* and while it is loud by so little: a fan that has started is no speech */

void pause_init(struct pause *pause, int rate)
{
    ASSERT(rate >= 8000 && rate <= 48000);
    *pause = (struct pause){ .rate = rate, .floor = PAUSE_LOUD / PAUSE_ABOVE };
}

void pause_reset(struct pause *pause)
{
    int64_t floor = pause->floor;
    pause_init(pause, pause->rate);
    pause->floor = floor;
}

static void pause_step(struct pause *pause)
{
    int64_t power = pause->sum / pause->count;
    int64_t loud = pause->floor * PAUSE_ABOVE;
    bool speaks = power > (loud > PAUSE_LOUD ? loud : PAUSE_LOUD);
    /* Speech has gaps, in which the floor falls back to what the room is; noise has none. */
    if (power < pause->floor) {
        pause->floor = power;
    } else {
        pause->floor += pause->floor / (speaks ? PAUSE_DOUBT : PAUSE_RISE) + 1;
    }
    pause->loud_ms = speaks ? pause->loud_ms + PAUSE_STEP_MS : 0;
    pause->quiet_ms = speaks ? 0 : pause->quiet_ms + PAUSE_STEP_MS;
    pause->spoken |= pause->loud_ms >= PAUSE_SPEAK_MS;
    pause->sum = 0;
    pause->count = 0;
}

void pause_hear(struct pause *pause, const int16_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pause->sum += (int64_t)samples[i] * samples[i];
        pause->count++;
        if (pause->count == pause->rate * PAUSE_STEP_MS / 1000) {
            pause_step(pause);
        }
    }
}

bool pause_ended(const struct pause *pause)
{
    return pause->spoken && pause->quiet_ms >= PAUSE_END_MS;
}
