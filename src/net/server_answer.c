/* What goes out on a connection: answers to bytes. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/counter.h"
#include "base/mem.h"
#include "net/server_internal.h"

#define ANSWER_HEAD_MAX 256 /* status line, Date, Content-Length and Connection */
#define OUT_DROP_MIN    ((size_t)64 * 1024)

/* ---- bytes ------------------------------------------------------------------------------- */

static void conn_break(struct http_exchange *conn)
{
    conn->broken = true; /* told from the loop: no function of the header calls back */
    task_queue(conn_loop(conn), &conn->task);
}

/* Bytes have moved, or begin to wait. */
static void conn_touch(struct http_exchange *conn)
{
    if (conn->state == CONN_ANSWER || conn->state == CONN_FLUSH) {
        conn->since_ns = loop_now_ns(conn_loop(conn));
    }
}

static void part_skip(struct iovec *part, size_t len)
{
    part->iov_base = (char *)part->iov_base + len;
    part->iov_len -= len;
}

/* Writes until the socket takes no more; returns the first part that is left, cut to what is. */
static int conn_write(struct http_exchange *conn, struct iovec *parts, int count)
{
    int at = 0;
    while (at < count) {
        size_t len = 0;
        enum err err = stream_write(&conn->stream, parts + at, count - at, &len);
        if (err != ERR_OK) {
            if (err != ERR_BUSY) {
                conn_break(conn);
            }
            break;
        }
        counter_add(COUNTER_BYTES_OUT, (int64_t)len);
        conn_touch(conn);
        while (at < count && len >= parts[at].iov_len) {
            len -= parts[at++].iov_len;
        }
        if (len > 0) {
            part_skip(&parts[at], len);
        }
    }
    return at;
}

static void conn_queue(struct http_exchange *conn, const struct iovec *parts, int count)
{
    if (conn_pending(conn) == 0) {
        conn_touch(conn);
    }
    if (conn->out_at >= OUT_DROP_MIN && conn->out_at >= conn->out.len / 2) {
        buf_drop(&conn->out, conn->out_at);
        conn->out_at = 0;
    }
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        total += parts[i].iov_len;
    }
    if (buf_reserve(&conn->out, total) != ERR_OK) { /* once, and not for each part */
        conn_break(conn);
        return;
    }
    for (int i = 0; i < count; i++) {
        EP_IGNORE(buf_append(&conn->out, (struct str){ parts[i].iov_base, parts[i].iov_len }));
    }
    conn->choked |= conn_pending(conn) > HTTP_PENDING_LOW;
    conn_schedule(conn);
}

static void conn_out_left(struct http_exchange *conn, size_t left)
{
    conn->out_at = conn->out.len - left;
    if (left == 0) {
        buf_fini(&conn->out); /* an idle stream keeps no buffer */
        conn->out_at = 0;
    }
}

/* Writes all that is in `out`, as far as it goes. */
static void conn_write_out(struct http_exchange *conn)
{
    conn->held = false;
    if (conn_pending(conn) == 0) {
        return;
    }
    struct iovec part = { conn->out.ptr + conn->out_at, conn_pending(conn) };
    int at = conn_write(conn, &part, 1);
    conn_out_left(conn, at == 1 ? 0 : part.iov_len);
    conn_schedule(conn);
}

/* parts[0] is this function's, for the head that may be held back. */
static void conn_send(struct http_exchange *conn, struct iovec *parts, int count)
{
    if (conn->broken) {
        return;
    }
    if (conn_pending(conn) > 0 && !conn->held) {
        conn_queue(conn, parts + 1, count - 1);
        return;
    }
    int first = conn->held ? 0 : 1;
    conn->held = false;
    parts[0] = (struct iovec){ conn->out.ptr + conn->out_at, conn_pending(conn) };
    int at = first + conn_write(conn, parts + first, count - first);
    if (first == 0) {
        conn_out_left(conn, at == 0 ? parts[0].iov_len : 0);
        at = at == 0 ? 1 : at;
    }
    if (at < count && !conn->broken) {
        conn_queue(conn, parts + at, count - at);
    }
}

static int part_add(struct iovec *parts, int count, struct str text)
{
    union {
        const char *in;
        void *out;
    } unconst = { .in = text.ptr }; /* an iovec has no const; it is only read */
    if (text.len > 0) {
        parts[count++] = (struct iovec){ unconst.out, text.len };
    }
    return count;
}

/* ---- the end of an answer ---------------------------------------------------------------- */

/* All of the answer is written. */
static void conn_flushed(struct http_exchange *conn)
{
    if (!conn->last && !conn->server->draining) {
        conn_enter(conn, CONN_IDLE);
        if (conn->in.len > 0 || conn->readable) {
            task_queue(conn_loop(conn), &conn->task);
        }
        return;
    }
    if (!conn->refusing) {
        if (conn->tls) {
            stream_end(&conn->stream);
        }
        conn_close(conn);
        return;
    }
    /* To close with bytes unread would reset the connection, and the answer be lost with it. */
    buf_fini(&conn->in);
    stream_end(&conn->stream);
    conn_enter(conn, CONN_LINGER);
    task_queue(conn_loop(conn), &conn->task);
}

