#include "store/spool.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define SPOOL_MODE 0700
#define SPOOL_PATH 4224 /* of a configuration's longest path, and a name in it */
#define SPOOL_NAME "/upload-XXXXXX"

struct spool {
    char *folder;
    size_t files_max;
    uint64_t bytes_max;
    atomic_size_t files;
    _Atomic uint64_t bytes;
};

struct spool_file {
    struct spool *spool;
    uint64_t size;
    int fd;
};

/* Not all file systems know files without a name: there it has one for an instant. */
static int spool_named(const struct spool *spool)
{
    char path[SPOOL_PATH];
    int len = snprintf(path, sizeof(path), "%s" SPOOL_NAME, spool->folder);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0 && unlink(path) != 0) {
        int reason = errno;
        (void)close(fd); /* nothing was written */
        errno = reason;
        return -1;
    }
    return fd;
}

static int spool_make(const struct spool *spool)
{
    int fd = open(spool->folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    bool unknown = fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT);
    return unknown ? spool_named(spool) : fd;
}

enum err spool_create(const struct spool_options *options, struct spool **ret_spool,
                      struct fail *fail)
{
    struct spool *spool = mem_zalloc(sizeof(*spool));
    if (spool == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for uploads");
    }
    spool->folder = mem_copy_text(options->folder, strlen(options->folder));
    spool->files_max = options->files_max;
    spool->bytes_max = options->bytes_max;
    if (spool->folder == NULL) {
        mem_free(spool);
        return FAIL(fail, ERR_NO_MEMORY, "no memory for uploads");
    }
    bool there = mkdir(options->folder, SPOOL_MODE) == 0 || errno == EEXIST;
    int fd = there ? spool_make(spool) : -1;
    if (fd < 0) {
        enum err err =
            FAIL_SYS(fail, ERR_IO, "could not make a file for uploads in \"%s\" (uploads.folder)",
                     options->folder);
        spool_destroy(spool);
        return err;
    }
    (void)close(fd); /* it was only tried */
    *ret_spool = spool;
    return ERR_OK;
}

void spool_destroy(struct spool *spool)
{
    if (spool == NULL) {
        return;
    }
    ASSERT(spool_files(spool) == 0 && spool_bytes(spool) == 0);
    mem_free(spool->folder);
    mem_free(spool);
}

size_t spool_files(const struct spool *spool)
{
    return atomic_load_explicit(&spool->files, memory_order_relaxed);
}

uint64_t spool_bytes(const struct spool *spool)
{
    return atomic_load_explicit(&spool->bytes, memory_order_relaxed);
}

enum err spool_open(struct spool *spool, struct spool_file **ret_file, struct fail *fail)
{
    size_t before = atomic_fetch_add_explicit(&spool->files, 1, memory_order_relaxed);
    enum err err = before >= spool->files_max
                       ? FAIL(fail, ERR_UPLOADS_FULL, "%zu uploads are under way (uploads.files)",
                              spool->files_max)
                       : ERR_OK;
    struct spool_file *file = err == ERR_OK ? mem_zalloc(sizeof(*file)) : NULL;
    if (err == ERR_OK && file == NULL) {
        err = FAIL(fail, ERR_NO_MEMORY, "no memory for an upload");
    }
    int fd = err == ERR_OK ? spool_make(spool) : -1;
    if (err == ERR_OK && fd < 0) {
        err = FAIL_SYS(fail, ERR_UPLOAD_FAILED, "could not make a file in \"%s\" (uploads.folder)",
                       spool->folder);
    }
    if (err != ERR_OK) {
        mem_free(file);
        atomic_fetch_sub_explicit(&spool->files, 1, memory_order_relaxed);
        return err;
    }
    *file = (struct spool_file){ .spool = spool, .fd = fd };
    *ret_file = file;
    return ERR_OK;
}

static enum err spool_write(struct spool_file *file, struct str data, struct fail *fail)
{
    while (data.len > 0) {
        size_t most = data.len < SPOOL_PIECE_MAX ? data.len : SPOOL_PIECE_MAX;
        ssize_t len = pwrite(file->fd, data.ptr, most, (off_t)file->size);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len <= 0) {
            return FAIL_SYS(fail, ERR_UPLOAD_FAILED,
                            "could not write to a file in \"%s\" (uploads.folder)",
                            file->spool->folder);
        }
        file->size += (size_t)len;
        data = str_from_at(data, (size_t)len);
    }
    return ERR_OK;
}

enum err spool_append(struct spool_file *file, struct str data, struct fail *fail)
{
    struct spool *spool = file->spool;
    uint64_t before = atomic_fetch_add_explicit(&spool->bytes, data.len, memory_order_relaxed);
    if (before + data.len > spool->bytes_max) {
        atomic_fetch_sub_explicit(&spool->bytes, data.len, memory_order_relaxed);
        return FAIL(fail, ERR_UPLOADS_FULL, "uploads under way have %llu bytes (uploads.bytes)",
                    (unsigned long long)spool->bytes_max);
    }
    uint64_t size = file->size;
    enum err err = spool_write(file, data, fail);
    /* What was not written does not count; the file itself is of no use then. */
    uint64_t lost = data.len - (file->size - size);
    atomic_fetch_sub_explicit(&spool->bytes, lost, memory_order_relaxed);
    return err;
}

uint64_t spool_size(const struct spool_file *file)
{
    return file->size;
}

enum err spool_read(const struct spool_file *file, uint64_t at, char *place, size_t room,
                    size_t *ret_len, struct fail *fail)
{
    ASSERT(at < file->size && room > 0);
    size_t most = room < SPOOL_PIECE_MAX ? room : SPOOL_PIECE_MAX;
    ssize_t len = -1;
    do {
        len = pread(file->fd, place, most, (off_t)at);
    } while (len < 0 && errno == EINTR);
    if (len <= 0) {
        return FAIL_SYS(fail, ERR_UPLOAD_FAILED, "could not read a file in \"%s\" (uploads.folder)",
                        file->spool->folder);
    }
    *ret_len = (size_t)len;
    return ERR_OK;
}

void spool_close(struct spool_file *file)
{
    if (file == NULL) {
        return;
    }
    struct spool *spool = file->spool;
    (void)close(file->fd); /* its bytes are nobody's any more, whatever it says */
    atomic_fetch_sub_explicit(&spool->bytes, file->size, memory_order_relaxed);
    atomic_fetch_sub_explicit(&spool->files, 1, memory_order_relaxed);
    mem_free(file);
}
