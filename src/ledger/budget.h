/*
 * Budgets: what one key may spend in a day, in a month (both UTC) and in all, and how many calls it
 * may make in each. They are limits, not movements: no credit is set aside for a key, and no entry
 * knows of one. A call counts that was answered; while it is under way it counts, too.
 *
 * A budget counts what its key's calls hold and were charged, each in the day and the month in
 * which the call began; so a call that ends after midnight is of the day before. What was charged
 * is durable together with the settlements.
 *
 * Threads: budget_reserve(), budget_settle(), budget_left(), budget_look(), ledger_budget(): any.
 * budget_write_hold() and budget_post(): inside a store job. ledger_set_budget() waits.
 */
#pragma once

#include "base/id.h"
#include "store/store.h"

#define BUDGET_NONE INT64_C(-1)

enum budget_window {
    BUDGET_DAY,
    BUDGET_MONTH,
    BUDGET_TOTAL,
    BUDGET_WINDOWS
};

struct budget;
struct ledger;

/* BUDGET_NONE each: no limit. */
struct budget_limits {
    int64_t nano[BUDGET_WINDOWS];
    int64_t calls[BUDGET_WINDOWS];
};

/* What a call has reserved; `budget` NULL: its key has none. */
struct budget_hold {
    struct budget *budget; /* lives as long as the ledger */
    int64_t amount;
    int64_t number[BUDGET_WINDOWS]; /* of the day and the month in which it counts */
};

struct budget_view {
    int64_t max[BUDGET_WINDOWS]; /* nano; BUDGET_NONE: no limit */
    int64_t spent[BUDGET_WINDOWS];
    int64_t held[BUDGET_WINDOWS];
    int64_t calls_max[BUDGET_WINDOWS]; /* likewise */
    int64_t calls[BUDGET_WINDOWS];     /* with those under way */
    int64_t resets_ns[BUDGET_WINDOWS]; /* 0: never */
};

/* NULL: the key has none. */
struct budget *ledger_budget(struct ledger *ledger, struct id key);
/* Counts `amount` (>= 0) and a call, or nothing at all. ERR_BUDGET_DAY, ERR_BUDGET_MONTH,
 * ERR_BUDGET_TOTAL: which does not cover it; ERR_CALLS_DAY, ERR_CALLS_MONTH, ERR_CALLS_TOTAL: the
 * call is one too many. */
EP_MUST_CHECK enum err budget_reserve(struct budget *budget, int64_t amount, int64_t now_ns,
                                      struct budget_hold *ret_hold);
/* Counts `more` beside what is reserved, or nothing at all; below zero: gives that back. The errors
 * of budget_reserve(). Of no budget: nothing. */
EP_MUST_CHECK enum err budget_extend(struct budget_hold *hold, int64_t more);
/* The call was charged `posted`; `served`: it was answered. Of no budget: nothing. */
void budget_settle(const struct budget_hold *hold, int64_t posted, bool served);
/* What a call that begins now could cost, 0 where it would be one too many; *ret_reason: the error
 * of budget_reserve() that says so. INT64_MAX: no limit. */
int64_t budget_left(struct budget *budget, int64_t now_ns, enum err *ret_reason);
void budget_look(struct budget *budget, int64_t now_ns, struct budget_view *ret_view);
enum err budget_err(enum budget_window window);
const char *budget_window_name(enum budget_window window); /* "day" */

/* The hold's row is there. Of no budget: nothing. */
EP_MUST_CHECK enum err budget_write_hold(struct store_txn *txn, const struct budget_hold *hold,
                                         int64_t row, struct fail *fail);
/* Its settlement is written: folded, and in the budget's row when the batch is. */
void budget_post(struct ledger *ledger, const struct budget_hold *hold, int64_t posted,
                 bool served);
/* Inside a store job: makes a budget for a key that has none and is made in the same job. It is in
 * force at once. ERR_STORE_FAILED: no memory, behind rows that are written. */
EP_MUST_CHECK enum err ledger_write_budget(struct ledger *ledger, struct store_txn *txn,
                                           struct id key, const struct budget_limits *limits,
                                           struct fail *fail);

/* Makes or changes a key's budget of money; what was spent stays counted, and so do calls, whose
 * limits stay as they are. */
EP_MUST_CHECK enum err ledger_set_budget(struct ledger *ledger, struct id key,
                                         const int64_t max[BUDGET_WINDOWS], struct fail *fail);
