#include "front/voice_internal.h"

#include "dialect/chat.h"
#include "wire/json.h"
#include "wire/jsonw.h"

#define THINK_EVENT_MAX ((size_t)256 * 1024)
#define THINK_BODY_MAX  ((size_t)128 * 1024)

/* What a model is told where neither fleet nor product say anything: what is heard is not read. */
#define THINK_INSTRUCTIONS                                                                     \
    "You speak with a person through a small loudspeaker. Answer in a few short sentences of " \
    "plain words, without lists, markup or emoji."

/* ---- sentences ---------------------------------------------------------------------------- */

/* Moves the sentences that are complete to those that wait. */
static enum err think_cut(struct voice_think *think, bool ended)
{
    struct str text;
    while (sentence_next(&think->sentence, ended, &text)) {
        const struct str parts[2] = { text, { "", 1 } };
        TRY(buf_append_all(&think->sentences, parts, 2));
    }
    return ERR_OK;
}

bool voice_think_sentence(struct voice *voice, struct buf *ret_text)
{
    struct voice_think *think = &voice->think;
    struct str rest = buf_str(&think->sentences);
    struct str text = STR_EMPTY;
    while (text.len == 0 && rest.len > 0) { /* a model may say a NUL itself */
        text = str_cut(&rest, '\0');
    }
    buf_reset(ret_text);
    if (buf_append(ret_text, text) != ERR_OK) {
        return false;
    }
    buf_drop(&think->sentences, think->sentences.len - rest.len);
    return text.len > 0;
}

/* ---- the call ----------------------------------------------------------------------------- */

static void think_on_text(void *context, const struct chat_text *text)
{
    struct voice_think *think = context;
    struct buf piece;
    if (text->part != CHAT_CONTENT || text->choice != 0 || think->err != ERR_OK) {
        return;
    }
    buf_init(&piece, THINK_EVENT_MAX);
    if (json_decode(text->json, &piece)) { /* else half of a character, which nobody can speak */
        think->err = sentence_feed(&think->sentence, buf_str(&piece));
    }
    buf_fini(&piece);
}

/* False: the turn has failed. */
static bool think_event(struct voice *voice, const struct sse_event *event)
{
    struct voice_think *think = &voice->think;
    const struct chat_sink sink = { think_on_text, think };
    struct chat_event read;
    if (!event->has_data) {
        return true;
    }
    chat_event_read(event->data, &sink, &read);
    if (read.bad || read.error) {
        voice_fail(voice, str_from(err_info(ERR_UPSTREAM_CUT)->text));
        return false;
    }
    return true;
}

static void think_on_body(struct http_inner *inner, struct str data)
{
    struct voice_call *call = EP_CONTAINER(inner, struct voice_call, inner);
    struct voice *voice = call->voice;
    struct voice_think *think = &voice->think;
    struct sse_event event;
    enum wire_result result = WIRE_DONE;
    if (!voice_call_took(call, data)) {
        return;
    }
    while (result == WIRE_DONE) {
        result = sse_next(&think->sse, &data, &event);
        if (result == WIRE_DONE && !think_event(voice, &event)) {
            return;
        }
    }
    if (result == WIRE_BAD) {
        voice_fail(voice, str_from(err_info(ERR_SSE_LINE)->text));
        return;
    }
    think->err = think->err == ERR_OK ? think_cut(think, false) : think->err;
    if (think->err == ERR_LIMIT) { /* who says so much is not heard out: what there is is spoken */
        voice_call_reset(&think->call);
        think->over = true;
    } else if (think->err != ERR_OK) {
        voice_fail(voice, str_from(err_info(think->err)->text));
        return;
    }
    voice_speak_pump(voice);
}

static void think_on_end(struct http_inner *inner)
{
    struct voice_call *call = EP_CONTAINER(inner, struct voice_call, inner);
    struct voice *voice = call->voice;
    if (!voice_call_succeeded(call)) {
        return;
    }
    enum err err = think_cut(&voice->think, true);
    if (err != ERR_OK && err != ERR_LIMIT) {
        voice_fail(voice, str_from(err_info(err)->text));
        return;
    }
    voice->think.over = true;
    voice_speak_pump(voice);
    voice_tick_now(voice); /* it may be that nothing is left to be said */
}

