#include "sound/ear.h"

#include <opus/opus.h>

#include "base/mem.h"
#include "sound/wav.h"

#define EAR_SAMPLES_MAX (EAR_RATE / 1000 * 120) /* of a packet: none lasts longer than 120 ms */

void ear_init(struct ear *ear)
{
    *ear = (struct ear){ .decoder = NULL };
    buf_init(&ear->wav, WAV_HEAD + EAR_BYTES_MAX);
    pause_init(&ear->pause, EAR_RATE);
}

void ear_fini(struct ear *ear)
{
    mem_free(ear->decoder);
    ear->decoder = NULL;
    buf_fini(&ear->wav);
}

void ear_reset(struct ear *ear)
{
    struct pause pause = ear->pause;
    ear_fini(ear);
    ear_init(ear);
    pause_reset(&pause);
    ear->pause = pause;
}

static enum err ear_open(struct ear *ear)
{
    if (ear->decoder == NULL) {
        char head[WAV_HEAD] = { 0 };
        int size = opus_decoder_get_size(1);
        ASSERT(size > 0);
        TRY(buf_append(&ear->wav, (struct str){ head, sizeof(head) }));
        ear->decoder = mem_zalloc((size_t)size);
        if (ear->decoder == NULL) {
            buf_reset(&ear->wav);
            return ERR_NO_MEMORY;
        }
        int opened = opus_decoder_init(ear->decoder, EAR_RATE, 1);
        ASSERT(opened == OPUS_OK);
    }
    return ERR_OK;
}

/* Samples as bytes, the lower first, whatever the machine's order. */
static enum err ear_keep(struct ear *ear, const int16_t *samples, size_t count)
{
    size_t room = (ear->wav.max - ear->wav.len) / 2;
    count = count < room ? count : room;
    TRY(buf_reserve(&ear->wav, count * 2));
    char *at = ear->wav.ptr + ear->wav.len;
    for (size_t i = 0; i < count; i++) {
        at[2 * i] = (char)((uint16_t)samples[i] & 0xff);
        at[2 * i + 1] = (char)((uint16_t)samples[i] >> 8);
    }
    buf_added(&ear->wav, count * 2);
    return ERR_OK;
}

enum err ear_hear(struct ear *ear, struct str packet, struct fail *fail)
{
    int16_t samples[EAR_SAMPLES_MAX];
    TRY(ear_open(ear));
    if (packet.len == 0 || packet.len > INT32_MAX) { /* to libopus an empty one is a lost one */
        return FAIL(fail, ERR_SOUND, "a packet of Opus must not be empty");
    }
    int count = opus_decode(ear->decoder, (const unsigned char *)packet.ptr, (int)packet.len,
                            samples, EAR_SAMPLES_MAX, 0);
    if (count < 0) {
        return FAIL(fail, ERR_SOUND, "the packet of Opus at %lld ms does not decode: %s",
                    (long long)ear->ms, opus_strerror(count));
    }
    ASSERT(count <= EAR_SAMPLES_MAX);
    TRY(ear_keep(ear, samples, (size_t)count));
    pause_hear(&ear->pause, samples, (size_t)count);
    ear->ms += count / (EAR_RATE / 1000);
    return ERR_OK;
}

void ear_forget_silence(struct ear *ear)
{
    size_t lead = (size_t)EAR_LEAD_MS * (EAR_RATE / 1000) * 2;
    if (!ear->pause.spoken && ear->pause.loud_ms == 0 && ear->wav.len > WAV_HEAD + lead) {
        size_t drop = ear->wav.len - WAV_HEAD - lead;
        memmove(ear->wav.ptr + WAV_HEAD, ear->wav.ptr + WAV_HEAD + drop, lead);
        ear->wav.len -= drop;
        ear->ms = EAR_LEAD_MS;
    }
}

bool ear_full(const struct ear *ear)
{
    return ear->ms >= EAR_MS_MAX;
}

struct str ear_wav(struct ear *ear)
{
    if (ear->wav.len > WAV_HEAD) {
        wav_head(EAR_RATE, ear->wav.len - WAV_HEAD, ear->wav.ptr);
    }
    return buf_str(&ear->wav);
}
