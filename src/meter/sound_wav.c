/* WAV: a head that says all of it. */
#include "meter/sound_internal.h"

#define WAV_CHUNK  8
#define WAV_FORMAT 16 /* of its format chunk: all that is needed */
#define WAV_FACT   4
#define WAV_OPEN   UINT32_C(0xFFFFFFFF)

void sound_wav_begin(struct sound *sound)
{
    sound->as.wav = (struct sound_wav){ .rate = 0 };
    sound_pass(sound, sound->have, WAV_CHUNK);
}

/* The format, whole in `head`. Of plain samples the rate is computed: what stands there is only
 * said. */
static void wav_format(struct sound *sound)
{
    uint64_t tag = sound_little(sound, WAV_CHUNK, 2);
    uint64_t frames = sound_little(sound, WAV_CHUNK + 4, 4);
    uint64_t bytes = sound_little(sound, WAV_CHUNK + 8, 4);
    uint64_t block = sound_little(sound, WAV_CHUNK + 12, 2);
    bool plain = tag == 1 || tag == 3 || tag == 6 || tag == 7 || tag == 0xFFFE;
    sound->as.wav.rate = plain ? frames * block : bytes;
    sound->as.wav.frames = plain ? 0 : frames;
    sound->as.wav.packed = !plain;
}

/* Of compressed samples, how many there are. */
static void wav_fact(struct sound *sound)
{
    struct sound_wav *wav = &sound->as.wav;
    wav->fact_ms = wav->frames > 0 ? sound_ms(sound_little(sound, WAV_CHUNK, 4), wav->frames) : 0;
}

void sound_wav_step(struct sound *sound)
{
    struct sound_wav *wav = &sound->as.wav;
    uint64_t size = sound_little(sound, 4, 4);
    if (sound_is(sound, 0, STR("data"))) {
        /* An encoder that wrote to a pipe left 0 or all ones; one of RF64 says it elsewhere. */
        wav->has_data = true;
        wav->data_at = sound->at + WAV_CHUNK;
        wav->data_len = size == 0 || size == WAV_OPEN ? UINT64_MAX : size;
        sound_stop(sound);
        return;
    }
    if (sound_is(sound, 0, STR("fmt ")) && size >= WAV_FORMAT) {
        if (sound->have < WAV_CHUNK + WAV_FORMAT) {
            sound_grow(sound, WAV_CHUNK + WAV_FORMAT);
            return;
        }
        wav_format(sound);
    } else if (sound_is(sound, 0, STR("fact")) && size >= WAV_FACT) {
        if (sound->have < WAV_CHUNK + WAV_FACT) {
            sound_grow(sound, WAV_CHUNK + WAV_FACT);
            return;
        }
        wav_fact(sound);
    }
    sound_pass(sound, WAV_CHUNK + size + (size & 1), WAV_CHUNK);
}

uint64_t sound_wav_ms(const struct sound *sound)
{
    const struct sound_wav *wav = &sound->as.wav;
    if (!wav->has_data) {
        return UINT64_MAX;
    }
    uint64_t there = sound->size - wav->data_at;
    uint64_t ms = sound_ms(there < wav->data_len ? there : wav->data_len, wav->rate);
    return ms < UINT64_MAX && wav->fact_ms > ms ? wav->fact_ms : ms;
}
