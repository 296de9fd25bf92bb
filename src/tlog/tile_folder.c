#include "tlog/tile_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/mem.h"

#define FOLDER_PATH_MAX   4096 /* as the system's own limit */
#define FOLDER_READ_BYTES ((size_t)16 * 1024)
#define FOLDER_FRESH_MAX  4 /* of tiles, of their bundles, of the level above, the log's own */

struct tile_folder {
    char *path;
    int lock_fd;
    bool in_bulk;
    char fresh[FOLDER_FRESH_MAX][FOLDER_PATH_MAX]; /* folders with names that are not synced */
    size_t fresh_count;
};

/* ---- paths --------------------------------------------------------------------------------- */

static enum err folder_join(const struct tile_folder *folder, struct str name,
                            char ret_path[FOLDER_PATH_MAX], struct fail *fail)
{
    int len = snprintf(ret_path, FOLDER_PATH_MAX, "%s/" STR_FMT, folder->path, STR_ARG(name));
    return len > 0 && len < FOLDER_PATH_MAX
               ? ERR_OK
               : FAIL(fail, ERR_LIMIT, "the path \"%s\" is too long", folder->path);
}

static enum err folder_tile_path(const struct tile_folder *folder, const struct tile *tile,
                                 char ret_path[FOLDER_PATH_MAX], struct fail *fail)
{
    char text[TILE_PATH_MAX];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    TRY(tile_print(tile, &name));
    return folder_join(folder, buf_str(&name), ret_path, fail);
}

/* Cuts the last name off; what is left is inside the log's folder, or the folder itself. */
static void folder_cut(char *path)
{
    char *slash = strrchr(path, '/');
    ASSERT(slash != NULL);
    *slash = '\0';
}

/* ---- names that stay ------------------------------------------------------------------------ */

static enum err folder_sync_one(const char *path, struct fail *fail)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err err = fd >= 0 && fsync(fd) == 0
                       ? ERR_OK
                       : FAIL_SYS(fail, ERR_IO, "could not sync the folder \"%s\"", path);
    if (fd >= 0) {
        (void)close(fd); /* was read only */
    }
    return err;
}

/* Whatever the file system has not written yet: files and names of many tiles at once. By a
 * descriptor that was open before they were written: it is told of failures since it was opened. */
static enum err folder_sync_all(struct tile_folder *folder, struct fail *fail)
{
    if (syncfs(folder->lock_fd) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not sync what is in \"%s\"", folder->path);
    }
    folder->fresh_count = 0;
    folder->in_bulk = false;
    return ERR_OK;
}

void tile_folder_begin_bulk(struct tile_folder *folder)
{
    folder->in_bulk = true;
}

/* With the folders it is in: a crash may have left one that was made and never synced. Those that
 * are durable cost next to nothing. */
static enum err folder_sync_up(const struct tile_folder *folder, const char *fresh,
                               struct fail *fail)
{
    char path[FOLDER_PATH_MAX];
    size_t root = strlen(folder->path);
    (void)snprintf(path, sizeof(path), "%s", fresh); /* as long */
    TRY(folder_sync_one(path, fail));
    while (strlen(path) > root) {
        folder_cut(path);
        TRY(folder_sync_one(path, fail));
    }
    return ERR_OK;
}

enum err tile_folder_sync(struct tile_folder *folder, struct fail *fail)
{
    if (folder->in_bulk) {
        return folder_sync_all(folder, fail);
    }
    for (size_t i = 0; i < folder->fresh_count; i++) {
        TRY(folder_sync_up(folder, folder->fresh[i], fail));
    }
    folder->fresh_count = 0;
    return ERR_OK;
}

static bool folder_is_fresh(const struct tile_folder *folder, const char *path)
{
    size_t at = 0;
    while (at < folder->fresh_count && strcmp(folder->fresh[at], path) != 0) {
        at++;
    }
    return at < folder->fresh_count;
}

