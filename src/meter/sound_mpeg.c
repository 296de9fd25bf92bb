/* MP3 (ISO 11172-3, 13818-3) and AAC in ADTS: frames one behind the other, behind a tag perhaps. */
#include "meter/sound_internal.h"

#define MPEG_HEAD 7  /* an ADTS frame's; MP3's has 4 */
#define MPEG_TAG  10 /* an ID3 tag's head */

struct mpeg_frame {
    uint64_t bytes;
    uint64_t ns;
};

static uint64_t mpeg_rate(unsigned version, unsigned index)
{
    static const uint64_t rates[] = { 44100, 48000, 32000 };
    ASSERT(index < EP_ARRAY_LEN(rates));
    return rates[index] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
}

/* In kbit/s. Index 0 is "free", 15 is none: both are unknown here. */
static uint64_t mpeg_bits(unsigned version, unsigned layer, unsigned index)
{
    static const uint16_t table[5][16] = {
        { 0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0 },
        { 0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0 },
        { 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0 },
        { 0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0 },
        { 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0 },
    };
    size_t row = version == 3 ? 3U - layer : layer == 3 ? 3 : 4;
    return table[row][index & 15];
}

/* `layer` as the header has it: 3 is I, 2 is II, 1 is III. */
static bool mpeg_mp3(const struct sound *sound, struct mpeg_frame *frame)
{
    unsigned version = sound->head[1] >> 3 & 3;
    unsigned layer = sound->head[1] >> 1 & 3;
    unsigned rate_index = sound->head[2] >> 2 & 3;
    if (version == 1 || layer == 0 || rate_index == 3) {
        return false;
    }
    uint64_t bits = mpeg_bits(version, layer, sound->head[2] >> 4);
    uint64_t rate = mpeg_rate(version, rate_index);
    uint64_t padding = sound->head[2] >> 1 & 1;
    uint64_t samples = layer == 3 ? 384 : layer == 1 && version != 3 ? 576 : 1152;
    frame->bytes =
        layer == 3 ? (12000 * bits / rate + padding) * 4 : samples * 125 * bits / rate + padding;
    frame->ns = samples * (uint64_t)SOUND_NS / rate;
    return bits > 0;
}

static bool mpeg_adts(const struct sound *sound, struct mpeg_frame *frame)
{
    static const uint64_t rates[16] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                        22050, 16000, 12000, 11025, 8000,  7350 };
    uint64_t rate = rates[sound->head[2] >> 2 & 15];
    frame->bytes = (sound_big(sound, 3, 3) >> 5) & 0x1FFF;
    frame->ns = rate == 0 ? 0 : (sound->head[6] % 4U + 1U) * 1024U * (uint64_t)SOUND_NS / rate;
    return rate > 0;
}

static bool mpeg_frame(const struct sound *sound, struct mpeg_frame *frame)
{
    if (sound->have < MPEG_HEAD || sound->head[0] != 0xFF || (sound->head[1] & 0xE0) != 0xE0) {
        return false;
    }
    bool adts = (sound->head[1] & 0xF6) == 0xF0;
    bool fine = adts ? mpeg_adts(sound, frame) : mpeg_mp3(sound, frame);
    return fine && frame->bytes >= MPEG_HEAD;
}

bool sound_mpeg_is(const struct sound *sound)
{
    struct mpeg_frame frame;
    return mpeg_frame(sound, &frame);
}

void sound_mpeg_begin(struct sound *sound)
{
    sound->as.mpeg = (struct sound_mpeg){ .ns = 0 };
    if (sound_is(sound, 0, STR("ID3"))) {
        /* Four times seven bits: the tag behind its head */
        uint64_t size = (uint64_t)(sound->head[6] & 0x7F) << 21 |
                        (uint64_t)(sound->head[7] & 0x7F) << 14 |
                        (uint64_t)(sound->head[8] & 0x7F) << 7 | (sound->head[9] & 0x7F);
        sound_pass(sound, MPEG_TAG + size, MPEG_HEAD);
        return;
    }
    sound->need = MPEG_HEAD;
}

/* The frame under way is whole. One that stands alone between what is none was found by chance. */
static void mpeg_count(struct sound_mpeg *mpeg, bool follows)
{
    if (follows || mpeg->run > 1) {
        mpeg->ns += mpeg->pending_ns;
    }
    mpeg->pending_ns = 0;
}

void sound_mpeg_step(struct sound *sound)
{
    struct sound_mpeg *mpeg = &sound->as.mpeg;
    struct mpeg_frame frame;
    if (!mpeg_frame(sound, &frame)) {
        mpeg_count(mpeg, false);
        mpeg->run = 0;
        sound_pass(sound, 1, MPEG_HEAD);
        return;
    }
    mpeg_count(mpeg, true);
    mpeg->pending_ns = frame.ns;
    mpeg->run++;
    sound_pass(sound, frame.bytes, MPEG_HEAD);
}

uint64_t sound_mpeg_ms(const struct sound *sound)
{
    const struct sound_mpeg *mpeg = &sound->as.mpeg;
    bool whole = sound->skip == 0 && mpeg->run > 1;
    uint64_t ns = mpeg->ns + (whole ? mpeg->pending_ns : 0);
    return (ns + 999999) / 1000000;
}
