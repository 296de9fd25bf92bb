/*
 * An account's credit in memory: available, held, spent. Pure arithmetic on atomics; durable rows
 * are ledger.h's business.
 *
 * available + held + spent changes by purchases, refunds and expiry alone. Nothing is ever below
 * zero: a reservation that does not fit changes nothing. Amounts are nano units of the account's
 * currency. Threads: any, all functions.
 */
#pragma once

#include <stdatomic.h>

#include "base/err.h"

struct account_credit {
    _Atomic int64_t available;
    _Atomic int64_t held;
    _Atomic int64_t spent;
};

/* Moves `amount` (>= 0) from available to held. ERR_LEDGER_FUNDS: it does not fit. */
EP_MUST_CHECK enum err account_reserve(struct account_credit *credit, int64_t amount);
/* Moves a reservation back. */
void account_release(struct account_credit *credit, int64_t amount);
/* Ends a reservation of `held`: `posted` (<= held) is spent, the rest is available again. */
void account_settle(struct account_credit *credit, int64_t held, int64_t posted);
/* A purchase. */
void account_add(struct account_credit *credit, int64_t amount);
/* A refund or an expiry, of what is available. ERR_LEDGER_FUNDS: it does not fit. */
EP_MUST_CHECK enum err account_remove(struct account_credit *credit, int64_t amount);
