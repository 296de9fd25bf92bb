#include "gate/usage_check.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "ident/ident.h"
#include "ledger/extend.h"
#include "ledger/idem.h"
#include "ledger/ledger.h"
#include "tlog/tlog.h"

static char folder[64];

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static struct store *open_store(void)
{
    struct store_migration migrations[12];
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

static void begin(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/entrepot-check-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
}

static void end(void)
{
    CHECK(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* `calls` calls of 100, 107, ... tokens, reported with a factor and an offset. */
static void add(struct usage_check *check, const char *route, int64_t calls, int64_t percent,
                int64_t offset)
{
    for (int64_t i = 0; i < calls; i++) {
        struct id call = { { 0 } };
        call.bytes[0] = (unsigned char)i;
        int64_t counted = 100 + 7 * (i % 100);
        usage_check_add(check, &(struct usage_check_sample){
                                   .route = str_from(route),
                                   .model = STR("m"),
                                   .side = USAGE_CHECK_INPUT,
                                   .call = call,
                                   .counted = counted,
                                   .reported = counted * percent / 100 + offset,
                                   .now_ns = 1000 + i,
                               });
    }
}

struct rows {
    int64_t findings;
    int64_t standing;
    int64_t calls;
    int64_t excess; /* of the calls of all findings */
};

static enum err on_rows(void *context, const struct store_value *row, size_t columns)
{
    struct rows *rows = context;
    CHECK_EQ(columns, 4);
    rows->findings = row[0].number;
    rows->standing = row[1].number;
    rows->calls = row[2].number;
    rows->excess = row[3].number;
    return ERR_OK;
}

static enum err read_rows(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = {
        "SELECT (SELECT count(*) FROM finding),"
        " (SELECT count(*) FROM finding WHERE cleared_ns = 0),"
        " (SELECT count(*) FROM finding_call),"
        " (SELECT coalesce(sum(reported - counted), 0) FROM finding_call)"
    };
    return store_query(txn, &sql, NULL, 0, on_rows, context, fail);
}

static enum err nothing(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    (void)job;
    (void)txn;
    (void)fail;
    return ERR_OK;
}

/* What is in the rows once all that was submitted is written. */
static struct rows look(struct store *store)
{
    struct rows rows = { 0 };
    struct store_job job = { .run = nothing };
    CHECK(store_run(store, &job, NULL) == ERR_OK);
    CHECK(store_read(store, read_rows, &rows, NULL) == ERR_OK);
    return rows;
}

TEST(a_route_that_inflates_is_found_with_the_calls_that_prove_it)
{
    begin();
    struct store *store = open_store();
    struct usage_check *check = NULL;
    CHECK(usage_check_open(store, &check, NULL) == ERR_OK);
    add(check, "bad", 60, 103, 0);
    add(check, "padded", 60, 100, 24);
    add(check, "good", 1000, 100, 3);
    CHECK(usage_check_stands(check, STR("bad"), USAGE_CHECK_INPUT));
    CHECK(usage_check_stands(check, STR("padded"), USAGE_CHECK_INPUT));
    CHECK(!usage_check_stands(check, STR("good"), USAGE_CHECK_INPUT));
    CHECK(!usage_check_stands(check, STR("bad"), USAGE_CHECK_OUTPUT));
    CHECK(!usage_check_stands(check, STR("never called"), USAGE_CHECK_INPUT));
    struct rows rows = look(store);
    CHECK_EQ(rows.findings, 2);
    CHECK_EQ(rows.standing, 2);
    CHECK_EQ(rows.calls, 100); /* fifty each */
    CHECK(rows.excess > 50 * 24);
    store_close(store);
    usage_check_close(check);
    end();
}

TEST(a_finding_stands_over_a_restart_until_a_whole_window_is_fine)
{
    begin();
    struct store *store = open_store();
    struct usage_check *check = NULL;
    CHECK(usage_check_open(store, &check, NULL) == ERR_OK);
    add(check, "r", 50, 110, 0);
    store_close(store);
    usage_check_close(check);

    store = open_store();
    CHECK(usage_check_open(store, &check, NULL) == ERR_OK);
    CHECK(usage_check_stands(check, STR("r"), USAGE_CHECK_INPUT));
    add(check, "r", FIT_WINDOW - 10, 100, 0);
    CHECK(usage_check_stands(check, STR("r"), USAGE_CHECK_INPUT));
    add(check, "r", 10, 100, 0);
    CHECK(!usage_check_stands(check, STR("r"), USAGE_CHECK_INPUT));
    struct rows rows = look(store);
    CHECK_EQ(rows.findings, 1);
    CHECK_EQ(rows.standing, 0);
    store_close(store);
    usage_check_close(check);
    end();
}

TEST(output_without_text_is_found)
{
    begin();
    struct store *store = open_store();
    struct usage_check *check = NULL;
    CHECK(usage_check_open(store, &check, NULL) == ERR_OK);
    for (int64_t i = 0; i < FIT_CALLS_MIN; i++) {
        usage_check_add(check, &(struct usage_check_sample){ .route = STR("r"),
                                                             .model = STR("m"),
                                                             .side = USAGE_CHECK_OUTPUT,
                                                             .counted = 100,
                                                             .reported = 110,
                                                             .now_ns = 1 });
    }
    CHECK(usage_check_stands(check, STR("r"), USAGE_CHECK_OUTPUT));
    CHECK(!usage_check_stands(check, STR("r"), USAGE_CHECK_INPUT));
    store_close(store);
    usage_check_close(check);
    end();
}
