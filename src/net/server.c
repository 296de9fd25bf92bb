#include "net/server.h"

#include <string.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/mem.h"
#include "net/server_internal.h"

#define SEC             INT64_C(1000000000)
#define SERVER_BACKLOG  4096       /* what the kernel allows at most by default */
#define ACCEPT_AGAIN_NS (SEC / 10) /* out of descriptors: some may be free then */
#define LINGER_NS       (2 * SEC)  /* for a client to read our last words */

struct http_server_options http_server_options_default(void)
{
    return (struct http_server_options){
        .head_bytes_max = (size_t)64 * 1024,
        .body_bytes_max = (size_t)32 * 1024 * 1024,
        .queue_bytes_max = (size_t)64 * 1024 * 1024,
        .connections_max = 100000,
        .head_ns = 30 * SEC,
        .body_ns = 120 * SEC,
        .idle_ns = 75 * SEC,
        .stall_ns = 60 * SEC,
    };
}

/* ---- connections ------------------------------------------------------------------------- */

static void conn_on_grave(struct task *task)
{
    struct http_exchange *conn = EP_CONTAINER(task, struct http_exchange, task);
    ASSERT(conn->state == CONN_CLOSED);
    conn->magic = 0;
    slab_give(&conn->server->conns, conn);
}

void conn_close(struct http_exchange *conn)
{
    struct http_server *server = conn->server;
    if (conn->state == CONN_CLOSED) {
        return;
    }
    if (conn->state == CONN_ANSWER) {
        server->exchanges--;
    }
    conn->state = CONN_CLOSED;
    if (server->head_of == conn) {
        server->head_of = NULL;
    }
    timer_stop(server->loop, &conn->timer);
    stream_close(&conn->stream);
    buf_fini(&conn->in);
    buf_fini(&conn->out);
    buf_fini(&conn->body);
    mem_free(conn->head_bytes);
    conn->head_bytes = NULL;
    node_unlink(&conn->node);
    counter_add(COUNTER_CONNECTIONS_OPEN, -1);
    task_cancel(&conn->task);
    task_init(&conn->task, conn_on_grave);
    loop_bury(server->loop, &conn->task);
}

static int64_t conn_deadline(const struct http_exchange *conn)
{
    const struct http_server_options *options = &conn->server->options;
    switch (conn->state) {
    case CONN_PROXY:
    case CONN_SHAKE:
    case CONN_HEAD:
        return conn->since_ns + options->head_ns;
    case CONN_IDLE:
        return conn->since_ns + options->idle_ns;
    case CONN_BODY:
        return conn->since_ns + options->body_ns;
    case CONN_FLUSH:
        return conn->since_ns + options->stall_ns;
    case CONN_ANSWER:
        /* How long an answer may take is its owner's to say. */
        return conn_pending(conn) > 0 || conn_tells(conn) ? conn->since_ns + options->stall_ns
                                                          : INT64_MAX;
    case CONN_LINGER:
        return conn->since_ns + LINGER_NS;
    case CONN_CLOSED:
        break;
    }
    return INT64_MAX;
}

void conn_schedule(struct http_exchange *conn)
{
    int64_t at_ns = conn_deadline(conn);
    /* One that fires too early looks again; so a request costs no work on the timer. */
    if (at_ns == INT64_MAX || (timer_armed(&conn->timer) && conn->timer.at_ns <= at_ns)) {
        return;
    }
    if (timer_start(conn_loop(conn), &conn->timer, at_ns) != ERR_OK) {
        conn->broken = true; /* nothing may wait without an end */
        task_queue(conn_loop(conn), &conn->task);
    }
}

void conn_enter(struct http_exchange *conn, enum conn_state state)
{
    ASSERT(conn->state != CONN_CLOSED);
    if (conn->state == CONN_ANSWER) {
        conn->server->exchanges--;
    }
    if (state == CONN_ANSWER) {
        conn->server->exchanges++;
    }
    conn->state = state;
    conn->since_ns = loop_now_ns(conn_loop(conn));
    conn_schedule(conn);
}

