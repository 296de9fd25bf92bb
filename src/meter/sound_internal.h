/* What the readers of containers share: sound.c gives each the bytes that it needs at once. */
#pragma once

#include "meter/sound.h"

#define SOUND_NS INT64_C(1000000000)

/* Of `head`: at `at`, `size` bytes, the least first, or the greatest. */
uint64_t sound_little(const struct sound *sound, size_t at, size_t size);
uint64_t sound_big(const struct sound *sound, size_t at, size_t size);
bool sound_is(const struct sound *sound, size_t at, struct str text);

/* A reader's next wish, one of these at each step. There may be more in `head` than was wished. */
void sound_grow(struct sound *sound, size_t need); /* the same, and more behind it */
void sound_pass(struct sound *sound, uint64_t bytes, size_t need); /* so many on from where it is */
void sound_stop(struct sound *sound);

/* count / rate seconds in ms, rounded up; UINT64_MAX where that is nonsense. */
uint64_t sound_ms(uint64_t count, uint64_t rate);

void sound_wav_begin(struct sound *sound); /* with the first 12 bytes in `head` */
void sound_wav_step(struct sound *sound);
uint64_t sound_wav_ms(const struct sound *sound); /* UINT64_MAX: unknown */
void sound_flac_begin(struct sound *sound);
void sound_flac_step(struct sound *sound);
uint64_t sound_flac_ms(const struct sound *sound);
void sound_ogg_begin(struct sound *sound);
void sound_ogg_step(struct sound *sound);
uint64_t sound_ogg_ms(const struct sound *sound);
void sound_mpeg_begin(struct sound *sound);
void sound_mpeg_step(struct sound *sound);
uint64_t sound_mpeg_ms(const struct sound *sound);
/* Whether `head` begins with a frame's header. */
bool sound_mpeg_is(const struct sound *sound);
void sound_mp4_begin(struct sound *sound);
void sound_mp4_step(struct sound *sound);
uint64_t sound_mp4_ms(const struct sound *sound);
void sound_webm_begin(struct sound *sound);
void sound_webm_step(struct sound *sound);
uint64_t sound_webm_ms(const struct sound *sound);
