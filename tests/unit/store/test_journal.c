#include <fcntl.h>
#include <sys/stat.h>

#include "store/store_internal.h"
#include "store_case.h"

#define BYTES ((size_t)5 << 19) /* two whole pieces and a half */

static char text[BYTES];
static char again[BYTES + 1];

static void journal_path(const struct case_folder *folder, char path[64])
{
    (void)snprintf(path, 64, "%s/db-wal", folder->path);
}

static void journal_put(const char *path, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, len), (ssize_t)len);
    /* A time long past, so that a write is seen. */
    const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    CHECK_EQ(futimens(fd, times), 0);
    CHECK_EQ(close(fd), 0);
}

TEST(a_journal_is_written_over_itself_and_stays_what_it_is)
{
    struct case_folder folder = case_folder_make();
    char path[64];
    char db[64];
    struct fail fail;
    struct stat stat_of;
    for (size_t i = 0; i < BYTES; i++) {
        text[i] = (char)(i * 7 % 251);
    }
    (void)snprintf(db, sizeof(db), "%s/db", folder.path);
    journal_path(&folder, path);
    journal_put(path, BYTES);
    CHECK_EQ(store_renew_journal(db, &fail), ERR_OK);
    CHECK_EQ(stat(path, &stat_of), 0);
    CHECK(stat_of.st_mtim.tv_sec > 1000);
    CHECK_EQ(stat_of.st_size, BYTES);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(read(fd, again, sizeof(again)), BYTES);
    CHECK_EQ(close(fd), 0);
    CHECK(memcmp(text, again, BYTES) == 0);
    case_folder_remove(&folder);
}

TEST(no_journal_and_an_empty_one_are_fine)
{
    struct case_folder folder = case_folder_make();
    char path[64];
    char db[64];
    (void)snprintf(db, sizeof(db), "%s/db", folder.path);
    journal_path(&folder, path);
    CHECK_EQ(store_renew_journal(db, NULL), ERR_OK);
    CHECK(access(path, F_OK) != 0);
    journal_put(path, 0);
    CHECK_EQ(store_renew_journal(db, NULL), ERR_OK);
    case_folder_remove(&folder);
}

TEST(a_journal_that_cannot_be_written_is_an_error)
{
    struct case_folder folder = case_folder_make();
    char path[64];
    char db[64];
    struct fail fail;
    (void)snprintf(db, sizeof(db), "%s/db", folder.path);
    journal_path(&folder, path);
    CHECK_EQ(mkdir(path, 0700), 0);
    CHECK_EQ(store_renew_journal(db, &fail), ERR_IO);
    struct store_options options = case_options(&folder);
    struct store *store = NULL;
    CHECK_EQ(store_open(&options, &store, &fail), ERR_IO);
    CHECK_EQ(rmdir(path), 0);
    case_folder_remove(&folder);
}

TEST(a_start_renews_what_a_crash_has_left)
{
    struct case_folder folder = case_folder_make();
    struct case_folder after = case_folder_make();
    char command[160];
    char path[64];
    struct stat stat_of;
    struct store *store = case_open(&folder);
    for (int64_t n = 1; n <= 3; n++) {
        CHECK_EQ(case_add(store, n), ERR_OK);
    }
    (void)snprintf(command, sizeof(command), "cp %s/db %s/db-wal %s", folder.path, folder.path,
                   after.path);
    CHECK_EQ(system(command), 0);
    store_close(store);
    journal_path(&after, path);
    const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    CHECK_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
    store = case_open(&after);
    CHECK_EQ(stat(path, &stat_of), 0);
    CHECK(stat_of.st_mtim.tv_sec > 1000);
    CHECK_EQ(case_count_dense(store), 3);
    store_close(store);
    case_folder_remove(&folder);
    case_folder_remove(&after);
}