void conn_finish(struct http_exchange *conn)
{
    http_exchange_drop_head(conn);
    buf_fini(&conn->body);
    conn->owner = NULL;
    conn->refusing |= conn->tunnel != NULL; /* its last words are to be read, whatever comes yet */
    conn->refusing |= conn->incoming;       /* the rest of the body is not read */
    conn->incoming = false;
    if (conn->broken) {
        conn_close(conn);
        return;
    }
    conn_enter(conn, CONN_FLUSH);
    conn->choked = false;
    if (conn->held) {
        conn_write_out(conn);
    }
    if (conn->broken) {
        conn_close(conn);
    } else if (conn_pending(conn) == 0) {
        conn_flushed(conn);
    }
}

static void conn_tell_drained(struct http_exchange *conn)
{
    const struct http_events *events = conn->server->options.events;
    if (conn->state != CONN_ANSWER) {
        return;
    }
    if (conn->tunnel != NULL) {
        conn->tunnel->on_drained(conn);
    } else if (events->on_drained != NULL) {
        events->on_drained(conn);
    }
}

void conn_flush(struct http_exchange *conn)
{
    conn_write_out(conn);
    if (conn->broken) {
        return;
    }
    if (conn->choked && conn_pending(conn) <= HTTP_PENDING_LOW) {
        conn->choked = false;
        conn_tell_drained(conn);
    }
    if (conn->state == CONN_FLUSH && conn_pending(conn) == 0) {
        conn_flushed(conn);
    }
}

/* ---- heads ------------------------------------------------------------------------------- */

/* "date: Tue, 24 Nov 2026 03:00:00 GMT\r\n", made once a second. */
static struct str server_date(struct http_server *server)
{
    int64_t now_s = loop_wall_ns(server->loop) / INT64_C(1000000000);
    if (now_s != server->date_s) {
        time_t seconds = (time_t)now_s;
        struct tm parts;
        const struct tm *made = gmtime_r(&seconds, &parts);
        ASSERT(made != NULL);
        size_t len = strftime(server->date_text, sizeof(server->date_text),
                              "date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
        ASSERT(len > 0);
        server->date_s = now_s;
    }
    return str_from(server->date_text);
}

static bool status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static enum err conn_print_head(struct http_exchange *conn, int status, size_t length,
                                struct buf *out)
{
    TRY(http1_status_line(out, status));
    TRY(buf_append(out, server_date(conn->server)));
    if (conn->chunked) {
        TRY(buf_append(out, STR("transfer-encoding: chunked\r\n")));
    } else if (length != SIZE_MAX) {
        TRY(buf_append(out, STR("content-length: ")));
        TRY(buf_u64(out, length));
        TRY(buf_append(out, STR("\r\n")));
    }
    if (conn->last) {
        TRY(buf_append(out, STR("connection: close\r\n")));
    } else if (conn->to_10) {
        TRY(buf_append(out, STR("connection: keep-alive\r\n")));
    }
    return ERR_OK;
}

/* `length`: of a body in one piece; SIZE_MAX: there is none to state. */
static struct str conn_head(struct http_exchange *conn, int status, size_t length,
                            char text[ANSWER_HEAD_MAX])
{
    struct buf out = { .ptr = text, .cap = ANSWER_HEAD_MAX, .max = ANSWER_HEAD_MAX };
    conn->begun = true;
    conn->last |= !conn->keep_alive || conn->server->draining || conn->incoming;
    enum err err = conn_print_head(conn, status, length, &out);
    ASSERT(err == ERR_OK); /* the room is for the longest of each */
    return buf_str(&out);
}

static void exchange_check(const struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    ASSERT(x->state == CONN_ANSWER); /* else the exchange is over */
}

void http_respond(struct http_exchange *x, int status, struct str headers, struct str body)
{
    exchange_check(x);
    ASSERT(!x->begun);
    if (x->is_inner) {
        x->bodiless |= !status_has_body(status);
        inner_head(x, status, headers);
        inner_body(x, &body, 1);
        inner_finish(x, ERR_OK);
        return;
    }
    char text[ANSWER_HEAD_MAX];
    bool has_body = status_has_body(status);
    struct str head = conn_head(x, status, has_body ? body.len : SIZE_MAX, text);
    struct iovec parts[5];
    int count = part_add(parts, 1, head);
    count = part_add(parts, count, headers);
    count = part_add(parts, count, STR("\r\n"));
    if (has_body && !x->to_head) {
        count = part_add(parts, count, body);
    }
    conn_send(x, parts, count);
    conn_finish(x);
}

void http_respond_head(struct http_exchange *x, int status, struct str headers)
{
    exchange_check(x);
    ASSERT(!x->begun && !x->bad && !x->incoming);
    if (x->is_inner) {
        x->bodiless |= !status_has_body(status);
        inner_head(x, status, headers);
        return;
    }
    char text[ANSWER_HEAD_MAX];
    bool has_body = status_has_body(status);
    x->bodiless = x->to_head || !has_body;
    x->chunked = has_body && !x->to_10;
    x->last |= has_body && x->to_10; /* its end is the connection's */
    struct str head = conn_head(x, status, SIZE_MAX, text);
    struct iovec parts[3];
    int count = part_add(parts, 0, head);
    count = part_add(parts, count, headers);
    count = part_add(parts, count, STR("\r\n"));
    if (x->broken) {
        return;
    }
    x->held = conn_pending(x) == 0;
    conn_queue(x, parts, count);
    task_queue(conn_loop(x), &x->task);
}

/* ---- bodies ------------------------------------------------------------------------------ */

static void conn_send_body(struct http_exchange *conn, const struct str *parts, size_t count,
                           bool end)
{
    ASSERT(count <= HTTP_PARTS_MAX);
    struct iovec out[HTTP_PARTS_MAX + 4];
    char size_line[HTTP1_CHUNK_HEAD_MAX];
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += parts[i].len;
    }
    int used = 1;
    if (conn->chunked && total > 0) {
        size_t len = http1_chunk_head(size_line, total);
        used = part_add(out, used, (struct str){ size_line, len });
    }
    for (size_t i = 0; i < count; i++) {
        used = part_add(out, used, parts[i]);
    }
    if (conn->chunked) {
        used = part_add(out, used, total > 0 ? STR("\r\n") : STR_EMPTY);
        used = part_add(out, used, end ? STR("0\r\n\r\n") : STR_EMPTY);
    }
    if (used > 1) {
        conn_send(conn, out, used);
    }
}

