/*
 * Claims against upstreams: what a source did not keep, with the calls that show it and the
 * source's own ids of them. One claim is open for each route and kind; what is found later of the
 * same kind is added to it, until an operator closes it. The client has paid by our own count, or
 * nothing.
 *
 * Threads: inside a store job, or a reader.
 */
#pragma once

#include "base/id.h"
#include "store/store.h"

#define CLAIM_CALLS_MAX 1000 /* listed; later ones are in the sums alone */

enum claim_kind {
    CLAIM_SWAP,          /* it answered as another model */
    CLAIM_SLOPE,         /* it reports a share more, or less, than was counted */
    CLAIM_OFFSET,        /* it reports some tokens more a call */
    CLAIM_COMPLETION,    /* it reports more output than there is text for */
    CLAIM_UNKNOWN_MODEL, /* it leaves out the model's name, against its contract */
    CLAIM_USAGE,         /* it reports usage that contradicts itself */
    CLAIM_TIER           /* it says it served in a dearer tier than was asked for */
};

extern const struct store_migration upstream_claim_migration; /* number 19; behind quarantine's */
extern const struct store_migration tier_claim_migration;     /* number 24 */

enum claim_state {
    CLAIM_OPEN,
    CLAIM_SETTLED,
    CLAIM_WITHDRAWN
};

struct claim_item {
    struct str route;
    struct str party; /* whose route it is */
    struct str model;
    enum claim_kind kind;
    struct id call;
    struct str upstream_id; /* empty: it gave none, or the attempt's row will say */
    struct str declared;    /* of a swap: the name it said; the tier */
    int64_t counted;        /* tokens; 0 and 0 of a swap */
    int64_t reported;
    int64_t now_ns;
};

/* One call more: into the open claim of its route and kind, or into a new one. */
EP_MUST_CHECK enum err upstream_claim_add(struct store_txn *txn, const struct claim_item *item,
                                          struct fail *fail);

struct claim_closing {
    int64_t claim;
    enum claim_state state; /* settled or withdrawn */
    struct str by;
    struct str why;
    int64_t now_ns;
};

/* ERR_NOT_FOUND, or ERR_CONFLICT: it is closed already. Nothing is changed then. */
EP_MUST_CHECK enum err upstream_claim_close(struct store_txn *txn,
                                            const struct claim_closing *closing, struct fail *fail);

/* ---- what can go --------------------------------------------------------------------------- */

#define CLAIM_ERASE_MAX 256 /* calls of one job */

/* A call that is listed in a claim. */
struct claim_call {
    int64_t claim;
    int64_t number; /* in it */
    struct id call;
    bool open;  /* the claim is: a legal hold on all that is known of the call */
    bool named; /* the source's own id is kept */
};

typedef enum err claim_call_fn(void *context, const struct claim_call *call);
/* Those of open claims, and those of closed ones of which the source's own id is kept. */
EP_MUST_CHECK enum err upstream_claim_calls(struct store_txn *txn, claim_call_fn *told,
                                            void *context, struct fail *fail);
/* Inside a job: takes the source's own id of a call away. */
EP_MUST_CHECK enum err upstream_claim_forget(struct store_txn *txn, int64_t claim, int64_t number,
                                             struct fail *fail);
/* Inside a job: the same for claims that were closed before a time, CLAIM_ERASE_MAX calls at most.
 * *ret_count: how many; 0: there are no more. */
EP_MUST_CHECK enum err upstream_claim_expire(struct store_txn *txn, int64_t before_ns,
                                             int64_t *ret_count, struct fail *fail);
/* How many calls that would be, and when the first of their claims was closed (0: none). */
EP_MUST_CHECK enum err upstream_claim_old(struct store_txn *txn, int64_t before_ns,
                                          int64_t *ret_count, int64_t *ret_oldest_ns,
                                          struct fail *fail);

const char *claim_kind_name(enum claim_kind kind);    /* "swap", ... */
const char *claim_state_name(enum claim_state state); /* "open", ... */
