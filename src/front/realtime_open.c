/* How a session begins: a handshake, and a call that is its opening. */
#include <string.h>

#include "base/mem.h"
#include "dialect/ask.h"
#include "dispatch/limits.h"
#include "front/realtime_internal.h"
#include "gate/auth.h"
#include "gate/intake.h"
#include "gate/law.h"
#include "gate/reply.h"
#include "ident/ident.h"
#include "wire/url.h"

#define REALTIME_PROTOCOL "realtime"
#define REALTIME_KEY      "openai-insecure-api-key." /* browsers cannot send headers */
#define SESSION_LINES_MAX 512

bool realtime_owns(const void *owner)
{
    return *(const uint32_t *)owner == REALTIME_MAGIC;
}

void realtime_gone(void *owner)
{
    struct session *session = owner;
    session->x = NULL;
    session->state = SESSION_ENDING;
    LIST_EACH_SAFE(node, after, &session->turns) {
        turn_leave(EP_CONTAINER(node, struct turn, node));
    }
    session_look(session);
}

static void open_refuse(struct http_exchange *x, enum err err, const char *message,
                        const char *param)
{
    reply_refuse(x, &(struct face_error){
                        .err = err,
                        .message = message == NULL ? STR_EMPTY : str_from(message),
                        .param = param == NULL ? STR_EMPTY : str_from(param),
                    });
}

/* It comes to nothing; its exchange is still to be answered. */
static void session_drop(struct session *session)
{
    session->x = NULL;
    session->state = SESSION_ENDING;
    session_look(session);
}

void session_refused(struct session *session, int status, struct str headers, struct str body)
{
    struct http_exchange *x = session->x;
    session_drop(session);
    if (x != NULL && status >= 200) {
        http_respond(x, status, headers, body);
    } else if (x != NULL) {
        open_refuse(x, ERR_NO_MEMORY, NULL, NULL);
    }
}

/* Of the opening's answer, what names it. */
static void opened_lines(struct str rest, struct buf *lines)
{
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        if (str_starts(line, STR("x-request-id:")) || str_starts(line, STR("x-entrepot-call:"))) {
            const struct str parts[] = { line, STR("\n") };
            EP_IGNORE(buf_append_all(lines, parts, EP_ARRAY_LEN(parts))); /* else without it */
        }
    }
}

void session_opened(struct session *session, struct turn *turn)
{
    struct http_exchange *x = session->x;
    if (x != NULL && !channel_is_open(&session->source)) { /* closed since its session.created */
        session_drop(session);
        open_refuse(x, ERR_UPSTREAM_CUT, NULL, NULL);
        return;
    }
    if (x == NULL || buf_append(&session->found, buf_str(&turn->body)) != ERR_OK) {
        session_refused(session, 0, STR_EMPTY, STR_EMPTY);
        return;
    }
    struct str key = { session->key, sizeof(session->key) };
    struct str protocol = session->offered ? STR(REALTIME_PROTOCOL) : STR_EMPTY;
    session->x = NULL;
    session->state = SESSION_OPEN;
    session->bytes = (int64_t)session->found.len;
    session->begun_ns = session->used_ns = loop_now_ns(session->front->loop);
    struct buf lines;
    buf_init(&lines, SESSION_LINES_MAX);
    opened_lines(buf_str(&turn->headers), &lines);
    channel_accept(&session->client, session->front->loop, x, key, protocol, buf_str(&lines));
    buf_fini(&lines);
    session_tell(session, buf_str(&session->found));
    buf_fini(&session->found);
    session_schedule(session);
    session_check_source(session); /* another registry may have come meanwhile */
    session_balance(session);
}

/* The key, from a header or a subprotocol: two that differ are none. */
static enum err open_key(struct http_exchange *x, struct str *ret_key)
{
    const struct http1_head *head = http_exchange_head(x);
    struct str protocol;
    struct str key = STR_EMPTY;
    for (size_t nth = 0; websocket_offered(head, nth, &protocol); nth++) {
        if (str_starts(protocol, STR(REALTIME_KEY))) {
            key = str_from_at(protocol, sizeof(REALTIME_KEY) - 1);
        }
    }
    enum err err = auth_text(head, ret_key);
    if (err == ERR_KEY_MISSING && key.len > 0) {
        *ret_key = key;
        return ERR_OK;
    }
    return err == ERR_OK && key.len > 0 && !str_eq(key, *ret_key) ? ERR_KEY_UNKNOWN : err;
}

static bool open_offers(const struct http1_head *head)
{
    struct str protocol;
    for (size_t nth = 0; websocket_offered(head, nth, &protocol); nth++) {
        if (str_eq(protocol, STR(REALTIME_PROTOCOL))) {
            return true;
        }
    }
    return false;
}

