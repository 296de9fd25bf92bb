/* What comes in on a connection: bytes to requests. */
#include <string.h>

#include "base/counter.h"
#include "base/mem.h"
#include "net/server_internal.h"

/* After so many reads, or bytes, other connections get a turn. */
#define READS_BATCH 16
#define READS_BYTES ((size_t)1 << 20)
/* A head and most bodies fit in one read; of a longer body the rest goes where it stays. */
#define READ_HEAD ((size_t)16 * 1024)
#define READ_BODY ((size_t)256 * 1024)

/* ---- the head ---------------------------------------------------------------------------- */

static struct str head_moved(struct str text, const char *from, const char *to)
{
    return text.len == 0 ? STR_EMPTY : (struct str){ to + (text.ptr - from), text.len };
}

/* The slices point into `from`; now they point into the copy `to`. */
static void head_rebase(struct http1_head *head, const char *from, const char *to)
{
    head->method_text = head_moved(head->method_text, from, to);
    head->target = head_moved(head->target, from, to);
    for (size_t i = 0; i < head->header_count; i++) {
        struct http1_header *header = &head->headers[i];
        header->name = head_moved(header->name, from, to);
        header->value = head_moved(header->value, from, to);
    }
}

/* The head is `bytes`, parsed in the server's `head`. */
static bool conn_keep_head(struct http_exchange *conn, struct str bytes)
{
    struct http_server *server = conn->server;
    ASSERT(conn->head_bytes == NULL);
    conn->head_bytes = mem_alloc(bytes.len);
    if (conn->head_bytes == NULL) {
        return false;
    }
    memcpy(conn->head_bytes, bytes.ptr, bytes.len);
    conn->head_len = bytes.len;
    head_rebase(&server->head, bytes.ptr, conn->head_bytes);
    server->head_of = conn;
    return true;
}

/* The owner's turn. */
static void conn_request(struct http_exchange *conn)
{
    conn_enter(conn, CONN_ANSWER);
    conn->server->options.events->on_request(conn);
}

/* The owner's turn, before the body. */
static void conn_begin_upload(struct http_exchange *conn, bool expected)
{
    conn->incoming = true;
    conn_enter(conn, CONN_ANSWER);
    conn->server->options.events->on_upload(conn);
    if (expected && conn_tells(conn)) {
        conn_continue(conn);
    }
}

static void conn_begin_body(struct http_exchange *conn, bool more_came)
{
    const struct http1_head *head = &conn->server->head;
    const struct http_events *events = conn->server->options.events;
    if (head->framing != HTTP1_NO_BODY && events->takes != NULL && events->takes(conn)) {
        http1_body_init(&conn->framing, head->framing, head->length);
        conn_begin_upload(conn, head->expect_continue && !more_came);
        return;
    }
    if (head->framing == HTTP1_LENGTH && head->length > conn->server->options.body_bytes_max) {
        conn_refuse(conn, ERR_HTTP_BODY_SIZE);
        return;
    }
    http1_body_init(&conn->framing, head->framing, head->length);
    if (head->framing == HTTP1_NO_BODY) {
        conn_request(conn);
        return;
    }
    bool expected = head->expect_continue && !more_came;
    conn_enter(conn, CONN_BODY);
    if (expected) {
        conn_continue(conn);
    }
}

static void conn_reset_answer(struct http_exchange *conn)
{
    conn->owner = NULL;
    conn->tunnel = NULL;
    conn->begun = false;
    conn->chunked = false;
    conn->bodiless = false;
    conn->held = false;
    conn->choked = false;
    conn->incoming = false;
    conn->body_held = false;
    conn->to_head = false;
    conn->to_10 = false;
    conn->keep_alive = false;
}

