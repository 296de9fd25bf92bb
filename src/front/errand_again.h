/*
 * A request for a file or a batch that its client may send again: it carries the count of an SDK's
 * own tries, or an Idempotency-Key. What was made for the first one is the answer to the next, by
 * the rules of calls (call_repeat.h, call_claim.h): the same key and the same request, within
 * limits.repeat_ms, or limits.idempotency_hours of an Idempotency-Key. Rows remember it, so that a
 * crash in between changes nothing (batch/batch_again.h). Others pay nothing for it.
 *
 * Inside the front only.
 */
#pragma once

#include "base/id.h"
#include "crypto/digest.h"
#include "store/store.h"

struct errand_batch;
struct http_exchange;

/* A part of an errand_batch. */
struct errand_again {
    bool known; /* it may be sent again, or was: else nothing here counts */
    bool keyed; /* with an Idempotency-Key */
    bool told;  /* what was made before is the answer */
    int64_t tries;
    int64_t window_ns;
    struct digest name; /* of the Idempotency-Key, and who asks; else of the request, too */
    struct digest sum;  /* of the request */
};

/* Reads its headers, on the loop. ERR_ASK_INVALID: the Idempotency-Key is none, and the errand's
 * fault says so. */
EP_MUST_CHECK enum err errand_again_read(struct errand_batch *errand, struct http_exchange *x);
/* What it asks for: its path and all that is in its body. Any thread. */
void errand_again_asks(struct errand_batch *errand, struct str path, struct str body);
/* Writes what an earlier request made into the errand's answer. ERR_NOT_FOUND: it is gone. */
typedef enum err errand_again_fn(struct errand_batch *errand, struct store_txn *txn, struct id id,
                                 struct fail *fail);
/* Inside the job that would make it, before anything of it: tells what was made before, if
 * something was; `told` of the errand says so. ERR_IDEM_MISMATCH. */
EP_MUST_CHECK enum err errand_again_look(struct errand_batch *errand, struct store_txn *txn,
                                         errand_again_fn *tell, struct fail *fail);
/* In the same job: it has made `id`. */
EP_MUST_CHECK enum err errand_again_made(const struct errand_batch *errand, struct store_txn *txn,
                                         struct id id, struct fail *fail);
