#include "tlog/tlog.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/stamp.h"
#include "receipts.h"

static char folder[64];
static char url[128];
static struct store *store;
static struct tlog *tlog;
static struct fail failure;

static void open_log(void)
{
    /* The log's migration is the third of the program; here it is the only one. */
    struct store_migration only = tlog_migration;
    only.number = 1;
    struct store_options options = { .url = str_from(url),
                                     .migrations = &only,
                                     .migrations_count = 1 };
    CHECK(store_open(&options, &store, &failure) == ERR_OK);
    CHECK(tlog_open(store, &tlog, &failure) == ERR_OK);
}

static void close_log(void)
{
    store_close(store);
    tlog_close(tlog);
}

static void begin(void)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    (void)snprintf(folder, sizeof(folder), "/tmp/tlog-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(url, sizeof(url), "sqlite:%s/log.db", folder);
    open_log();
}

struct append {
    struct store_job job;
    struct id call;
    int64_t wall_ns;
    int64_t leaf;
};

static enum err run_append(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct append *append = EP_CONTAINER(job, struct append, job);
    struct receipt receipt;
    struct receipt_facts facts = receipts_facts(append->call);
    receipt_init(&receipt);
    enum err err = receipt_build(&receipt, &facts);
    err = err == ERR_OK ? tlog_append_receipt(tlog, txn, append->call, &receipt, append->wall_ns,
                                              &append->leaf, fail)
                        : err;
    receipt_fini(&receipt);
    return err;
}

static struct id append_between(int64_t made, int64_t written, uint64_t random)
{
    struct id call = id_make(made * STAMP_NS_PER_S, 0, random);
    struct append append = { .job = { .run = run_append },
                             .call = call,
                             .wall_ns = written * STAMP_NS_PER_S };
    CHECK(store_run(store, &append.job, &failure) == ERR_OK);
    return call;
}

static struct id append_at(int64_t second, uint64_t random)
{
    return append_between(second, second + 2, random);
}

static enum err on_found(void *context, const struct tlog_found *found)
{
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        CHECK(receipt_check(found->entry, (enum receipt_section)i, found->salts[i],
                            found->sections[i]));
    }
    *(int64_t *)context = found->leaf;
    return ERR_OK;
}

struct find {
    struct id call;
    int64_t leaf;
};

static enum err run_find(void *context, struct store_txn *txn, struct fail *fail)
{
    struct find *find = context;
    return tlog_find(txn, find->call, on_found, &find->leaf, fail);
}

TEST(each_receipt_is_found_by_its_call)
{
    begin();
    struct id calls[50];
    for (size_t i = 0; i < EP_ARRAY_LEN(calls); i++) {
        /* Several a second, a pause now and then, and a clock that once goes back. */
        int64_t second = 1000 + (int64_t)i / 3 * (i > 25 ? 700 : 1) - (i == 40 ? 3000 : 0);
        calls[i] = append_at(second, i);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(calls); i++) {
        struct find find = { .call = calls[i], .leaf = -1 };
        CHECK(store_read(store, run_find, &find, &failure) == ERR_OK);
        CHECK_EQ(find.leaf, i);
    }
    struct find none = { .call = id_make(1000 * STAMP_NS_PER_S, 0, 999) };
    CHECK(store_read(store, run_find, &none, &failure) == ERR_NOT_FOUND);
    close_log();
}

static int64_t find_leaf(struct id call)
{
    struct find find = { .call = call, .leaf = -1 };
    CHECK(store_read(store, run_find, &find, &failure) == ERR_OK);
    return find.leaf;
}

TEST(a_clock_that_jumps_hides_no_receipt)
{
    begin();
    struct id before = append_at(10000, 1);
    struct id ahead = append_at(96400, 2);             /* a day ahead, by mistake */
    struct id after = append_at(10010, 3);             /* put right again */
    struct id across = append_between(10020, 2000, 4); /* put back while the call ran */
    struct id behind = append_at(2010, 5);
    struct id later = append_at(200000, 6);
    struct id long_call = append_between(200001, 220000, 7); /* longer than an hour */
    CHECK_EQ(find_leaf(before), 0);
    CHECK_EQ(find_leaf(ahead), 1);
    CHECK_EQ(find_leaf(after), 2);
    CHECK_EQ(find_leaf(across), 3);
    CHECK_EQ(find_leaf(behind), 4);
    CHECK_EQ(find_leaf(later), 5);
    CHECK_EQ(find_leaf(long_call), 6);
    close_log();
}

#define MANY 2500

struct append_many {
    struct store_job job;
    int64_t from;
    struct id *calls;
};