/* A name was made in the folder of `path`. */
static enum err folder_note_fresh(struct tile_folder *folder, const char *path, struct fail *fail)
{
    char parent[FOLDER_PATH_MAX];
    (void)snprintf(parent, sizeof(parent), "%s", path); /* as long */
    folder_cut(parent);
    if (folder->in_bulk || folder_is_fresh(folder, parent)) {
        return ERR_OK; /* in bulk none needs to be known */
    }
    if (folder->fresh_count == FOLDER_FRESH_MAX) {
        TRY(tile_folder_sync(folder, fail));
    }
    (void)snprintf(folder->fresh[folder->fresh_count], FOLDER_PATH_MAX, "%s", parent);
    folder->fresh_count++;
    return ERR_OK;
}

/* The folders above `path`, below the log's own. */
static enum err folder_make_parents(const struct tile_folder *folder, char *path, struct fail *fail)
{
    for (char *at = path + strlen(folder->path) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        int made = mkdir(path, 0755);
        enum err err = made == 0 || errno == EEXIST
                           ? ERR_OK
                           : FAIL_SYS(fail, ERR_IO, "could not make the folder \"%s\"", path);
        *at = '/';
        TRY(err);
    }
    return ERR_OK;
}

/* ---- files ---------------------------------------------------------------------------------- */

static enum err folder_write(const char *path, struct str bytes, bool sync, struct fail *fail)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST) {
        (void)unlink(path); /* of a crash; it may be another name of a file that is shown */
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    }
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not create \"%s\"", path);
    }
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t written = pwrite(fd, bytes.ptr + done, bytes.len - done, (off_t)done);
        if (written <= 0) {
            break;
        }
        done += (size_t)written;
    }
    enum err err = done == bytes.len && (!sync || fsync(fd) == 0)
                       ? ERR_OK
                       : FAIL_SYS(fail, ERR_IO, "could not write \"%s\"", path);
    (void)close(fd); /* synced, or to be, or given up */
    return err;
}

/* Whole under its name, or not there. */
static enum err folder_put(struct tile_folder *folder, char *path, struct str bytes,
                           struct fail *fail)
{
    char fresh[FOLDER_PATH_MAX];
    TRY(folder_join(folder, STR("new"), fresh, fail));
    TRY(folder_make_parents(folder, path, fail));
    TRY(folder_write(fresh, bytes, !folder->in_bulk, fail));
    EP_CRASH_POINT("log-file-written");
    if (rename(fresh, path) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not make \"%s\"", path);
    }
    EP_CRASH_POINT("log-file-named");
    return folder_note_fresh(folder, path, fail);
}

enum err tile_folder_put(struct tile_folder *folder, const struct tile *tile, struct str bytes,
                         struct fail *fail)
{
    char path[FOLDER_PATH_MAX];
    TRY(folder_tile_path(folder, tile, path, fail));
    return folder_put(folder, path, bytes, fail);
}

enum err tile_folder_show(struct tile_folder *folder, struct str note, struct fail *fail)
{
    char path[FOLDER_PATH_MAX];
    TRY(folder_join(folder, STR("checkpoint"), path, fail));
    TRY(tile_folder_sync(folder, fail)); /* nothing is shown before what it stands on is durable */
    TRY(folder_put(folder, path, note, fail));
    return tile_folder_sync(folder, fail);
}

/* Appends the file's bytes; ERR_NOT_FOUND: there is none. */
static enum err folder_read(const char *path, struct buf *out, struct fail *fail)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return FAIL_SYS(fail, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "could not open \"%s\"",
                        path);
    }
    enum err err = ERR_OK;
    for (off_t at = 0; err == ERR_OK;) {
        err = buf_reserve(out, FOLDER_READ_BYTES);
        if (err != ERR_OK) {
            err = FAIL(fail, err, "\"%s\" is too long", path);
            break;
        }
        ssize_t got = pread(fd, out->ptr + out->len, FOLDER_READ_BYTES, at);
        if (got <= 0) {
            err = got == 0 ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not read \"%s\"", path);
            break;
        }
        buf_added(out, (size_t)got);
        at += got;
    }
    (void)close(fd); /* was read only */
    return err;
}

