/* Backup and restore: whole copies of a store, taken beside a writer and put in its place. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store_internal.h"

#define COPY_CHUNK   ((size_t)1 << 20) /* bytes a read: a megabyte hides the call's cost */
#define COPY_BYTES_1 512               /* the smallest page: a shorter file is no database */

static const struct store_sql sql_version = { "SELECT max(number) FROM schema_version" };

static enum err copy_on_version(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].kind == STORE_INT ? row[0].number : 0;
    return ERR_OK;
}

static enum err copy_path(struct str path, char ret_path[STORE_PATH_MAX], struct fail *fail)
{
    if (path.len == 0 || path.len >= STORE_PATH_MAX) {
        return FAIL(fail, ERR_IO, "a path has 1 to %d bytes", STORE_PATH_MAX - 1);
    }
    memcpy(ret_path, path.ptr, path.len);
    ret_path[path.len] = '\0';
    return ERR_OK;
}

enum err store_path_beside(const char *path, const char *suffix, char ret_path[STORE_PATH_MAX],
                           struct fail *fail)
{
    int len = snprintf(ret_path, STORE_PATH_MAX, "%s%s", path, suffix);
    if (len < 0 || len >= STORE_PATH_MAX) {
        return FAIL(fail, ERR_IO, "the path \"%s\" is too long", path);
    }
    return ERR_OK;
}

enum err store_url_path(struct str url, struct str *ret_path, struct fail *fail)
{
    static const struct str scheme = STR_INIT("sqlite:");
    if (!str_starts(url, scheme) || url.len == scheme.len) {
        return FAIL(fail, ERR_CONF_INVALID, "a store is \"sqlite:PATH\", not \"" STR_FMT "\"",
                    STR_ARG(url));
    }
    *ret_path = str_from_at(url, scheme.len);
    return ERR_OK;
}

enum err store_sync_folder(const char *path, struct fail *fail)
{
    char folder[STORE_PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 1 : (size_t)(slash - path) + 1;
    if (len >= sizeof(folder)) {
        return FAIL(fail, ERR_IO, "the path \"%s\" is too long", path);
    }
    memcpy(folder, slash == NULL ? "." : path, len);
    folder[len] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", folder);
    }
    enum err err =
        fsync(fd) == 0 ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not sync \"%s\"", folder);
    (void)close(fd); /* a folder opened for reading */
    return err;
}

/* ---- backup ------------------------------------------------------------------------------ */

/* The part file, empty and ours alone: whoever holds its lock may write it. */
static enum err copy_open_part(const char *path, const char *part, int *ret_fd, struct fail *fail)
{
    struct stat named;
    struct stat opened;
    if (lstat(path, &named) == 0) {
        return FAIL(fail, ERR_CONFLICT, "\"%s\" is there already, and is not written over", path);
    }
    int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", part);
    }
    /* Another backup may have locked it, or have given it its name, since it was opened. */
    bool ours = flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &opened) == 0 &&
                lstat(part, &named) == 0 && named.st_ino == opened.st_ino;
    if (!ours || ftruncate(fd, 0) != 0) {
        enum err err = ours ? FAIL_SYS(fail, ERR_IO, "could not empty \"%s\"", part)
                            : FAIL(fail, ERR_CONFLICT, "another backup is writing \"%s\"", part);
        (void)close(fd); /* nothing was written */
        return err;
    }
    *ret_fd = fd;
    return ERR_OK;
}

static enum err copy_snapshot(struct store_txn *txn, const char *part, struct store_backup *backup,
                              struct fail *fail)
{
    int64_t version = 0;
    /* The first read takes the snapshot; the copy must not be what does. */
    TRY(store_query(txn, &sql_version, NULL, 0, copy_on_version, &version, fail));
    if (backup->look != NULL) {
        TRY(backup->look(backup->context, txn, fail));
    }
    return txn->engine->copy(txn->conn, part, &backup->progress, fail);
}

static enum err copy_take(struct store *store, const char *part, struct store_backup *backup,
                          struct fail *fail)
{
    struct str path;
    struct store_txn txn = { .engine = store_source(store, &path) };
    TRY(txn.engine->open(path, true, &txn.conn, fail));
    enum err err = txn.engine->begin(txn.conn, false, fail);
    if (err == ERR_OK) {
        err = copy_snapshot(&txn, part, backup, fail);
        txn.engine->rollback(txn.conn);
    }
    txn.engine->close(txn.conn);
    return err;
}

