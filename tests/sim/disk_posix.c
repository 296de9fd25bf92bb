/*
 * The simulated disk as the system's. The linker sends the program's open(), fsync() and the like
 * here (-Wl,--wrap in cmake/sim.cmake): what is under "/sim/" is served here, the rest goes on to
 * the system.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "disk_internal.h"

int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
int __real_access(const char *path, int mode);
int __real_flock(int fd, int operation);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_syncfs(int fd);
int __real_ftruncate(int fd, off_t size);
ssize_t __real_pread(int fd, void *bytes, size_t len, off_t at);

ssize_t __real_pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t __real_write(int fd, const void *bytes, size_t len);
int __real_fstat(int fd, struct stat *info);

int __real_mkdir(const char *path, mode_t mode);
int __real_rmdir(const char *path);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_stat(const char *path, struct stat *info);

int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_access(const char *path, int mode);
int __wrap_flock(int fd, int operation);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_syncfs(int fd);
int __wrap_ftruncate(int fd, off_t size);
ssize_t __wrap_pread(int fd, void *bytes, size_t len, off_t at);

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
int __wrap_fstat(int fd, struct stat *info);

int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_rmdir(const char *path);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_stat(const char *path, struct stat *info);

struct posix_open {
    bool open;
    bool folder;
    bool locked;
    uint64_t life;
    char folder_name[DISK_NAME_MAX]; /* of a folder alone */
    struct disk_handle handle;       /* not of one */
};

static struct posix_open posix_open[DISK_OPEN_MAX];

static bool posix_is_ours(const char *path)
{
    size_t len = strlen(DISK_FOLDER);
    return strncmp(path, DISK_FOLDER, len) == 0 || strcmp(path, "/sim") == 0;
}

/* NULL: a descriptor of the system's. */
static struct posix_open *posix_at(int fd)
{
    if (fd < DISK_FD_FIRST || fd >= DISK_FD_FIRST + DISK_OPEN_MAX) {
        return NULL;
    }
    struct posix_open *slot = &posix_open[fd - DISK_FD_FIRST];
    ASSERT(slot->open);
    return slot;
}

static int posix_result(enum disk_result result)
{
    if (result == DISK_OK || result == DISK_SHORT) {
        return 0;
    }
    errno = result == DISK_IS_FULL ? ENOSPC : EIO;
    return -1;
}

static bool posix_name_folder(struct posix_open *slot, const char *path)
{
    size_t len = strlen(path);
    len -= path[len - 1] == '/';
    ASSERT(len < DISK_NAME_MAX);
    memcpy(slot->folder_name, path, len);
    return disk_is_folder(slot->folder_name);
}

static bool posix_may_open(const char *path, int flags)
{
    bool there = disk_exists(path);
    if ((flags & O_EXCL) != 0 && there) {
        errno = EEXIST;
        return false;
    }
    if (disk_is_folder(path)) {
        errno = EISDIR;
        return false;
    }
    errno = ENOENT;
    return there || disk_has_place(path);
}

int __wrap_open(const char *path, int flags, ...)
{
    if (!posix_is_ours(path)) {
        va_list args;
        va_start(args, flags);
        int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
        va_end(args);
        return __real_open(path, flags, mode);
    }
    int at = 0;
    while (at < DISK_OPEN_MAX && posix_open[at].open) {
        at++;
    }
    ASSERT(at < DISK_OPEN_MAX);
    struct posix_open *slot = &posix_open[at];
    enum disk_result result = DISK_OK;
    *slot = (struct posix_open){ .folder = (flags & O_DIRECTORY) != 0, .life = disk_life() };
    if (slot->folder && !posix_name_folder(slot, path)) {
        errno = ENOENT;
        return -1;
    }
    if (!slot->folder && !posix_may_open(path, flags)) {
        return -1;
    }
    if (!slot->folder && disk_open(path, (flags & O_CREAT) != 0, &slot->handle, &result) == NULL) {
        errno = (flags & O_CREAT) != 0 ? EIO : ENOENT;
        return -1;
    }
    slot->open = true;
    if ((flags & O_TRUNC) != 0 && slot->handle.file->now.len > 0 &&
        posix_result(disk_truncate(&slot->handle, 0)) != 0) {
        (void)__wrap_close(DISK_FD_FIRST + at); /* it is of no use */
        errno = EIO;
        return -1;
    }
    return DISK_FD_FIRST + at;
}

int __wrap_close(int fd)
{
    struct posix_open *slot = posix_at(fd);
    if (slot == NULL) {
        return __real_close(fd);
    }
    slot->open = false;
    if (!slot->folder) {
        disk_close(&slot->handle);
    }
    return 0;
}

int __wrap_access(const char *path, int mode)
{
    if (!posix_is_ours(path)) {
        return __real_access(path, mode);
    }
    errno = ENOENT;
    return disk_exists(path) ? 0 : -1;
}

