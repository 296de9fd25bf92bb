#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>

#include "store_case.h"

/* A folder with a store, and files beside it that tests make. */
static struct case_folder folder;
static struct store *store;
static char backup_path[80];

static void begin(void)
{
    folder = case_folder_make();
    store = case_open(&folder);
    (void)snprintf(backup_path, sizeof(backup_path), "%s/backup", folder.path);
}

/* Whatever is in the folder goes. */
static void end(void)
{
    char command[128];
    store_close(store);
    store = NULL;
    (void)snprintf(command, sizeof(command), "rm -r %s", folder.path);
    CHECK_EQ(system(command), 0);
}

static bool is_there(const char *suffix)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s%s", backup_path, suffix);
    return access(path, F_OK) == 0;
}

static enum err back_up(struct fail *fail)
{
    struct store_backup backup = { .path = str_from(backup_path) };
    enum err err = store_backup(store, &backup, fail);
    CHECK(err != ERR_OK || backup.bytes >= 4096);
    return err;
}

/* ---- judging ----------------------------------------------------------------------------- */

struct judge {
    int64_t items;
    enum err err;
};

static enum err judge(void *context, struct store *copy, struct fail *fail)
{
    struct judge *judge = context;
    judge->items = case_count_dense(copy);
    CHECK_EQ(case_add(copy, 1000000), ERR_OK); /* a judge may write */
    return judge->err == ERR_OK ? ERR_OK : FAIL(fail, judge->err, "not good enough");
}

static enum err put_back(struct judge *judged, char kept[128], struct fail *fail)
{
    struct store_options options = case_options(&folder);
    struct store_restore restore = {
        .path = str_from(backup_path),
        .judge = judge,
        .context = judged,
        .now_ns = INT64_C(1700000000000000000),
    };
    enum err err = store_restore(&options, &restore, fail);
    if (kept != NULL) {
        (void)snprintf(kept, 128, STR_FMT, STR_ARG(buf_str(&restore.kept)));
    }
    buf_fini(&restore.kept);
    return err;
}

/* ---- backup ------------------------------------------------------------------------------ */

static atomic_bool writing;

static void *write_on(void *context)
{
    int64_t n = *(int64_t *)context;
    while (atomic_load(&writing)) {
        CHECK_EQ(case_add(store, ++n), ERR_OK);
    }
    *(int64_t *)context = n;
    return NULL;
}

static enum err look(void *context, struct store_txn *txn, struct fail *fail)
{
    return case_read_count(context, txn, fail);
}

TEST(a_backup_beside_a_writer_is_one_snapshot)
{
    begin();
    int64_t n = 0;
    while (n < 2000) {
        CHECK_EQ(case_add(store, ++n), ERR_OK);
    }
    pthread_t writer;
    atomic_store(&writing, true);
    CHECK_EQ(pthread_create(&writer, NULL, write_on, &n), 0);
    for (int round = 0; round < 5; round++) {
        int64_t seen = 0;
        struct fail fail = { .text = "" };
        (void)snprintf(backup_path, sizeof(backup_path), "%s/backup%d", folder.path, round);
        struct store_backup backup = {
            .path = str_from(backup_path),
            .look = look,
            .context = &seen,
        };
        CHECK_EQ(store_backup(store, &backup, &fail), ERR_OK);
        CHECK(seen >= 2000);
        CHECK(!is_there(".part") && !is_there("-wal") && !is_there("-shm"));
        struct case_folder copy = folder;
        (void)snprintf(copy.url, sizeof(copy.url), "sqlite:%s", backup_path);
        struct store_options options = case_options(&copy);
        struct store *reader = NULL;
        options.read_only = true;
        CHECK_EQ(store_open(&options, &reader, &fail), ERR_OK);
        CHECK_EQ(case_count_dense(reader), seen); /* what was looked at is what was copied */
        store_close(reader);
    }
    atomic_store(&writing, false);
    CHECK_EQ(pthread_join(writer, NULL), 0);
    CHECK_EQ(case_count_dense(store), n);
    end();
}

static void on_progress(void *context, int64_t done, int64_t total)
{
    int64_t *last = context;
    CHECK(done >= *last && done <= total);
    *last = done;
}

TEST(progress_reaches_the_end)
{
    int64_t last = 0;
    begin();
    struct store_backup backup = {
        .path = str_from(backup_path),
        .progress = { on_progress, &last },
    };
    CHECK_EQ(store_backup(store, &backup, NULL), ERR_OK);
    CHECK_EQ(last, backup.bytes);
    end();
}