/* Returns the bytes used; 0: there is no whole head, or it was refused. */
static size_t conn_take_head(struct http_exchange *conn, struct str bytes)
{
    struct http_server *server = conn->server;
    size_t size_max = server->options.head_bytes_max;
    if (conn->state == CONN_IDLE) {
        conn->begun_ns = loop_now_ns(server->loop);
        conn->in_seen = 0;
        conn_reset_answer(conn);
    }
    struct str fresh = str_from_at(bytes, conn->in_seen);
    bool news = str_find(fresh, '\n') < fresh.len || bytes.len >= size_max;
    size_t used = 0;
    enum wire_result result = WIRE_MORE;
    if (news) { /* else a head that drips in would be read again for each byte */
        server->head_of = NULL;
        result = http1_read_request(bytes, size_max, &server->head, &used);
    }
    if (result == WIRE_MORE) {
        conn->in_seen = bytes.len;
        if (conn->state == CONN_IDLE) {
            conn_enter(conn, CONN_HEAD);
        }
        return 0;
    }
    if (result == WIRE_BAD) {
        conn_refuse(conn, server->head.bad);
        return 0;
    }
    conn->to_head = server->head.method == HTTP1_HEAD;
    conn->to_10 = !server->head.version_11;
    conn->keep_alive = server->head.keep_alive;
    if (!conn_keep_head(conn, str_slice(bytes, 0, used))) {
        conn_refuse(conn, ERR_NO_MEMORY);
        return 0;
    }
    conn_begin_body(conn, bytes.len > used);
    return used;
}

/* ---- the body ---------------------------------------------------------------------------- */

/* Room for what is still to come at once, where it is not much: growing step by step copies twice
 * as often. A client that claims this and sends nothing costs no page of it. */
#define CONN_ROOM_MAX ((uint64_t)512 * 1024)

static void conn_room_ahead(struct http_exchange *conn, size_t now)
{
    uint64_t left = conn->framing.left;
    if (conn->framing.framing == HTTP1_LENGTH && left > 0 && left <= CONN_ROOM_MAX &&
        conn->body.cap - conn->body.len < now + left) {
        EP_IGNORE(buf_reserve(&conn->body, now + (size_t)left)); /* else it grows as it comes */
    }
}

/* Bytes of a body may lie at its end already, where they were read to. */
static enum err conn_add_body(struct http_exchange *conn, struct str data)
{
    if (data.len > 0 && data.ptr == conn->body.ptr + conn->body.len) {
        buf_added(&conn->body, data.len);
        return ERR_OK;
    }
    conn_room_ahead(conn, data.len);
    return buf_append(&conn->body, data);
}

static size_t conn_take_body(struct http_exchange *conn, struct str bytes)
{
    size_t used = 0;
    struct str data = STR_EMPTY;
    enum wire_result result = http1_body_read(&conn->framing, bytes, &used, &data);
    if (result == WIRE_BAD) {
        conn_refuse(conn, ERR_HTTP_SYNTAX);
        return 0;
    }
    enum err err = conn_add_body(conn, data);
    if (err != ERR_OK) {
        conn_refuse(conn, err == ERR_LIMIT ? ERR_HTTP_BODY_SIZE : err);
        return 0;
    }
    if (result == WIRE_DONE) {
        conn_request(conn);
    }
    return used;
}

/* ---- a body that is told as it comes -------------------------------------------------------- */

void conn_break_body(struct http_exchange *conn, enum err err)
{
    conn->body_held = true; /* `incoming` stays: the connection closes behind the answer */
    conn->server->options.events->on_broken(conn, err);
}

static size_t conn_tell_body(struct http_exchange *conn, struct str bytes)
{
    const struct http_events *events = conn->server->options.events;
    size_t used = 0;
    struct str data = STR_EMPTY;
    enum wire_result result = http1_body_read(&conn->framing, bytes, &used, &data);
    if (result == WIRE_BAD) {
        conn_break_body(conn, ERR_HTTP_SYNTAX);
        return 0;
    }
    conn->since_ns = loop_now_ns(conn_loop(conn));
    conn->incoming = result != WIRE_DONE;
    if (data.len > 0) {
        events->on_piece(conn, data);
    }
    if (result == WIRE_DONE && conn->state == CONN_ANSWER) { /* else it was answered meanwhile */
        events->on_request(conn);
    }
    return used;
}

/* ---- bytes ------------------------------------------------------------------------------- */

/* Line ends between requests, which some clients send behind a body (RFC 9112 2.2). */
static size_t conn_skip_blank(struct str bytes)
{
    size_t at = 0;
    while (at + 1 < bytes.len && bytes.ptr[at] == '\r' && bytes.ptr[at + 1] == '\n') {
        at += 2;
    }
    return at;
}

