/* Requests come in here, and are sent to a call or to what is no call. */
#include "front/router.h"

#include "base/counter.h"
#include "dialect/gemini_path.h"
#include "front/errand.h"
#include "front/front_internal.h"
#include "front/realtime.h"
#include "front/voice.h"
#include "gate/intake.h"
#include "gate/reply.h"
#include "wire/url.h"

#define ROUTER_MESSAGE_MAX 320    /* of a refusal, with what was asked for */
#define ROUTER_OPENROUTER  "/api" /* in front of "/v1/...": the same, for OpenRouter's clients */

static enum face router_face(struct http_exchange *x)
{
    bool openrouter = str_starts(http_exchange_head(x)->target, STR(ROUTER_OPENROUTER));
    return openrouter ? FACE_OPENROUTER : FACE_OPENAI;
}

static void router_chat(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin(front->gate, x, router_face(x), DIALECT_CHAT);
}

static void router_messages(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin(front->gate, x, FACE_ANTHROPIC, DIALECT_ANTHROPIC);
}

static void router_responses(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin(front->gate, x, FACE_OPENAI, DIALECT_RESPONSES);
}

/* Of Gemini's API: what is to be done with a model is the path's last word. */
static void router_gemini(struct front *front, struct http_exchange *x, struct str path)
{
    struct gemini_path parts;
    char text[ROUTER_MESSAGE_MAX];
    struct buf message = { text, 0, sizeof(text), sizeof(text) };
    if (reply_face(x) != FACE_GEMINI) {
        errand_refuse(x, ERR_HTTP_PATH); /* OpenRouter's paths have no such thing */
        return;
    }
    bool known = gemini_path_read(path, STR_EMPTY, &parts);
    if (known && parts.verb <= GEMINI_STREAM) {
        call_begin(front->gate, x, FACE_GEMINI, DIALECT_GEMINI);
        return;
    }
    if (known && (parts.verb == GEMINI_EMBED || parts.verb == GEMINI_EMBEDS)) {
        call_begin_service(front->gate, x, FACE_GEMINI, REGISTRY_SERVICE_EMBEDDINGS);
        return;
    }
    if (known && parts.verb == GEMINI_COUNT) {
        errand_count(front, x, path);
        return;
    }
    if (buf_printf(&message,
                   "\"" STR_FMT "\" is nothing that is done with a model here: known are "
                   "generateContent, streamGenerateContent, countTokens, embedContent and "
                   "batchEmbedContents.",
                   STR_ARG(parts.method)) != ERR_OK) {
        buf_reset(&message); /* then the table's sentence */
    }
    reply_refuse(x, &(struct face_error){ .err = ERR_HTTP_PATH,
                                          .message = buf_str(&message),
                                          .param = STR("method") });
}

static void router_speech(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin_service(front->gate, x, router_face(x), REGISTRY_SERVICE_SPEECH);
}

/* Of a request whose body was read whole: one that is made within the process, or has none. */
static void router_upload(struct front *front, struct http_exchange *x, struct str path)
{
    upload_whole(front->gate, x, router_face(x), upload_kind(path));
}

static void router_embeddings(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin_service(front->gate, x, router_face(x), REGISTRY_SERVICE_EMBEDDINGS);
}

static void router_rerank(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin_service(front->gate, x, router_face(x), REGISTRY_SERVICE_RERANK);
}

static void router_images(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin_service(front->gate, x, router_face(x), REGISTRY_SERVICE_IMAGES);
}

static void router_hello(struct front *front, struct http_exchange *x, struct str path)
{
    (void)front;
    (void)path;
    reply_send(x, 200, STR("content-type: text/plain\r\n"), STR("entrepot\n"));
}

static void router_alive(struct front *front, struct http_exchange *x, struct str path)
{
    (void)front;
    (void)path;
    reply_send(x, 200, STR("content-type: text/plain\r\n"), STR("alive\n"));
}

static void router_ready(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    bool ready = !store_failed(front->world.gate.store) && !gate_log_stopped(front->gate);
    reply_send(x, ready ? 200 : 503, STR("content-type: text/plain\r\n"),
               ready ? STR("selling\n") : STR("not selling\n"));
}

static void router_openapi(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    if (front->world.openapi.len == 0) {
        errand_refuse(x, ERR_HTTP_PATH);
        return;
    }
    reply_send(x, 200, STR("content-type: application/json\r\naccess-control-allow-origin: *\r\n"),
               front->world.openapi);
}

