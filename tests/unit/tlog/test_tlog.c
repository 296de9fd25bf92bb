#include "tlog/tlog.h"

#include "base/stamp.h"
#include "receipts.h"
#include "tlog_case.h"

static struct tlog_case it;

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
    err = err == ERR_OK ? tlog_append_receipt(it.tlog, txn, append->call, &receipt, append->wall_ns,
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
    CHECK(store_run(it.store, &append.job, &it.fail) == ERR_OK);
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
    tlog_case_begin(&it);
    struct id calls[50];
    for (size_t i = 0; i < EP_ARRAY_LEN(calls); i++) {
        /* Several a second, a pause now and then, and a clock that once goes back. */
        int64_t second = 1000 + (int64_t)i / 3 * (i > 25 ? 700 : 1) - (i == 40 ? 3000 : 0);
        calls[i] = append_at(second, i);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(calls); i++) {
        struct find find = { .call = calls[i], .leaf = -1 };
        CHECK(store_read(it.store, run_find, &find, &it.fail) == ERR_OK);
        CHECK_EQ(find.leaf, i);
    }
    struct find none = { .call = id_make(1000 * STAMP_NS_PER_S, 0, 999) };
    CHECK(store_read(it.store, run_find, &none, &it.fail) == ERR_NOT_FOUND);
    tlog_case_end(&it);
}

static int64_t find_leaf(struct id call)
{
    struct find find = { .call = call, .leaf = -1 };
    CHECK(store_read(it.store, run_find, &find, &it.fail) == ERR_OK);
    return find.leaf;
}

TEST(a_clock_that_jumps_hides_no_receipt)
{
    tlog_case_begin(&it);
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
    tlog_case_end(&it);
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
                  ? tlog_append(it.tlog, txn, TLOG_EVENT, STR("{}"), made_ns, &leaf, fail)
                  : tlog_append_receipt(it.tlog, txn, many->calls[number], &receipt, made_ns, &leaf,
                                        fail);
        CHECK_EQ(leaf, number);
    }
    receipt_fini(&receipt);
    return err;
}

TEST(receipts_are_found_in_every_part_of_a_long_log)
{
    static struct id calls[MANY];
    tlog_case_begin(&it);
    for (int64_t half = 0; half < 2; half++) {
        struct append_many many = { .job = { .run = run_append_many },
                                    .from = half * (MANY / 2),
                                    .calls = calls };
        CHECK(store_run(it.store, &many.job, &it.fail) == ERR_OK);
        tlog_case_close(&it); /* the second half begins in the middle of a block */
        tlog_case_open(&it);
    }
    for (size_t i = 0; i < MANY; i += 13) {
        struct find find = { .call = calls[i], .leaf = -1 };
        enum err want = i % 500 == 9 ? ERR_NOT_FOUND : ERR_OK; /* no receipt, but an event */
        CHECK(store_read(it.store, run_find, &find, &it.fail) == want);
        CHECK_EQ(find.leaf, want == ERR_OK ? (int64_t)i : -1);
    }
    for (size_t i = 1010; i < 1060; i++) { /* about the end of the first block */
        CHECK_EQ(find_leaf(calls[i]), i);
    }
    tlog_case_end(&it);
}

TEST(indexes_go_on_after_a_restart)
{
    tlog_case_begin(&it);
    (void)append_at(1000, 1);
    tlog_case_close(&it);
    tlog_case_open(&it);
    struct id call = append_at(1001, 2);
    struct find find = { .call = call, .leaf = -1 };
    CHECK(store_read(it.store, run_find, &find, &it.fail) == ERR_OK);
    CHECK_EQ(find.leaf, 1);
    tlog_case_end(&it);
}

TEST(a_note_commits_to_its_salted_detail)
{
    struct buf entry;
    buf_init(&entry, 1000);
    CHECK(crypto_start(NULL) == ERR_OK);
    CHECK_EQ(tlog_note_entry(TLOG_KEY, STR("0123456789abcdef"), STR("a detail"), &entry), ERR_OK);
    CHECK_STR(
        buf_str(&entry),
        STR("{\"detail\":\"e573d11a5a9b0af69b0e4ba7a3417a5d19cfc596b3c13673222b9d7ad59555ac\","
            "\"kind\":\"key\",\"version\":\"1\"}"));
    buf_fini(&entry);
    CHECK(tlog_kind_name(0) == NULL && tlog_kind_name(TLOG_PRICES + 1) == NULL);
    CHECK_STR(str_from(tlog_kind_name(TLOG_PRICES)), STR("prices"));
}

static void open_once(void)
{
    enum err err = tlog_case_try_open(&it);
    CHECK(err == ERR_OK || (err == ERR_NO_MEMORY && it.fail.text[0] != '\0'));
    tlog_case_close(&it);
}

TEST(memory_that_lacks_at_the_opening_is_told_of)
{
    tlog_case_begin(&it);
    tlog_case_append(&it, 0, 300);
    tlog_case_close(&it);
    CHECK(test_each_allocation_failing(open_once) > 3);
    tlog_case_open(&it);
    tlog_case_append(&it, 300, 1);
    tlog_case_end(&it);
}
