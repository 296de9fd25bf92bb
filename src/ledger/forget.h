/*
 * What of the books names somebody, and can go while the books stay: who paid for an order and by
 * which reference, the reasons written beside refunds and corrections, what a client was known by,
 * the answers and keys of repeated calls, and what upstreams call their side of a call. Amounts,
 * numbers, times, accounts and calls' ids stay: that is what the books are, and every invariant of
 * an audit holds before, between and after the steps.
 *
 * Threads: inside a job or over a reader's snapshot, as each says. Each job's part is bounded.
 */
#pragma once

#include "base/id.h"
#include "store/store.h"

#define LEDGER_FORGET_MAX     256 /* rows of one job */
#define LEDGER_FORGET_ANSWERS 32  /* of 64 KiB at most: 2 MiB of one job */

/* How an account stands, for one who asks whether its client may be forgotten. */
struct ledger_forget_look {
    int64_t row;     /* of the account; 0: there is none */
    int64_t pending; /* held by calls under way, nano */
    int64_t balance; /* credit that is left in lots, each down to a whole coin, nano */
    int64_t orders;  /* that name a payer or a payment */
    int64_t answers; /* Idempotency-Keys */
    int64_t papers;  /* what the client was known by */
};

/* Over a snapshot. */
EP_MUST_CHECK enum err ledger_forget_look(struct store_txn *txn, struct id account,
                                          struct ledger_forget_look *ret_look, struct fail *fail);

/*
 * Inside a job. Orders with their lots, and the causes of what was done with those; with the last
 * of them what is written beside other entries, and what the client was known by. *ret_count: how
 * many orders; 0: all is done.
 */
EP_MUST_CHECK enum err ledger_forget_orders(struct store_txn *txn, int64_t account,
                                            int64_t *ret_count, struct fail *fail);
/* Inside a job: Idempotency-Keys with their answers. *ret_count as above. */
EP_MUST_CHECK enum err ledger_forget_answers(struct store_txn *txn, int64_t account,
                                             int64_t *ret_count, struct fail *fail);

/* ---- attempts ---------------------------------------------------------------------------- */

/* Some attempts, found by a reader for a job. */
struct ledger_attempts {
    int64_t ids[LEDGER_FORGET_MAX];
    struct id calls[LEDGER_FORGET_MAX];  /* whose they are */
    int64_t accounts[LEDGER_FORGET_MAX]; /* and whose those are */
    size_t count;
    int64_t next; /* where to go on; the same as before: there is nothing more */
};

/* Over a snapshot: those of an account, with an upstream's id, at `from` and above. */
EP_MUST_CHECK enum err ledger_attempts_of(struct store_txn *txn, int64_t account, int64_t from,
                                          struct ledger_attempts *ret_attempts, struct fail *fail);
/* Over a snapshot: those at `from` and above whose settlement is older than a time, in their order,
 * up to the first that is not; the ones without an upstream's id are passed over. */
EP_MUST_CHECK enum err ledger_attempts_before(struct store_txn *txn, int64_t from,
                                              int64_t before_ns,
                                              struct ledger_attempts *ret_attempts,
                                              struct fail *fail);
/* Inside a job: takes the upstreams' ids away. */
EP_MUST_CHECK enum err ledger_forget_attempts(struct store_txn *txn, const int64_t *ids,
                                              size_t count, struct fail *fail);
/* Over a snapshot: the call of an attempt, and its account. ERR_NOT_FOUND. */
EP_MUST_CHECK enum err ledger_attempt_call(struct store_txn *txn, int64_t attempt,
                                           struct id *ret_call, int64_t *ret_account,
                                           struct fail *fail);

/* ---- calls of an account ----------------------------------------------------------------- */

/* Anything but ERR_OK ends the walk with it. */
typedef enum err ledger_call_fn(void *context, struct id call);
/* Over a snapshot: all calls that had a hold; a walk over all holds. */
EP_MUST_CHECK enum err ledger_calls_of(struct store_txn *txn, int64_t account, ledger_call_fn *told,
                                       void *context, struct fail *fail);

/* ---- periods ----------------------------------------------------------------------------- */

/* Inside a job: answers of calls that were settled before a time, LEDGER_FORGET_ANSWERS at most;
 * their keys stay, and a call that is repeated is still known. *ret_count: how many. */
EP_MUST_CHECK enum err ledger_expire_answers(struct store_txn *txn, int64_t before_ns,
                                             int64_t *ret_count, struct fail *fail);

/* Inside a job: who paid for orders that were placed before a time, LEDGER_FORGET_MAX at most, with
 * their lots and causes. *ret_count: how many. */
EP_MUST_CHECK enum err ledger_expire_orders(struct store_txn *txn, int64_t before_ns,
                                            int64_t *ret_count, struct fail *fail);
EP_MUST_CHECK enum err ledger_count_old_orders(struct store_txn *txn, int64_t before_ns,
                                               int64_t *ret_count, struct fail *fail);

/* Over a snapshot: the oldest row of each kind, by its time; 0: there is none. */
struct ledger_oldest {
    int64_t answer_ns;  /* settled */
    int64_t attempt_ns; /* settled, with an upstream's id, at `from_attempt` and above */
    int64_t order_ns;   /* placed, by somebody who is named */
};
EP_MUST_CHECK enum err ledger_oldest(struct store_txn *txn, int64_t from_attempt,
                                     struct ledger_oldest *ret_oldest, struct fail *fail);
/* Over a snapshot: how many answers are older than a time, and how many attempts. */
EP_MUST_CHECK enum err ledger_count_old_answers(struct store_txn *txn, int64_t before_ns,
                                                int64_t *ret_count, struct fail *fail);
EP_MUST_CHECK enum err ledger_count_old_attempts(struct store_txn *txn, int64_t from,
                                                 int64_t before_ns, int64_t *ret_count,
                                                 struct fail *fail);
