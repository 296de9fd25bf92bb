#include "front/voice_internal.h"

#include "base/enc.h"
#include "crypto/random.h"
#include "sound/wav.h"
#include "wire/json.h"
#include "wire/jsonw.h"
#include "wire/multipart.h"

/* Packets that wait for a worker: eight seconds at Opus's highest rate, a minute of speech. */
#define HEAR_QUEUE_MAX ((size_t)512 * 1024)
/* A WAV of half a minute, and the few fields around it. */
#define HEAR_FORM_MAX (EAR_BYTES_MAX + (size_t)8 * 1024)

static void hear_run(struct voice *voice);

/* ---- packets ------------------------------------------------------------------------------ */

/* In modes in which the device does not say when: whether the segment has ended; and in all,
 * whether it is as long as one may be. */
static bool hear_is_over(const struct voice_hear *hear)
{
    return (hear->pauses && pause_ended(&hear->ear.pause)) || ear_full(&hear->ear);
}

/* On a worker's thread. */
static void hear_work(struct job *job)
{
    struct voice_hear *hear = EP_CONTAINER(job, struct voice_hear, job);
    struct str packets = buf_str(&hear->taken);
    struct str packet;
    hear->err = ERR_OK;
    /* What is kept must not depend on how many packets a job happens to have. */
    while (hear->err == ERR_OK && !hear_is_over(hear) && mouth_packet(&packets, &packet)) {
        hear->err = ear_hear(&hear->ear, packet, &hear->fail);
        ear_forget_silence(&hear->ear);
    }
}

static void hear_worked(struct mail *mail)
{
    struct voice_hear *hear = EP_CONTAINER(mail, struct voice_hear, job.mail);
    struct voice *voice = hear->call.voice;
    hear->running = false;
    buf_reset(&hear->taken);
    if (voice->closed) {
        voice_end(voice);
        return;
    }
    if (hear->reset) {
        hear->reset = false;
        buf_fini(&hear->taken);
        ear_reset(&hear->ear);
    } else if (hear->err != ERR_OK) {
        bool told = hear->err == ERR_SOUND;
        voice_fail(voice, str_from(told ? hear->fail.text : err_info(hear->err)->text));
    } else if (voice->session.state == XIAOZHI_LISTENING && hear_is_over(hear)) {
        xiaozhi_session_heard(&voice->session);
        buf_reset(&hear->queued);
        hear->complete = true;
    }
    if (hear->ear.pause.loud_ms > 0) {
        voice->active_ns = loop_now_ns(voice->front->loop);
    }
    hear_run(voice);
}

static void hear_run(struct voice *voice)
{
    struct voice_hear *hear = &voice->hear;
    if (hear->running) {
        return;
    }
    if (hear->queued.len == 0) {
        if (hear->complete) {
            hear->complete = false;
            voice_heard(voice);
        }
        return;
    }
    struct buf taken = hear->taken;
    hear->taken = hear->queued;
    hear->queued = taken;
    hear->pauses = voice->session.mode != XIAOZHI_MANUAL;
    hear->job = (struct job){
        .mail.open = hear_worked,
        .run = hear_work,
        .home = voice->front->loop,
    };
    hear->running = job_submit(voice->front->world.gate.workers, &hear->job) == ERR_OK;
    if (!hear->running) { /* all workers are busy: the next packet or tick tries again */
        hear->queued = hear->taken;
        hear->taken = taken;
    }
}

void voice_hear_pump(struct voice *voice)
{
    hear_run(voice);
}

void voice_hear_packet(struct voice *voice, struct str packet)
{
    struct voice_hear *hear = &voice->hear;
    ASSERT(packet.len <= XIAOZHI_PACKET_MAX);
    const char head[2] = { (char)(packet.len & 0xff), (char)(packet.len >> 8) };
    const struct str parts[2] = { { head, 2 }, packet };
    enum err err = buf_append_all(&hear->queued, parts, 2);
    if (err == ERR_LIMIT) {
        voice_fail(voice, STR("audio came faster than it can be spoken"));
    } else if (err != ERR_OK) {
        voice_fail(voice, str_from(err_info(err)->text));
    } else {
        hear_run(voice);
    }
}

void voice_hear_stop(struct voice *voice)
{
    voice->hear.complete = true;
    hear_run(voice);
}

/* ---- the call ----------------------------------------------------------------------------- */

