#include "store/engine.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/mem.h"
#include "store/gather.h"
#include "store/store_internal.h"

#define CACHE_SLOTS 512 /* a power of two; the rooms have some 120 statements */
#define VALUES_MAX  64  /* of a row or of a statement's parameters */
#define BUSY_MS     10000
#define PAGE_BYTES  4096 /* as the writer's pragmas say */
#define COPY_PAGES  1024 /* a step of a copy: 4 MiB, some milliseconds */
#define CHECK_TEXT  120  /* of what a check of the pages says: the sentence has room for it */
#define HEAD_BYTES  60   /* of a statement, in a failure's sentence: leaves room for the reason */

struct cache_slot {
    const struct store_sql *sql;
    sqlite3_stmt *statement;
};

struct engine_conn {
    sqlite3 *db;
    uint64_t wal_pages;                   /* in the journal after the last commit */
    uint64_t wal_pages_tried;             /* as many were there at the last checkpoint */
    struct cache_slot cache[CACHE_SLOTS]; /* found by the statement's address */
    size_t cached;
};

static enum err sqlite_fail(struct engine_conn *conn, const char *what, struct fail *fail)
{
    return FAIL(fail, ERR_STORE_FAILED, "%.*s: %s", HEAD_BYTES, what, sqlite3_errmsg(conn->db));
}

static enum err sqlite_script(struct engine_conn *conn, const char *sql, struct fail *fail)
{
    if (sqlite3_exec(conn->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return sqlite_fail(conn, sql, fail);
    }
    return ERR_OK;
}

static void sqlite_close(struct engine_conn *conn)
{
    if (conn == NULL) {
        return;
    }
    for (size_t i = 0; i < CACHE_SLOTS; i++) {
        (void)sqlite3_finalize(conn->cache[i].statement); /* repeats an error that was told */
    }
    (void)sqlite3_close(conn->db);
    mem_free(conn);
}

/*
 * FULL: each commit is one fsync of the journal. No automatic checkpoints: the writer makes them
 * itself, so that no other connection ever does (the race that older versions have cannot occur).
 */
static const char sqlite_writer_pragmas[] = "PRAGMA page_size=4096;"
                                            "PRAGMA journal_mode=WAL;"
                                            "PRAGMA synchronous=FULL;"
                                            "PRAGMA wal_autocheckpoint=0;"
                                            "PRAGMA foreign_keys=ON;"
                                            "PRAGMA cache_size=-65536;"
                                            /* What is removed is gone from the file: answers
                                             * kept for a key. Debian's build does so unasked. */
                                            "PRAGMA secure_delete=ON;";
static const char sqlite_reader_pragmas[] = "PRAGMA query_only=ON;"
                                            "PRAGMA wal_autocheckpoint=0;";

/* Told the journal's length after each commit: no file has to be looked at for it. */
static int sqlite_on_commit(void *context, sqlite3 *db, const char *name, int pages)
{
    struct engine_conn *conn = context;
    ASSERT(conn->db == db && name != NULL);
    if ((uint64_t)pages < conn->wal_pages) {
        conn->wal_pages_tried = 0; /* the journal was begun anew */
    }
    conn->wal_pages = (uint64_t)pages;
    return SQLITE_OK;
}

/* Statistics of the library's memory cost a lock for each allocation, and nobody reads them. Once
 * the library is at work this is refused, and nothing is lost. */
static void sqlite_configure(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    gather_register();
}

static enum err sqlite_set_up(struct engine_conn *conn, const char *path, bool read_only,
                              struct fail *fail)
{
    int flags = (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &conn->db, flags, read_only ? NULL : GATHER_NAME) != SQLITE_OK) {
        return FAIL(fail, ERR_IO, "could not open the database \"%s\": %s", path,
                    conn->db == NULL ? "no memory" : sqlite3_errmsg(conn->db));
    }
    (void)sqlite3_busy_timeout(conn->db, BUSY_MS); /* cannot fail on an open database */
    /* Closing must not checkpoint: after a failed commit that would be a second fsync. */
    if (sqlite3_db_config(conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK) {
        return sqlite_fail(conn, "could not set up a connection", fail);
    }
    TRY(sqlite_script(conn, read_only ? sqlite_reader_pragmas : sqlite_writer_pragmas, fail));
    if (read_only) {
        return ERR_OK;
    }
    (void)sqlite3_wal_hook(conn->db, sqlite_on_commit, conn); /* there was none before */
    return store_sync_folder(path, fail); /* a new file is durable only once its folder is */
}

static enum err sqlite_open(struct str path, bool read_only, struct engine_conn **ret_conn,
                            struct fail *fail)
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    (void)pthread_once(&configured, sqlite_configure); /* cannot fail */
    struct engine_conn *conn = mem_zalloc(sizeof(*conn));
    char *text = mem_copy_text(path.ptr, path.len);
    enum err err = ERR_NO_MEMORY;
    if (conn != NULL && text != NULL) {
        err = sqlite_set_up(conn, text, read_only, fail);
    } else {
        EP_IGNORE(FAIL(fail, ERR_NO_MEMORY, "no memory for a database"));
    }
    mem_free(text);
    if (err != ERR_OK) {
        sqlite_close(conn);
        return err;
    }
    *ret_conn = conn;
    return ERR_OK;
}

