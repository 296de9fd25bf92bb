#include "ledger/report.h"

#include "books.h"

static struct books books;

struct asked {
    int64_t from_ns;
    int64_t until_ns;
    struct ledger_report report;
    int count;
};

static enum err on_report(void *context, const struct ledger_report *report)
{
    struct asked *asked = context;
    asked->report = *report;
    asked->count++;
    return ERR_OK;
}

static enum err read_report(void *context, struct store_txn *txn, struct fail *fail)
{
    struct asked *asked = context;
    return ledger_report(txn, asked->from_ns, asked->until_ns, on_report, asked, fail);
}

static struct ledger_report report(int64_t from_ns, int64_t until_ns)
{
    struct asked asked = { .from_ns = from_ns, .until_ns = until_ns };
    CHECK(store_read(books.store, read_report, &asked, &books.fail) == ERR_OK);
    CHECK_EQ(asked.count, 1);
    CHECK_STR(str_from(asked.report.currency), STR("USD"));
    const int64_t *sides[] = { asked.report.paid, asked.report.promo };
    for (size_t i = 0; i < 2; i++) {
        const int64_t *flow = sides[i];
        CHECK_EQ(flow[REPORT_OPENING] + flow[REPORT_BOUGHT] - flow[REPORT_USED] -
                     flow[REPORT_REFUNDED] - flow[REPORT_EXPIRED],
                 flow[REPORT_CLOSING]);
    }
    return asked.report;
}

/* Bought at 1, called at 3, refunded at 2, expired at 9, corrected at 20. */
static void begin_scene(void)
{
    int64_t amount = 0;
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_account *other = books_account(&books, 2);
    int64_t paid = books_buy(&books, account, 1000, LOT_PAID, 9);
    (void)books_buy(&books, account, 100, LOT_PROMO, 0);
    int64_t back = books_buy(&books, other, 500, LOT_PAID, 0);
    CHECK(books_call(&books, account, 150, 150, 0) == ERR_OK); /* 100 promo, 50 paid; entry 4 */
    CHECK(books_call(&books, other, 30, 30, 7) == ERR_OK);
    CHECK(books_refund(&books, other, back, &amount) == ERR_OK);
    struct ledger_correction correction = {
        .entry = 4, .amount = 20, .lot = paid, .reason = STR("wrong"), .now_ns = 8
    };
    CHECK(ledger_correct(books.ledger, &correction, &books.fail) == ERR_OK);
    CHECK(ledger_expire(books.ledger, 9, &amount, &books.fail) == ERR_OK);
    CHECK_EQ(amount, 970);
}

TEST(what_was_sold_is_deferred_and_recognised_when_it_is_used)
{
    begin_scene();
    struct ledger_report all = report(0, 100);
    CHECK_EQ(all.paid[REPORT_OPENING], 0);
    CHECK_EQ(all.paid[REPORT_BOUGHT], 1500);
    CHECK_EQ(all.paid[REPORT_USED], 50 + 30 - 20);
    CHECK_EQ(all.paid[REPORT_REFUNDED], 470);
    CHECK_EQ(all.paid[REPORT_EXPIRED], 970);
    CHECK_EQ(all.paid[REPORT_CLOSING], 0);
    CHECK_EQ(all.promo[REPORT_BOUGHT], 100);
    CHECK_EQ(all.promo[REPORT_USED], 100);
    CHECK_EQ(all.overrun, 7);
    CHECK_EQ(all.corrections, 1);
    books_end(&books);
}

TEST(each_period_begins_with_what_the_one_before_left)
{
    begin_scene();
    struct ledger_report first = report(0, 3);
    struct ledger_report second = report(3, 9);
    struct ledger_report third = report(9, 10);
    CHECK_EQ(first.paid[REPORT_BOUGHT], 1500);
    CHECK_EQ(first.paid[REPORT_USED], 0);
    CHECK_EQ(first.paid[REPORT_REFUNDED], 470);
    CHECK_EQ(first.paid[REPORT_CLOSING], 1030);
    CHECK_EQ(second.paid[REPORT_OPENING], 1030);
    CHECK_EQ(second.paid[REPORT_USED], 60);
    CHECK_EQ(second.overrun, 7);
    CHECK_EQ(second.promo[REPORT_OPENING], 100);
    CHECK_EQ(third.paid[REPORT_OPENING], second.paid[REPORT_CLOSING]);
    CHECK_EQ(third.paid[REPORT_EXPIRED], 970);
    CHECK_EQ(third.corrections, 0);
    CHECK_EQ(report(10, 11).paid[REPORT_BOUGHT], 0);
    books_end(&books);
}

TEST(books_without_an_entry_have_no_currency_to_report)
{
    struct asked asked = { .until_ns = 5 };
    books_begin(&books);
    CHECK(store_read(books.store, read_report, &asked, &books.fail) == ERR_OK);
    CHECK_EQ(asked.count, 0);
    books_end(&books);
}

/* ---- one call ---------------------------------------------------------------------------- */

struct drawn {
    struct id call;
    struct ledger_draw draws[4];
    size_t count;
};