/* Durable first, then named: whoever sees the name sees a whole backup. */
static enum err copy_name(int fd, const char *part, const char *path, int64_t *ret_bytes,
                          struct fail *fail)
{
    struct stat whole;
    if (fsync(fd) != 0 || fstat(fd, &whole) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not sync \"%s\"", part);
    }
    if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) != 0) {
        return errno == EEXIST ? FAIL(fail, ERR_CONFLICT,
                                      "\"%s\" is there by now, and is not written over", path)
                               : FAIL_SYS(fail, ERR_IO, "could not name \"%s\"", path);
    }
    *ret_bytes = whole.st_size;
    return store_sync_folder(path, fail);
}

enum err store_backup(struct store *store, struct store_backup *backup, struct fail *fail)
{
    char path[STORE_PATH_MAX];
    char part[STORE_PATH_MAX];
    int fd = -1;
    TRY(copy_path(backup->path, path, fail));
    TRY(store_path_beside(path, ".part", part, fail));
    TRY(copy_open_part(path, part, &fd, fail));
    enum err err = copy_take(store, part, backup, fail);
    err = err == ERR_OK ? copy_name(fd, part, path, &backup->bytes, fail) : err;
    if (err != ERR_OK) {
        (void)unlink(part); /* half a backup helps nobody; the next one would empty it */
    }
    (void)close(fd); /* synced */
    return err;
}

/* ---- restore ----------------------------------------------------------------------------- */

struct copy_places {
    char path[STORE_PATH_MAX];  /* the store's database */
    char from[STORE_PATH_MAX];  /* the backup */
    char fresh[STORE_PATH_MAX]; /* its copy, beside the store's */
    char kept[STORE_PATH_MAX];  /* where the old database goes */
};

static int64_t copy_size_of(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 ? (int64_t)file.st_size : 0;
}

/* What belongs to a database beside its file. */
static enum err copy_drop(const char *path, const char *suffix, struct fail *fail)
{
    char beside[STORE_PATH_MAX];
    TRY(store_path_beside(path, suffix, beside, fail));
    if (unlink(beside) != 0 && errno != ENOENT) {
        return FAIL_SYS(fail, ERR_IO, "could not remove \"%s\"", beside);
    }
    return ERR_OK;
}

/* ERR_STORE_DAMAGED also where the last commits are in a journal that a copy would leave behind. */
static enum err copy_refuse(const struct copy_places *places, int fd, struct fail *fail)
{
    char journal[STORE_PATH_MAX];
    struct stat from;
    struct stat live;
    if (fstat(fd, &from) != 0 || !S_ISREG(from.st_mode)) {
        return FAIL(fail, ERR_STORE_DAMAGED, "\"%s\" is no file", places->from);
    }
    if (stat(places->path, &live) == 0 && live.st_ino == from.st_ino &&
        live.st_dev == from.st_dev) {
        return FAIL(fail, ERR_CONFLICT, "\"%s\" is the store itself", places->from);
    }
    TRY(store_path_beside(places->from, "-wal", journal, fail));
    if (copy_size_of(journal) > 0) {
        return FAIL(fail, ERR_STORE_DAMAGED,
                    "\"%s\" has a journal beside it: it is a database in use, and no backup",
                    places->from);
    }
    if (from.st_size < COPY_BYTES_1) {
        return FAIL(fail, ERR_STORE_DAMAGED, "\"%s\" is too short for a database", places->from);
    }
    return ERR_OK;
}

static enum err copy_write(int fd, const char *bytes, size_t len, const struct copy_places *places,
                           struct fail *fail)
{
    for (size_t at = 0; at < len;) {
        ssize_t done = write(fd, bytes + at, len - at);
        if (done < 0 && errno != EINTR) {
            return FAIL_SYS(fail, ERR_IO, "could not write \"%s\"", places->fresh);
        }
        at += done > 0 ? (size_t)done : 0;
    }
    return ERR_OK;
}

