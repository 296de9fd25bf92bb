/*
 * Requests for a file or a batch that may come again: an SDK that lost the answer sends the same
 * once more, and what was made for the first one is the answer to the second, too. A row names who
 * asked for what, and what was made of it, and is written in the same transaction as that: so
 * neither a crash nor two requests at once make two of it.
 *
 * There are two kinds of names, both SHA-256 sums that the caller makes: of an Idempotency-Key,
 * which has one request, and of key and request, where an SDK counts its tries. The latter's first
 * try looks, too: a later one may have been faster, and it is then nobody's any more.
 *
 * Threads: inside a store job.
 */
#pragma once

#include "base/id.h"
#include "store/store.h"

extern const struct store_migration batch_again_migration; /* number 25 */

#define BATCH_SUM_BYTES 32 /* SHA-256 */
/* Rows that a job removes: they keep the writer for some milliseconds. */
#define BATCH_AGAIN_EXPIRE_MAX 4096

struct batch_again {
    struct id client;
    struct str name; /* BATCH_SUM_BYTES, as the next */
    struct str sum;  /* of the request */
    bool keyed;      /* the name is of an Idempotency-Key */
    int64_t tries;   /* of others: before this one */
    int64_t asked_ns;
    int64_t until_ns; /* it is known */
};

/* What was made for it before; zero: nothing. ERR_IDEM_MISMATCH: the key is another request's. */
EP_MUST_CHECK enum err batch_again_find(struct store_txn *txn, const struct batch_again *ask,
                                        struct id *ret_object, struct fail *fail);
/* `object` is made for it. */
EP_MUST_CHECK enum err batch_again_add(struct store_txn *txn, const struct batch_again *ask,
                                       struct id object, struct fail *fail);
/* Those whose time was over before `now_ns` go, at most BATCH_AGAIN_EXPIRE_MAX. */
EP_MUST_CHECK enum err batch_again_expire(struct store_txn *txn, int64_t now_ns, struct fail *fail);
/* All of a client's go. */
EP_MUST_CHECK enum err batch_again_forget(struct store_txn *txn, struct id client,
                                          struct fail *fail);
