/* room: meter */
#include <stdint.h>

#include "meter/sound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t feed(struct str text, size_t step, enum sound_kind *ret_kind)
{
    struct sound sound;
    int64_t ms = 0;
    sound_init(&sound);
    while (text.len > 0) {
        size_t size = text.len < step ? text.len : step;
        sound_feed(&sound, str_slice(text, 0, size));
        text = str_from_at(text, size);
    }
    bool known = sound_length(&sound, &ms);
    ASSERT(known == (ms > 0) && ms <= SOUND_MS_MAX);
    *ret_kind = sound.kind;
    return ms;
}

/* Fed whole and fed in pieces, a recording is as long. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct str text = { (const char *)data + 1, size - 1 };
    enum sound_kind kinds[2];
    int64_t whole = feed(text, text.len, &kinds[0]);
    int64_t pieces = feed(text, (size_t)data[0] % 64 + 1, &kinds[1]);
    ASSERT(whole == pieces && kinds[0] == kinds[1]);
    return 0;
}
