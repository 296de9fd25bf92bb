/* WebM and Matroska (RFC 9559): elements in elements. What a browser records tells no duration, and
 * sizes of segment and clusters neither: then its last block says how long it is. */
#include "meter/sound_internal.h"

#define WEBM_SEGMENT  0x18538067U
#define WEBM_INFO     0x1549A966U
#define WEBM_SCALE    0x2AD7B1U
#define WEBM_DURATION 0x4489U
#define WEBM_CLUSTER  0x1F43B675U
#define WEBM_TIME     0xE7U
#define WEBM_GROUP    0xA0U
#define WEBM_BLOCK    0xA1U
#define WEBM_SIMPLE   0xA3U
#define WEBM_TICK_NS  1000000U /* where the info does not say */
#define WEBM_FIRST    2        /* bytes of an element that tell how long its id is */
#define WEBM_ROOM     4        /* of a block: its track in up to 2 bytes, its time in 2 */

void sound_webm_begin(struct sound *sound)
{
    sound->as.webm = (struct sound_webm){ .scale = WEBM_TICK_NS };
    sound->need = WEBM_FIRST;
}

/* Bytes of the number that begins with `byte`; 0: none does. */
static size_t webm_width(unsigned char byte)
{
    size_t width = 1;
    while (width <= 8 && (byte & (0x80U >> (width - 1))) == 0) {
        width++;
    }
    return width <= 8 ? width : 0;
}

/* A floating number as a whole one, rounded up, without the processor's. */
static uint64_t webm_float(uint64_t bits, size_t size)
{
    unsigned mantissa_bits = size == 4 ? 23 : 52;
    uint64_t top = size == 4 ? 0xFF : 0x7FF;
    int64_t exponent = (int64_t)(bits >> mantissa_bits & top) - (int64_t)(top >> 1);
    uint64_t mantissa = (bits & ((UINT64_C(1) << mantissa_bits) - 1)) | UINT64_C(1)
                                                                            << mantissa_bits;
    bool negative = (bits >> (size * 8 - 1)) != 0;
    if (negative || exponent < 0 || exponent > 50) {
        return negative || exponent > 50 ? 0 : 1; /* nonsense; less than one */
    }
    int64_t down = (int64_t)mantissa_bits - exponent;
    return down <= 0 ? mantissa << -down : (mantissa + (UINT64_C(1) << down) - 1) >> down;
}

static bool webm_is_folder(uint64_t id)
{
    return id == WEBM_SEGMENT || id == WEBM_INFO || id == WEBM_CLUSTER || id == WEBM_GROUP;
}

/* What of an element is wanted in `head`: all of a number, the front of a block. */
static size_t webm_wanted(uint64_t id, uint64_t size)
{
    bool number = id == WEBM_SCALE || id == WEBM_TIME || id == WEBM_DURATION;
    bool block = id == WEBM_BLOCK || id == WEBM_SIMPLE;
    return number && size >= 1 && size <= 8 ? (size_t)size
           : block && size >= WEBM_ROOM     ? WEBM_ROOM
                                            : 0;
}

static void webm_take(struct sound *sound, uint64_t id, size_t at, size_t wanted)
{
    struct sound_webm *webm = &sound->as.webm;
    if (id == WEBM_SCALE) {
        webm->scale = sound_big(sound, at, wanted);
    } else if (id == WEBM_TIME) {
        webm->cluster = sound_big(sound, at, wanted);
    } else if (id == WEBM_DURATION) {
        bool fits = wanted == 4 || wanted == 8;
        webm->len = fits ? webm_float(sound_big(sound, at, wanted), wanted) : 0;
    } else {
        size_t track = webm_width(sound->head[at]);
        if (track == 1 || track == 2) {
            int64_t time = (int16_t)(uint16_t)sound_big(sound, at + track, 2);
            int64_t cluster = (int64_t)(webm->cluster & (UINT64_MAX >> 2));
            uint64_t tick = cluster + time > 0 ? (uint64_t)(cluster + time) : 0;
            webm->last = tick > webm->last ? tick : webm->last;
        }
    }
}

/* An element whose id and size are known. */
static void webm_element(struct sound *sound, uint64_t id, uint64_t size, size_t at)
{
    if (webm_is_folder(id)) {
        sound_pass(sound, at, WEBM_FIRST);
        return;
    }
    size_t wanted = webm_wanted(id, size);
    if (sound->have < at + wanted) {
        sound_grow(sound, at + wanted);
        return;
    }
    if (wanted > 0) {
        webm_take(sound, id, at, wanted);
    }
    sound_pass(sound, at + size, WEBM_FIRST);
}

void sound_webm_step(struct sound *sound)
{
    size_t id_width = webm_width(sound->head[0]);
    if (id_width == 0 || id_width > 4) {
        sound_stop(sound);
        return;
    }
    if (sound->have < id_width + 1) {
        sound_grow(sound, id_width + 1);
        return;
    }
    size_t size_width = webm_width(sound->head[id_width]);
    if (size_width == 0) {
        sound_stop(sound);
        return;
    }
    if (sound->have < id_width + size_width) {
        sound_grow(sound, id_width + size_width);
        return;
    }
    uint64_t mask = (UINT64_C(1) << (7 * size_width)) - 1;
    uint64_t id = sound_big(sound, 0, id_width);
    uint64_t size = sound_big(sound, id_width, size_width) & mask;
    if (size == mask && !webm_is_folder(id)) {
        sound_stop(sound); /* of unknown size: only folders may be */
        return;
    }
    webm_element(sound, id, size, id_width + size_width);
}

uint64_t sound_webm_ms(const struct sound *sound)
{
    const struct sound_webm *webm = &sound->as.webm;
    uint64_t ticks = webm->len > webm->last ? webm->len : webm->last;
    if (webm->scale == 0 || ticks > UINT64_MAX / 2 / webm->scale) {
        return UINT64_MAX;
    }
    return (ticks * webm->scale + 999999) / 1000000;
}
