/*
 * A WebSocket connection (RFC 6455), a client's to us or ours to an upstream: messages both ways,
 * whole, with back-pressure. One loop's, as all of net.
 *
 *   a request that asks for it > channel_accept()   > (on_message | on_drained)* > on_closed
 *   channel_connect() > on_open                      > (on_message | on_drained)* > on_closed
 *                     > on_refused
 *
 * on_closed, on_refused and channel_abort() end it: nothing of it is used by anybody then, and its
 * owner may free it or use it again there. Exactly one of them comes. No function here calls back:
 * callbacks come from the loop alone, and in each of them any function may be called.
 *
 * Who owns what: `struct channel` lives in its owner. channel_accept() takes the exchange over: its
 * owner must not touch it any more, and needs not end it. What channel_connect() is given is
 * borrowed until on_open or on_refused, but for `tls`, `host` and `tls_pin`, until the end. What is
 * sent is copied. What callbacks are given is valid in them only.
 *
 * Pings are answered, and sent where the peer has been silent for ping_ns; a peer that does not
 * answer within another ping_ns is given up (WEBSOCKET_ABNORMAL). What breaks the protocol is
 * closed with the code that RFC 6455 has for it. A server that drains tells on_draining; without
 * that callback the client is closed with WEBSOCKET_GOING_AWAY.
 */
#pragma once

#include "net/client.h"
#include "net/server.h"
#include "wire/websocket.h"
#include "wire/websocket_hello.h"

struct channel;

struct channel_events {
    /* Connected; channel_protocol() is known. Of channel_connect() alone. */
    void (*on_open)(struct channel *channel);
    /* It came to nothing: `status` is that of an answer which did not accept (`err` is
     * ERR_UPSTREAM_SYNTAX, or ERR_OK for a proper HTTP answer), or 0: `err` says what failed, as
     * http_call's on_failed does. Of channel_connect() alone. */
    void (*on_refused)(struct channel *channel, int status, enum err err, const struct fail *fail);
    /* `text`: it is UTF-8. */
    void (*on_message)(struct channel *channel, bool text, struct str data);
    /* After channel_pending() was above HTTP_PENDING_LOW: it has fallen to it. May be NULL. */
    void (*on_drained)(struct channel *channel);
    /* The server drains. May be NULL. */
    void (*on_draining)(struct channel *channel);
    /* The peer's close code and reason; or ours, where the peer broke the protocol, was closed by
     * us, or by channel_close() and did not answer; or WEBSOCKET_ABNORMAL: it has just gone. */
    void (*on_closed)(struct channel *channel, uint16_t code, struct str reason);
};

struct channel_options {
    struct websocket_limits limits;
    size_t queue_bytes_max; /* written and not taken by the socket: channel_send() refuses more */
    int64_t ping_ns;        /* of silence before a ping, and after it; 0: never */
    int64_t close_ns;       /* for a peer to answer a close frame */
    int64_t open_ns;        /* for an upstream's answer to the handshake, from the request on */
};

/* 16 MiB, 1,024 fragments, 32 control frames a second; 8 MiB, 30 s, 5 s, 10 s. */
struct channel_options channel_options_default(void);

enum channel_state {
    CHANNEL_NONE,    /* not begun, or ended */
    CHANNEL_ASKING,  /* of channel_connect(): before on_open */
    CHANNEL_OPEN,    /* messages go both ways */
    CHANNEL_CLOSING, /* a close frame was sent; close_ns */
    CHANNEL_ENDING   /* both were: ours is to be written, the upstream to close; close_ns */
};

/* All of it is channel.c's. */
struct channel {
    const struct channel_events *events;
    struct channel_options options;
    enum channel_state state;
    struct loop *loop;
    struct websocket wire;
    struct http_exchange *x; /* of a client's connection, or NULL */
    struct http_call call;   /* of one to an upstream */
    struct buf head;         /* its request */
    char key[WEBSOCKET_KEY_LEN];
    struct str protocols; /* offered, borrowed */
    char protocol[64];    /* chosen */
    size_t protocol_len;
    struct buf held; /* came while it was paused */
    struct timer timer;
    struct task task;
    int64_t heard_ns; /* when the peer was last heard of */
    bool *gone;       /* set where it ends within its own callback */
    bool paused;
    bool pinged; /* since it was last heard of */
    bool broken; /* ends when the loop comes by */
    bool lost;   /* the upstream has closed: ends behind what is held */
    uint16_t code;
    char reason[WEBSOCKET_REASON_MAX];
    size_t reason_len;
};

/* Not begun. Before any other function, once. */
void channel_init(struct channel *channel, const struct channel_events *events,
                  const struct channel_options *options);

/* `x` asks for WebSocket (websocket_asked() gave `key`). `protocol`: one of websocket_offered(), or
 * empty; at most 63 bytes. `headers`: more lines of the answer, or empty. The loop is x's. */
void channel_accept(struct channel *channel, struct loop *loop, struct http_exchange *x,
                    struct str key, struct str protocol, struct str headers);

struct channel_ask {
    struct str host; /* a name or a literal address, without brackets */
    uint16_t port;
    struct tls_context *tls;      /* NULL: plain */
    const unsigned char *tls_pin; /* as of struct http_call */
    struct str host_header;
    struct str target;
    struct str protocols; /* "a, b", or empty */
    struct str headers;   /* lines with CRLF, or empty */
};

/* A failure is told by on_refused. */
void channel_connect(struct channel *channel, struct loop *loop, struct upstream_pool *pool,
                     const struct channel_ask *ask);

/* ERR_NET_CLOSED: it is not open, or closing. ERR_LIMIT: queue_bytes_max; nothing was sent.
 * ERR_NO_MEMORY. A text is UTF-8 by the caller's word. */
EP_MUST_CHECK enum err channel_send(struct channel *channel, bool text, struct str data);
/* Sent and not yet taken by the socket. */
size_t channel_pending(const struct channel *channel);
/* No on_message until channel_resume(), and nothing is read but what was on its way. Pings go
 * unanswered, and silence is not timed. That an upstream has closed is told behind what it said. */
void channel_pause(struct channel *channel);
void channel_resume(struct channel *channel);
/* Closes in good order; on_closed follows, no later than close_ns. Allowed when it is closing.
 * Messages that still come are dropped. `reason`: UTF-8, cut to 123 bytes. */
void channel_close(struct channel *channel, uint16_t code, struct str reason);
/* Cuts it, at once; no callback follows. Allowed when not begun. */
void channel_abort(struct channel *channel);

bool channel_is_open(const struct channel *channel); /* channel_send() may be called */
/* The subprotocol, or empty; valid until it ends. */
struct str channel_protocol(const struct channel *channel);