static enum err copy_bytes(const struct copy_places *places, int from, int to,
                           const struct store_progress *progress, struct fail *fail)
{
    int64_t total = copy_size_of(places->from);
    int64_t copied = 0;
    char *chunk = mem_alloc(COPY_CHUNK);
    enum err err = chunk == NULL ? FAIL(fail, ERR_NO_MEMORY, "no memory for a copy") : ERR_OK;
    while (err == ERR_OK) {
        ssize_t got = read(from, chunk, COPY_CHUNK);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            err = FAIL_SYS(fail, ERR_IO, "could not read \"%s\"", places->from);
        } else if (got > 0) {
            err = copy_write(to, chunk, (size_t)got, places, fail);
            copied += got;
        }
        if (progress->update != NULL) {
            progress->update(progress->context, copied, total);
        }
    }
    mem_free(chunk);
    return err;
}

/* What is checked is the copy, which nobody else can change, and which is what is put in place. */
static enum err copy_fetch(const struct copy_places *places, const struct store_progress *progress,
                           struct fail *fail)
{
    int from = open(places->from, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", places->from);
    }
    enum err err = copy_refuse(places, from, fail);
    int to = -1;
    if (err == ERR_OK) {
        to = open(places->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        err = to < 0 ? FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", places->fresh) : ERR_OK;
    }
    if (err == ERR_OK) {
        err = copy_bytes(places, from, to, progress, fail);
        (void)close(to); /* synced at the end, when all is written */
    }
    (void)close(from); /* was read only */
    return err;
}

static enum err copy_read_version(struct store_txn *txn, const char *from, int64_t *ret_version,
                                  struct fail *fail)
{
    if (store_query(txn, &sql_version, NULL, 0, copy_on_version, ret_version, NULL) != ERR_OK ||
        *ret_version < 1) {
        return FAIL(fail, ERR_STORE_DAMAGED, "\"%s\" is no backup of this program's store", from);
    }
    return ERR_OK;
}

static enum err copy_check(const struct copy_places *places, const struct store_options *options,
                           struct fail *fail)
{
    int64_t version = 0;
    struct store_txn txn = { .engine = &engine_sqlite };
    if (txn.engine->open(str_from(places->fresh), true, &txn.conn, NULL) != ERR_OK) {
        return FAIL(fail, ERR_STORE_DAMAGED, "\"%s\" cannot be opened as a database", places->from);
    }
    enum err err = txn.engine->check(txn.conn, fail);
    err = err == ERR_OK ? copy_read_version(&txn, places->from, &version, fail) : err;
    if (err == ERR_OK && version > (int64_t)options->migrations_count) {
        err = FAIL(fail, ERR_STORE_SCHEMA,
                   "\"%s\" has schema %lld, this program knows %zu: use a newer one", places->from,
                   (long long)version, options->migrations_count);
    }
    txn.engine->close(txn.conn);
    return err;
}

/* Opens the copy as the server would, which migrates it, and has it judged. */
static enum err copy_judge(const struct copy_places *places, const struct store_options *options,
                           struct store_restore *restore, struct fail *fail)
{
    struct buf url;
    struct store *fresh = NULL;
    buf_init(&url, 2 * STORE_PATH_MAX);
    enum err err = buf_printf(&url, "sqlite:%s", places->fresh);
    if (err == ERR_OK) {
        struct store_options own = *options;
        own.url = buf_str(&url);
        err = store_open(&own, &fresh, fail);
    }
    err = err == ERR_OK ? restore->judge(restore->context, fresh, fail) : err;
    if (err == ERR_OK && store_failed(fresh)) {
        err = FAIL(fail, ERR_STORE_FAILED, "the copy could not be written");
    }
    store_close(fresh);
    buf_fini(&url);
    return err;
}

/* One durable file: all of its journal is in it. */
static enum err copy_settle(const struct copy_places *places, struct fail *fail)
{
    char journal[STORE_PATH_MAX];
    TRY(store_path_beside(places->fresh, "-wal", journal, fail));
    if (copy_size_of(journal) > 0) {
        return FAIL(fail, ERR_IO, "the journal of \"%s\" could not be emptied", places->fresh);
    }
    TRY(copy_drop(places->fresh, "-wal", fail));
    TRY(copy_drop(places->fresh, "-shm", fail));
    TRY(copy_drop(places->fresh, ".lock", fail));
    int fd = open(places->fresh, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", places->fresh);
    }
    enum err err =
        fsync(fd) == 0 ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not sync \"%s\"", places->fresh);
    (void)close(fd); /* was read only */
    return err;
}

