/* MP4 (ISO 14496-12): boxes in boxes. The sample table of a sound is what decoders go by, and where
 * it was written as it was recorded, what each of its fragments (moof) says of its samples. */
#include "meter/sound_internal.h"

#define MP4_BOX      8
#define MP4_BOX_LONG 16
#define MP4_TIMES    24 /* of a header's payload: all times of its first version */
#define MP4_WIDE     32 /* likewise, of its second */
#define MP4_HANDLER  12 /* of a handler's payload: to its kind */
#define MP4_TRACK    24 /* of a track's header: to its number, in each version */
#define MP4_EXTENDS  16 /* of what holds for a track's fragments: to the ticks of a sample */
#define MP4_DURATION 12 /* of how long all fragments are: in each version */
#define MP4_FRAGMENT 24 /* of a track's fragment: to the ticks of a sample, at most */
#define MP4_TABLE \
    ((size_t)8)       /* of a table's payload: to its first row, or what a fragment's has before */
#define MP4_ROW     8 /* a number of samples, and how long each is */
#define MP4_SUM_MAX (UINT64_MAX / 4) /* nonsense, but no overflow */

/* What is there in a track's fragment, and in the table of its samples. */
#define MP4_HAS_BASE     0x1
#define MP4_HAS_INDEX    0x2
#define MP4_HAS_EACH     0x8
#define MP4_HAS_OFFSET   0x1
#define MP4_HAS_FIRST    0x4
#define MP4_HAS_DURATION 0x100
#define MP4_HAS_ROW      0xF00 /* duration, size, flags, offset: four bytes each */

void sound_mp4_begin(struct sound *sound)
{
    sound->as.mp4 = (struct sound_mp4){ .at = SOUND_MP4_TRACKS };
    sound->need = MP4_BOX;
}

static bool mp4_is_folder(const struct sound *sound)
{
    static const struct str folders[] = { STR_INIT("moov"), STR_INIT("trak"), STR_INIT("mdia"),
                                          STR_INIT("minf"), STR_INIT("stbl"), STR_INIT("mvex"),
                                          STR_INIT("moof"), STR_INIT("traf") };
    for (size_t i = 0; i < EP_ARRAY_LEN(folders); i++) {
        if (sound_is(sound, 4, folders[i])) {
            return true;
        }
    }
    return false;
}

/* ---- tracks ------------------------------------------------------------------------------- */

static uint64_t mp4_track_ms(const struct sound_mp4_track *track)
{
    return track->is_sound && track->sum > 0 ? sound_ms(track->sum, track->scale) : 0;
}

/* NULL: none is under way. */
static struct sound_mp4_track *mp4_track(struct sound_mp4 *mp4)
{
    return mp4->at < mp4->count ? &mp4->tracks[mp4->at] : NULL;
}

/* A track that is under way from now on. Where there are too many, the last makes room for it. */
static struct sound_mp4_track *mp4_add(struct sound_mp4 *mp4, uint64_t id)
{
    mp4->at = mp4->count < SOUND_MP4_TRACKS ? mp4->count++ : SOUND_MP4_TRACKS - 1;
    struct sound_mp4_track *track = &mp4->tracks[mp4->at];
    uint64_t ms = mp4_track_ms(track);
    mp4->most_ms = ms > mp4->most_ms ? ms : mp4->most_ms;
    *track = (struct sound_mp4_track){ .id = id };
    return track;
}

/* The track of that number is under way, if there is one. */
static bool mp4_find(struct sound_mp4 *mp4, uint64_t id)
{
    mp4->at = 0;
    while (mp4->at < mp4->count && mp4->tracks[mp4->at].id != id) {
        mp4->at++;
    }
    return mp4->at < mp4->count;
}

static void mp4_sum(struct sound_mp4 *mp4, uint64_t samples, uint64_t each)
{
    struct sound_mp4_track *track = mp4_track(mp4);
    if (track != NULL) { /* both have 32 bits */
        track->sum += samples * each < MP4_SUM_MAX ? samples * each : MP4_SUM_MAX;
        track->sum = track->sum < MP4_SUM_MAX ? track->sum : MP4_SUM_MAX;
    }
}

