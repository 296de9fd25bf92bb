#include "ledger/budget.h"

#include "base/stamp.h"
#include "books.h"

static struct books books;
static const struct id key = { { 3, 1 } };
static int64_t noon_ns; /* of 2026-11-30 */

static struct budget *begin(int64_t day, int64_t month, int64_t total)
{
    const int64_t max[BUDGET_WINDOWS] = { day, month, total };
    CHECK(stamp_parse(STR("2026-11-30T12:00:00Z"), &noon_ns));
    books_begin(&books);
    CHECK(ledger_set_budget(books.ledger, key, max, &books.fail) == ERR_OK);
    struct budget *budget = ledger_budget(books.ledger, key);
    CHECK(budget != NULL);
    return budget;
}

static struct budget_view look(struct budget *budget, int64_t now_ns)
{
    struct budget_view view;
    budget_look(budget, now_ns, &view);
    return view;
}

TEST(each_window_refuses_by_its_own_name_and_lets_its_last_nano_through)
{
    struct budget_hold hold;
    struct budget *budget = begin(10, 20, 25);
    CHECK(budget_reserve(budget, 11, noon_ns, &hold) == ERR_BUDGET_DAY);
    CHECK(hold.budget == NULL);
    CHECK(budget_reserve(budget, 10, noon_ns, &hold) == ERR_OK);
    CHECK(budget_reserve(budget, 1, noon_ns, &hold) == ERR_BUDGET_DAY);
    CHECK(budget_reserve(budget, 0, noon_ns, &hold) == ERR_OK);
    books_end(&books);
    budget = begin(BUDGET_NONE, 20, 25);
    CHECK(budget_reserve(budget, 21, noon_ns, &hold) == ERR_BUDGET_MONTH);
    CHECK(budget_reserve(budget, 20, noon_ns, &hold) == ERR_OK);
    books_end(&books);
    budget = begin(BUDGET_NONE, BUDGET_NONE, 25);
    CHECK(budget_reserve(budget, 26, noon_ns, &hold) == ERR_BUDGET_TOTAL);
    CHECK(budget_reserve(budget, 25, noon_ns, &hold) == ERR_OK);
    books_end(&books);
    budget = begin(BUDGET_NONE, BUDGET_NONE, BUDGET_NONE);
    CHECK(budget_reserve(budget, INT64_MAX / 2, noon_ns, &hold) == ERR_OK);
    books_end(&books);
}

TEST(what_is_held_counts_and_what_was_not_spent_is_free_again)
{
    struct budget_hold hold;
    enum err reason = ERR_OK;
    struct budget *budget = begin(100, BUDGET_NONE, BUDGET_NONE);
    CHECK(budget_reserve(budget, 80, noon_ns, &hold) == ERR_OK);
    CHECK_EQ(budget_left(budget, noon_ns, &reason), 20);
    CHECK_EQ(reason, ERR_BUDGET_DAY);
    budget_settle(&hold, 30, true);
    struct budget_view view = look(budget, noon_ns);
    CHECK_EQ(view.spent[BUDGET_DAY], 30);
    CHECK_EQ(view.held[BUDGET_DAY], 0);
    CHECK_EQ(budget_left(budget, noon_ns, &reason), 70);
    books_end(&books);
}

TEST(a_hold_that_grows_is_within_its_budget_or_does_not_grow)
{
    struct budget_hold hold;
    struct budget_hold none = { .budget = NULL };
    struct budget *budget = begin(100, BUDGET_NONE, 150);
    CHECK(budget_reserve(budget, 80, noon_ns, &hold) == ERR_OK);
    CHECK(budget_extend(&hold, 21) == ERR_BUDGET_DAY);
    CHECK_EQ(hold.amount, 80);
    CHECK(budget_extend(&hold, 20) == ERR_OK);
    CHECK_EQ(hold.amount, 100);
    CHECK_EQ(look(budget, noon_ns).held[BUDGET_DAY], 100);
    CHECK(budget_extend(&hold, -30) == ERR_OK);
    CHECK_EQ(look(budget, noon_ns).held[BUDGET_TOTAL], 70);
    budget_settle(&hold, 60, true);
    CHECK_EQ(look(budget, noon_ns).held[BUDGET_DAY], 0);
    CHECK_EQ(look(budget, noon_ns).spent[BUDGET_DAY], 60);
    CHECK(budget_extend(&none, 1000) == ERR_OK);
    books_end(&books);
}

