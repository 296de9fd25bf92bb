/*
 * The books: accounts, lots, holds, settlements and entries in double entry, kept in the store and
 * mirrored in memory.
 *
 * Model. Per currency there is one set of the operator's own accounts (enum ledger_class but the
 * first) and one CUSTOMER_CREDIT account a client. Every movement is an entry: debit one account,
 * credit another, the same amount; several entries of one event share a transaction number.
 * Rows are never changed but for an account's counters and a lot's remainder, which are folds of
 * the entries and are recomputed by ledger_audit().
 *
 *   purchase    Dr CASH_CLEARING (paid) or PROMO (given)   Cr CUSTOMER_CREDIT
 *   settlement  Dr CUSTOMER_CREDIT                         Cr PLATFORM_REVENUE
 *   overrun     Dr OVERRUN_LOSS                            Cr PLATFORM_REVENUE
 *   refund      Dr CUSTOMER_CREDIT                         Cr REFUND
 *   expiry      Dr CUSTOMER_CREDIT                         Cr BREAKAGE
 *
 * No entry has CUSTOMER_CREDIT on both sides: credit cannot move between clients. There is no
 * function for it, ledger rows refuse it (a CHECK of the table), and a test tries.
 *
 * Threads: ledger_find() and account.h's functions from any; the write functions inside a store
 * job; the commands from a thread that may wait.
 */
#pragma once

#include "base/id.h"
#include "base/map.h"
#include "ledger/account.h"
#include "ledger/usage_month.h"
#include "store/store.h"

extern const struct store_migration ledger_migration; /* number 2 */

enum ledger_class {
    LEDGER_CUSTOMER_CREDIT = 1,
    LEDGER_CASH_CLEARING,
    LEDGER_PROMO,
    LEDGER_PLATFORM_REVENUE,
    LEDGER_OVERRUN_LOSS,
    LEDGER_REFUND,
    LEDGER_BREAKAGE,
    LEDGER_CLASS_END
};

enum ledger_lot_kind {
    LOT_PAID = 1,
    LOT_PROMO
};

/* How a hold ended. */
enum ledger_state {
    HOLD_SETTLED = 1,
    HOLD_VOIDED,
    HOLD_RECOVERED
};

struct ledger;
struct ledger_account; /* lives as long as the ledger */

struct account_credit *ledger_credit(struct ledger_account *account);
struct id ledger_account_id(const struct ledger_account *account);
struct str ledger_currency(const struct ledger_account *account); /* "USD" */

/* Reads the books from the store and registers their flush. The store must be writable. */
EP_MUST_CHECK enum err ledger_open(struct store *store, struct ledger **ret_ledger,
                                   struct fail *fail);
void ledger_close(struct ledger *ledger); /* NULL is allowed; after the store, which flushes them */
/* A client's account; NULL: there is none. */
struct ledger_account *ledger_find(struct ledger *ledger, struct id account);

/* ---- inside a store job ------------------------------------------------------------------ */

struct ledger_hold {
    struct id call;
    struct ledger_account *account;
    int64_t amount; /* nano, reserved with account_reserve() before; with its extensions */
    int64_t price_version;
    int64_t opened_ns;
    int64_t seq; /* out: the hold's row */
};

EP_MUST_CHECK enum err ledger_write_hold(struct ledger *ledger, struct store_txn *txn,
                                         struct ledger_hold *hold, struct fail *fail);

struct ledger_settlement {
    const struct ledger_hold *hold;
    enum ledger_state state;
    int64_t posted;        /* nano, <= the hold's amount */
    int64_t overrun;       /* nano above the hold, the operator's loss */
    struct str usage;      /* what was counted, reported and billed, as canonical JSON */
    struct str rated_pico; /* the exact product, decimal */
    int64_t settled_ns;
    struct usage_month_use use; /* what was billed, for the sums of the month */
};

/* Writes settlement, usage and entries, draws the lots and adds to the month. The caller ends the
 * reservation in memory (account_settle) once the job is durable. */
EP_MUST_CHECK enum err ledger_write_settlement(struct ledger *ledger, struct store_txn *txn,
                                               const struct ledger_settlement *settlement,
                                               struct fail *fail);

/* ---- commands: each writes one job and waits for it -------------------------------------- */

/* A client's account in a currency of three capital letters. */
EP_MUST_CHECK enum err ledger_open_account(struct ledger *ledger, struct id account,
                                           struct str currency, struct fail *fail);

struct ledger_purchase {
    struct ledger_account *account;
    int64_t amount; /* nano, > 0 */
    enum ledger_lot_kind kind;
    int64_t priority;   /* lower is drawn first; promo should be drawn before paid */
    int64_t expires_ns; /* 0: never */
    struct str plan;
    struct str payment; /* the payment's reference at the payer's bank */
    int64_t now_ns;
    int64_t lot; /* out */
};

EP_MUST_CHECK enum err ledger_purchase(struct ledger *ledger, struct ledger_purchase *purchase,
                                       struct fail *fail);
/* Gives the unused rest of a paid lot back; ERR_CONFLICT: promo, or nothing is left. */
EP_MUST_CHECK enum err ledger_refund(struct ledger *ledger, struct ledger_account *account,
                                     int64_t lot, int64_t *ret_amount, struct fail *fail);
/* Ends every lot whose time has passed, as far as its credit is not held. */
EP_MUST_CHECK enum err ledger_expire(struct ledger *ledger, int64_t now_ns, int64_t *ret_amount,
                                     struct fail *fail);

/* ---- recovery ---------------------------------------------------------------------------- */

/* The holds that had not ended when the books were opened, each once; `hold` is filled. */
bool ledger_next_open_hold(struct ledger *ledger, struct ledger_hold *ret_hold);
