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
 *   correction  any of these but an expiry and an overrun, with its sides exchanged
 *
 * No entry has CUSTOMER_CREDIT on both sides: credit cannot move between clients. The type of an
 * entry has room for one client, ledger rows refuse two (a CHECK of the table), and a test tries.
 *
 * Threads: ledger_find() and account.h's functions from any; the write functions inside a store
 * job; the commands from a thread that may wait.
 */
#pragma once

#include "base/id.h"
#include "base/map.h"
#include "ledger/account.h"
#include "ledger/budget.h"
#include "ledger/usage_month.h"
#include "store/store.h"

extern const struct store_migration ledger_migration;       /* number 2 */
extern const struct store_migration credit_migration;       /* number 7 */
extern const struct store_migration budget_migration;       /* number 8 */
extern const struct store_migration budget_calls_migration; /* number 20 */

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
/* The price list of the lot that the next call draws first, as a row; 0: it keeps none. */
int64_t ledger_price_book(const struct ledger_account *account);
/* Credit whose time has passed and that was held then: when its holds end it is nobody's to spend,
 * also before the next ledger_expire(), which counts it anew. Any thread. */
int64_t ledger_overdue(const struct ledger_account *account);

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
    struct budget_hold budget; /* reserved with budget_reserve() before; or of no budget */
    int64_t seq;               /* out: the hold's row */
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

/* What is known of a client, by its papers. Unknown is NONE. */
enum ledger_kyc {
    KYC_NONE = 1,
    KYC_BASIC,
    KYC_FULL,
    KYC_END
};

/* What may be bought within 24 hours; 0: no limit. */
struct ledger_velocity {
    int64_t purchases;
    int64_t amount; /* nano, paid */
};

/* Terms that a client agreed to: a version of a document. */
struct ledger_terms {
    struct str name;
    struct str version;
    struct str hash; /* SHA-256 of the document; may be empty */
};

/* An order: client x plan x terms, and the lot that it buys. Texts are copied into the rows. */
struct ledger_purchase {
    struct ledger_account *account;
    int64_t amount; /* nano, > 0 */
    enum ledger_lot_kind kind;
    int64_t priority;   /* lower is drawn first; promo should be drawn before paid */
    int64_t expires_ns; /* 0: never */
    struct str product;
    struct str plan;
    int64_t units; /* that the plan sells; 0: bought by amount */
    struct str payer;
    struct str method;  /* of base/payment.h */
    struct str payment; /* the payment's reference at the payer's bank; may be empty */
    struct ledger_terms terms;
    struct ledger_terms prices; /* the price list that it keeps, which is in rows; or empty */
    int64_t refund_until_ns;    /* until then the unused part is given back for the asking */
    const struct ledger_velocity *velocity; /* by enum ledger_kyc, KYC_END of them; NULL: none */
    int64_t now_ns;
    int64_t lot; /* out; the order has the same number */
};

/*
 * Given credit has no payer, no method and no payment; bought credit has a payer and a method.
 * ERR_TOKEN_PAYMENT_METHOD, ERR_TOKEN_KYC_LIMIT, ERR_MONEY_RANGE; ERR_CONFLICT: the payment has
 * bought something already.
 */
EP_MUST_CHECK enum err ledger_purchase(struct ledger *ledger, struct ledger_purchase *purchase,
                                       struct fail *fail);

struct ledger_refund {
    struct ledger_account *account;
    int64_t lot;
    int64_t amount;    /* nano; 0: all that is left. Out: what was given back */
    int64_t step;      /* that a bank pays in: what is less stays credit; 0: any amount */
    struct str payer;  /* who is to get it, and how; empty: not said. Others than those who paid */
    struct str method; /* are refused */
    struct str ground; /* why it is given back after its time; empty: it is not */
    int64_t now_ns;
};

/* Gives the unused part of a paid lot back. ERR_TOKEN_NO_CASH_OUT: promo, another payer or method,
 * more than is left and not held, or too late; ERR_TOKEN_EXPIRED. */
EP_MUST_CHECK enum err ledger_refund(struct ledger *ledger, struct ledger_refund *refund,
                                     struct fail *fail);

/* Ends every lot whose time has passed, as far as its credit is not held. */
EP_MUST_CHECK enum err ledger_expire(struct ledger *ledger, int64_t now_ns, int64_t *ret_amount,
                                     struct fail *fail);
/* When the next lot ends, or has ended with a part of it held; INT64_MAX: none does. Any thread. */
int64_t ledger_next_expiry(const struct ledger *ledger);

struct ledger_warning {
    struct id account;
    int64_t lot;
    int64_t days; /* 60, 30 or 7 */
    int64_t left; /* nano */
    int64_t expires_ns;
    char currency[4];
};

typedef void ledger_warning_fn(void *context, const struct ledger_warning *warning);

/* Notes each lot that comes within 60, 30 or 7 days of its end, once each, and tells of it. Says
 * how many lots end within 60 days. */
EP_MUST_CHECK enum err ledger_warn(struct ledger *ledger, int64_t now_ns, ledger_warning_fn *told,
                                   void *context, int64_t *ret_ending, struct fail *fail);

struct ledger_correction {
    int64_t entry;  /* that was wrong */
    int64_t amount; /* nano; 0: all of it. Out: what was corrected */
    int64_t lot;    /* that gets a call's charge back; 0 otherwise: the entry's own */
    struct str reason;
    struct str reference; /* the paper that says so; may be empty */
    int64_t now_ns;
    int64_t made; /* out: the new entry */
};

/*
 * Undoes an entry, or a part of it, by a new one with its sides exchanged: never more than it was,
 * all corrections of it together, and never an edit. ERR_NOT_FOUND, ERR_CONFLICT,
 * ERR_TOKEN_EXPIRED, ERR_TOKEN_NOT_TRANSFERABLE: the lot is another client's.
 */
EP_MUST_CHECK enum err ledger_correct(struct ledger *ledger, struct ledger_correction *correction,
                                      struct fail *fail);

/* From now on the client has this level; `evidence` names the papers. */
EP_MUST_CHECK enum err ledger_set_kyc(struct ledger *ledger, struct ledger_account *account,
                                      enum ledger_kyc level, struct str evidence, int64_t now_ns,
                                      struct fail *fail);

/* ---- recovery ---------------------------------------------------------------------------- */

/* The holds that had not ended when the books were opened, each once; `hold` is filled. */
bool ledger_next_open_hold(struct ledger *ledger, struct ledger_hold *ret_hold);
