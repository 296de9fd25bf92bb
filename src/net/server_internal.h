/*
 * What the files of the server know of each other: server.c has listeners and the life of
 * connections, server_client.c who is behind one, server_conn.c what comes in, server_answer.c what
 * goes out, inner.c exchanges that have no connection.
 */
#pragma once

#include "base/slab.h"
#include "net/inner.h"
#include "net/server.h"
#include "net/stream.h"

/*
 * A connection, which is also the one exchange that may be open on it.
 *
 *   PROXY --> SHAKE --> IDLE --> HEAD --> BODY --> ANSWER --> FLUSH --> IDLE
 *                         |        |        |         |         |
 *                         +--------+--------+---------+---------+--> LINGER --> CLOSED
 *
 * Any state may go to CLOSED, and a whole request goes from IDLE to ANSWER at once.
 */
enum conn_state {
    CONN_PROXY,  /* some of a PROXY header is in `in`; ends with it, or after head_ns */
    CONN_SHAKE,  /* TLS is being set up; ends with it, or after head_ns */
    CONN_IDLE,   /* no byte of a request is there; idle_ns */
    CONN_HEAD,   /* some of a head is in `in`; head_ns */
    CONN_BODY,   /* the head is known; body_ns */
    CONN_ANSWER, /* the exchange is its owner's; unread bytes may wait in `in`. With `incoming` its
                  * body is still being told; stall_ns */
    CONN_FLUSH,  /* the answer has ended, some of it is in `out`; stall_ns */
    CONN_LINGER, /* all is written, what still comes is dropped, so that it is read; LINGER_NS */
    CONN_CLOSED  /* waits for its grave */
};

/* What is known of the client. */
enum conn_client {
    CLIENT_PEER,   /* it is the peer, unless that is a trusted proxy */
    CLIENT_SELF,   /* it is the peer, a proxy on its own behalf */
    CLIENT_NAMED,  /* a PROXY header names it: `client` */
    CLIENT_NOTED,  /* who made the exchange says it: `client`, whoever that is */
    CLIENT_UNKNOWN /* a PROXY header does not know it */
};

#define CONN_MAGIC     0x636F6E6EU
#define CONN_AHEAD_MAX ((size_t)16 * 1024) /* read while an answer is under way: a few requests */

struct http_exchange {
    uint32_t magic;
    enum conn_state state;
    struct http_server *server;
    struct stream stream;
    struct node node; /* in the server's list */
    struct timer timer;
    struct task task; /* goes on with what callbacks may not do; later its grave */
    int64_t since_ns; /* the state began, or bytes were last written */
    int64_t begun_ns; /* the request's first byte */
    void *owner;

    struct buf in;    /* what is read and not yet understood */
    size_t in_seen;   /* of `in`: holds no whole head */
    char *head_bytes; /* a copy, or NULL */
    size_t head_len;
    struct buf body;
    struct http1_body framing;

    const struct http_tunnel_events *tunnel; /* NULL: it speaks HTTP */

    struct buf out; /* what is not yet written, from out_at on */
    size_t out_at;

    struct in6_addr peer; /* small forms of an address */
    uint16_t peer_port;
    uint8_t peer_family; /* AF_INET6, AF_INET, AF_UNIX */
    uint8_t client_is;   /* enum conn_client */
    struct ip client;
    struct str link;
    struct tls_context *secure; /* for after a PROXY header */
    uint64_t notes[HTTP_NOTES_BYTES / sizeof(uint64_t)];

    bool readable;   /* there may be more to read */
    bool again;      /* the timer is for going on to read */
    bool broken;     /* nothing can be written any more */
    bool last;       /* closes after this answer */
    bool refusing;   /* closes without having read all: lingers */
    bool to_head;    /* a HEAD request */
    bool to_10;      /* of an HTTP/1.0 client */
    bool keep_alive; /* the client wants to go on */
    bool bad;        /* on_bad is being told */
    bool begun;      /* the answer's head is made */
    bool chunked;
    bool bodiless;
    bool held;      /* `out` is the head alone, kept back for the body */
    bool choked;    /* on_drained is due */
    bool incoming;  /* the body is told as it comes, and has not ended */
    bool body_held; /* and its owner wants no more of it until it says so */
    bool paused;    /* of a tunnel: not read */
    bool drains;    /* of a tunnel: on_draining is due */
    bool tls;
    bool is_inner; /* of a struct http_inner_exchange: no connection, no timer, in no list */
};

/* An exchange of inner.c: ANSWER, then FLUSH until its maker has been told all. `in` has the lines
 * of the answer's head, `out` what of its body waits. */
struct http_inner_exchange {
    struct http_exchange x;
    struct http_inner *owner; /* NULL: it has cancelled */
    const void *actor;
    int status;
    enum err failed; /* ERR_OK: the answer is whole */
    bool asked;      /* on_request was told */
    bool told_head;
    bool paused;
};

struct http_listener {
    struct http_server *server;
    struct watch watch;
    struct task task;   /* its grave */
    struct timer timer; /* accepts on when there was no room */
    struct tls_context *tls;
    struct str link;
    struct node node;
    bool proxy;
};

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    struct slab conns;
    struct slab inners; /* exchanges without a connection */
    struct node open;   /* connections */
    struct node listeners;
    size_t exchanges;               /* open for their owners, or with more to tell their makers */
    struct task task;               /* its grave */
    const struct ip_block *proxies; /* trusted */
    size_t proxies_count;
    bool draining;

    struct http1_head head; /* of head_of, for callbacks */
    struct http_exchange *head_of;
    int64_t date_s; /* what date_text says */
    char date_text[40];
};

static inline size_t conn_pending(const struct http_exchange *conn)
{
    return conn->out.len - conn->out_at;
}

/* It is its owner's, and speaks another protocol. */
static inline bool conn_tunnels(const struct http_exchange *conn)
{
    return conn->state == CONN_ANSWER && conn->tunnel != NULL;
}

/* Its owner is told what comes. */
static inline bool conn_tells(const struct http_exchange *conn)
{
    return conn->state == CONN_ANSWER && conn->incoming && !conn->body_held;
}

static inline struct loop *conn_loop(const struct http_exchange *conn)
{
    return conn->server->loop;
}

/* server.c */
void conn_close(struct http_exchange *conn); /* to CLOSED; no callback */
void conn_enter(struct http_exchange *conn, enum conn_state state);
void conn_schedule(struct http_exchange *conn); /* the deadline of the state */

/* server_client.c */
/* Whether a header of this peer would be believed. */
bool server_trusts_peer(const struct http_server *server, const struct address *peer);
void conn_proxy(struct http_exchange *conn); /* reads what there is of a PROXY header */

/* server_conn.c */
void conn_on_ready(struct stream *stream, unsigned events);
void conn_on_task(struct task *task);
void conn_go(struct http_exchange *conn);                       /* does whatever can be done now */
void conn_break_body(struct http_exchange *conn, enum err err); /* tells on_broken */

/* server_answer.c */
/* Writes what waits. May tell on_drained; a connection whose answer is out goes on. */
void conn_flush(struct http_exchange *conn);
/* After the exchange is over: waits for the rest to leave, then for another request. */
void conn_finish(struct http_exchange *conn);
void conn_refuse(struct http_exchange *conn, enum err err);
void conn_continue(struct http_exchange *conn); /* 100 Continue */

/* inner.c: an answer to an exchange that is_inner. ERR_OK: it has ended properly. */
void inner_head(struct http_exchange *x, int status, struct str headers);
void inner_body(struct http_exchange *x, const struct str *parts, size_t count);
void inner_finish(struct http_exchange *x, enum err err);
