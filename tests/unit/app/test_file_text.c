#include "app/file_text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static char folder[64];
static char path[96];

static void begin(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/entrepot-text-XXXXXX");
    CHECK(test_folder(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/file", folder);
}

static void end(void)
{
    (void)remove(path);         /* not every test makes it */
    CHECK_EQ(rmdir(folder), 0); /* nothing else is left in it */
}

static void holds(const char *text)
{
    struct buf out;
    buf_init(&out, strlen(text) + 1); /* the limit is exact */
    CHECK_EQ(file_text_read(path, &out, NULL), ERR_OK);
    CHECK_STR(buf_str(&out), str_from(text));
    buf_fini(&out);
}

TEST(a_file_is_made_and_replaced_whole)
{
    struct stat info;
    begin();
    CHECK_EQ(file_text_replace(path, STR("one"), 0640, NULL), ERR_OK);
    holds("one");
    CHECK_EQ(stat(path, &info), 0);
    CHECK_EQ(info.st_mode & 0777, 0640);
    CHECK_EQ(file_text_replace(path, STR(""), 0600, NULL), ERR_OK);
    holds("");
    CHECK_EQ(stat(path, &info), 0);
    CHECK_EQ(info.st_mode & 0777, 0640); /* it keeps its own */
    end();
}

TEST(what_a_cut_off_change_left_is_no_hindrance)
{
    char fresh[128];
    begin();
    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    FILE *file = fopen(fresh, "w");
    CHECK(file != NULL);
    CHECK_EQ(fclose(file), 0);
    CHECK_EQ(file_text_replace(path, STR("two"), 0600, NULL), ERR_OK);
    holds("two");
    end();
}

TEST(a_file_that_cannot_be_written_stays_as_it_was)
{
    struct fail fail;
    begin();
    CHECK_EQ(mkdir(path, 0700), 0); /* a folder is not replaced by a file */
    CHECK_EQ(file_text_replace(path, STR("x"), 0600, &fail), ERR_IO);
    CHECK_EQ(rmdir(path), 0);
    CHECK_EQ(file_text_replace("/nowhere/file", STR("x"), 0600, &fail), ERR_IO);
    end();
}

TEST(what_cannot_be_read_is_told)
{
    struct fail fail;
    struct buf out;
    begin();
    buf_init(&out, 100000);
    CHECK_EQ(file_text_read(path, &out, &fail), ERR_NOT_FOUND);
    CHECK_EQ(file_text_read(folder, &out, &fail), ERR_IO);
    CHECK_EQ(file_text_replace(path, STR("one"), 0600, NULL), ERR_OK);
    buf_fini(&out);
    buf_init(&out, 2);
    CHECK_EQ(file_text_read(path, &out, &fail), ERR_LIMIT);
    CHECK(strstr(fail.text, "too long") != NULL);
    buf_fini(&out);
    end();
}

TEST(a_file_as_long_as_the_limit_is_read)
{
    static char text[70001]; /* more than is read at once */
    struct fail fail;
    struct buf out;
    begin();
    memset(text, 'x', sizeof(text));
    CHECK_EQ(file_text_replace(path, (struct str){ text, sizeof(text) }, 0600, NULL), ERR_OK);
    buf_init(&out, sizeof(text));
    CHECK_EQ(file_text_read(path, &out, &fail), ERR_OK);
    CHECK_EQ(out.len, sizeof(text));
    buf_fini(&out);
    buf_init(&out, sizeof(text) - 1);
    CHECK_EQ(file_text_read(path, &out, &fail), ERR_LIMIT);
    buf_fini(&out);
    CHECK_EQ(file_text_replace(path, STR("one"), 0600, NULL), ERR_OK);
    buf_init(&out, 3);
    CHECK_EQ(file_text_read(path, &out, &fail), ERR_OK);
    CHECK_STR(buf_str(&out), STR("one"));
    buf_fini(&out);
    end();
}

static atomic_int inside;

static void *take_turns(void *context)
{
    (void)context;
    for (int i = 0; i < 50; i++) {
        int fd = -1;
        CHECK_EQ(file_text_lock(folder, &fd, NULL), ERR_OK);
        CHECK_EQ(atomic_fetch_add(&inside, 1), 0);
        (void)atomic_fetch_sub(&inside, 1);
        file_text_unlock(fd);
    }
    return NULL;
}

TEST(a_folder_is_changed_by_one_at_a_time)
{
    pthread_t other;
    int fd = -1;
    begin();
    CHECK_EQ(pthread_create(&other, NULL, take_turns, NULL), 0);
    (void)take_turns(NULL);
    CHECK_EQ(pthread_join(other, NULL), 0);
    CHECK_EQ(file_text_lock("/nowhere", &fd, NULL), ERR_IO);
    end();
}