/* The day in which it began is over: only what counts all days is left to refuse. */
TEST(a_hold_that_grows_after_midnight_counts_where_it_began)
{
    struct budget_hold hold;
    int64_t midnight_ns = 0;
    CHECK(stamp_parse(STR("2026-12-01"), &midnight_ns));
    struct budget *budget = begin(100, BUDGET_NONE, 150);
    struct budget_hold later;
    CHECK(budget_reserve(budget, 50, noon_ns, &hold) == ERR_OK);
    CHECK(budget_reserve(budget, 40, midnight_ns, &later) == ERR_OK);
    CHECK_EQ(look(budget, midnight_ns).held[BUDGET_DAY], 40);
    CHECK(budget_extend(&hold, 61) == ERR_BUDGET_TOTAL);
    /* More than the new day has left: it is none of its business. */
    CHECK(budget_reserve(budget, 60, midnight_ns, &later) == ERR_OK);
    CHECK_EQ(look(budget, midnight_ns).held[BUDGET_DAY], 100);
    budget_settle(&later, 0, false);
    CHECK(budget_reserve(budget, 59, midnight_ns, &later) == ERR_OK);
    CHECK(budget_extend(&hold, 1) == ERR_OK);
    CHECK_EQ(look(budget, midnight_ns).held[BUDGET_DAY], 99);
    CHECK_EQ(look(budget, midnight_ns).held[BUDGET_TOTAL], 150);
    budget_settle(&hold, 51, true);
    CHECK_EQ(look(budget, midnight_ns).spent[BUDGET_DAY], 0);
    CHECK_EQ(look(budget, midnight_ns).spent[BUDGET_TOTAL], 51);
    books_end(&books);
}

TEST(a_day_and_a_month_begin_anew_at_midnight_utc)
{
    struct budget_hold before;
    struct budget_hold after;
    int64_t midnight_ns = 0;
    enum err reason = ERR_OK;
    CHECK(stamp_parse(STR("2026-12-01"), &midnight_ns));
    struct budget *budget = begin(10, 10, 15);
    CHECK_EQ(look(budget, noon_ns).resets_ns[BUDGET_DAY], midnight_ns);
    CHECK_EQ(look(budget, noon_ns).resets_ns[BUDGET_MONTH], midnight_ns);
    CHECK(budget_reserve(budget, 10, midnight_ns - 1, &before) == ERR_OK);
    CHECK(budget_reserve(budget, 1, midnight_ns - 1, &after) == ERR_BUDGET_DAY);
    CHECK(budget_reserve(budget, 6, midnight_ns, &after) ==
          ERR_BUDGET_TOTAL); /* all of it counts */
    CHECK(budget_reserve(budget, 5, midnight_ns, &after) == ERR_OK);
    budget_settle(&before, 4, true); /* of the day before: the new one does not know it */
    budget_settle(&after, 5, true);
    struct budget_view view = look(budget, midnight_ns);
    CHECK_EQ(view.spent[BUDGET_DAY], 5);
    CHECK_EQ(view.spent[BUDGET_MONTH], 5);
    CHECK_EQ(view.spent[BUDGET_TOTAL], 9);
    CHECK_EQ(view.held[BUDGET_TOTAL], 0);
    CHECK_EQ(budget_left(budget, noon_ns, &reason), 5); /* a clock that went back frees nothing */
    books_end(&books);
}

