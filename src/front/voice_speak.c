#include "front/voice_internal.h"

#include "wire/jsonw.h"

/* Of a sound file that waits for a worker: a sentence's at 48 kHz, two channels, a minute. */
#define SPEAK_QUEUE_MAX ((size_t)12 << 20)
#define SPEAK_BODY_MAX  ((size_t)8 * 1024)
/* The next sentence is asked for while so much still waits to be heard: the time that a source of
 * speech takes to begin, three times over. */
#define SPEAK_AHEAD_MS 3000

static void speak_run(struct voice *voice);

/* ---- sound -------------------------------------------------------------------------------- */

/* On a worker's thread. */
static void speak_work(struct job *job)
{
    struct voice_speak *speak = EP_CONTAINER(job, struct voice_speak, job);
    speak->err = mouth_say(&speak->mouth, buf_str(&speak->taken), &speak->fail);
    if (speak->err == ERR_OK && speak->last) {
        speak->err = mouth_end(&speak->mouth, &speak->fail);
    }
}

/* What the job has made goes to be played. */
static enum err speak_take(struct voice_speak *speak)
{
    enum err err = speak->err;
    if (err == ERR_OK) {
        err = voice_play_packets(&speak->play, buf_str(&speak->mouth.packets));
    }
    buf_reset(&speak->mouth.packets);
    return err;
}

static void speak_worked(struct mail *mail)
{
    struct voice_speak *speak = EP_CONTAINER(mail, struct voice_speak, job.mail);
    struct voice *voice = speak->call.voice;
    speak->running = false;
    buf_reset(&speak->taken);
    if (voice->closed) {
        voice_end(voice);
        return;
    }
    if (speak->reset) {
        speak->reset = false;
        speak->last = false;
        buf_fini(&speak->taken);
        mouth_fini(&speak->mouth);
        mouth_init(&speak->mouth, voice->session.frame_ms);
        voice_speak_pump(voice);
        return;
    }
    enum err err = speak_take(speak);
    if (err != ERR_OK) { /* it is the source's fault, and told as that */
        bool size = err == ERR_LIMIT;
        err = size ? ERR_UPSTREAM_SIZE : err == ERR_SOUND ? ERR_UPSTREAM_SYNTAX : err;
        voice_fail(voice, str_from(err_info(err)->text));
        return;
    }
    if (speak->last) {
        speak->last = false;
        speak->whole = false;
        speak->saying = false;
    }
    voice_tick_now(voice);
    voice_speak_pump(voice);
}

static void speak_run(struct voice *voice)
{
    struct voice_speak *speak = &voice->speak;
    if (speak->running || (speak->queued.len == 0 && !speak->whole)) {
        return;
    }
    struct buf taken = speak->taken;
    speak->taken = speak->queued;
    speak->queued = taken;
    speak->last = speak->whole;
    speak->job = (struct job){
        .mail.open = speak_worked,
        .run = speak_work,
        .home = voice->front->loop,
    };
    speak->running = job_submit(voice->front->world.gate.workers, &speak->job) == ERR_OK;
    if (!speak->running) { /* all workers are busy: the next tick tries again */
        speak->queued = speak->taken;
        speak->taken = taken;
        speak->last = false;
    }
}

/* ---- the call ----------------------------------------------------------------------------- */

static void speak_on_body(struct http_inner *inner, struct str data)
{
    struct voice_call *call = EP_CONTAINER(inner, struct voice_call, inner);
    struct voice *voice = call->voice;
    if (!voice_call_took(call, data)) {
        return;
    }
    if (buf_append(&voice->speak.queued, data) != ERR_OK) {
        voice_fail(voice, str_from(err_info(ERR_UPSTREAM_SIZE)->text));
        return;
    }
    speak_run(voice);
}

static void speak_on_end(struct http_inner *inner)
{
    struct voice_call *call = EP_CONTAINER(inner, struct voice_call, inner);
    struct voice *voice = call->voice;
    if (voice_call_succeeded(call)) {
        voice->speak.whole = true;
        speak_run(voice);
    }
}

static const struct http_inner_events speak_events = {
    .on_head = voice_call_on_head,
    .on_body = speak_on_body,
    .on_end = speak_on_end,
    .on_failed = voice_call_on_failed,
};

static enum err speak_body(const struct voice *voice, struct str text, struct buf *body)
{
    struct jsonw json;
    jsonw_init(&json, body);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "model", voice->as.texts[FLEET_VOICE_SPEAK]);
    jsonw_put_str(&json, "input", text);
    jsonw_put_str(&json, "voice", voice->as.texts[FLEET_VOICE_VOICE]);
    jsonw_put_str(&json, "response_format", STR("wav"));
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

/* The toy stops listening when it is told this. */
static void speak_tell_begun(struct voice *voice)
{
    struct buf out;
    if (!voice->speak.begun) {
        voice->speak.begun = true;
        buf_init(&out, VOICE_ANSWER_MAX);
        voice_send(voice, xiaozhi_write_tts(&out, voice->id, STR("start"), STR_EMPTY), &out);
        buf_init(&out, VOICE_ANSWER_MAX);
        voice_send(voice,
                   xiaozhi_write_llm(&out, voice->id, STR("neutral"), STR("\xF0\x9F\x98\xB6")),
                   &out);
    }
}

