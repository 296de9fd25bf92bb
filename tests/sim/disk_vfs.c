/* The simulated disk as SQLite's layer for files. */
#include <sqlite3.h>
#include <string.h>

#include "base/mem.h"
#include "disk_internal.h"

struct vfs_file {
    sqlite3_file base;
    struct disk_handle handle;
};

static struct disk_handle *vfs_handle(sqlite3_file *file)
{
    return &((struct vfs_file *)file)->handle;
}

static int vfs_code(enum disk_result result, int failed)
{
    static const int codes[] = { [DISK_OK] = SQLITE_OK, [DISK_IS_FULL] = SQLITE_FULL };
    return result == DISK_FAILED ? failed : codes[result];
}

/* ---- bytes ------------------------------------------------------------------------------- */

static int vfs_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    enum disk_result result = disk_read(vfs_handle(file), bytes, (size_t)len, (size_t)at);
    return result == DISK_SHORT ? SQLITE_IOERR_SHORT_READ : vfs_code(result, SQLITE_IOERR_READ);
}

static int vfs_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    return vfs_code(disk_write(vfs_handle(file), bytes, (size_t)len, (size_t)at),
                    SQLITE_IOERR_WRITE);
}

static int vfs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return vfs_code(disk_truncate(vfs_handle(file), (size_t)size), SQLITE_IOERR_TRUNCATE);
}

static int vfs_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    return vfs_code(disk_sync(vfs_handle(file)), SQLITE_IOERR_FSYNC);
}

static int vfs_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    *ret_size = (sqlite3_int64)vfs_handle(file)->file->now.len;
    return disk_alive(vfs_handle(file)) ? SQLITE_OK : SQLITE_IOERR_FSTAT;
}

/* ---- locks ------------------------------------------------------------------------------- */

static int vfs_lock(sqlite3_file *base, int level)
{
    struct disk_handle *handle = vfs_handle(base);
    struct disk_file *file = handle->file;
    if (!disk_alive(handle)) {
        return SQLITE_IOERR_LOCK;
    }
    if (handle->level >= level) {
        return SQLITE_OK;
    }
    bool others_pending = file->pending != NULL && file->pending != handle;
    bool others_reserved = file->reserved != NULL && file->reserved != handle;
    if ((level != SQLITE_LOCK_RESERVED && others_pending) ||
        (level != SQLITE_LOCK_SHARED && others_reserved)) {
        return SQLITE_BUSY;
    }
    if (level == SQLITE_LOCK_SHARED) {
        file->shared++;
    } else if (level == SQLITE_LOCK_RESERVED) {
        file->reserved = handle;
    } else {
        file->pending = handle;
        handle->level = SQLITE_LOCK_PENDING;
        if (file->shared > 1) {
            return SQLITE_BUSY;
        }
    }
    handle->level = level;
    return SQLITE_OK;
}

static int vfs_unlock(sqlite3_file *base, int level)
{
    struct disk_handle *handle = vfs_handle(base);
    struct disk_file *file = handle->file;
    if (disk_alive(handle) && handle->level > level) {
        file->reserved = file->reserved == handle ? NULL : file->reserved;
        file->pending = file->pending == handle ? NULL : file->pending;
        file->shared -= level == SQLITE_LOCK_NONE && handle->level >= SQLITE_LOCK_SHARED;
    }
    handle->level = handle->level > level ? level : handle->level;
    return SQLITE_OK;
}

static int vfs_check_lock(sqlite3_file *file, int *ret_locked)
{
    *ret_locked = vfs_handle(file)->file->reserved != NULL;
    return SQLITE_OK;
}

/* ---- memory that connections share ------------------------------------------------------- */

static int vfs_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **ret_map)
{
    struct disk_handle *handle = vfs_handle(base);
    *ret_map = NULL;
    if (!disk_alive(handle) || page >= DISK_SHM_MAX) {
        return SQLITE_IOERR_SHMMAP;
    }
    if (handle->shm == NULL) {
        if (handle->file->shm == NULL) {
            handle->file->shm = mem_zalloc(sizeof(struct disk_shm));
            ASSERT(handle->file->shm != NULL);
        }
        handle->shm = handle->file->shm;
        handle->shm->references++;
    }
    struct disk_shm *shm = handle->shm;
    while (shm->region_count <= page) {
        if (!extend) {
            return SQLITE_OK;
        }
        char *region = mem_zalloc((size_t)size);
        ASSERT(region != NULL);
        shm->regions[shm->region_count++] = region;
    }
    *ret_map = shm->regions[page];
    return SQLITE_OK;
}

