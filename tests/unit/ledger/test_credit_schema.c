/* Books that were kept before there were orders and budgets come through whole. */
#include "books.h"

static struct books books;

static const struct store_sql old_rows[] = {
    { "INSERT INTO account VALUES (1, x'55534400000000000000000000000002', 'USD', 2, 0, 0, 1000, 0,"
      " 0), (2, x'55534400000000000000000000000003', 'USD', 3, 0, 0, 100, 0, 0),"
      " (3, x'55534400000000000000000000000004', 'USD', 4, 0, 0, 0, 150, 0),"
      " (4, x'55534400000000000000000000000005', 'USD', 5, 0, 0, 0, 0, 0),"
      " (5, x'55534400000000000000000000000006', 'USD', 6, 0, 0, 0, 300, 0),"
      " (6, x'55534400000000000000000000000007', 'USD', 7, 0, 0, 0, 0, 0),"
      " (7, x'01010000000000000000000000000000', 'USD', 1, 0, 0, 450, 1100, 150)" },
    { "INSERT INTO lot VALUES (1, 7, 1, 1000, 650, 20, 0, 'starter', 'R1', 5),"
      " (2, 7, 2, 100, 0, 10, 0, '', '', 6)" },
    { "INSERT INTO hold VALUES (1, x'09000000000000000000000000000000', 7, 200, 77, 7)" },
    { "INSERT INTO settlement VALUES (1, 1, 150, 0, '{}', '150000', 8)" },
    { "INSERT INTO entry VALUES (1, 1, 1, 2, 7, 1, 1000, 1, 1), (2, 2, 2, 3, 7, 1, 100, 1, 2),"
      " (3, 3, 7, 1, 3, 4, 150, 2, 1), (4, 4, 7, 1, 5, 6, 300, 4, 1)" },
};

static enum err run_old(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    (void)job;
    for (size_t i = 0; i < EP_ARRAY_LEN(old_rows); i++) {
        TRY(store_exec(txn, &old_rows[i], NULL, 0, fail));
    }
    return ERR_OK;
}

/* As version 5 of the program left them. */
static void begin_old(void)
{
    books = (struct books){ .folder = "/tmp/books-XXXXXX" };
    CHECK(test_folder(books.folder) != NULL);
    (void)snprintf(books.url, sizeof(books.url), "sqlite:%s/books.db", books.folder);
    struct store_migration old[] = { ledger_migration, idem_migration };
    old[0].number = 1;
    old[1].number = 2;
    const struct store_options options = { .url = str_from(books.url),
                                           .migrations = old,
                                           .migrations_count = EP_ARRAY_LEN(old) };
    CHECK(store_open(&options, &books.store, &books.fail) == ERR_OK);
    struct store_job job = { .run = run_old };
    CHECK(store_run(books.store, &job, &books.fail) == ERR_OK);
    store_close(books.store);
}

TEST(old_books_are_sound_and_go_on)
{
    begin_old();
    books_open(&books);
    struct books_audit audit = books_look(&books);
    CHECK_STR(str_from(audit.names), STR_EMPTY);
    struct ledger_account *account = ledger_find(books.ledger, (struct id){ { 1, 1 } });
    CHECK(account != NULL);
    CHECK_EQ(ledger_credit(account)->available, 650);
    CHECK(books_call(&books, account, 50, 50, 0) == ERR_OK);
    struct ledger_refund refund = { .account = account, .lot = 1, .now_ns = 9 };
    /* How long it goes back for the asking was not said then. */
    CHECK(ledger_refund(books.ledger, &refund, &books.fail) == ERR_TOKEN_NO_CASH_OUT);
    refund.ground = STR("the contract of then");
    CHECK(ledger_refund(books.ledger, &refund, &books.fail) == ERR_OK);
    CHECK_EQ(refund.amount, 600);
    struct ledger_correction correction = {
        .entry = 3, .amount = 100, .lot = 2, .reason = STR("wrong"), .now_ns = 9
    };
    CHECK(ledger_correct(books.ledger, &correction, &books.fail) == ERR_OK);
    (void)books_buy(&books, account, 10, LOT_PAID, 0);
    books_end(&books);
}