void http_respond_body(struct http_exchange *x, const struct str *parts, size_t count)
{
    exchange_check(x);
    ASSERT(x->begun);
    if (x->is_inner) {
        inner_body(x, parts, count);
    } else if (!x->bodiless) {
        conn_send_body(x, parts, count, false);
    }
}

size_t http_respond_pending(const struct http_exchange *x)
{
    exchange_check(x);
    return conn_pending(x);
}

void http_respond_end(struct http_exchange *x)
{
    http_respond_last(x, NULL, 0);
}

void http_respond_last(struct http_exchange *x, const struct str *parts, size_t count)
{
    exchange_check(x);
    ASSERT(x->begun);
    if (x->is_inner) {
        inner_body(x, parts, count);
        inner_finish(x, ERR_OK);
        return;
    }
    if (!x->bodiless) {
        conn_send_body(x, parts, count, true);
    }
    conn_finish(x);
}

void http_exchange_abort(struct http_exchange *x)
{
    exchange_check(x);
    if (x->is_inner) {
        inner_finish(x, ERR_NET_CLOSED);
    } else {
        conn_close(x);
    }
}

/* ---- another protocol -------------------------------------------------------------------- */

void http_exchange_upgrade(struct http_exchange *x, struct str headers,
                           const struct http_tunnel_events *events)
{
    exchange_check(x);
    ASSERT(!x->begun && !x->bad);
    struct iovec parts[4];
    int count = part_add(parts, 1, STR("HTTP/1.1 101 Switching Protocols\r\n"));
    count = part_add(parts, count, headers);
    count = part_add(parts, count, STR("\r\n"));
    x->begun = true;
    x->last = true;
    x->paused = false;
    x->tunnel = events;
    x->drains = x->server->draining;
    conn_send(x, parts, count);
    task_queue(conn_loop(x), &x->task); /* for what came with the request */
}

void http_exchange_pause(struct http_exchange *x)
{
    exchange_check(x);
    x->paused = true;
}

void http_exchange_resume(struct http_exchange *x)
{
    exchange_check(x);
    x->paused = false;
    task_queue(conn_loop(x), &x->task);
}

/* ---- the server's own answers ------------------------------------------------------------ */

void conn_refuse(struct http_exchange *conn, enum err err)
{
    const struct http_events *events = conn->server->options.events;
    const struct err_info *info = err_info(err);
    http_exchange_drop_head(conn);
    conn->last = true;
    conn->refusing = true;
    conn->bad = true;
    conn_enter(conn, CONN_ANSWER);
    if (events->on_bad != NULL) {
        events->on_bad(conn, err);
    }
    conn->bad = false;
    if (conn->state != CONN_ANSWER) {
        return;
    }
    char text[512]; /* the table's texts are one sentence each */
    int len = snprintf(text, sizeof(text),
                       "{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"param\":null,"
                       "\"code\":\"%s\"}}",
                       info->text, info->type, info->code);
    ASSERT(len > 0 && (size_t)len < sizeof(text));
    http_respond(conn, info->status, STR("content-type: application/json\r\n"),
                 (struct str){ text, (size_t)len });
}

void conn_continue(struct http_exchange *conn)
{
    struct iovec parts[2];
    conn_send(conn, parts, part_add(parts, 1, STR("HTTP/1.1 100 Continue\r\n\r\n")));
}