TEST(a_backup_never_writes_over_a_file)
{
    struct fail fail;
    begin();
    CHECK_EQ(back_up(&fail), ERR_OK);
    CHECK_EQ(back_up(&fail), ERR_CONFLICT);
    CHECK(!is_there(".part"));
    (void)snprintf(backup_path, sizeof(backup_path), "%s/no/folder", folder.path);
    CHECK_EQ(back_up(&fail), ERR_IO);
    struct store_backup nameless = { .path = STR_EMPTY };
    CHECK_EQ(store_backup(store, &nameless, &fail), ERR_IO);
    end();
}

TEST(what_a_killed_backup_left_is_written_anew_and_what_a_live_one_writes_is_left_alone)
{
    char part[96];
    struct fail fail;
    begin();
    (void)snprintf(part, sizeof(part), "%s.part", backup_path);
    int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "half of a backup", 16), 16);
    CHECK_EQ(flock(fd, LOCK_EX), 0);
    CHECK_EQ(back_up(&fail), ERR_CONFLICT);
    CHECK(is_there(".part"));
    CHECK_EQ(close(fd), 0); /* killed */
    CHECK_EQ(back_up(&fail), ERR_OK);
    CHECK(is_there("") && !is_there(".part"));
    end();
}

static enum err look_in_vain(void *context, struct store_txn *txn, struct fail *fail)
{
    CHECK(context == NULL && txn != NULL);
    return FAIL(fail, ERR_NOT_FOUND, "not what was looked for");
}

TEST(a_backup_that_fails_leaves_nothing)
{
    begin();
    struct store_backup backup = { .path = str_from(backup_path), .look = look_in_vain };
    CHECK_EQ(store_backup(store, &backup, NULL), ERR_NOT_FOUND);
    CHECK(!is_there("") && !is_there(".part"));
    end();
}

/* ---- restore ----------------------------------------------------------------------------- */

static void close_store(void)
{
    store_close(store);
    store = NULL;
}

/* A backup of one item, and a store that has gone on to three. */
static void begin_restore(void)
{
    begin();
    CHECK_EQ(case_add(store, 1), ERR_OK);
    CHECK_EQ(back_up(NULL), ERR_OK);
    CHECK_EQ(case_add(store, 2), ERR_OK);
    CHECK_EQ(case_add(store, 3), ERR_OK);
}

static void expect_untouched(void)
{
    char fresh[96];
    (void)snprintf(fresh, sizeof(fresh), "%s/db.restoring", folder.path);
    CHECK(access(fresh, F_OK) != 0);
    store = case_open(&folder);
    CHECK_EQ(case_count_dense(store), 3);
    end();
}

TEST(a_restore_puts_the_copy_in_place_and_keeps_the_old)
{
    char kept[128];
    struct judge judged = { .err = ERR_OK };
    struct fail fail = { .text = "" };
    begin_restore();
    close_store();
    CHECK_EQ(put_back(&judged, kept, &fail), ERR_OK);
    CHECK_EQ(judged.items, 1);
    store = case_open(&folder);
    CHECK_EQ(case_count(store), 2); /* with what the judge wrote */
    close_store();
    CHECK(str_ends(str_from(kept), STR("/db.before-20231114T221320Z")));
    struct case_folder old = folder;
    (void)snprintf(old.url, sizeof(old.url), "sqlite:%s", kept);
    store = case_open(&old);
    CHECK_EQ(case_count_dense(store), 3);
    end();
}

TEST(a_restore_needs_the_lock)
{
    struct judge judged = { .err = ERR_OK };
    struct fail fail;
    begin_restore();
    CHECK_EQ(put_back(&judged, NULL, &fail), ERR_STORE_LOCKED);
    CHECK_EQ(judged.items, 0);
    CHECK_EQ(case_count_dense(store), 3);
    end();
}

TEST(a_copy_that_is_judged_bad_is_dropped)
{
    struct judge judged = { .err = ERR_AUDIT_FAILED };
    struct fail fail;
    begin_restore();
    close_store();
    CHECK_EQ(put_back(&judged, NULL, &fail), ERR_AUDIT_FAILED);
    expect_untouched();
}

