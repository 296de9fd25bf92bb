/* Ogg (RFC 3533): pages, of which the last one of a stream says how far it has come. */
#include "meter/sound_internal.h"

#define OGG_PAGE   27 /* a page's head, without its table */
#define OGG_FIRST  40 /* of a stream's first packet: as far as the rate of any */
#define OGG_BEGINS 2
#define OGG_RATE   48000 /* of Opus: its granules always count so (RFC 7845 4) */

void sound_ogg_begin(struct sound *sound)
{
    sound->as.ogg = (struct sound_ogg){ .serial = 0 };
    sound_grow(sound, OGG_PAGE);
}

static uint64_t ogg_payload(const struct sound *sound)
{
    uint64_t size = 0;
    for (size_t i = OGG_PAGE; i < OGG_PAGE + (size_t)sound->head[26]; i++) {
        size += sound->head[i];
    }
    return size;
}

/* Nanoseconds of the stream under way. */
static uint64_t ogg_ns(const struct sound_ogg *ogg)
{
    uint64_t heard = ogg->last > ogg->skipped ? ogg->last - ogg->skipped : 0;
    uint64_t ms = ogg->has_stream ? sound_ms(heard, ogg->rate) : 0;
    return ms > (uint64_t)SOUND_MS_MAX ? UINT64_MAX / 4 : ms * 1000000;
}

/* A stream's first packet stands at `at`: is it a sound? */
static void ogg_stream(struct sound *sound, size_t at)
{
    struct sound_ogg *ogg = &sound->as.ogg;
    bool opus = sound_is(sound, at, STR("OpusHead")) && at + 12 <= sound->have;
    bool vorbis = sound_is(sound, at, STR("\x01vorbis")) && at + 16 <= sound->have;
    if ((!opus && !vorbis) || (ogg->has_stream && !ogg->begun)) {
        return; /* no sound, or a second one beside the first */
    }
    uint64_t before = ogg_ns(ogg);
    *ogg = (struct sound_ogg){
        .serial = (uint32_t)sound_little(sound, 14, 4),
        .rate = opus ? OGG_RATE : sound_little(sound, at + 12, 4),
        .skipped = opus ? sound_little(sound, at + 10, 2) : 0,
        .ns = ogg->ns > UINT64_MAX / 4 ? ogg->ns : ogg->ns + before,
        .has_stream = true,
    };
}

void sound_ogg_step(struct sound *sound)
{
    struct sound_ogg *ogg = &sound->as.ogg;
    if (!sound_is(sound, 0, STR("OggS\0"))) {
        sound_pass(sound, 1, OGG_PAGE); /* a page may begin further on */
        return;
    }
    size_t table = OGG_PAGE + (size_t)sound->head[26];
    if (sound->have < table) {
        sound_grow(sound, table);
        return;
    }
    uint64_t payload = ogg_payload(sound);
    bool begins = (sound->head[5] & OGG_BEGINS) != 0;
    size_t first =
        begins && payload >= 16 ? (payload < OGG_FIRST ? (size_t)payload : OGG_FIRST) : 0;
    if (sound->have < table + first) {
        sound_grow(sound, table + first);
        return;
    }
    if (first > 0) {
        ogg_stream(sound, table);
    }
    uint64_t granule = sound_little(sound, 6, 8);
    bool ours = ogg->has_stream && sound_little(sound, 14, 4) == ogg->serial;
    if (ours && !begins) {
        ogg->begun = true;
        ogg->last = granule <= INT64_MAX && granule > ogg->last ? granule : ogg->last;
    }
    sound_pass(sound, table + payload, OGG_PAGE);
}

uint64_t sound_ogg_ms(const struct sound *sound)
{
    const struct sound_ogg *ogg = &sound->as.ogg;
    uint64_t all = ogg->ns > UINT64_MAX / 4 ? UINT64_MAX / 4 : ogg->ns + ogg_ns(ogg);
    return (all + 999999) / 1000000;
}
