#include "store/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/counter.h"
#include "store_case.h"

/* ---- a writer that is held up, so that a batch gathers ----------------------------------- */

struct gate {
    struct store_job job;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool entered;
    bool opened;
};

static enum err gate_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct gate *gate = EP_CONTAINER(job, struct gate, job);
    CHECK(txn != NULL && fail != NULL);
    CHECK_EQ(pthread_mutex_lock(&gate->lock), 0);
    gate->entered = true;
    CHECK_EQ(pthread_cond_broadcast(&gate->changed), 0);
    while (!gate->opened) {
        CHECK_EQ(pthread_cond_wait(&gate->changed, &gate->lock), 0);
    }
    CHECK_EQ(pthread_mutex_unlock(&gate->lock), 0);
    return ERR_OK;
}

static void gate_done(struct store_job *job)
{
    CHECK_EQ(job->err, ERR_OK);
}

/* Returns once the writer stands in it. */
static void gate_close(struct gate *gate, struct store *store)
{
    *gate = (struct gate){
        .job = { .run = gate_run, .done = gate_done },
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    store_submit(store, &gate->job);
    CHECK_EQ(pthread_mutex_lock(&gate->lock), 0);
    while (!gate->entered) {
        CHECK_EQ(pthread_cond_wait(&gate->changed, &gate->lock), 0);
    }
    CHECK_EQ(pthread_mutex_unlock(&gate->lock), 0);
}

static void gate_open(struct gate *gate)
{
    CHECK_EQ(pthread_mutex_lock(&gate->lock), 0);
    gate->opened = true;
    CHECK_EQ(pthread_cond_broadcast(&gate->changed), 0);
    CHECK_EQ(pthread_mutex_unlock(&gate->lock), 0);
}

/* ---- jobs and batches -------------------------------------------------------------------- */

#define MANY 1000

static size_t done_count; /* written by the writer's thread, read after the store is closed */
static int64_t done_order[5 * MANY];

static void note_done(struct store_job *job)
{
    const struct case_add *add = EP_CONTAINER(job, struct case_add, job);
    CHECK_EQ(job->err, ERR_OK);
    done_order[done_count++] = add->n;
}

TEST(jobs_that_arrive_during_a_commit_share_the_next_one)
{
    static struct case_add adds[MANY];
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    struct gate gate;
    done_count = 0;
    int64_t commits = counter_get(COUNTER_STORE_COMMITS);
    int64_t jobs = counter_get(COUNTER_STORE_JOBS);
    gate_close(&gate, store);
    for (int i = 0; i < MANY; i++) {
        adds[i] =
            (struct case_add){ .job = { .run = case_add_run, .done = note_done }, .n = i + 1 };
        store_submit(store, &adds[i].job);
    }
    gate_open(&gate);
    store_close(store);
    CHECK_EQ(counter_get(COUNTER_STORE_COMMITS) - commits, 2);
    CHECK_EQ(counter_get(COUNTER_STORE_JOBS) - jobs, MANY + 1);
    CHECK_EQ(done_count, MANY);
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(done_order[i], i + 1);
    }
    store = case_open(&folder);
    CHECK_EQ(case_count_dense(store), MANY);
    store_close(store);
    case_folder_remove(&folder);
}

static int by_hand_told;

static void by_hand(void *context)
{
    CHECK(context == &by_hand_told);
    by_hand_told++;
}