static void conn_on_timer(struct timer *timer)
{
    struct http_exchange *conn = EP_CONTAINER(timer, struct http_exchange, timer);
    ASSERT(conn->magic == CONN_MAGIC);
    if (conn->again) {
        conn->again = false;
        conn_go(conn);
        if (conn->state != CONN_CLOSED) {
            conn_schedule(conn);
        }
        return;
    }
    if (conn_deadline(conn) > loop_now_ns(conn_loop(conn))) {
        conn_schedule(conn);
        return;
    }
    switch (conn->state) {
    case CONN_HEAD:
    case CONN_BODY:
        conn_refuse(conn, ERR_HTTP_TIMEOUT);
        break;
    case CONN_ANSWER:
        if (conn_tells(conn)) {
            conn_break_body(conn, ERR_HTTP_TIMEOUT);
            break;
        }
        conn->broken = true;
        task_queue(conn_loop(conn), &conn->task);
        break;
    case CONN_PROXY:
    case CONN_SHAKE:
    case CONN_IDLE:
    case CONN_FLUSH:
    case CONN_LINGER:
    case CONN_CLOSED:
        conn_close(conn);
        break;
    }
}

static void conn_note_peer(struct http_exchange *conn, const struct address *peer)
{
    conn->peer_family = (uint8_t)peer->sock.any.sa_family;
    if (conn->peer_family == AF_INET) {
        memcpy(&conn->peer, &peer->sock.v4.sin_addr, sizeof(peer->sock.v4.sin_addr));
        conn->peer_port = peer->sock.v4.sin_port;
    } else if (conn->peer_family == AF_INET6) {
        conn->peer = peer->sock.v6.sin6_addr;
        conn->peer_port = peer->sock.v6.sin6_port;
    }
}

static void conn_start(struct http_listener *listener, int fd, const struct address *peer)
{
    struct http_server *server = listener->server;
    bool welcome = !listener->proxy || server_trusts_peer(server, peer);
    struct http_exchange *conn = welcome ? slab_take(&server->conns) : NULL;
    if (conn == NULL) {
        counter_add(COUNTER_CONNECTIONS_REFUSED, 1);
        (void)close(fd);
        return;
    }
    conn->magic = CONN_MAGIC;
    conn->server = server;
    conn->tls = listener->tls != NULL;
    conn->link = listener->link;
    stream_init(&conn->stream, server->loop, conn_on_ready);
    timer_init(&conn->timer, conn_on_timer);
    task_init(&conn->task, conn_on_task);
    buf_init(&conn->in, server->options.head_bytes_max + CONN_AHEAD_MAX + LOOP_SCRATCH_BYTES);
    buf_init(&conn->out, server->options.queue_bytes_max);
    buf_init(&conn->body, server->options.body_bytes_max);
    conn_note_peer(conn, peer);
    if (stream_open(&conn->stream, fd, NULL) != ERR_OK) {
        slab_give(&server->conns, conn); /* nothing names it yet */
        return;
    }
    list_push_back(&server->open, &conn->node);
    counter_add(COUNTER_CONNECTIONS, 1);
    counter_add(COUNTER_CONNECTIONS_OPEN, 1);
    if (listener->proxy) {
        conn->secure = listener->tls;
        conn_enter(conn, CONN_PROXY);
        return;
    }
    if (conn->tls && stream_secure_server(&conn->stream, listener->tls, NULL) != ERR_OK) {
        conn_close(conn);
        return;
    }
    conn_enter(conn, conn->tls ? CONN_SHAKE : CONN_IDLE);
}

/* ---- listeners --------------------------------------------------------------------------- */

static void listener_accept(struct http_listener *listener)
{
    struct http_server *server = listener->server;
    for (;;) {
        int fd = -1;
        struct address peer;
        enum err err = loop_accept(server->loop, listener->watch.fd, &fd, &peer);
        if (err == ERR_BUSY) {
            return;
        }
        if (err != ERR_OK) {
            /* Without memory for it, the next connection that comes is the reminder. */
            EP_IGNORE(timer_start(server->loop, &listener->timer,
                                  loop_now_ns(server->loop) + ACCEPT_AGAIN_NS));
            return;
        }
        conn_start(listener, fd, &peer);
    }
}