TEST(what_is_no_database_is_refused)
{
    static const char *const changes[] = {
        "truncate -s 0 backup",
        "truncate -s 3000 backup",
        "dd if=/dev/zero of=backup bs=1 count=100 conv=notrunc status=none",
        "yes garbage | head -c 20000 > backup",
        "rm backup && mkdir backup",
        "truncate -s 100 backup-wal",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(changes); i++) {
        char command[256];
        struct judge judged = { .err = ERR_OK };
        struct fail fail = { .text = "" };
        begin_restore();
        close_store();
        (void)snprintf(command, sizeof(command), "cd %s && %s", folder.path, changes[i]);
        CHECK_EQ(system(command), 0);
        if (put_back(&judged, NULL, &fail) != ERR_STORE_DAMAGED) {
            test_failed(EP_SITE, "%s: %s", changes[i], fail.text);
        }
        CHECK_EQ(judged.items, 0);
        expect_untouched();
    }
}

/* Every page but the first is written over in turn: none of these may become the store. */
TEST(a_damaged_page_is_found)
{
    size_t refused = 0;
    for (long page = 1; page < 5; page++) {
        char junk[4096];
        struct judge judged = { .err = ERR_OK };
        struct fail fail = { .text = "" };
        begin_restore();
        close_store();
        memset(junk, 0xA5, sizeof(junk));
        int fd = open(backup_path, O_WRONLY | O_CLOEXEC);
        CHECK(fd >= 0);
        CHECK_EQ(pwrite(fd, junk, sizeof(junk), page * 4096), 4096);
        CHECK_EQ(close(fd), 0);
        refused += put_back(&judged, NULL, &fail) == ERR_STORE_DAMAGED;
        expect_untouched();
    }
    CHECK_EQ(refused, 4);
}

struct case_sql {
    struct store_job job;
    const struct store_sql *sql;
};

static enum err case_sql_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    return store_exec(txn, EP_CONTAINER(job, struct case_sql, job)->sql, NULL, 0, fail);
}

static void change_backup(const char *sql)
{
    const struct store_sql statement = { sql };
    struct case_folder copy = folder;
    (void)snprintf(copy.url, sizeof(copy.url), "sqlite:%s", backup_path);
    struct store_options options = case_options(&copy);
    struct store *opened = NULL;
    struct fail fail;
    CHECK_EQ(store_open(&options, &opened, &fail), ERR_OK);
    struct case_sql change = { .job = { .run = case_sql_run }, .sql = &statement };
    CHECK_EQ(store_run(opened, &change.job, &fail), ERR_OK);
    store_close(opened);
}

TEST(a_newer_schema_and_another_programs_database_are_refused)
{
    struct judge judged = { .err = ERR_OK };
    struct fail fail;
    begin_restore();
    close_store();
    change_backup("INSERT INTO schema_version VALUES (3, 'later')");
    CHECK_EQ(put_back(&judged, NULL, &fail), ERR_STORE_SCHEMA);
    expect_untouched();
    begin_restore();
    close_store();
    change_backup("DROP TABLE schema_version");
    CHECK_EQ(put_back(&judged, NULL, &fail), ERR_STORE_DAMAGED);
    expect_untouched();
}

TEST(an_older_schema_is_migrated)
{
    struct judge judged = { .err = ERR_OK };
    struct fail fail = { .text = "" };
    folder = case_folder_make();
    (void)snprintf(backup_path, sizeof(backup_path), "%s/backup", folder.path);
    struct store_options options = case_options(&folder);
    options.migrations_count = 1;
    CHECK_EQ(store_open(&options, &store, &fail), ERR_OK);
    CHECK_EQ(case_add(store, 1), ERR_OK);
    CHECK_EQ(back_up(&fail), ERR_OK);
    close_store();
    CHECK_EQ(put_back(&judged, NULL, &fail), ERR_OK);
    CHECK_EQ(judged.items, 1);
    store = case_open(&folder);
    end();
}

TEST(the_store_itself_is_no_backup)
{
    struct judge judged = { .err = ERR_OK };
    struct fail fail;
    begin_restore();
    close_store();
    (void)snprintf(backup_path, sizeof(backup_path), "%s/db", folder.path);
    CHECK_EQ(put_back(&judged, NULL, &fail), ERR_CONFLICT);
    expect_untouched();
}

/* A store that nobody can read any more is what a restore is for. */
TEST(a_ruined_store_is_replaced_and_kept)
{
    char kept[128];
    char command[128];
    struct judge judged = { .err = ERR_OK };
    struct fail fail = { .text = "" };
    begin_restore();
    close_store();
    (void)snprintf(command, sizeof(command), "yes ruin | head -c 9000 > %s/db", folder.path);
    CHECK_EQ(system(command), 0);
    CHECK_EQ(put_back(&judged, kept, &fail), ERR_OK);
    CHECK_EQ(access(kept, F_OK), 0);
    store = case_open(&folder);
    CHECK_EQ(case_count(store), 2);
    end();
}