static enum err on_draw(void *context, const struct ledger_draw *draw)
{
    struct drawn *drawn = context;
    CHECK(drawn->count < EP_ARRAY_LEN(drawn->draws));
    drawn->draws[drawn->count++] = *draw;
    return ERR_OK;
}

static enum err read_trace(void *context, struct store_txn *txn, struct fail *fail)
{
    struct drawn *drawn = context;
    return ledger_trace(txn, drawn->call, on_draw, drawn, fail);
}

TEST(a_call_is_traced_to_the_lots_that_paid_it)
{
    struct drawn drawn = { .call = { { 4 } } };
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    int64_t paid = books_buy(&books, account, 1000, LOT_PAID, 0);
    int64_t promo = books_buy(&books, account, 100, LOT_PROMO, 0);
    CHECK(books_call(&books, account, 70, 70, 0) == ERR_OK);
    struct books_call call = {
        .job = { .run = books_run_call },
        .ledger = books.ledger,
        .hold = { .call = drawn.call, .account = account, .amount = 90, .opened_ns = 2 },
        .posted = 80,
    };
    CHECK(account_reserve(ledger_credit(account), 90) == ERR_OK);
    CHECK(store_run(books.store, &call.job, &books.fail) == ERR_OK);
    account_settle(ledger_credit(account), 90, 80);
    (void)books_buy(&books, account, 5, LOT_PROMO, 0); /* later: it paid nothing of this */
    CHECK(store_read(books.store, read_trace, &drawn, &books.fail) == ERR_OK);
    CHECK_EQ(drawn.count, 2);
    CHECK_EQ(drawn.draws[0].lot, promo);
    CHECK_EQ(drawn.draws[0].amount, 30);
    CHECK_EQ(drawn.draws[1].lot, paid);
    CHECK_EQ(drawn.draws[1].amount, 50);
    CHECK_EQ(drawn.draws[1].entry, 4);
    drawn = (struct drawn){ .call = { { 5 } } };
    CHECK(store_read(books.store, read_trace, &drawn, &books.fail) == ERR_OK);
    CHECK_EQ(drawn.count, 0);
    books_end(&books);
}

/* ---- random histories -------------------------------------------------------------------- */

static uint64_t dice;

static int64_t roll(int64_t below)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)(dice >> 33) % below;
}

static void random_step(struct ledger_account *account, int64_t lots, int64_t now_ns)
{
    int64_t amount = 0;
    struct ledger_refund refund = {
        .account = account, .lot = roll(lots + 1) + 1, .amount = roll(100), .now_ns = now_ns
    };
    struct ledger_correction correction = { .entry = roll(60) + 1,
                                            .amount = roll(40),
                                            .lot = roll(3) > 0 ? 0 : roll(lots + 1) + 1,
                                            .reason = STR("wrong"),
                                            .now_ns = now_ns };
    switch (roll(6)) {
    case 0:
        (void)books_buy(&books, account, roll(200) + 1, roll(3) == 0 ? LOT_PROMO : LOT_PAID,
                        roll(2) == 0 ? 0 : now_ns + roll(40) + 1);
        break;
    case 1:
    case 2: {
        int64_t held = roll(60) + 1;
        EP_IGNORE(books_call(&books, account, held, roll(held + 1), 0)); /* or it does not fit */
        break;
    }
    case 3:
        EP_IGNORE(ledger_refund(books.ledger, &refund, &books.fail)); /* or it is refused */
        break;
    case 4:
        CHECK(ledger_expire(books.ledger, now_ns, &amount, &books.fail) == ERR_OK);
        break;
    default:
        EP_IGNORE(ledger_correct(books.ledger, &correction, &books.fail)); /* or it is refused */
        break;
    }
    CHECK(!store_failed(books.store));
}

static enum err on_lots(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err read_lots(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT coalesce(max(id), 0) FROM lot" };
    return store_query(txn, &sql, NULL, 0, on_lots, context, fail);
}

TEST(whatever_happens_the_report_ends_with_what_is_there)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        dice = seed;
        books_begin(&books);
        struct id id = ledger_account_id(books_account(&books, 1));
        struct ledger_account *other = books_account(&books, 2);
        (void)books_buy(&books, other, 77, LOT_PAID, 0);
        for (int64_t now_ns = 2; now_ns < 100; now_ns++) {
            int64_t lots = 0;
            CHECK(store_read(books.store, read_lots, &lots, &books.fail) == ERR_OK);
            random_step(ledger_find(books.ledger, id), lots, now_ns);
            if (roll(40) == 0) {
                books_close(&books);
                books_open(&books);
            }
        }
        struct ledger_report all = report(0, 1000);
        const struct account_credit *credit = ledger_credit(ledger_find(books.ledger, id));
        int64_t others =
            ledger_credit(ledger_find(books.ledger, (struct id){ { 1, 2 } }))->available;
        CHECK_EQ(all.paid[REPORT_CLOSING] + all.promo[REPORT_CLOSING],
                 credit->available + credit->held + others);
        CHECK(all.paid[REPORT_CLOSING] >= 0 && all.promo[REPORT_CLOSING] >= 0);
        CHECK_EQ(all.promo[REPORT_REFUNDED], 0);
        books_end(&books);
    }
}