TEST(a_store_that_is_run_by_hand_waits_for_each_pump)
{
    static struct case_add adds[3];
    struct case_folder folder = case_folder_make();
    struct store_options options = case_options(&folder);
    struct store *store = NULL;
    options.by_hand = by_hand;
    options.by_hand_context = &by_hand_told;
    CHECK_EQ(store_open(&options, &store, NULL), ERR_OK);
    done_count = 0;
    by_hand_told = 0;
    for (int i = 0; i < 3; i++) {
        adds[i] =
            (struct case_add){ .job = { .run = case_add_run, .done = note_done }, .n = i + 1 };
        store_submit(store, &adds[i].job);
    }
    CHECK_EQ(by_hand_told, 1); /* the queue was empty once */
    CHECK_EQ(done_count, 0);
    int64_t commits = counter_get(COUNTER_STORE_COMMITS);
    store_pump(store);
    CHECK_EQ(done_count, 3);
    CHECK_EQ(counter_get(COUNTER_STORE_COMMITS) - commits, 1);
    store_pump(store); /* nothing is queued: the journal is emptied */
    CHECK_EQ(case_add(store, 4), ERR_OK);
    adds[0] = (struct case_add){ .job = { .run = case_add_run, .done = note_done }, .n = 5 };
    store_submit(store, &adds[0].job);
    store_close(store);
    CHECK_EQ(done_count, 4);
    store = case_open(&folder);
    CHECK_EQ(case_count_dense(store), 5);
    store_close(store);
    case_folder_remove(&folder);
}

TEST(a_batch_has_at_most_4096_jobs)
{
    static struct case_add adds[5 * MANY];
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    struct gate gate;
    done_count = 0;
    int64_t commits = counter_get(COUNTER_STORE_COMMITS);
    gate_close(&gate, store);
    for (int i = 0; i < 5 * MANY; i++) {
        adds[i] =
            (struct case_add){ .job = { .run = case_add_run, .done = note_done }, .n = i + 1 };
        store_submit(store, &adds[i].job);
    }
    gate_open(&gate);
    store_close(store); /* runs what is queued */
    CHECK_EQ(counter_get(COUNTER_STORE_COMMITS) - commits, 3);
    CHECK_EQ(done_count, 5 * MANY);
    case_folder_remove(&folder);
}

struct crowd {
    struct store *store;
    int64_t base;
    struct case_add adds[MANY];
};

static void *crowd_submit(void *context)
{
    struct crowd *crowd = context;
    for (int i = 0; i < MANY; i++) {
        crowd->adds[i] = (struct case_add){ .job = { .run = case_add_run, .done = note_done },
                                            .n = crowd->base + i };
        store_submit(crowd->store, &crowd->adds[i].job);
    }
    return NULL;
}

TEST(jobs_of_one_thread_keep_their_order_beside_other_threads)
{
    static struct crowd crowds[4];
    pthread_t threads[EP_ARRAY_LEN(crowds)];
    int64_t next[EP_ARRAY_LEN(crowds)] = { 0 };
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    done_count = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(crowds); i++) {
        crowds[i].store = store;
        crowds[i].base = (int64_t)i * MANY;
        CHECK_EQ(pthread_create(&threads[i], NULL, crowd_submit, &crowds[i]), 0);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(crowds); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    store_close(store);
    CHECK_EQ(done_count, EP_ARRAY_LEN(crowds) * MANY);
    for (size_t i = 0; i < done_count; i++) {
        CHECK_EQ(done_order[i] % MANY, next[done_order[i] / MANY]);
        next[done_order[i] / MANY]++;
    }
    case_folder_remove(&folder);
}

struct home_job {
    struct case_add add;
    size_t *left;
    pthread_t *ran_on;
};

static void home_done(struct store_job *job)
{
    struct home_job *home_job = EP_CONTAINER(job, struct home_job, add.job);
    *home_job->ran_on = pthread_self();
    CHECK_EQ(job->err, ERR_OK);
    if (--*home_job->left == 0) {
        loop_stop(job->home);
    }
}

TEST(a_job_is_done_on_the_thread_of_its_loop)
{
    static struct home_job jobs[MANY];
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    struct loop *loop = NULL;
    size_t left = MANY;
    pthread_t ran_on;
    memset(&ran_on, 0, sizeof(ran_on));
    CHECK_EQ(loop_create_real(&loop, NULL), ERR_OK);
    for (int i = 0; i < MANY; i++) {
        jobs[i] = (struct home_job){
            .add = { .job = { .run = case_add_run, .done = home_done, .home = loop }, .n = i + 1 },
            .left = &left,
            .ran_on = &ran_on,
        };
        store_submit(store, &jobs[i].add.job);
    }
    loop_run(loop);
    CHECK_EQ(left, 0);
    CHECK(pthread_equal(ran_on, pthread_self()));
    store_close(store);
    loop_destroy(loop);
    case_folder_remove(&folder);
}