/* Receipts of many calls in one batch; the same sections will do for all. */
static enum err run_append_many(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct append_many *many = EP_CONTAINER(job, struct append_many, job);
    struct receipt receipt;
    struct receipt_facts facts = receipts_facts((struct id){ { 1 } });
    receipt_init(&receipt);
    enum err err = receipt_build(&receipt, &facts);
    for (int64_t i = 0; err == ERR_OK && i < MANY / 2; i++) {
        int64_t number = many->from + i;
        /* Some run longer than others. */
        int64_t made_ns = (5000 + number / 10 - number % 7 * 5) * STAMP_NS_PER_S;
        int64_t leaf = 0;
        many->calls[number] = id_make(made_ns, 0, (uint64_t)number);
        err = number % 500 == 9
                  ? tlog_append(tlog, txn, TLOG_EVENT, STR("{}"), made_ns, &leaf, fail)
                  : tlog_append_receipt(tlog, txn, many->calls[number], &receipt, made_ns, &leaf,
                                        fail);
        CHECK_EQ(leaf, number);
    }
    receipt_fini(&receipt);
    return err;
}

TEST(receipts_are_found_in_every_part_of_a_long_log)
{
    static struct id calls[MANY];
    begin();
    for (int64_t half = 0; half < 2; half++) {
        struct append_many many = { .job = { .run = run_append_many },
                                    .from = half * (MANY / 2),
                                    .calls = calls };
        CHECK(store_run(store, &many.job, &failure) == ERR_OK);
        close_log(); /* the second half begins in the middle of a block */
        open_log();
    }
    for (size_t i = 0; i < MANY; i += 13) {
        struct find find = { .call = calls[i], .leaf = -1 };
        enum err want = i % 500 == 9 ? ERR_NOT_FOUND : ERR_OK; /* no receipt, but an event */
        CHECK(store_read(store, run_find, &find, &failure) == want);
        CHECK_EQ(find.leaf, want == ERR_OK ? (int64_t)i : -1);
    }
    for (size_t i = 1010; i < 1060; i++) { /* about the end of the first block */
        CHECK_EQ(find_leaf(calls[i]), i);
    }
    close_log();
}

TEST(indexes_go_on_after_a_restart)
{
    begin();
    (void)append_at(1000, 1);
    close_log();
    open_log();
    struct id call = append_at(1001, 2);
    struct find find = { .call = call, .leaf = -1 };
    CHECK(store_read(store, run_find, &find, &failure) == ERR_OK);
    CHECK_EQ(find.leaf, 1);
    close_log();
}

static enum err run_audit(void *context, struct store_txn *txn, struct fail *fail)
{
    return tlog_audit(txn, context, fail);
}

struct change {
    struct store_job job;
    const struct store_sql *sql;
};

static enum err run_change(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    return store_exec(txn, EP_CONTAINER(job, struct change, job)->sql, NULL, 0, fail);
}

TEST(each_change_of_the_rows_is_found)
{
    static const struct store_sql changes[] = {
        { "UPDATE leaf SET hash = zeroblob(32) WHERE id = 1" },
        { "UPDATE leaf SET entry = CAST('{}' AS BLOB) WHERE id = 1" },
        { "UPDATE receipt SET client = CAST('{}' AS BLOB) WHERE leaf = 1" },
        { "UPDATE receipt SET operator_salt = zeroblob(16) WHERE leaf = 1" },
        { "DELETE FROM receipt WHERE leaf = 1" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(changes); i++) {
        begin();
        for (uint64_t k = 0; k < 3; k++) {
            (void)append_at(1000, k);
        }
        struct tlog_figures audit = { 0 };
        CHECK(store_read(store, run_audit, &audit, &failure) == ERR_OK);
        CHECK_EQ(audit.rules[TLOG_RULE_LEAVES].rows, 3);
        CHECK_EQ(audit.rules[TLOG_RULE_LEAVES].wrong, 0);
        struct change change = { .job = { .run = run_change }, .sql = &changes[i] };
        CHECK(store_run(store, &change.job, &failure) == ERR_OK);
        CHECK(store_read(store, run_audit, &audit, &failure) == ERR_OK);
        CHECK_EQ(audit.rules[TLOG_RULE_LEAVES].wrong, 1);
        close_log();
    }
}

TEST(an_erased_salt_leaves_the_log_whole)
{
    static const struct store_sql erase = {
        "UPDATE receipt SET client_salt = x'', evidence_salt = x'', operator_salt = x''"
    };
    begin();
    (void)append_at(1000, 1);
    struct change change = { .job = { .run = run_change }, .sql = &erase };
    CHECK(store_run(store, &change.job, &failure) == ERR_OK);
    struct tlog_figures audit = { 0 };
    CHECK(store_read(store, run_audit, &audit, &failure) == ERR_OK);
    CHECK_EQ(audit.rules[TLOG_RULE_LEAVES].wrong, 0);
    close_log();
}
