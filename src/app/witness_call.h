/*
 * One question to a witness over HTTP (c2sp.org/tlog-witness, add-checkpoint): the body of a POST
 * goes out, a status and a short text come back, within a time. On a loop's thread.
 */
#pragma once

#include "net/client.h"
#include "wire/url.h"

#define WITNESS_CALL_MAX_NS       INT64_C(10000000000) /* for all of it: whoever trickles is down */
#define WITNESS_CALL_SILENT_NS    INT64_C(5000000000)  /* until the first byte, and between bytes */
#define WITNESS_CALL_ANSWER_BYTES ((size_t)16 * 1024)  /* four lines of ML-DSA-44's signatures */

struct witness_call;

struct witness_answer {
    int status;      /* of HTTP; 0: there is none */
    struct str body; /* valid in the callback */
    const char *why; /* there is no answer: what has happened */
};

/* The call is over: it may be started again from here. */
typedef void witness_call_fn(struct witness_call *call, const struct witness_answer *answer);

/* Lives in its owner. */
struct witness_call {
    struct http_call http;
    struct loop *loop;
    struct timer deadline;
    struct url url;          /* borrows the policy's text */
    struct tls_context *tls; /* for https */
    struct buf head;
    struct buf body;
    struct str part; /* of the body: one */
    struct buf answer;
    int status;
    witness_call_fn *done;
};

void witness_call_init(struct witness_call *call, struct loop *loop, const struct url *url,
                       struct tls_context *tls, witness_call_fn *done);
void witness_call_fini(struct witness_call *call); /* cancels */
/* Not under way. The body is copied. ERR_NO_MEMORY: `done` will not be told. */
EP_MUST_CHECK enum err witness_call_start(struct witness_call *call, struct upstream_pool *pool,
                                          struct str body);
bool witness_call_is_open(const struct witness_call *call);
/* `done` will not be told. Allowed when it is not under way. */
void witness_call_cancel(struct witness_call *call);
