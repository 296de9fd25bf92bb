/*
 * Names to addresses: getaddrinfo() on a worker thread, one question at a time for each name
 * however many wait for it. One a loop; loop thread only.
 *
 * Nobody waits for a name that is in use: an answer is good for 30 s, and for as long again while
 * it is asked for anew. When the name service itself fails, the last good answer serves on for an
 * hour (RFC 8767); that a name does not exist ends it at once. A failure is told to all who ask
 * within a second: a name service that is down is not asked by each call.
 */
#pragma once

#include "loop/worker.h"

#define LOOKUP_NAME_MAX      253 /* of DNS */
#define LOOKUP_ADDRESSES_MAX 8   /* tried one by one; more only make a failure last longer */

struct lookup;
struct lookup_request;

struct lookup_answer {
    struct address addresses[LOOKUP_ADDRESSES_MAX]; /* families alternate: RFC 8305 4 */
    size_t count;
};

/* On a worker thread. Fills addresses (ports do not matter) in the system's order. ERR_NET_LOOKUP:
 * there is no such name; ERR_BUSY: that could not be found out now. */
typedef enum err lookup_resolve_fn(const char *name, struct lookup_answer *ret_answer);
/* `answer` is NULL unless `err` is ERR_OK; valid in the callback only. */
typedef void lookup_done_fn(struct lookup_request *request, enum err err,
                            const struct lookup_answer *answer);

/* Lives in its owner, until `done` or lookup_cancel(). */
struct lookup_request {
    struct node node; /* linked: waits */
    lookup_done_fn *done;
    uint16_t port;
};

struct lookup_options {
    int64_t keep_ns;            /* how long an answer is good, and again while it is renewed */
    int64_t stale_ns;           /* for how long more if the name service fails */
    int64_t fail_ns;            /* a failure is not asked about again before */
    size_t names_max;           /* kept at once */
    lookup_resolve_fn *resolve; /* NULL: getaddrinfo() */
};

struct lookup_options lookup_options_default(void);
EP_MUST_CHECK enum err lookup_create(struct loop *loop, struct worker_pool *pool,
                                     const struct lookup_options *options,
                                     struct lookup **ret_lookup, struct fail *fail);
/* After its worker pool, when the loop turns no more and no request waits. NULL is allowed. */
void lookup_destroy(struct lookup *lookup);

/*
 * ERR_OK: *ret_answer is the answer (literal addresses, and names asked lately). ERR_BUSY: `done`
 * will be told, never before this returns. Else ERR_NET_LOOKUP or ERR_NO_MEMORY.
 */
EP_MUST_CHECK enum err lookup_begin(struct lookup *lookup, struct lookup_request *request,
                                    struct str name, uint16_t port,
                                    struct lookup_answer *ret_answer);
/* `done` will not be told. Allowed when it does not wait. */
void lookup_cancel(struct lookup_request *request);
/* None of the addresses of `name` can be reached: it has moved, or has more of them than one answer
 * holds. The next one asks anew, if the answer is older than fail_ns. */
void lookup_doubt(struct lookup *lookup, struct str name);