static enum err refuse_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    int64_t count = -1;
    CHECK(job != NULL);
    TRY(case_read_count(&count, txn, fail));
    return FAIL(fail, ERR_CONFLICT, "there are %lld items", (long long)count);
}

static void refuse_done(struct store_job *job)
{
    CHECK_EQ(job->err, ERR_CONFLICT);
    done_count++;
}

TEST(a_job_that_fails_leaves_the_others_of_its_batch)
{
    struct case_add adds[2];
    struct store_job refused = { .run = refuse_run, .done = refuse_done };
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    struct gate gate;
    done_count = 0;
    gate_close(&gate, store);
    for (int i = 0; i < 2; i++) {
        adds[i] =
            (struct case_add){ .job = { .run = case_add_run, .done = note_done }, .n = i + 1 };
    }
    store_submit(store, &adds[0].job);
    store_submit(store, &refused);
    store_submit(store, &adds[1].job);
    gate_open(&gate);
    CHECK_EQ(case_add(store, 3), ERR_OK);
    CHECK_EQ(case_count_dense(store), 3);
    CHECK(!store_failed(store));
    store_close(store);
    CHECK_EQ(done_count, 3);
    case_folder_remove(&folder);
}

TEST(a_job_that_is_waited_for_brings_its_sentence)
{
    struct store_job refused = { .run = refuse_run };
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    struct fail fail;
    CHECK_EQ(store_run(store, &refused, &fail), ERR_CONFLICT);
    CHECK_EQ(fail.code, ERR_CONFLICT);
    CHECK_STR(str_from(fail.text), STR("there are 0 items"));
    CHECK_EQ(store_run(store, &refused, NULL), ERR_CONFLICT);
    store_close(store);
    case_folder_remove(&folder);
}

static enum err half_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    TRY(case_add_run(job, txn, fail));
    return ERR_CONFLICT;
}

/* In a child that may say nothing; what it ends with. */
static int end_of_child(void (*body)(const struct case_folder *folder, int out),
                        const struct case_folder *folder)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, STDERR_FILENO);
        body(folder, -1);
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status;
}

static void write_half(const struct case_folder *folder, int out)
{
    struct store *store = case_open(folder);
    struct case_add add = { .job = { .run = half_run }, .n = 2 };
    CHECK_EQ(out, -1);
    CHECK_EQ(case_add(store, 1), ERR_OK);
    EP_IGNORE(store_run(store, &add.job, NULL));
}

TEST(a_job_that_fails_after_it_has_written_stops_the_process)
{
    struct case_folder folder = case_folder_make();
    int status = end_of_child(write_half, &folder);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    struct store *store = case_open(&folder);
    CHECK_EQ(case_count_dense(store), 1);
    store_close(store);
    case_folder_remove(&folder);
}

/* ---- a store that fails ------------------------------------------------------------------ */

static void failed_done(struct store_job *job)
{
    CHECK_EQ(job->err, ERR_STORE_FAILED);
    done_count++;
}

TEST(a_statement_that_fails_takes_the_batch_and_the_store_with_it)
{
    struct case_add adds[3];
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    struct gate gate;
    done_count = 0;
    CHECK_EQ(case_add(store, 1), ERR_OK);
    gate_close(&gate, store);
    for (int i = 0; i < 3; i++) { /* the second breaks the table's key */
        adds[i] = (struct case_add){ .job = { .run = case_add_run, .done = failed_done },
                                     .n = i == 1 ? 1 : 2 + i };
        store_submit(store, &adds[i].job);
    }
    gate_open(&gate);
    struct fail fail;
    struct case_add later = { .job = { .run = case_add_run }, .n = 9 };
    CHECK_EQ(store_run(store, &later.job, &fail), ERR_STORE_FAILED);
    CHECK(strstr(fail.text, "restart") != NULL);
    CHECK(store_failed(store));
    CHECK_EQ(counter_get(COUNTER_STORE_FAILED), 1);
    store_close(store);
    CHECK_EQ(done_count, 3);
    store = case_open(&folder);
    CHECK_EQ(case_count_dense(store), 1);
    CHECK_EQ(case_add(store, 2), ERR_OK);
    store_close(store);
    case_folder_remove(&folder);
}