TEST(a_limit_below_what_is_spent_lets_nothing_through)
{
    struct budget_hold hold;
    const int64_t low[BUDGET_WINDOWS] = { 3, BUDGET_NONE, BUDGET_NONE };
    const int64_t high[BUDGET_WINDOWS] = { 20, BUDGET_NONE, BUDGET_NONE };
    enum err reason = ERR_OK;
    struct budget *budget = begin(10, BUDGET_NONE, BUDGET_NONE);
    CHECK(budget_reserve(budget, 8, noon_ns, &hold) == ERR_OK);
    budget_settle(&hold, 8, true);
    CHECK(ledger_set_budget(books.ledger, key, low, &books.fail) == ERR_OK);
    CHECK_EQ(budget_left(budget, noon_ns, &reason), 0);
    CHECK(budget_reserve(budget, 1, noon_ns, &hold) == ERR_BUDGET_DAY);
    CHECK(ledger_set_budget(books.ledger, key, high, &books.fail) == ERR_OK);
    CHECK(budget_reserve(budget, 12, noon_ns, &hold) == ERR_OK);
    CHECK(budget_reserve(budget, 1, noon_ns, &hold) == ERR_BUDGET_DAY);
    books_close(&books);
}

/* A call of the key, at noon. */
static void call(struct ledger_account *account, int64_t held, int64_t posted)
{
    struct budget *budget = ledger_budget(books.ledger, key);
    struct books_call one = {
        .job = { .run = books_run_call },
        .ledger = books.ledger,
        .hold = { .call = { { 9 } }, .account = account, .amount = held, .opened_ns = noon_ns },
        .posted = posted,
    };
    CHECK(account_reserve(ledger_credit(account), held) == ERR_OK);
    CHECK(budget_reserve(budget, held, noon_ns, &one.hold.budget) == ERR_OK);
    CHECK(store_run(books.store, &one.job, &books.fail) == ERR_OK);
    if (posted >= 0) {
        account_settle(ledger_credit(account), held, posted);
        budget_settle(&one.hold.budget, posted, posted > 0);
    }
}

TEST(what_was_spent_outlives_the_server)
{
    (void)begin(100, 200, 300);
    struct ledger_account *account = books_account(&books, 1);
    struct id id = ledger_account_id(account);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0);
    call(account, 50, 20);
    call(account, 40, 15);
    call(account, 60, -1); /* open when the server ends */
    books_close(&books);
    books_open(&books);
    struct budget *budget = ledger_budget(books.ledger, key);
    CHECK(budget != NULL);
    struct budget_view view = look(budget, noon_ns);
    CHECK_EQ(view.max[BUDGET_MONTH], 200);
    CHECK_EQ(view.spent[BUDGET_DAY], 35);
    CHECK_EQ(view.held[BUDGET_DAY], 60);
    struct ledger_hold hold;
    CHECK(ledger_next_open_hold(books.ledger, &hold));
    CHECK(hold.budget.budget == budget);
    books_recover(&books, &hold);
    budget_settle(&hold.budget, 0, false);
    view = look(budget, noon_ns);
    CHECK_EQ(view.spent[BUDGET_TOTAL], 35);
    CHECK_EQ(view.held[BUDGET_TOTAL], 0);
    CHECK_EQ(ledger_credit(ledger_find(books.ledger, id))->available, 965);
    books_end(&books);
}

TEST(a_key_without_a_budget_has_none)
{
    books_begin(&books);
    CHECK(ledger_budget(books.ledger, key) == NULL);
    budget_settle(&(struct budget_hold){ .budget = NULL }, 5, true);
    books_end(&books);
}

/* ---- calls --------------------------------------------------------------------------------- */

static const struct budget_limits few_calls = {
    .nano = { BUDGET_NONE, BUDGET_NONE, BUDGET_NONE },
    .calls = { 2, BUDGET_NONE, 3 },
};