static void sqlite_rollback(struct engine_conn *conn)
{
    /* Fails when the engine has rolled back by itself, which is as good. */
    (void)sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
}

static enum err sqlite_prepare(struct engine_conn *conn, const struct store_sql *sql,
                               sqlite3_stmt **ret_statement, struct fail *fail)
{
    size_t at = ((uintptr_t)sql >> 3) & (CACHE_SLOTS - 1);
    while (conn->cache[at].sql != NULL && conn->cache[at].sql != sql) {
        at = (at + 1) & (CACHE_SLOTS - 1);
    }
    struct cache_slot *slot = &conn->cache[at];
    if (slot->sql == NULL) {
        ASSERT(conn->cached < CACHE_SLOTS / 2); /* statements are constants of the program */
        if (sqlite3_prepare_v3(conn->db, sql->text, -1, SQLITE_PREPARE_PERSISTENT, &slot->statement,
                               NULL) != SQLITE_OK) {
            return sqlite_fail(conn, sql->text, fail);
        }
        slot->sql = sql;
        conn->cached++;
    }
    *ret_statement = slot->statement;
    return ERR_OK;
}

static int sqlite_bind(sqlite3_stmt *statement, int at, const struct store_value *value)
{
    /* Static: the values live until the statement has run, and are unbound after it. */
    const char *bytes = value->bytes.len > 0 ? value->bytes.ptr : "";
    switch (value->kind) {
    case STORE_INT:
        return sqlite3_bind_int64(statement, at, value->number);
    case STORE_TEXT:
        return sqlite3_bind_text64(statement, at, bytes, value->bytes.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case STORE_BLOB:
        return sqlite3_bind_blob64(statement, at, bytes, value->bytes.len, SQLITE_STATIC);
    case STORE_NULL:
        break;
    }
    return sqlite3_bind_null(statement, at);
}

/* The type first, the bytes last: asking for the bytes of a number would make it a text. */
static struct store_value sqlite_column(sqlite3_stmt *statement, int at)
{
    struct str bytes = STR_EMPTY;
    switch (sqlite3_column_type(statement, at)) {
    case SQLITE_INTEGER:
        return STORE_I(sqlite3_column_int64(statement, at));
    case SQLITE_TEXT:
        bytes.ptr = (const char *)sqlite3_column_text(statement, at);
        bytes.len = (size_t)sqlite3_column_bytes(statement, at);
        return STORE_T(bytes);
    case SQLITE_BLOB:
        bytes.ptr = sqlite3_column_blob(statement, at);
        bytes.len = (size_t)sqlite3_column_bytes(statement, at);
        return STORE_B(bytes);
    default:
        return STORE_NULL_VALUE;
    }
}

/* The statement has come to its first row. */
static enum err sqlite_rows(struct engine_conn *conn, sqlite3_stmt *statement,
                            const struct store_sql *sql, store_row_fn *row, void *context,
                            struct fail *fail)
{
    struct store_value values[VALUES_MAX];
    int columns = sqlite3_column_count(statement);
    int code = SQLITE_ROW;
    ASSERT(columns <= VALUES_MAX);
    ASSERT(row != NULL); /* store_exec() is for statements without rows */
    while (code == SQLITE_ROW) {
        for (int i = 0; i < columns; i++) {
            values[i] = sqlite_column(statement, i);
        }
        TRY(row(context, values, (size_t)columns));
        code = sqlite3_step(statement);
    }
    return code == SQLITE_DONE ? ERR_OK : sqlite_fail(conn, sql->text, fail);
}

/* Most statements have no rows: those need no room for them. */
static enum err sqlite_step(struct engine_conn *conn, sqlite3_stmt *statement,
                            const struct store_sql *sql, store_row_fn *row, void *context,
                            struct fail *fail)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        return sqlite_rows(conn, statement, sql, row, context, fail);
    }
    return code == SQLITE_DONE ? ERR_OK : sqlite_fail(conn, sql->text, fail);
}

