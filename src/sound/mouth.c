#include "sound/mouth.h"

#include <opus/opus.h>

#include "base/mem.h"

#define MOUTH_BITS       24000
#define MOUTH_COMPLEXITY 5 /* of 10: half the time, and no ear tells on a toy's speaker */

_Static_assert(RESAMPLE_MAX *WAV_RATE_MIN >= MOUTH_RATE, "what one sample makes fits");
_Static_assert(MOUTH_PACKET_MAX * 3 <= UINT16_MAX, "a length fits two bytes");

void mouth_init(struct mouth *mouth, int frame_ms)
{
    ASSERT(frame_ms == 10 || frame_ms == 20 || frame_ms == 40 || frame_ms == 60);
    *mouth = (struct mouth){ .frame_ms = frame_ms };
    wav_init(&mouth->wav);
    buf_init(&mouth->packets, MOUTH_BYTES_MAX);
}

void mouth_fini(struct mouth *mouth)
{
    mem_free(mouth->encoder);
    mem_free(mouth->resample);
    mouth->encoder = NULL;
    mouth->resample = NULL;
    buf_fini(&mouth->packets);
}

static enum err mouth_open(struct mouth *mouth)
{
    if (mouth->encoder == NULL) {
        int size = opus_encoder_get_size(1);
        ASSERT(size > 0);
        mouth->encoder = mem_zalloc((size_t)size);
        if (mouth->encoder == NULL) {
            return ERR_NO_MEMORY;
        }
        int opened = opus_encoder_init(mouth->encoder, MOUTH_RATE, 1, OPUS_APPLICATION_VOIP);
        ASSERT(opened == OPUS_OK);
        int set = opus_encoder_ctl(mouth->encoder, OPUS_SET_BITRATE(MOUTH_BITS));
        ASSERT(set == OPUS_OK);
        set = opus_encoder_ctl(mouth->encoder, OPUS_SET_COMPLEXITY(MOUTH_COMPLEXITY));
        ASSERT(set == OPUS_OK);
    }
    if (mouth->resample == NULL) {
        mouth->resample = mem_alloc(sizeof(*mouth->resample));
        if (mouth->resample == NULL) {
            return ERR_NO_MEMORY;
        }
        resample_init(mouth->resample, mouth->wav.rate, MOUTH_RATE);
    }
    return ERR_OK;
}

static enum err mouth_encode(struct mouth *mouth, struct fail *fail)
{
    unsigned char packet[MOUTH_PACKET_MAX * 3];
    if (mouth->ms >= MOUTH_MS_MAX) {
        return FAIL(fail, ERR_LIMIT, "a sentence is spoken for %d s at most", MOUTH_MS_MAX / 1000);
    }
    int len = opus_encode(mouth->encoder, mouth->frame, (int)mouth->frame_len, packet,
                          (opus_int32)sizeof(packet));
    ASSERT(len > 0); /* the frame's length is one that Opus has, and the room is enough */
    const char head[2] = { (char)(len & 0xff), (char)(len >> 8) };
    const struct str parts[2] = { { head, 2 }, { (const char *)packet, (size_t)len } };
    TRY(buf_append_all(&mouth->packets, parts, 2));
    mouth->frame_len = 0;
    mouth->ms += mouth->frame_ms;
    return ERR_OK;
}

static enum err mouth_sample(struct mouth *mouth, int16_t sample, struct fail *fail)
{
    int16_t made[RESAMPLE_MAX];
    if (mouth->wav.channels == 2 && !mouth->has_channel) {
        mouth->channel = sample;
        mouth->has_channel = true;
        return ERR_OK;
    }
    if (mouth->has_channel) {
        sample = (int16_t)(((int)mouth->channel + sample) / 2);
        mouth->has_channel = false;
    }
    size_t count = resample_take(mouth->resample, sample, made);
    for (size_t i = 0; i < count; i++) {
        mouth->frame[mouth->frame_len] = made[i];
        mouth->frame_len++;
        if (mouth->frame_len == (size_t)(MOUTH_RATE / 1000 * mouth->frame_ms)) {
            TRY(mouth_encode(mouth, fail));
        }
    }
    return ERR_OK;
}

static enum err mouth_samples(struct mouth *mouth, struct str samples, struct fail *fail)
{
    for (size_t i = 0; i < samples.len; i++) {
        if (!mouth->has_half) {
            mouth->half = samples.ptr[i];
            mouth->has_half = true;
            continue;
        }
        uint16_t bits = (uint16_t)((unsigned char)samples.ptr[i] << 8 | (unsigned char)mouth->half);
        mouth->has_half = false;
        TRY(mouth_sample(mouth, (int16_t)bits, fail));
    }
    return ERR_OK;
}

enum err mouth_say(struct mouth *mouth, struct str bytes, struct fail *fail)
{
    while (bytes.len > 0) {
        struct str samples;
        TRY(wav_read(&mouth->wav, &bytes, &samples, fail));
        if (samples.len > 0) {
            TRY(mouth_open(mouth));
            TRY(mouth_samples(mouth, samples, fail));
        }
    }
    return ERR_OK;
}

enum err mouth_end(struct mouth *mouth, struct fail *fail)
{
    bool silent = mouth->resample == NULL;
    if (mouth->frame_len > 0) {
        size_t whole = (size_t)(MOUTH_RATE / 1000 * mouth->frame_ms);
        memset(mouth->frame + mouth->frame_len, 0, (whole - mouth->frame_len) * sizeof(int16_t));
        mouth->frame_len = whole;
        TRY(mouth_encode(mouth, fail));
    }
    mem_free(mouth->resample);
    mouth->resample = NULL;
    mouth->has_half = false;
    mouth->has_channel = false;
    mouth->ms = 0;
    wav_init(&mouth->wav);
    return silent ? FAIL(fail, ERR_SOUND, "the WAV has no samples") : ERR_OK;
}

bool mouth_packet(struct str *packets, struct str *ret_packet)
{
    if (packets->len < 2) {
        return false;
    }
    size_t len = (size_t)(unsigned char)packets->ptr[0] | (size_t)(unsigned char)packets->ptr[1]
                                                              << 8;
    ASSERT(packets->len >= 2 + len);
    *ret_packet = str_slice(*packets, 2, 2 + len);
    *packets = str_from_at(*packets, 2 + len);
    return true;
}
