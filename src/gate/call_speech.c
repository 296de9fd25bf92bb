/*
 * Speech: a text in, sound out, as bytes or as events.
 *
 * Billed are tokens where the upstream reports them (as events alone), characters of the text, and
 * seconds of the sound, each where the price book sells it: characters are code points of `input`,
 * seconds are read off the container of what was delivered, in events too. Where the container does
 * not say, they are the least that so many bytes can be: nothing that was delivered is free.
 */
#include "gate/call_speech.h"

#include "base/enc.h"
#include "dialect/audio.h"
#include "gate/call.h"
#include "gate/call_audio.h"
#include "meter/sound.h"

#define SPEECH_SECONDS_SPARE 10 /* of silence around a text */
#define SPEECH_BYTES_A_SECOND \
    INT64_C(384000)                      /* of the widest form: 48 kHz, 32 bits, two channels */
#define SPEECH_EVENT_PARTS 2             /* base64 and JSON around it */
#define SPEECH_FRAME_BYTES 65536         /* of heads */
#define SPEECH_BLOCK       ((size_t)256) /* of base64, at once: whole groups of four */

struct speech_work {
    struct speech_ask asked;
    struct sound sound;
    int64_t bytes; /* of sound that the client was there to take */
};

bool audio_is_sold(const struct call *call)
{
    return call->outcome == OUTCOME_COMPLETE || call->x == NULL;
}

/* A character is a second at most, however slowly it is spoken at a normal speed. */
static int64_t speech_seconds_most(const struct speech_ask *asked)
{
    return (asked->chars * 100 + asked->speed - 1) / asked->speed + SPEECH_SECONDS_SPARE;
}

static enum err speech_parse(struct call *call, struct fail *fail)
{
    struct speech_ask asked;
    enum err err = speech_read(buf_str(&call->body), &call->ask, &asked, fail);
    call->param = call->ask.param;
    TRY(err);
    struct call_work *work = call_work_make(call, sizeof(struct speech_work));
    if (work == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    struct speech_work *own = work->own;
    own->asked = asked;
    sound_init(&own->sound);
    work->texts = asked.input;
    work->about = true; /* instructions are read, too */
    work->input_most = (int64_t)call->body.len;
    work->bytes = !asked.events;
    work->most[USAGE_UNIT_CHAR] = asked.chars;
    work->most[USAGE_UNIT_SECOND_OUT] = speech_seconds_most(&asked);
    work->stream_most = speech_seconds_most(&asked) * SPEECH_BYTES_A_SECOND * SPEECH_EVENT_PARTS +
                        SPEECH_FRAME_BYTES;
    return ERR_OK;
}

/* Whatever is not streamed is not what was asked for: an error that was told with 200, perhaps. */
static enum err speech_check(struct call *call)
{
    struct transcription_answer answer;
    bool json = transcription_answer_read(buf_str(&call->answer), &answer);
    return json && answer.error ? ERR_UPSTREAM_STATUS : ERR_UPSTREAM_SYNTAX;
}

static void speech_piece(struct call *call, struct str data)
{
    struct speech_work *own = call->work->own;
    if (call->x == NULL) {
        return; /* what nobody is there to take is not delivered */
    }
    own->bytes += (int64_t)data.len;
    if (own->asked.format != SPEECH_PCM) {
        sound_feed(&own->sound, data);
    }
}

/* What is no base64 are so many bytes of what nobody knows. */
static void speech_block(struct call *call, struct str text)
{
    unsigned char bytes[SPEECH_BLOCK];
    struct buf out = { (char *)bytes, 0, sizeof(bytes), sizeof(bytes) };
    bool fine = enc_base64_read(&out, text);
    speech_piece(call, fine ? buf_str(&out) : str_slice(text, 0, text.len / 4 * 3));
}

/* An event's base64, which may have its slashes escaped, in blocks of whole groups of four. */
static void speech_heard(void *context, struct str sound)
{
    struct call *call = context;
    char text[SPEECH_BLOCK];
    size_t len = 0;
    for (size_t i = 1; i + 1 < sound.len; i++) {
        if (sound.ptr[i] != '\\') {
            text[len++] = sound.ptr[i];
        }
        if (len == sizeof(text)) {
            speech_block(call, (struct str){ text, len });
            len = 0;
        }
    }
    while (len % 4 != 0) {
        text[len++] = '='; /* some leave it out */
    }
    if (len > 0) {
        speech_block(call, (struct str){ text, len });
    }
}

/* Of what was delivered; where its container does not say, the least that it can be. */
static int64_t speech_ms(const struct speech_work *own, bool whole)
{
    int64_t ms = 0;
    bool pcm = own->asked.format == SPEECH_PCM;
    if (!pcm && (whole || sound_is_summed(&own->sound)) && sound_length(&own->sound, &ms)) {
        return ms;
    }
    int64_t rate = pcm ? SPEECH_PCM_BYTES : SPEECH_BYTES_A_SECOND;
    return (own->bytes * 1000 + rate - 1) / rate;
}

static void speech_measure(struct call *call, const struct rate *rate)
{
    const struct speech_work *own = call->work->own;
    bool whole = call->outcome == OUTCOME_COMPLETE;
    int64_t ms = whole || call->head_sent ? speech_ms(own, whole) : 0;
    /* Of what broke off, some bytes were still here: a begun second is not sold. */
    int64_t seconds = whole ? audio_seconds(ms) : ms / 1000;
    int64_t most = call->work->most[USAGE_UNIT_SECOND_OUT];
    call->billed.units[USAGE_UNIT_CHAR] = audio_is_sold(call) ? own->asked.chars : 0;
    call->billed.units[USAGE_UNIT_SECOND_OUT] = seconds < most ? seconds : most;
    bool by_tokens = call->has_reported && rate->known[USAGE_IN] && usage_sum(&call->billed) > 0;
    if (!by_tokens) {
        call->provenance = "counted";
    }
}

const struct call_service call_speech = {
    .service = REGISTRY_SERVICE_SPEECH,
    .writes = true,
    .read = speech_parse,
    .write = call_own_write,
    .check = speech_check,
    .event = speech_event_read,
    .heard = speech_heard,
    .piece = speech_piece,
    .measure = speech_measure,
};