static enum err sqlite_run(struct engine_conn *conn, const struct store_sql *sql,
                           const struct store_value *values, size_t count, store_row_fn *row,
                           void *context, struct fail *fail)
{
    ASSERT(count <= VALUES_MAX);
    sqlite3_stmt *statement = NULL;
    TRY(sqlite_prepare(conn, sql, &statement, fail));
    ASSERT((size_t)sqlite3_bind_parameter_count(statement) == count);
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        if (sqlite_bind(statement, (int)i + 1, &values[i]) != SQLITE_OK) {
            err = sqlite_fail(conn, sql->text, fail);
        }
    }
    err = err == ERR_OK ? sqlite_step(conn, statement, sql, row, context, fail) : err;
    (void)sqlite3_reset(statement); /* repeats an error that was told */
    (void)sqlite3_clear_bindings(statement);
    return err;
}

static enum err sqlite_begin(struct engine_conn *conn, bool write, struct fail *fail)
{
    static const struct store_sql read_sql = { "BEGIN" };
    static const struct store_sql write_sql = { "BEGIN IMMEDIATE" };
    return sqlite_run(conn, write ? &write_sql : &read_sql, NULL, 0, NULL, NULL, fail);
}

static enum err sqlite_commit(struct engine_conn *conn, struct fail *fail)
{
    static const struct store_sql sql = { "COMMIT" };
    return sqlite_run(conn, &sql, NULL, 0, NULL, NULL, fail);
}

static int64_t sqlite_changes(const struct engine_conn *conn)
{
    return sqlite3_total_changes64(conn->db);
}

static enum err sqlite_checkpoint(struct engine_conn *conn, uint64_t bytes_max, bool *ret_empty,
                                  struct fail *fail)
{
    *ret_empty = false;
    /* A checkpoint that a reader stands in the way of is tried again only after as much again. */
    if (bytes_max > 0 && conn->wal_pages <= conn->wal_pages_tried + bytes_max / PAGE_BYTES) {
        return ERR_OK;
    }
    conn->wal_pages_tried = conn->wal_pages;
    int mode = bytes_max == 0 ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    (void)sqlite3_busy_timeout(conn->db, 0); /* cannot fail on an open database */
    EP_CRASH_POINT("before-checkpoint");
    int code = sqlite3_wal_checkpoint_v2(conn->db, NULL, mode, NULL, NULL);
    EP_CRASH_POINT("after-checkpoint");
    enum err err = code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED
                       ? ERR_OK
                       : sqlite_fail(conn, "could not checkpoint", fail);
    (void)sqlite3_busy_timeout(conn->db, BUSY_MS);
    *ret_empty = bytes_max == 0 && code == SQLITE_OK;
    return err;
}

/* ---- copies ------------------------------------------------------------------------------ */

/* Without a journal: a copy that breaks off is thrown away. */
static const char sqlite_copy_pragmas[] = "PRAGMA journal_mode=OFF;"
                                          "PRAGMA synchronous=OFF;";
