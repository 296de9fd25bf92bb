/* The front of the gate: whole requests come in here and are sent to a call or an errand. */
#include "gate/front.h"

#include "base/counter.h"
#include "gate/call.h"
#include "gate/call_hedge.h"
#include "gate/errand.h"
#include "gate/gate_internal.h"
#include "gate/reply.h"
#include "wire/url.h"

#define FRONT_OPENROUTER "/api" /* in front of "/v1/...": the same, for OpenRouter's clients */

/* What an exchange's owner is, told by its first word. */
static bool front_is_call(const void *owner)
{
    return *(const uint32_t *)owner == CALL_MAGIC;
}

static void front_chat(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    bool openrouter = str_starts(http_exchange_head(x)->target, STR(FRONT_OPENROUTER));
    call_begin(gate, x, openrouter ? FACE_OPENROUTER : FACE_OPENAI, DIALECT_CHAT);
}

static void front_messages(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin(gate, x, FACE_ANTHROPIC, DIALECT_ANTHROPIC);
}

static void front_responses(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin(gate, x, FACE_OPENAI, DIALECT_RESPONSES);
}

static void front_hello(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)gate;
    (void)path;
    reply_send(x, 200, STR("content-type: text/plain\r\n"), STR("entrepot\n"));
}

static void front_alive(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)gate;
    (void)path;
    reply_send(x, 200, STR("content-type: text/plain\r\n"), STR("alive\n"));
}

static void front_ready(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    bool ready = !store_failed(gate->world.store) && !gate_log_stopped(gate);
    reply_send(x, ready ? 200 : 503, STR("content-type: text/plain\r\n"),
               ready ? STR("selling\n") : STR("not selling\n"));
}

static void front_openapi(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    if (gate->world.openapi.len == 0) {
        errand_refuse(x, ERR_HTTP_PATH);
        return;
    }
    reply_send(x, 200, STR("content-type: application/json\r\naccess-control-allow-origin: *\r\n"),
               gate->world.openapi);
}

struct front_path {
    struct str path;
    bool prefix; /* something follows it */
    enum http1_method method;
    void (*serve)(struct gate *gate, struct http_exchange *x, struct str path);
};

static const struct front_path front_paths[] = {
    { STR_INIT("/v1/chat/completions"), false, HTTP1_POST, front_chat },
    { STR_INIT("/v1/messages"), false, HTTP1_POST, front_messages },
    { STR_INIT("/v1/messages/count_tokens"), false, HTTP1_POST, errand_count },
    { STR_INIT("/v1/responses"), false, HTTP1_POST, front_responses },
    { STR_INIT("/v1/responses/input_tokens"), false, HTTP1_POST, errand_count },
    { STR_INIT("/v1/files"), false, HTTP1_POST, errand_file_add },
    { STR_INIT("/v1/files"), false, HTTP1_GET, errand_file_list },
    { STR_INIT("/v1/files/"), true, HTTP1_GET, errand_file_get },
    { STR_INIT("/v1/files/"), true, HTTP1_DELETE, errand_file_remove },
    { STR_INIT("/v1/batches"), false, HTTP1_POST, errand_batch_add },
    { STR_INIT("/v1/batches"), false, HTTP1_GET, errand_batch_list },
    { STR_INIT("/v1/batches/"), true, HTTP1_GET, errand_batch_get },
    { STR_INIT("/v1/batches/"), true, HTTP1_POST, errand_batch_cancel },
    { STR_INIT("/v1/messages/batches"), false, HTTP1_POST, errand_messages_add },
    { STR_INIT("/v1/messages/batches"), false, HTTP1_GET, errand_messages_list },
    { STR_INIT("/v1/messages/batches/"), true, HTTP1_GET, errand_messages_get },
    { STR_INIT("/v1/messages/batches/"), true, HTTP1_POST, errand_messages_cancel },
    { STR_INIT("/v1/messages/batches/"), true, HTTP1_DELETE, errand_messages_remove },
    { STR_INIT("/v1/models"), false, HTTP1_GET, errand_models },
    { STR_INIT("/v1/models/"), true, HTTP1_GET, errand_models },
    { STR_INIT("/v1/credits"), false, HTTP1_GET, errand_credits },
    { STR_INIT("/v1/credits/transfer"), false, HTTP1_POST, errand_no_transfer },
    { STR_INIT("/v1/credits/gift"), false, HTTP1_POST, errand_no_resale },
    { STR_INIT("/v1/credits/redeem"), false, HTTP1_POST, errand_no_resale },
    { STR_INIT("/v1/key"), false, HTTP1_GET, errand_key },
    { STR_INIT("/v1/usage"), false, HTTP1_GET, errand_usage },
    { STR_INIT("/v1/receipts/"), true, HTTP1_GET, errand_receipt },
    { STR_INIT("/v1/generation"), false, HTTP1_GET, errand_receipt },
    { STR_INIT("/log/"), true, HTTP1_GET, errand_log },
    { STR_INIT("/verify"), false, HTTP1_GET, errand_verify },
    { STR_INIT("/verify/"), false, HTTP1_GET, errand_verify },
    { STR_INIT("/verify/"), true, HTTP1_GET, errand_verify },
    { STR_INIT("/healthz"), false, HTTP1_GET, front_alive },
    { STR_INIT("/readyz"), false, HTTP1_GET, front_ready },
    { STR_INIT("/openapi.json"), false, HTTP1_GET, front_openapi },
    { STR_INIT("/"), false, HTTP1_GET, front_hello },
};

