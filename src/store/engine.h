/*
 * What an engine (a database behind the store) does. One connection is used by one thread at a
 * time; the store sees to that.
 */
#pragma once

#include "store/store.h"

struct engine_conn;

struct engine {
    /* `path`: what stands behind "sqlite:". A writer creates what is missing. */
    enum err (*open)(struct str path, bool read_only, struct engine_conn **ret_conn,
                     struct fail *fail);
    void (*close)(struct engine_conn *conn);
    enum err (*begin)(struct engine_conn *conn, bool write, struct fail *fail);
    enum err (*commit)(struct engine_conn *conn, struct fail *fail);
    void (*rollback)(struct engine_conn *conn);
    enum err (*run)(struct engine_conn *conn, const struct store_sql *sql,
                    const struct store_value *values, size_t count, store_row_fn *row,
                    void *context, struct fail *fail);
    /* Several statements without parameters: a migration. */
    enum err (*script)(struct engine_conn *conn, const char *sql, struct fail *fail);
    /* Rows changed on this connection so far; only the difference of two answers counts. */
    int64_t (*changes)(const struct engine_conn *conn);
    /* Moves the journal into the database once it is larger than `bytes_max`; 0: in any case, and
     * empties it. What a reader still needs stays, and is no failure. Never waits for readers.
     * *ret_empty: the journal has no page any more. */
    enum err (*checkpoint)(struct engine_conn *conn, uint64_t bytes_max, bool *ret_empty,
                           struct fail *fail);
    /* Copies what the open transaction of a reader sees to `path`, an empty file, as one file that
     * needs no other. Not synced. */
    enum err (*copy)(struct engine_conn *conn, const char *path,
                     const struct store_progress *progress, struct fail *fail);
    /* Looks at every page and row as such. ERR_STORE_DAMAGED: says what is wrong first. */
    enum err (*check)(struct engine_conn *conn, struct fail *fail);
    const char *(*version)(void);
};

extern const struct engine engine_sqlite;
