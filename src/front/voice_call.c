#include "front/voice_internal.h"

#include "wire/json.h"

void voice_call_init(struct voice_call *call, struct voice *voice,
                     const struct http_inner_events *events)
{
    *call = (struct voice_call){ .voice = voice };
    http_inner_init(&call->inner, events);
    buf_init(&call->body, VOICE_ANSWER_MAX);
}

void voice_call_reset(struct voice_call *call)
{
    http_inner_cancel(&call->inner);
    buf_fini(&call->body);
    call->status = 0;
}

void voice_call_fini(struct voice_call *call)
{
    voice_call_reset(call);
}

void voice_call_start(struct voice_call *call, struct str target, struct str headers,
                      struct buf *body)
{
    struct voice *voice = call->voice;
    ASSERT(!http_inner_is_open(&call->inner));
    voice_call_reset(call);
    voice->steps++;
    call->actor = (struct gate_actor){
        .key = voice->key,
        .hint = voice->hint,
        .segment = voice->segment,
        .step = voice->steps,
    };
    const struct http_inner_request request = {
        .method = STR("POST"),
        .target = target,
        .headers = headers,
        .body = body,
        .from = voice->from,
        .actor = &call->actor,
    };
    enum err err = http_inner_start(gate_server(voice->front->gate), &request, &call->inner);
    if (err != ERR_OK) {
        buf_fini(body);
        voice_fail(voice, str_from(err_info(err)->text));
    }
}

void voice_call_on_head(struct http_inner *inner, int status, struct str headers)
{
    struct voice_call *call = EP_CONTAINER(inner, struct voice_call, inner);
    (void)headers;
    call->status = status;
}

bool voice_call_took(struct voice_call *call, struct str data)
{
    if (call->status != 200) {
        EP_IGNORE(buf_append(&call->body, data)); /* of an error: what fits is enough */
        return false;
    }
    return true;
}

void voice_call_on_failed(struct http_inner *inner, enum err err)
{
    struct voice_call *call = EP_CONTAINER(inner, struct voice_call, inner);
    voice_fail(call->voice, str_from(err_info(err)->text));
}

/* What no later turn would mend: something is used up. */
static bool voice_call_is_final(int status, struct str error)
{
    return status == 402 || json_string_is(json_get(error, STR("type")), STR("insufficient_quota"));
}

bool voice_call_succeeded(struct voice_call *call)
{
    struct voice *voice = call->voice;
    if (call->status == 200) {
        return true;
    }
    struct json_fault fault;
    struct buf said;
    struct str body = buf_str(&call->body);
    struct str error = STR_EMPTY;
    buf_init(&said, VOICE_ANSWER_MAX);
    if (json_check(body, &fault) == ERR_OK) {
        error = json_get(body, STR("error"));
    }
    struct str message = json_get(error, STR("message"));
    if (message.len == 0 || json_kind(message) != JSON_STRING || !json_decode(message, &said)) {
        buf_reset(&said);
        EP_IGNORE(buf_append(&said, str_from(err_info(ERR_INTERNAL)->text))); /* or nothing */
    }
    if (call->status == 401) {
        voice_fail_for_good(voice, buf_str(&said));
    } else if (voice_call_is_final(call->status, error)) {
        voice_leave(voice, buf_str(&said));
    } else {
        voice_fail(voice, buf_str(&said));
    }
    buf_fini(&said);
    return false;
}
