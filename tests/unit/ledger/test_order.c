#include "books.h"

#define DAY_NS INT64_C(86400000000000)

static struct books books;

TEST(bought_credit_has_a_payer_and_a_way_that_is_allowed)
{
    static const char *const bad[] = { "", "crypto", "usdt", "cash", "unknown" };
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_purchase purchase = books_order(account, 100, LOT_PAID, 0);
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        purchase.method = str_from(bad[i]);
        CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_TOKEN_PAYMENT_METHOD);
    }
    purchase.method = STR("card");
    purchase.payer = STR_EMPTY;
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_ASK_MISSING);
    CHECK_EQ(ledger_credit(account)->available, 0);
    purchase.payer = STR("Payer Ltd.");
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    books_end(&books);
}

TEST(given_credit_is_paid_by_nobody)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_purchase purchase = books_order(account, 100, LOT_PROMO, 0);
    purchase.method = STR("card");
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_ASK_INVALID);
    purchase.method = STR_EMPTY;
    purchase.payer = STR("somebody");
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_ASK_INVALID);
    purchase.payer = STR_EMPTY;
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    books_end(&books);
}

TEST(one_payment_buys_once)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_account *other = books_account(&books, 2);
    struct ledger_purchase purchase = books_order(account, 100, LOT_PAID, 0);
    purchase.payment = STR("INV-7");
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_CONFLICT);
    CHECK(str_search(str_from(books.fail.text), STR("INV-7")) < str_from(books.fail.text).len);
    purchase.account = other; /* not for another client either */
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_CONFLICT);
    CHECK_EQ(ledger_credit(other)->available, 0);
    purchase.method = STR("card"); /* a number of another system's */
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    purchase.payment = STR_EMPTY; /* nobody said which payment */
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    books_end(&books);
}

static enum err buy_at(struct ledger_account *account, int64_t amount, int64_t now_ns)
{
    static const struct ledger_velocity limits[KYC_END] = {
        { 2, 100 }, { 2, 100 }, { 3, 1000 }, { 0, 0 }
    };
    struct ledger_purchase purchase = books_order(account, amount, LOT_PAID, 0);
    purchase.velocity = limits;
    purchase.now_ns = now_ns;
    return ledger_purchase(books.ledger, &purchase, &books.fail);
}

TEST(who_is_not_known_buys_little_in_a_day)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    CHECK(buy_at(account, 101, DAY_NS) == ERR_TOKEN_KYC_LIMIT);
    CHECK(buy_at(account, 99, DAY_NS) == ERR_OK);
    CHECK(buy_at(account, 2, DAY_NS) == ERR_TOKEN_KYC_LIMIT);
    CHECK(buy_at(account, 1, DAY_NS) == ERR_OK);
    CHECK_EQ(ledger_credit(account)->available, 100);
    CHECK(buy_at(account, 1, 2 * DAY_NS - 1) == ERR_TOKEN_KYC_LIMIT);
    CHECK(buy_at(account, 1, 2 * DAY_NS) == ERR_OK); /* a day later */
    CHECK(buy_at(books_account(&books, 2), 100, DAY_NS) == ERR_OK);
    books_end(&books);
}

TEST(what_is_given_counts_to_no_limit)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    for (int i = 0; i < 5; i++) {
        (void)books_buy(&books, account, 1000, LOT_PROMO, 0);
    }
    CHECK(buy_at(account, 100, 1) == ERR_OK);
    books_end(&books);
}

TEST(more_is_sold_to_whom_is_known_and_less_again_when_not)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    CHECK(ledger_set_kyc(books.ledger, account, KYC_BASIC, STR("passport"), 5, &books.fail) ==
          ERR_OK);
    CHECK(buy_at(account, 900, DAY_NS) == ERR_OK);
    CHECK(buy_at(account, 101, DAY_NS) == ERR_TOKEN_KYC_LIMIT);
    CHECK(ledger_set_kyc(books.ledger, account, KYC_FULL, STR("audit"), 6, &books.fail) == ERR_OK);
    CHECK(buy_at(account, 100000, DAY_NS) == ERR_OK);
    CHECK(ledger_set_kyc(books.ledger, account, KYC_NONE, STR_EMPTY, 7, &books.fail) == ERR_OK);
    CHECK(buy_at(account, 1, DAY_NS) == ERR_TOKEN_KYC_LIMIT);
    books_end(&books);
}

static enum err on_count(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err read_contracts(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT count(*) FROM contract" };
    return store_query(txn, &sql, NULL, 0, on_count, context, fail);
}

TEST(each_version_of_the_terms_is_one_row_that_orders_name)
{
    static const char sum[] = "0123456789abcdef0123456789abcdef";
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_purchase purchase = books_order(account, 1, LOT_PAID, 0);
    purchase.payment = STR_EMPTY;
    purchase.terms = (struct ledger_terms){ STR("terms"), STR("1"), { sum, 32 } };
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    purchase.terms.version = STR("2");
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    int64_t count = 0;
    CHECK(store_read(books.store, read_contracts, &count, &books.fail) == ERR_OK);
    CHECK_EQ(count, 3); /* with the empty one of orders without terms */
    books_end(&books);
}
