/* A connection to an upstream with its call: the request out, the answer in. */
#include <stdio.h>
#include <string.h>

#include "base/counter.h"
#include "net/client_internal.h"

#define READS_BATCH 16 /* 1 MiB; then other connections get a turn */
#define PARTS_MAX   32 /* of a request, in one write */
#define WHAT_MAX    96 /* of what it has done, in words */

/* ---- life -------------------------------------------------------------------------------- */

static void upstream_on_grave(struct task *task)
{
    struct upstream_conn *conn = EP_CONTAINER(task, struct upstream_conn, task);
    slab_give(&conn->pool->conns, conn);
}

void upstream_close(struct upstream_conn *conn)
{
    struct loop *loop = conn->pool->loop;
    ASSERT(conn->state != UPSTREAM_CLOSED);
    if (conn->state == UPSTREAM_IDLE) {
        conn->pool->idle--;
    }
    if (conn->state == UPSTREAM_IDLE || conn->state == UPSTREAM_CALL) {
        host_release(conn->host);
    }
    conn->state = UPSTREAM_CLOSED;
    conn->call = NULL;
    conn->race = NULL;
    if (node_linked(&conn->node)) {
        node_unlink(&conn->node);
    }
    timer_stop(loop, &conn->timer);
    stream_close(&conn->stream);
    buf_fini(&conn->in);
    buf_fini(&conn->out);
    counter_add(COUNTER_UPSTREAM_OPEN, -1);
    task_cancel(&conn->task);
    task_init(&conn->task, upstream_on_grave);
    loop_bury(loop, &conn->task);
}

/* INT64_MAX: it may last. */
static int64_t upstream_deadline(const struct upstream_conn *conn)
{
    if (conn->state == UPSTREAM_IDLE) {
        return conn->since_ns + conn->pool->options.idle_ns;
    }
    if (conn->state != UPSTREAM_CALL || conn->call->paused) {
        return INT64_MAX;
    }
    const struct http_call *call = conn->call;
    int64_t limit_ns = conn->head_done ? call->silence_ns : call->first_byte_ns;
    int64_t next_ns = limit_ns > 0 ? conn->since_ns + limit_ns : INT64_MAX;
    int64_t end_ns = call->answer_ns > 0 ? call->begun_ns + call->answer_ns : INT64_MAX;
    return next_ns < end_ns ? next_ns : end_ns;
}

void upstream_schedule(struct upstream_conn *conn)
{
    struct loop *loop = conn->pool->loop;
    int64_t at_ns = upstream_deadline(conn);
    /* One that fires too early looks again; so most calls cost no work on the timer. */
    if (at_ns == INT64_MAX || (timer_armed(&conn->timer) && conn->timer.at_ns <= at_ns)) {
        return;
    }
    if (timer_start(loop, &conn->timer, at_ns) != ERR_OK) {
        conn->broken = true;
        task_queue(loop, &conn->task);
    }
}

/* ---- ends of the call -------------------------------------------------------------------- */

static void upstream_fail(struct upstream_conn *conn, enum err err, const char *what)
{
    struct http_call *call = conn->call;
    struct upstream_host *host = conn->host;
    struct fail fail;
    err = FAIL(&fail, err, "\"" STR_FMT "\" %s", STR_ARG(call->host), what);
    upstream_close(conn);
    host_serve(host);
    call_fail(call, err, &fail);
}

/* The kept connection was dead; nothing was answered. */
static void upstream_retry(struct upstream_conn *conn)
{
    struct http_call *call = conn->call;
    struct upstream_pool *pool = conn->pool;
    struct upstream_host *host = conn->host;
    call->conn = NULL;
    call->retried = true;
    upstream_close(conn);
    int64_t until_ns = loop_now_ns(pool->loop) + pool->options.connect_ns;
    if (timer_start(pool->loop, &call->timer, until_ns) != ERR_OK) {
        call_fail_later(call, ERR_NO_MEMORY);
        return;
    }
    race_begin(call, host);
}

static void upstream_on_timer(struct timer *timer);
static void upstream_on_task(struct task *task);
static void upstream_on_ready(struct stream *stream, unsigned events);

