#include "store/gather.h"

#include <sqlite3.h>
#include <string.h>

#include "base/mem.h"

/* A write of the layer below: its own are of a page, 64 KiB at most, and it takes no more than
 * 128 KiB (sqlite 3.40 writes the length's lower 17 bits). At an offset that is a multiple, so that
 * no page of the system's is touched twice. */
#define GATHER_PIECE ((size_t)64 << 10)

/* What is known of the file, and what of that it does not have yet. */
struct gather_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this in the same block */
    char *bytes;        /* GATHER_BYTES, at the offsets of the file; NULL: no memory, nothing is */
    size_t from;        /* known up to `to` */
    size_t to;
    size_t fresh_from; /* within that: not written yet, up to `fresh_to` */
    size_t fresh_to;
};

static sqlite3_vfs *gather_root;
static sqlite3_vfs gather_vfs;

static struct gather_file *gather_of(sqlite3_file *base)
{
    return EP_CONTAINER(base, struct gather_file, base);
}

static const sqlite3_io_methods *gather_real(const struct gather_file *file)
{
    return file->real->pMethods;
}

/* ---- bytes ------------------------------------------------------------------------------- */

static void gather_forget(struct gather_file *file)
{
    file->from = 0;
    file->to = 0;
    file->fresh_from = 0;
    file->fresh_to = 0;
}

static int gather_flush(struct gather_file *file)
{
    int code = SQLITE_OK;
    ASSERT(file->fresh_from == file->fresh_to ||
           (file->from <= file->fresh_from && file->fresh_to <= file->to));
    for (size_t at = file->fresh_from, next = 0; code == SQLITE_OK && at < file->fresh_to;
         at = next) {
        next = (at / GATHER_PIECE + 1) * GATHER_PIECE;
        next = next < file->fresh_to ? next : file->fresh_to;
        code = gather_real(file)->xWrite(file->real, file->bytes + at, (int)(next - at),
                                         (sqlite3_int64)at);
    }
    file->fresh_from = 0;
    file->fresh_to = 0;
    if (code != SQLITE_OK) {
        gather_forget(file); /* what the file has now, nobody knows */
    }
    return code;
}

static bool gather_touches(size_t from, size_t to, size_t at, size_t end)
{
    return from < to && at <= to && from <= end;
}

static void gather_span(size_t *from, size_t *to, size_t at, size_t end)
{
    bool none = *from == *to;
    *from = none || at < *from ? at : *from;
    *to = none || end > *to ? end : *to;
}

static void gather_keep(struct gather_file *file, const void *bytes, size_t at, size_t end)
{
    if (!gather_touches(file->from, file->to, at, end)) {
        gather_forget(file); /* a span without a gap is enough for a journal */
    }
    memcpy(file->bytes + at, bytes, end - at);
    gather_span(&file->from, &file->to, at, end);
    gather_span(&file->fresh_from, &file->fresh_to, at, end);
}

static int gather_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 offset)
{
    struct gather_file *file = gather_of(base);
    ASSERT(len > 0 && offset >= 0);
    size_t at = (size_t)offset;
    size_t end = at + (size_t)len;
    bool keeps = file->bytes != NULL && end <= GATHER_BYTES;
    if (!keeps || !gather_touches(file->fresh_from, file->fresh_to, at, end)) {
        int code = gather_flush(file);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    if (keeps) {
        gather_keep(file, bytes, at, end);
        return SQLITE_OK;
    }
    file->to = file->to > at ? at : file->to;
    file->from = file->from > file->to ? file->to : file->from;
    return gather_real(file)->xWrite(file->real, bytes, len, offset);
}

static int gather_read(sqlite3_file *base, void *bytes, int len, sqlite3_int64 offset)
{
    struct gather_file *file = gather_of(base);
    size_t at = (size_t)offset;
    if (file->from <= at && at + (size_t)len <= file->to) {
        memcpy(bytes, file->bytes + at, (size_t)len);
        return SQLITE_OK;
    }
    int code = gather_flush(file);
    return code != SQLITE_OK ? code : gather_real(file)->xRead(file->real, bytes, len, offset);
}

static int gather_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct gather_file *file = gather_of(base);
    int code = gather_flush(file);
    gather_forget(file);
    return code != SQLITE_OK ? code : gather_real(file)->xTruncate(file->real, size);
}

static int gather_sync(sqlite3_file *base, int flags)
{
    struct gather_file *file = gather_of(base);
    int code = gather_flush(file);
    return code != SQLITE_OK ? code : gather_real(file)->xSync(file->real, flags);
}

static int gather_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
    struct gather_file *file = gather_of(base);
    int code = gather_flush(file);
    return code != SQLITE_OK ? code : gather_real(file)->xFileSize(file->real, ret_size);
}

/* ---- what the layer below does ----------------------------------------------------------- */

static int gather_control(sqlite3_file *base, int what, void *argument)
{
    const struct gather_file *file = gather_of(base);
    return gather_real(file)->xFileControl(file->real, what, argument);
}

static int gather_sector(sqlite3_file *base)
{
    const struct gather_file *file = gather_of(base);
    return gather_real(file)->xSectorSize(file->real);
}

static int gather_traits(sqlite3_file *base)
{
    const struct gather_file *file = gather_of(base);
    return gather_real(file)->xDeviceCharacteristics(file->real);
}

static int gather_close(sqlite3_file *base)
{
    struct gather_file *file = gather_of(base);
    int flushed = gather_flush(file);
    int closed = gather_real(file)->xClose(file->real);
    mem_free(file->bytes);
    return flushed != SQLITE_OK ? flushed : closed;
}

/* Nobody locks a journal: the locks are the database's. */
static const sqlite3_io_methods gather_methods = {
    .iVersion = 1,
    .xClose = gather_close,
    .xRead = gather_read,
    .xWrite = gather_write,
    .xTruncate = gather_truncate,
    .xSync = gather_sync,
    .xFileSize = gather_size,
    .xFileControl = gather_control,
    .xSectorSize = gather_sector,
    .xDeviceCharacteristics = gather_traits,
};

/* ---- files ------------------------------------------------------------------------------- */

/* Another file than a journal is the layer's below, with nothing around it. */
static int gather_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                       int *ret_flags)
{
    (void)vfs;
    if ((flags & SQLITE_OPEN_WAL) == 0) {
        return gather_root->xOpen(gather_root, name, base, flags, ret_flags);
    }
    struct gather_file *file = gather_of(base);
    *file = (struct gather_file){ .real = (sqlite3_file *)(file + 1) };
    file->real->pMethods = NULL;
    int code = gather_root->xOpen(gather_root, name, file->real, flags, ret_flags);
    if (file->real->pMethods != NULL) { /* then the engine closes it, whatever has come of it */
        file->bytes = mem_alloc(GATHER_BYTES); /* without it all is written as it comes */
        file->base.pMethods = &gather_methods;
    }
    return code;
}

void gather_register(void)
{
    gather_root = sqlite3_vfs_find(NULL);
    if (gather_root == NULL) {
        return; /* no memory for the library to start with */
    }
    gather_vfs = *gather_root;
    gather_vfs.zName = GATHER_NAME;
    gather_vfs.pNext = NULL;
    gather_vfs.szOsFile = (int)sizeof(struct gather_file) + gather_root->szOsFile;
    gather_vfs.xOpen = gather_open;
    (void)sqlite3_vfs_register(&gather_vfs, 0); /* a failure is told by who opens */
}