/* Who asks, if it may; and one more session of the key. */
static enum err open_place(struct front *front, struct str text, const struct api_key **ret_key,
                           struct limits_counter **ret_place)
{
    const struct api_key *key = ident_find(front->world.gate.ident, text);
    TRY(key == NULL ? ERR_KEY_UNKNOWN : api_key_usable(key, loop_wall_ns(front->loop)));
    TRY(api_key_issues(key) ? ERR_KEY_ISSUES : ERR_OK);
    struct id id = key->id;
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        id.bytes[i] ^= 0xA5; /* no client's, and not the key's own */
    }
    *ret_key = key;
    return limits_take(front->world.gate.limits, id, front->snapshot->options.sessions_per_key,
                       ret_place);
}

static enum err session_write_headers(struct session *session, const struct http1_head *head)
{
    struct str market = http1_header(head, STR(CALL_LAW_MARKET));
    TRY(buf_append(&session->headers, STR("content-type: application/json\r\n")));
    return market.len == 0 ? ERR_OK
                           : http1_write_header(&session->headers, STR(CALL_LAW_MARKET), market);
}

/* What the query asks for. NULL: it may be. */
static const char *open_query_fault(struct str query, struct buf *ret_model)
{
    char text[64];
    struct buf room = { text, 0, sizeof(text), sizeof(text) };
    if (url_query(query, STR("intent"), &room) || url_query(query, STR("call_id"), &room)) {
        return "Sessions that only transcribe, and those of WebRTC and SIP, are not served.";
    }
    return url_query(query, STR("model"), ret_model) && ret_model->len > 0
               ? NULL
               : "The query needs a model: /v1/realtime?model=NAME.";
}

/* Nothing is known of the client yet but that it can speak. False: it was told no. */
static bool open_handshake(struct http_exchange *x, struct str *ret_key)
{
    switch (websocket_asked(http_exchange_head(x), ret_key)) {
    case WEBSOCKET_ASKED:
        return true;
    case WEBSOCKET_ASKED_BADLY:
        open_refuse(x, ERR_ASK_INVALID, "The handshake is not that of WebSocket (RFC 6455).",
                    "Sec-WebSocket-Key");
        return false;
    case WEBSOCKET_NOT_ASKED:
    case WEBSOCKET_ASKED_OLD:
        break;
    }
    reply_ask_upgrade(x);
    return false;
}

static void session_start(struct session *session, const struct http1_head *head, struct str ws_key)
{
    struct turn *turn = NULL;
    struct http_exchange *x = session->x;
    memcpy(session->key, ws_key.ptr, sizeof(session->key));
    session->offered = open_offers(head);
    enum err err = session_write_headers(session, head);
    if (err == ERR_OK) {
        err = turn_begin(session, TURN_OPEN, STR("{}"), STR_EMPTY, false, &turn);
    }
    if (err != ERR_OK) {
        session_drop(session);
        open_refuse(x, err == ERR_LIMIT ? ERR_ASK_INVALID : err, NULL, NULL);
        return;
    }
    http_exchange_own(x, session);
}

void realtime_open(struct front *front, struct http_exchange *x, struct str path)
{
    const struct http1_head *head = http_exchange_head(x);
    struct limits_counter *place = NULL;
    char model_text[ASK_MODEL_MAX];
    struct buf model = { model_text, 0, sizeof(model_text), sizeof(model_text) };
    struct str ws_key;
    struct str text = STR_EMPTY;
    const struct api_key *key = NULL;
    struct str query;
    (void)path;
    (void)url_target_path(head->target, &query);
    if (!open_handshake(x, &ws_key)) {
        return;
    }
    const char *fault = open_query_fault(query, &model);
    if (fault != NULL) {
        open_refuse(x, ERR_ASK_INVALID, fault, "model");
        return;
    }
    enum err err = front->draining ? ERR_SHUTDOWN : open_key(x, &text);
    err = err == ERR_OK ? open_place(front, text, &key, &place) : err;
    if (err != ERR_OK) {
        open_refuse(x, err,
                    err == ERR_LIMIT_CALLS ? "Too many sessions at once for this key." : NULL,
                    NULL);
        return;
    }
    struct session *session = session_make(front, x);
    if (session == NULL) {
        limits_give(place);
        open_refuse(x, ERR_NO_MEMORY, NULL, NULL);
        return;
    }
    session->place = place;
    session->actor.key = key;
    session->actor.hint = api_key_hint(key).ptr;
    if (buf_append(&session->model, buf_str(&model)) != ERR_OK) {
        session->model.len = 0; /* then the opening's call does not find it */
    }
    session_start(session, head, ws_key);
}

bool realtime_call(struct front *front, struct http_exchange *x)
{
    if (turn_of(x) == NULL) {
        return false;
    }
    call_begin_service(front->gate, x, FACE_OPENAI, REGISTRY_SERVICE_REALTIME);
    return true;
}

void realtime_not_here(struct front *front, struct http_exchange *x, struct str path)
{
    (void)front;
    (void)path;
    open_refuse(x, ERR_HTTP_PATH,
                "Realtime is served by WebSocket alone: GET /v1/realtime?model=NAME. There is no "
                "WebRTC, no SIP, and no key for browsers.",
                NULL);
}
