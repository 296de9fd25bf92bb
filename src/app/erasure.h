/*
 * Erasing a client: afterwards its receipts still verify and no longer identify. The log, its root
 * and every digest are as they were; sections and salts of the client's receipts, its name, its
 * keys' names and hashes, what was said of it in standings, orders, cases and claims, and answers
 * that were kept for it are gone from the database. The books stay, under an account that nobody
 * can be found by. docs/privacy.md has the table of tables.
 *
 * An erasure is a row, begun before anything goes, and noted in a list outside of the database
 * (app/erased_list.h). It proceeds in jobs of a bounded size, each a transaction of its own, all of
 * which may be done again: whoever finds a row that is not ended does the rest. What says who the
 * client is goes first, at once; the receipts, of which there may be millions, follow. With the
 * last job an entry `erased` of the log says how much it was, of nobody.
 *
 *   open --all is gone--> ended --a while later, receipts of calls that were under way--> closed
 *
 * Threads: any that may wait, one at a time.
 */
#pragma once

#include "app/erasure_row.h"
#include "ident/ident.h"
#include "tlog/tlog.h"

#define ERASURE_CLOSE_NS INT64_C(3600000000000) /* no call is under way for so long */

/* Where it is done. */
struct erasing {
    struct store *store;
    struct ident *ident;
    struct tlog *tlog;
    const char *list;    /* the path of the list */
    const char *batches; /* the folder of batches' contents; NULL: there is none */
};

/* ---- what speaks against it (erasure_look.c) ----------------------------------------------- */

/* What there is to erase, and what speaks against it. */
struct erasure_look {
    int64_t account;
    int64_t pending; /* held by calls under way, nano */
    int64_t balance; /* credit that is left and could be given back, nano */
    bool review;     /* a case is open */
    int64_t claim;   /* open, and lists a call of the client; 0: none */
    int64_t keys;
    int64_t orders;
    int64_t answers;
    int64_t papers;
    int64_t attempts; /* that an upstream has an id of */
    int64_t receipts; /* with a section that is there */
    bool erased;      /* it was before */
};

/* Counts the receipts and the attempts too, in a walk over all of them. */
EP_MUST_CHECK enum err erasure_look(const struct erasing *erasing, const struct client *client,
                                    struct erasure_look *ret_look, struct fail *fail);
/* ERR_CONFLICT: something is not decided, under way or paid for; `forfeit`: credit that is left
 * does not count. */
EP_MUST_CHECK enum err erasure_allowed(const struct erasure_look *look, bool forfeit,
                                       struct fail *fail, const char **ret_remedy);

/* Takes the sources' own ids away from the calls of an account that claims list. */
EP_MUST_CHECK enum err erasure_forget_claims(struct store *store, int64_t account,
                                             struct fail *fail);

/* ---- doing it ------------------------------------------------------------------------------ */

/*
 * Begins: the line of the list and the row. Nothing is asked any more: erasure_allowed() came
 * before. ERR_CONFLICT: the client was erased already.
 */
EP_MUST_CHECK enum err erasure_begin(const struct erasing *erasing, const struct client *client,
                                     const struct erasure_ground *ground, int64_t now_ns,
                                     struct erasure *ret_erasure, struct fail *fail);
/* Goes on with one that is not closed until all is gone or, in between two jobs, `until_ns` of the
 * system's clock has passed; 0: it does not matter how long. The state tells. */
EP_MUST_CHECK enum err erasure_go_on(const struct erasing *erasing, struct erasure *erasure,
                                     int64_t until_ns, struct fail *fail);

/*
 * Brings list and rows together: who is in the list and not in the rows is erased again, because
 * the database is that of a backup; who is in the rows and not in the list is noted there. Then
 * goes on with all that is open: with the receipts for some seconds, a running server does the
 * rest. *ret_again: how many were erased again. Before the first call.
 */
EP_MUST_CHECK enum err erasure_at_start(const struct erasing *erasing, int64_t now_ns,
                                        int64_t *ret_again, struct fail *fail);
/* A running server's part: goes on with what is open, and closes what was ended a while ago.
 * *ret_open: how many are open afterwards. */
EP_MUST_CHECK enum err erasure_work(const struct erasing *erasing, int64_t until_ns, int64_t now_ns,
                                    int64_t *ret_open, struct fail *fail);

/* Inside a job: the entry `erased`; `what` is "client", or the class whose period is over. */
EP_MUST_CHECK enum err erasure_append_leaf(struct tlog *tlog, struct store_txn *txn,
                                           struct str what, int64_t receipts, int64_t now_ns,
                                           struct fail *fail);
