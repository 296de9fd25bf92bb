/*
 * HTTP/1.1 served: the listeners and connections of one loop, and the exchanges on them. All of it
 * belongs to the loop's thread.
 *
 * The life of an exchange, which is one request and its answer:
 *
 * (on_upload > on_piece* >)
 *   on_request > http_respond()                                            in one piece
 *              > http_respond_head() > http_respond_body()* > http_respond_end() or _last()
 *              > http_exchange_abort()                                     cut, at any time
 *              > on_gone                                                   the client left first
 *
 * An exchange may also become another protocol's, with http_exchange_upgrade() in the place of an
 * answer: net/channel.h does that for WebSocket.
 *
 * It is over for its owner, and `x` must not be touched any more, as soon as http_respond(),
 * http_respond_end(), http_respond_last() or http_exchange_abort() has returned, or on_gone
 * returns. Exactly one of these ends it. The server writes out by itself what is queued then.
 *
 * No function here calls back: callbacks come from the loop alone, so within any callback any
 * function may be called, for `x` or another exchange. A failure to write (or to find memory for
 * what must wait) is told by on_gone, later; until then what is written goes nowhere.
 *
 * A body is read whole before on_request, but for requests that `takes` says yes to: their exchange
 * begins with the head (on_upload), and the body is told as it comes. Its owner says how large it
 * may be, may hold it (http_exchange_hold_body()) while what came is on its way elsewhere, and may
 * answer in one piece before it has ended: then the rest is not read, and the connection closes.
 *
 * A client that ends its sending side before the answer has ended counts as gone: nobody can tell
 * it from one that has closed, and every further token would be wasted money.
 */
#pragma once

#include "base/buf.h"
#include "base/ip.h"
#include "loop/loop.h"
#include "wire/http1.h"

struct http_exchange;
struct http_server;
struct tls_context;

#define HTTP_PENDING_LOW \
    ((size_t)16 * 1024)     /* on_drained at or below: a socket takes that at once */
#define HTTP_PARTS_MAX   32 /* of one http_respond_body() */
#define HTTP_NOTES_BYTES 32 /* of http_exchange_notes() */

/* Told on the loop's thread. `owner` of the server: http_server_owner(). */
struct http_events {
    /* Head and whole body are in. */
    void (*on_request)(struct http_exchange *x);
    /* Whether the body of this request, whose head alone is there, is told as it comes. Nothing
     * may be done to `x` but look at its head. May be NULL: none is. */
    bool (*takes)(struct http_exchange *x);
    /* Of such a request: nothing of the body was read or, with Expect, asked for. */
    void (*on_upload)(struct http_exchange *x);
    /* Some of its body, unframed, never empty; valid in the callback only. on_request behind the
     * last one. */
    void (*on_piece)(struct http_exchange *x, struct str data);
    /* No more of it comes: ERR_HTTP_SYNTAX, or ERR_HTTP_TIMEOUT (nothing for stall_ns). Its owner
     * answers, now or later; the connection closes behind that. */
    void (*on_broken)(struct http_exchange *x, enum err err);
    /* The client has gone, or reads no more, before the answer ended. The last callback. */
    void (*on_gone)(struct http_exchange *x);
    /* After http_respond_pending() was above HTTP_PENDING_LOW: it has fallen to it. May be NULL. */
    void (*on_drained)(struct http_exchange *x);
    /* No request could be made of what came. It has no head. May answer with http_respond(), which
     * closes; else, or if NULL, the server answers from the table of errors. The exchange is over
     * when this returns. */
    void (*on_bad)(struct http_exchange *x, enum err err);
};

struct http_server_options {
    const struct http_events *events; /* lives as long as the server */
    void *owner;
    size_t head_bytes_max;
    size_t body_bytes_max;
    size_t queue_bytes_max; /* unsent bytes of one answer; above it the client counts as gone */
    size_t connections_max;
    int64_t head_ns;  /* from its first byte to its last; also for the TLS handshake */
    int64_t body_ns;  /* from the head to its last byte */
    int64_t idle_ns;  /* between exchanges */
    int64_t stall_ns; /* for a client that reads nothing of what waits for it, or sends nothing of
                       * a body that is told as it comes */
};

/* Of an exchange that has been upgraded, in the place of the server's events. */
struct http_tunnel_events {
    /* Never empty; valid in the callback only. */
    void (*on_bytes)(struct http_exchange *x, struct str bytes);
    /* The client has gone, or reads no more. The last callback. */
    void (*on_gone)(struct http_exchange *x);
    /* As of an answer. */
    void (*on_drained)(struct http_exchange *x);
    /* http_server_drain() was called: it should come to its end. Told once. */
    void (*on_draining)(struct http_exchange *x);
};

/* 64 KiB, 32 MiB, 64 MiB, 100,000; 30 s, 120 s, 75 s, 60 s. */
struct http_server_options http_server_options_default(void);

EP_MUST_CHECK enum err http_server_create(struct loop *loop,
                                          const struct http_server_options *options,
                                          struct http_server **ret_server, struct fail *fail);
/* Listens there too; `tls` (may be NULL) lives as long as the server. `ret_bound` may be NULL. */
EP_MUST_CHECK enum err http_server_listen(struct http_server *server, const struct address *address,
                                          struct tls_context *tls, struct address *ret_bound,
                                          struct fail *fail);
/* One way in. What it names is borrowed, and lives as long as the server. */
struct http_listen {
    const struct address *address;
    struct tls_context *tls; /* NULL: plain */
    struct str link;         /* what its exchanges say they came in by: http_exchange_link() */
    bool proxy; /* each connection begins, before TLS, with a PROXY header (version 2) of a trusted
                 * proxy; any other is closed without a word */
};

