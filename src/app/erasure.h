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
 * Threads: any that may wait, one at a time: world->erasing.
 */
#pragma once

#include "app/erasure_row.h"
#include "app/world.h"

/* What there is to erase, and what speaks against it. */
struct erasure_look {
    int64_t account;
    int64_t pending; /* held by calls under way, nano */
    int64_t balance; /* credit that is left, nano */
    bool review;     /* a case is open */
    int64_t claim;   /* open, and lists a call of the client; 0: none */
    int64_t keys;
    int64_t orders;
    int64_t answers;
    int64_t papers;
    int64_t attempts; /* counted with the receipts */
    int64_t receipts; /* -1: not counted */
};

/* `count`: with the receipts, which takes a walk over all of them. */
EP_MUST_CHECK enum err erasure_look(struct world *world, const struct client *client, bool count,
                                    struct erasure_look *ret_look, struct fail *fail);

/*
 * Begins: the row and the line of the list, then all that says who the client is. Nothing is asked
 * any more: erasure_look() came before. `reason` is kept with the row.
 */
EP_MUST_CHECK enum err erasure_begin(struct world *world, struct id client, struct str reason,
                                     int64_t now_ns, struct erasure *ret_erasure,
                                     struct fail *fail);
/* Goes on with an open or ended one until all is gone or, in between two jobs, `until_ns` of the
 * system's clock has passed; 0: it does not matter how long. The state tells. */
EP_MUST_CHECK enum err erasure_go_on(struct world *world, struct erasure *erasure, int64_t until_ns,
                                     struct fail *fail);

/*
 * Brings list and rows together: who is in the list and not in the rows is erased again, because the
 * database is that of a backup; who is in the rows and not in the list is noted there. Ends what
 * says who somebody is of erasures that a crash left open. Before the first call.
 */
EP_MUST_CHECK enum err erasure_at_start(struct world *world, int64_t now_ns, struct fail *fail);
/* A running server's part: goes on with what is open, and closes what was ended a while ago.
 * *ret_open: how many are open now. */
EP_MUST_CHECK enum err erasure_work(struct world *world, int64_t until_ns, int64_t now_ns,
                                    int64_t *ret_open, struct fail *fail);
