/* What store.c and copy.c share: paths, the lock, and a transaction from the inside. */
#pragma once

#include "store/engine.h"

#define STORE_PATH_MAX 4096 /* as the system's own limit */

struct store_txn {
    const struct engine *engine;
    struct engine_conn *conn;
    struct fail lost; /* a statement has failed, whatever its caller made of it */
};

/* Takes the lock of the database at `path`; close() gives it back. ERR_STORE_LOCKED. */
EP_MUST_CHECK enum err store_lock(const char *path, int *ret_fd, struct fail *fail);
/* `path` with something behind it. */
EP_MUST_CHECK enum err store_path_beside(const char *path, const char *suffix,
                                         char ret_path[STORE_PATH_MAX], struct fail *fail);
/* What stands behind "sqlite:". */
EP_MUST_CHECK enum err store_url_path(struct str url, struct str *ret_path, struct fail *fail);
/* The engine of an open store, and where its database is. */
const struct engine *store_source(const struct store *store, struct str *ret_path);
/* Makes the names in the folder of `path` durable. */
EP_MUST_CHECK enum err store_sync_folder(const char *path, struct fail *fail);
/*
 * Writes the journal of the database at `path`, if there is one, over itself and syncs it. What a
 * sync has failed to write can still be read until the machine restarts, so nobody can tell it from
 * what is durable: before anything is built on the journal, all of it is. With the lock held, and
 * before the engine opens the database.
 */
EP_MUST_CHECK enum err store_renew_journal(const char *path, struct fail *fail);
