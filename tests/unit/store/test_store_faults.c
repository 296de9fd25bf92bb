/*
 * A disk that fails: a layer under SQLite makes the n-th write or sync fail, for every n, and
 * what was acknowledged must be there after the next start.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "store_case.h"

/* ---- the layer --------------------------------------------------------------------------- */

enum fault {
    FAULT_NONE,
    FAULT_WRITE,      /* nothing is written */
    FAULT_WRITE_HALF, /* half of it is */
    FAULT_FULL,
    FAULT_SYNC
};

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_vfs fault_vfs;
static sqlite3_vfs *real_vfs;
static _Atomic int fault_armed;
static atomic_int fault_left;  /* operations until it strikes */
static atomic_int fault_after; /* writes and syncs tried after it struck */
static atomic_bool fault_struck;

static bool fault_strikes(bool is_sync)
{
    int armed = atomic_load(&fault_armed);
    if (armed == FAULT_NONE) {
        return false;
    }
    if (atomic_load(&fault_struck)) {
        atomic_fetch_add(&fault_after, 1);
        return false;
    }
    if (is_sync != (armed == FAULT_SYNC) || atomic_fetch_sub(&fault_left, 1) != 1) {
        return false;
    }
    atomic_store(&fault_struck, true);
    return true;
}

static sqlite3_file *fault_real(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

static int fault_close(sqlite3_file *file)
{
    return fault_real(file)->pMethods->xClose(fault_real(file));
}

static int fault_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    return fault_real(file)->pMethods->xRead(fault_real(file), bytes, len, at);
}

static int fault_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    if (!fault_strikes(false)) {
        return fault_real(file)->pMethods->xWrite(fault_real(file), bytes, len, at);
    }
    if (atomic_load(&fault_armed) == FAULT_WRITE_HALF) {
        CHECK_EQ(fault_real(file)->pMethods->xWrite(fault_real(file), bytes, len / 2, at),
                 SQLITE_OK);
    }
    return atomic_load(&fault_armed) == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return fault_real(file)->pMethods->xTruncate(fault_real(file), size);
}

static int fault_sync(sqlite3_file *file, int flags)
{
    return fault_strikes(true) ? SQLITE_IOERR_FSYNC
                               : fault_real(file)->pMethods->xSync(fault_real(file), flags);
}

static int fault_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    return fault_real(file)->pMethods->xFileSize(fault_real(file), ret_size);
}

static int fault_lock(sqlite3_file *file, int level)
{
    return fault_real(file)->pMethods->xLock(fault_real(file), level);
}

static int fault_unlock(sqlite3_file *file, int level)
{
    return fault_real(file)->pMethods->xUnlock(fault_real(file), level);
}

static int fault_check_lock(sqlite3_file *file, int *ret_locked)
{
    return fault_real(file)->pMethods->xCheckReservedLock(fault_real(file), ret_locked);
}

static int fault_control(sqlite3_file *file, int what, void *argument)
{
    return fault_real(file)->pMethods->xFileControl(fault_real(file), what, argument);
}

static int fault_sector(sqlite3_file *file)
{
    return fault_real(file)->pMethods->xSectorSize(fault_real(file));
}

static int fault_traits(sqlite3_file *file)
{
    return fault_real(file)->pMethods->xDeviceCharacteristics(fault_real(file));
}

static int fault_shm_map(sqlite3_file *file, int page, int size, int extend,
                         void volatile **ret_map)
{
    return fault_real(file)->pMethods->xShmMap(fault_real(file), page, size, extend, ret_map);
}

static int fault_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return fault_real(file)->pMethods->xShmLock(fault_real(file), offset, count, flags);
}

static void fault_shm_barrier(sqlite3_file *file)
{
    fault_real(file)->pMethods->xShmBarrier(fault_real(file));
}

static int fault_shm_unmap(sqlite3_file *file, int remove)
{
    return fault_real(file)->pMethods->xShmUnmap(fault_real(file), remove);
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_lock,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_traits,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                      int *ret_flags)
{
    struct fault_file *outer = (struct fault_file *)file;
    CHECK(vfs == &fault_vfs);
    outer->real = (sqlite3_file *)(outer + 1);
    int code = real_vfs->xOpen(real_vfs, name, outer->real, flags, ret_flags);
    outer->base.pMethods = outer->real->pMethods != NULL ? &fault_methods : NULL;
    return code;
}

/* The default from here on: the store knows nothing of it. */
static void fault_register(void)
{
    if (real_vfs == NULL) {
        real_vfs = sqlite3_vfs_find(NULL);
        fault_vfs = *real_vfs;
        fault_vfs.zName = "fault";
        fault_vfs.pNext = NULL;
        fault_vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
        fault_vfs.xOpen = fault_open;
        CHECK_EQ(sqlite3_vfs_register(&fault_vfs, 1), SQLITE_OK);
    }
}

static void fault_arm(enum fault fault, int nth)
{
    atomic_store(&fault_struck, false);
    atomic_store(&fault_left, nth);
    atomic_store(&fault_after, 0);
    atomic_store(&fault_armed, (int)fault);
}

/* ---- what must hold ---------------------------------------------------------------------- */

#define ADDS 24

static struct store *open_small(const struct case_folder *folder)
{
    struct store_options options = case_options(folder);
    struct store *store = NULL;
    options.wal_bytes_max = 16384; /* so that checkpoints fail too */
    CHECK_EQ(store_open(&options, &store, NULL), ERR_OK);
    return store;
}

/* Adds until something fails; how many were acknowledged. */
static int64_t add_until_failure(struct store *store)
{
    int64_t acknowledged = 0;
    while (acknowledged < ADDS && case_add(store, acknowledged + 1) == ERR_OK) {
        acknowledged++;
    }
    return acknowledged;
}

