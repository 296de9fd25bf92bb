#include "hearing.h"

#include "base/enc.h"
#include "wire/json.h"

#define PIECE_MAX   ((size_t)16 << 20)
#define LOUD        512 /* of 32,768: what a room's own noise does not reach */
#define RATE_WIDE   24
#define RATE_NARROW 8 /* samples a millisecond */

void hearing_init(struct hearing *hearing)
{
    *hearing = (struct hearing){ .narrow = false };
    buf_init(&hearing->decoded, PIECE_MAX);
}

void hearing_fini(struct hearing *hearing)
{
    buf_fini(&hearing->decoded);
}

static int64_t rate(const struct hearing *hearing)
{
    return hearing->narrow ? RATE_NARROW : RATE_WIDE;
}

static bool is_loud(const struct hearing *hearing, struct str sound, int64_t at)
{
    const unsigned char *bytes = (const unsigned char *)sound.ptr;
    if (hearing->narrow) { /* near zero: 0x7F and 0xFF of one law, 0x55 and 0xD5 of the other */
        unsigned char level = bytes[at] & 0x7F;
        return level != 0x7F && level != 0x55;
    }
    int value = (int16_t)(uint16_t)(bytes[2 * at] | bytes[2 * at + 1] << 8);
    return value > LOUD || value < -LOUD;
}

static enum hearing_heard listen(struct hearing *hearing, struct str sound, int64_t samples)
{
    enum hearing_heard heard = HEARING_NOTHING;
    for (int64_t i = 0; i < samples; i++) {
        bool loud = is_loud(hearing, sound, i);
        hearing->quiet = loud ? 0 : hearing->quiet + 1;
        if (loud && !hearing->speaks) {
            hearing->speaks = true;
            heard = HEARING_STARTED;
        }
    }
    if (hearing->speaks && hearing->quiet >= HEARING_QUIET_MS * rate(hearing)) {
        hearing->speaks = false;
        heard = HEARING_STOPPED;
    }
    return heard;
}

enum hearing_heard hearing_append(struct hearing *hearing, struct str audio)
{
    buf_reset(&hearing->decoded);
    bool read = audio.len >= 2 && json_kind(audio) == JSON_STRING &&
                enc_base64_read(&hearing->decoded, str_slice(audio, 1, audio.len - 1));
    size_t size = hearing->narrow ? 1 : 2;
    int64_t samples = (int64_t)(hearing->decoded.len / size);
    if (!read || hearing->decoded.len % size != 0 ||
        hearing->samples + samples > HEARING_MAX_MS * rate(hearing)) {
        return HEARING_BAD;
    }
    hearing->samples += samples;
    hearing->since += samples;
    return listen(hearing, buf_str(&hearing->decoded), samples);
}

void hearing_clear(struct hearing *hearing)
{
    hearing->samples = 0;
    hearing->quiet = 0;
    hearing->speaks = false;
}

int64_t hearing_ms(const struct hearing *hearing)
{
    return hearing->samples / rate(hearing);
}

int64_t hearing_at_ms(const struct hearing *hearing)
{
    return hearing->since / rate(hearing);
}
