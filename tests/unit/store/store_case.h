/*
 * What the tests of the store share: a folder of its own for each store, one table `item(n)`, and
 * jobs that add to it.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "store/store.h"

static const struct store_migration case_migrations[] = {
    { 1, "items",
      "CREATE TABLE item(n INTEGER PRIMARY KEY) STRICT;"
      "CREATE TABLE folded(sum INTEGER NOT NULL) STRICT;"
      "INSERT INTO folded VALUES (0)" },
    { 2, "notes", "CREATE TABLE note(n INTEGER NOT NULL, text TEXT, bytes BLOB) STRICT" },
};

struct case_folder {
    char path[40];
    char url[160];
};

static inline struct case_folder case_folder_make(void)
{
    struct case_folder folder = { .path = "/tmp/test_store.XXXXXX" };
    CHECK(test_folder(folder.path) != NULL);
    (void)snprintf(folder.url, sizeof(folder.url), "sqlite:%s/db", folder.path);
    return folder;
}

static inline void case_folder_remove(const struct case_folder *folder)
{
    static const char *const files[] = { "db", "db-wal", "db-shm", "db-journal", "db.lock" };
    for (size_t i = 0; i < EP_ARRAY_LEN(files); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "%s/%s", folder->path, files[i]);
        (void)unlink(path); /* most are there, some not */
    }
    CHECK_EQ(rmdir(folder->path), 0);
}

static inline struct store_options case_options(const struct case_folder *folder)
{
    return (struct store_options){
        .url = str_from(folder->url),
        .migrations = case_migrations,
        .migrations_count = EP_ARRAY_LEN(case_migrations),
    };
}

static inline struct store *case_open(const struct case_folder *folder)
{
    struct store_options options = case_options(folder);
    struct store *store = NULL;
    struct fail fail = { .code = ERR_OK };
    if (store_open(&options, &store, &fail) != ERR_OK) {
        test_failed(EP_SITE, "%s", fail.text);
    }
    return store;
}

/* ---- adding ------------------------------------------------------------------------------ */

struct case_add {
    struct store_job job;
    int64_t n;
};

static inline enum err case_add_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "INSERT INTO item(n) VALUES (?1)" };
    const struct case_add *add = EP_CONTAINER(job, struct case_add, job);
    const struct store_value value = STORE_I(add->n);
    return store_exec(txn, &sql, &value, 1, fail);
}

static inline enum err case_add(struct store *store, int64_t n)
{
    struct case_add add = { .job = { .run = case_add_run }, .n = n };
    return store_run(store, &add.job, NULL);
}

/* ---- reading ----------------------------------------------------------------------------- */

static inline enum err case_on_number(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    CHECK_EQ(row[0].kind, STORE_INT);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static inline enum err case_read_count(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT count(*) FROM item" };
    return store_query(txn, &sql, NULL, 0, case_on_number, context, fail);
}

static inline int64_t case_count(struct store *store)
{
    int64_t count = -1;
    CHECK_EQ(store_read(store, case_read_count, &count, NULL), ERR_OK);
    return count;
}

static inline enum err case_read_top(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT coalesce(max(n), 0) FROM item" };
    return store_query(txn, &sql, NULL, 0, case_on_number, context, fail);
}

/* The items are 1, 2, ... without a gap: how many. */
static inline int64_t case_count_dense(struct store *store)
{
    int64_t top = -1;
    CHECK_EQ(store_read(store, case_read_top, &top, NULL), ERR_OK);
    CHECK_EQ(case_count(store), top);
    return top;
}
