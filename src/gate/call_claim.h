/*
 * A call that carries an Idempotency-Key, beside struct call so that the others cost nothing. Its
 * claim is written with its hold, which is durable before any upstream is asked, and ended with its
 * settlement: ledger/idem.h has the rows. Gate only.
 *
 * Nobody else has the key: the call goes on. Somebody has, or had: the reservation is given back,
 * and the call is refused, or answered with the result that was kept.
 */
#pragma once

#include "gate/call.h"

struct call_claim;

/* ADMIT: reads the header; ERR_ASK_INVALID, ERR_NO_MEMORY. The call has a client. */
EP_MUST_CHECK enum err call_claim_begin(struct call *call);
/* The credit does not cover the call: only what an earlier one answered can still be had. */
void call_claim_only_look(struct call *call, enum err refusal);
bool call_claim_only_looks(const struct call *call);
void call_claim_free(struct call *call);

/* On the writer's thread: claims the key and writes the hold, or neither. */
EP_MUST_CHECK enum err call_claim_write(struct call *call, struct store_txn *txn,
                                        struct fail *fail);
/* On the writer's thread, beside the settlement of the call's hold. */
EP_MUST_CHECK enum err call_claim_end(const struct call *call, struct store_txn *txn,
                                      struct fail *fail);
/* HOLD, the job has ended: whether the call has the key, and its hold. */
bool call_claim_won(const struct call *call);
/* HOLD: it has not, and ends with what it is told instead. */
enum call_next call_claim_lost(struct call *call);

/* The call's own answer is a model's, in one piece, and over. */
bool call_has_whole_answer(const struct call *call);
/* The earlier call with the key, for the answer; NULL: there is none. */
const struct idem_earlier *call_claim_earlier(const struct call *call);
