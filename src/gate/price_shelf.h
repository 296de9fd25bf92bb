/*
 * Price books of old, in memory: a lot that was bought under one is rated by it. Books are only
 * ever added; what was found stays good until price_shelf_close().
 *
 * Threads: price_shelf_find(): any. The others: one at a time, from a thread that may wait.
 */
#pragma once

#include "registry/registry.h"
#include "store/store.h"

struct price_shelf;

struct price_shelf_book {
    int64_t row;
    struct str name;
    struct str version;
};

struct price_shelf_price {
    const struct price_shelf_book *book;
    struct registry_price price;
};

/* Reads all books that are in rows. */
EP_MUST_CHECK enum err price_shelf_open(struct store *store, struct price_shelf **ret_shelf,
                                        struct fail *fail);
void price_shelf_close(struct price_shelf *shelf); /* NULL is allowed */
/* Reads those that have come since. */
EP_MUST_CHECK enum err price_shelf_learn(struct price_shelf *shelf, struct fail *fail);
/* What the book of that row, if it is a version of the book `name`, asks for the model. NULL: it is
 * another's, or has no price for it. */
const struct price_shelf_price *price_shelf_find(struct price_shelf *shelf, int64_t row,
                                                 struct str name, struct str model);