struct limiting {
    struct store_job job;
    const struct budget_limits *limits;
};

static enum err run_limiting(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct limiting *limiting = EP_CONTAINER(job, struct limiting, job);
    return ledger_write_budget(books.ledger, txn, key, limiting->limits, fail);
}

static struct budget *begin_calls(void)
{
    struct limiting limiting = { .job = { .run = run_limiting }, .limits = &few_calls };
    CHECK(stamp_parse(STR("2026-11-30T12:00:00Z"), &noon_ns));
    books_begin(&books);
    CHECK(store_run(books.store, &limiting.job, &books.fail) == ERR_OK);
    struct budget *budget = ledger_budget(books.ledger, key);
    CHECK(budget != NULL);
    return budget;
}

TEST(calls_are_counted_while_they_are_under_way_and_when_they_were_answered)
{
    struct budget_hold holds[4];
    enum err reason = ERR_OK;
    struct budget *budget = begin_calls();
    int64_t midnight_ns = noon_ns + INT64_C(43200000000000);
    CHECK_EQ(budget_left(budget, noon_ns, &reason), INT64_MAX);
    CHECK(budget_reserve(budget, 5, noon_ns, &holds[0]) == ERR_OK);
    CHECK(budget_reserve(budget, 5, noon_ns, &holds[1]) == ERR_OK);
    CHECK(budget_reserve(budget, 0, noon_ns, &holds[2]) == ERR_CALLS_DAY);
    CHECK(holds[2].budget == NULL);
    CHECK_EQ(budget_left(budget, noon_ns, &reason), 0);
    CHECK_EQ(reason, ERR_CALLS_DAY);
    budget_settle(&holds[0], 0, false); /* nobody answered: the place is free */
    CHECK(budget_reserve(budget, 5, noon_ns, &holds[2]) == ERR_OK);
    budget_settle(&holds[1], 0, true); /* an answer for nothing is an answer */
    budget_settle(&holds[2], 4, true);
    struct budget_view view = look(budget, noon_ns);
    CHECK_EQ(view.calls[BUDGET_DAY], 2);
    CHECK_EQ(view.calls_max[BUDGET_DAY], 2);
    CHECK_EQ(view.calls_max[BUDGET_MONTH], BUDGET_NONE);
    CHECK(budget_reserve(budget, 1, midnight_ns, &holds[3]) == ERR_OK);
    budget_settle(&holds[3], 1, true);
    CHECK(budget_reserve(budget, 1, midnight_ns, &holds[3]) == ERR_CALLS_TOTAL);
    books_end(&books);
}

TEST(counted_calls_are_durable_with_their_settlements)
{
    (void)begin_calls();
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0);
    call(account, 50, 30);
    call(account, 50, -1); /* under way when the server ends */
    books_close(&books);
    books_open(&books);
    struct budget *budget = ledger_budget(books.ledger, key);
    struct budget_view view = look(budget, noon_ns);
    CHECK_EQ(view.calls[BUDGET_TOTAL], 2);
    CHECK_EQ(view.calls[BUDGET_DAY], 2);
    CHECK_EQ(view.calls_max[BUDGET_TOTAL], 3);
    CHECK_EQ(view.spent[BUDGET_TOTAL], 30);
    struct ledger_hold hold;
    CHECK(ledger_next_open_hold(books.ledger, &hold));
    books_recover(&books, &hold);
    budget_settle(&hold.budget, 0, false);
    CHECK_EQ(look(budget, noon_ns).calls[BUDGET_TOTAL], 1);
    const int64_t money[BUDGET_WINDOWS] = { 1000, BUDGET_NONE, BUDGET_NONE };
    CHECK(ledger_set_budget(books.ledger, key, money, &books.fail) == ERR_OK);
    CHECK_EQ(look(budget, noon_ns).calls_max[BUDGET_TOTAL], 3); /* limits of calls stay */
    books_end(&books);
}