static enum err swallow_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    CHECK_EQ(case_add_run(job, txn, fail), ERR_STORE_FAILED);
    CHECK_EQ(case_add_run(job, txn, NULL), ERR_STORE_FAILED); /* nothing runs any more */
    return ERR_OK;
}

TEST(a_job_cannot_hide_that_a_statement_failed)
{
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    struct case_add add = { .job = { .run = swallow_run }, .n = 1 };
    CHECK_EQ(case_add(store, 1), ERR_OK);
    CHECK_EQ(store_run(store, &add.job, NULL), ERR_STORE_FAILED);
    CHECK(store_failed(store));
    store_close(store);
    case_folder_remove(&folder);
}

TEST(a_failure_names_the_statement_and_the_reason)
{
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    struct case_add add = { .job = { .run = case_add_run }, .n = 1 };
    struct fail fail;
    CHECK_EQ(store_run(store, &add.job, &fail), ERR_OK);
    CHECK_EQ(store_run(store, &add.job, &fail), ERR_STORE_FAILED);
    CHECK(strstr(fail.text, "INSERT INTO item") != NULL);
    CHECK(strstr(fail.text, "UNIQUE constraint failed") != NULL);
    store_close(store);
    case_folder_remove(&folder);
}

/* ---- hooks before the commit ------------------------------------------------------------- */

struct fold {
    int64_t pending;
    int runs;
    enum err err;
};

static enum err fold_flush(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "UPDATE folded SET sum = sum + ?1" };
    struct fold *fold = context;
    const struct store_value value = STORE_I(fold->pending);
    fold->runs++;
    TRY(fold->err);
    TRY(store_exec(txn, &sql, &value, 1, fail));
    fold->pending = 0;
    return ERR_OK;
}

static struct fold *folding;

static enum err fold_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    folding->pending += EP_CONTAINER(job, struct case_add, job)->n;
    return case_add_run(job, txn, fail);
}

static enum err read_fold(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT sum FROM folded" };
    return store_query(txn, &sql, NULL, 0, case_on_number, context, fail);
}

TEST(a_hook_writes_once_a_batch_what_was_folded)
{
    static struct case_add adds[100];
    struct fold fold = { .err = ERR_OK };
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    struct gate gate;
    int64_t sum = 0;
    done_count = 0;
    folding = &fold;
    store_on_flush(store, fold_flush, &fold);
    gate_close(&gate, store);
    for (int i = 0; i < 100; i++) {
        adds[i] = (struct case_add){ .job = { .run = fold_run, .done = note_done }, .n = i + 1 };
        store_submit(store, &adds[i].job);
    }
    gate_open(&gate);
    CHECK_EQ(case_add(store, 101), ERR_OK);
    CHECK_EQ(store_read(store, read_fold, &sum, NULL), ERR_OK);
    CHECK_EQ(sum, 5050);
    store_close(store);
    CHECK(fold.runs == 2 || fold.runs == 3); /* the last job may have come in time or not */
    case_folder_remove(&folder);
}

TEST(a_hook_that_fails_fails_the_store)
{
    struct fold fold = { .err = ERR_LEDGER_STATE };
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    store_on_flush(store, fold_flush, &fold);
    CHECK_EQ(case_add(store, 1), ERR_STORE_FAILED);
    CHECK(store_failed(store));
    store_close(store);
    store = case_open(&folder);
    CHECK_EQ(case_count(store), 0);
    store_close(store);
    case_folder_remove(&folder);
}

/* ---- readers ----------------------------------------------------------------------------- */

static enum err read_beside_writer(void *context, struct store_txn *txn, struct fail *fail)
{
    struct store *store = context;
    int64_t before = -1;
    int64_t after = -1;
    TRY(case_read_count(&before, txn, fail));
    CHECK_EQ(case_add(store, 2), ERR_OK);
    CHECK_EQ(case_count(store), 2);
    TRY(case_read_count(&after, txn, fail));
    CHECK_EQ(before, 1);
    CHECK_EQ(after, 1);
    return ERR_OK;
}

