#include "sound/wav.h"

#include <string.h>

enum wav_state {
    WAV_RIFF,   /* the 12 bytes of the file's head */
    WAV_CHUNK,  /* the 8 bytes of a chunk's */
    WAV_FORMAT, /* the 16 bytes that every format begins with */
    WAV_SKIP,   /* of a chunk that says nothing here */
    WAV_DATA
};

#define WAV_RIFF_BYTES   12
#define WAV_CHUNK_BYTES  8
#define WAV_FORMAT_BYTES 16

#define WAV_PCM 1
#define WAV_EXTENSIBLE \
    0xFFFE /* the format stands further behind, and is PCM where anybody uses it */

static void wav_put(char *at, size_t width, size_t value)
{
    for (size_t i = 0; i < width; i++) {
        at[i] = (char)(value >> (8 * i) & 0xff);
    }
}

static uint32_t wav_get(const char *at, size_t width)
{
    uint32_t value = 0;
    for (size_t i = width; i > 0; i--) {
        value = value << 8 | (unsigned char)at[i - 1];
    }
    return value;
}

void wav_head(int rate, size_t bytes, char ret_head[WAV_HEAD])
{
    ASSERT(rate >= WAV_RATE_MIN && rate <= WAV_RATE_MAX);
    ASSERT(bytes <= UINT32_MAX - WAV_HEAD);
    memcpy(ret_head, "RIFF....WAVEfmt ....................data....", WAV_HEAD);
    wav_put(ret_head + 4, 4, bytes + WAV_HEAD - 8);
    wav_put(ret_head + 16, 4, WAV_FORMAT_BYTES);
    wav_put(ret_head + 20, 2, WAV_PCM);
    wav_put(ret_head + 22, 2, 1);
    wav_put(ret_head + 24, 4, (size_t)rate);
    wav_put(ret_head + 28, 4, (size_t)rate * 2);
    wav_put(ret_head + 32, 2, 2);
    wav_put(ret_head + 34, 2, 16);
    wav_put(ret_head + 40, 4, bytes);
}

void wav_init(struct wav *wav)
{
    *wav = (struct wav){ .state = WAV_RIFF };
}

/* Collects the `size` bytes of a head. False: they are not all there. */
static bool wav_collect(struct wav *wav, struct str *bytes, size_t size)
{
    size_t want = size - wav->piece_len;
    size_t take = bytes->len < want ? bytes->len : want;
    memcpy(wav->piece + wav->piece_len, bytes->ptr, take);
    *bytes = str_from_at(*bytes, take);
    wav->piece_len += take;
    if (wav->piece_len < size) {
        return false;
    }
    wav->piece_len = 0;
    return true;
}

static enum err wav_chunk(struct wav *wav, struct fail *fail)
{
    wav->left = wav_get(wav->piece + 4, 4);
    if (memcmp(wav->piece, "fmt ", 4) == 0) {
        if (wav->left < WAV_FORMAT_BYTES) {
            return FAIL(fail, ERR_SOUND, "a WAV's format has %d bytes at least", WAV_FORMAT_BYTES);
        }
        wav->state = WAV_FORMAT;
    } else if (memcmp(wav->piece, "data", 4) == 0) {
        if (wav->rate == 0) {
            return FAIL(fail, ERR_SOUND, "a WAV's format must stand before its samples");
        }
        wav->endless = wav->left == 0 || wav->left == UINT32_MAX;
        wav->state = WAV_DATA;
    } else {
        wav->left += wav->left < UINT32_MAX ? wav->left & 1 : 0; /* chunks are of even length */
        wav->state = wav->left > 0 ? WAV_SKIP : WAV_CHUNK;
    }
    return ERR_OK;
}

static enum err wav_format(struct wav *wav, struct fail *fail)
{
    uint32_t format = wav_get(wav->piece, 2);
    uint32_t channels = wav_get(wav->piece + 2, 2);
    uint32_t rate = wav_get(wav->piece + 4, 4);
    uint32_t bits = wav_get(wav->piece + 14, 2);
    if ((format != WAV_PCM && format != WAV_EXTENSIBLE) || bits != 16 || channels < 1 ||
        channels > 2 || rate < WAV_RATE_MIN || rate > WAV_RATE_MAX) {
        return FAIL(fail, ERR_SOUND,
                    "a WAV must be PCM of 16 bits, 1 or 2 channels, 8 to 48 kHz; this is format %u "
                    "of %u bits, %u channels, %u Hz",
                    format, bits, channels, rate);
    }
    wav->channels = (int)channels;
    wav->rate = (int)rate;
    wav->left -= WAV_FORMAT_BYTES;
    wav->left += wav->left < UINT32_MAX ? wav->left & 1 : 0;
    wav->state = wav->left > 0 ? WAV_SKIP : WAV_CHUNK;
    return ERR_OK;
}

static struct str wav_take(struct wav *wav, struct str *bytes)
{
    size_t take = wav->endless || bytes->len < wav->left ? bytes->len : wav->left;
    struct str taken = str_slice(*bytes, 0, take);
    *bytes = str_from_at(*bytes, take);
    if (!wav->endless) {
        wav->left -= (uint32_t)take;
        wav->state = wav->left > 0 ? wav->state : WAV_CHUNK;
    }
    return taken;
}

enum err wav_read(struct wav *wav, struct str *bytes, struct str *ret_samples, struct fail *fail)
{
    *ret_samples = STR_EMPTY;
    while (bytes->len > 0 && ret_samples->len == 0) {
        switch ((enum wav_state)wav->state) {
        case WAV_RIFF:
            if (wav_collect(wav, bytes, WAV_RIFF_BYTES)) {
                if (memcmp(wav->piece, "RIFF", 4) != 0 || memcmp(wav->piece + 8, "WAVE", 4) != 0) {
                    return FAIL(fail, ERR_SOUND, "this is no WAV file");
                }
                wav->state = WAV_CHUNK;
            }
            break;
        case WAV_CHUNK:
            if (wav_collect(wav, bytes, WAV_CHUNK_BYTES)) {
                TRY(wav_chunk(wav, fail));
            }
            break;
        case WAV_FORMAT:
            if (wav_collect(wav, bytes, WAV_FORMAT_BYTES)) {
                TRY(wav_format(wav, fail));
            }
            break;
        case WAV_SKIP:
            (void)wav_take(wav, bytes); /* of no use here */
            break;
        case WAV_DATA:
            *ret_samples = wav_take(wav, bytes);
            break;
        }
    }
    return ERR_OK;
}
