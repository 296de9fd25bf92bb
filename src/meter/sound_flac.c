/* FLAC (RFC 9639): its head says how many samples there are. An encoder that wrote to a pipe did
 * not know: then its frames are counted, each by its header. */
#include <string.h>

#include "meter/sound_internal.h"

#define FLAC_HEAD  42 /* its mark, a block's head, the stream info */
#define FLAC_BLOCK 4  /* a block's head */
#define FLAC_FRAME 5  /* of a frame's header: what tells how long it is */
#define FLAC_LAST  0x80

void sound_flac_begin(struct sound *sound)
{
    sound->as.flac = (struct sound_flac){ .ms = UINT64_MAX };
    sound_grow(sound, FLAC_HEAD);
}

/* Blocks of what is no sound are over: what follows are frames. */
static void flac_block_end(struct sound *sound, bool last, uint64_t size)
{
    sound->as.flac.in_frames = last;
    sound_pass(sound, size, last ? FLAC_FRAME : FLAC_BLOCK);
}

/* 20 bits of rate, 3 of channels, 5 of the width, 36 of the number of samples: from byte 18 on. */
static void flac_head(struct sound *sound)
{
    struct sound_flac *flac = &sound->as.flac;
    uint64_t samples = sound_big(sound, 21, 5) & ((UINT64_C(1) << 36) - 1);
    flac->rate = sound_big(sound, 18, 3) >> 4;
    if ((sound->head[4] & 0x7F) != 0 || samples > 0 || flac->rate == 0) {
        flac->ms = (sound->head[4] & 0x7F) == 0 ? sound_ms(samples, flac->rate) : UINT64_MAX;
        sound_stop(sound);
        return;
    }
    flac->live = true;
    flac_block_end(sound, (sound->head[4] & FLAC_LAST) != 0, FLAC_HEAD);
}

/* ---- frames ------------------------------------------------------------------------------- */

/* To the next byte with which a frame may begin. */
static void flac_seek(struct sound *sound)
{
    const unsigned char *next = memchr(sound->head + 1, 0xFF, sound->have - 1);
    sound_pass(sound, next == NULL ? sound->have : (uint64_t)(next - sound->head), FLAC_FRAME);
    sound->seek = sound->have == 0;
}

/* Bytes of a number in UTF-8's way, by the first; 0: it is none. */
static size_t flac_number_len(unsigned char first)
{
    size_t ones = 0;
    while (ones < 8 && (first & 0x80U >> ones) != 0) {
        ones++;
    }
    return ones == 0 ? 1 : ones == 1 || ones == 8 ? 0 : ones;
}

/* False: one of its bytes belongs to no number. */
static bool flac_number(const struct sound *sound, size_t len, uint64_t *ret_number)
{
    uint64_t number = len == 1 ? sound->head[4] : sound->head[4] & 0x7FU >> len;
    for (size_t i = 1; i < len; i++) {
        if ((sound->head[4 + i] & 0xC0) != 0x80) {
            return false;
        }
        number = number << 6 | (sound->head[4 + i] & 0x3F);
    }
    *ret_number = number;
    return true;
}

/* Bytes of the header that may begin here, the check behind it included; 0: none does. */
static size_t flac_header_len(const struct sound *sound)
{
    unsigned block = sound->head[2] >> 4;
    unsigned rate = sound->head[2] & 0x0F;
    size_t number = flac_number_len(sound->head[4]);
    bool fine = sound->head[0] == 0xFF && (sound->head[1] & 0xFE) == 0xF8 && block != 0 &&
                rate != 15 && sound->head[3] >> 4 <= 10 && (sound->head[3] & 1) == 0 && number != 0;
    size_t block_bytes = block == 6 ? 1 : block == 7 ? 2 : 0;
    size_t rate_bytes = rate == 12 ? 1 : rate == 13 || rate == 14 ? 2 : 0;
    return fine ? 4 + number + block_bytes + rate_bytes + 1 : 0;
}

/* CRC-8, x^8 + x^2 + x + 1, of so many bytes. */
static unsigned char flac_check(const unsigned char *bytes, size_t len)
{
    unsigned check = 0;
    for (size_t i = 0; i < len; i++) {
        check ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            check = (check << 1 ^ ((check & 0x80) != 0 ? 0x07U : 0U)) & 0xFF;
        }
    }
    return (unsigned char)check;
}

/* Samples of the frame; `at`: of what tells it in the header, if that is not the code alone. */
static uint64_t flac_samples(const struct sound *sound, size_t at)
{
    unsigned code = sound->head[2] >> 4;
    return code == 1   ? 192
           : code <= 5 ? UINT64_C(576) << (code - 2)
           : code == 6 ? sound_big(sound, at, 1) + 1
           : code == 7 ? sound_big(sound, at, 2) + 1
                       : UINT64_C(256) << (code - 8);
}

/* A header is whole in `head`. Only one that continues the frame before it counts: in what lies
 * between, anything may look like one. */
static void flac_frame(struct sound *sound, size_t len)
{
    struct sound_flac *flac = &sound->as.flac;
    size_t number_len = flac_number_len(sound->head[4]);
    uint64_t number = 0;
    bool fine = flac_number(sound, number_len, &number) &&
                flac_check(sound->head, len - 1) == sound->head[len - 1] &&
                (flac->samples == 0 || number == flac->next);
    if (fine) {
        bool by_sample = (sound->head[1] & 1) != 0;
        uint64_t samples = flac_samples(sound, 4 + number_len);
        flac->samples += samples; /* bounded by the file: a frame has some bytes */
        flac->next = number + (by_sample ? samples : 1);
    }
    flac_seek(sound);
}

void sound_flac_step(struct sound *sound)
{
    struct sound_flac *flac = &sound->as.flac;
    if (!flac->live) {
        flac_head(sound);
        return;
    }
    if (!flac->in_frames) {
        flac_block_end(sound, (sound->head[0] & FLAC_LAST) != 0,
                       FLAC_BLOCK + sound_big(sound, 1, 3));
        return;
    }
    size_t len = flac_header_len(sound);
    if (len == 0) {
        flac_seek(sound);
    } else if (sound->have < len) {
        sound_grow(sound, len);
    } else {
        flac_frame(sound, len);
    }
}

uint64_t sound_flac_ms(const struct sound *sound)
{
    const struct sound_flac *flac = &sound->as.flac;
    return flac->samples > 0 ? sound_ms(flac->samples, flac->rate) : flac->ms;
}
