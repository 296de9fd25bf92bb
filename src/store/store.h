/*
 * The store: transactions on one writer thread, snapshots for readers, numbered migrations.
 *
 * A job is queued by any thread and runs on the writer's; the writer takes all that is queued,
 * runs it in one transaction, commits once (one fsync), and then sends every job's mail. No timer:
 * a batch is what arrived during the previous commit.
 *
 * A job checks all it must before its first write: if `run` returns an error it has written
 * nothing, its mail carries that error, and the batch goes on. If a statement fails (disk full,
 * I/O) or the commit does, nothing is known about the batch: the store is failed for good,
 * every job of the batch and every later one gets ERR_STORE_FAILED, and only a restart
 * reads what is on disk. An fsync is never tried twice.
 *
 * SQL is the portable part of SQLite's and PostgreSQL's, parameters are ?1, ?2, ...
 */
#pragma once

#include "base/buf.h"
#include "loop/loop.h"

struct store;
struct store_txn; /* the open transaction; valid inside a callback alone */

/* ---- statements -------------------------------------------------------------------------- */

/* Prepared once a connection, found by its address: define them `static const`. */
struct store_sql {
    const char *text;
};

enum store_kind {
    STORE_NULL,
    STORE_INT,
    STORE_TEXT,
    STORE_BLOB
};

struct store_value {
    enum store_kind kind;
    int64_t number;
    struct str bytes; /* of TEXT and BLOB */
};

#define STORE_NULL_VALUE ((struct store_value){ .kind = STORE_NULL })
#define STORE_I(value)   ((struct store_value){ .kind = STORE_INT, .number = (value) })
#define STORE_T(value)   ((struct store_value){ .kind = STORE_TEXT, .bytes = (value) })
#define STORE_B(value)   ((struct store_value){ .kind = STORE_BLOB, .bytes = (value) })

/* A statement without rows. The values are read before it returns. */
EP_MUST_CHECK enum err store_exec(struct store_txn *txn, const struct store_sql *sql,
                                  const struct store_value *values, size_t count,
                                  struct fail *fail);

/* One row; bytes are valid inside the callback. Anything but ERR_OK ends the query with it. */
typedef enum err store_row_fn(void *context, const struct store_value *row, size_t columns);
EP_MUST_CHECK enum err store_query(struct store_txn *txn, const struct store_sql *sql,
                                   const struct store_value *values, size_t count,
                                   store_row_fn *row, void *context, struct fail *fail);

/* ---- jobs -------------------------------------------------------------------------------- */

struct store_job;
typedef enum err store_run_fn(struct store_job *job, struct store_txn *txn, struct fail *fail);
typedef void store_done_fn(struct store_job *job);

/* Lives in its owner, who must not touch it from store_submit() until `done`. */
struct store_job {
    struct mail mail;
    struct store_job *next;
    store_run_fn *run;   /* on the writer's thread, inside the batch's transaction */
    store_done_fn *done; /* on `home`'s thread, once the batch is durable or has failed */
    struct loop *home;
    enum err err; /* out: ERR_OK, run's error, or ERR_STORE_FAILED */
};

/* Any thread. Always taken: `done` always runs. Order of jobs of one thread is kept. */
void store_submit(struct store *store, struct store_job *job);
/* Runs one job from a thread that has no loop (command line, start-up) and waits; `done` and
 * `home` are not used. */
EP_MUST_CHECK enum err store_run(struct store *store, struct store_job *job, struct fail *fail);

/* Called on the writer's thread before each commit: writes what a room has folded in memory over
 * the batch (account counters, say). Register at start-up, before the first job. */
typedef enum err store_flush_fn(void *context, struct store_txn *txn, struct fail *fail);
#define STORE_FLUSH_MAX 8
void store_on_flush(struct store *store, store_flush_fn *flush, void *context);

/*
 * Empties the journal now, so that what was overwritten or removed before is in no file of the
 * store any more: removed rows are zeroed in the database, but the journal has their old pages
 * until it is emptied. Tries for `wait_ns`, because a reader that looks at an old page keeps it.
 * *ret_empty: whether it could be done; one at a time, from a thread that may wait.
 */
EP_MUST_CHECK enum err store_empty_journal(struct store *store, int64_t wait_ns, bool *ret_empty,
                                           struct fail *fail);