/* Brings what is in the old journal into the old file. A damaged one keeps both as they are. */
static void copy_empty_journal(const char *path)
{
    struct engine_conn *conn = NULL;
    if (engine_sqlite.open(str_from(path), false, &conn, NULL) == ERR_OK) {
        bool empty = false;
        EP_IGNORE(
            engine_sqlite.checkpoint(conn, 0, &empty, NULL)); /* then the journal is kept as well */
        engine_sqlite.close(conn);
    }
}

/*
 * The old database gets a second name, then the copy takes the first: there is no moment without a
 * database, and none in which an old journal lies beside the copy.
 */
static enum err copy_swap(struct copy_places *places, struct fail *fail)
{
    char journal[STORE_PATH_MAX];
    char journal_kept[STORE_PATH_MAX];
    TRY(store_path_beside(places->path, "-wal", journal, fail));
    TRY(store_path_beside(places->kept, "-wal", journal_kept, fail));
    if (access(places->path, F_OK) == 0) {
        copy_empty_journal(places->path);
        if (link(places->path, places->kept) != 0) {
            return FAIL_SYS(fail, ERR_IO, "could not keep the old database as \"%s\"",
                            places->kept);
        }
    } else {
        places->kept[0] = '\0';
    }
    if (places->kept[0] != '\0' && copy_size_of(journal) > 0 &&
        rename(journal, journal_kept) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not keep the old journal as \"%s\"", journal_kept);
    }
    TRY(copy_drop(places->path, "-wal", fail));
    TRY(copy_drop(places->path, "-shm", fail));
    TRY(store_sync_folder(places->path, fail)); /* before the copy takes the journal's place */
    if (rename(places->fresh, places->path) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not put \"%s\" in place", places->fresh);
    }
    return store_sync_folder(places->path, fail);
}

static enum err copy_find_places(struct copy_places *places, const struct store_options *options,
                                 const struct store_restore *restore, struct fail *fail)
{
    struct str path;
    struct tm utc;
    char suffix[40];
    time_t seconds = (time_t)(restore->now_ns / INT64_C(1000000000));
    ASSERT(gmtime_r(&seconds, &utc) != NULL);
    ASSERT(strftime(suffix, sizeof(suffix), ".before-%Y%m%dT%H%M%SZ", &utc) > 0);
    TRY(store_url_path(options->url, &path, fail));
    TRY(copy_path(path, places->path, fail));
    TRY(copy_path(restore->path, places->from, fail));
    TRY(store_path_beside(places->path, ".restoring", places->fresh, fail));
    return store_path_beside(places->path, suffix, places->kept, fail);
}

static enum err copy_restore(struct copy_places *places, const struct store_options *options,
                             struct store_restore *restore, struct fail *fail)
{
    TRY(copy_drop(places->fresh, "-wal", fail)); /* of a restore that was killed */
    TRY(copy_drop(places->fresh, "-shm", fail));
    TRY(copy_fetch(places, &restore->progress, fail));
    TRY(copy_check(places, options, fail));
    TRY(copy_judge(places, options, restore, fail));
    TRY(copy_settle(places, fail));
    return copy_swap(places, fail);
}

enum err store_restore(const struct store_options *options, struct store_restore *restore,
                       struct fail *fail)
{
    struct copy_places places;
    int lock_fd = -1;
    ASSERT(restore->judge != NULL);
    ASSERT(!options->read_only);
    buf_init(&restore->kept, STORE_PATH_MAX);
    TRY(copy_find_places(&places, options, restore, fail));
    TRY(store_lock(places.path, &lock_fd, fail));
    enum err err = copy_restore(&places, options, restore, fail);
    if (err != ERR_OK) {
        (void)unlink(places.fresh); /* what is left of it is written anew by the next */
        EP_IGNORE(copy_drop(places.fresh, "-wal", NULL));
        EP_IGNORE(copy_drop(places.fresh, "-shm", NULL));
        EP_IGNORE(copy_drop(places.fresh, ".lock", NULL));
    } else {
        err = buf_append(&restore->kept, str_from(places.kept));
    }
    (void)close(lock_fd); /* gives the lock back */
    return err;
}
