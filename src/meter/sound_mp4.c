/* MP4 (ISO 14496-12): boxes in boxes. The sample table of a sound is what decoders go by. */
#include "meter/sound_internal.h"

#define MP4_BOX      8
#define MP4_BOX_LONG 16
#define MP4_TIMES    24      /* of a header's payload: all times of its first version */
#define MP4_WIDE     32      /* likewise, of its second */
#define MP4_HANDLER  12      /* of a handler's payload: to its kind */
#define MP4_TABLE    8       /* of a table's payload: to its first row */
#define MP4_ROW      MP4_BOX /* a number of samples, and how long each is */

void sound_mp4_begin(struct sound *sound)
{
    sound->as.mp4 = (struct sound_mp4){ .scale = 0 };
    sound->need = MP4_BOX;
}

static bool mp4_is_folder(const struct sound *sound)
{
    static const struct str folders[] = { STR_INIT("moov"), STR_INIT("trak"), STR_INIT("mdia"),
                                          STR_INIT("minf"), STR_INIT("stbl") };
    for (size_t i = 0; i < EP_ARRAY_LEN(folders); i++) {
        if (sound_is(sound, 4, folders[i])) {
            return true;
        }
    }
    return false;
}

/* The track that was under way is over. */
static void mp4_track(struct sound_mp4 *mp4)
{
    uint64_t ms = mp4->is_sound && mp4->sum > 0 ? sound_ms(mp4->sum, mp4->scale) : 0;
    mp4->most_ms = ms > mp4->most_ms ? ms : mp4->most_ms;
    mp4->scale = 0;
    mp4->sum = 0;
    mp4->is_sound = false;
}

/* mvhd or mdhd, as far as its duration, behind `at` in `head`. All ones: it is not known. */
static void mp4_times(struct sound *sound, size_t at)
{
    struct sound_mp4 *mp4 = &sound->as.mp4;
    bool wide = sound->head[at] == 1;
    uint64_t scale = sound_big(sound, at + (wide ? 20 : 12), 4);
    uint64_t len = sound_big(sound, at + (wide ? 24 : 16), wide ? 8 : 4);
    bool known = len < (wide ? UINT64_MAX : (uint64_t)UINT32_MAX);
    if (sound_is(sound, 4, STR("mvhd"))) {
        mp4->movie_scale = scale;
        mp4->movie_len = known ? len : 0;
    } else {
        mp4->scale = scale;
    }
}

static void mp4_row(struct sound *sound)
{
    struct sound_mp4 *mp4 = &sound->as.mp4;
    uint64_t samples = sound_big(sound, 0, 4);
    uint64_t each = sound_big(sound, 4, 4);
    uint64_t most = UINT64_MAX / 4; /* nonsense, but no overflow */
    mp4->sum += samples * each < most ? samples * each : most;
    mp4->sum = mp4->sum < most ? mp4->sum : most;
    mp4->rows--;
    sound_pass(sound, MP4_ROW, MP4_BOX); /* another, or a box: of the same size */
}

/* What of a box's payload is wanted in `head`; 0: nothing. */
static size_t mp4_wanted(const struct sound *sound, uint64_t payload)
{
    bool times = sound_is(sound, 4, STR("mvhd")) || sound_is(sound, 4, STR("mdhd"));
    size_t wanted = times                             ? payload < MP4_WIDE ? MP4_TIMES : MP4_WIDE
                    : sound_is(sound, 4, STR("hdlr")) ? MP4_HANDLER
                    : sound_is(sound, 4, STR("stts")) ? MP4_TABLE
                                                      : 0;
    return payload < wanted ? 0 : wanted;
}

/* False: rows follow, and not another box. */
static bool mp4_take(struct sound *sound, size_t at, uint64_t payload)
{
    struct sound_mp4 *mp4 = &sound->as.mp4;
    if (sound_is(sound, 4, STR("hdlr"))) {
        mp4->is_sound |= sound_is(sound, at + 8, STR("soun"));
    } else if (sound_is(sound, 4, STR("stts"))) {
        uint64_t rows = sound_big(sound, at + 4, 4);
        if (rows > 0 && payload - MP4_TABLE == rows * MP4_ROW) {
            mp4->rows = rows;
            return false;
        }
    } else if (sound->head[at] != 1 || payload >= MP4_WIDE) { /* its second version is longer */
        mp4_times(sound, at);
    }
    return true;
}

/* A box whose head is whole. */
static void mp4_box(struct sound *sound, size_t at, uint64_t payload)
{
    if (sound_is(sound, 4, STR("trak"))) {
        mp4_track(&sound->as.mp4);
    }
    if (mp4_is_folder(sound)) {
        sound_pass(sound, at, MP4_BOX);
        return;
    }
    size_t wanted = mp4_wanted(sound, payload);
    if (sound->have < at + wanted) {
        sound_grow(sound, at + wanted);
    } else if (wanted == 0 || mp4_take(sound, at, payload)) {
        sound_pass(sound, at + payload, MP4_BOX);
    } else {
        sound_pass(sound, at + MP4_TABLE, MP4_ROW);
    }
}

void sound_mp4_step(struct sound *sound)
{
    if (sound->as.mp4.rows > 0) {
        mp4_row(sound);
        return;
    }
    uint64_t size = sound_big(sound, 0, 4);
    size_t at = size == 1 ? MP4_BOX_LONG : MP4_BOX;
    if (sound->have < at) {
        sound_grow(sound, at);
        return;
    }
    size = size == 1 ? sound_big(sound, 8, 8) : size;
    if (size < at) {
        sound_stop(sound); /* to the end of the file, or nonsense */
        return;
    }
    mp4_box(sound, at, size - at);
}

uint64_t sound_mp4_ms(const struct sound *sound)
{
    struct sound_mp4 mp4 = sound->as.mp4;
    mp4_track(&mp4);
    return mp4.most_ms > 0     ? mp4.most_ms
           : mp4.movie_len > 0 ? sound_ms(mp4.movie_len, mp4.movie_scale)
                               : UINT64_MAX;
}
