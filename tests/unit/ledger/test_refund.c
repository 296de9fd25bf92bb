#include "books.h"

static struct books books;

static enum err refund_with(struct ledger_refund *refund)
{
    return ledger_refund(books.ledger, refund, &books.fail);
}

TEST(it_goes_back_to_who_paid_the_way_it_came_and_to_no_other)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_refund refund = { .account = account, .now_ns = 2 };
    refund.lot = books_buy(&books, account, 1000, LOT_PAID, 0);
    refund.payer = STR("Other Ltd.");
    CHECK(refund_with(&refund) == ERR_TOKEN_NO_CASH_OUT);
    refund.payer = STR("Payer Ltd.");
    refund.method = STR("card");
    CHECK(refund_with(&refund) == ERR_TOKEN_NO_CASH_OUT);
    CHECK_EQ(ledger_credit(account)->available, 1000);
    refund.method = STR("bank_transfer");
    CHECK(refund_with(&refund) == ERR_OK);
    CHECK_EQ(refund.amount, 1000);
    books_end(&books);
}

TEST(no_more_than_is_left_goes_back)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_refund refund = { .account = account, .now_ns = 2 };
    refund.lot = books_buy(&books, account, 1000, LOT_PAID, 0);
    CHECK(books_call(&books, account, 300, 200, 0) == ERR_OK);
    CHECK(books_call(&books, account, 50, -1, 0) == ERR_OK); /* held */
    refund.amount = 751;
    CHECK(refund_with(&refund) == ERR_TOKEN_NO_CASH_OUT);
    refund.amount = -1;
    CHECK(refund_with(&refund) == ERR_ASK_INVALID);
    CHECK_EQ(ledger_credit(account)->available, 750);
    refund.amount = 700;
    CHECK(refund_with(&refund) == ERR_OK);
    refund.amount = 0;
    CHECK(refund_with(&refund) == ERR_OK);
    CHECK_EQ(refund.amount, 50);
    refund.amount = 0;
    CHECK(refund_with(&refund) == ERR_TOKEN_NO_CASH_OUT);
    books_end(&books);
}

TEST(what_no_bank_can_pay_stays_credit)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_refund refund = { .account = account, .step = 100, .now_ns = 2 };
    refund.lot = books_buy(&books, account, 1000, LOT_PAID, 0);
    CHECK(books_call(&books, account, 50, 1, 0) == ERR_OK);
    refund.amount = 150;
    CHECK(refund_with(&refund) == ERR_ASK_INVALID);
    refund.amount = 0;
    CHECK(refund_with(&refund) == ERR_OK);
    CHECK_EQ(refund.amount, 900);
    CHECK_EQ(ledger_credit(account)->available, 99);
    refund.amount = 0;
    CHECK(refund_with(&refund) == ERR_TOKEN_NO_CASH_OUT);
    CHECK(books_call(&books, account, 99, 99, 0) == ERR_OK);
    books_end(&books);
}

TEST(after_its_time_it_goes_back_by_contract_alone)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_purchase purchase = books_order(account, 1000, LOT_PAID, 0);
    purchase.refund_until_ns = 100;
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    struct ledger_refund refund = { .account = account, .lot = purchase.lot, .amount = 400 };
    refund.now_ns = 99;
    CHECK(refund_with(&refund) == ERR_OK);
    refund.now_ns = 100;
    CHECK(refund_with(&refund) == ERR_TOKEN_NO_CASH_OUT);
    refund.ground = STR("clause 7");
    CHECK(refund_with(&refund) == ERR_OK);
    CHECK_EQ(ledger_credit(account)->available, 200);
    books_end(&books);
}

TEST(what_has_expired_does_not_go_back)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_refund refund = { .account = account, .ground = STR("clause 7") };
    refund.lot = books_buy(&books, account, 1000, LOT_PAID, 50);
    refund.now_ns = 50;
    CHECK(refund_with(&refund) == ERR_TOKEN_EXPIRED);
    refund.now_ns = 49;
    CHECK(refund_with(&refund) == ERR_OK);
    books_end(&books);
}

TEST(a_lot_is_its_own_clients)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_refund refund = { .account = books_account(&books, 2), .now_ns = 2 };
    refund.lot = books_buy(&books, account, 1000, LOT_PAID, 0);
    CHECK(refund_with(&refund) == ERR_NOT_FOUND);
    CHECK_EQ(ledger_credit(account)->available, 1000);
    books_end(&books);
}

/* ---- corrections ------------------------------------------------------------------------- */

static enum err correct(int64_t entry, int64_t amount, int64_t lot)
{
    struct ledger_correction correction = {
        .entry = entry, .amount = amount, .lot = lot, .reason = STR("typed wrong"), .now_ns = 3
    };
    return ledger_correct(books.ledger, &correction, &books.fail);
}