/* ---- boxes that are read ------------------------------------------------------------------ */

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
    } else if (mp4_track(mp4) != NULL) {
        mp4_track(mp4)->scale = scale;
    }
}

/* What holds for a track's fragments may have come before the track itself. */
static void mp4_number(struct sound_mp4 *mp4, uint64_t id)
{
    size_t at = mp4->at;
    if (mp4_track(mp4) == NULL) {
        return;
    }
    if (mp4_find(mp4, id)) {
        mp4->tracks[at].each = mp4_track(mp4)->each;
        mp4_track(mp4)->id = 0;
    }
    mp4->tracks[at].id = id;
    mp4->at = at;
}

/* tkhd, trex, mehd, tfhd: small ones that are whole in `head`, behind `at`. */
static void mp4_small(struct sound *sound, size_t at, size_t size)
{
    struct sound_mp4 *mp4 = &sound->as.mp4;
    bool wide = sound->head[at] == 1;
    uint64_t flags = sound_big(sound, at + 1, 3);
    uint64_t id = sound_big(sound, at + 4, 4);
    if (sound_is(sound, 4, STR("tkhd"))) {
        mp4_number(mp4, sound_big(sound, at + (wide ? 20 : 12), 4));
    } else if (sound_is(sound, 4, STR("mehd"))) {
        mp4->movie_len = wide ? sound_big(sound, at + 4, 8) : id;
    } else if (sound_is(sound, 4, STR("trex"))) {
        struct sound_mp4_track *track = mp4_find(mp4, id) ? mp4_track(mp4) : mp4_add(mp4, id);
        track->each = sound_big(sound, at + 12, 4);
    } else if (mp4_find(mp4, id)) {
        size_t each = MP4_TABLE + ((flags & MP4_HAS_BASE) != 0 ? 8U : 0) +
                      ((flags & MP4_HAS_INDEX) != 0 ? 4U : 0);
        bool own = (flags & MP4_HAS_EACH) != 0 && each + 4 <= size;
        mp4->each = own ? sound_big(sound, at + each, 4) : mp4_track(mp4)->each;
    }
}

/* A table of `rows`, each of so many bytes, in the rest of a payload; what does not add up is
 * passed over. False: there is none. */
static bool mp4_rows(struct sound_mp4 *mp4, uint64_t rows, size_t row, uint64_t rest)
{
    bool fine = rows > 0 && row > 0 && rest == rows * row;
    mp4->rows = fine ? rows : 0;
    mp4->row = row;
    return fine;
}

/* trun: how many samples, and how long each, or all of them. */
static size_t mp4_run(struct sound *sound, size_t at, uint64_t payload)
{
    struct sound_mp4 *mp4 = &sound->as.mp4;
    uint64_t flags = sound_big(sound, at + 1, 3);
    uint64_t samples = sound_big(sound, at + 4, 4);
    size_t row = 4 * (size_t)__builtin_popcountll(flags & MP4_HAS_ROW);
    size_t front = MP4_TABLE + ((flags & MP4_HAS_OFFSET) != 0 ? 4U : 0) +
                   ((flags & MP4_HAS_FIRST) != 0 ? 4U : 0);
    if ((flags & MP4_HAS_DURATION) == 0) {
        mp4_sum(mp4, samples, mp4->each);
        return 0;
    }
    mp4->runs = true;
    return payload >= front && mp4_rows(mp4, samples, row, payload - front) ? front : 0;
}

static size_t mp4_table(struct sound *sound, size_t at, uint64_t payload)
{
    struct sound_mp4 *mp4 = &sound->as.mp4;
    mp4->runs = false;
    bool rows = mp4_rows(mp4, sound_big(sound, at + 4, 4), MP4_ROW, payload - MP4_TABLE);
    return rows ? MP4_TABLE : 0;
}

static void mp4_row(struct sound *sound)
{
    struct sound_mp4 *mp4 = &sound->as.mp4;
    uint64_t first = sound_big(sound, 0, 4);
    if (mp4->runs) {
        mp4_sum(mp4, 1, first);
    } else {
        mp4_sum(mp4, first, sound_big(sound, 4, 4));
    }
    mp4->rows--;
    sound_pass(sound, mp4->row, mp4->rows > 0 ? mp4->row : MP4_BOX);
}

