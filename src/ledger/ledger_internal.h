/* What ledger.c (rows and reading), credit.c (commands) and audit.c share. */
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
    bool dirty;
};

struct ledger_account {
    int64_t row;
    struct id id;
    char currency[4];
    enum ledger_class class;
    struct account_credit credit; /* of CUSTOMER_CREDIT */
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
    /* The writer's thread alone: */
    struct ledger_account *dirty;
    struct ledger_account *own; /* few, and looked for in each call */
    int64_t open_from;          /* every hold below has ended */
    int64_t open_from_written;
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
    ENTRY_EXPIRY
};

struct ledger_entry {
    struct ledger_account *debit;
    struct ledger_account *credit;
    int64_t amount;
    enum ledger_code code;
    int64_t ref; /* a hold's or a lot's row, by the code */
    int64_t txn;
};

/* Writes the row and folds it into both accounts. */
EP_MUST_CHECK enum err ledger_post(struct ledger *ledger, struct store_txn *txn,
                                   const struct ledger_entry *entry, struct fail *fail);
void ledger_touch(struct ledger *ledger, struct ledger_account *account);
/* The operator's own account of that class and currency, or NULL. */
struct ledger_account *ledger_own(struct ledger *ledger, enum ledger_class class,
                                  const char *currency);
/* Puts an account that was read or written into memory. */
EP_MUST_CHECK enum err ledger_keep_account(struct ledger *ledger, const struct ledger_account *row,
                                           struct ledger_account **ret_account);
/* Keeps the lots in the order in which they are drawn. */
EP_MUST_CHECK enum err ledger_keep_lot(struct ledger_account *account,
                                       const struct ledger_lot *lot);
