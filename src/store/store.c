#include "store/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/schema.h"
#include "store/store_internal.h"

#define STORE_BATCH_MAX      4096 /* jobs a transaction: bounds what a failure takes with it */
#define STORE_WAL_BYTES      (UINT64_C(4) << 20) /* a checkpoint of it takes some 10 ms */
#define STORE_HOMES_MAX      64 /* loops that one batch wakes once; more are woken for each job */
#define STORE_EMPTY_PAUSE_NS 20000000 /* a reader of one receipt takes a tenth of it */
#define STORE_IDLE_S         1 /* without a job; then the journal is emptied: a start is quick */

struct store_flush {
    store_flush_fn *flush;
    void *context;
};

struct store {
    const struct engine *engine;
    struct engine_conn *writer;
    char *path;
    int lock_fd;
    bool read_only;
    uint64_t wal_bytes_max;
    struct store_flush flushes[STORE_FLUSH_MAX];
    size_t flush_count;
    pthread_t thread;
    bool thread_runs;
    void (*by_hand)(void *context); /* NULL: the thread does it */
    void *by_hand_context;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct store_job *first; /* under the lock, oldest first */
    struct store_job *last;
    bool stopping;
    struct store_job *backlog; /* the writer's alone: taken, not yet in a batch */
    bool journal_filled;       /* the writer's alone: committed since the last emptying */
    atomic_bool failed;
    atomic_bool empty_asked; /* store_empty_journal(): behind the next batch */
    atomic_bool is_empty;    /* what came of it */
};

/* ---- statements -------------------------------------------------------------------------- */

/* The engine may have rolled the transaction back by itself, and would then commit each further
 * statement alone: the failure is kept, so that no job can run on. */
static enum err store_run_sql(struct store_txn *txn, const struct store_sql *sql,
                              const struct store_value *values, size_t count, store_row_fn *row,
                              void *context, struct fail *fail)
{
    if (txn->lost.code != ERR_OK) {
        return FAIL(fail, ERR_STORE_FAILED, "an earlier statement of the transaction failed");
    }
    struct fail *noticed = fail != NULL ? fail : &(struct fail){ .code = ERR_OK };
    enum err err = txn->engine->run(txn->conn, sql, values, count, row, context, noticed);
    if (err == ERR_STORE_FAILED) {
        txn->lost = *noticed;
        txn->lost.code = err;
    }
    return err;
}

enum err store_exec(struct store_txn *txn, const struct store_sql *sql,
                    const struct store_value *values, size_t count, struct fail *fail)
{
    return store_run_sql(txn, sql, values, count, NULL, NULL, fail);
}

enum err store_query(struct store_txn *txn, const struct store_sql *sql,
                     const struct store_value *values, size_t count, store_row_fn *row,
                     void *context, struct fail *fail)
{
    ASSERT(row != NULL);
    return store_run_sql(txn, sql, values, count, row, context, fail);
}

/* ---- the writer -------------------------------------------------------------------------- */

