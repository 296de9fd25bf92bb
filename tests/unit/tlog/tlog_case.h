/* A store with a log in a folder of its own, and leaves that are quickly made. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "harness.h"
#include "tlog/tile_rows.h"
#include "tlog/tlog.h"

struct tlog_case {
    char folder[64];
    char url[128];
    char log_folder[128];
    struct store *store;
    struct tlog *tlog;
    struct fail fail;
};

static inline enum err tlog_case_try_open(struct tlog_case *it)
{
    /* The third and the fifteenth of the program; here they are the only ones. */
    struct store_migration migrations[] = { tlog_migration, tile_rows_migration };
    migrations[0].number = 1;
    migrations[1].number = 2;
    const struct store_options options = { .url = str_from(it->url),
                                           .migrations = migrations,
                                           .migrations_count = 2 };
    enum err err = store_open(&options, &it->store, &it->fail);
    return err == ERR_OK ? tlog_open(it->store, &it->tlog, &it->fail) : err;
}

static inline void tlog_case_open(struct tlog_case *it)
{
    CHECK_EQ(tlog_case_try_open(it), ERR_OK);
}

static inline void tlog_case_close(struct tlog_case *it)
{
    store_close(it->store);
    tlog_close(it->tlog);
    it->store = NULL;
    it->tlog = NULL;
}

/* In memory, where there is room: thousands of syncs are waited for otherwise. What a power loss
 * leaves is the simulator's business. */
static inline const char *tlog_case_place(void)
{
    struct statvfs info;
    bool roomy = statvfs("/dev/shm", &info) == 0 && access("/dev/shm", W_OK) == 0 &&
                 (uint64_t)info.f_bavail * info.f_frsize > (uint64_t)1 << 30;
    return roomy ? "/dev/shm" : "/tmp";
}

static inline void tlog_case_name(struct tlog_case *it)
{
    *it = (struct tlog_case){ .store = NULL };
    CHECK(crypto_start(NULL) == ERR_OK);
    (void)snprintf(it->folder, sizeof(it->folder), "%s/tlog-XXXXXX", tlog_case_place());
    CHECK(test_folder(it->folder) != NULL);
    (void)snprintf(it->url, sizeof(it->url), "sqlite:%s/log.db", it->folder);
    (void)snprintf(it->log_folder, sizeof(it->log_folder), "%s/log", it->folder);
}

static inline void tlog_case_begin(struct tlog_case *it)
{
    tlog_case_name(it);
    tlog_case_open(it);
}

static inline void tlog_case_end(struct tlog_case *it)
{
    char command[96];
    tlog_case_close(it);
    (void)snprintf(command, sizeof(command), "rm -rf %s", it->folder);
    CHECK_EQ(system(command), 0);
}

/* The entry of leaf i in tests. */
static inline struct str tlog_case_entry(int64_t i, char text[64])
{
    int len = snprintf(text, 64, "{\"event\":\"%lld\",\"kind\":\"event\"}", (long long)i);
    return (struct str){ text, (size_t)len };
}

/* Roots from all leaf hashes, as RFC 6962 says it. */
static inline struct digest tlog_case_root(const struct digest *hashes, int64_t count)
{
    int64_t half = 1;
    if (count == 0) {
        return digest_sha256(STR_EMPTY);
    }
    if (count == 1) {
        return hashes[0];
    }
    while (2 * half < count) {
        half *= 2;
    }
    struct digest left = tlog_case_root(hashes, half);
    struct digest right = tlog_case_root(hashes + half, count - half);
    return tree_node_hash(&left, &right);
}

struct tlog_case_append {
    struct store_job job;
    struct tlog *tlog;
    int64_t from;
    int64_t count;
    int64_t shift; /* of the entries */
};

static inline enum err tlog_case_run_append(struct store_job *job, struct store_txn *txn,
                                            struct fail *fail)
{
    struct tlog_case_append *append = EP_CONTAINER(job, struct tlog_case_append, job);
    for (int64_t i = 0; i < append->count; i++) {
        char text[64];
        int64_t leaf = 0;
        TRY(tlog_append(append->tlog, txn, TLOG_EVENT,
                        tlog_case_entry(append->from + i + append->shift, text), 0, &leaf, fail));
        CHECK_EQ(leaf, append->from + i);
    }
    return ERR_OK;
}

/* Events, in one batch, with the entries of later ones; leaf `from` is the next. */
static inline void tlog_case_append_other(struct tlog_case *it, int64_t from, int64_t count,
                                          int64_t shift)
{
    struct tlog_case_append append = {
        .job = { .run = tlog_case_run_append },
        .tlog = it->tlog,
        .from = from,
        .count = count,
        .shift = shift,
    };
    CHECK_EQ(store_run(it->store, &append.job, &it->fail), ERR_OK);
}

static inline void tlog_case_append(struct tlog_case *it, int64_t from, int64_t count)
{
    tlog_case_append_other(it, from, count, 0);
}

struct tlog_case_change {
    struct store_job job;
    const struct store_sql *sql;
};

static inline enum err tlog_case_run_change(struct store_job *job, struct store_txn *txn,
                                            struct fail *fail)
{
    return store_exec(txn, EP_CONTAINER(job, struct tlog_case_change, job)->sql, NULL, 0, fail);
}

static inline void tlog_case_change(struct tlog_case *it, const struct store_sql *sql)
{
    struct tlog_case_change change = { .job = { .run = tlog_case_run_change }, .sql = sql };
    CHECK_EQ(store_run(it->store, &change.job, &it->fail), ERR_OK);
}
