/* A store with the tables of all rooms that the gate writes, in a folder of its own. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/quarantine.h"
#include "gate/usage_check.h"
#include "harness.h"
#include "ident/ident.h"
#include "ledger/extend.h"
#include "ledger/idem.h"
#include "ledger/ledger.h"
#include "tlog/tile_rows.h"
#include "tlog/tlog.h"

static char folder[64];

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

/* As it is, or as it was before the last migration of the list. */
static inline struct store *open_store_of(bool older)
{
    struct store_migration migrations[19];
    size_t count = 0;
    char url[128];
    for (size_t i = 0; i < ident_migrations_count; i++) {
        migrations[count++] = ident_migrations[i];
    }
    migrations[count++] = ledger_migration;
    migrations[count++] = tlog_migration;
    migrations[count++] = usage_check_migration;
    migrations[count++] = idem_migration;
    migrations[count++] = usage_month_migration;
    migrations[count++] = credit_migration;
    migrations[count++] = budget_migration;
    migrations[count++] = extend_migration;
    migrations[count++] = usage_unit_migration;
    migrations[count - 1].number = (int64_t)count;
    migrations[count++] = quarantine_migration;
    migrations[count - 1].number = (int64_t)count; /* those between are not needed here */
    migrations[count++] = tile_rows_migration;
    migrations[count - 1].number = (int64_t)count;
    migrations[count++] = budget_calls_migration;
    migrations[count - 1].number = (int64_t)count;
    migrations[count++] = upstream_claim_migration;
    migrations[count - 1].number = (int64_t)count;
    migrations[count++] = tier_claim_migration;
    migrations[count - 1].number = (int64_t)count;
    count -= older ? 1 : 0;
    (void)snprintf(url, sizeof(url), "sqlite:%s/books.db", folder);
    const struct store_options options = { .url = str_from(url),
                                           .migrations = migrations,
                                           .migrations_count = count };
    struct store *store = NULL;
    struct fail fail = { .text = "" };
    if (store_open(&options, &store, &fail) != ERR_OK) {
        test_failed(EP_SITE, "%s", fail.text);
    }
    return store;
}

static inline struct store *open_store(void)
{
    return open_store_of(false);
}

static inline void begin(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/entrepot-gate-XXXXXX");
    CHECK(test_folder(folder) != NULL);
}

static inline void end(void)
{
    CHECK(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

static inline enum err on_number(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

struct asking {
    const struct store_sql *sql;
    int64_t number;
};

static inline enum err read_number(void *context, struct store_txn *txn, struct fail *fail)
{
    struct asking *asking = context;
    return store_query(txn, asking->sql, NULL, 0, on_number, &asking->number, fail);
}

static inline enum err nothing(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    (void)job;
    (void)txn;
    (void)fail;
    return ERR_OK;
}

/* One number, once all that was submitted is written. The statement must be static. */
static inline int64_t ask(struct store *store, const struct store_sql *sql)
{
    struct asking asking = { .sql = sql };
    struct store_job job = { .run = nothing };
    CHECK_EQ(store_run(store, &job, NULL), ERR_OK);
    CHECK_EQ(store_read(store, read_number, &asking, NULL), ERR_OK);
    return asking.number;
}