static int vfs_shm_unlock(struct disk_handle *handle, int offset, int count)
{
    for (int i = offset; i < offset + count; i++) {
        unsigned bit = 1U << i;
        if ((handle->shm_exclusive & bit) != 0) {
            handle->shm->exclusive[i] = NULL;
        }
        if ((handle->shm_shared & bit) != 0) {
            handle->shm->shared[i]--;
        }
        handle->shm_exclusive &= ~bit;
        handle->shm_shared &= ~bit;
    }
    return SQLITE_OK;
}

static int vfs_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    struct disk_handle *handle = vfs_handle(base);
    struct disk_shm *shm = handle->shm;
    bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    ASSERT(shm != NULL && offset >= 0 && offset + count <= DISK_SHM_LOCKS);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        return vfs_shm_unlock(handle, offset, count);
    }
    if (!disk_alive(handle)) {
        return SQLITE_IOERR_SHMLOCK;
    }
    for (int i = offset; i < offset + count; i++) {
        bool mine = (handle->shm_shared & 1U << i) != 0;
        bool taken = shm->exclusive[i] != NULL && shm->exclusive[i] != handle;
        if (taken || (exclusive && shm->shared[i] > (mine ? 1 : 0))) {
            return SQLITE_BUSY;
        }
    }
    for (int i = offset; i < offset + count; i++) {
        unsigned bit = 1U << i;
        if (exclusive) {
            shm->exclusive[i] = handle;
            handle->shm_exclusive |= bit;
        } else if ((handle->shm_shared & bit) == 0) {
            shm->shared[i]++;
            handle->shm_shared |= bit;
        }
    }
    return SQLITE_OK;
}

static void vfs_shm_barrier(sqlite3_file *file)
{
    (void)file; /* one thread */
}

static int vfs_shm_unmap(sqlite3_file *base, int remove)
{
    struct disk_handle *handle = vfs_handle(base);
    (void)remove; /* the memory goes with the last who has it */
    if (handle->shm != NULL) {
        (void)vfs_shm_unlock(handle, 0, DISK_SHM_LOCKS);
        disk_shm_leave(handle);
    }
    return SQLITE_OK;
}

/* ---- files ------------------------------------------------------------------------------- */

static int vfs_close(sqlite3_file *file)
{
    (void)vfs_shm_unmap(file, 0);
    (void)vfs_unlock(file, SQLITE_LOCK_NONE);
    disk_close(vfs_handle(file));
    return SQLITE_OK;
}

static int vfs_control(sqlite3_file *file, int what, void *argument)
{
    (void)file;
    (void)what;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int vfs_sector(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

/* As the system's files: a torn write leaves its neighbours alone. */
static int vfs_traits(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods vfs_methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_lock,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector,
    .xDeviceCharacteristics = vfs_traits,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                    int *ret_flags)
{
    struct vfs_file *file = (struct vfs_file *)base;
    enum disk_result result = DISK_OK;
    (void)vfs;
    base->pMethods = NULL;
    bool create = (flags & SQLITE_OPEN_CREATE) != 0 || name == NULL;
    if (disk_open(name == NULL ? "" : name, create, &file->handle, &result) == NULL) {
        return vfs_code(result, SQLITE_CANTOPEN);
    }
    file->handle.journal = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    base->pMethods = &vfs_methods;
    if (ret_flags != NULL) {
        *ret_flags = flags;
    }
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    if (!disk_exists(name)) {
        return SQLITE_IOERR_DELETE_NOENT;
    }
    enum disk_result result = disk_remove(name);
    if (result == DISK_OK && sync_folder) {
        result = disk_sync_folder(DISK_ROOT, disk_life());
    }
    return vfs_code(result, SQLITE_IOERR_DELETE);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_there)
{
    (void)vfs;
    (void)flags;
    *ret_there = disk_exists(name);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *ret_path)
{
    (void)vfs;
    size_t len = strlen(name);
    if (len >= (size_t)size) {
        return SQLITE_CANTOPEN;
    }
    memcpy(ret_path, name, len + 1);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *ret_bytes)
{
    (void)vfs;
    for (int i = 0; i < len; i++) {
        ret_bytes[i] = (char)disk_random();
    }
    return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us; /* nothing that is waited for happens meanwhile */
}

static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *ret_ms)
{
    (void)vfs;
    *ret_ms = INT64_C(212602406400000); /* no table keeps it */
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *ret_text)
{
    (void)vfs;
    (void)size;
    (void)ret_text;
    return 0;
}

void disk_register(void)
{
    static sqlite3_vfs vfs = {
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct vfs_file),
        .mxPathname = DISK_NAME_MAX,
        .zName = "sim",
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time,
    };
    int code = sqlite3_vfs_register(&vfs, 1);
    ASSERT(code == SQLITE_OK);
    sqlite3_randomness(0, NULL); /* the next number begins anew with ours */
}