static void listener_on_ready(struct watch *watch, unsigned events)
{
    (void)events;
    listener_accept(EP_CONTAINER(watch, struct http_listener, watch));
}

static void listener_on_timer(struct timer *timer)
{
    listener_accept(EP_CONTAINER(timer, struct http_listener, timer));
}

static void listener_on_grave(struct task *task)
{
    mem_free(EP_CONTAINER(task, struct http_listener, task));
}

static void listener_close(struct http_listener *listener)
{
    struct loop *loop = listener->server->loop;
    watch_close(loop, &listener->watch);
    timer_stop(loop, &listener->timer);
    node_unlink(&listener->node);
    task_init(&listener->task, listener_on_grave);
    loop_bury(loop, &listener->task);
}

/* ---- servers ----------------------------------------------------------------------------- */

enum err http_server_create(struct loop *loop, const struct http_server_options *options,
                            struct http_server **ret_server, struct fail *fail)
{
    ASSERT(options->events != NULL && options->events->on_request != NULL);
    ASSERT(options->events->on_gone != NULL);
    ASSERT(options->events->takes == NULL ||
           (options->events->on_upload != NULL && options->events->on_piece != NULL &&
            options->events->on_broken != NULL));
    ASSERT(options->connections_max > 0);
    struct http_server *server = mem_zalloc(sizeof(*server));
    if (server == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a server");
    }
    server->loop = loop;
    server->options = *options;
    server->date_s = -1;
    slab_init(&server->conns, sizeof(struct http_exchange), options->connections_max);
    slab_init(&server->inners, sizeof(struct http_inner_exchange), HTTP_INNER_MAX);
    list_init(&server->open);
    list_init(&server->listeners);
    *ret_server = server;
    return ERR_OK;
}

enum err http_server_listen(struct http_server *server, const struct address *address,
                            struct tls_context *tls, struct address *ret_bound, struct fail *fail)
{
    const struct http_listen listen = { .address = address, .tls = tls };
    return http_server_listen_as(server, &listen, ret_bound, fail);
}

enum err http_server_listen_as(struct http_server *server, const struct http_listen *listen,
                               struct address *ret_bound, struct fail *fail)
{
    struct http_listener *listener = mem_zalloc(sizeof(*listener));
    if (listener == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a listener");
    }
    listener->server = server;
    listener->tls = listen->tls;
    listener->link = listen->link;
    listener->proxy = listen->proxy;
    watch_init(&listener->watch, listener_on_ready);
    timer_init(&listener->timer, listener_on_timer);
    int fd = -1;
    enum err err = loop_listen(server->loop, listen->address, SERVER_BACKLOG, &fd, ret_bound, fail);
    if (err == ERR_OK) {
        err = watch_start(server->loop, &listener->watch, fd, fail);
        if (err != ERR_OK) {
            (void)close(fd); /* nobody knows of it yet */
        }
    }
    if (err != ERR_OK) {
        mem_free(listener);
        return err;
    }
    list_push_back(&server->listeners, &listener->node);
    return ERR_OK;
}

void http_server_stop_accepting(struct http_server *server)
{
    LIST_EACH_SAFE(node, after, &server->listeners) {
        listener_close(EP_CONTAINER(node, struct http_listener, node));
    }
}

void http_server_drain(struct http_server *server)
{
    server->draining = true;
    LIST_EACH_SAFE(node, after, &server->open) {
        struct http_exchange *conn = EP_CONTAINER(node, struct http_exchange, node);
        if (conn->state == CONN_IDLE || conn->state == CONN_SHAKE || conn->state == CONN_PROXY) {
            conn_close(conn);
        } else if (conn->state == CONN_ANSWER && conn->tunnel != NULL) {
            conn->drains = true;
            task_queue(conn_loop(conn), &conn->task);
        }
    }
}

size_t http_server_connections(const struct http_server *server)
{
    return server->conns.count;
}