struct router_path {
    struct str path;
    bool prefix; /* something follows it */
    enum http1_method method;
    void (*serve)(struct front *front, struct http_exchange *x, struct str path);
};

static const struct router_path router_paths[] = {
    { STR_INIT("/v1/chat/completions"), false, HTTP1_POST, router_chat },
    { STR_INIT("/v1/messages"), false, HTTP1_POST, router_messages },
    { STR_INIT("/v1/messages/count_tokens"), false, HTTP1_POST, errand_count },
    { STR_INIT("/v1/responses"), false, HTTP1_POST, router_responses },
    { STR_INIT("/v1/responses/input_tokens"), false, HTTP1_POST, errand_count },
    { STR_INIT("/v1/embeddings"), false, HTTP1_POST, router_embeddings },
    { STR_INIT("/v1/rerank"), false, HTTP1_POST, router_rerank },
    { STR_INIT("/v2/rerank"), false, HTTP1_POST, router_rerank },
    { STR_INIT("/v1/audio/speech"), false, HTTP1_POST, router_speech },
    { STR_INIT("/v1/audio/transcriptions"), false, HTTP1_POST, router_upload },
    { STR_INIT("/v1/audio/translations"), false, HTTP1_POST, router_upload },
    { STR_INIT("/v1/images/generations"), false, HTTP1_POST, router_images },
    { STR_INIT("/v1/images/edits"), false, HTTP1_POST, router_upload },
    { STR_INIT("/v1/images/variations"), false, HTTP1_POST, router_upload },
    { STR_INIT("/v1/realtime"), false, HTTP1_GET, realtime_open },
    { STR_INIT("/v1/realtime/client_secrets"), false, HTTP1_POST, realtime_not_here },
    { STR_INIT("/v1/realtime/calls"), false, HTTP1_POST, realtime_not_here },
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
    { STR_INIT("/v1/models/"), true, HTTP1_POST, router_gemini },
    { STR_INIT("/v1beta/models"), false, HTTP1_GET, errand_models },
    { STR_INIT("/v1beta/models/"), true, HTTP1_GET, errand_models },
    { STR_INIT("/v1beta/models/"), true, HTTP1_POST, router_gemini },
    { STR_INIT("/v1/credits"), false, HTTP1_GET, errand_credits },
    { STR_INIT("/v1/credits/transfer"), false, HTTP1_POST, errand_no_transfer },
    { STR_INIT("/v1/credits/gift"), false, HTTP1_POST, errand_no_resale },
    { STR_INIT("/v1/credits/redeem"), false, HTTP1_POST, errand_no_resale },
    { STR_INIT("/v1/key"), false, HTTP1_GET, errand_key },
    { STR_INIT("/v1/usage"), false, HTTP1_GET, errand_usage },
    { STR_INIT("/v1/receipts/"), true, HTTP1_GET, errand_receipt },
    { STR_INIT("/v1/generation"), false, HTTP1_GET, errand_receipt },
    { STR_INIT("/v1/devices"), false, HTTP1_GET, errand_devices_list },
    { STR_INIT("/v1/devices"), false, HTTP1_POST, errand_devices_issue },
    { STR_INIT("/v1/devices/time"), false, HTTP1_GET, errand_device_time },
    { STR_INIT("/v1/devices/ota"), false, HTTP1_GET, errand_device_ota },
    { STR_INIT("/v1/devices/ota"), false, HTTP1_POST, errand_device_ota },
    { STR_INIT("/v1/devices/ota/"), true, HTTP1_GET, errand_device_ota },
    { STR_INIT("/v1/devices/ota/"), true, HTTP1_POST, errand_device_ota },
    { STR_INIT("/v1/devices/voice"), false, HTTP1_GET, voice_begin },
    { STR_INIT("/v1/devices/"), true, HTTP1_GET, errand_device },
    { STR_INIT("/v1/devices/"), true, HTTP1_POST, errand_device },
    { STR_INIT("/log/"), true, HTTP1_GET, errand_log },
    { STR_INIT("/verify"), false, HTTP1_GET, errand_verify },
    { STR_INIT("/verify/"), false, HTTP1_GET, errand_verify },
    { STR_INIT("/verify/"), true, HTTP1_GET, errand_verify },
    { STR_INIT("/healthz"), false, HTTP1_GET, router_alive },
    { STR_INIT("/readyz"), false, HTTP1_GET, router_ready },
    { STR_INIT("/openapi.json"), false, HTTP1_GET, router_openapi },
    { STR_INIT("/"), false, HTTP1_GET, router_hello },
};

