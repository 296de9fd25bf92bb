#include "ledger/mark.h"

#include <string.h>

#include "books.h"

static struct books books;

static void put(struct ledger_mark *mark, int64_t pico, const char *usage)
{
    struct ledger_progress progress = {
        .key = STR("key_1"),
        .product = STR("world"),
        .price_book = STR("world-2026/1"),
        .model = STR("aurora"),
        .route = STR("aurora-us"),
        .attempt = 2,
        .rated_pico = pico,
        .marked_ns = 7,
        .usage_len = strlen(usage),
    };
    memcpy(progress.usage, usage, progress.usage_len);
    ledger_mark_put(books.ledger, mark, &progress);
}

struct reading {
    struct store_job job;
    int64_t hold;
    struct ledger_marked marked;
};

static enum err read_mark(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct reading *reading = EP_CONTAINER(job, struct reading, job);
    return ledger_read_mark(txn, reading->hold, &reading->marked, fail);
}

/* Its own commit takes along what waits; what is read is what was there before. */
static void commit(struct reading *reading)
{
    reading->job.run = read_mark;
    CHECK(store_run(books.store, &reading->job, &books.fail) == ERR_OK);
}

static void begin(void)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0);
    CHECK(books_call(&books, account, 300, -1, 0) == ERR_OK);
    CHECK(books_call(&books, account, 200, -1, 0) == ERR_OK);
}

TEST(a_mark_waits_for_a_commit_that_happens_anyway)
{
    begin();
    struct ledger_mark mark;
    struct reading reading = { .hold = 2 };
    ledger_mark_init(&mark, 2);
    CHECK(!ledger_mark_waits(books.ledger, &mark));
    put(&mark, 5000, "{\"in\":5}");
    CHECK(ledger_mark_waits(books.ledger, &mark));
    commit(&reading);
    CHECK(!ledger_mark_waits(books.ledger, &mark));
    commit(&reading);
    CHECK(reading.marked.found);
    CHECK_EQ(reading.marked.progress.rated_pico, 5000);
    CHECK_EQ(reading.marked.progress.attempt, 2);
    CHECK_STR(reading.marked.progress.route, STR("aurora-us"));
    CHECK_STR(reading.marked.progress.model, STR("aurora"));
    CHECK_STR(reading.marked.progress.key, STR("key_1"));
    CHECK_STR(reading.marked.progress.product, STR("world"));
    CHECK_STR(reading.marked.progress.price_book, STR("world-2026/1"));
    CHECK_EQ(reading.marked.progress.marked_ns, 7);
    CHECK(memcmp(reading.marked.progress.usage, "{\"in\":5}", 8) == 0);
    CHECK_EQ(reading.marked.progress.usage_len, 8);
    reading.hold = 1;
    commit(&reading);
    CHECK(!reading.marked.found);
    books_end(&books);
}

TEST(the_last_mark_of_a_hold_stays)
{
    begin();
    struct ledger_mark marks[2];
    struct reading reading = { .hold = 1 };
    ledger_mark_init(&marks[0], 1);
    ledger_mark_init(&marks[1], 2);
    put(&marks[0], 5000, "{}");
    put(&marks[1], 1000, "{}");
    put(&marks[0], 6000, "{}");
    commit(&reading);
    put(&marks[0], 7000, "{}");
    commit(&reading);
    commit(&reading);
    CHECK_EQ(reading.marked.progress.rated_pico, 7000);
    put(&marks[0], 3500, "{}"); /* its source has said a cheaper tier */
    commit(&reading);
    commit(&reading);
    CHECK_EQ(reading.marked.progress.rated_pico, 3500);
    reading.hold = 2;
    commit(&reading);
    CHECK_EQ(reading.marked.progress.rated_pico, 1000);
    books_end(&books);
}

TEST(a_mark_that_has_ended_is_not_written)
{
    begin();
    struct ledger_mark mark;
    struct reading reading = { .hold = 1 };
    ledger_mark_init(&mark, 1);
    put(&mark, 5000, "{}");
    ledger_mark_end(books.ledger, &mark);
    ledger_mark_end(books.ledger, &mark);
    CHECK(!ledger_mark_waits(books.ledger, &mark));
    commit(&reading);
    commit(&reading);
    CHECK(!reading.marked.found);
    books_end(&books);
}
