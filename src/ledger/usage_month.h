/*
 * What each key of a client has used by month and model: the sums of its settlements, kept beside
 * them, so that a month is read in the time of its own rows, however many calls the books hold.
 *
 * A row is the fold of settlements and is recomputed by ledger_audit(). The month is that of the
 * settlement's time, UTC. Sums of a batch are gathered in memory and written once.
 *
 * Threads: usage_month_read() over a reader's snapshot; the rest inside a store job.
 */
#pragma once

#include "base/id.h"
#include "store/store.h"

extern const struct store_migration usage_month_migration; /* number 6 */
extern const struct store_migration usage_unit_migration;  /* number 22 */

/* The classes of tokens, as receipts name them and in their order, each with the number of its
 * parameter in the statement that adds to a row. */
#define USAGE_MONTH_TABLE(X) \
    X(in, 5)                 \
    X(cached, 6)             \
    X(w5m, 7)                \
    X(w1h, 8)                \
    X(w30m, 9)               \
    X(w12h, 10)              \
    X(wx, 11)                \
    X(in_audio, 12)          \
    X(in_image, 13)          \
    X(in_tool, 14)           \
    X(cached_audio, 15)      \
    X(cached_image, 16)      \
    X(out, 17)               \
    X(reason, 18)            \
    X(out_audio, 19)         \
    X(out_image, 20)

#define USAGE_MONTH_AS_ONE(name, at) +1
enum {
    USAGE_MONTH_CLASSES = 0 USAGE_MONTH_TABLE(USAGE_MONTH_AS_ONE)
};
#undef USAGE_MONTH_AS_ONE

/* "in", "cached", ... */
const char *usage_month_class(size_t class);

/* What is no token, as receipts name it: rows of their own, as most calls use none. */
#define USAGE_MONTH_UNIT_TABLE(X) \
    X(web_search)                 \
    X(web_fetch)                  \
    X(source)                     \
    X(image)                      \
    X(search_unit)                \
    X(char)                       \
    X(second_in)                  \
    X(second_out)

#define USAGE_MONTH_AS_ONE(name) +1
enum {
    USAGE_MONTH_UNITS = 0 USAGE_MONTH_UNIT_TABLE(USAGE_MONTH_AS_ONE)
};
#undef USAGE_MONTH_AS_ONE

/* "web_search", ... */
const char *usage_month_unit(size_t unit);

/* What a settlement bought. A hold that a restart ended has a key and a model if it was marked. */
struct usage_month_use {
    struct id key;
    struct str model; /* that served; valid until the batch is durable */
    int64_t tokens[USAGE_MONTH_CLASSES];
    int64_t units[USAGE_MONTH_UNITS];
    bool has_units; /* else all of them are 0 */
};

/* The sums of a key, a model and a month. */
struct usage_month {
    int64_t account; /* its row */
    int64_t month;   /* 202611: November 2026 */
    struct usage_month_use sums;
    int64_t calls;
    int64_t amount;      /* nano, charged */
    struct str currency; /* of a row that is read */
};

#define USAGE_FOLD_MAX 64 /* one is 0.2 KB, and they are looked through for each call */

/* What the batch has summed so far. */
struct usage_fold {
    size_t count;
    struct usage_month rows[USAGE_FOLD_MAX];
};

/* Adds one settlement of `amount`; writes what was gathered where no room is left. */
EP_MUST_CHECK enum err usage_fold_add(struct usage_fold *fold, struct store_txn *txn,
                                      int64_t account, int64_t settled_ns, int64_t amount,
                                      const struct usage_month_use *use, struct fail *fail);
/* Writes what was gathered: before the commit. */
EP_MUST_CHECK enum err usage_fold_write(struct usage_fold *fold, struct store_txn *txn,
                                        struct fail *fail);

/* Bytes of `row` are valid inside it; anything but ERR_OK ends the reading with it. */
typedef enum err usage_month_fn(void *context, const struct usage_month *row);

/* The rows of an account and a month, by key and model. */
EP_MUST_CHECK enum err usage_month_read(struct store_txn *txn, struct id account, int64_t month,
                                        usage_month_fn *row, void *context, struct fail *fail);

/* What a key was charged, nano. */
struct usage_key {
    int64_t all;
    int64_t since[2]; /* from these months on */
};

/* The sums of a key of an account, over all models. */
EP_MUST_CHECK enum err usage_month_of_key(struct store_txn *txn, struct id account, struct id key,
                                          const int64_t months[2], struct usage_key *ret_usage,
                                          struct fail *fail);