static void hear_on_body(struct http_inner *inner, struct str data)
{
    struct voice_call *call = EP_CONTAINER(inner, struct voice_call, inner);
    if (voice_call_took(call, data) && buf_append(&call->body, data) != ERR_OK) {
        voice_fail(call->voice, str_from(err_info(ERR_UPSTREAM_SIZE)->text));
    }
}

static void hear_on_end(struct http_inner *inner)
{
    struct voice_call *call = EP_CONTAINER(inner, struct voice_call, inner);
    struct voice *voice = call->voice;
    struct json_fault fault;
    struct buf text;
    if (!voice_call_succeeded(call)) {
        return;
    }
    struct str body = buf_str(&call->body);
    struct str value = json_check(body, &fault) == ERR_OK ? json_get(body, STR("text")) : STR_EMPTY;
    buf_init(&text, VOICE_ANSWER_MAX);
    if (value.len == 0 || json_kind(value) != JSON_STRING || !json_decode(value, &text)) {
        voice_fail(voice, str_from(err_info(ERR_UPSTREAM_SYNTAX)->text));
    } else {
        voice_think_ask(voice, buf_str(&text));
    }
    buf_fini(&text);
}

static const struct http_inner_events hear_events = {
    .on_head = voice_call_on_head,
    .on_body = hear_on_body,
    .on_end = hear_on_end,
    .on_failed = voice_call_on_failed,
};

static enum err hear_form(const struct voice *voice, struct str boundary, struct str wav,
                          struct buf *form)
{
    struct str language = voice->as.texts[FLEET_VOICE_LANGUAGE];
    TRY(multipart_write_field(form, boundary, STR("model"), voice->as.texts[FLEET_VOICE_HEAR]));
    TRY(multipart_write_field(form, boundary, STR("response_format"), STR("json")));
    if (language.len > 0) {
        TRY(multipart_write_field(form, boundary, STR("language"), language));
    }
    TRY(multipart_write_file(form, boundary, STR("file"), STR("segment.wav"), STR("audio/wav")));
    TRY(buf_append(form, wav));
    TRY(multipart_write_file_end(form));
    return multipart_write_end(form, boundary);
}

void voice_hear_ask(struct voice *voice)
{
    char boundary_text[32];
    char headers_text[96];
    unsigned char random[16];
    struct buf boundary = { boundary_text, 0, sizeof(boundary_text), sizeof(boundary_text) };
    struct buf headers = { headers_text, 0, sizeof(headers_text), sizeof(headers_text) };
    struct buf form;
    random_bytes(random, sizeof(random));
    EP_IGNORE(enc_hex(&boundary, random, sizeof(random))); /* fits */
    EP_IGNORE(buf_printf(&headers, "content-type: multipart/form-data; boundary=" STR_FMT "\r\n",
                         STR_ARG(buf_str(&boundary)))); /* fits */
    buf_init(&form, HEAR_FORM_MAX);
    enum err err = hear_form(voice, buf_str(&boundary), ear_wav(&voice->hear.ear), &form);
    ear_reset(&voice->hear.ear);
    if (err != ERR_OK) {
        buf_fini(&form);
        voice_fail(voice, str_from(err_info(err)->text));
        return;
    }
    voice_call_start(&voice->hear.call, STR("/v1/audio/transcriptions"), buf_str(&headers), &form);
}

/* ---- life --------------------------------------------------------------------------------- */

void voice_hear_init(struct voice *voice)
{
    struct voice_hear *hear = &voice->hear;
    voice_call_init(&hear->call, voice, &hear_events);
    ear_init(&hear->ear);
    buf_init(&hear->queued, HEAR_QUEUE_MAX);
    buf_init(&hear->taken, HEAR_QUEUE_MAX);
}

void voice_hear_fini(struct voice *voice)
{
    struct voice_hear *hear = &voice->hear;
    ASSERT(!hear->running);
    voice_call_fini(&hear->call);
    ear_fini(&hear->ear);
    buf_fini(&hear->queued);
    buf_fini(&hear->taken);
}

void voice_hear_reset(struct voice *voice)
{
    struct voice_hear *hear = &voice->hear;
    voice_call_reset(&hear->call);
    buf_fini(&hear->queued);
    hear->complete = false;
    hear->reset = hear->running;
    if (!hear->running) {
        buf_fini(&hear->taken);
        ear_reset(&hear->ear);
    }
}
