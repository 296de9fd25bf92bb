/*
 * HTTP/1.1 asked: calls to upstreams, over connections that are kept and shared by the calls of one
 * loop. All of it belongs to the loop's thread.
 *
 *   http_call_start() > on_sent > on_head > on_body* > on_end
 *                     > on_failed        (at any time instead of what is left)
 *                     > http_call_cancel() (no callback follows)
 *
 * on_end, on_failed and http_call_cancel() end the call: the pool has forgotten it when the
 * callback is made, so its owner may free it or start it again there. No function here calls back:
 * callbacks come from the loop alone, so within any callback any function may be called for any
 * call.
 *
 * A call that asks for another protocol (`upgrade`) and is answered by 101 sends bytes of it with
 * http_call_write() from on_head on, and gets the others' by on_body. Its connection is never kept.
 *
 * A kept connection may have been closed by the other side meanwhile. If one dies before any byte
 * of an answer, its call is tried once more on a fresh connection without its owner noticing. (That
 * the dead one had begun to serve it cannot be ruled out; it is the owner's to weigh.)
 */
#pragma once

#include "loop/loop.h"
#include "net/lookup.h"
#include "wire/http1.h"

struct http_answerer;
struct http_call;
struct tls_context;
struct upstream_conn;
struct upstream_host;
struct upstream_pool;
struct upstream_race;

struct upstream_pool_options {
    size_t connections_max; /* in all */
    size_t per_host_max;    /* further calls wait, within connect_ns */
    size_t head_bytes_max;  /* of an answer */
    int64_t connect_ns;     /* from the start to a connection that can be written to */
    int64_t idle_ns;        /* a kept connection is closed after it: sooner than servers do */
};

/* 65,536; 4,096; 64 KiB; 10 s; 55 s. */
struct upstream_pool_options upstream_pool_options_default(void);

/* `lookup` must outlive the pool. */
EP_MUST_CHECK enum err upstream_pool_create(struct loop *loop, struct lookup *lookup,
                                            const struct upstream_pool_options *options,
                                            struct upstream_pool **ret_pool, struct fail *fail);
/* All calls have ended. NULL is allowed. */
void upstream_pool_destroy(struct upstream_pool *pool);
/* Closes the connections that are kept for later: after a reload, say. */
void upstream_pool_close_idle(struct upstream_pool *pool);
size_t upstream_pool_connections(const struct upstream_pool *pool);
size_t upstream_pool_idle(const struct upstream_pool *pool);

struct http_call_events {
    /* `head` and `body` are needed no more (kept until a retry is out of the question). Always
     * before on_head, but for an answer that comes before the request was sent. May be NULL. */
    void (*on_sent)(struct http_call *call);
    /* A final status (not 1xx). `head` and its slices are valid in the callback only. */
    void (*on_head)(struct http_call *call, const struct http1_head *head);
    /* Unframed, never empty; valid in the callback only. */
    void (*on_body)(struct http_call *call, struct str data);
    void (*on_end)(struct http_call *call);
    /*
     * ERR_NET_LOOKUP, ERR_UPSTREAM_CONNECT, ERR_UPSTREAM_TLS, ERR_UPSTREAM_SILENT (in time no head,
     * no further byte, or no end), ERR_UPSTREAM_CUT (closed too early), ERR_UPSTREAM_SYNTAX (no
     * HTTP), ERR_BUSY (no connection free in time), ERR_NO_MEMORY, and what `source` answers, or
     * ERR_UPLOAD_FAILED where it was busy for longer than the upstream may be silent.
     */
    void (*on_failed)(struct http_call *call, enum err err, const struct fail *fail);
    /* After http_call_pending() was above CALL_PENDING_LOW: it has fallen to it. May be NULL. */
    void (*on_drained)(struct http_call *call);
};

/* A body's bytes that are nowhere in memory: fetched as they are sent, from any place and more than
 * once, and never all at once. */
struct http_source {
    uint64_t len;
    /* Some bytes from `at` on, at least one, which stay until the next call. ERR_BUSY: they are on
     * their way, and http_call_ready() follows. Other ERR_*: they cannot be had. Asked within
     * http_call_start(), too; calls back into no call. */
    enum err (*read)(struct http_source *source, uint64_t at, struct str *ret_bytes);
};

/* Lives in its owner. The first part is the owner's to fill in before http_call_start() (what it
 * points at lives until the end, `head` and `body` until on_sent); the second is the pool's. */
struct http_call {
    const struct http_call_events *events;
    struct tls_context *tls; /* NULL: plain */
    /* SHA-256 of the peer's public key (TLS_PIN_BYTES): no other key will do, whoever vouches for
     * it. NULL: any that is verified. */
    const unsigned char *tls_pin;
    struct str host;        /* a name or a literal address, without brackets */
    struct str head;        /* the whole head of the request, with its empty line */
    const struct str *body; /* framed as the head says */
    size_t body_count;
    struct http_source *source; /* behind it; NULL: nothing; lives as long as `head` */
    struct str source_tail;     /* and behind that */
    int64_t first_byte_ns; /* from the last byte sent to a whole head of an answer; 0: any time */
    int64_t silence_ns;    /* between bytes of the answer's body; 0: any time */
    int64_t answer_ns;     /* from the start to the end, pauses aside, however it drips; 0: any */
    uint16_t port;
    bool is_head; /* a HEAD request: its answer has no body */
    /* Who answers it within the process, in the place of a connection (net/answerer.h); NULL: a
     * connection does, to host and port. */
    const struct http_answerer *answerer;
    bool upgrade; /* 101 is an answer: its body is bytes of another protocol until the end */

    int64_t begun_ns;             /* later by what it was paused */
    int64_t paused_ns;            /* since when it is paused */
    int64_t moved_ns;             /* of one with an answerer: when it last moved */
    enum err failed;              /* to be told */
    struct upstream_pool *pool;   /* NULL: ended, or not started */
    struct upstream_host *target; /* NULL: its connection knows */
    struct upstream_conn *conn;   /* it is sent on, or NULL */
    struct upstream_race *race;   /* it is connected by, or NULL */
    struct node waiting;          /* for a connection of its host, or to be told of `failed` */
    struct timer timer;           /* until it has a connection */
    bool retried;
    bool paused;
};

/* Not started, nothing filled in. */
void http_call_init(struct http_call *call, const struct http_call_events *events);
void http_call_start(struct upstream_pool *pool, struct http_call *call);
bool http_call_is_open(const struct http_call *call);
/* What its source was busy with is there, or cannot be had. Allowed when it is not open. */
void http_call_ready(struct http_call *call);
/* Nothing is read until http_call_resume(). What has been read already still comes: one on_body of
 * 64 KiB at most, and the end if it was among it. Silence is not timed meanwhile. */
void http_call_pause(struct http_call *call);
void http_call_resume(struct http_call *call);
#define CALL_PENDING_LOW ((size_t)16 * 1024)        /* a socket takes that at once */
#define CALL_PENDING_MAX ((size_t)64 * 1024 * 1024) /* as a server's queue_bytes_max */

/* After 101. Bytes are written at once, or copied. A failure is told by on_failed, later; until
 * then what is written goes nowhere. */
void http_call_write(struct http_call *call, struct str bytes);
/* Written and not yet taken by the socket. */
size_t http_call_pending(const struct http_call *call);
/* Allowed when it is not open. */
void http_call_cancel(struct http_call *call);
/* The connection it uses was used before. False when it has none. */
bool http_call_reused(const struct http_call *call);
