#include "net/inner.h"

#include "base/mem.h"
#include "net/server_internal.h"

/* ---- its life ------------------------------------------------------------------------------ */

static struct http_inner_exchange *inner_of(struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC && x->is_inner);
    return EP_CONTAINER(x, struct http_inner_exchange, x);
}

static void inner_on_grave(struct task *task)
{
    struct http_exchange *x = EP_CONTAINER(task, struct http_exchange, task);
    struct http_inner_exchange *exchange = inner_of(x);
    ASSERT(x->state == CONN_CLOSED);
    x->magic = 0;
    slab_give(&x->server->inners, exchange);
}

static void inner_close(struct http_inner_exchange *exchange)
{
    struct http_exchange *x = &exchange->x;
    struct http_server *server = x->server;
    ASSERT(x->state != CONN_CLOSED);
    x->state = CONN_CLOSED;
    server->exchanges--;
    http_exchange_drop_head(x);
    buf_fini(&x->in);
    buf_fini(&x->out);
    buf_fini(&x->body);
    if (exchange->owner != NULL) {
        exchange->owner->exchange = NULL;
        exchange->owner = NULL;
    }
    task_cancel(&x->task);
    task_init(&x->task, inner_on_grave);
    loop_bury(server->loop, &x->task);
}

static void inner_wake(struct http_exchange *x)
{
    task_queue(x->server->loop, &x->task);
}

/* ---- what its owner is told ---------------------------------------------------------------- */

/* The bytes are moved out meanwhile: their memory is used again, whatever the callback does. */
static void inner_tell_body(struct http_inner_exchange *exchange)
{
    struct http_exchange *x = &exchange->x;
    struct buf held = x->out;
    buf_init(&x->out, held.max);
    exchange->owner->events->on_body(exchange->owner, buf_str(&held));
    if (x->state == CONN_CLOSED || x->out.cap > 0) {
        buf_fini(&held);
        return;
    }
    buf_reset(&held);
    x->out = held;
    if (x->choked && x->state == CONN_ANSWER && exchange->owner != NULL) {
        x->choked = false;
        if (x->server->options.events->on_drained != NULL) {
            x->server->options.events->on_drained(x);
        }
    }
}

static void inner_tell_end(struct http_inner_exchange *exchange)
{
    struct http_inner *owner = exchange->owner;
    enum err failed = exchange->failed;
    inner_close(exchange);
    if (failed != ERR_OK) {
        owner->events->on_failed(owner, failed);
    } else {
        owner->events->on_end(owner);
    }
}

static void inner_tell(struct http_inner_exchange *exchange)
{
    struct http_exchange *x = &exchange->x;
    while (exchange->owner != NULL && !exchange->paused) {
        bool over = x->state == CONN_FLUSH;
        if (x->begun && !exchange->told_head) {
            exchange->told_head = true;
            exchange->owner->events->on_head(exchange->owner, exchange->status, buf_str(&x->in));
        } else if (conn_pending(x) > 0) {
            inner_tell_body(exchange);
        } else if (over) {
            inner_tell_end(exchange);
        } else {
            return;
        }
    }
}

