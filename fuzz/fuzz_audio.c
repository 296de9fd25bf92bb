/* room: dialect */
#include <stdint.h>

#include "dialect/audio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing is read twice or beyond; what is understood is within its bounds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    struct ask ask;
    struct speech_ask speech;
    struct transcription_answer answer;
    struct chat_event event;
    struct fail fail;
    int64_t ms = 0;
    if (speech_read(text, &ask, &speech, &fail) == ERR_OK) {
        ASSERT(speech.chars > 0 && speech.chars <= (int64_t)size);
        ASSERT(speech.speed >= SPEECH_SPEED_MIN && speech.speed <= SPEECH_SPEED_MAX);
        ASSERT(speech.format < SPEECH_FORMATS && ask.stream);
    }
    if (transcription_answer_read(text, &answer)) {
        ASSERT(answer.ms >= -1);
    }
    transcription_event_read(text, &event);
    ASSERT(!event.done || !event.bad);
    speech_event_read(text, &event);
    ASSERT(!event.done || !event.bad);
    if (audio_read_seconds(text, &ms)) {
        ASSERT(ms >= 0);
    }
    return 0;
}
