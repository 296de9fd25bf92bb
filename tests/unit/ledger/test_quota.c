#include "ledger/quota.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

struct shed {
    char folder[40];
    struct store *store;
    struct quota *quota;
};

static void shed_open(struct shed *shed)
{
    char url[64];
    struct store_migration own = quota_migration;
    own.number = 1;
    (void)snprintf(url, sizeof(url), "sqlite:%s/db", shed->folder);
    struct store_options options = { .url = str_from(url), .migrations = &own };
    options.migrations_count = 1;
    CHECK_EQ(store_open(&options, &shed->store, NULL), ERR_OK);
    CHECK_EQ(quota_open(shed->store, &shed->quota, NULL), ERR_OK);
}

static void shed_close(struct shed *shed)
{
    store_close(shed->store);
    quota_close(shed->quota);
}

static struct shed shed_build(void)
{
    struct shed shed = { .folder = "/tmp/test_quota.XXXXXX" };
    CHECK(test_folder(shed.folder) != NULL);
    shed_open(&shed);
    return shed;
}

static void shed_raze(struct shed *shed)
{
    static const char *const files[] = { "db", "db-wal", "db-shm", "db.lock" };
    shed_close(shed);
    for (size_t i = 0; i < EP_ARRAY_LEN(files); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "%s/%s", shed->folder, files[i]);
        (void)unlink(path); /* most are there, some not */
    }
    CHECK_EQ(rmdir(shed->folder), 0);
}

struct writing {
    struct store_job job;
    const struct quota_counter *counter;
    uint64_t used;
};

static enum err writing_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct writing *writing = EP_CONTAINER(job, struct writing, job);
    return quota_write(writing->counter, txn, writing->used, fail);
}

static void shed_use(struct shed *shed, struct quota_counter *counter, uint64_t used)
{
    struct writing writing = { .job = { .run = writing_run }, .counter = counter, .used = used };
    quota_reserve(counter, 2 * used);
    CHECK_EQ(store_run(shed->store, &writing.job, NULL), ERR_OK);
    quota_settle(counter, 2 * used, used);
}

TEST(what_is_under_way_counts_like_what_is_used)
{
    struct shed shed = shed_build();
    struct quota_counter *counter = quota_find(shed.quota, STR("grant G-1"), 202611);
    CHECK(counter != NULL);
    CHECK_EQ(quota_read(counter), 0);
    quota_reserve(counter, 100);
    CHECK_EQ(quota_read(counter), 100);
    quota_settle(counter, 100, 0);
    CHECK_EQ(quota_read(counter), 0);
    shed_use(&shed, counter, 30);
    CHECK_EQ(quota_read(counter), 30);
    CHECK(quota_find(shed.quota, STR("grant G-1"), 202611) == counter);
    CHECK(quota_find(shed.quota, STR("grant G-1"), 202612) != counter);
    CHECK(quota_find(shed.quota, STR("grant G-2"), 202611) != counter);
    shed_raze(&shed);
}

TEST(what_is_used_outlives_a_restart)
{
    struct shed shed = shed_build();
    shed_use(&shed, quota_find(shed.quota, STR("grant G-1"), 202611), 30);
    shed_use(&shed, quota_find(shed.quota, STR("grant G-1"), 202611), 12);
    shed_use(&shed, quota_find(shed.quota, STR("order P-1"), 0), 0);
    shed_close(&shed);
    shed_open(&shed);
    CHECK_EQ(quota_read(quota_find(shed.quota, STR("grant G-1"), 202611)), 42);
    CHECK_EQ(quota_read(quota_find(shed.quota, STR("grant G-1"), 202612)), 0);
    CHECK_EQ(quota_read(quota_find(shed.quota, STR("order P-1"), 0)), 0);
    shed_raze(&shed);
}

TEST(a_name_that_is_empty_or_too_long_has_no_counter)
{
    static char name[QUOTA_NAME_MAX + 1];
    struct shed shed = shed_build();
    for (size_t i = 0; i < sizeof(name); i++) {
        name[i] = 'x';
    }
    CHECK(quota_find(shed.quota, STR_EMPTY, 0) == NULL);
    CHECK(quota_find(shed.quota, (struct str){ name, sizeof(name) }, 0) == NULL);
    CHECK(quota_find(shed.quota, (struct str){ name, sizeof(name) - 1 }, 0) != NULL);
    shed_raze(&shed);
}

static struct shed memory_shed;

static void open_and_find(void)
{
    struct quota *quota = NULL;
    enum err err = quota_open(memory_shed.store, &quota, NULL);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    if (err == ERR_OK) {
        struct quota_counter *counter = quota_find(quota, STR("order P-1"), 0);
        CHECK(counter == NULL || quota_read(counter) == 0);
    }
    quota_close(quota);
}

TEST(running_out_of_memory_is_told_and_leaks_nothing)
{
    memory_shed = shed_build();
    shed_use(&memory_shed, quota_find(memory_shed.quota, STR("grant G-1"), 1), 5);
    CHECK(test_each_allocation_failing(open_and_find) >= 3);
    shed_raze(&memory_shed);
}