TEST(a_reader_sees_one_moment_beside_the_writer)
{
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    CHECK_EQ(case_add(store, 1), ERR_OK);
    CHECK_EQ(store_read(store, read_beside_writer, store, NULL), ERR_OK);
    store_close(store);
    case_folder_remove(&folder);
}

static int64_t journal_len(const struct case_folder *folder)
{
    char path[64];
    struct stat stat_of;
    (void)snprintf(path, sizeof(path), "%s/db-wal", folder->path);
    return stat(path, &stat_of) == 0 ? (int64_t)stat_of.st_size : 0;
}

static enum err read_old_page(void *context, struct store_txn *txn, struct fail *fail)
{
    struct store *store = context;
    int64_t before = 0;
    bool empty = true;
    TRY(case_read_count(&before, txn, fail));
    CHECK_EQ(case_add(store, 2), ERR_OK); /* what this reader must not see */
    CHECK_EQ(store_empty_journal(store, 50000000, &empty, fail), ERR_OK);
    CHECK(!empty);
    return ERR_OK;
}

TEST(the_journal_is_emptied_when_it_is_asked_for_unless_a_reader_needs_it)
{
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    bool empty = false;
    CHECK_EQ(store_empty_journal(store, 0, &empty, NULL), ERR_OK);
    CHECK(empty);
    CHECK_EQ(case_add(store, 1), ERR_OK);
    CHECK(journal_len(&folder) > 0);
    CHECK_EQ(store_empty_journal(store, 1000000000, &empty, NULL), ERR_OK);
    CHECK(empty);
    CHECK_EQ(journal_len(&folder), 0);
    CHECK_EQ(store_read(store, read_old_page, store, NULL), ERR_OK);
    CHECK(journal_len(&folder) > 0);
    CHECK_EQ(store_empty_journal(store, 1000000000, &empty, NULL), ERR_OK);
    CHECK(empty);
    CHECK_EQ(case_count(store), 2);
    store_close(store);
    case_folder_remove(&folder);
}

static enum err read_and_write(void *context, struct store_txn *txn, struct fail *fail)
{
    return case_add_run(context, txn, fail);
}

TEST(a_reader_cannot_write)
{
    struct case_add add = { .n = 1 };
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    struct fail fail;
    CHECK_EQ(store_read(store, read_and_write, &add.job, &fail), ERR_STORE_FAILED);
    CHECK(strstr(fail.text, "readonly") != NULL);
    CHECK(!store_failed(store)); /* it was no commit */
    CHECK_EQ(case_count(store), 0);
    store_close(store);
    case_folder_remove(&folder);
}

static enum err on_row_refuse(void *context, const struct store_value *row, size_t columns)
{
    CHECK(context == NULL && row != NULL && columns == 1);
    return ERR_AUDIT_FAILED;
}

static enum err read_and_refuse(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT n FROM item" };
    return store_query(txn, &sql, NULL, 0, on_row_refuse, context, fail);
}

TEST(a_row_that_is_refused_ends_the_query_with_the_callbacks_error)
{
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    CHECK_EQ(store_read(store, read_and_refuse, NULL, NULL), ERR_OK); /* no row, no refusal */
    CHECK_EQ(case_add(store, 1), ERR_OK);
    CHECK_EQ(store_read(store, read_and_refuse, NULL, NULL), ERR_AUDIT_FAILED);
    CHECK(!store_failed(store));
    store_close(store);
    case_folder_remove(&folder);
}

TEST(a_store_that_is_read_only_works_beside_a_server_and_without_one)
{
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    struct store_options options = case_options(&folder);
    struct store *reader = NULL;
    options.read_only = true;
    CHECK_EQ(case_add(store, 1), ERR_OK);
    CHECK_EQ(store_open(&options, &reader, NULL), ERR_OK);
    CHECK_EQ(case_count(reader), 1);
    CHECK_EQ(case_add(store, 2), ERR_OK);
    CHECK_EQ(case_count(reader), 2);
    store_close(store);
    CHECK_EQ(case_count(reader), 2);
    store_close(reader);
    CHECK_EQ(store_open(&options, &reader, NULL), ERR_OK);
    CHECK_EQ(case_count(reader), 2);
    store_close(reader);
    case_folder_remove(&folder);
}

