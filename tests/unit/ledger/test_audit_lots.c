#include "ledger/audit_lots.h"

#include "books.h"

static struct books books;

static enum err read_lots(void *context, struct store_txn *txn, struct fail *fail)
{
    struct audit_line line = { .name = "lots-in-order" };
    TRY(audit_lots(txn, &line, fail));
    *(int64_t *)context = line.wrong;
    return ERR_OK;
}

static int64_t wrong_lots(void)
{
    int64_t wrong = -1;
    CHECK(store_read(books.store, read_lots, &wrong, &books.fail) == ERR_OK);
    return wrong;
}

struct change {
    struct store_job job;
    const struct store_sql *sql;
};

static enum err run_change(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    return store_exec(txn, EP_CONTAINER(job, struct change, job)->sql, NULL, 0, fail);
}

static void change(const struct store_sql *sql)
{
    struct change change = { .job = { .run = run_change }, .sql = sql };
    CHECK(store_run(books.store, &change.job, &books.fail) == ERR_OK);
}

/* Three lots of one client, drawn as 2, 3, 1, and one of another. */
static void begin_scene(void)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_account *other = books_account(&books, 2);
    CHECK_EQ(books_buy(&books, account, 100, LOT_PAID, 0), 1);
    CHECK_EQ(books_buy(&books, account, 100, LOT_PROMO, 0), 2);
    CHECK_EQ(books_buy(&books, account, 100, LOT_PAID, 9000), 3);
    CHECK_EQ(books_buy(&books, other, 100, LOT_PAID, 0), 4);
    CHECK(books_call(&books, account, 150, 150, 0) == ERR_OK);
    CHECK(books_call(&books, other, 30, 30, 0) == ERR_OK);
}

TEST(lots_as_the_books_keep_them_are_right)
{
    begin_scene();
    CHECK_EQ(wrong_lots(), 0);
    int64_t amount = 0;
    struct ledger_account *account = ledger_find(books.ledger, (struct id){ { 1, 1 } });
    CHECK(ledger_expire(books.ledger, 9000, &amount, &books.fail) == ERR_OK);
    CHECK_EQ(amount, 50);
    CHECK(books_refund(&books, account, 1, &amount) == ERR_OK);
    CHECK_EQ(amount, 100);
    CHECK_EQ(wrong_lots(), 0);
    books_end(&books);
}

TEST(credit_moved_between_lots_is_seen)
{
    static const struct store_sql moved = {
        "UPDATE lot SET remaining = remaining + CASE id WHEN 1 THEN -5 ELSE 5 END"
        " WHERE id IN (1, 3)"
    };
    begin_scene();
    change(&moved);
    CHECK_EQ(wrong_lots(), 2);
    books_close(&books);
}

TEST(another_order_would_have_left_other_lots)
{
    static const struct store_sql priority = { "UPDATE lot SET priority = 1 WHERE id = 1" };
    static const struct store_sql expiry = { "UPDATE lot SET expires_ns = 8000 WHERE id = 1" };
    begin_scene();
    change(&priority);
    CHECK_EQ(wrong_lots(), 2);
    books_close(&books);
    begin_scene();
    change(&expiry);
    CHECK_EQ(wrong_lots(), 2);
    books_close(&books);
}

TEST(a_history_that_could_not_have_been_is_seen)
{
    static const struct store_sql drawn = { "UPDATE entry SET amount = 500 WHERE code = 2" };
    static const struct store_sql refunded = {
        "UPDATE entry SET code = 4, ref = 99 WHERE code = 2 AND ref = 2"
    };
    static const struct store_sql unbought = { "UPDATE entry SET ref = 99 WHERE code = 1" };
    begin_scene();
    change(&drawn);
    CHECK(wrong_lots() > 0);
    books_close(&books);
    begin_scene();
    change(&refunded);
    CHECK_EQ(wrong_lots(), 2); /* the step, and the lot that was drawn */
    books_close(&books);
    begin_scene();
    change(&unbought);
    CHECK(wrong_lots() > 0);
    books_close(&books);
}

static void read_once(void)
{
    int64_t wrong = -1;
    enum err err = store_read(books.store, read_lots, &wrong, &books.fail);
    CHECK(err == ERR_NO_MEMORY || err == ERR_OK);
    CHECK(err != ERR_OK || wrong == 0);
}

TEST(each_allocation_may_fail)
{
    begin_scene();
    CHECK(test_each_allocation_failing(read_once) > 2);
    books_end(&books);
}