struct upstream_conn *upstream_create(struct upstream_pool *pool, struct upstream_host *host)
{
    struct upstream_conn *conn = slab_take(&pool->conns);
    if (conn == NULL) {
        return NULL;
    }
    conn->pool = pool;
    conn->host = host;
    conn->state = UPSTREAM_CONNECT;
    stream_init(&conn->stream, pool->loop, upstream_on_ready);
    timer_init(&conn->timer, upstream_on_timer);
    task_init(&conn->task, upstream_on_task);
    buf_init(&conn->in, pool->options.head_bytes_max + LOOP_SCRATCH_BYTES);
    buf_init(&conn->out, CALL_PENDING_MAX);
    counter_add(COUNTER_UPSTREAM_OPEN, 1);
    return conn;
}

static void upstream_to_idle(struct upstream_conn *conn)
{
    conn->state = UPSTREAM_IDLE;
    conn->call = NULL;
    conn->since_ns = loop_now_ns(conn->pool->loop);
    node_unlink(&conn->node);
    list_push_front(&conn->host->idle, &conn->node);
    conn->pool->idle++;
    upstream_schedule(conn);
}

/* The answer is whole. `clean`: nothing stands behind it. */
static void upstream_finish(struct upstream_conn *conn, bool clean)
{
    struct http_call *call = conn->call;
    struct upstream_host *host = conn->host;
    if (clean && conn->keep && conn->sent_all && !conn->broken) {
        upstream_to_idle(conn);
    } else {
        upstream_close(conn);
    }
    host_serve(host);
    call_detach(call);
    call->events->on_end(call);
}

/* ---- the request ------------------------------------------------------------------------- */

static int upstream_part(struct iovec *part, struct str text)
{
    union {
        const char *in;
        void *out;
    } unconst = { .in = text.ptr }; /* an iovec has no const; it is only read */
    *part = (struct iovec){ unconst.out, text.len };
    return 1;
}

/* `at` bytes into what is behind the body's parts: some of the source, or its tail. */
static enum err upstream_read_source(const struct upstream_conn *conn, uint64_t at,
                                     struct iovec *part, int *ret_count)
{
    const struct http_call *call = conn->call;
    *ret_count = 0;
    if (call->source == NULL) {
        return ERR_OK;
    }
    if (at < call->source->len) {
        struct str bytes = STR_EMPTY;
        TRY(call->source->read(call->source, at, &bytes));
        ASSERT(bytes.len > 0 && bytes.len <= call->source->len - at);
        *ret_count = upstream_part(part, bytes);
        return ERR_OK;
    }
    at -= call->source->len;
    if (at < call->source_tail.len) {
        *ret_count = upstream_part(part, str_from_at(call->source_tail, (size_t)at));
    }
    return ERR_OK;
}

/* The parts of the request from conn->sent on; none: it is all sent. */
static enum err upstream_gather(const struct upstream_conn *conn, struct iovec parts[PARTS_MAX],
                                int *ret_count)
{
    const struct http_call *call = conn->call;
    size_t skip = conn->sent;
    int count = 0;
    for (size_t i = 0; i <= call->body_count && count < PARTS_MAX; i++) {
        struct str part = i == 0 ? call->head : call->body[i - 1];
        if (skip >= part.len) {
            skip -= part.len;
            continue;
        }
        count += upstream_part(&parts[count], str_from_at(part, skip));
        skip = 0;
    }
    *ret_count = count;
    return count > 0 ? ERR_OK : upstream_read_source(conn, skip, parts, ret_count);
}

/* Writing failed. What the upstream may have said before (413, say) is still to be read. */
static void upstream_unsendable(struct upstream_conn *conn)
{
    conn->unsendable = true;
    conn->readable = true;
    task_queue(conn->pool->loop, &conn->task);
}

static void upstream_send(struct upstream_conn *conn)
{
    conn->source_err = conn->source_err == ERR_BUSY ? ERR_OK : conn->source_err;
    while (!conn->sent_all && !conn->unsendable && conn->source_err == ERR_OK) {
        struct iovec parts[PARTS_MAX];
        int count = 0;
        conn->source_err = upstream_gather(conn, parts, &count);
        if (conn->source_err == ERR_BUSY) {
            return; /* http_call_ready() goes on */
        }
        if (conn->source_err != ERR_OK) {
            task_queue(conn->pool->loop, &conn->task); /* told from the loop */
            return;
        }
        if (count == 0) {
            conn->sent_all = true;
            break;
        }
        size_t len = 0;
        enum err err = stream_write(&conn->stream, parts, count, &len);
        if (err == ERR_BUSY) {
            break;
        }
        if (err != ERR_OK) {
            upstream_unsendable(conn);
            break;
        }
        conn->sent += len;
        conn->since_ns = loop_now_ns(conn->pool->loop);
    }
}