/* ---- opening ----------------------------------------------------------------------------- */

TEST(migrations_are_applied_once_and_in_order)
{
    struct case_folder folder = case_folder_make();
    struct store_options options = case_options(&folder);
    struct store *store = NULL;
    options.migrations_count = 1;
    CHECK_EQ(store_open(&options, &store, NULL), ERR_OK);
    CHECK_EQ(case_add(store, 1), ERR_OK);
    store_close(store);
    store = case_open(&folder); /* the second is new, the first would fail if it ran again */
    CHECK_EQ(case_count(store), 1);
    store_close(store);
    store = case_open(&folder);
    CHECK_EQ(case_count(store), 1);
    store_close(store);
    case_folder_remove(&folder);
}

TEST(a_migration_that_fails_leaves_the_version_before_it)
{
    const struct store_migration broken[] = {
        case_migrations[0],
        { 2, "broken", "CREATE TABLE half(n INTEGER) STRICT; CREATE TABLE item(n INTEGER)" },
    };
    struct case_folder folder = case_folder_make();
    struct store_options options = case_options(&folder);
    struct store *store = NULL;
    struct fail fail;
    options.migrations = broken;
    CHECK_EQ(store_open(&options, &store, &fail), ERR_STORE_FAILED);
    CHECK(store == NULL);
    CHECK(strstr(fail.text, "item") != NULL);
    options.migrations_count = 1;
    CHECK_EQ(store_open(&options, &store, &fail), ERR_OK);
    CHECK_EQ(case_add(store, 1), ERR_OK);
    store_close(store);
    case_folder_remove(&folder);
}

TEST(a_newer_schema_is_refused)
{
    struct case_folder folder = case_folder_make();
    struct store_options options = case_options(&folder);
    struct store *store = case_open(&folder);
    struct fail fail;
    store_close(store);
    store = NULL;
    options.migrations_count = 1;
    CHECK_EQ(store_open(&options, &store, &fail), ERR_STORE_SCHEMA);
    CHECK(strstr(fail.text, "newer") != NULL);
    options.read_only = true;
    CHECK_EQ(store_open(&options, &store, &fail), ERR_STORE_SCHEMA);
    CHECK(store == NULL);
    case_folder_remove(&folder);
}

TEST(a_reader_refuses_an_older_schema_and_says_what_to_do)
{
    struct case_folder folder = case_folder_make();
    struct store_options options = case_options(&folder);
    struct store *store = NULL;
    struct fail fail;
    options.migrations_count = 1;
    CHECK_EQ(store_open(&options, &store, NULL), ERR_OK);
    store_close(store);
    store = NULL;
    options.migrations_count = 2;
    options.read_only = true;
    CHECK_EQ(store_open(&options, &store, &fail), ERR_STORE_SCHEMA);
    CHECK(strstr(fail.text, "migrates") != NULL);
    CHECK(store == NULL);
    case_folder_remove(&folder);
}

TEST(a_second_writer_is_refused_until_the_first_has_closed)
{
    struct case_folder folder = case_folder_make();
    struct store_options options = case_options(&folder);
    struct store *first = case_open(&folder);
    struct store *second = NULL;
    struct fail fail;
    CHECK_EQ(store_open(&options, &second, &fail), ERR_STORE_LOCKED);
    CHECK(second == NULL);
    CHECK(strstr(fail.text, folder.path) != NULL);
    CHECK_EQ(case_add(first, 1), ERR_OK);
    store_close(first);
    second = case_open(&folder);
    CHECK_EQ(case_count(second), 1);
    store_close(second);
    case_folder_remove(&folder);
}

TEST(a_url_that_is_none_and_a_folder_that_is_not_there_are_refused)
{
    static const char *const bad[] = { "", "sqlite", "sqlite:", "postgresql://host/db", "/tmp/db" };
    struct store *store = NULL;
    struct fail fail;
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct store_options options = { .url = str_from(bad[i]) };
        CHECK_EQ(store_open(&options, &store, &fail), ERR_CONF_INVALID);
    }
    struct store_options options = { .url = STR("sqlite:/nonexistent/folder/db") };
    CHECK_EQ(store_open(&options, &store, &fail), ERR_IO);
    CHECK(strstr(fail.text, "/nonexistent/folder/db") != NULL);
    CHECK(store == NULL);
    store_close(NULL);
}

