#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build.h"

static void build_close(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); /* after fsync, or on the way out of a failure */
    }
}

static bool build_write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t count = write(fd, bytes.ptr, bytes.len);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        bytes = str_from_at(bytes, (size_t)count);
    }
    return true;
}

/* A rename lives in the folder, and is durable only once that is synced. */
static enum err build_sync_folder(const char *path, struct fail *fail)
{
    char folder[PATH_MAX];
    ASSERT(strlen(path) < sizeof(folder));
    memcpy(folder, path, strlen(path) + 1);
    EP_CLEANUP(build_close) int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not sync the folder of \"%s\"", path);
    }
    return ERR_OK;
}

enum err build_write(const char *path, struct str bytes, struct fail *fail)
{
    ASSERT(path != NULL && bytes.len > 0);
    char temp[PATH_MAX];
    int len = snprintf(temp, sizeof(temp), "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof(temp)) {
        return FAIL(fail, ERR_IO, "the name \"%.64s...\" is too long", path);
    }
    EP_CLEANUP(build_close) int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not create \"%s\"", temp);
    }
    enum err err = ERR_OK;
    if (!build_write_all(fd, bytes) || fsync(fd) != 0) {
        err = FAIL_SYS(fail, ERR_IO, "could not write \"%s\"", temp);
    } else if (rename(temp, path) != 0) {
        err = FAIL_SYS(fail, ERR_IO, "could not rename \"%s\"", temp);
    }
    if (err != ERR_OK) {
        (void)unlink(temp); /* what is half written is of no use, and said to be so */
        return err;
    }
    return build_sync_folder(path, fail);
}