static void upstream_tell_sent(struct upstream_conn *conn)
{
    if (conn->state != UPSTREAM_CALL || !conn->sent_all || conn->sent_told) {
        return;
    }
    if (conn->calls > 1 && !conn->answered) {
        return; /* it may have to be sent again */
    }
    conn->sent_told = true;
    if (conn->call->events->on_sent != NULL) {
        conn->call->events->on_sent(conn->call);
    }
}

void upstream_begin(struct upstream_conn *conn, struct http_call *call)
{
    ASSERT(conn->call == NULL && conn->state != UPSTREAM_CLOSED);
    if (conn->state == UPSTREAM_IDLE) {
        counter_add(COUNTER_UPSTREAM_REUSES, 1);
        conn->pool->idle--;
        node_unlink(&conn->node);
    }
    list_push_back(&conn->host->busy, &conn->node);
    timer_stop(conn->pool->loop, &call->timer);
    call->conn = conn;
    call->target = NULL;
    conn->call = call;
    conn->state = UPSTREAM_CALL;
    conn->calls++;
    conn->since_ns = loop_now_ns(conn->pool->loop);
    conn->sent = 0;
    conn->sent_all = false;
    conn->sent_told = false;
    conn->answered = false;
    conn->head_done = false;
    conn->interim = 0;
    conn->keep = false;
    conn->source_err = ERR_OK;
    upstream_send(conn);
    upstream_schedule(conn);
    task_queue(conn->pool->loop, &conn->task); /* on_sent */
}

/* ---- the answer -------------------------------------------------------------------------- */

/* Unframes the body's next bytes in place: one callback for all of them. */
static void upstream_take_body(struct upstream_conn *conn, char *bytes, size_t size)
{
    struct http_call *call = conn->call;
    struct str rest = { bytes, size };
    size_t len = 0;
    enum wire_result result = conn->framing.state == BODY_END ? WIRE_DONE : WIRE_MORE;
    while (result == WIRE_MORE && rest.len > 0) {
        size_t used = 0;
        struct str data = STR_EMPTY;
        result = http1_body_read(&conn->framing, rest, &used, &data);
        if (data.len > 0 && data.ptr != bytes + len) {
            memmove(bytes + len, data.ptr, data.len);
        }
        len += data.len;
        rest = str_from_at(rest, result == WIRE_BAD ? rest.len : used);
    }
    if (len > 0) {
        call->events->on_body(call, (struct str){ bytes, len });
        if (conn->call != call || conn->state != UPSTREAM_CALL) {
            return; /* cancelled */
        }
    }
    if (result == WIRE_BAD) {
        upstream_fail(conn, ERR_UPSTREAM_SYNTAX, "sent a body that is not framed as HTTP");
    } else if (result == WIRE_DONE) {
        upstream_finish(conn, rest.len == 0);
    }
}

/* Not a head that can be read. */
static void upstream_fail_head(struct upstream_conn *conn, enum err bad)
{
    char what[WHAT_MAX];
    if (bad == ERR_HTTP_HEAD_SIZE) {
        (void)snprintf(what, sizeof(what), "sent a head of more than %zu bytes or %d lines",
                       conn->pool->options.head_bytes_max, HTTP1_HEADERS_MAX);
    } else {
        (void)snprintf(what, sizeof(what), "%s",
                       bad == ERR_HTTP_VERSION ? "answered in another version than HTTP/1.1"
                                               : "sent no head of HTTP/1.1");
    }
    upstream_fail(conn, ERR_UPSTREAM_SYNTAX, what);
}

/* May the connection serve another call behind this answer? What has no body by its status may
 * send one all the same, and that would be taken for the next call's answer. */
static bool upstream_keeps(const struct http1_head *head)
{
    return head->keep_alive && head->status != 204 && head->status != 304;
}