static int64_t store_now_ns(void)
{
    struct timespec now;
    ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void store_submit(struct store *store, struct store_job *job)
{
    ASSERT(job->run != NULL);
    ASSERT(!store->read_only);
    job->next = NULL;
    (void)pthread_mutex_lock(&store->lock);
    bool was_empty = store->first == NULL;
    if (was_empty) {
        store->first = job;
    } else {
        store->last->next = job;
    }
    store->last = job;
    if (was_empty) {
        (void)pthread_cond_signal(&store->filled);
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (was_empty && store->by_hand != NULL) {
        store->by_hand(store->by_hand_context);
    }
}

/* Waits, under the lock, for a job or the end. False: nothing came for a while. */
static bool store_wait_filled(struct store *store)
{
    if (store->by_hand != NULL) {
        return store->first != NULL;
    }
    struct timespec until;
    ASSERT(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += STORE_IDLE_S;
    while (store->first == NULL && !store->stopping) {
        if (!store->journal_filled) {
            (void)pthread_cond_wait(&store->filled, &store->lock);
        } else if (pthread_cond_timedwait(&store->filled, &store->lock, &until) == ETIMEDOUT) {
            return store->first != NULL;
        }
    }
    return true;
}

/* Takes up to a batch of what is queued. *ret_idle: nothing came for a while. NULL otherwise:
 * stopping, and nothing is left. */
static struct store_job *store_take(struct store *store, bool *ret_idle)
{
    *ret_idle = false;
    if (store->backlog == NULL) {
        (void)pthread_mutex_lock(&store->lock);
        *ret_idle = !store_wait_filled(store);
        store->backlog = store->first;
        store->first = NULL;
        (void)pthread_mutex_unlock(&store->lock);
    }
    struct store_job *batch = store->backlog;
    struct store_job *cut = batch;
    for (int i = 1; cut != NULL && cut->next != NULL && i < STORE_BATCH_MAX; i++) {
        cut = cut->next;
    }
    if (cut != NULL) {
        store->backlog = cut->next;
        cut->next = NULL;
    }
    return batch;
}

static enum err store_flush_all(struct store *store, struct store_txn *txn, struct fail *fail)
{
    for (size_t i = 0; i < store->flush_count; i++) {
        TRY(store->flushes[i].flush(store->flushes[i].context, txn, fail));
    }
    return ERR_OK;
}

/* Runs the batch in one transaction. Only failures of the store itself come back. */
static enum err store_run_batch(struct store *store, struct store_job *batch, struct fail *fail)
{
    struct store_txn txn = { .engine = store->engine, .conn = store->writer };
    int64_t jobs = 0;
    TRY(store->engine->begin(store->writer, true, fail));
    for (struct store_job *job = batch; job != NULL; job = job->next) {
        struct fail job_fail;
        job_fail.code = ERR_OK;
        int64_t changes = store->engine->changes(store->writer);
        job->err = job->run(job, &txn, &job_fail);
        if (txn.lost.code != ERR_OK || job->err == ERR_STORE_FAILED) {
            *fail = txn.lost.code != ERR_OK ? txn.lost : job_fail;
            return ERR_STORE_FAILED;
        }
        /* Half a job would be committed with the batch: no book may be left like that. */
        ASSERT(job->err == ERR_OK || store->engine->changes(store->writer) == changes);
        jobs++;
    }
    TRY(store_flush_all(store, &txn, fail));
    if (txn.lost.code != ERR_OK) {
        *fail = txn.lost;
        return ERR_STORE_FAILED;
    }
    int64_t begun_ns = store_now_ns();
    EP_CRASH_POINT("before-commit");
    TRY(store->engine->commit(store->writer, fail));
    EP_CRASH_POINT("after-commit");
    histogram_add(HISTOGRAM_COMMIT, store_now_ns() - begun_ns);
    counter_add(COUNTER_STORE_COMMITS, 1);
    counter_add(COUNTER_STORE_JOBS, jobs);
    return ERR_OK;
}

static void store_give_up(struct store *store, const struct fail *fail)
{
    atomic_store(&store->failed, true);
    counter_set(COUNTER_STORE_FAILED, 1);
    store->engine->rollback(store->writer);
    struct log_line line;
    log_begin(&line, EVENT_STORE_FAILED);
    log_fail(&line, fail);
    log_end(&line);
}

static void store_open_mail(struct mail *mail)
{
    struct store_job *job = EP_CONTAINER(mail, struct store_job, mail);
    job->done(job);
}

/* Sends each job home, and wakes each home once. */
static void store_send_home(struct store_job *batch)
{
    struct loop *homes[STORE_HOMES_MAX];
    size_t home_count = 0;
    while (batch != NULL) {
        struct store_job *job = batch;
        struct loop *home = job->home;
        batch = batch->next; /* the job is its owner's again once it is posted */
        if (home == NULL) {
            job->done(job);
            continue;
        }
        size_t at = 0;
        while (at < home_count && homes[at] != home) {
            at++;
        }
        job->mail.open = store_open_mail;
        mail_post(home, &job->mail);
        if (at == STORE_HOMES_MAX) {
            loop_wake(home);
        } else if (at == home_count) {
            homes[home_count++] = home;
        }
    }
    for (size_t i = 0; i < home_count; i++) {
        loop_wake(homes[i]);
    }
}

static void store_write_batch(struct store *store, struct store_job *batch)
{
    struct fail fail = { .code = ERR_OK };
    bool failed = atomic_load(&store->failed);
    enum err err = failed ? ERR_STORE_FAILED : store_run_batch(store, batch, &fail);
    if (err != ERR_OK && !failed) {
        if (fail.code == ERR_OK) {
            EP_IGNORE(FAIL(&fail, err, "a job or hook gave the store up without a word"));
        }
        store_give_up(store, &fail);
    }
    for (struct store_job *job = batch; err != ERR_OK && job != NULL; job = job->next) {
        job->err = ERR_STORE_FAILED;
    }
    store->journal_filled = err == ERR_OK;
    store_send_home(batch);
}

/* A wake-up must not take the processor from the loop that is still queuing: what it queues in the
 * same turn belongs in the same commit. Without the right to ask for it, batches are smaller. */
static void store_be_patient(void)
{
    struct sched_param param = { .sched_priority = 0 };
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &param);
}

/* Waits for a batch and runs it, or empties the journal. False: stopping, and nothing is left. */
static bool store_write_next(struct store *store)
{
    bool idle = false;
    struct fail fail = { .code = ERR_OK };
    struct store_job *batch = store_take(store, &idle);
    if (batch == NULL && !idle) {
        return false;
    }
    if (batch != NULL) {
        store_write_batch(store, batch);
    }
    bool asked = atomic_exchange(&store->empty_asked, false);
    bool empty = false;
    /* What a failed checkpoint has synced is as unknown as after a failed commit. */
    if (!atomic_load(&store->failed) &&
        store->engine->checkpoint(store->writer, idle || asked ? 0 : store->wal_bytes_max, &empty,
                                  &fail) != ERR_OK) {
        store_give_up(store, &fail);
    }
    if (asked) {
        atomic_store(&store->is_empty, empty);
    }
    store->journal_filled = store->journal_filled && !idle;
    return true;
}

static void *store_write(void *context)
{
    struct store *store = context;
    store_be_patient();
    while (store_write_next(store)) {
    }
    return NULL;
}

void store_pump(struct store *store)
{
    ASSERT(store->by_hand != NULL);
    (void)store_write_next(store); /* there is always something: a batch, or leisure */
}

void store_on_flush(struct store *store, store_flush_fn *flush, void *context)
{
    ASSERT(store->flush_count < STORE_FLUSH_MAX);
    (void)pthread_mutex_lock(&store->lock);
    store->flushes[store->flush_count++] = (struct store_flush){ flush, context };
    (void)pthread_mutex_unlock(&store->lock);
}

/* ---- jobs that are waited for ------------------------------------------------------------ */

struct store_wait {
    struct store_job job;
    struct store_job *inner;
    struct fail fail;
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool is_over;
};

static enum err store_wait_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct store_wait *wait = EP_CONTAINER(job, struct store_wait, job);
    enum err err = wait->inner->run(wait->inner, txn, &wait->fail);
    if (err != ERR_OK) {
        *fail = wait->fail;
    }
    return err;
}

static void store_wait_done(struct store_job *job)
{
    struct store_wait *wait = EP_CONTAINER(job, struct store_wait, job);
    (void)pthread_mutex_lock(&wait->lock);
    wait->is_over = true;
    (void)pthread_cond_signal(&wait->over);
    (void)pthread_mutex_unlock(&wait->lock);
}

enum err store_run(struct store *store, struct store_job *job, struct fail *fail)
{
    struct store_wait wait = {
        .job = { .run = store_wait_run, .done = store_wait_done },
        .inner = job,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .over = PTHREAD_COND_INITIALIZER,
    };
    store_submit(store, &wait.job);
    while (store->by_hand != NULL && !wait.is_over) {
        store_pump(store);
    }
    (void)pthread_mutex_lock(&wait.lock);
    while (!wait.is_over) {
        (void)pthread_cond_wait(&wait.over, &wait.lock);
    }
    (void)pthread_mutex_unlock(&wait.lock);
    job->err = wait.job.err;
    if (job->err == ERR_STORE_FAILED && wait.fail.code != ERR_STORE_FAILED) {
        return FAIL(fail, job->err, "the store has failed; look at the log, then restart");
    }
    if (job->err != ERR_OK && fail != NULL) {
        *fail = wait.fail;
        fail->code = job->err;
    }
    return job->err;
}

/* ---- an empty journal -------------------------------------------------------------------- */

static enum err store_do_nothing(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    (void)job;
    (void)txn;
    (void)fail;
    return ERR_OK;
}

enum err store_empty_journal(struct store *store, int64_t wait_ns, bool *ret_empty,
                             struct fail *fail)
{
    const struct timespec pause = { .tv_nsec = STORE_EMPTY_PAUSE_NS };
    int64_t until_ns = store_now_ns() + wait_ns;
    bool empty = false;
    do {
        /* The first job's batch is followed by the checkpoint, the second's comes after that. */
        struct store_job first = { .run = store_do_nothing };
        struct store_job second = { .run = store_do_nothing };
        atomic_store(&store->is_empty, false);
        atomic_store(&store->empty_asked, true);
        TRY(store_run(store, &first, fail));
        TRY(store_run(store, &second, fail));
        empty = atomic_load(&store->is_empty);
        if (!empty && store_now_ns() < until_ns) {
            (void)nanosleep(&pause, NULL); /* a reader is at it: those are short */
        }
    } while (!empty && store_now_ns() < until_ns);
    *ret_empty = empty;
    return ERR_OK;
}

/* ---- readers ----------------------------------------------------------------------------- */

enum err store_read(struct store *store, store_read_fn *read, void *context, struct fail *fail)
{
    struct engine_conn *conn = NULL;
    TRY(store->engine->open(str_from(store->path), true, &conn, fail));
    struct store_txn txn = { .engine = store->engine, .conn = conn };
    enum err err = store->engine->begin(conn, false, fail);
    if (err == ERR_OK) {
        err = read(context, &txn, fail);
        store->engine->rollback(conn);
    }
    store->engine->close(conn);
    return err;
}

/* ---- life -------------------------------------------------------------------------------- */

static enum err store_check_schema(void *context, struct store_txn *txn, struct fail *fail)
{
    return schema_check(txn, context, fail);
}

/* A command that names its migrations must not read tables that look otherwise. */
static enum err store_start_reader(struct store *store, const struct store_options *options,
                                   struct fail *fail)
{
    struct schema schema = { .options = options, .path = store->path };
    return options->migrations_count == 0 ? ERR_OK
                                          : store_read(store, store_check_schema, &schema, fail);
}

enum err store_lock(const char *path, int *ret_fd, struct fail *fail)
{
    char lock[STORE_PATH_MAX];
    TRY(store_path_beside(path, ".lock", lock, fail));
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", lock);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd); /* nothing was written */
        return FAIL(fail, ERR_STORE_LOCKED, "another process writes \"%s\"", path);
    }
    *ret_fd = fd;
    return ERR_OK;
}