TEST(a_purchase_that_was_typed_wrong_is_taken_back_as_far_as_it_is_left)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0); /* entry 1 */
    CHECK(correct(1, 1001, 0) == ERR_CONFLICT);
    CHECK(correct(2, 0, 0) == ERR_NOT_FOUND);
    CHECK(correct(1, -1, 0) == ERR_ASK_INVALID);
    CHECK(correct(1, 900, 1) == ERR_ASK_INVALID); /* its lot is known */
    CHECK(correct(1, 900, 0) == ERR_OK);
    CHECK_EQ(ledger_credit(account)->available, 100);
    CHECK(correct(1, 101, 0) == ERR_CONFLICT); /* together more than it was */
    CHECK(books_call(&books, account, 60, 60, 0) == ERR_OK);
    CHECK(correct(1, 41, 0) == ERR_CONFLICT); /* used */
    CHECK(correct(1, 40, 0) == ERR_OK);
    CHECK_EQ(ledger_credit(account)->available, 0);
    books_end(&books);
}

TEST(a_charge_that_was_wrong_goes_back_into_a_lot_of_its_client)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_account *other = books_account(&books, 2);
    int64_t lot = books_buy(&books, account, 1000, LOT_PAID, 0);
    int64_t others = books_buy(&books, other, 1000, LOT_PAID, 0);
    CHECK(books_call(&books, account, 300, 300, 0) == ERR_OK); /* entry 3 */
    CHECK(correct(3, 0, 0) == ERR_ASK_INVALID);
    CHECK(correct(3, 0, others) == ERR_TOKEN_NOT_TRANSFERABLE);
    CHECK(correct(3, 0, 99) == ERR_TOKEN_NOT_TRANSFERABLE);
    CHECK_EQ(ledger_credit(other)->available, 1000);
    CHECK(correct(3, 120, lot) == ERR_OK);
    CHECK_EQ(ledger_credit(account)->available, 820);
    CHECK(correct(3, 181, lot) == ERR_CONFLICT);
    CHECK(correct(4, 20, 0) == ERR_OK); /* a correction is corrected by one more */
    CHECK_EQ(ledger_credit(account)->available, 800);
    books_end(&books);
}

TEST(a_lot_gets_back_no_more_than_it_lost_to_calls)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    int64_t promo = books_buy(&books, account, 100, LOT_PROMO, 0);
    int64_t paid = books_buy(&books, account, 1000, LOT_PAID, 0);
    CHECK(books_call(&books, account, 150, 150, 0) == ERR_OK); /* entry 3: 100 and 50 */
    CHECK(correct(3, 51, paid) == ERR_CONFLICT);
    CHECK(correct(3, 50, paid) == ERR_OK);
    CHECK(correct(3, 100, promo) == ERR_OK);
    CHECK_EQ(ledger_credit(account)->available, 1100);
    books_end(&books);
}

TEST(a_lot_that_was_used_up_before_a_start_gets_its_charge_back)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct id id = ledger_account_id(account);
    int64_t lot = books_buy(&books, account, 100, LOT_PAID, 0);
    CHECK(books_call(&books, account, 100, 100, 0) == ERR_OK); /* entry 2 */
    books_close(&books);
    books_open(&books);
    account = ledger_find(books.ledger, id);
    CHECK(correct(2, 30, lot) == ERR_OK);
    CHECK_EQ(ledger_credit(account)->available, 30);
    CHECK(books_call(&books, account, 30, 30, 0) == ERR_OK);
    books_end(&books);
}

TEST(a_refund_that_the_bank_sent_back_is_credit_again)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    int64_t amount = 0;
    int64_t lot = books_buy(&books, account, 100, LOT_PAID, 0);
    CHECK(books_refund(&books, account, lot, &amount) == ERR_OK); /* entry 2 */
    CHECK(correct(2, 0, 0) == ERR_OK);
    CHECK_EQ(ledger_credit(account)->available, 100);
    CHECK(books_refund(&books, account, lot, &amount) == ERR_OK);
    CHECK_EQ(amount, 100);
    books_end(&books);
}

TEST(what_has_ended_is_not_brought_back)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    int64_t amount = 0;
    int64_t lot = books_buy(&books, account, 100, LOT_PAID, 3);
    CHECK(books_call(&books, account, 40, 40, 5) == ERR_OK);               /* entries 2 and 3 */
    CHECK(ledger_expire(books.ledger, 3, &amount, &books.fail) == ERR_OK); /* entry 4 */
    CHECK(correct(4, 0, 0) == ERR_TOKEN_EXPIRED);
    CHECK(correct(2, 10, lot) == ERR_TOKEN_EXPIRED);
    CHECK(correct(3, 0, 0) == ERR_CONFLICT); /* an overrun is no client's */
    CHECK_EQ(ledger_credit(account)->available, 0);
    books_end(&books);
}

TEST(a_correction_has_a_reason)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 100, LOT_PAID, 0);
    struct ledger_correction correction = { .entry = 1, .now_ns = 3 };
    CHECK(ledger_correct(books.ledger, &correction, &books.fail) == ERR_ASK_MISSING);
    correction.reason = STR("typed twice");
    CHECK(ledger_correct(books.ledger, &correction, &books.fail) == ERR_OK);
    CHECK_EQ(correction.made, 2);
    CHECK_EQ(correction.amount, 100);
    books_end(&books);
}