static enum err pass_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    CHECK(job != NULL && txn != NULL && fail != NULL);
    return ERR_OK;
}

/* One life with the `nth` operation failing. False: there were fewer operations. */
static bool live_with(enum fault fault, int nth)
{
    struct case_folder folder = case_folder_make();
    struct store *store = open_small(&folder);
    struct store_job pass = { .run = pass_run };
    fault_arm(fault, nth);
    int64_t acknowledged = add_until_failure(store);
    /* Runs behind the checkpoint that follows the last add, and writes nothing itself. */
    enum err err = store_run(store, &pass, NULL);
    bool struck = atomic_load(&fault_struck);
    CHECK_EQ(store_failed(store), struck);
    CHECK_EQ(err, struck ? ERR_STORE_FAILED : ERR_OK);
    CHECK(struck || acknowledged == ADDS);
    if (struck) {
        CHECK_EQ(case_add(store, 1000), ERR_STORE_FAILED);
        CHECK_EQ(case_add(store, 1001), ERR_STORE_FAILED);
    }
    store_close(store);
    CHECK(!struck || atomic_load(&fault_after) == 0); /* nothing is tried twice */
    struck = atomic_load(&fault_struck);              /* perhaps while it closed */
    fault_arm(FAULT_NONE, 0);

    store = open_small(&folder);
    int64_t kept = case_count_dense(store);
    CHECK(kept == acknowledged || kept == acknowledged + 1); /* the failed one: nobody knows */
    CHECK_EQ(case_add(store, kept + 1), ERR_OK);
    store_close(store);
    case_folder_remove(&folder);
    return struck;
}

static void live_with_each(enum fault fault, int at_least)
{
    int nth = 1;
    fault_register();
    while (live_with(fault, nth)) {
        nth++;
    }
    CHECK(nth > at_least);
}

TEST(every_write_that_fails_loses_nothing_acknowledged)
{
    live_with_each(FAULT_WRITE, ADDS);
}

TEST(every_write_that_is_torn_loses_nothing_acknowledged)
{
    live_with_each(FAULT_WRITE_HALF, ADDS);
}

TEST(every_write_to_a_full_disk_loses_nothing_acknowledged)
{
    live_with_each(FAULT_FULL, ADDS);
}

TEST(every_sync_that_fails_loses_nothing_acknowledged_and_is_not_tried_again)
{
    live_with_each(FAULT_SYNC, ADDS);
}

/* ---- a whole batch ----------------------------------------------------------------------- */

static int batch_failed;

static void batch_done(struct store_job *job)
{
    CHECK_EQ(job->err, ERR_STORE_FAILED);
    batch_failed++;
}

/* A job that the writer stands in until it may go on: what is queued meanwhile is one batch. */
static pthread_mutex_t hold_up_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hold_up_changed = PTHREAD_COND_INITIALIZER;
static bool hold_up_entered;
static bool hold_up_over;

static enum err hold_up_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    CHECK(job != NULL && txn != NULL && fail != NULL);
    CHECK_EQ(pthread_mutex_lock(&hold_up_lock), 0);
    hold_up_entered = true;
    CHECK_EQ(pthread_cond_broadcast(&hold_up_changed), 0);
    while (!hold_up_over) {
        CHECK_EQ(pthread_cond_wait(&hold_up_changed, &hold_up_lock), 0);
    }
    CHECK_EQ(pthread_mutex_unlock(&hold_up_lock), 0);
    return ERR_OK;
}

static void hold_up_done(struct store_job *job)
{
    CHECK_EQ(job->err, ERR_OK); /* alone in its batch, which syncs nothing */
}

static void hold_up_begin(struct store *store, struct store_job *job)
{
    *job = (struct store_job){ .run = hold_up_run, .done = hold_up_done };
    hold_up_entered = false;
    hold_up_over = false;
    store_submit(store, job);
    CHECK_EQ(pthread_mutex_lock(&hold_up_lock), 0);
    while (!hold_up_entered) {
        CHECK_EQ(pthread_cond_wait(&hold_up_changed, &hold_up_lock), 0);
    }
    CHECK_EQ(pthread_mutex_unlock(&hold_up_lock), 0);
}

static void hold_up_end(void)
{
    CHECK_EQ(pthread_mutex_lock(&hold_up_lock), 0);
    hold_up_over = true;
    CHECK_EQ(pthread_cond_broadcast(&hold_up_changed), 0);
    CHECK_EQ(pthread_mutex_unlock(&hold_up_lock), 0);
}

TEST(every_job_of_the_batch_whose_sync_fails_is_told)
{
    static struct case_add adds[100];
    struct case_folder folder = case_folder_make();
    struct store_job first;
    fault_register();
    struct store *store = case_open(&folder);
    batch_failed = 0;
    CHECK_EQ(case_add(store, 1), ERR_OK);
    hold_up_begin(store, &first);
    for (int i = 0; i < 100; i++) {
        adds[i] =
            (struct case_add){ .job = { .run = case_add_run, .done = batch_done }, .n = i + 2 };
        store_submit(store, &adds[i].job);
    }
    fault_arm(FAULT_SYNC, 1);
    hold_up_end();
    store_close(store); /* runs what is queued */
    fault_arm(FAULT_NONE, 0);
    CHECK_EQ(batch_failed, 100);
    store = case_open(&folder);
    int64_t kept = case_count_dense(store);
    CHECK(kept == 1 || kept == 101); /* whole or not at all */
    store_close(store);
    case_folder_remove(&folder);
}