static enum err store_start(struct store *store, const struct store_options *options,
                            struct fail *fail)
{
    TRY(store_lock(store->path, &store->lock_fd, fail));
    TRY(store_renew_journal(store->path, fail));
    TRY(store->engine->open(str_from(store->path), false, &store->writer, fail));
    struct store_txn txn = { .engine = store->engine, .conn = store->writer };
    struct schema schema = { .options = options, .path = store->path };
    TRY(schema_migrate(&txn, &schema, fail));
    if (store->by_hand != NULL) {
        return ERR_OK;
    }
    int error = pthread_create(&store->thread, NULL, store_write, store);
    if (error != 0) {
        errno = error;
        return FAIL_SYS(fail, ERR_IO, "could not start the store's thread");
    }
    store->thread_runs = true;
    return ERR_OK;
}

enum err store_open(const struct store_options *options, struct store **ret_store,
                    struct fail *fail)
{
    struct str path;
    TRY(store_url_path(options->url, &path, fail));
    struct store *store = mem_zalloc(sizeof(*store));
    if (store == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the store");
    }
    store->engine = &engine_sqlite;
    store->lock_fd = -1;
    store->read_only = options->read_only;
    store->by_hand = options->by_hand;
    store->by_hand_context = options->by_hand_context;
    store->wal_bytes_max = options->wal_bytes_max > 0 ? options->wal_bytes_max : STORE_WAL_BYTES;
    (void)pthread_mutex_init(&store->lock, NULL);
    pthread_condattr_t clock;
    (void)pthread_condattr_init(&clock); /* these fail on bad arguments alone */
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&store->filled, &clock);
    (void)pthread_condattr_destroy(&clock);
    store->path = mem_copy_text(path.ptr, path.len);
    enum err err = store->path == NULL  ? FAIL(fail, ERR_NO_MEMORY, "no memory for the store")
                   : options->read_only ? store_start_reader(store, options, fail)
                                        : store_start(store, options, fail);
    if (err != ERR_OK) {
        store_close(store);
        return err;
    }
    *ret_store = store;
    return ERR_OK;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->thread_runs) {
        (void)pthread_mutex_lock(&store->lock);
        store->stopping = true;
        (void)pthread_cond_signal(&store->filled);
        (void)pthread_mutex_unlock(&store->lock);
        (void)pthread_join(store->thread, NULL);
    }
    while (store->by_hand != NULL && (store->first != NULL || store->backlog != NULL)) {
        store_pump(store);
    }
    if (store->writer != NULL) {
        bool ran = store->thread_runs || store->by_hand != NULL;
        if (ran && !atomic_load(&store->failed)) {
            /* Saves the next start the replay; without it nothing is lost. */
            bool empty = false;
            EP_IGNORE(store->engine->checkpoint(store->writer, 0, &empty, NULL));
        }
        store->engine->close(store->writer);
    }
    if (store->lock_fd >= 0) {
        (void)close(store->lock_fd); /* gives the lock back */
    }
    (void)pthread_cond_destroy(&store->filled);
    (void)pthread_mutex_destroy(&store->lock);
    mem_free(store->path);
    mem_free(store);
}

bool store_failed(const struct store *store)
{
    return atomic_load(&store->failed);
}

const struct engine *store_source(const struct store *store, struct str *ret_path)
{
    *ret_path = str_from(store->path);
    return store->engine;
}

const char *store_engine(const struct store *store)
{
    return store->engine->version();
}