/* ---- readers ----------------------------------------------------------------------------- */

/* Runs `read` over one consistent snapshot, on the calling thread, on a read-only connection of its
 * own. Any thread but a loop's. Works beside a running server. */
typedef enum err store_read_fn(void *context, struct store_txn *txn, struct fail *fail);
EP_MUST_CHECK enum err store_read(struct store *store, store_read_fn *read, void *context,
                                  struct fail *fail);

/* ---- life -------------------------------------------------------------------------------- */

/* A change of the schema: applied once, in order, each in a transaction of its own. */
struct store_migration {
    int64_t number; /* dense from 1 over all rooms */
    const char *name;
    const char *sql; /* several statements, separated by ';' */
};

struct store_options {
    struct str url;         /* "sqlite:PATH" */
    uint64_t wal_bytes_max; /* the writer checkpoints beyond it; 0: 4 MiB */
    const struct store_migration *migrations;
    size_t migrations_count;
    /* No writer, no lock, no migration: for commands that read. ERR_STORE_SCHEMA also if the
     * schema is older than the migrations named (none: it is not looked at). */
    bool read_only;
    /* Not NULL: no thread is started, and jobs wait for store_pump(): for simulations, where it
     * decides when a batch is taken. Told of a job that finds the queue empty. */
    void (*by_hand)(void *context);
    void *by_hand_context;
};

/*
 * Opens (and creates) the database, takes its lock (ERR_STORE_LOCKED: another process has it),
 * checks the schema's version (ERR_STORE_SCHEMA: newer than this program), migrates, starts the
 * writer's thread.
 */
EP_MUST_CHECK enum err store_open(const struct store_options *options, struct store **ret_store,
                                  struct fail *fail);
/* What the writer's thread does once it is woken, for a store that is run by hand: a batch, its
 * mails, and a checkpoint if one is due. With an empty queue, what it does when nothing comes for a
 * while. */
void store_pump(struct store *store);
/* Runs what is queued, checkpoints, closes. NULL is allowed. */
void store_close(struct store *store);
/* Whether a commit has failed; any thread. */
bool store_failed(const struct store *store);
/* "sqlite 3.40.1" */
const char *store_engine(const struct store *store);

/* ---- copies ------------------------------------------------------------------------------ */

/* Told now and then how far a long piece of work is; `update` NULL: nobody asks. */
struct store_progress {
    void (*update)(void *context, int64_t done, int64_t total);
    void *context;
};

struct store_backup {
    struct str path;     /* of the new file; "PATH.part" beside it until it is whole */
    store_read_fn *look; /* over the very snapshot that is copied; NULL: not looked at */
    void *context;       /* of `look` */
    struct store_progress progress;
    int64_t bytes; /* out: the size of the file */
};

/*
 * A consistent copy of a store that another process may be writing to: one snapshot, page by page,
 * synced, and only then given its name. Never over a file that is there: ERR_CONFLICT. What a
 * killed backup left as "PATH.part" is written anew. Any thread but a loop's.
 */
EP_MUST_CHECK enum err store_backup(struct store *store, struct store_backup *backup,
                                    struct fail *fail);

/* Judges the copy that is about to become the store, and may write to it; anything but ERR_OK
 * leaves the store as it was. */
typedef enum err store_judge_fn(void *context, struct store *copy, struct fail *fail);

struct store_restore {
    struct str path;       /* of the backup, which is only read */
    store_judge_fn *judge; /* may write to the copy; whatever is in force when it returns stays */
    void *context;
    struct store_progress progress;
    int64_t now_ns;  /* wall time, for the name of what is replaced */
    struct buf kept; /* out, to buf_fini(): the path under which the old database is kept, or "" */
};

/*
 * Puts a copy of the backup in the place of the database of `options`, which no process may have
 * open (ERR_STORE_LOCKED). It is checked before: ERR_STORE_DAMAGED (not a database, a bad page),
 * ERR_STORE_SCHEMA (newer than this program); an older one is migrated. The old database stays
 * beside it. A crash on the way leaves the one or the other, whole.
 */
EP_MUST_CHECK enum err store_restore(const struct store_options *options,
                                     struct store_restore *restore, struct fail *fail);
