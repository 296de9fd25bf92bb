/*
 * Price books as they were: each version that was ever in force stays in rows for ever, with a hash
 * of its content, so that an order, a hold and an auditor years later name the same prices.
 */
#pragma once

#include "ledger/ledger.h"

struct ledger_price {
    struct str model;
    struct str class; /* "in", "out", ..., "call" for each call, or "web_search" for each search */
    int64_t pico;
};

struct ledger_price_book {
    struct ledger_terms book; /* id, version, SHA-256 of what it says */
    struct str currency;
    const struct ledger_price *prices;
    size_t count;
};

/* Which book a product is sold by. */
struct ledger_price_list {
    struct str product;
    size_t book; /* its place among the books */
};

/* In the transaction, behind the rows of a book that was not there yet. */
typedef enum err ledger_book_kept_fn(void *context, struct store_txn *txn,
                                     const struct ledger_price_book *book, int64_t now_ns,
                                     struct fail *fail);

struct ledger_prices {
    int64_t version; /* of the registry that comes into force */
    const struct ledger_price_book *books;
    size_t book_count;
    const struct ledger_price_list *lists;
    size_t list_count;
    int64_t now_ns;
    ledger_book_kept_fn *kept; /* NULL: nobody is told */
    void *context;
};

/* Writes what is not there yet, in one job; from a thread that may wait. */
EP_MUST_CHECK enum err ledger_keep_prices(struct ledger *ledger, const struct ledger_prices *prices,
                                          struct fail *fail);