int __wrap_flock(int fd, int operation)
{
    struct posix_open *slot = posix_at(fd);
    if (slot == NULL) {
        return __real_flock(fd, operation);
    }
    for (int i = 0; i < DISK_OPEN_MAX; i++) {
        const struct posix_open *other = &posix_open[i];
        if (other != slot && other->open && other->locked && other->life == disk_life() &&
            other->handle.file == slot->handle.file) {
            errno = EWOULDBLOCK;
            return -1;
        }
    }
    slot->locked = true;
    return 0;
}

int __wrap_fsync(int fd)
{
    const struct posix_open *slot = posix_at(fd);
    if (slot == NULL) {
        return __real_fsync(fd);
    }
    return posix_result(slot->folder ? disk_sync_folder(slot->folder_name, slot->life)
                                     : disk_sync(&slot->handle));
}

int __wrap_fdatasync(int fd)
{
    const struct posix_open *slot = posix_at(fd);
    return slot == NULL ? __real_fdatasync(fd) : posix_result(disk_sync(&slot->handle));
}

/* By a file: of the folder that it is in. */
int __wrap_syncfs(int fd)
{
    const struct posix_open *slot = posix_at(fd);
    char folder[DISK_NAME_MAX];
    if (slot == NULL) {
        return __real_syncfs(fd);
    }
    const char *name = slot->handle.file->name;
    const char *slash = strrchr(name, '/');
    ASSERT(!slot->folder && slash != NULL);
    memcpy(folder, name, (size_t)(slash - name));
    folder[slash - name] = '\0';
    return posix_result(disk_sync_within(folder, slot->life));
}

int __wrap_ftruncate(int fd, off_t size)
{
    const struct posix_open *slot = posix_at(fd);
    return slot == NULL ? __real_ftruncate(fd, size)
                        : posix_result(disk_truncate(&slot->handle, (size_t)size));
}

ssize_t __wrap_pread(int fd, void *bytes, size_t len, off_t at)
{
    const struct posix_open *slot = posix_at(fd);
    if (slot == NULL) {
        return __real_pread(fd, bytes, len, at);
    }
    size_t size = slot->handle.file->now.len;
    size_t have = (size_t)at >= size ? 0 : size - (size_t)at < len ? size - (size_t)at : len;
    return posix_result(disk_read(&slot->handle, bytes, len, (size_t)at)) == 0 ? (ssize_t)have : -1;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    const struct posix_open *slot = posix_at(fd);
    if (slot == NULL) {
        return __real_pwrite(fd, bytes, len, at);
    }
    return posix_result(disk_write(&slot->handle, bytes, len, (size_t)at)) == 0 ? (ssize_t)len : -1;
}

/* Behind what is there: whoever calls it has opened the file for that. */
ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    const struct posix_open *slot = posix_at(fd);
    return slot == NULL ? __real_write(fd, bytes, len)
                        : __wrap_pwrite(fd, bytes, len, (off_t)slot->handle.file->now.len);
}

/* The size alone. */
int __wrap_fstat(int fd, struct stat *info)
{
    const struct posix_open *slot = posix_at(fd);
    if (slot == NULL) {
        return __real_fstat(fd, info);
    }
    *info = (struct stat){ .st_size = (off_t)slot->handle.file->now.len };
    return 0;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    if (!posix_is_ours(path)) {
        return __real_mkdir(path, mode);
    }
    if (disk_exists(path)) {
        errno = EEXIST;
        return -1;
    }
    return posix_result(disk_make_folder(path));
}

int __wrap_rmdir(const char *path)
{
    if (!posix_is_ours(path)) {
        return __real_rmdir(path);
    }
    if (!disk_exists(path) || !disk_is_empty(path)) {
        errno = disk_exists(path) ? ENOTEMPTY : ENOENT;
        return -1;
    }
    return posix_result(disk_remove(path));
}

int __wrap_rename(const char *from, const char *to)
{
    return posix_is_ours(from) ? posix_result(disk_rename(from, to)) : __real_rename(from, to);
}

int __wrap_unlink(const char *path)
{
    if (!posix_is_ours(path)) {
        return __real_unlink(path);
    }
    if (!disk_exists(path)) {
        errno = ENOENT;
        return -1;
    }
    return posix_result(disk_remove(path));
}

/* The size alone. */
int __wrap_stat(const char *path, struct stat *info)
{
    if (!posix_is_ours(path)) {
        return __real_stat(path, info);
    }
    *info = (struct stat){ .st_size = disk_size(path) };
    errno = ENOENT;
    return info->st_size < 0 ? -1 : 0;
}

void disk_forget_descriptors(void)
{
    /* They stay open for those who still close them; their life is over. */
    for (int i = 0; i < DISK_OPEN_MAX; i++) {
        posix_open[i].locked = false;
    }
}
