/* What goes out on a connection to an upstream that speaks another protocol since its 101. */
#include "base/counter.h"
#include "net/client_internal.h"

#define OUT_DROP_MIN ((size_t)64 * 1024)

/* Nobody reads it any more; what was said before may still be there to read. */
static void upstream_mute(struct upstream_conn *conn)
{
    conn->unsendable = true;
    conn->readable = true;
    buf_fini(&conn->out);
    conn->out_at = 0;
    task_queue(conn->pool->loop, &conn->task);
}

/* Returns how many of `bytes` the socket took. */
static size_t upstream_put(struct upstream_conn *conn, struct str bytes)
{
    size_t sent = 0;
    while (sent < bytes.len) {
        union {
            const char *in;
            void *out;
        } unconst = { .in = bytes.ptr + sent }; /* an iovec has no const; it is only read */
        struct iovec part = { unconst.out, bytes.len - sent };
        size_t len = 0;
        enum err err = stream_write(&conn->stream, &part, 1, &len);
        if (err == ERR_BUSY) {
            break;
        }
        if (err != ERR_OK) {
            upstream_mute(conn);
            break;
        }
        sent += len;
    }
    return sent;
}

void upstream_write_out(struct upstream_conn *conn)
{
    size_t waits = conn->out.len - conn->out_at;
    if (waits > 0) {
        conn->out_at += upstream_put(conn, str_from_at(buf_str(&conn->out), conn->out_at));
    }
    if (conn->out_at >= conn->out.len) {
        buf_fini(&conn->out); /* an idle one keeps no buffer */
        conn->out_at = 0;
    }
    if (conn->choked && conn->out.len - conn->out_at <= CALL_PENDING_LOW) {
        conn->choked = false;
        if (conn->call->events->on_drained != NULL) {
            conn->call->events->on_drained(conn->call);
        }
    }
}

void http_call_write(struct http_call *call, struct str bytes)
{
    struct upstream_conn *conn = call->conn;
    if (conn == NULL || conn->unsendable) {
        return;
    }
    ASSERT(conn->tunnel);
    size_t sent = conn->out.len == 0 ? upstream_put(conn, bytes) : 0;
    if (sent == bytes.len || conn->unsendable) {
        return;
    }
    if (conn->out_at >= OUT_DROP_MIN && conn->out_at >= conn->out.len / 2) {
        buf_drop(&conn->out, conn->out_at);
        conn->out_at = 0;
    }
    if (buf_append(&conn->out, str_from_at(bytes, sent)) != ERR_OK) {
        conn->broken = true; /* a hole in the bytes would be worse than their end */
        task_queue(conn->pool->loop, &conn->task);
        return;
    }
    conn->choked |= conn->out.len - conn->out_at > CALL_PENDING_LOW;
}

size_t http_call_pending(const struct http_call *call)
{
    return call->conn == NULL ? 0 : call->conn->out.len - call->conn->out_at;
}
