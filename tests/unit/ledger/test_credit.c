#include "books.h"
#include "ledger/ledger.h"

static struct books books;

TEST(promotional_credit_is_drawn_first_and_not_refunded)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    int64_t paid = books_buy(&books, account, 1000, LOT_PAID, 0);
    int64_t promo = books_buy(&books, account, 100, LOT_PROMO, 0);
    CHECK(books_call(&books, account, 150, 150, 0) == ERR_OK); /* all promo, 50 paid */
    int64_t amount = 0;
    CHECK(books_refund(&books, account, promo, &amount) == ERR_TOKEN_NO_CASH_OUT);
    CHECK(books_refund(&books, account, paid, &amount) == ERR_OK);
    CHECK_EQ(amount, 950);
    CHECK_EQ(ledger_credit(account)->available, 0);
    CHECK(books_refund(&books, account, paid, &amount) == ERR_TOKEN_NO_CASH_OUT);
    CHECK(books_refund(&books, account, 77, &amount) == ERR_NOT_FOUND);
    books_end(&books);
}

TEST(what_is_held_does_not_expire_and_is_not_refunded)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    int64_t lot = books_buy(&books, account, 1000, LOT_PAID, 5000);
    int64_t amount = 0;
    CHECK(books_call(&books, account, 400, -1, 0) == ERR_OK);
    CHECK(ledger_expire(books.ledger, 4999, &amount, &books.fail) == ERR_OK);
    CHECK_EQ(amount, 0);
    CHECK(ledger_expire(books.ledger, 5000, &amount, &books.fail) == ERR_OK);
    CHECK_EQ(amount, 600);
    CHECK_EQ(ledger_credit(account)->held, 400);
    CHECK(books_refund(&books, account, lot, &amount) == ERR_TOKEN_NO_CASH_OUT);
    books_end(&books);
}

TEST(credit_that_makes_no_sense_is_not_sold)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_purchase purchase = books_order(account, 0, LOT_PAID, 0);
    purchase.payment = STR_EMPTY;
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_ASK_INVALID);
    purchase.amount = -5;
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_ASK_INVALID);
    purchase.amount = 5;
    purchase.now_ns = 10;
    purchase.expires_ns = 10;
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_ASK_INVALID);
    purchase.expires_ns = 0;
    purchase.amount = INT64_MAX;
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_MONEY_RANGE);
    CHECK_EQ(ledger_credit(account)->available, INT64_MAX);
    books_end(&books);
}

TEST(all_clients_together_cannot_buy_more_than_the_books_can_count)
{
    books_begin(&books);
    struct ledger_account *one = books_account(&books, 1);
    struct ledger_account *two = books_account(&books, 2);
    (void)books_buy(&books, one, INT64_MAX - 10, LOT_PAID, 0);
    struct ledger_purchase purchase = books_order(two, 11, LOT_PAID, 0);
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_MONEY_RANGE);
    purchase = books_order(two, 11, LOT_PROMO, 0); /* what is given counts as what is sold */
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_MONEY_RANGE);
    CHECK(!store_failed(books.store));
    CHECK_EQ(ledger_credit(two)->available, 0);
    purchase.amount = 10;
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    books_close(&books);
}

/* A model of one account in a few lines: what is available must always agree. */
TEST(random_histories_agree_with_a_simple_model)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    uint64_t dice = 7;
    int64_t available = 0;
    int64_t open = 0;
    for (int i = 0; i < 300; i++) {
        dice = dice * UINT64_C(6364136223846793005) + 1;
        int64_t amount = (int64_t)(dice >> 50) + 1;
        switch (dice >> 33 & 3) {
        case 0:
            (void)books_buy(&books, account, amount, amount % 2 == 0 ? LOT_PAID : LOT_PROMO, 0);
            available += amount;
            break;
        case 1:
        case 2: {
            int64_t posted = amount / 3;
            enum err err = books_call(&books, account, amount, posted, 0);
            CHECK((err == ERR_OK) == (amount <= available));
            available -= err == ERR_OK ? posted : 0;
            break;
        }
        default: {
            enum err err = books_call(&books, account, amount / 8, -1, 0);
            CHECK((err == ERR_OK) == (amount / 8 <= available));
            available -= err == ERR_OK ? amount / 8 : 0;
            open += err == ERR_OK ? amount / 8 : 0;
            break;
        }
        }
        CHECK_EQ(ledger_credit(account)->available, available);
        CHECK_EQ(ledger_credit(account)->held, open);
    }
    books_end(&books);
}
