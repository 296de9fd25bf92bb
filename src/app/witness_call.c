#include "app/witness_call.h"

#define WITNESS_HEAD_MAX ((size_t)4096)   /* a path and a host */
#define WITNESS_BODY_MAX ((size_t)131072) /* 63 hashes and a note of 64 KiB at most */

static void witness_over(struct witness_call *call, int status, const char *why)
{
    const struct witness_answer answer = {
        .status = status,
        .body = buf_str(&call->answer),
        .why = why,
    };
    timer_stop(call->loop, &call->deadline);
    call->done(call, &answer);
}

static void witness_on_head(struct http_call *http, const struct http1_head *head)
{
    EP_CONTAINER(http, struct witness_call, http)->status = head->status;
}

static void witness_on_body(struct http_call *http, struct str data)
{
    struct witness_call *call = EP_CONTAINER(http, struct witness_call, http);
    if (buf_append(&call->answer, data) != ERR_OK) {
        http_call_cancel(http);
        witness_over(call, 0, "its answer is longer than 16 KiB");
    }
}

static void witness_on_end(struct http_call *http)
{
    struct witness_call *call = EP_CONTAINER(http, struct witness_call, http);
    witness_over(call, call->status, NULL);
}

static void witness_on_failed(struct http_call *http, enum err err, const struct fail *fail)
{
    struct witness_call *call = EP_CONTAINER(http, struct witness_call, http);
    bool told = fail != NULL && fail->text[0] != '\0';
    witness_over(call, 0, told ? fail->text : err_info(err)->name);
}

static const struct http_call_events witness_events = {
    .on_head = witness_on_head,
    .on_body = witness_on_body,
    .on_end = witness_on_end,
    .on_failed = witness_on_failed,
};

static void witness_on_deadline(struct timer *timer)
{
    struct witness_call *call = EP_CONTAINER(timer, struct witness_call, deadline);
    http_call_cancel(&call->http);
    witness_over(call, 0, "no answer in 10 s");
}

void witness_call_init(struct witness_call *call, struct loop *loop, const struct url *url,
                       struct tls_context *tls, witness_call_fn *done)
{
    *call = (struct witness_call){ .loop = loop, .url = *url, .tls = tls, .done = done };
    http_call_init(&call->http, &witness_events);
    timer_init(&call->deadline, witness_on_deadline);
    buf_init(&call->head, WITNESS_HEAD_MAX);
    buf_init(&call->body, WITNESS_BODY_MAX);
    buf_init(&call->answer, WITNESS_CALL_ANSWER_BYTES);
}

void witness_call_fini(struct witness_call *call)
{
    witness_call_cancel(call);
    buf_fini(&call->head);
    buf_fini(&call->body);
    buf_fini(&call->answer);
}

static enum err witness_write_head(struct witness_call *call)
{
    const struct url *url = &call->url;
    bool v6 = str_find(url->host, ':') < url->host.len;
    buf_reset(&call->head);
    return buf_printf(&call->head,
                      "POST " STR_FMT "/add-checkpoint HTTP/1.1\r\nhost: %s" STR_FMT "%s:%u\r\n"
                      "content-type: text/plain; charset=utf-8\r\nuser-agent: entrepot\r\n"
                      "content-length: %zu\r\n\r\n",
                      STR_ARG(url->path), v6 ? "[" : "", STR_ARG(url->host), v6 ? "]" : "",
                      (unsigned)url->port, call->body.len);
}

enum err witness_call_start(struct witness_call *call, struct upstream_pool *pool, struct str body)
{
    ASSERT(!witness_call_is_open(call));
    buf_reset(&call->body);
    buf_reset(&call->answer);
    TRY(buf_append(&call->body, body));
    TRY(witness_write_head(call));
    TRY(timer_start(call->loop, &call->deadline, loop_now_ns(call->loop) + WITNESS_CALL_MAX_NS));
    call->status = 0;
    call->part = buf_str(&call->body);
    call->http.tls = call->url.tls ? call->tls : NULL;
    call->http.host = call->url.host;
    call->http.port = call->url.port;
    call->http.head = buf_str(&call->head);
    call->http.body = &call->part;
    call->http.body_count = 1;
    call->http.first_byte_ns = WITNESS_CALL_SILENT_NS;
    call->http.silence_ns = WITNESS_CALL_SILENT_NS;
    http_call_start(pool, &call->http);
    return ERR_OK;
}

bool witness_call_is_open(const struct witness_call *call)
{
    return http_call_is_open(&call->http);
}

void witness_call_cancel(struct witness_call *call)
{
    timer_stop(call->loop, &call->deadline);
    http_call_cancel(&call->http);
}
