/* What the files of the books share among themselves. */
#pragma once

#include <pthread.h>

#include "base/list.h"
#include "ledger/ledger.h"

struct ledger_lot {
    int64_t id;
    enum ledger_lot_kind kind;
    int64_t amount;
    int64_t remaining;
    int64_t priority;
    int64_t expires_ns; /* 0: never */
    int64_t warned;     /* days of the last warning; 0: none yet */
    int64_t price_book; /* the row of the list that it keeps; 0: none */
    bool dirty;
};

struct ledger_account {
    int64_t row;
    struct id id;
    char currency[4];
    enum ledger_class class;
    struct account_credit credit; /* of CUSTOMER_CREDIT */
    _Atomic int64_t price_book;   /* of the lot that is drawn next; 0: none */
    _Atomic int64_t overdue;      /* left of lots whose time has passed, because it was held */
    /* From here on: the writer's thread alone. */
    int64_t dr_pend;
    int64_t cr_pend;
    int64_t dr_post;
    int64_t cr_post;
    int64_t used; /* the part of dr_post that bought calls */
    bool dirty;
    struct ledger_account *next_dirty;
    struct ledger_account *next_own; /* the operator's other accounts */
    struct ledger_lot *lots;         /* in the order in which they are drawn */
    size_t lot_count;
    size_t lot_cap;
};

struct ledger {
    struct store *store;
    pthread_rwlock_t lock; /* of the map and the list */
    struct map by_id;
    struct ledger_account **accounts;
    size_t account_count;
    size_t account_cap;
    _Atomic int64_t next_expiry_ns;
    /* The writer's thread alone: */
    struct ledger_account *dirty;
    struct ledger_account *own; /* few, and looked for in each call */
    int64_t open_from;          /* every hold below has ended */
    int64_t open_from_written;
    struct map budgets; /* by key, under the lock */
    struct budget *first_budget;
    struct budget *dirty_budgets;
    int64_t next_budget;
    int64_t next_account;
    int64_t next_lot;
    int64_t next_hold;
    int64_t next_entry;
    int64_t next_txn;
    struct usage_fold fold;
    /* mark.c: */
    pthread_mutex_t marks_lock;
    struct node marks; /* those that wait for a commit */
    /* Recovery: */
    struct ledger_hold *open_holds;
    size_t open_count;
    size_t open_cap;
};

enum ledger_code {
    ENTRY_PURCHASE = 1,
    ENTRY_SETTLEMENT,
    ENTRY_OVERRUN,
    ENTRY_REFUND,
    ENTRY_EXPIRY,
    ENTRY_CORRECTION
};

/* One of the operator's own accounts. */
struct ledger_house {
    struct ledger_account *account;
};

enum ledger_way {
    CREDIT_GROWS, /* the house is debited, the client credited */
    CREDIT_SHRINKS
};

/* A movement between a client's credit and the operator's house. There is room for one client: what
 * would move credit from one to another cannot be written down. */
struct ledger_entry {
    struct ledger_account *client;
    struct ledger_house house;
    enum ledger_way way;
    int64_t amount;
    enum ledger_code code;
    int64_t ref; /* a hold's or a lot's row, by the code */
    int64_t txn;
};

/* Writes the row and folds it into both accounts. */
EP_MUST_CHECK enum err ledger_post(struct ledger *ledger, struct store_txn *txn,
                                   const struct ledger_entry *entry, struct fail *fail);
/* What was delivered above the hold: between two accounts of the operator. */
EP_MUST_CHECK enum err ledger_post_overrun(struct ledger *ledger, struct store_txn *txn,
                                           struct ledger_house revenue,
                                           const struct ledger_settlement *settlement,
                                           int64_t number, struct fail *fail);
void ledger_touch(struct ledger *ledger, struct ledger_account *account);
/* The operator's own account of that class and currency, or NULL. */
struct ledger_account *ledger_own(struct ledger *ledger, enum ledger_class class,
                                  const char *currency);
/* The same as the side of an entry; it is there since the first account of its currency. */
struct ledger_house ledger_house(struct ledger *ledger, enum ledger_class class,
                                 const char *currency);
/* Puts an account that was read or written into memory. */
EP_MUST_CHECK enum err ledger_keep_account(struct ledger *ledger, const struct ledger_account *row,
                                           struct ledger_account **ret_account);
/* Keeps the lots in the order in which they are drawn. */
EP_MUST_CHECK enum err ledger_keep_lot(struct ledger_account *account,
                                       const struct ledger_lot *lot);

/* ---- orders (order.c) -------------------------------------------------------------------- */

/* Everything that may refuse a purchase but its amount; writes nothing. */
EP_MUST_CHECK enum err order_check(struct store_txn *txn, const struct ledger_purchase *purchase,
                                   struct fail *fail);
/* The order's row, and that of its terms if they are new; the lot's row is there. */
EP_MUST_CHECK enum err order_write(struct store_txn *txn, const struct ledger_purchase *purchase,
                                   const struct ledger_lot *lot, struct fail *fail);

/* The row of a price book; 0: it is in none. */
EP_MUST_CHECK enum err prices_find(struct store_txn *txn, const struct ledger_terms *book,
                                   int64_t *ret_row, struct fail *fail);

/* ---- lots that are given back, end or are corrected (refund.c) ----------------------------- */

enum ledger_ground {
    GROUND_WINDOW = 1, /* a refund for the asking */
    GROUND_CONTRACT,
    GROUND_TERM, /* an expiry */
    GROUND_CORRECTION,
    GROUND_EARLIER /* of rows that are older than this table */
};

/* Why an entry is there that no call and no order is the cause of. */
struct ledger_cause {
    enum ledger_ground ground;
    int64_t at_ns;
    struct str payer;
    struct str method;
    struct str reason;
    struct str reference;
    int64_t corrects; /* an entry; 0: none */
};

/* Takes an amount out of a lot: entry, cause and lot. It was taken from the account's credit with
 * account_remove() before, so that no call can reserve it. */
EP_MUST_CHECK enum err lot_take(struct ledger *ledger, struct store_txn *txn,
                                const struct ledger_entry *entry, struct ledger_lot *lot,
                                const struct ledger_cause *cause, struct fail *fail);
/* The lot of that number that may have something left, or NULL. */
struct ledger_lot *lot_find(struct ledger_account *account, int64_t id);
/* The entry, its cause, and the lot's counters. */
EP_MUST_CHECK enum err lot_post(struct ledger *ledger, struct store_txn *txn,
                                const struct ledger_entry *entry, const struct ledger_cause *cause,
                                struct fail *fail);
/* A lot has changed: whose price list is it that the next call is rated by? */
void ledger_note_prices(struct ledger_account *account);
/* A lot is there that ends then; 0: never. */
void ledger_note_expiry(struct ledger *ledger, int64_t expires_ns);

/* ---- budgets (budget.c) ------------------------------------------------------------------ */

EP_MUST_CHECK enum err budgets_load(struct ledger *ledger, struct store_txn *txn,
                                    struct fail *fail);
void budgets_close(struct ledger *ledger);
/* A store_flush_fn. */
EP_MUST_CHECK enum err budget_flush(void *context, struct store_txn *txn, struct fail *fail);
/* The reservation of a hold that an earlier run left open; row 0: of no budget. */
void budget_hold_again(struct ledger *ledger, struct str key, const int64_t number[BUDGET_WINDOWS],
                       int64_t amount, struct budget_hold *ret_hold);