TEST(the_engine_names_itself_and_its_version)
{
    struct case_folder folder = case_folder_make();
    struct store *store = case_open(&folder);
    CHECK(str_starts(str_from(store_engine(store)), STR("sqlite 3.")));
    store_close(store);
    case_folder_remove(&folder);
}

static struct case_folder memory_folder;

static void open_add_close(void)
{
    struct store_options options = case_options(&memory_folder);
    struct store *store = NULL;
    struct fail fail = { .code = ERR_OK };
    enum err err = store_open(&options, &store, &fail);
    CHECK(err == ERR_OK || (err == ERR_NO_MEMORY && fail.code == ERR_NO_MEMORY));
    store_close(store);
}

TEST(running_out_of_memory_at_the_start_is_told_and_leaks_nothing)
{
    memory_folder = case_folder_make();
    CHECK(test_each_allocation_failing(open_add_close) >= 3);
    case_folder_remove(&memory_folder);
}

/* ---- dying ------------------------------------------------------------------------------- */

static enum err die_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    EP_IGNORE(case_add_run(job, txn, fail));
    _exit(0); /* in the middle of the transaction */
}

static void die_in_a_batch(const struct case_folder *folder, int out)
{
    struct store *store = case_open(folder);
    struct case_add last = { .job = { .run = die_run }, .n = 11 };
    CHECK_EQ(out, -1);
    for (int i = 1; i <= 10; i++) {
        CHECK_EQ(case_add(store, i), ERR_OK);
    }
    EP_IGNORE(store_run(store, &last.job, NULL));
}

TEST(what_was_acknowledged_is_there_after_dying_in_a_transaction_and_the_rest_is_not)
{
    struct case_folder folder = case_folder_make();
    CHECK_EQ(end_of_child(die_in_a_batch, &folder), 0);
    struct store *store = case_open(&folder);
    CHECK_EQ(case_count_dense(store), 10);
    CHECK_EQ(case_add(store, 11), ERR_OK);
    store_close(store);
    case_folder_remove(&folder);
}

/* Adds until it is killed, and tells each acknowledgement. */
static void add_for_ever(const struct case_folder *folder, int out)
{
    struct store_options options = case_options(folder);
    struct store *store = NULL;
    options.wal_bytes_max = 32768; /* so that checkpoints are hit too */
    CHECK_EQ(store_open(&options, &store, NULL), ERR_OK);
    for (int64_t n = case_count_dense(store) + 1;; n++) {
        CHECK_EQ(case_add(store, n), ERR_OK);
        CHECK_EQ(write(out, &n, sizeof(n)), sizeof(n));
    }
}

/* The last number that was acknowledged to us; it dies at the `acks`th at the earliest. */
static int64_t kill_after(const struct case_folder *folder, int acks)
{
    int ends[2];
    int64_t n = 0;
    CHECK_EQ(pipe(ends), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        add_for_ever(folder, ends[1]);
        _exit(1);
    }
    CHECK_EQ(close(ends[1]), 0);
    for (int i = 0; i < acks; i++) {
        CHECK_EQ(read(ends[0], &n, sizeof(n)), sizeof(n));
    }
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    while (read(ends[0], &n, sizeof(n)) == (ssize_t)sizeof(n)) {
    }
    CHECK_EQ(close(ends[0]), 0);
    return n;
}

TEST(what_was_acknowledged_survives_kill_at_any_moment)
{
    struct case_folder folder = case_folder_make();
    for (int round = 1; round <= 20; round++) {
        int64_t told = kill_after(&folder, round * 3);
        struct store *store = case_open(&folder);
        int64_t kept = case_count_dense(store);
        CHECK(kept == told || kept == told + 1); /* the last one may not have been told any more */
        store_close(store);
    }
    case_folder_remove(&folder);
}
