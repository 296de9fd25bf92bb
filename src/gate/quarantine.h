/*
 * Routes that are taken out: their upstream answered as another model, or reports what its text
 * cannot be. A quarantined route is in no choice until an operator releases it. What stands is rows
 * (with reason, evidence, and who released it why), and in memory one flag a route that readers see
 * at once.
 *
 * A route's flag is made when its registry comes (quarantine_learn()), is never removed, and so
 * outlives registries. quarantine_begin() raises it at the instant; the row follows in the job that
 * writes what was found. The writer's thread puts rows and flags in the same order, so that after
 * its batch they agree; a process that dies in between has lost the flag and the finding together.
 *
 * Threads: any; quarantine_stands() and quarantine_bits() take no lock. quarantine_write() and
 * quarantine_end() are for store jobs.
 */
#pragma once

#include "registry/registry.h"
#include "store/store.h"

#define QUARANTINE_UNKNOWN_CALLS   100 /* of a day: fewer say nothing about 1 % */
#define QUARANTINE_UNKNOWN_PERCENT 1
#define QUARANTINE_TEXT_MAX        400 /* bytes of a reason that an operator gives */

struct quarantine;

extern const struct store_migration quarantine_migration; /* number 11; upstream_claim's too */

EP_MUST_CHECK enum err quarantine_open(struct store *store, struct quarantine **ret_quarantine,
                                       struct fail *fail);
/* NULL is allowed; after the store. */
void quarantine_close(struct quarantine *quarantine);
/* Before a registry is used. ERR_NO_MEMORY: not all of its routes are known. */
EP_MUST_CHECK enum err quarantine_learn(struct quarantine *quarantine,
                                        const struct registry *registry);

bool quarantine_stands(const struct quarantine *quarantine, struct str route);
/* Bit i: model->routes[i] is quarantined. */
uint64_t quarantine_bits(const struct quarantine *quarantine, const struct registry_model *model);
/* From now on it is in no choice. A route that no registry ever had is in none anyway. */
void quarantine_begin(struct quarantine *quarantine, struct str route, struct str reason);

struct quarantine_row {
    struct str route;
    struct str model;
    struct str reason;   /* "swap", "slope", "operator" */
    struct str evidence; /* a sentence */
    struct str by;       /* who did it; empty: the server */
    int64_t now_ns;
};

/* Its row, if none stands; and the flag. */
EP_MUST_CHECK enum err quarantine_write(struct quarantine *quarantine, struct store_txn *txn,
                                        const struct quarantine_row *row, struct fail *fail);

struct quarantine_release {
    struct str route;
    struct str by;
    struct str why;
    int64_t now_ns;
};

/* ERR_NOT_FOUND: none stands, and nothing is changed. */
EP_MUST_CHECK enum err quarantine_end(struct quarantine *quarantine, struct store_txn *txn,
                                      const struct quarantine_release *release, struct fail *fail);

/*
 * An answer of the route named its model, or not. True: its contract says that it must, it did not,
 * and on this day (UTC) too many did not; the first such call of a day is an event.
 */
bool quarantine_note_model(struct quarantine *quarantine, const struct registry_route *route,
                           bool named, int64_t now_ns);
