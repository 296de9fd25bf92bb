/*
 * Calls that carry an Idempotency-Key: a row for each key that has a hold, so that one key never
 * buys twice. The row is the hold's own (its number is the key), written in the same transaction;
 * the result is stored with the settlement. Whether a call is under way is nowhere written a second
 * time: its hold has no settlement. So what ends a hold, recovery too, ends the key's call.
 *
 * Keys and fingerprints are SHA-256 sums that the caller makes; a key is found within its account
 * alone. Threads: inside a store job; idem_expire() from a thread that may wait.
 */
#pragma once

#include "base/buf.h"
#include "ledger/ledger.h"

extern const struct store_migration idem_migration; /* number 5 */

#define IDEM_SUM_BYTES 32 /* SHA-256 */
/* A whole answer of some 16,000 tokens, more than models write where clients do not stream; 16
 * pages of the database, so that a batch of a hundred such calls adds 6 MiB to its commit. */
#define IDEM_RESULT_MAX ((size_t)64 << 10)
/* Rows a job removes: they keep the writer for 2 ms, or for 50 where all have 64 KiB (measured). */
#define IDEM_EXPIRE_MAX 256

struct idem_ask {
    struct str key;         /* IDEM_SUM_BYTES each */
    struct str fingerprint; /* of the request */
};

enum idem_found {
    IDEM_FREE,     /* no call has the key */
    IDEM_MISMATCH, /* a call of another request has it */
    IDEM_UNDER_WAY,
    IDEM_RESULT,   /* it has ended, and this is what it answered */
    IDEM_NO_RESULT /* it has ended; its receipt tells how */
};

/* The earlier call with the key. */
struct idem_earlier {
    enum idem_found found;
    struct id call;    /* but for IDEM_FREE */
    int64_t posted;    /* nano; of one that has ended */
    struct buf result; /* with IDEM_RESULT: the caller's to buf_fini() */
};

/* Writes nothing. On failure nothing is known and `ret_earlier` holds no memory. */
EP_MUST_CHECK enum err idem_look(struct store_txn *txn, const struct ledger_account *account,
                                 const struct idem_ask *ask, struct idem_earlier *ret_earlier,
                                 struct fail *fail);
/* What became of the call that has the key, whatever its request was. */
enum idem_end {
    IDEM_END_FREE,   /* no call has it */
    IDEM_END_VOIDED, /* it has ended, sold nothing, and kept no answer: a crash came between */
    IDEM_END_OTHER   /* under way, or sold */
};
/* Over a snapshot; `key`: IDEM_SUM_BYTES. */
EP_MUST_CHECK enum err idem_look_end(struct store_txn *txn, const struct ledger_account *account,
                                     struct str key, enum idem_end *ret_end, struct fail *fail);
/* The key is the hold's: it was IDEM_FREE in this job, and the hold is written. */
EP_MUST_CHECK enum err idem_claim(struct store_txn *txn, const struct ledger_hold *hold,
                                  const struct idem_ask *ask, struct fail *fail);
/* What was answered: 1 to IDEM_RESULT_MAX bytes. Beside the hold's settlement. */
EP_MUST_CHECK enum err idem_keep(struct store_txn *txn, const struct ledger_hold *hold,
                                 struct str result, struct fail *fail);
/* Nothing was sold: the key may be tried again. Beside the hold's settlement. */
EP_MUST_CHECK enum err idem_release(struct store_txn *txn, const struct ledger_hold *hold,
                                    struct fail *fail);
/* Removes the keys of calls that ended before `before_ns`, in jobs of IDEM_EXPIRE_MAX. */
EP_MUST_CHECK enum err idem_expire(struct ledger *ledger, int64_t before_ns, int64_t *ret_count,
                                   struct fail *fail);
