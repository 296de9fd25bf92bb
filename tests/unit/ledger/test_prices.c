#include "ledger/prices.h"

#include "books.h"

static struct books books;

static const char sums[] = "0123456789abcdef0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

static const struct ledger_price lines[] = {
    { STR_INIT("m1"), STR_INIT("in"), 2500000 },
    { STR_INIT("m1"), STR_INIT("call"), 7 },
};

static int64_t told; /* books that somebody was told of */

static enum err on_kept(void *context, struct store_txn *txn, const struct ledger_price_book *book,
                        int64_t now_ns, struct fail *fail)
{
    (void)txn;
    (void)fail;
    CHECK_STR(book->book.name, STR("sale"));
    CHECK_EQ(now_ns, 5);
    ++*(int64_t *)context;
    return ERR_OK;
}

/* The books sale/1 and sale/2. */
static void keep(int64_t version, const char *book_version, size_t sum)
{
    const struct ledger_price_book book = {
        .book = { STR("sale"), str_from(book_version), { sums + 32 * sum, 32 } },
        .currency = STR("USD"),
        .prices = lines,
        .count = EP_ARRAY_LEN(lines),
    };
    const struct ledger_price_list list = { STR("world"), 0 };
    const struct ledger_prices prices = { version, &book, 1, &list, 1, 5, on_kept, &told };
    CHECK(ledger_keep_prices(books.ledger, &prices, &books.fail) == ERR_OK);
}

static enum err on_counts(void *context, const struct store_value *row, size_t columns)
{
    int64_t *counts = context;
    for (size_t i = 0; i < columns; i++) {
        counts[i] = row[i].number;
    }
    return ERR_OK;
}

static enum err read_counts(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = {
        "SELECT (SELECT count(*) FROM price_book), (SELECT count(*) FROM price),"
        " (SELECT count(*) FROM price_list), (SELECT max(book) FROM price_list)"
    };
    return store_query(txn, &sql, NULL, 0, on_counts, context, fail);
}

static void check_counts(int64_t book_count, int64_t price_count, int64_t list_count)
{
    int64_t counts[4] = { 0 };
    CHECK(store_read(books.store, read_counts, counts, &books.fail) == ERR_OK);
    CHECK_EQ(counts[0], book_count);
    CHECK_EQ(counts[1], price_count);
    CHECK_EQ(counts[2], list_count);
    CHECK_EQ(counts[3], book_count);
}

TEST(each_version_is_kept_once_and_for_ever_and_told_of_once)
{
    books_begin(&books);
    told = 0;
    keep(100, "1", 0);
    check_counts(1, 2, 1);
    keep(100, "1", 0); /* a restart */
    check_counts(1, 2, 1);
    keep(101, "1", 0); /* another registry, the same prices */
    int64_t counts[4] = { 0 };
    CHECK(store_read(books.store, read_counts, counts, &books.fail) == ERR_OK);
    CHECK_EQ(counts[0], 1);
    CHECK_EQ(counts[2], 2);
    keep(102, "2", 1);
    check_counts(2, 4, 3);
    keep(103, "2", 0); /* edited without a new version: kept all the same */
    check_counts(3, 6, 4);
    CHECK_EQ(told, 3);
    books_end(&books);
}

static enum err on_kept_badly(void *context, struct store_txn *txn,
                              const struct ledger_price_book *book, int64_t now_ns,
                              struct fail *fail)
{
    (void)context;
    (void)txn;
    (void)book;
    (void)now_ns;
    return FAIL(fail, ERR_STORE_FAILED, "it cannot be noted");
}

TEST(a_book_that_cannot_be_told_of_is_not_kept)
{
    const struct ledger_price_book book = {
        .book = { STR("sale"), STR("1"), { sums, 32 } },
        .currency = STR("USD"),
        .prices = lines,
        .count = EP_ARRAY_LEN(lines),
    };
    const struct ledger_price_list list = { STR("world"), 0 };
    const struct ledger_prices prices = { 100, &book, 1, &list, 1, 5, on_kept_badly, NULL };
    int64_t counts[4] = { 0 };
    books_begin(&books);
    CHECK_EQ(ledger_keep_prices(books.ledger, &prices, &books.fail), ERR_STORE_FAILED);
    CHECK_EQ(store_read(books.store, read_counts, counts, NULL), ERR_OK);
    CHECK_EQ(counts[0], 0);
    CHECK_EQ(counts[2], 0);
    books_end(&books);
}

static struct ledger_purchase order(struct ledger_account *account, enum ledger_lot_kind kind,
                                    const char *version, size_t sum)
{
    struct ledger_purchase purchase = books_order(account, 100, kind, 0);
    purchase.prices =
        (struct ledger_terms){ STR("sale"), str_from(version), { sums + 32 * sum, 32 } };
    return purchase;
}

TEST(the_next_call_is_rated_by_the_list_of_the_lot_it_draws)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct id id = ledger_account_id(account);
    keep(100, "1", 0);
    struct ledger_purchase first = order(account, LOT_PAID, "1", 0);
    CHECK_EQ(ledger_price_book(account), 0);
    CHECK(ledger_purchase(books.ledger, &first, &books.fail) == ERR_OK);
    CHECK_EQ(ledger_price_book(account), 1);
    keep(101, "2", 1);
    struct ledger_purchase second = order(account, LOT_PAID, "2", 1);
    CHECK(ledger_purchase(books.ledger, &second, &books.fail) == ERR_OK);
    CHECK_EQ(ledger_price_book(account), 1); /* the older lot is drawn first */
    books_close(&books);
    books_open(&books);
    account = ledger_find(books.ledger, id);
    CHECK_EQ(ledger_price_book(account), 1);
    CHECK(books_call(&books, account, 100, 100, 0) == ERR_OK);
    CHECK_EQ(ledger_price_book(account), 2);
    struct ledger_purchase promo = order(account, LOT_PROMO, "3", 1); /* a list that is in no row */
    CHECK(ledger_purchase(books.ledger, &promo, &books.fail) == ERR_OK);
    CHECK_EQ(ledger_price_book(account), 0);
    CHECK(books_call(&books, account, 100, 100, 0) == ERR_OK);
    CHECK_EQ(ledger_price_book(account), 2);
    int64_t amount = 0;
    CHECK(books_refund(&books, account, second.lot, &amount) == ERR_OK);
    CHECK_EQ(ledger_price_book(account), 0);
    books_end(&books);
}