static bool router_method_fits(enum http1_method want, enum http1_method got)
{
    return got == want || (want == HTTP1_GET && got == HTTP1_HEAD);
}

/* As it stands in the table. */
static struct str router_path(struct str target, struct str *ret_query)
{
    struct str path = url_target_path(target, ret_query);
    bool openrouter = str_starts(path, STR(ROUTER_OPENROUTER "/v1/"));
    return openrouter ? str_from_at(path, sizeof(ROUTER_OPENROUTER) - 1) : path;
}

/* Who serves the request; NULL: nobody. *ret_known: another method of its path is served. */
static const struct router_path *router_find(struct http_exchange *x, struct str *ret_path,
                                             bool *ret_known)
{
    const struct http1_head *head = http_exchange_head(x);
    struct str query;
    struct str path = router_path(head->target, &query);
    *ret_path = path;
    *ret_known = false;
    for (size_t i = 0; i < EP_ARRAY_LEN(router_paths); i++) {
        const struct router_path *row = &router_paths[i];
        bool fits = row->prefix ? str_starts(path, row->path) && path.len > row->path.len
                                : str_eq(path, row->path);
        *ret_known |= fits;
        if (fits && router_method_fits(row->method, head->method)) {
            return row;
        }
    }
    return NULL;
}

static void router_on_request(struct http_exchange *x)
{
    struct str path;
    bool known = false;
    void *owner = http_exchange_owner(x);
    if (owner != NULL) {
        if (intake_owns(owner)) {
            intake_done(owner);
        } else {
            errand_done(owner);
        }
        return;
    }
    struct front *front = gate_owner(http_server_owner(http_exchange_server(x)));
    if (realtime_call(front, x)) {
        return;
    }
    const struct router_path *row = router_find(x, &path, &known);
    if (row == NULL) {
        errand_refuse(x, known ? ERR_HTTP_METHOD : ERR_HTTP_PATH);
        return;
    }
    row->serve(front, x, path);
}

/* ---- bodies that are told as they come ------------------------------------------------------ */

/* Asked of each request with a body: compares with few paths. */
static bool router_takes(struct http_exchange *x)
{
    const struct http1_head *head = http_exchange_head(x);
    struct str query;
    struct str path = router_path(head->target, &query);
    return head->method == HTTP1_POST &&
           (str_eq(path, STR("/v1/files")) || upload_kind(path) != NULL);
}

static void router_on_upload(struct http_exchange *x)
{
    struct front *front = gate_owner(http_server_owner(http_exchange_server(x)));
    struct str path;
    bool known = false;
    if (router_find(x, &path, &known)->serve == errand_file_add) {
        errand_file_upload(front, x);
    } else {
        upload_begin(front->gate, x, router_face(x), upload_kind(path));
    }
}

static void router_on_piece(struct http_exchange *x, struct str data)
{
    void *owner = http_exchange_owner(x);
    if (intake_owns(owner)) {
        intake_piece(owner, data);
    } else {
        errand_piece(owner, data);
    }
}

static void router_on_broken(struct http_exchange *x, enum err err)
{
    void *owner = http_exchange_owner(x);
    if (intake_owns(owner)) {
        intake_broken(owner, err);
    } else {
        errand_broken(owner, err);
    }
}

static void router_on_gone(struct http_exchange *x)
{
    void *owner = http_exchange_owner(x);
    if (owner == NULL) {
        return;
    }
    if (intake_owns(owner)) {
        intake_gone(owner);
    } else if (realtime_owns(owner)) {
        realtime_gone(owner);
    } else {
        errand_gone(owner);
    }
}

static void router_on_drained(struct http_exchange *x)
{
    void *owner = http_exchange_owner(x);
    if (owner == NULL) {
        return;
    }
    if (intake_owns(owner)) {
        intake_drained(owner);
    } else {
        errand_drained(owner);
    }
}

static void router_on_bad(struct http_exchange *x, enum err err)
{
    counter_add(COUNTER_CONNECTIONS_REFUSED, 1);
    errand_refuse(x, err);
}

const struct http_events router_events = {
    .on_request = router_on_request,
    .takes = router_takes,
    .on_upload = router_on_upload,
    .on_piece = router_on_piece,
    .on_broken = router_on_broken,
    .on_gone = router_on_gone,
    .on_drained = router_on_drained,
    .on_bad = router_on_bad,
};