/* Takes requests out of `bytes` until one is its owner's; returns what was used. */
static size_t conn_feed(struct http_exchange *conn, struct str bytes)
{
    size_t used = 0;
    while (used < bytes.len) {
        if (conn->state == CONN_IDLE || conn->state == CONN_HEAD) {
            size_t blank = conn_skip_blank(str_from_at(bytes, used));
            conn->in_seen = blank > 0 ? 0 : conn->in_seen;
            used += blank;
        }
        struct str rest = str_from_at(bytes, used);
        size_t step = 0;
        if (conn->state == CONN_LINGER) {
            step = rest.len;
        } else if (conn->state == CONN_BODY) {
            step = conn_take_body(conn, rest);
        } else if (conn_tells(conn)) {
            step = conn_tell_body(conn, rest);
        } else if ((conn->state == CONN_IDLE || conn->state == CONN_HEAD) && rest.len > 0) {
            step = conn_take_head(conn, rest);
        }
        if (step == 0) {
            break;
        }
        used += step;
    }
    return used;
}

static void conn_keep(struct http_exchange *conn, struct str rest)
{
    if (conn->state == CONN_CLOSED || conn->state == CONN_LINGER || rest.len == 0) {
        return;
    }
    if (buf_append(&conn->in, rest) != ERR_OK) {
        conn->broken = true;
        task_queue(conn_loop(conn), &conn->task);
    }
}

/* Bytes of another protocol, and those before them that came along with the request. */
static void conn_tunnel(struct http_exchange *conn, struct str bytes)
{
    struct buf held = conn->in;
    buf_init(&conn->in, held.max);
    if (held.len > 0) {
        conn->tunnel->on_bytes(conn, buf_str(&held));
    }
    buf_fini(&held);
    if (bytes.len > 0 && conn->state == CONN_ANSWER) {
        conn->tunnel->on_bytes(conn, bytes);
    }
}

/* `bytes` follow what is kept in `in`. */
static void conn_input(struct http_exchange *conn, struct str bytes)
{
    if (conn_tunnels(conn)) {
        conn_tunnel(conn, bytes);
        return;
    }
    if (conn->in.len == 0) {
        size_t used = conn_feed(conn, bytes);
        conn_keep(conn, str_from_at(bytes, used));
        return;
    }
    bool answers = conn->state == CONN_ANSWER && !conn_tells(conn);
    if (answers || conn->state == CONN_FLUSH) {
        conn_keep(conn, bytes);
        return;
    }
    if (buf_append(&conn->in, bytes) != ERR_OK) {
        conn_refuse(conn, ERR_NO_MEMORY);
        return;
    }
    /* Moved out: what callbacks do to the connection does not touch what is being read. */
    struct buf held = conn->in;
    buf_init(&conn->in, held.max);
    size_t used = conn_feed(conn, buf_str(&held));
    if (used == held.len || conn->state == CONN_CLOSED || conn->state == CONN_LINGER) {
        buf_fini(&held);
        return;
    }
    buf_drop(&held, used);
    conn->in = held;
}

/* The client has ended its side (ERR_NET_CLOSED), or the connection is broken. */
static void conn_lost(struct http_exchange *conn, enum err err)
{
    conn->readable = false;
    if (conn->state == CONN_ANSWER) {
        conn->broken = true;
    } else if (conn->state == CONN_FLUSH && err == ERR_NET_CLOSED) {
        conn->last = true; /* the answer was whole before: it may still be read */
    } else {
        conn_close(conn);
    }
}

static size_t conn_room(const struct http_exchange *conn)
{
    switch (conn->state) {
    case CONN_IDLE:
    case CONN_HEAD:
        return READ_HEAD;
    case CONN_BODY:
    case CONN_LINGER:
        return LOOP_SCRATCH_BYTES;
    case CONN_ANSWER:
        if (conn->tunnel != NULL) {
            return conn->paused ? 0 : LOOP_SCRATCH_BYTES;
        }
        if (conn_tells(conn)) {
            return LOOP_SCRATCH_BYTES;
        }
        return conn->in.len < CONN_AHEAD_MAX ? CONN_AHEAD_MAX - conn->in.len : 0;
    case CONN_FLUSH:
        return conn->in.len < CONN_AHEAD_MAX ? CONN_AHEAD_MAX - conn->in.len : 0;
    case CONN_PROXY:
    case CONN_SHAKE:
    case CONN_CLOSED:
        break;
    }
    return 0;
}

