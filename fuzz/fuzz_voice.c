/* room: sound */
#include "sound/ear.h"
#include "sound/mouth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte: 0: a file to be spoken, in pieces of as many bytes as the second says; else
 * packets to be heard, each behind a byte that is its length. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 65536) {
        return 0;
    }
    struct str rest = { (const char *)data + 2, size - 2 };
    if (data[0] == 0) {
        static const int frames[] = { 10, 20, 40, 60 };
        struct mouth mouth;
        enum err err = ERR_OK;
        size_t step = (size_t)data[1] + 1;
        mouth_init(&mouth, frames[data[1] % 4]);
        while (err == ERR_OK && rest.len > 0) {
            err = mouth_say(&mouth, str_slice(rest, 0, rest.len < step ? rest.len : step), NULL);
            rest = str_from_at(rest, rest.len < step ? rest.len : step);
        }
        err = err == ERR_OK ? mouth_end(&mouth, NULL) : err;
        ASSERT(err == ERR_OK || err == ERR_SOUND || err == ERR_LIMIT);
        mouth_fini(&mouth);
        return 0;
    }
    struct ear ear;
    ear_init(&ear);
    while (rest.len > 0) {
        size_t len = (unsigned char)rest.ptr[0];
        rest = str_from_at(rest, 1);
        len = len < rest.len ? len : rest.len;
        enum err err = ear_hear(&ear, str_slice(rest, 0, len), NULL);
        ASSERT(err == ERR_OK || err == ERR_SOUND);
        rest = str_from_at(rest, len);
    }
    ASSERT(ear_wav(&ear).len <= 44 + EAR_BYTES_MAX);
    ear_fini(&ear);
    return 0;
}
