/*
 * The books as they lie in the store, read row by row for the auditor. What tables look like is
 * known here and nowhere else in the simulator; what they must say is the auditor's business.
 */
#pragma once

#include "base/id.h"
#include "store/store.h"

struct book_account {
    int64_t row;
    struct id id;
    int64_t class; /* 1: a client's credit; 4: revenue; 5: overrun */
    int64_t dr_pend;
    int64_t cr_pend;
    int64_t dr_post;
    int64_t cr_post;
};

enum book_state {
    BOOK_OPEN,
    BOOK_SETTLED,
    BOOK_VOIDED,
    BOOK_RECOVERED
};

struct book_hold {
    int64_t number;
    struct id call;
    int64_t account; /* row */
    int64_t amount;
    enum book_state state;
    int64_t posted;
    int64_t overrun;
    bool matched; /* by the auditor: a client's */
};

struct book_receipt {
    int64_t leaf;
    struct id call;
    int64_t amount;
    char outcome[16];
    struct id key; /* zero: nobody knows which it was */
    char day[12];  /* of its beginning: "2026-11-26" */
    char batch[48];
    int64_t percent; /* of the price, as the line of a batch; 0: it is none */
};

struct book_entry {
    int64_t debit; /* rows */
    int64_t credit;
    int64_t amount;
    int64_t code; /* 2: a settlement; 5: an expiry */
};

struct books {
    struct book_account *accounts;
    size_t account_count;
    struct book_hold *holds; /* by number */
    size_t hold_count;
    struct book_receipt *receipts; /* by leaf */
    size_t receipt_count;
    struct book_entry *entries;
    size_t entry_count;
};

EP_MUST_CHECK enum err books_read(struct store *store, struct books *ret_books, struct fail *fail);
void books_free(struct books *books);
/* NULL: there is none. */
struct book_hold *books_hold(const struct books *books, struct id call);
const struct book_receipt *books_receipt(const struct books *books, struct id call);
const struct book_account *books_account(const struct books *books, struct id account);
/* How many holds the account has, durably. */
EP_MUST_CHECK enum err books_holds(struct store *store, struct id account, int64_t *ret_count,
                                   struct fail *fail);
/* Whether the account has claimed a key durably; `device`: the API key of a device, whose keys are
 * its own; NULL: of none. */
EP_MUST_CHECK enum err books_key(struct store *store, struct id account, const struct id *device,
                                 struct str key, bool *ret_claimed, struct fail *fail);
