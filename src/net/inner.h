/*
 * An exchange without a connection: a request that is made within the process, and whose answer
 * comes to callbacks. The server's owner is told of it as of any other (net/server.h), and cannot
 * tell it from one: so a line of a batch, or a segment of speech, is a call like any other. All of
 * it belongs to the server's loop and thread.
 *
 *   http_inner_start() > on_head > on_body* > on_end
 *                      > on_failed           (at any time instead of what is left)
 *                      > http_inner_cancel() (no callback follows; the answer's source is told that
 *                                             its client has gone, in its own turn)
 *
 * on_end, on_failed and http_inner_cancel() end it: the server has forgotten it when the callback
 * is made, so its owner may free it or start it again there. No function here calls back: callbacks
 * come from the loop's tasks alone, never in the one in which the answer was made.
 *
 * Who asks is what its maker says: the facts of the connection that it acts for, or what was noted
 * of one that has gone. Nothing in the request's headers is believed of it, whoever is trusted.
 */
#pragma once

#include "net/server.h"

#define HTTP_INNER_MAX 16384 /* at once, of one server: what its owners queue they queue better */

struct http_inner;

/* Where a request comes from. */
struct http_from {
    bool known; /* else nobody knows `client` */
    struct ip client;
    struct str link; /* of a listener of the server (http_server_link()), or empty */
};

/* Of an inner exchange, what its maker gave; of a connection's, always NULL: no client can make one
 * up. */
const void *http_exchange_actor(const struct http_exchange *x);
/* What is known of an exchange's client: not after http_exchange_drop_head(). */
void http_exchange_from(struct http_exchange *x, struct http_from *ret_from);
/* The link of that name, with the life that http_from asks for; empty: no listener has it. */
struct str http_server_link(const struct http_server *server, struct str name);

struct http_inner_events {
    /* `headers`: whole lines, as the answer's source gave them: no Date, no framing. Valid in the
     * callback only. */
    void (*on_head)(struct http_inner *inner, int status, struct str headers);
    /* Never empty; all that is there. Valid in the callback only. */
    void (*on_body)(struct http_inner *inner, struct str data);
    void (*on_end)(struct http_inner *inner);
    /* ERR_NET_CLOSED: broken off by its source. ERR_LIMIT: more waited for http_inner_resume() than
     * the server's queue_bytes_max. ERR_NO_MEMORY. */
    void (*on_failed)(struct http_inner *inner, enum err err);
};

struct http_inner_request {
    struct str method;
    struct str target;
    struct str headers; /* whole lines, each with its CRLF; not Host, nor what frames a body */
    struct buf *body;   /* taken over, and empty then, if ERR_OK is returned; NULL: none */
    struct http_from from;
    /* For whom it asks, as maker and server's owner have agreed: http_exchange_actor(). Lives until
     * the exchange is over, or http_inner_cancel(). NULL: who asks is told by the headers. */
    const void *actor;
};

/* Lives in its owner. */
struct http_inner {
    const struct http_inner_events *events; /* the owner's to fill in */
    struct http_inner_exchange *exchange;   /* the server's; NULL: it is not open */
};

void http_inner_init(struct http_inner *inner, const struct http_inner_events *events);
/* The server's owner is told of it in this turn of the loop. What `request` points at is copied,
 * but for `link`. ERR_HTTP_SYNTAX, ERR_HTTP_HEAD_SIZE, ERR_HTTP_BODY_SIZE, ERR_NO_MEMORY, ERR_BUSY
 * (HTTP_INNER_MAX): nothing was begun. */
EP_MUST_CHECK enum err http_inner_start(struct http_server *server,
                                        const struct http_inner_request *request,
                                        struct http_inner *inner);
/* In the place of a client that has gone: an exchange that nobody is told of, *ret_x, is the
 * caller's to own and to answer, and its answer comes to callbacks as any other. It has no head and
 * no body, and began when the one before did. ERR_NO_MEMORY, ERR_BUSY: nothing was begun. */
EP_MUST_CHECK enum err http_inner_stand_in(struct http_server *server, int64_t begun_ns,
                                           struct http_inner *inner, struct http_exchange **ret_x);
bool http_inner_is_open(const struct http_inner *inner);
/* That an exchange was made for; NULL: a connection's, or its maker has cancelled it. */
struct http_inner *http_inner_of(struct http_exchange *x);
/* No callback until http_inner_resume(); what comes waits, and its source sees that it does. */
void http_inner_pause(struct http_inner *inner);
void http_inner_resume(struct http_inner *inner);
/* Allowed when it is not open. */
void http_inner_cancel(struct http_inner *inner);
