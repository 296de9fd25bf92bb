/*
 * What the files of the client know of each other: client.c has pools, hosts and the face of calls,
 * client_race.c makes connections, client_conn.c sends requests and reads answers, client_tunnel.c
 * writes what comes after a 101; answerer.c is for calls that no connection serves.
 */
#pragma once

#include "base/map.h"
#include "base/slab.h"
#include "net/client.h"
#include "net/stream.h"

/*
 *   CONNECT --> SHAKE --> CALL <--> IDLE --> CLOSED
 *
 * Any state may go to CLOSED.
 */
enum upstream_state {
    UPSTREAM_CONNECT, /* one of its race's attempts; the race ends it */
    UPSTREAM_SHAKE,   /* the race's winner, TLS being set up */
    UPSTREAM_CALL,    /* `call` is set; first_byte_ns, silence_ns */
    UPSTREAM_IDLE,    /* in its host's list; idle_ns */
    UPSTREAM_CLOSED   /* waits for its grave */
};

struct upstream_conn {
    struct upstream_pool *pool;
    struct upstream_host *host; /* counted there from IDLE or CALL on; before, its race is */
    struct upstream_race *race;
    struct http_call *call;
    struct stream stream;
    struct node node; /* in the pool's, the race's or the host's list */
    struct timer timer;
    struct task task; /* goes on with what functions may not do; later its grave */
    int64_t since_ns; /* the request or the body last moved, or the state began */
    size_t sent;      /* of the request, in bytes */
    struct buf in;    /* an answer's head that is not whole */
    size_t in_seen;   /* of `in`: holds no whole head */
    size_t interim;   /* bytes of interim answers (1xx) */
    struct buf out;   /* of another protocol: what is not yet written, from out_at on */
    size_t out_at;
    struct http1_body framing;
    uint32_t calls; /* so far, with the one under way */
    enum upstream_state state;
    bool readable; /* there may be more to read */
    bool again;    /* the timer is for going on to read */
    bool broken;   /* ends when the loop comes by: no memory for its timer */
    bool sent_all;
    enum err source_err; /* its source failed, as the call is to be told; ERR_BUSY: waited for */
    bool sent_told;
    bool unsendable; /* writing failed; an answer may still be there to read */
    bool answered;   /* a byte of an answer has come */
    bool head_done;
    bool keep;   /* the answer's head lets us */
    bool tunnel; /* answered by 101 */
    bool choked; /* on_drained is due */
};

/* A server: what is verified as the same. Exists while something of it does. */
struct upstream_host {
    struct upstream_pool *pool;
    struct node idle;    /* connections, the one used last first */
    struct node busy;    /* connections with a call */
    struct node waiting; /* calls, first come first served */
    struct task task;    /* its grave */
    size_t count;        /* connections and races */
    bool buried;
    struct str key; /* owned */
};

/* Connecting for a call: RFC 8305. */
struct upstream_race {
    struct upstream_pool *pool;
    struct upstream_host *host;
    struct http_call *call;
    struct lookup_request lookup;
    struct lookup_answer answer;
    size_t next;        /* address to try */
    struct node dialed; /* attempts under way */
    struct timer timer; /* the next attempt's turn */
    struct task task;   /* tells that it failed; later its grave */
    enum err err;
    struct fail fail; /* of the last attempt */
};

struct upstream_pool {
    struct loop *loop;
    struct lookup *lookup;
    struct upstream_pool_options options;
    struct slab conns;
    size_t race_count;
    struct map hosts;
    struct node failing; /* calls that failed while they were started */
    struct task task;    /* tells them; later its grave */
    size_t calls;        /* open */
    size_t idle;
    struct http1_head head; /* for callbacks */
};

/* client.c */
/* Ends the call for the pool, without a callback. */
void call_detach(struct http_call *call);
/* Tells `err` from the loop, later. */
void call_fail_later(struct http_call *call, enum err err);
/* Ends the call and tells it. From the loop alone. */
void call_fail(struct http_call *call, enum err err, const struct fail *fail);
void host_release(struct upstream_host *host); /* one of its count is gone */
void host_serve(struct upstream_host *host);   /* calls that wait may have their turn */

/* answerer.c: of calls that have one */
void answerer_begin(struct http_call *call);
void answerer_resume(struct http_call *call);
void answerer_cancel(struct http_call *call);
void answerer_on_timer(struct http_call *call);

/* client_race.c */
void race_begin(struct http_call *call, struct upstream_host *host);
void race_abandon(struct upstream_race *race); /* no callback */
void race_go(struct upstream_conn *conn);

/* client_conn.c */
struct upstream_conn *upstream_create(struct upstream_pool *pool, struct upstream_host *host);
void upstream_begin(struct upstream_conn *conn, struct http_call *call);
void upstream_close(struct upstream_conn *conn); /* no callback */
void upstream_schedule(struct upstream_conn *conn);

/* client_tunnel.c */
void upstream_write_out(struct upstream_conn *conn); /* what waits; may tell on_drained */