static bool front_method_fits(enum http1_method want, enum http1_method got)
{
    return got == want || (want == HTTP1_GET && got == HTTP1_HEAD);
}

static void front_on_request(struct http_exchange *x)
{
    struct gate *gate = http_server_owner(http_exchange_server(x));
    const struct http1_head *head = http_exchange_head(x);
    struct str query;
    struct str path = url_target_path(head->target, &query);
    if (str_starts(path, STR(FRONT_OPENROUTER "/v1/"))) {
        path = str_from_at(path, sizeof(FRONT_OPENROUTER) - 1);
    }
    bool known = false;
    for (size_t i = 0; i < EP_ARRAY_LEN(front_paths); i++) {
        const struct front_path *row = &front_paths[i];
        bool fits = row->prefix ? str_starts(path, row->path) && path.len > row->path.len
                                : str_eq(path, row->path);
        known |= fits;
        if (fits && front_method_fits(row->method, head->method)) {
            row->serve(gate, x, path);
            return;
        }
    }
    /* A model's verb of Gemini's API looks like a model's path. */
    known = known && reply_face(x) != FACE_GEMINI;
    errand_refuse(x, known ? ERR_HTTP_METHOD : ERR_HTTP_PATH);
}

static void front_on_gone(struct http_exchange *x)
{
    void *owner = http_exchange_owner(x);
    if (owner == NULL) {
        return;
    }
    if (front_is_call(owner)) {
        call_gone(owner);
    } else {
        errand_gone(owner);
    }
}

static void front_on_drained(struct http_exchange *x)
{
    void *owner = http_exchange_owner(x);
    if (owner == NULL) {
        return;
    }
    if (!front_is_call(owner)) {
        errand_drained(owner);
        return;
    }
    struct call *call = owner;
    if (http_call_is_open(call_upstream(call))) {
        http_call_resume(call_upstream(call));
    }
}

static void front_on_bad(struct http_exchange *x, enum err err)
{
    counter_add(COUNTER_CONNECTIONS_REFUSED, 1);
    errand_refuse(x, err);
}

const struct http_events front_events = {
    .on_request = front_on_request,
    .on_gone = front_on_gone,
    .on_drained = front_on_drained,
    .on_bad = front_on_bad,
};
