#include "gate/reply.h"

#include "crypto/random.h"
#include "gate/gate_internal.h"
#include "wire/url.h"
#include "wire/websocket_hello.h"

#define REPLY_ERROR_MAX  2048 /* a sentence, a parameter, the names of one failure */
#define REPLY_NS_PER_MS  INT64_C(1000000)
#define REPLY_WAIT_MS    1000 /* nobody knows better: what its like takes to pass */
#define REPLY_PREFIX     STR("req_")
#define REPLY_PROCESSING "openai-processing-ms"

void reply_line(struct reply *reply, const char *name, struct str value)
{
    enum err err = http1_write_header(&reply->buf, str_from(name), value);
    ASSERT(err == ERR_OK); /* the lines are ours, and fit */
}

static void reply_number(struct reply *reply, const char *name, int64_t number)
{
    char digits[24];
    struct buf text = { digits, 0, sizeof(digits), sizeof(digits) };
    EP_IGNORE(buf_i64(&text, number)); /* fits */
    reply_line(reply, name, buf_str(&text));
}

void reply_begin(struct reply *reply, struct http_exchange *x, struct str id)
{
    const struct gate *gate = http_server_owner(http_exchange_server(x));
    int64_t took_ns = loop_now_ns(gate->loop) - http_exchange_begun_ns(x);
    reply->buf = (struct buf){ reply->text, 0, sizeof(reply->text), sizeof(reply->text) };
    reply_line(reply, "x-request-id", id);
    reply_line(reply, "request-id", id);
    reply_number(reply, REPLY_PROCESSING, took_ns / REPLY_NS_PER_MS);
}

void reply_retry(struct reply *reply, bool retry, int64_t wait_ms)
{
    reply_line(reply, "x-should-retry", retry ? STR("true") : STR("false"));
    if (retry) {
        reply_number(reply, "retry-after", wait_ms < 1000 ? 1 : (wait_ms + 999) / 1000);
        reply_number(reply, "retry-after-ms", wait_ms < 1 ? 1 : wait_ms);
    }
}

/* ---- what is no call ---------------------------------------------------------------------- */

static struct str reply_make_id(struct http_exchange *x, struct buf *room)
{
    const struct gate *gate = http_server_owner(http_exchange_server(x));
    struct id id = id_make(loop_wall_ns(gate->loop), gate->world.node, random_u64());
    EP_IGNORE(id_print(room, REPLY_PREFIX, id)); /* fits */
    return buf_str(room);
}

void reply_send(struct http_exchange *x, int status, struct str headers, struct str body)
{
    char id_text[ID_SHOWN_MAX];
    struct buf id = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    struct reply reply;
    reply_begin(&reply, x, reply_make_id(x, &id));
    enum err err = buf_append(&reply.buf, headers);
    ASSERT(err == ERR_OK); /* ERRAND_HEADERS_MAX beside three lines */
    http_respond(x, status, buf_str(&reply.buf), body);
}

void reply_send_head(struct http_exchange *x, int status, struct str headers)
{
    char id_text[ID_SHOWN_MAX];
    struct buf id = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    struct reply reply;
    reply_begin(&reply, x, reply_make_id(x, &id));
    enum err err = buf_append(&reply.buf, headers);
    ASSERT(err == ERR_OK); /* as above */
    http_respond_head(x, status, buf_str(&reply.buf));
}

enum face reply_face(struct http_exchange *x)
{
    const struct http1_head *head = http_exchange_head(x);
    struct str query;
    if (head == NULL) {
        return FACE_OPENAI;
    }
    struct str path = url_target_path(head->target, &query);
    enum face face = face_of(path, http1_header(head, STR("anthropic-version")).len > 0);
    /* What is done with a model is Gemini's alone, and so is its header where paths are shared. */
    bool verb = head->method == HTTP1_POST && str_starts(path, STR("/v1/models/"));
    bool header = face == FACE_OPENAI && http1_header(head, STR("x-goog-api-key")).len > 0;
    return verb || header ? FACE_GEMINI : face;
}

void reply_refuse(struct http_exchange *x, const struct face_error *error)
{
    char id_text[ID_SHOWN_MAX];
    char body_text[REPLY_ERROR_MAX];
    struct buf id = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    struct buf body = { body_text, 0, sizeof(body_text), sizeof(body_text) };
    struct face_error told = *error;
    struct reply reply;
    enum face face = reply_face(x);
    told.request = reply_make_id(x, &id);
    EP_IGNORE(face_error_write(&body, face, &told)); /* a table's sentence fits */
    reply_begin(&reply, x, told.request);
    reply_line(&reply, "content-type", STR("application/json"));
    reply_retry(&reply, err_info(error->err)->kind == ERR_KIND_RETRY, REPLY_WAIT_MS);
    http_respond(x, face_status(face, error->err), buf_str(&reply.buf), buf_str(&body));
}

void reply_ask_upgrade(struct http_exchange *x)
{
    char text[REPLY_ERROR_MAX];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    const struct face_error error = { .err = ERR_HTTP_UPGRADE, .param = STR("Upgrade") };
    EP_IGNORE(face_error_write(&body, FACE_OPENAI, &error)); /* a table's sentence fits */
    reply_send(x, err_info(ERR_HTTP_UPGRADE)->status,
               STR("content-type: application/json\r\nupgrade: websocket\r\n"
                   "sec-websocket-version: " WEBSOCKET_VERSION "\r\nx-should-retry: false\r\n"),
               buf_str(&body));
}
