/*
 * Marks: how far a long stream has got, and what that costs, so that a crash does not give it away.
 * A mark waits in memory for a commit that happens anyway, and is written by it; there is one row a
 * hold, the last one. A hold that a crash left open is charged what its last mark says.
 *
 * Threads: all functions from any, but for ledger_read_mark(), which is for a store job. A mark is
 * its owner's; it may be changed and freed by him alone, when it does not wait.
 */
#pragma once

#include "base/list.h"
#include "ledger/ledger.h"

#define LEDGER_MARK_USAGE_MAX 192 /* five classes with their tokens; a model's count has no more */

#define LEDGER_MARK_TEXTS    5   /* key, product, price book, model, route */
#define LEDGER_MARK_TEXT_MAX 160 /* ids and versions have at most 64 */

struct ledger_progress {
    /* What the receipt says that a crash makes necessary; borrowed. */
    struct str key;
    struct str product;
    struct str price_book;
    struct str model;
    struct str route;   /* of the attempt that delivers */
    int64_t attempt;    /* 1, 2, ... */
    int64_t rated_pico; /* what was delivered costs so much, exactly; it may fall: a source may say
                         * late that it serves in a cheaper tier */
    int64_t marked_ns;
    size_t usage_len;
    char usage[LEDGER_MARK_USAGE_MAX]; /* the tokens that are billed by it, as a JSON object */
};

struct ledger_mark {
    struct node node;
    int64_t hold; /* its row: durable */
    struct ledger_progress now;
};

void ledger_mark_init(struct ledger_mark *mark, int64_t hold);
/* Takes `now` in the place of what still waits. What it borrows lives until the mark has ended. */
void ledger_mark_put(struct ledger *ledger, struct ledger_mark *mark,
                     const struct ledger_progress *now);
/* Whether no commit has taken it yet. */
bool ledger_mark_waits(struct ledger *ledger, struct ledger_mark *mark);
/* Before the call is settled: from here on no commit writes it. Allowed when it does not wait. */
void ledger_mark_end(struct ledger *ledger, struct ledger_mark *mark);

/* What stays of a hold's last mark. */
struct ledger_marked {
    bool found;
    struct ledger_progress progress; /* its texts lie in `text` */
    char text[LEDGER_MARK_TEXTS * LEDGER_MARK_TEXT_MAX];
};

EP_MUST_CHECK enum err ledger_read_mark(struct store_txn *txn, int64_t hold,
                                        struct ledger_marked *ret_marked, struct fail *fail);
/* A store_flush_fn; ledger_open() registers it. */
EP_MUST_CHECK enum err ledger_flush_marks(void *context, struct store_txn *txn, struct fail *fail);