enum err tile_folder_checkpoint(const struct tile_folder *folder, struct buf *out,
                                struct fail *fail)
{
    char path[FOLDER_PATH_MAX];
    TRY(folder_join(folder, STR("checkpoint"), path, fail));
    enum err err = folder_read(path, out, fail);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

int64_t tile_folder_size(const struct tile_folder *folder, const struct tile *tile)
{
    char path[FOLDER_PATH_MAX];
    struct stat info;
    if (folder_tile_path(folder, tile, path, NULL) != ERR_OK || stat(path, &info) != 0) {
        return -1;
    }
    return info.st_size;
}

bool tile_folder_holds(const struct tile_folder *folder, const struct tile *tile, struct str bytes)
{
    char path[FOLDER_PATH_MAX];
    struct buf found;
    buf_init(&found,
             bytes.len + 2 * FOLDER_READ_BYTES); /* no need to see the end of a longer one */
    bool holds = folder_tile_path(folder, tile, path, NULL) == ERR_OK &&
                 folder_read(path, &found, NULL) == ERR_OK && str_eq(buf_str(&found), bytes);
    buf_fini(&found);
    return holds;
}

void tile_folder_drop_partials(const struct tile_folder *folder, const struct tile *full)
{
    char path[FOLDER_PATH_MAX];
    struct tile partial = *full;
    partial.width = 1;
    if (folder_tile_path(folder, &partial, path, NULL) != ERR_OK) {
        return;
    }
    folder_cut(path);
    if (rmdir(path) == 0 || errno == ENOENT) {
        return;
    }
    for (partial.width = 1; partial.width < TILE_WIDTH; partial.width++) {
        char name[FOLDER_PATH_MAX];
        if (folder_tile_path(folder, &partial, name, NULL) == ERR_OK) {
            (void)unlink(name); /* most widths were never there */
        }
    }
    (void)rmdir(path);
}

/* ---- life ----------------------------------------------------------------------------------- */

static enum err folder_lock(struct tile_folder *folder, struct fail *fail)
{
    char path[FOLDER_PATH_MAX];
    TRY(folder_join(folder, STR("lock"), path, fail));
    folder->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (folder->lock_fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", path);
    }
    if (flock(folder->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return FAIL(fail, ERR_CONFLICT, "another process publishes into \"%s\"", folder->path);
    }
    return ERR_OK;
}

static enum err folder_start(struct tile_folder *folder, struct fail *fail)
{
    char above[FOLDER_PATH_MAX];
    if (mkdir(folder->path, 0755) != 0 && errno != EEXIST) {
        return FAIL_SYS(fail, ERR_IO, "could not make the folder \"%s\"", folder->path);
    }
    TRY(folder_lock(folder, fail)); /* whose path is not too long */
    (void)snprintf(above, sizeof(above), "%s", folder->path);
    char *slash = strrchr(above, '/');
    if (slash == NULL) {
        return folder_sync_one(".", fail);
    }
    slash[slash == above ? 1 : 0] = '\0';
    return folder_sync_one(above, fail);
}

enum err tile_folder_open(const char *path, struct tile_folder **ret_folder, struct fail *fail)
{
    size_t len = strlen(path);
    struct tile_folder *folder = mem_zalloc(sizeof(*folder));
    if (folder == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the log's folder");
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    folder->lock_fd = -1;
    folder->path = mem_copy_text(path, len);
    enum err err = folder->path == NULL
                       ? FAIL(fail, ERR_NO_MEMORY, "no memory for the log's folder")
                       : folder_start(folder, fail);
    if (err != ERR_OK) {
        tile_folder_close(folder);
        return err;
    }
    *ret_folder = folder;
    return ERR_OK;
}

void tile_folder_close(struct tile_folder *folder)
{
    if (folder == NULL) {
        return;
    }
    if (folder->lock_fd >= 0) {
        (void)close(folder->lock_fd); /* gives the lock back */
    }
    mem_free(folder->path);
    mem_free(folder);
}

const char *tile_folder_path(const struct tile_folder *folder)
{
    return folder->path;
}