/* Where the next bytes are read to: a body of known length goes where it stays, if it has room for
 * what is to come. */
static char *conn_place(struct http_exchange *conn, size_t *room)
{
    const struct http1_body *framing = &conn->framing;
    const struct buf *body = &conn->body;
    bool known = conn->state == CONN_BODY && framing->framing == HTTP1_LENGTH;
    size_t most = known && framing->left < READ_BODY ? (size_t)framing->left : READ_BODY;
    if (!known || conn->in.len > 0 || body->cap - body->len < most) {
        return loop_scratch(conn_loop(conn));
    }
    *room = most;
    return body->ptr + body->len;
}

static void conn_read_on(struct http_exchange *conn)
{
    struct loop *loop = conn_loop(conn);
    size_t bytes = 0;
    for (int reads = 0; conn->readable; reads++) {
        size_t room = conn_room(conn);
        if (room == 0) {
            return;
        }
        bool enough = reads == READS_BATCH || bytes >= READS_BYTES;
        if (enough && timer_start(loop, &conn->timer, loop_now_ns(loop)) == ERR_OK) {
            conn->again = true;
            return;
        }
        size_t len = 0;
        char *place = conn_place(conn, &room);
        enum err err = stream_read(&conn->stream, place, room, &len);
        if (err == ERR_BUSY) {
            conn->readable = false;
            return;
        }
        if (err != ERR_OK) {
            conn_lost(conn, err);
            return;
        }
        conn->readable = !stream_drained(&conn->stream, room, len);
        bytes += len;
        counter_add(COUNTER_BYTES_IN, (int64_t)len);
        conn_input(conn, (struct str){ place, len });
    }
}

/* ---- events ------------------------------------------------------------------------------ */

static void conn_shake(struct http_exchange *conn)
{
    enum err err = stream_handshake(&conn->stream, NULL);
    if (err == ERR_OK) {
        conn_enter(conn, CONN_IDLE);
    } else if (err != ERR_BUSY) {
        conn_close(conn);
    }
}

static void conn_tell_gone(struct http_exchange *conn)
{
    if (conn->tunnel != NULL) {
        conn->tunnel->on_gone(conn);
    } else {
        conn->server->options.events->on_gone(conn);
    }
}

/* What a tunnel is told outside of reading and writing. */
static void conn_go_tunnel(struct http_exchange *conn)
{
    if (conn->drains) {
        conn->drains = false;
        conn->tunnel->on_draining(conn);
    }
    if (conn_tunnels(conn) && !conn->paused && conn->in.len > 0) {
        conn_input(conn, STR_EMPTY);
    }
}

void conn_go(struct http_exchange *conn)
{
    ASSERT(conn->magic == CONN_MAGIC);
    if (conn->state == CONN_PROXY && !conn->broken) {
        conn_proxy(conn);
    }
    if (conn->state == CONN_SHAKE) {
        conn_shake(conn);
    }
    if (conn->state != CONN_CLOSED && !conn->broken) {
        conn_flush(conn);
    }
    if ((conn->state == CONN_IDLE || conn_tells(conn)) && conn->in.len > 0) {
        conn_input(conn, STR_EMPTY);
    }
    if (conn_tunnels(conn) && !conn->broken) {
        conn_go_tunnel(conn);
    }
    if (conn->state != CONN_CLOSED && !conn->broken) {
        conn_read_on(conn);
    }
    if (conn->state != CONN_CLOSED && conn->broken) {
        if (conn->state == CONN_ANSWER) {
            conn_tell_gone(conn);
        }
        conn_close(conn);
    }
}

void conn_on_ready(struct stream *stream, unsigned events)
{
    struct http_exchange *conn = EP_CONTAINER(stream, struct http_exchange, stream);
    if (conn->tls || (events & (WATCH_READ | WATCH_HANGUP)) != 0) {
        conn->readable = true;
    }
    if ((events & WATCH_HANGUP) != 0 && conn_room(conn) == 0) {
        conn->broken = true; /* nobody would ever read that it is gone */
    }
    conn_go(conn);
}

void conn_on_task(struct task *task)
{
    conn_go(EP_CONTAINER(task, struct http_exchange, task));
}
