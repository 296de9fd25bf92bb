/*
 * The audit of the books: every invariant recomputed from the rows alone, without the code that
 * wrote them: sums in SQL, and the lots by doing their history over again. Run it over a reader's
 * snapshot, also beside a running server.
 */
#pragma once

#include "store/store.h"

/* What was found of one invariant. */
struct audit_line {
    const char *name;    /* short; static */
    const char *meaning; /* a sentence; static */
    const char *row;     /* what a row is: "hold", "entry", ...; static */
    int64_t rows;        /* looked at */
    int64_t sum;         /* nano units that these rows say, all currencies added */
    bool has_sum;        /* rows that say no amount have none */
    int64_t wrong;       /* rows that break it; 0: it holds */
    int64_t first;       /* the lowest number among those; wrong > 0 */
};

/* Told of each invariant, in a fixed order. */
typedef void audit_line_fn(void *context, const struct audit_line *line);

/* A store_row_fn for the one row of an invariant's query: rows, sum (NULL: they say no amount),
 * wrong, first. `context` is a struct audit_line. */
EP_MUST_CHECK enum err audit_take_figures(void *context, const struct store_value *row,
                                          size_t columns);

EP_MUST_CHECK enum err ledger_audit(struct store_txn *txn, audit_line_fn *told, void *context,
                                    struct fail *fail);
