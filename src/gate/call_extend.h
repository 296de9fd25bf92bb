/*
 * Holds in steps: a stream whose hold does not cover its whole output cap at first
 * (limits.hold_first_tokens). More is reserved in memory when four fifths were delivered, and its
 * row is submitted; what a durable row does not cover waits, as it does for Gate A. Where the
 * credit covers no more, the answer ends there, with finish_reason "length" and the reason, and
 * costs what was delivered.
 *
 * Only streams of models that are counted: of others nobody knows what was delivered. Inside the
 * gate only, on the call's loop.
 */
#pragma once

#include "meter/cover.h"
#include "meter/rate.h"
#include "meter/tally.h"
#include "store/store.h"

struct call;

struct call_extend {
    struct store_job job;
    struct call *call;
    struct cover cover;       /* what memory has reserved for, in output tokens */
    struct rate_bounds input; /* what the hold takes the input to be at most */
    int64_t durable;          /* output tokens that durable rows cover */
    int64_t submitted;        /* likewise, once the row on its way is durable */
    int64_t rows;             /* submitted so far */
    int64_t amount;           /* nano, of the row on its way */
    int64_t waiting;          /* nano that are reserved; their row waits for the one on its way */
    int64_t last;        /* nano, reserved when the call ended; its row is the settlement's job's */
    int64_t now_wall_ns; /* of the row on its way */
    uint64_t told[TALLY_PARTS]; /* the tally when the last event was let through */
    int64_t told_events;
    bool on_its_way;
};

/* Output tokens a choice that the hold covers at first, of a cap of so many; the cap: all. */
int64_t call_extend_first(const struct call *call, int64_t cap);
/* The hold is about to cover `first` tokens a choice of call->output_cap. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_extend_begin(struct call *call, const struct rate_bounds *input,
                                         int64_t first);
/*
 * An event was read and told: may it leave? ERR_OK; ERR_BUSY: once a row that is on its way is
 * durable; ERR_LEDGER_SPENT: never, and nothing behind it.
 */
EP_MUST_CHECK enum err call_extend_pass(struct call *call);
/* Whether all that was let through is covered by durable rows. */
bool call_extend_durable(const struct call *call);
/* What came behind the last event that was let through is as if it had not come. */
void call_extend_rewind(struct call *call);
/* The call is over and costs `nano`: reserves what is missing, as far as the cap's price and the
 * credit go, and gives back what no row was written for. */
void call_extend_end(struct call *call, int64_t nano);
/* In the settlement's job: the row of what call_extend_end() reserved, if any. */
EP_MUST_CHECK enum err call_extend_write_last(struct call *call, struct store_txn *txn,
                                              int64_t wall_ns, struct fail *fail);
/* No row is on its way. */
bool call_extend_is_idle(const struct call *call);
void call_extend_free(struct call *call);
