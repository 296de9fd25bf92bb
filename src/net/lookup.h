/*
 * Names to addresses: getaddrinfo() on a worker thread, answers kept for 30 s, one question at a
 * time for each name however many wait for it. One a loop; loop thread only.
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

/* On a worker thread. Fills addresses (ports do not matter) in the system's order. */
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
    int64_t keep_ns;            /* how long an answer is good */
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
