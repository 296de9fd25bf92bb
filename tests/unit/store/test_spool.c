#include "store/spool.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness.h"

static struct spool *make(const char *folder, size_t files, uint64_t bytes)
{
    const struct spool_options options = { folder, files, bytes };
    struct spool *spool = NULL;
    CHECK_EQ(spool_create(&options, &spool, NULL), ERR_OK);
    return spool;
}

static int entries(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = 0;
    CHECK(dir != NULL);
    for (const struct dirent *each = readdir(dir); each != NULL; each = readdir(dir)) {
        count += each->d_name[0] != '.';
    }
    (void)closedir(dir);
    return count;
}

TEST(what_is_written_is_read_from_anywhere_and_has_no_name)
{
    char folder[] = "/tmp/ep-spool-XXXXXX";
    char text[200];
    struct spool_file *file = NULL;
    struct spool *spool = make(test_folder(folder), 2, 1000);
    CHECK_EQ(spool_open(spool, &file, NULL), ERR_OK);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(spool_append(file, STR("0123456789"), NULL), ERR_OK);
    }
    CHECK_EQ(spool_size(file), 100);
    CHECK_EQ(spool_bytes(spool), 100);
    CHECK_EQ(entries(folder), 0);
    for (uint64_t at = 0; at < 100; at++) {
        size_t len = 0;
        CHECK_EQ(spool_read(file, at, text, sizeof(text), &len, NULL), ERR_OK);
        CHECK_EQ(len, 100 - at);
        CHECK(text[0] == (char)('0' + at % 10));
        CHECK_EQ(spool_read(file, at, text, 1, &len, NULL), ERR_OK);
        CHECK_EQ(len, 1);
    }
    spool_close(file);
    CHECK_EQ(spool_files(spool), 0);
    CHECK_EQ(spool_bytes(spool), 0);
    spool_destroy(spool);
}

TEST(files_and_bytes_are_bounded_together)
{
    char folder[] = "/tmp/ep-spool-XXXXXX";
    struct spool_file *files[3] = { NULL };
    struct fail fail;
    struct spool *spool = make(test_folder(folder), 2, 100);
    CHECK_EQ(spool_open(spool, &files[0], NULL), ERR_OK);
    CHECK_EQ(spool_open(spool, &files[1], NULL), ERR_OK);
    CHECK_EQ(spool_open(spool, &files[2], &fail), ERR_UPLOADS_FULL);
    CHECK(strstr(fail.text, "uploads.files") != NULL);
    CHECK_EQ(spool_append(files[0], STR("0123456789"), NULL), ERR_OK);
    char much[91];
    memset(much, 'x', sizeof(much));
    CHECK_EQ(spool_append(files[1], (struct str){ much, 91 }, &fail), ERR_UPLOADS_FULL);
    CHECK(strstr(fail.text, "uploads.bytes") != NULL);
    CHECK_EQ(spool_bytes(spool), 10);
    CHECK_EQ(spool_append(files[1], (struct str){ much, 90 }, NULL), ERR_OK);
    spool_close(files[0]);
    CHECK_EQ(spool_open(spool, &files[2], NULL), ERR_OK);
    CHECK_EQ(spool_append(files[2], STR("0123456789"), NULL), ERR_OK);
    spool_close(files[1]);
    spool_close(files[2]);
    spool_close(NULL);
    spool_destroy(spool);
    spool_destroy(NULL);
}

TEST(the_folder_is_made_and_one_that_cannot_be_is_an_error)
{
    char folder[] = "/tmp/ep-spool-XXXXXX";
    char below[128];
    struct fail fail;
    struct spool *spool = NULL;
    (void)snprintf(below, sizeof(below), "%s/uploads", test_folder(folder));
    spool_destroy(make(below, 1, 1));
    struct stat status;
    CHECK(stat(below, &status) == 0 && (status.st_mode & 0777) == 0700);
    (void)snprintf(below, sizeof(below), "%s/not/there", folder);
    const struct spool_options options = { below, 1, 1 };
    CHECK_EQ(spool_create(&options, &spool, &fail), ERR_IO);
    CHECK(strstr(fail.text, "uploads.folder") != NULL && strstr(fail.text, below) != NULL);
}

static char once_folder[] = "/tmp/ep-spool-XXXXXX";

static void once(void)
{
    const struct spool_options options = { once_folder, 1, 10 };
    struct spool *spool = NULL;
    struct spool_file *file = NULL;
    if (spool_create(&options, &spool, NULL) != ERR_OK) {
        return;
    }
    if (spool_open(spool, &file, NULL) == ERR_OK) {
        CHECK_EQ(spool_append(file, STR("a"), NULL), ERR_OK);
    }
    spool_close(file);
    CHECK_EQ(spool_files(spool), 0);
    spool_destroy(spool);
}

TEST(each_allocation_may_fail)
{
    CHECK(test_folder(once_folder) != NULL);
    CHECK(test_each_allocation_failing(once) >= 3);
}
