/*
 * Transcriptions, and translations, which are the same in English: of a call whose request is an
 * upload.
 *
 * Billed are tokens where the upstream reports them and the price book sells them, and seconds of
 * the recording where it sells those: as reported, else by our own count of the file. Where both
 * are known and the report is the greater by more than AUDIO_SLACK, our count is billed, and the
 * difference is a claim. Where our count is no more than what the head of the file says of it
 * (sound_is_said()), the report is billed whatever it is, within what is held, and nothing is
 * claimed: it is not the source that would be wrong.
 */
#include "gate/call_transcription.h"

#include "dialect/audio.h"
#include "gate/call.h"
#include "gate/call_audio.h"
#include "gate/upload.h"

/* The most tokens that a model takes of a second: OpenAI's 10, Gemini's 32. */
#define TRANSCRIPTION_TOKENS_A_SECOND 50
/* A second in as few bytes as any codec makes of it (6 kbit/s): of a file whose container does not
 * say how long it is. */
#define TRANSCRIPTION_BYTES_A_SECOND 750
/* And in as many as the widest form takes: 192 kHz, 32 bits, two channels. Where nobody tells the
 * length, so many begun seconds are billed. */
#define TRANSCRIPTION_BYTES_MOST 1536000

struct transcription_work {
    int64_t counted_ms; /* -1: the container does not say */
    int64_t told_ms;    /* -1: the upstream did not */
    bool said;          /* `counted_ms` is the file's own word */
};

/* Neither its container nor an answer of that form says how long it is: it could not be billed. */
static bool transcription_is_blind(const struct upload *upload)
{
    int64_t ms = 0;
    return upload->format > UPLOAD_DIARIZED_JSON && !sound_length(&upload->sound, &ms);
}

/* Seconds that the hold covers: by our count, by what so many bytes can be, or, where silence needs
 * fewer bytes yet, by what the file says of itself. */
static int64_t transcription_most(const struct upload *upload, const struct transcription_work *own)
{
    int64_t bytes = (int64_t)(upload->bytes / TRANSCRIPTION_BYTES_A_SECOND) + 1;
    if (own->counted_ms < 0) {
        return bytes;
    }
    int64_t most = audio_seconds(own->counted_ms + audio_slack_ms(own->counted_ms));
    return own->said && bytes > most ? bytes : most;
}

static enum err transcription_parse(struct call *call, struct fail *fail)
{
    const struct upload *upload = call->upload;
    ASSERT(upload != NULL);
    struct buf name = { call->ask.model_text, 0, ASK_MODEL_MAX, ASK_MODEL_MAX };
    call->ask = (struct ask){
        .body = buf_str(&call->body),
        .choices = 1,
        .plain = true,
        .stream = upload->stream,
    };
    enum err err = buf_append(&name, upload->model);
    ASSERT(err == ERR_OK); /* upload_form.c has the same limit */
    call->ask.model = buf_str(&name);
    if (transcription_is_blind(upload)) {
        call->param = "file";
        return FAIL(fail, ERR_ASK_INVALID, "%s",
                    "\"file\" does not say how long it is, nor would a text: send WAV, FLAC, Ogg, "
                    "MP3, WebM or a whole MP4, or ask for verbose_json.");
    }
    struct call_work *work = call_work_make(call, sizeof(struct transcription_work));
    if (work == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    struct transcription_work *own = work->own;
    *own = (struct transcription_work){ .counted_ms = -1, .told_ms = -1 };
    (void)sound_length(&upload->sound, &own->counted_ms); /* unknown: it stays */
    own->said = sound_is_said(&upload->sound);
    int64_t most = transcription_most(upload, own);
    work->most[USAGE_UNIT_SECOND_IN] = most;
    work->input_most = most * TRANSCRIPTION_TOKENS_A_SECOND + (int64_t)upload->prompt_bytes;
    work->mixed = true;
    work->unseen = true;
    return ERR_OK;
}

/* A text, subtitles: as they come, if they are no JSON that says what went wrong. */
static enum err transcription_check_text(struct call *call)
{
    struct transcription_answer answer;
    bool json = transcription_answer_read(buf_str(&call->answer), &answer);
    call->work->answer_type = upload_answer_type(call->upload); /* whatever its source calls it */
    return json && answer.error ? ERR_UPSTREAM_STATUS : ERR_OK;
}

static enum err transcription_check(struct call *call)
{
    struct transcription_work *own = call->work->own;
    struct transcription_answer answer;
    if (call->upload->format > UPLOAD_DIARIZED_JSON) {
        return transcription_check_text(call);
    }
    if (!transcription_answer_read(buf_str(&call->answer), &answer)) {
        return ERR_UPSTREAM_SYNTAX;
    }
    if (answer.error) {
        return ERR_UPSTREAM_STATUS;
    }
    own->told_ms = answer.ms;
    call_service_reported(call, answer.told, answer.usage);
    return ERR_OK;
}

/* Whole seconds, of which a begun one counts. */
static void transcription_measure(struct call *call, const struct rate *rate)
{
    const struct transcription_work *own = call->work->own;
    bool told = own->told_ms >= 0;
    bool counted = own->counted_ms >= 0;
    int64_t slack = counted ? audio_slack_ms(own->counted_ms) : 0;
    bool more = told && counted && !own->said && own->told_ms > own->counted_ms + slack;
    int64_t ms = more || !told ? own->counted_ms : own->told_ms;
    int64_t least = (int64_t)(call->upload->bytes / TRANSCRIPTION_BYTES_MOST) + 1;
    int64_t seconds = ms < 0 ? least : audio_seconds(ms);
    seconds = own->said && !told && seconds < least ? least : seconds;
    int64_t most = call->work->most[USAGE_UNIT_SECOND_IN];
    if (!audio_is_sold(call)) {
        return;
    }
    call->billed.units[USAGE_UNIT_SECOND_IN] = seconds < most ? seconds : most;
    call->disputes.counted_seconds = more ? audio_seconds(own->counted_ms) : 0;
    call->disputes.reported_seconds = more ? audio_seconds(own->told_ms) : 0;
    bool by_tokens = rate->known[USAGE_IN] && usage_sum(&call->billed) > 0;
    if (!by_tokens && ms >= 0) {
        call->provenance = told && !more ? "upstream" : "counted";
    }
}

const struct call_service call_transcription = {
    .service = REGISTRY_SERVICE_TRANSCRIPTION,
    .writes = true,
    .read = transcription_parse,
    .check = transcription_check,
    .event = transcription_event_read,
    .measure = transcription_measure,
};
