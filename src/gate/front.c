/* The front of the gate: whole requests come in here and are sent to a call or an errand. */
#include "gate/front.h"

#include "base/counter.h"
#include "dialect/gemini_path.h"
#include "gate/errand.h"
#include "gate/front_internal.h"
#include "gate/intake.h"
#include "gate/realtime.h"
#include "gate/reply.h"
#include "gate/voice.h"
#include "wire/url.h"

#define FRONT_MESSAGE_MAX 320    /* of a refusal, with what was asked for */
#define FRONT_OPENROUTER  "/api" /* in front of "/v1/...": the same, for OpenRouter's clients */

static enum face front_face(struct http_exchange *x)
{
    bool openrouter = str_starts(http_exchange_head(x)->target, STR(FRONT_OPENROUTER));
    return openrouter ? FACE_OPENROUTER : FACE_OPENAI;
}

static void front_chat(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin(gate, x, front_face(x), DIALECT_CHAT);
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

/* Of Gemini's API: what is to be done with a model is the path's last word. */
static void front_gemini(struct gate *gate, struct http_exchange *x, struct str path)
{
    struct gemini_path parts;
    char text[FRONT_MESSAGE_MAX];
    struct buf message = { text, 0, sizeof(text), sizeof(text) };
    if (reply_face(x) != FACE_GEMINI) {
        errand_refuse(x, ERR_HTTP_PATH); /* OpenRouter's paths have no such thing */
        return;
    }
    bool known = gemini_path_read(path, STR_EMPTY, &parts);
    if (known && parts.verb <= GEMINI_STREAM) {
        call_begin(gate, x, FACE_GEMINI, DIALECT_GEMINI);
        return;
    }
    if (known && (parts.verb == GEMINI_EMBED || parts.verb == GEMINI_EMBEDS)) {
        call_begin_service(gate, x, FACE_GEMINI, REGISTRY_SERVICE_EMBEDDINGS);
        return;
    }
    if (known && parts.verb == GEMINI_COUNT) {
        errand_count(gate, x, path);
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

static void front_speech(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin_service(gate, x, front_face(x), REGISTRY_SERVICE_SPEECH);
}

/* Of a request whose body was read whole: one that is made within the process, or has none. */
static void front_upload(struct gate *gate, struct http_exchange *x, struct str path)
{
    upload_whole(gate, x, front_face(x), upload_kind(path));
}

static void front_embeddings(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin_service(gate, x, front_face(x), REGISTRY_SERVICE_EMBEDDINGS);
}

static void front_rerank(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin_service(gate, x, front_face(x), REGISTRY_SERVICE_RERANK);
}

static void front_images(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    call_begin_service(gate, x, front_face(x), REGISTRY_SERVICE_IMAGES);
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
    if (front_of(gate)->world.openapi.len == 0) {
        errand_refuse(x, ERR_HTTP_PATH);
        return;
    }
    reply_send(x, 200, STR("content-type: application/json\r\naccess-control-allow-origin: *\r\n"),
               front_of(gate)->world.openapi);
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
    { STR_INIT("/v1/embeddings"), false, HTTP1_POST, front_embeddings },
    { STR_INIT("/v1/rerank"), false, HTTP1_POST, front_rerank },
    { STR_INIT("/v2/rerank"), false, HTTP1_POST, front_rerank },
    { STR_INIT("/v1/audio/speech"), false, HTTP1_POST, front_speech },
    { STR_INIT("/v1/audio/transcriptions"), false, HTTP1_POST, front_upload },
    { STR_INIT("/v1/audio/translations"), false, HTTP1_POST, front_upload },
    { STR_INIT("/v1/images/generations"), false, HTTP1_POST, front_images },
    { STR_INIT("/v1/images/edits"), false, HTTP1_POST, front_upload },
    { STR_INIT("/v1/images/variations"), false, HTTP1_POST, front_upload },
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
    { STR_INIT("/v1/models/"), true, HTTP1_POST, front_gemini },
    { STR_INIT("/v1beta/models"), false, HTTP1_GET, errand_models },
    { STR_INIT("/v1beta/models/"), true, HTTP1_GET, errand_models },
    { STR_INIT("/v1beta/models/"), true, HTTP1_POST, front_gemini },
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
    { STR_INIT("/healthz"), false, HTTP1_GET, front_alive },
    { STR_INIT("/readyz"), false, HTTP1_GET, front_ready },
    { STR_INIT("/openapi.json"), false, HTTP1_GET, front_openapi },
    { STR_INIT("/"), false, HTTP1_GET, front_hello },
};

static bool front_method_fits(enum http1_method want, enum http1_method got)
{
    return got == want || (want == HTTP1_GET && got == HTTP1_HEAD);
}

/* As it stands in the table. */
static struct str front_path(struct str target, struct str *ret_query)
{
    struct str path = url_target_path(target, ret_query);
    bool openrouter = str_starts(path, STR(FRONT_OPENROUTER "/v1/"));
    return openrouter ? str_from_at(path, sizeof(FRONT_OPENROUTER) - 1) : path;
}

/* Who serves the request; NULL: nobody. *ret_known: another method of its path is served. */
static const struct front_path *front_find(struct http_exchange *x, struct str *ret_path,
                                           bool *ret_known)
{
    const struct http1_head *head = http_exchange_head(x);
    struct str query;
    struct str path = front_path(head->target, &query);
    *ret_path = path;
    *ret_known = false;
    for (size_t i = 0; i < EP_ARRAY_LEN(front_paths); i++) {
        const struct front_path *row = &front_paths[i];
        bool fits = row->prefix ? str_starts(path, row->path) && path.len > row->path.len
                                : str_eq(path, row->path);
        *ret_known |= fits;
        if (fits && front_method_fits(row->method, head->method)) {
            return row;
        }
    }
    return NULL;
}

static void front_on_request(struct http_exchange *x)
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
    struct gate *gate = http_server_owner(http_exchange_server(x));
    if (realtime_call(gate, x)) {
        return;
    }
    const struct front_path *row = front_find(x, &path, &known);
    if (row == NULL) {
        errand_refuse(x, known ? ERR_HTTP_METHOD : ERR_HTTP_PATH);
        return;
    }
    row->serve(gate, x, path);
}

/* ---- bodies that are told as they come ------------------------------------------------------ */

/* Asked of each request with a body: compares with few paths. */
static bool front_takes(struct http_exchange *x)
{
    const struct http1_head *head = http_exchange_head(x);
    struct str query;
    struct str path = front_path(head->target, &query);
    return head->method == HTTP1_POST &&
           (str_eq(path, STR("/v1/files")) || upload_kind(path) != NULL);
}

static void front_on_upload(struct http_exchange *x)
{
    struct gate *gate = http_server_owner(http_exchange_server(x));
    struct str path;
    bool known = false;
    if (front_find(x, &path, &known)->serve == errand_file_add) {
        errand_file_upload(gate, x);
    } else {
        upload_begin(gate, x, front_face(x), upload_kind(path));
    }
}

static void front_on_piece(struct http_exchange *x, struct str data)
{
    void *owner = http_exchange_owner(x);
    if (intake_owns(owner)) {
        intake_piece(owner, data);
    } else {
        errand_piece(owner, data);
    }
}

static void front_on_broken(struct http_exchange *x, enum err err)
{
    void *owner = http_exchange_owner(x);
    if (intake_owns(owner)) {
        intake_broken(owner, err);
    } else {
        errand_broken(owner, err);
    }
}

static void front_on_gone(struct http_exchange *x)
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

static void front_on_drained(struct http_exchange *x)
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

static void front_on_bad(struct http_exchange *x, enum err err)
{
    counter_add(COUNTER_CONNECTIONS_REFUSED, 1);
    errand_refuse(x, err);
}

const struct http_events front_events = {
    .on_request = front_on_request,
    .takes = front_takes,
    .on_upload = front_on_upload,
    .on_piece = front_on_piece,
    .on_broken = front_on_broken,
    .on_gone = front_on_gone,
    .on_drained = front_on_drained,
    .on_bad = front_on_bad,
};
