/*
 * Attempts: the tries at upstreams that a call took. Each is a row, written with the settlement;
 * all of them may appear on an upstream's invoice, and exactly one is what a charged client pays
 * for.
 *
 * Threads: inside a store job.
 */
#pragma once

#include "ledger/ledger.h"

#define LEDGER_ATTEMPTS_MAX 64 /* a call's: a model has no more routes that are tried */

struct ledger_attempt {
    int64_t n; /* 1, 2, ... of the call */
    struct str route;
    struct str upstream_id;  /* what the upstream calls it; may be empty */
    struct str outcome;      /* "complete", or the code of what went wrong */
    struct str usage_source; /* who says what was billed: of the billable one; "none" of others */
    bool sent;               /* the whole request has left: it may be billed by the upstream */
    bool billable;
};

EP_MUST_CHECK enum err ledger_write_attempt(struct store_txn *txn, const struct ledger_hold *hold,
                                            const struct ledger_attempt *attempt,
                                            struct fail *fail);