/* The length of the head that `bytes` begin with; 0: there is no more to do with them. */
static size_t upstream_next_head(struct upstream_conn *conn, struct str bytes)
{
    struct http1_head *head = &conn->pool->head;
    size_t head_max = conn->pool->options.head_bytes_max;
    size_t used = 0;
    enum wire_result result =
        http1_read_response(bytes, head_max, conn->call->is_head, head, &used);
    if (result == WIRE_MORE) {
        conn->in_seen = bytes.len;
        if (bytes.len > 0 && buf_append(&conn->in, bytes) != ERR_OK) {
            upstream_fail(conn, ERR_NO_MEMORY, "sent a head there is no memory for");
        }
        return 0;
    }
    if (result == WIRE_BAD) {
        upstream_fail_head(conn, head->bad);
        return 0;
    }
    bool other = head->status == 101 && !conn->call->upgrade;
    conn->interim += head->status < 200 ? used : 0;
    if (other || conn->interim > head_max) {
        upstream_fail(conn, ERR_UPSTREAM_SYNTAX,
                      other ? "wants to speak another protocol (101)"
                            : "sent interim answers (1xx) without end");
        return 0;
    }
    return used;
}

/* Takes a head off `bytes`; returns what is behind it, or NULL: there is no more to do with them.
 * Interim answers (1xx) are passed over, as many as fit into a head. */
static char *upstream_take_head(struct upstream_conn *conn, char *bytes, size_t size)
{
    struct http_call *call = conn->call;
    struct http1_head *head = &conn->pool->head;
    char *at = bytes;
    do {
        size_t used = upstream_next_head(conn, (struct str){ at, size - (size_t)(at - bytes) });
        if (used == 0) {
            return NULL;
        }
        at += used;
    } while (head->status < 200 && head->status != 101);
    conn->head_done = true;
    conn->tunnel = head->status == 101;
    conn->since_ns = loop_now_ns(conn->pool->loop);
    upstream_schedule(conn); /* from now on silence counts, which may be the shorter time */
    conn->keep = upstream_keeps(head) && !conn->tunnel;
    http1_body_init(&conn->framing, conn->tunnel ? HTTP1_UNTIL_CLOSE : head->framing, head->length);
    call->events->on_head(call, head);
    return conn->call == call && conn->state == UPSTREAM_CALL ? at : NULL;
}

static void upstream_take(struct upstream_conn *conn, char *bytes, size_t size)
{
    struct http_call *call = conn->call;
    conn->answered = true;
    upstream_tell_sent(conn);
    if (conn->call != call || conn->state != UPSTREAM_CALL) {
        return;
    }
    if (conn->head_done) {
        conn->since_ns = loop_now_ns(conn->pool->loop);
        upstream_take_body(conn, bytes, size);
        return;
    }
    if (conn->in.len == 0) {
        char *body = upstream_take_head(conn, bytes, size);
        if (body != NULL) {
            upstream_take_body(conn, body, size - (size_t)(body - bytes));
        }
        return;
    }
    if (buf_append(&conn->in, (struct str){ bytes, size }) != ERR_OK) {
        upstream_fail(conn, ERR_NO_MEMORY, "sent a head there is no memory for");
        return;
    }
    struct str fresh = str_from_at(buf_str(&conn->in), conn->in_seen);
    if (str_find(fresh, '\n') == fresh.len && conn->in.len < conn->pool->options.head_bytes_max) {
        conn->in_seen = conn->in.len;
        return;
    }
    /* Moved out: it must outlive a cancel in the callbacks. */
    struct buf held = conn->in;
    buf_init(&conn->in, held.max);
    char *body = upstream_take_head(conn, held.ptr, held.len);
    if (body != NULL) {
        upstream_take_body(conn, body, held.len - (size_t)(body - held.ptr));
    }
    buf_fini(&held);
}

/* The upstream has ended its side (ERR_NET_CLOSED), or the connection is broken. */
static void upstream_lost(struct upstream_conn *conn, enum err err)
{
    conn->readable = false;
    if (conn->state == UPSTREAM_IDLE) {
        upstream_close(conn);
    } else if (conn->head_done && conn->framing.framing == HTTP1_UNTIL_CLOSE &&
               err == ERR_NET_CLOSED) {
        conn->keep = false;
        upstream_finish(conn, true);
    } else if (!conn->answered && conn->calls > 1 && !conn->call->retried) {
        upstream_retry(conn);
    } else {
        bool closed = err == ERR_NET_CLOSED; /* else reset, or TLS ended without its good-bye */
        upstream_fail(conn, ERR_UPSTREAM_CUT,
                      conn->answered ? closed ? "closed in the middle of its answer"
                                              : "broke off in the middle of its answer"
                      : closed       ? "closed without an answer"
                                     : "broke off without an answer");
    }
}

