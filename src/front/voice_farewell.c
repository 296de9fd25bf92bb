#include "front/voice_farewell.h"

#include "dialect/xiaozhi.h"
#include "sound/mouth.h"

enum err voice_farewell_check(struct str wav, struct fail *fail)
{
    struct mouth mouth;
    mouth_init(&mouth, XIAOZHI_FRAME_MS);
    enum err err = mouth_say(&mouth, wav, fail);
    int64_t ms = mouth.ms;
    err = err == ERR_OK ? mouth_end(&mouth, fail) : err;
    mouth_fini(&mouth);
    if (err == ERR_OK && ms > VOICE_FAREWELL_MS_MAX) {
        err = FAIL(fail, ERR_LIMIT, "it lasts %lld ms, at most are %d", (long long)ms,
                   VOICE_FAREWELL_MS_MAX);
    }
    return err;
}
