#include <string.h>

#include "meter/sound_internal.h"

#define SOUND_SNIFF 12 /* bytes that tell what it is */

struct sound_reader {
    const char *name;
    void (*begin)(struct sound *sound);
    void (*step)(struct sound *sound);
    uint64_t (*ms)(const struct sound *sound);
};

static const struct sound_reader readers[SOUND_KINDS] = {
    [SOUND_UNKNOWN] = { "unknown", NULL, NULL, NULL },
    [SOUND_WAV] = { "wav", sound_wav_begin, sound_wav_step, sound_wav_ms },
    [SOUND_FLAC] = { "flac", sound_flac_begin, sound_flac_step, sound_flac_ms },
    [SOUND_OGG] = { "ogg", sound_ogg_begin, sound_ogg_step, sound_ogg_ms },
    [SOUND_MPEG] = { "mpeg", sound_mpeg_begin, sound_mpeg_step, sound_mpeg_ms },
    [SOUND_MP4] = { "mp4", sound_mp4_begin, sound_mp4_step, sound_mp4_ms },
    [SOUND_WEBM] = { "webm", sound_webm_begin, sound_webm_step, sound_webm_ms },
};

/* ---- what readers use -------------------------------------------------------------------- */

uint64_t sound_little(const struct sound *sound, size_t at, size_t size)
{
    ASSERT(at + size <= sound->have && size <= 8);
    uint64_t value = 0;
    for (size_t i = size; i > 0; i--) {
        value = value << 8 | sound->head[at + i - 1];
    }
    return value;
}

uint64_t sound_big(const struct sound *sound, size_t at, size_t size)
{
    ASSERT(at + size <= sound->have && size <= 8);
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | sound->head[at + i];
    }
    return value;
}

bool sound_is(const struct sound *sound, size_t at, struct str text)
{
    return at + text.len <= sound->have && memcmp(sound->head + at, text.ptr, text.len) == 0;
}

void sound_grow(struct sound *sound, size_t need)
{
    ASSERT(need > sound->have && need <= SOUND_HEAD_MAX);
    sound->need = need;
}

void sound_pass(struct sound *sound, uint64_t bytes, size_t need)
{
    ASSERT(bytes > 0 && need > 0 && need <= SOUND_HEAD_MAX);
    size_t off = bytes < sound->have ? (size_t)bytes : sound->have;
    sound->have -= off;
    memmove(sound->head, sound->head + off, sound->have);
    sound->skip = bytes - off;
    sound->at += bytes;
    sound->need = need;
}

void sound_stop(struct sound *sound)
{
    sound->over = true;
}

uint64_t sound_ms(uint64_t count, uint64_t rate)
{
    if (rate == 0 || count > UINT64_MAX / 1000 - rate) {
        return UINT64_MAX;
    }
    return (count * 1000 + rate - 1) / rate;
}

/* ---- what it is -------------------------------------------------------------------------- */

static bool sound_is_box(const struct sound *sound)
{
    static const struct str boxes[] = { STR_INIT("ftyp"), STR_INIT("moov"), STR_INIT("mdat"),
                                        STR_INIT("wide"), STR_INIT("free"), STR_INIT("skip") };
    for (size_t i = 0; i < EP_ARRAY_LEN(boxes); i++) {
        if (sound_is(sound, 4, boxes[i])) {
            return true;
        }
    }
    return false;
}

static enum sound_kind sound_sniff(const struct sound *sound)
{
    bool riff = sound_is(sound, 0, STR("RIFF")) || sound_is(sound, 0, STR("RF64"));
    return riff && sound_is(sound, 8, STR("WAVE"))                  ? SOUND_WAV
           : sound_is(sound, 0, STR("fLaC"))                        ? SOUND_FLAC
           : sound_is(sound, 0, STR("OggS"))                        ? SOUND_OGG
           : sound_is(sound, 0, STR("\x1A\x45\xDF\xA3"))            ? SOUND_WEBM
           : sound_is_box(sound)                                    ? SOUND_MP4
           : sound_is(sound, 0, STR("ID3")) || sound_mpeg_is(sound) ? SOUND_MPEG
                                                                    : SOUND_UNKNOWN;
}

void sound_init(struct sound *sound)
{
    *sound = (struct sound){ .need = SOUND_SNIFF };
}

static void sound_step(struct sound *sound)
{
    if (sound->kind != SOUND_UNKNOWN) {
        readers[sound->kind].step(sound);
        return;
    }
    sound->kind = sound_sniff(sound);
    if (sound->kind == SOUND_UNKNOWN) {
        sound_stop(sound);
        return;
    }
    readers[sound->kind].begin(sound);
}

void sound_feed(struct sound *sound, struct str data)
{
    sound->size += data.len;
    while (data.len > 0 && !sound->over) {
        if (sound->skip > 0) {
            size_t off = sound->skip < data.len ? (size_t)sound->skip : data.len;
            sound->skip -= off;
            data = str_from_at(data, off);
            continue;
        }
        if (sound->seek) {
            const char *found = memchr(data.ptr, 0xFF, data.len);
            size_t off = found == NULL ? data.len : (size_t)(found - data.ptr);
            sound->at += off;
            sound->seek = found == NULL;
            data = str_from_at(data, off);
            continue;
        }
        size_t want = sound->need - sound->have;
        size_t take = want < data.len ? want : data.len;
        memcpy(sound->head + sound->have, data.ptr, take);
        sound->have += take;
        data = str_from_at(data, take);
        while (sound->have >= sound->need && sound->skip == 0 && !sound->over) {
            sound_step(sound);
        }
    }
}

bool sound_length(const struct sound *sound, int64_t *ret_ms)
{
    if (sound->kind == SOUND_UNKNOWN) {
        return false;
    }
    uint64_t ms = readers[sound->kind].ms(sound);
    if (ms == 0 || ms > (uint64_t)SOUND_MS_MAX) {
        return false;
    }
    *ret_ms = (int64_t)ms;
    return true;
}

bool sound_is_said(const struct sound *sound)
{
    bool wav = sound->kind == SOUND_WAV && sound->as.wav.packed;
    return wav || sound->kind == SOUND_FLAC || sound->kind == SOUND_OGG ||
           sound->kind == SOUND_MP4 || sound->kind == SOUND_WEBM;
}

bool sound_is_summed(const struct sound *sound)
{
    bool flac = sound->kind == SOUND_FLAC && sound->as.flac.live;
    return flac || sound->kind == SOUND_WAV || sound->kind == SOUND_OGG ||
           sound->kind == SOUND_MPEG;
}

const char *sound_kind_name(enum sound_kind kind)
{
    ASSERT(kind < SOUND_KINDS);
    return readers[kind].name;
}
