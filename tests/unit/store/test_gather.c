/*
 * The gathered journal: whatever is written, read, cut and synced in whatever order, a reader has
 * what was written last, and the file has it once it is synced.
 */
#include "store/gather.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness.h"

#define SPACE ((size_t)512 << 10) /* of random writes: several pieces */
#define FLAGS (SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL)

static char path[64];
static sqlite3_vfs *vfs;
static sqlite3_file *file;

static int open_file(const char *name, int flags)
{
    if (vfs == NULL) {
        gather_register();
        vfs = sqlite3_vfs_find(GATHER_NAME);
        CHECK(vfs != NULL && vfs != sqlite3_vfs_find(NULL));
    }
    file = calloc(1, (size_t)vfs->szOsFile);
    CHECK(file != NULL);
    return vfs->xOpen(vfs, name, file, flags, NULL);
}

static void begin(void)
{
    (void)snprintf(path, sizeof(path), "/tmp/test_gather.%d", (int)getpid());
    (void)unlink(path);
    CHECK_EQ(open_file(path, FLAGS), SQLITE_OK);
}

static int end_file(void)
{
    int code = file->pMethods->xClose(file);
    free(file);
    file = NULL;
    return code;
}

static void end(void)
{
    CHECK_EQ(end_file(), SQLITE_OK);
    CHECK_EQ(unlink(path), 0);
}

static int write_at(const void *bytes, size_t len, size_t at)
{
    return file->pMethods->xWrite(file, bytes, (int)len, (sqlite3_int64)at);
}

