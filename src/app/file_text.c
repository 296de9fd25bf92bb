#include "app/file_text.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_TEXT_READ_BYTES ((size_t)64 * 1024)
#define FILE_TEXT_PATH_MAX   4096

enum err file_text_read_fd(int fd, const char *name, struct buf *out, struct fail *fail)
{
    for (;;) {
        size_t left = out->max - out->len;
        size_t room = left < FILE_TEXT_READ_BYTES ? left : FILE_TEXT_READ_BYTES;
        char more = 0;
        if (room > 0 && buf_reserve(out, room) != ERR_OK) {
            return FAIL(fail, ERR_NO_MEMORY, "no memory for \"%s\"", name);
        }
        ssize_t got = room > 0 ? read(fd, out->ptr + out->len, room) : read(fd, &more, 1);
        if (got == 0) {
            return ERR_OK;
        }
        if (got < 0 && errno != EINTR) {
            return FAIL_SYS(fail, ERR_IO, "could not read \"%s\"", name);
        }
        if (got > 0 && room == 0) {
            return FAIL(fail, ERR_LIMIT, "\"%s\" is too long: more than %zu bytes", name, out->max);
        }
        buf_added(out, got > 0 ? (size_t)got : 0);
    }
}

enum err file_text_read(const char *path, struct buf *out, struct fail *fail)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return FAIL_SYS(fail, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "could not read \"%s\"",
                        path);
    }
    enum err err = file_text_read_fd(fd, path, out, fail);
    (void)close(fd); /* it was only read */
    return err;
}

static enum err file_text_write(int fd, const char *path, struct str text, struct fail *fail)
{
    while (text.len > 0) {
        ssize_t done = write(fd, text.ptr, text.len);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return FAIL_SYS(fail, ERR_IO, "could not write \"%s\"", path);
        }
        text = str_from_at(text, (size_t)done);
    }
    return fsync(fd) == 0 ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not write \"%s\"", path);
}

enum err file_text_replace(const char *path, struct str text, mode_t mode, struct fail *fail)
{
    char fresh[FILE_TEXT_PATH_MAX];
    struct stat info;
    int len = snprintf(fresh, sizeof(fresh), "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof(fresh)) {
        return FAIL(fail, ERR_LIMIT, "the path \"%s\" is too long", path);
    }
    if (stat(path, &info) == 0) {
        mode = info.st_mode & 0777;
    }
    (void)unlink(fresh); /* of a change that was cut off */
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not create \"%s\"", fresh);
    }
    enum err err = file_text_write(fd, fresh, text, fail);
    (void)close(fd); /* synced already */
    if (err == ERR_OK && rename(fresh, path) != 0) {
        err = FAIL_SYS(fail, ERR_IO, "could not replace \"%s\"", path);
    }
    if (err != ERR_OK) {
        (void)unlink(fresh); /* the old file is as it was */
    }
    return err;
}

enum err file_text_lock(const char *folder, int *ret_fd, struct fail *fail)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not read the folder \"%s\"", folder);
    }
    if (flock(fd, LOCK_EX) != 0) {
        enum err err = FAIL_SYS(fail, ERR_IO, "could not lock the folder \"%s\"", folder);
        (void)close(fd); /* it was only read */
        return err;
    }
    *ret_fd = fd;
    return ERR_OK;
}

void file_text_unlock(int fd)
{
    (void)close(fd); /* the lock ends with it */
}
