#include "ledger/ledger.h"

#include "books.h"

static struct books books;

TEST(a_call_is_held_settled_and_charged)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0);
    CHECK(books_call(&books, account, 700, 450, 0) == ERR_OK);
    CHECK_EQ(ledger_credit(account)->available, 550);
    CHECK_EQ(ledger_credit(account)->spent, 450);
    CHECK(books_call(&books, account, 551, 1, 0) == ERR_LEDGER_FUNDS);
    CHECK(books_call(&books, account, 550, 0, 0) == ERR_OK);
    books_end(&books);
}

TEST(usage_above_the_hold_is_the_operators_loss)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0);
    CHECK(books_call(&books, account, 100, 100, 50) == ERR_OK);
    CHECK_EQ(ledger_credit(account)->available, 900);
    books_end(&books);
}

TEST(what_was_written_is_there_after_a_restart)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0);
    CHECK(books_call(&books, account, 100, 60, 0) == ERR_OK);
    CHECK(books_call(&books, account, 200, -1, 0) == ERR_OK); /* its hold stays open */
    books_close(&books);

    books_open(&books);
    account = ledger_find(books.ledger, (struct id){ { 1, 1 } });
    CHECK(account != NULL);
    CHECK_STR(ledger_currency(account), STR("USD"));
    CHECK_EQ(ledger_credit(account)->available, 740);
    CHECK_EQ(ledger_credit(account)->held, 200);
    struct ledger_hold hold;
    CHECK(ledger_next_open_hold(books.ledger, &hold));
    CHECK_EQ(hold.amount, 200);
    CHECK(hold.account == account);
    CHECK(!ledger_next_open_hold(books.ledger, &hold));
    books_end(&books);
}

TEST(accounts_are_opened_once_and_in_real_currencies)
{
    books_begin(&books);
    struct id id = { { 1, 1 } };
    (void)books_account(&books, 1);
    CHECK(ledger_open_account(books.ledger, id, STR("USD"), &books.fail) == ERR_CONFLICT);
    id.bytes[1] = 2;
    CHECK(ledger_open_account(books.ledger, id, STR("usd"), &books.fail) == ERR_ASK_INVALID);
    CHECK(ledger_open_account(books.ledger, id, STR("USDT"), &books.fail) == ERR_ASK_INVALID);
    CHECK(ledger_find(books.ledger, id) == NULL);
    books_end(&books);
}

TEST(the_operators_own_accounts_are_no_clients)
{
    books_begin(&books);
    (void)books_account(&books, 1);
    struct id own = { { 'U', 'S', 'D', [15] = LEDGER_PLATFORM_REVENUE } };
    CHECK(ledger_find(books.ledger, own) == NULL);
    CHECK(ledger_open_account(books.ledger, own, STR("USD"), &books.fail) == ERR_CONFLICT);
    struct id later = { { 'E', 'U', 'R', [15] = LEDGER_BREAKAGE } };
    CHECK(ledger_open_account(books.ledger, later, STR("USD"), &books.fail) == ERR_CONFLICT);
    CHECK(!store_failed(books.store));
    struct id other = { { 'E', 'U', 'R', [15] = LEDGER_CLASS_END } };
    CHECK(ledger_open_account(books.ledger, other, STR("EUR"), &books.fail) == ERR_OK);
    CHECK(ledger_find(books.ledger, other) != NULL);
    books_end(&books);
}

static enum err on_mark(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err read_mark(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT open_from FROM hold_mark" };
    return store_query(txn, &sql, NULL, 0, on_mark, context, fail);
}

TEST(a_start_does_not_look_at_what_has_ended_long_ago)
{
    int64_t mark = 0;
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000000, LOT_PAID, 0);
    books_many(&books, account, 3000);
    CHECK(store_read(books.store, read_mark, &mark, &books.fail) == ERR_OK);
    CHECK_EQ(mark, 3001);
    CHECK(books_call(&books, account, 5, -1, 0) == ERR_OK);
    books_many(&books, account, 3000);
    CHECK(store_read(books.store, read_mark, &mark, &books.fail) == ERR_OK);
    CHECK_EQ(mark, 3001); /* the open one */
    books_close(&books);

    books_open(&books);
    struct ledger_hold hold;
    CHECK(ledger_next_open_hold(books.ledger, &hold));
    books_recover(&books, &hold);
    CHECK(store_read(books.store, read_mark, &mark, &books.fail) == ERR_OK);
    CHECK_EQ(mark, 6002);
    account = hold.account;
    CHECK_EQ(ledger_credit(account)->held, 0);
    CHECK_EQ(ledger_credit(account)->available, 1000000 - 6000);
    books_end(&books);
}

TEST(open_holds_are_found_however_long_the_books_are)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000000, LOT_PAID, 0);
    books_many(&books, account, 3000);
    CHECK(books_call(&books, account, 5, -1, 0) == ERR_OK); /* stays open, in the middle */
    CHECK(books_call(&books, account, 0, -1, 0) == ERR_OK); /* also one of nothing */
    books_many(&books, account, 6000);
    CHECK(books_call(&books, account, 7, -1, 0) == ERR_OK);
    for (int round = 0; round < 2; round++) {
        books_close(&books);
        books_open(&books);
        struct ledger_hold hold;
        CHECK(ledger_next_open_hold(books.ledger, &hold));
        CHECK_EQ(hold.amount, 7);
        CHECK(ledger_next_open_hold(books.ledger, &hold));
        CHECK_EQ(hold.amount, 0);
        CHECK(ledger_next_open_hold(books.ledger, &hold));
        CHECK_EQ(hold.amount, 5);
        CHECK_EQ(hold.seq, 3001);
        CHECK(!ledger_next_open_hold(books.ledger, &hold));
    }
    account = ledger_find(books.ledger, (struct id){ { 1, 1 } });
    CHECK(account != NULL);
    CHECK(books_call(&books, account, 1, 1, 0) == ERR_OK); /* numbers go on */
    books_end(&books);
}

static enum err run_transfer(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = {
        "INSERT INTO entry(id, txn, debit, debit_class, credit, credit_class, amount, code, ref)"
        " SELECT 1000, 1000, d.id, d.class, c.id, c.class, 5, 9, 0 FROM account d, account c"
        " WHERE d.uid = ?1 AND c.uid = ?2"
    };
    static const struct id from = { { 1, 1 } };
    static const struct id to = { { 1, 2 } };
    const struct store_value values[] = { STORE_B(id_str(&from)), STORE_B(id_str(&to)) };
    (void)job;
    return store_exec(txn, &sql, values, 2, fail);
}

TEST(the_table_itself_refuses_a_transfer_between_clients)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_account(&books, 2);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0);
    struct store_job job = { .run = run_transfer };
    CHECK(store_run(books.store, &job, &books.fail) == ERR_STORE_FAILED);
    CHECK(str_search(str_from(books.fail.text), STR("CHECK")) < str_from(books.fail.text).len);
    books_close(&books);
    books_open(&books);
    books_end(&books);
}
