#include "books.h"

#define DAY_NS INT64_C(86400000000000)

static struct books books;

TEST(the_next_end_is_known_and_what_is_held_waits_for_its_hold)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    int64_t amount = 0;
    CHECK_EQ(ledger_next_expiry(books.ledger), INT64_MAX);
    (void)books_buy(&books, account, 100, LOT_PAID, 9000);
    (void)books_buy(&books, account, 100, LOT_PROMO, 5000);
    (void)books_buy(&books, account, 100, LOT_PROMO, 0);
    CHECK_EQ(ledger_next_expiry(books.ledger), 5000);
    CHECK(ledger_expire(books.ledger, 4999, &amount, &books.fail) == ERR_OK);
    CHECK_EQ(amount, 0);
    CHECK_EQ(ledger_next_expiry(books.ledger), 5000);
    CHECK(ledger_expire(books.ledger, 5000, &amount, &books.fail) == ERR_OK);
    CHECK_EQ(amount, 100);
    CHECK_EQ(ledger_next_expiry(books.ledger), 9000);
    CHECK(books_call(&books, account, 150, -1, 0) == ERR_OK);
    CHECK(ledger_expire(books.ledger, 9000, &amount, &books.fail) == ERR_OK);
    CHECK_EQ(amount, 50);
    CHECK_EQ(ledger_next_expiry(books.ledger), 9000); /* a part is held */
    CHECK_EQ(ledger_overdue(account), 50);
    books_close(&books);
    books_open(&books);
    CHECK_EQ(ledger_next_expiry(books.ledger), 9000);
    struct ledger_hold hold;
    CHECK(ledger_next_open_hold(books.ledger, &hold));
    books_recover(&books, &hold);
    CHECK(ledger_expire(books.ledger, 9001, &amount, &books.fail) == ERR_OK);
    CHECK_EQ(amount, 50);
    CHECK_EQ(ledger_next_expiry(books.ledger), INT64_MAX);
    CHECK_EQ(ledger_overdue(hold.account), 0);
    books_end(&books);
}

struct told {
    int count;
    struct ledger_warning last;
};

static void on_warning(void *context, const struct ledger_warning *warning)
{
    struct told *told = context;
    told->count++;
    told->last = *warning;
}

static struct told warn_at(int64_t now_ns, int64_t ending)
{
    struct told told = { 0 };
    int64_t count = 0;
    CHECK(ledger_warn(books.ledger, now_ns, on_warning, &told, &count, &books.fail) == ERR_OK);
    CHECK_EQ(count, ending);
    return told;
}

TEST(a_lot_is_warned_of_three_times_once_each)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    int64_t lot = books_buy(&books, account, 100, LOT_PAID, 400 * DAY_NS);
    CHECK_EQ(warn_at(340 * DAY_NS - 1, 0).count, 0);
    struct told told = warn_at(340 * DAY_NS, 1);
    CHECK_EQ(told.count, 1);
    CHECK_EQ(told.last.lot, lot);
    CHECK_EQ(told.last.days, 60);
    CHECK_EQ(told.last.left, 100);
    CHECK_EQ(warn_at(341 * DAY_NS, 1).count, 0);
    CHECK(books_call(&books, account, 30, 30, 0) == ERR_OK);
    books_close(&books);
    books_open(&books); /* what was told is remembered */
    CHECK_EQ(warn_at(369 * DAY_NS, 1).count, 0);
    told = warn_at(370 * DAY_NS, 1);
    CHECK_EQ(told.last.days, 30);
    CHECK_EQ(told.last.left, 70);
    CHECK_EQ(warn_at(393 * DAY_NS, 1).last.days, 7);
    CHECK_EQ(warn_at(400 * DAY_NS - 1, 1).count, 0);
    CHECK_EQ(warn_at(400 * DAY_NS, 0).count, 0); /* it is over */
    books_end(&books);
}

TEST(nobody_is_warned_of_what_is_used_or_never_ends)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 100, LOT_PROMO, 10 * DAY_NS);
    (void)books_buy(&books, account, 100, LOT_PAID, 0);
    CHECK(books_call(&books, account, 100, 100, 0) == ERR_OK);
    CHECK_EQ(warn_at(9 * DAY_NS, 0).count, 0);
    (void)books_buy(&books, account, 5, LOT_PROMO, 12 * DAY_NS);
    CHECK_EQ(warn_at(9 * DAY_NS, 1).last.days, 7); /* late, but once */
    books_end(&books);
}
