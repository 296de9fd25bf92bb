#include "app/log_mark.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

static char folder[40];
static char path[64];
static struct fail fail;

static void begin(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/log-mark-XXXXXX");
    CHECK(test_folder(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/log.size", folder);
}

static void end(void)
{
    (void)unlink(path); /* some tests make none */
    CHECK_EQ(rmdir(folder), 0);
}

static void put(const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, len), (ssize_t)len);
    CHECK_EQ(close(fd), 0);
}

TEST(a_mark_stands_beside_the_store)
{
    struct buf out;
    buf_init(&out, 4096);
    CHECK_EQ(log_mark_path(STR("sqlite:/a/var/entrepot.db"), &out, &fail), ERR_OK);
    CHECK_STR(str_from(out.ptr), STR("/a/var/log.size"));
    buf_reset(&out);
    CHECK_EQ(log_mark_path(STR("sqlite:entrepot.db"), &out, &fail), ERR_OK);
    CHECK_STR(str_from(out.ptr), STR("log.size"));
    buf_reset(&out);
    CHECK_EQ(log_mark_path(STR("sqlite:/entrepot.db"), &out, &fail), ERR_OK);
    CHECK_STR(str_from(out.ptr), STR("/log.size"));
    buf_fini(&out);
}

TEST(a_mark_is_read_as_it_was_written)
{
    static const struct log_mark marks[] = {
        { 0, false, 0 },
        { 1234, false, 0 },
        { INT64_MAX, true, INT64_MAX - 1 },
        { 5, true, 0 },
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(marks); i++) {
        struct log_mark read = { .reached = -1 };
        CHECK_EQ(log_mark_write(path, &marks[i], &fail), ERR_OK);
        CHECK_EQ(log_mark_read(path, &read, &fail), ERR_OK);
        CHECK_EQ(read.reached, marks[i].reached);
        CHECK_EQ(read.behind, marks[i].behind);
        CHECK_EQ(read.found, marks[i].found);
    }
    end();
}

TEST(a_shorter_log_is_behind_until_somebody_says_otherwise)
{
    struct log_mark mark;
    begin();
    CHECK_EQ(log_mark_check(path, 0, &mark, &fail), ERR_OK); /* no file yet */
    CHECK(!mark.behind);
    CHECK_EQ(log_mark_raise(path, 10, &mark, &fail), ERR_OK);
    CHECK_EQ(log_mark_raise(path, 9, &mark, &fail), ERR_OK); /* never lower */
    CHECK_EQ(mark.reached, 10);
    CHECK_EQ(log_mark_check(path, 10, &mark, &fail), ERR_OK);
    CHECK(!mark.behind);
    CHECK_EQ(log_mark_check(path, 9, &mark, &fail), ERR_OK);
    CHECK(mark.behind);
    CHECK_EQ(mark.found, 9);
    CHECK_EQ(log_mark_check(path, 11, &mark, &fail), ERR_OK); /* new leaves hide nothing */
    CHECK(mark.behind);
    CHECK_EQ(mark.reached, 10);
    CHECK_EQ(log_mark_raise(path, 12, &mark, &fail), ERR_OK);
    CHECK_EQ(mark.reached, 10);
    end();
}

TEST(what_is_no_mark_is_refused)
{
    static const char good[] = "reached 0000000000000000010 whole  0000000000000000000         \n";
    struct log_mark mark;
    CHECK_EQ(sizeof(good) - 1, 64);
    begin();
    put(good, 64);
    CHECK_EQ(log_mark_read(path, &mark, &fail), ERR_OK);
    CHECK_EQ(mark.reached, 10);
    for (size_t at = 0; at < 64; at++) {
        char bad[sizeof(good)];
        memcpy(bad, good, sizeof(good));
        bad[at] = 'x';
        put(bad, 64);
        CHECK_EQ(log_mark_read(path, &mark, &fail), ERR_STORE_DAMAGED);
        put(good, at);
        CHECK_EQ(log_mark_read(path, &mark, &fail), at == 0 ? ERR_OK : ERR_STORE_DAMAGED);
    }
    put("reached -000000000000000010 whole  0000000000000000000         \n", 64);
    CHECK_EQ(log_mark_read(path, &mark, &fail), ERR_STORE_DAMAGED);
    CHECK_EQ(log_mark_check(path, 5, &mark, &fail), ERR_STORE_DAMAGED);
    end();
}

TEST(a_mark_that_the_power_left_without_its_bytes_reached_nothing)
{
    static const char zeros[64];
    struct log_mark mark = { .reached = 7 };
    begin();
    put(zeros, 64);
    CHECK_EQ(log_mark_check(path, 5, &mark, &fail), ERR_OK);
    CHECK_EQ(mark.reached, 0);
    CHECK_EQ(log_mark_raise(path, 5, &mark, &fail), ERR_OK);
    CHECK_EQ(log_mark_read(path, &mark, &fail), ERR_OK);
    CHECK_EQ(mark.reached, 5);
    put(zeros, 63); /* no file system makes that of it */
    CHECK_EQ(log_mark_read(path, &mark, &fail), ERR_STORE_DAMAGED);
    end();
}

TEST(a_mark_that_cannot_be_written_is_an_error)
{
    struct log_mark mark = { .reached = 1 };
    CHECK_EQ(log_mark_write("/no/such/folder/log.size", &mark, &fail), ERR_IO);
    CHECK_EQ(log_mark_raise("/no/such/folder/log.size", 2, &mark, &fail), ERR_IO);
    CHECK_EQ(mark.reached, 1); /* as it is on disk */
}