size_t http_server_exchanges(const struct http_server *server)
{
    return server->exchanges;
}

static void server_on_grave(struct task *task)
{
    struct http_server *server = EP_CONTAINER(task, struct http_server, task);
    slab_fini(&server->conns);
    slab_fini(&server->inners);
    mem_free(server);
}

void http_server_close_all(struct http_server *server)
{
    ASSERT(server->exchanges == 0);
    LIST_EACH_SAFE(node, after, &server->open) {
        conn_close(EP_CONTAINER(node, struct http_exchange, node));
    }
}

void http_server_destroy(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    http_server_stop_accepting(server);
    http_server_close_all(server);
    /* Graves are emptied in order: the connections' memory comes back before the server's goes. */
    task_init(&server->task, server_on_grave);
    loop_bury(server->loop, &server->task);
}

void *http_server_owner(const struct http_server *server)
{
    return server->options.owner;
}

/* ---- what an owner asks of its exchange --------------------------------------------------- */

struct http_server *http_exchange_server(const struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    return x->server;
}

void http_exchange_own(struct http_exchange *x, void *owner)
{
    ASSERT(x->magic == CONN_MAGIC);
    ASSERT(x->state == CONN_ANSWER);
    x->owner = owner;
}

void *http_exchange_owner(const struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    return x->owner;
}

const struct http1_head *http_exchange_head(struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    struct http_server *server = x->server;
    if (x->head_bytes == NULL) {
        return NULL;
    }
    if (server->head_of != x) {
        size_t used = 0;
        struct str bytes = { x->head_bytes, x->head_len };
        enum wire_result result =
            http1_read_request(bytes, server->options.head_bytes_max, &server->head, &used);
        ASSERT(result == WIRE_DONE && used == x->head_len); /* as it was the first time */
        server->head_of = x;
    }
    return &server->head;
}

void http_exchange_drop_head(struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    if (x->server->head_of == x) {
        x->server->head_of = NULL;
    }
    mem_free(x->head_bytes);
    x->head_bytes = NULL;
    x->head_len = 0;
}

struct str http_exchange_body(const struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    return buf_str(&x->body);
}

void http_exchange_take_body(struct http_exchange *x, struct buf *ret_body)
{
    ASSERT(x->magic == CONN_MAGIC);
    *ret_body = x->body;
    buf_init(&x->body, x->server->options.body_bytes_max);
}

void http_exchange_hold_body(struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC && x->state == CONN_ANSWER);
    x->body_held = true;
}

void http_exchange_resume_body(struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC && x->state == CONN_ANSWER);
    if (x->incoming && x->body_held) {
        x->body_held = false;
        x->since_ns = loop_now_ns(conn_loop(x));
        conn_schedule(x);
        task_queue(conn_loop(x), &x->task);
    }
}

void http_exchange_peer(const struct http_exchange *x, struct address *ret_address)
{
    ASSERT(x->magic == CONN_MAGIC);
    *ret_address = (struct address){ .len = sizeof(sa_family_t) };
    ret_address->sock.any.sa_family = x->peer_family;
    if (x->peer_family == AF_INET) {
        ret_address->len = sizeof(ret_address->sock.v4);
        memcpy(&ret_address->sock.v4.sin_addr, &x->peer, sizeof(ret_address->sock.v4.sin_addr));
        ret_address->sock.v4.sin_port = x->peer_port;
    } else if (x->peer_family == AF_INET6) {
        ret_address->len = sizeof(ret_address->sock.v6);
        ret_address->sock.v6.sin6_addr = x->peer;
        ret_address->sock.v6.sin6_port = x->peer_port;
    }
}

bool http_exchange_peer_uid(const struct http_exchange *x, unsigned *ret_uid)
{
    ASSERT(x->magic == CONN_MAGIC);
    return !x->is_inner && stream_peer_uid(&x->stream, ret_uid);
}

struct str http_exchange_tls_name(const struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    return x->is_inner ? STR_EMPTY : stream_tls_name(&x->stream);
}

int64_t http_exchange_begun_ns(const struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    return x->begun_ns;
}