static int sync_file(void)
{
    return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

static size_t size_on_disk(void)
{
    struct stat info;
    CHECK_EQ(stat(path, &info), 0);
    return (size_t)info.st_size;
}

static void check_on_disk(const char *bytes, size_t len)
{
    static char found[GATHER_BYTES * 2];
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(size_on_disk(), len);
    CHECK_EQ(read(fd, found, len), (ssize_t)len);
    CHECK_EQ(close(fd), 0);
    CHECK(memcmp(found, bytes, len) == 0);
}

static void check_reads(const char *bytes, size_t len, size_t at)
{
    static char found[SPACE];
    CHECK_EQ(file->pMethods->xRead(file, found, (int)len, (sqlite3_int64)at), SQLITE_OK);
    CHECK(memcmp(found, bytes + at, len) == 0);
}

/* ---- what is written ------------------------------------------------------------------------- */

static uint64_t dice_state;

static size_t dice(size_t sides)
{
    dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(dice_state >> 33) % sides;
}

static void write_random(char *model, size_t *len, size_t room)
{
    size_t at = dice(4) == 0 ? dice(*len + 1) : *len; /* behind the last, as a journal grows */
    size_t count = 1 + dice(dice(3) == 0 ? 5000 : 40);
    count = at + count <= room ? count : room - at;
    for (size_t i = 0; i < count; i++) {
        model[at + i] = (char)dice(256);
    }
    if (count > 0) {
        CHECK_EQ(write_at(model + at, count, at), SQLITE_OK);
    }
    *len = at + count > *len ? at + count : *len;
}

static void step_random(char *model, size_t *len)
{
    sqlite3_int64 size = 0;
    size_t what = dice(100);
    if (what < 80) {
        write_random(model, len, SPACE);
    } else if (what < 90 && *len > 0) {
        size_t at = dice(*len);
        check_reads(model, 1 + dice(*len - at), at);
    } else if (what < 95) {
        CHECK_EQ(sync_file(), SQLITE_OK);
        check_on_disk(model, *len);
    } else if (what < 98) {
        CHECK_EQ(file->pMethods->xFileSize(file, &size), SQLITE_OK);
        CHECK_EQ((size_t)size, *len);
    } else if (what < 99) {
        *len = dice(3) == 0 ? 0 : dice(*len + 1);
        CHECK_EQ(file->pMethods->xTruncate(file, (sqlite3_int64)*len), SQLITE_OK);
    }
}

TEST(what_is_read_is_what_was_written_last)
{
    static char model[SPACE];
    for (uint64_t seed = 1; seed <= 12; seed++) {
        size_t len = 0;
        dice_state = seed;
        begin();
        for (int i = 0; i < 1500; i++) {
            step_random(model, &len);
        }
        CHECK_EQ(file->pMethods->xClose(file), SQLITE_OK);
        check_on_disk(model, len); /* what was not synced, too, where the process ends well */
        free(file);
        CHECK_EQ(open_file(path, FLAGS), SQLITE_OK);
        check_reads(model, len, 0); /* of which nothing is known now */
        end();
    }
}

TEST(nothing_is_written_before_it_is_synced)
{
    static char page[4096];
    begin();
    for (size_t i = 0; i < 100; i++) {
        memset(page, (int)i, sizeof(page));
        CHECK_EQ(write_at(page, 24, i * 4120), SQLITE_OK);
        CHECK_EQ(write_at(page, sizeof(page), i * 4120 + 24), SQLITE_OK);
    }
    CHECK_EQ(size_on_disk(), 0);
    CHECK_EQ(sync_file(), SQLITE_OK);
    CHECK_EQ(size_on_disk(), 100 * 4120);
    end();
}

/* A journal that no memory is kept for any more, and one for which there is none. */
static void fill(char *model, size_t len)
{
    for (size_t at = 0; at < len; at += 65536) {
        memset(model + at, (int)(at >> 16) + 1, 65536);
        CHECK_EQ(write_at(model + at, 65536, at), SQLITE_OK);
    }
    check_reads(model, SPACE, len - SPACE);
    memset(model + len - 65536, 0xEE, 65536);
    CHECK_EQ(write_at(model + len - 65536, 65536, len - 65536), SQLITE_OK);
    memset(model, 0xDD, 100);
    CHECK_EQ(write_at(model, 100, 0), SQLITE_OK); /* begun anew */
    check_reads(model, 200, 0);
    check_reads(model, SPACE, len - SPACE);
    CHECK_EQ(sync_file(), SQLITE_OK);
    check_on_disk(model, len);
}

TEST(a_journal_may_be_longer_than_what_is_kept)
{
    static char model[GATHER_BYTES * 2];
    begin();
    fill(model, sizeof(model));
    end();
}

/* From inside what is kept to outside of it. */
TEST(a_write_over_the_edge_is_read_back)
{
    static char model[GATHER_BYTES * 2];
    size_t at = GATHER_BYTES - 100;
    begin();
    memset(model, 1, at + 100);
    for (size_t done = 0; done < at; done += 65536) {
        size_t len = at - done < 65536 ? at - done : 65536;
        CHECK_EQ(write_at(model + done, len, done), SQLITE_OK);
    }
    CHECK_EQ(write_at(model + at, 100, at), SQLITE_OK);
    memset(model + at - 50, 2, 4096);
    CHECK_EQ(write_at(model + at - 50, 4096, at - 50), SQLITE_OK);
    check_reads(model, 5000, at - 954);
    CHECK_EQ(sync_file(), SQLITE_OK);
    check_on_disk(model, at - 50 + 4096);
    end();
}

TEST(without_memory_it_is_written_as_it_comes)
{
    static char model[SPACE * 2];
    (void)snprintf(path, sizeof(path), "/tmp/test_gather.%d", (int)getpid());
    mem_fail_nth(1);
    CHECK_EQ(open_file(path, FLAGS), SQLITE_OK);
    mem_fail_nth(0);
    CHECK_EQ(write_at("abc", 3, 0), SQLITE_OK);
    CHECK_EQ(size_on_disk(), 3);
    fill(model, sizeof(model));
    end();
}

/* ---- what cannot be ------------------------------------------------------------------------- */

TEST(a_full_disk_is_told_of_once)
{
    char byte = 0;
    CHECK_EQ(open_file("/dev/full", SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL), SQLITE_OK);
    CHECK_EQ(write_at("abc", 3, 0), SQLITE_OK);
    check_reads("abc", 3, 0);
    CHECK_EQ(sync_file(), SQLITE_FULL);
    CHECK_EQ(write_at("abc", 3, 0), SQLITE_OK);
    CHECK_EQ(write_at("abc", 3, 100), SQLITE_FULL); /* what is not beside the last sends it on */
    CHECK_EQ(write_at("abc", 3, 0), SQLITE_OK);
    CHECK_EQ(file->pMethods->xRead(file, &byte, 1, 50), SQLITE_FULL);
    CHECK_EQ(write_at("abc", 3, 0), SQLITE_OK);
    CHECK_EQ(file->pMethods->xTruncate(file, 0), SQLITE_FULL);
    CHECK_EQ(write_at("abc", 3, 0), SQLITE_OK);
    sqlite3_int64 size = 0;
    CHECK_EQ(file->pMethods->xFileSize(file, &size), SQLITE_FULL);
    CHECK_EQ(end_file(), SQLITE_OK); /* nothing is left of it */
    CHECK_EQ(open_file("/dev/full", SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL), SQLITE_OK);
    CHECK_EQ(write_at("abc", 3, 0), SQLITE_OK);
    CHECK_EQ(end_file(), SQLITE_FULL);
}

TEST(a_journal_that_cannot_be_opened_is_none)
{
    int64_t blocks = mem_blocks_open();
    CHECK(open_file("/nowhere/at/all", FLAGS) != SQLITE_OK);
    CHECK(file->pMethods == NULL);
    CHECK_EQ(mem_blocks_open(), blocks);
    free(file);
}

TEST(another_file_has_nothing_around_it)
{
    (void)snprintf(path, sizeof(path), "/tmp/test_gather.%d", (int)getpid());
    CHECK_EQ(open_file(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_TEMP_DB),
             SQLITE_OK);
    CHECK_EQ(write_at("abc", 3, 0), SQLITE_OK);
    CHECK_EQ(size_on_disk(), 3);
    end();
}