/* The copy takes the writer's journal mode along; one file by itself needs another. */
static const char sqlite_alone_pragmas[] = "PRAGMA locking_mode=EXCLUSIVE;"
                                           "PRAGMA journal_mode=DELETE;";

/* The transaction of `from` is open, so all steps see one snapshot: what others commit meanwhile
 * does not make the copy begin anew. */
static enum err sqlite_copy_pages(struct engine_conn *from, struct engine_conn *to,
                                  const struct store_progress *progress, struct fail *fail)
{
    ASSERT(sqlite3_txn_state(from->db, "main") == SQLITE_TXN_READ);
    sqlite3_backup *copy = sqlite3_backup_init(to->db, "main", from->db, "main");
    if (copy == NULL) {
        return sqlite_fail(to, "could not begin a copy", fail);
    }
    int code = SQLITE_OK;
    while (code == SQLITE_OK) {
        code = sqlite3_backup_step(copy, COPY_PAGES);
        int64_t total = (int64_t)sqlite3_backup_pagecount(copy) * PAGE_BYTES;
        int64_t left = (int64_t)sqlite3_backup_remaining(copy) * PAGE_BYTES;
        if (progress->update != NULL) {
            progress->update(progress->context, total - left, total);
        }
    }
    (void)sqlite3_backup_finish(copy); /* repeats the error of the last step */
    if (code != SQLITE_DONE) {
        return FAIL(fail, ERR_IO, "could not copy the database: %s", sqlite3_errstr(code));
    }
    return ERR_OK;
}

static enum err sqlite_copy(struct engine_conn *conn, const char *path,
                            const struct store_progress *progress, struct fail *fail)
{
    struct engine_conn to = { .db = NULL };
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &to.db, flags, NULL) != SQLITE_OK) {
        enum err err = FAIL(fail, ERR_IO, "could not open \"%s\": %s", path,
                            to.db == NULL ? "no memory" : sqlite3_errmsg(to.db));
        (void)sqlite3_close(to.db);
        return err;
    }
    enum err err = sqlite_script(&to, sqlite_copy_pragmas, fail);
    err = err == ERR_OK ? sqlite_copy_pages(conn, &to, progress, fail) : err;
    err = err == ERR_OK ? sqlite_script(&to, sqlite_alone_pragmas, fail) : err;
    if (sqlite3_close(to.db) != SQLITE_OK && err == ERR_OK) {
        err = FAIL(fail, ERR_IO, "could not close \"%s\"", path);
    }
    return err;
}

static enum err sqlite_on_check(void *context, const struct store_value *row, size_t columns)
{
    struct buf *said = context;
    ASSERT(columns == 1);
    struct str text = row[0].bytes;
    return buf_append(said, str_slice(text, 0, text.len < CHECK_TEXT ? text.len : CHECK_TEXT));
}

static enum err sqlite_check(struct engine_conn *conn, struct fail *fail)
{
    static const struct store_sql sql = { "PRAGMA integrity_check(1)" };
    char text[CHECK_TEXT];
    struct buf said = { text, 0, sizeof(text), sizeof(text) };
    enum err err = sqlite_run(conn, &sql, NULL, 0, sqlite_on_check, &said, fail);
    if (err != ERR_OK) {
        return FAIL(fail, ERR_STORE_DAMAGED, "it is no database that can be read: %s",
                    sqlite3_errmsg(conn->db));
    }
    if (!str_eq(buf_str(&said), STR("ok"))) {
        return FAIL(fail, ERR_STORE_DAMAGED, "it is damaged: " STR_FMT, STR_ARG(buf_str(&said)));
    }
    return ERR_OK;
}

static const char *sqlite_version(void)
{
    static char text[32];
    (void)snprintf(text, sizeof(text), "sqlite %s", sqlite3_libversion());
    return text;
}

const struct engine engine_sqlite = {
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .run = sqlite_run,
    .script = sqlite_script,
    .changes = sqlite_changes,
    .checkpoint = sqlite_checkpoint,
    .copy = sqlite_copy,
    .check = sqlite_check,
    .version = sqlite_version,
};