static void inner_on_task(struct task *task)
{
    struct http_exchange *x = EP_CONTAINER(task, struct http_exchange, task);
    struct http_inner_exchange *exchange = inner_of(x);
    const struct http_events *events = x->server->options.events;
    if (!exchange->asked) {
        exchange->asked = true;
        events->on_request(x);
        return; /* what was answered at once has queued the task again */
    }
    if (x->broken && x->state == CONN_ANSWER) {
        events->on_gone(x);
        x->owner = NULL;
        x->state = CONN_FLUSH;
    }
    if (exchange->owner == NULL) {
        inner_close(exchange);
        return;
    }
    inner_tell(exchange);
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void inner_break(struct http_exchange *x, enum err err)
{
    inner_of(x)->failed = err;
    x->broken = true; /* told from the loop: no function of the headers calls back */
    inner_wake(x);
}

void inner_head(struct http_exchange *x, int status, struct str headers)
{
    inner_of(x)->status = status;
    x->begun = true;
    if (x->broken) {
        return;
    }
    enum err err = buf_append(&x->in, headers);
    if (err != ERR_OK) {
        inner_break(x, err);
        return;
    }
    inner_wake(x);
}

void inner_body(struct http_exchange *x, const struct str *parts, size_t count)
{
    if (x->broken || x->bodiless) {
        return;
    }
    enum err err = buf_append_all(&x->out, parts, count);
    if (err != ERR_OK) {
        inner_break(x, err);
        return;
    }
    x->choked |= conn_pending(x) > HTTP_PENDING_LOW;
    inner_wake(x);
}

void inner_finish(struct http_exchange *x, enum err err)
{
    struct http_inner_exchange *exchange = inner_of(x);
    http_exchange_drop_head(x);
    buf_fini(&x->body);
    x->owner = NULL;
    x->state = CONN_FLUSH;
    exchange->failed = exchange->failed == ERR_OK ? err : exchange->failed;
    inner_wake(x);
}

/* ---- the request --------------------------------------------------------------------------- */

/* Reads it into the server's `head`. */
static enum err inner_check_head(struct http_server *server, struct str head)
{
    size_t used = 0;
    server->head_of = NULL;
    enum wire_result result =
        http1_read_request(head, server->options.head_bytes_max, &server->head, &used);
    if (result == WIRE_BAD) {
        return server->head.bad;
    }
    bool whole = result == WIRE_DONE && used == head.len;
    return whole && server->head.framing == HTTP1_NO_BODY ? ERR_OK : ERR_HTTP_SYNTAX;
}

static enum err inner_make_head(struct http_exchange *x, const struct http_inner_request *request)
{
    struct http_server *server = x->server;
    const struct str parts[] = {
        request->method,  STR(" "),    request->target, STR(" HTTP/1.1\r\nhost: inner\r\n"),
        request->headers, STR("\r\n"),
    };
    struct buf head;
    buf_init(&head, server->options.head_bytes_max);
    enum err err = buf_append_all(&head, parts, EP_ARRAY_LEN(parts));
    if (err == ERR_OK) {
        err = inner_check_head(server, buf_str(&head));
    }
    if (err != ERR_OK) {
        buf_fini(&head);
        return err == ERR_LIMIT ? ERR_HTTP_HEAD_SIZE : err;
    }
    server->head_of = x;
    x->head_len = head.len;
    x->head_bytes = head.ptr; /* taken */
    x->bodiless = server->head.method == HTTP1_HEAD;
    return ERR_OK;
}

/* Nobody is told of it yet. */
static void inner_open(struct http_inner_exchange *exchange, struct http_inner *inner)
{
    struct http_exchange *x = &exchange->x;
    const struct http_server_options *options = &x->server->options;
    buf_init(&x->in, options->head_bytes_max);
    buf_init(&x->out, options->queue_bytes_max);
    buf_init(&x->body, options->body_bytes_max);
    x->begun_ns = loop_now_ns(x->server->loop);
    x->state = CONN_ANSWER;
    x->server->exchanges++;
    exchange->owner = inner;
    inner->exchange = exchange;
    task_init(&x->task, inner_on_task);
}

void http_inner_init(struct http_inner *inner, const struct http_inner_events *events)
{
    *inner = (struct http_inner){ .events = events };
}

enum err http_inner_start(struct http_server *server, const struct http_inner_request *request,
                          struct http_inner *inner)
{
    ASSERT(inner->exchange == NULL);
    const struct http_server_options *options = &server->options;
    if (request->body != NULL && request->body->len > options->body_bytes_max) {
        return ERR_HTTP_BODY_SIZE;
    }
    struct http_inner_exchange *exchange = slab_take(&server->inners);
    if (exchange == NULL) {
        return server->inners.count == HTTP_INNER_MAX ? ERR_BUSY : ERR_NO_MEMORY;
    }
    struct http_exchange *x = &exchange->x;
    x->magic = CONN_MAGIC;
    x->is_inner = true;
    x->server = server;
    enum err err = inner_make_head(x, request);
    if (err != ERR_OK) {
        x->magic = 0;
        slab_give(&server->inners, exchange); /* nothing names it yet */
        return err;
    }
    inner_open(exchange, inner);
    if (request->body != NULL) {
        x->body = *request->body;
        buf_init(request->body, x->body.max);
    }
    x->client_is = request->from.known ? CLIENT_NOTED : CLIENT_UNKNOWN;
    x->client = request->from.client;
    x->link = request->from.link;
    exchange->actor = request->actor;
    inner_wake(x);
    return ERR_OK;
}

enum err http_inner_stand_in(struct http_server *server, int64_t begun_ns, struct http_inner *inner,
                             struct http_exchange **ret_x)
{
    ASSERT(inner->exchange == NULL);
    struct http_inner_exchange *exchange = slab_take(&server->inners);
    if (exchange == NULL) {
        return server->inners.count == HTTP_INNER_MAX ? ERR_BUSY : ERR_NO_MEMORY;
    }
    struct http_exchange *x = &exchange->x;
    x->magic = CONN_MAGIC;
    x->is_inner = true;
    x->server = server;
    inner_open(exchange, inner);
    x->client_is = CLIENT_UNKNOWN;
    x->begun_ns = begun_ns;
    exchange->asked = true; /* by the one that has gone */
    *ret_x = x;
    return ERR_OK;
}

struct http_inner *http_inner_of(struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    return x->is_inner ? inner_of(x)->owner : NULL;
}

bool http_inner_is_open(const struct http_inner *inner)
{
    return inner->exchange != NULL;
}

void http_inner_pause(struct http_inner *inner)
{
    ASSERT(inner->exchange != NULL);
    inner->exchange->paused = true;
}

void http_inner_resume(struct http_inner *inner)
{
    ASSERT(inner->exchange != NULL);
    inner->exchange->paused = false;
    inner_wake(&inner->exchange->x);
}

void http_inner_cancel(struct http_inner *inner)
{
    struct http_inner_exchange *exchange = inner->exchange;
    if (exchange == NULL) {
        return;
    }
    exchange->owner = NULL;
    exchange->actor = NULL; /* it may go with the owner */
    inner->exchange = NULL;
    if (!exchange->asked || exchange->x.state == CONN_FLUSH) {
        inner_close(exchange); /* nobody has heard of it yet, or it is over for its source */
        return;
    }
    exchange->x.broken = true;
    inner_wake(&exchange->x);
}

/* ---- who asks ------------------------------------------------------------------------------ */

const void *http_exchange_actor(const struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    const void *first = x; /* of what it is the first part of */
    return x->is_inner ? ((const struct http_inner_exchange *)first)->actor : NULL;
}

void http_exchange_from(struct http_exchange *x, struct http_from *ret_from)
{
    *ret_from = (struct http_from){ .link = http_exchange_link(x) };
    ret_from->known = http_exchange_client(x, &ret_from->client);
}

struct str http_server_link(const struct http_server *server, struct str name)
{
    LIST_EACH(node, &server->listeners) {
        const struct http_listener *listener = EP_CONTAINER(node, struct http_listener, node);
        if (name.len > 0 && str_eq(listener->link, name)) {
            return listener->link;
        }
    }
    return STR_EMPTY;
}