/* ---- boxes -------------------------------------------------------------------------------- */

struct mp4_wish {
    struct str name;
    size_t bytes; /* of its payload */
};

/* What of a box's payload is wanted in `head`; 0: nothing. */
static size_t mp4_wanted(const struct sound *sound, uint64_t payload)
{
    static const struct mp4_wish wishes[] = {
        { STR_INIT("mvhd"), MP4_TIMES },   { STR_INIT("mdhd"), MP4_TIMES },
        { STR_INIT("hdlr"), MP4_HANDLER }, { STR_INIT("stts"), MP4_TABLE },
        { STR_INIT("tkhd"), MP4_TRACK },   { STR_INIT("trex"), MP4_EXTENDS },
        { STR_INIT("mehd"), MP4_BOX },     { STR_INIT("tfhd"), MP4_TABLE },
        { STR_INIT("trun"), MP4_TABLE },
    };
    size_t wanted = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(wishes) && wanted == 0; i++) {
        wanted = sound_is(sound, 4, wishes[i].name) ? wishes[i].bytes : 0;
    }
    size_t most = wanted == MP4_TIMES && !sound_is(sound, 4, STR("tkhd")) ? MP4_WIDE
                  : sound_is(sound, 4, STR("tfhd"))                       ? MP4_FRAGMENT
                  : sound_is(sound, 4, STR("mehd"))                       ? MP4_DURATION
                                                                          : wanted;
    return payload < wanted ? 0 : payload < most ? (size_t)payload : most;
}

/* Bytes of the payload before the rows of a table; 0: none follow. */
static size_t mp4_take(struct sound *sound, size_t at, uint64_t payload, size_t wanted)
{
    struct sound_mp4 *mp4 = &sound->as.mp4;
    bool times = sound_is(sound, 4, STR("mvhd")) || sound_is(sound, 4, STR("mdhd"));
    if (sound_is(sound, 4, STR("hdlr"))) {
        if (mp4_track(mp4) != NULL) {
            mp4_track(mp4)->is_sound |= sound_is(sound, at + 8, STR("soun"));
        }
    } else if (sound_is(sound, 4, STR("stts"))) {
        return mp4_table(sound, at, payload);
    } else if (sound_is(sound, 4, STR("trun"))) {
        return mp4_run(sound, at, payload);
    } else if (!times) {
        bool whole =
            sound->head[at] != 1 || !sound_is(sound, 4, STR("mehd")) || wanted >= MP4_DURATION;
        if (whole) {
            mp4_small(sound, at, wanted);
        }
    } else if (sound->head[at] != 1 || payload >= MP4_WIDE) { /* its second version is longer */
        mp4_times(sound, at);
    }
    return 0;
}

/* A box whose head is whole. */
static void mp4_box(struct sound *sound, size_t at, uint64_t payload)
{
    if (sound_is(sound, 4, STR("trak"))) {
        (void)mp4_add(&sound->as.mp4, 0); /* until its header says its number */
    } else if (sound_is(sound, 4, STR("traf"))) {
        sound->as.mp4.at = SOUND_MP4_TRACKS; /* likewise */
    }
    if (mp4_is_folder(sound)) {
        sound_pass(sound, at, MP4_BOX);
        return;
    }
    size_t wanted = mp4_wanted(sound, payload);
    if (sound->have < at + wanted) {
        sound_grow(sound, at + wanted);
        return;
    }
    size_t front = wanted == 0 ? 0 : mp4_take(sound, at, payload, wanted);
    if (front > 0) {
        sound_pass(sound, at + front, sound->as.mp4.row);
    } else {
        sound_pass(sound, at + payload, MP4_BOX);
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
    const struct sound_mp4 *mp4 = &sound->as.mp4;
    uint64_t most = mp4->most_ms;
    for (size_t i = 0; i < mp4->count; i++) {
        uint64_t ms = mp4_track_ms(&mp4->tracks[i]);
        most = ms > most ? ms : most;
    }
    return most > 0             ? most
           : mp4->movie_len > 0 ? sound_ms(mp4->movie_len, mp4->movie_scale)
                                : UINT64_MAX;
}