static const struct http_inner_events think_events = {
    .on_head = voice_call_on_head,
    .on_body = think_on_body,
    .on_end = think_on_end,
    .on_failed = voice_call_on_failed,
};

static void think_put_message(struct jsonw *json, struct str role, struct str content)
{
    jsonw_open(json, '{');
    jsonw_put_str(json, "role", role);
    jsonw_put_str(json, "content", content);
    jsonw_close(json, '}');
}

static enum err think_body(const struct voice *voice, struct str text, struct buf *body)
{
    struct str instructions = voice->as.texts[FLEET_VOICE_INSTRUCTIONS];
    struct jsonw json;
    jsonw_init(&json, body);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "model", voice->as.texts[FLEET_VOICE_THINK]);
    jsonw_key(&json, "stream");
    jsonw_bool(&json, true);
    jsonw_put_int(&json, "max_tokens", VOICE_TOKENS_MAX);
    jsonw_key(&json, "messages");
    jsonw_open(&json, '[');
    think_put_message(&json, STR("system"),
                      instructions.len > 0 ? instructions : STR(THINK_INSTRUCTIONS));
    voice_history_write(&voice->history, &json);
    think_put_message(&json, STR("user"), text);
    jsonw_close(&json, ']');
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

/* Tells the toy what was heard, and that it is thought about. */
static void think_tell(struct voice *voice, struct str text)
{
    struct buf out;
    buf_init(&out, VOICE_ANSWER_MAX * 2); /* escapes */
    voice_send(voice, xiaozhi_write_stt(&out, voice->id, text), &out);
    buf_init(&out, VOICE_ANSWER_MAX);
    voice_send(voice, xiaozhi_write_llm(&out, voice->id, STR("thinking"), STR("\xF0\x9F\xA4\x94")),
               &out);
}

static bool think_is_empty(struct str text)
{
    bool empty = true;
    for (size_t i = 0; i < text.len; i++) {
        empty &= (unsigned char)text.ptr[i] <= ' ';
    }
    return empty;
}

void voice_think_ask(struct voice *voice, struct str text)
{
    struct voice_think *think = &voice->think;
    struct buf body;
    if (think_is_empty(text)) { /* a noise: it was heard, and nobody has said anything */
        voice_answered(voice);
        return;
    }
    think_tell(voice, text);
    buf_init(&body, THINK_BODY_MAX);
    enum err err = think_body(voice, text, &body);
    err = err == ERR_OK ? buf_append(&think->asked, text) : err;
    if (err != ERR_OK) {
        buf_fini(&body);
        voice_fail(voice, str_from(err_info(err)->text));
        return;
    }
    voice_call_start(&think->call, STR("/v1/chat/completions"),
                     STR("content-type: application/json\r\n"), &body);
}

/* ---- life --------------------------------------------------------------------------------- */

void voice_think_init(struct voice *voice)
{
    struct voice_think *think = &voice->think;
    voice_call_init(&think->call, voice, &think_events);
    sse_init(&think->sse, THINK_EVENT_MAX);
    sentence_init(&think->sentence);
    buf_init(&think->asked, VOICE_ANSWER_MAX);
    buf_init(&think->sentences, VOICE_SAID_MAX);
}

void voice_think_fini(struct voice *voice)
{
    struct voice_think *think = &voice->think;
    voice_call_fini(&think->call);
    sse_fini(&think->sse);
    sentence_fini(&think->sentence);
    buf_fini(&think->asked);
    buf_fini(&think->sentences);
}

void voice_think_reset(struct voice *voice)
{
    voice_think_fini(voice);
    voice->think.err = ERR_OK;
    voice->think.over = false;
    sse_init(&voice->think.sse, THINK_EVENT_MAX);
    sentence_init(&voice->think.sentence);
}