EP_MUST_CHECK enum err http_server_listen_as(struct http_server *server,
                                             const struct http_listen *listen,
                                             struct address *ret_bound, struct fail *fail);
/* Whose word is taken for who a client is: PROXY headers and X-Forwarded-For. Nobody's at first.
 * Borrowed until the next call of this function; connections that are open follow it too. */
void http_server_trust(struct http_server *server, const struct ip_block *proxies, size_t count);
/* Closes the listeners. */
void http_server_stop_accepting(struct http_server *server);
/* Closes idle connections now, the others after their answer. */
void http_server_drain(struct http_server *server);
size_t http_server_connections(const struct http_server *server);
/* Open for their owners; an inner one (net/inner.h) also while its maker is to be told more. */
size_t http_server_exchanges(const struct http_server *server);
/* Closes all connections at once, those too that have sent a part of a request. No exchange may be
 * open; after http_server_stop_accepting() none begins any more. */
void http_server_close_all(struct http_server *server);
/* As above, and ends the server. NULL is allowed. */
void http_server_destroy(struct http_server *server);
/* The owner that was given in the options. */
void *http_server_owner(const struct http_server *server);

/* ---- the request ------------------------------------------------------------------------- */

struct http_server *http_exchange_server(const struct http_exchange *x);
/* What its owner keeps with it; NULL at first. */
void http_exchange_own(struct http_exchange *x, void *owner);
void *http_exchange_owner(const struct http_exchange *x);

/* The struct is valid until the next callback of the loop (it is shared: ask again); the slices in
 * it until the exchange is over or http_exchange_drop_head(). NULL in on_bad and after a drop. */
const struct http1_head *http_exchange_head(struct http_exchange *x);
/* Frees the head's bytes: a stream that lasts for minutes needs them no more. */
void http_exchange_drop_head(struct http_exchange *x);
/* The body, unframed; valid until the exchange is over or the body is taken. */
struct str http_exchange_body(const struct http_exchange *x);
/* Gives the body to `ret_body`, the caller's to buf_fini(). */
void http_exchange_take_body(struct http_exchange *x, struct buf *ret_body);
/* Of a body that is told as it comes: nothing more of it is told, or read beyond some KiB, until it
 * is resumed. */
void http_exchange_hold_body(struct http_exchange *x);
void http_exchange_resume_body(struct http_exchange *x);
/* Who is at the other end of the connection: a proxy, where there is one. */
void http_exchange_peer(const struct http_exchange *x, struct address *ret_address);
/*
 * Who the client is. That is the peer, or, on a listener with PROXY headers, whom the header names
 * (the peer itself, on a connection that the proxy calls its own); if that is a trusted proxy, then
 * whom X-Forwarded-For names (wire/forwarded.h). False: nobody knows, which is also the answer
 * where a trusted proxy does not say, or says what cannot be read: never the proxy's own address.
 * Needs the request's head: not after http_exchange_drop_head().
 */
EP_MUST_CHECK bool http_exchange_client(struct http_exchange *x, struct ip *ret_client);
/* The `link` of the listener; empty if it was given none. */
struct str http_exchange_link(const struct http_exchange *x);
/* HTTP_NOTES_BYTES for the owner, aligned to 8 bytes, zero at first, that stay with the connection
 * from one exchange to the next: for what is worth knowing again. */
void *http_exchange_notes(struct http_exchange *x);
/* The user behind a unix socket. False: there is none to know. */
EP_MUST_CHECK bool http_exchange_peer_uid(const struct http_exchange *x, unsigned *ret_uid);
/* The name a TLS client asked for, or empty. */
struct str http_exchange_tls_name(const struct http_exchange *x);
/* When the first byte of the request came (loop_now_ns()). */
int64_t http_exchange_begun_ns(const struct http_exchange *x);

/* ---- the answer -------------------------------------------------------------------------- */

/*
 * `headers`: whole lines, each with its CRLF; not Date, Connection, Content-Length or
 * Transfer-Encoding, which are the server's. Nothing given is kept after the call: it is written at
 * once, or copied. HEAD requests and statuses without a body get none.
 */
void http_respond(struct http_exchange *x, int status, struct str headers, struct str body);

/* Goes out with the first part of the body, or at the end of the loop's turn. */
void http_respond_head(struct http_exchange *x, int status, struct str headers);
/* One chunk of all parts (none if they are empty); to the socket at once if nothing waits. */
void http_respond_body(struct http_exchange *x, const struct str *parts, size_t count);
/* Queued and not yet taken by the socket: above what the owner likes, it stops its source. */
size_t http_respond_pending(const struct http_exchange *x);
/* The proper end. */
void http_respond_end(struct http_exchange *x);
/* http_respond_body() and http_respond_end() in one write. */
void http_respond_last(struct http_exchange *x, const struct str *parts, size_t count);
/*
 * Answers with 101 and `headers` (those of Upgrade and Connection too), and hands the connection
 * over: what the client sends comes by `events` (lives as long as the exchange) from then on, and
 * http_respond_body() writes plain bytes. Ends as an answer does, and so does the connection.
 */
void http_exchange_upgrade(struct http_exchange *x, struct str headers,
                           const struct http_tunnel_events *events);
/* Of one that is upgraded: nothing is read until http_exchange_resume(). What has been read already
 * still comes: one on_bytes of 64 KiB and what came with the request, at most. */
void http_exchange_pause(struct http_exchange *x);
void http_exchange_resume(struct http_exchange *x);
/* Closes without a proper end, so that the client sees that something is missing. */
void http_exchange_abort(struct http_exchange *x);
