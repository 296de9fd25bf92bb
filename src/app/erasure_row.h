/*
 * The rows of erasures and of what periods have taken: which client was erased and how far that is,
 * up to where each class's period was applied, and what is kept past it by a legal hold.
 *
 * Threads: over a reader's snapshot or inside a job, as each says.
 */
#pragma once

#include "base/id.h"
#include "store/store.h"

extern const struct store_migration privacy_migration;

enum erasure_state {
    ERASURE_OPEN = 1,
    ERASURE_ENDED, /* a call that was refused at the same instant may still have left a receipt */
    ERASURE_CLOSED
};

struct erasure {
    struct id client;
    int64_t account; /* its row in the books */
    enum erasure_state state;
    int64_t leaf_next; /* receipts below are looked at */
    int64_t keys;
    int64_t orders;
    int64_t answers;
    int64_t attempts;
    int64_t receipts;
    int64_t begun_ns;
    int64_t ended_ns; /* 0: not yet */
};

/* Over a snapshot. ERR_NOT_FOUND: it was never erased. */
EP_MUST_CHECK enum err erasure_find(struct store_txn *txn, struct id client,
                                    struct erasure *ret_erasure, struct fail *fail);

/* Anything but ERR_OK ends the walk with it. */
typedef enum err erasure_row_fn(void *context, const struct erasure *erasure);
/* Over a snapshot: all of them, in the order of their beginning. */
EP_MUST_CHECK enum err erasure_each(struct store_txn *txn, erasure_row_fn *told, void *context,
                                    struct fail *fail);

/* Who erased, and why; kept with the row for as long as anybody asks: it names no client. */
struct erasure_ground {
    struct str person;
    struct str reason;
};

/* Inside a job. */
EP_MUST_CHECK enum err erasure_add(struct store_txn *txn, const struct erasure *erasure,
                                   const struct erasure_ground *ground, struct fail *fail);
EP_MUST_CHECK enum err erasure_save(struct store_txn *txn, const struct erasure *erasure,
                                    struct fail *fail);

/* ---- periods ----------------------------------------------------------------------------- */

/* What is walked over in its order. */
enum retention_walk {
    RETENTION_WALK_RECEIPTS, /* leaves: all sections */
    RETENTION_WALK_OPERATOR, /* leaves: the operator's section */
    RETENTION_WALK_ATTEMPTS, /* attempts: the upstreams' ids */
    RETENTION_WALKS
};

/* Over a snapshot: everything below was looked at; 0: nothing was. */
EP_MUST_CHECK enum err retention_mark(struct store_txn *txn, enum retention_walk walk,
                                      int64_t *ret_next, struct fail *fail);
/* Inside a job. */
EP_MUST_CHECK enum err retention_mark_set(struct store_txn *txn, enum retention_walk walk,
                                          int64_t next, struct fail *fail);

/* What is kept below a mark, because something about it is not decided. */
typedef enum err retention_kept_fn(void *context, int64_t number);
/* Over a snapshot: those above `after`, ascending, at most `count`. */
EP_MUST_CHECK enum err retention_kept(struct store_txn *txn, enum retention_walk walk,
                                      int64_t after, int64_t count, retention_kept_fn *told,
                                      void *context, struct fail *fail);
/* Inside a job. */
EP_MUST_CHECK enum err retention_keep(struct store_txn *txn, enum retention_walk walk,
                                      int64_t number, struct fail *fail);
EP_MUST_CHECK enum err retention_unkeep(struct store_txn *txn, enum retention_walk walk,
                                        int64_t number, struct fail *fail);
/* Over a snapshot: how many are kept. */
EP_MUST_CHECK enum err retention_kept_count(struct store_txn *txn, enum retention_walk walk,
                                            int64_t *ret_count, struct fail *fail);

/* A line of the audit, as audit_take_figures() takes it: each receipt that has lost a section is
 * older than its period, or of a client that was erased. */
extern const struct store_sql erasure_audit_sql;