static bool upstream_may_read(const struct upstream_conn *conn)
{
    return conn->readable &&
           (conn->state == UPSTREAM_IDLE || (conn->state == UPSTREAM_CALL && !conn->call->paused));
}

static void upstream_read(struct upstream_conn *conn)
{
    struct loop *loop = conn->pool->loop;
    for (int reads = 0; upstream_may_read(conn); reads++) {
        if (reads == READS_BATCH && timer_start(loop, &conn->timer, loop_now_ns(loop)) == ERR_OK) {
            conn->again = true;
            return;
        }
        size_t len = 0;
        char *scratch = loop_scratch(loop);
        enum err err = stream_read(&conn->stream, scratch, LOOP_SCRATCH_BYTES, &len);
        if (err == ERR_BUSY) {
            conn->readable = false;
        } else if (err != ERR_OK) {
            upstream_lost(conn, err);
        } else if (conn->state == UPSTREAM_IDLE) {
            upstream_close(conn); /* nobody asked for it */
        } else {
            conn->readable = !stream_drained(&conn->stream, LOOP_SCRATCH_BYTES, len);
            upstream_take(conn, scratch, len);
        }
    }
}

/* ---- events ------------------------------------------------------------------------------ */

static void upstream_go(struct upstream_conn *conn)
{
    if (conn->state == UPSTREAM_CONNECT || conn->state == UPSTREAM_SHAKE) {
        race_go(conn);
    }
    if (conn->state == UPSTREAM_CALL && !conn->sent_all) {
        upstream_send(conn);
        upstream_schedule(conn);
    }
    bool cannot = conn->source_err != ERR_OK && conn->source_err != ERR_BUSY;
    if (conn->state == UPSTREAM_CALL && cannot) {
        upstream_fail(conn, conn->source_err, "could not be sent the rest of an upload");
        return;
    }
    upstream_tell_sent(conn);
    if (conn->state == UPSTREAM_CALL && conn->tunnel) {
        upstream_write_out(conn);
    }
    upstream_read(conn);
    if (!conn->broken || conn->state == UPSTREAM_CLOSED) {
        return;
    }
    if (conn->state == UPSTREAM_CALL) {
        upstream_fail(conn, ERR_NO_MEMORY, "could not be served on: no memory");
    } else {
        upstream_close(conn);
    }
}

static void upstream_on_ready(struct stream *stream, unsigned events)
{
    struct upstream_conn *conn = EP_CONTAINER(stream, struct upstream_conn, stream);
    if (stream->tls != NULL || (events & (WATCH_READ | WATCH_HANGUP)) != 0) {
        conn->readable = true;
    }
    upstream_go(conn);
}

static void upstream_on_task(struct task *task)
{
    upstream_go(EP_CONTAINER(task, struct upstream_conn, task));
}

static void upstream_on_timer(struct timer *timer)
{
    struct upstream_conn *conn = EP_CONTAINER(timer, struct upstream_conn, timer);
    if (conn->again) {
        conn->again = false;
        upstream_go(conn);
        if (conn->state != UPSTREAM_CLOSED) {
            upstream_schedule(conn);
        }
    } else if (upstream_deadline(conn) > loop_now_ns(conn->pool->loop)) {
        upstream_schedule(conn);
    } else if (conn->state == UPSTREAM_IDLE) {
        upstream_close(conn);
    } else if (conn->source_err == ERR_BUSY && !conn->answered) { /* it has waited for us */
        upstream_fail(conn, ERR_UPLOAD_FAILED, "was not sent the rest of an upload in time");
    } else {
        const struct http_call *call = conn->call;
        bool over = call->answer_ns > 0 &&
                    loop_now_ns(conn->pool->loop) >= call->begun_ns + call->answer_ns;
        upstream_fail(conn, ERR_UPSTREAM_SILENT,
                      over              ? "did not end its answer in time"
                      : conn->head_done ? "fell silent"
                      : conn->answered  ? "did not end the head of its answer in time"
                                        : "did not answer in time");
    }
}