static void speak_ask(struct voice *voice, struct str text)
{
    struct voice_speak *speak = &voice->speak;
    struct buf body;
    buf_init(&body, SPEAK_BODY_MAX);
    enum err err = speak_body(voice, text, &body);
    err = err == ERR_OK ? voice_play_sentence(&speak->play, text) : err;
    if (err != ERR_OK) {
        buf_fini(&body);
        voice_fail(voice, str_from(err_info(err)->text));
        return;
    }
    speak->saying = true;
    voice_call_start(&speak->call, STR("/v1/audio/speech"),
                     STR("content-type: application/json\r\n"), &body);
}

void voice_speak_pump(struct voice *voice)
{
    struct voice_speak *speak = &voice->speak;
    struct buf text;
    speak_run(voice);
    if (speak->saying || speak->running || voice->snapshot == NULL ||
        voice_play_waiting_ms(&speak->play) > SPEAK_AHEAD_MS) {
        return;
    }
    buf_init(&text, SENTENCE_MAX);
    if (voice_think_sentence(voice, &text)) {
        speak_tell_begun(voice);
        speak_ask(voice, buf_str(&text));
    }
    buf_fini(&text);
}

enum err voice_speak_file(struct voice *voice, struct str wav)
{
    struct voice_speak *speak = &voice->speak;
    TRY(buf_append(&speak->queued, wav));
    speak_tell_begun(voice);
    speak->saying = true;
    speak->whole = true;
    speak_run(voice);
    return ERR_OK;
}

/* ---- playing ------------------------------------------------------------------------------ */

static void speak_send_sentence(struct voice *voice, struct str text)
{
    struct voice_speak *speak = &voice->speak;
    struct buf out;
    const struct str parts[2] = { speak->said.len > 0 ? STR(" ") : STR_EMPTY, text };
    EP_IGNORE(buf_append_all(&speak->said, parts, 2)); /* or a model is not told of it again */
    buf_init(&out, VOICE_ANSWER_MAX);
    voice_send(voice, xiaozhi_write_tts(&out, voice->id, STR("sentence_start"), text), &out);
}

static void speak_send_packet(struct voice *voice, struct str packet)
{
    char bytes[XIAOZHI_HEADER_MAX + 3 * MOUTH_PACKET_MAX];
    size_t len = xiaozhi_header(voice->session.version, packet.len, bytes);
    memcpy(bytes + len, packet.ptr, packet.len);
    if (channel_send(&voice->channel, false, (struct str){ bytes, len + packet.len }) != ERR_OK) {
        channel_close(&voice->channel, WEBSOCKET_POLICY, STR("the device reads nothing"));
    }
}

/* Nothing is left to be said, and all that was said is heard. */
static bool speak_is_over(const struct voice *voice)
{
    const struct voice_speak *speak = &voice->speak;
    bool said = voice->leaving ||
                (voice->snapshot != NULL && voice->think.over && voice->think.sentences.len == 0);
    return said && !speak->saying && !speak->running;
}

int64_t voice_speak_play(struct voice *voice)
{
    struct voice_speak *speak = &voice->speak;
    int64_t now_ns = loop_now_ns(voice->front->loop);
    int64_t at_ns = INT64_MAX;
    struct str text;
    enum voice_due due = VOICE_PACKET;
    while (due == VOICE_PACKET || due == VOICE_SENTENCE) {
        due = voice_play_next(&speak->play, now_ns, &text, &at_ns);
        if (due == VOICE_SENTENCE) {
            speak_send_sentence(voice, text);
        } else if (due == VOICE_PACKET) {
            speak_send_packet(voice, text);
        }
    }
    if (due == VOICE_LATER) {
        return at_ns;
    }
    if (speak_is_over(voice)) {
        voice_answered(voice);
    }
    return INT64_MAX;
}

/* ---- life --------------------------------------------------------------------------------- */

void voice_speak_init(struct voice *voice)
{
    struct voice_speak *speak = &voice->speak;
    voice_call_init(&speak->call, voice, &speak_events);
    mouth_init(&speak->mouth, XIAOZHI_FRAME_MS);
    voice_play_init(&speak->play, XIAOZHI_FRAME_MS);
    buf_init(&speak->queued, SPEAK_QUEUE_MAX);
    buf_init(&speak->taken, SPEAK_QUEUE_MAX);
    buf_init(&speak->said, VOICE_SAID_MAX);
}

void voice_speak_fini(struct voice *voice)
{
    struct voice_speak *speak = &voice->speak;
    ASSERT(!speak->running);
    voice_call_fini(&speak->call);
    mouth_fini(&speak->mouth);
    voice_play_fini(&speak->play);
    buf_fini(&speak->queued);
    buf_fini(&speak->taken);
    buf_fini(&speak->said);
}

void voice_speak_reset(struct voice *voice)
{
    struct voice_speak *speak = &voice->speak;
    voice_call_reset(&speak->call);
    speak->play.frame_ms = voice->session.frame_ms;
    voice_play_reset(&speak->play);
    buf_fini(&speak->queued);
    buf_fini(&speak->said);
    speak->saying = false;
    speak->whole = false;
    speak->begun = false;
    speak->reset = speak->running; /* what the job under way has is its own until it is done */
    if (!speak->running) {
        speak->last = false;
        buf_fini(&speak->taken); /* who waits for a question holds no sound */
        mouth_fini(&speak->mouth);
        mouth_init(&speak->mouth, voice->session.frame_ms);
    }
}
