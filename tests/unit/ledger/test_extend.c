#include "ledger/extend.h"

#include "books.h"

static struct books books;

/* A call whose hold is extended before it ends, as the gate makes it. */
struct extended {
    struct store_job job;
    struct books_call call;
    int64_t more[4];
    int64_t count;
    bool settled;
};

static enum err run_extended(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct extended *extended = EP_CONTAINER(job, struct extended, job);
    struct ledger *ledger = extended->call.ledger;
    TRY(ledger_write_hold(ledger, txn, &extended->call.hold, fail));
    for (int64_t n = 1; n <= extended->count; n++) {
        struct ledger_extension extension = {
            .hold = &extended->call.hold,
            .n = n,
            .amount = extended->more[n - 1],
            .extended_ns = 2 + n,
        };
        TRY(ledger_write_extension(ledger, txn, &extension, fail));
    }
    if (!extended->settled) {
        return ERR_OK;
    }
    char pico[32];
    (void)snprintf(pico, sizeof(pico), "%lld",
                   (long long)(extended->call.posted + extended->call.overrun) * 1000);
    struct ledger_settlement settlement = {
        .hold = &extended->call.hold,
        .state = HOLD_SETTLED,
        .posted = extended->call.posted,
        .overrun = extended->call.overrun,
        .usage = STR("{}"),
        .rated_pico = str_from(pico),
        .settled_ns = 9,
    };
    TRY(ledger_write_settlement(ledger, txn, &settlement, fail));
    return books_attempt(txn, &extended->call.hold, 1, true, fail);
}

static void call(struct ledger_account *account, struct extended *extended)
{
    int64_t held = extended->call.hold.amount;
    for (int64_t i = 0; i < extended->count; i++) {
        held += extended->more[i];
    }
    CHECK(account_reserve(ledger_credit(account), held) == ERR_OK);
    extended->job.run = run_extended;
    extended->call.ledger = books.ledger;
    extended->call.hold.account = account;
    extended->call.hold.call = (struct id){ { 9 } };
    CHECK(store_run(books.store, &extended->job, &books.fail) == ERR_OK);
    CHECK_EQ(extended->call.hold.amount, held);
    if (extended->settled) {
        account_settle(ledger_credit(account), held, extended->call.posted);
    }
}

static struct ledger_account *begin(void)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0);
    return account;
}

TEST(a_hold_and_its_extensions_pay_for_a_call_together)
{
    struct ledger_account *account = begin();
    struct extended extended = { .call = { .hold = { .amount = 100 }, .posted = 160 },
                                 .more = { 50, 25 },
                                 .count = 2,
                                 .settled = true };
    call(account, &extended);
    CHECK_EQ(ledger_credit(account)->available, 840);
    CHECK_EQ(ledger_credit(account)->held, 0);
    books_end(&books);
}

TEST(what_is_above_all_of_them_is_the_operators_loss)
{
    struct ledger_account *account = begin();
    struct extended extended = { .call = { .hold = { .amount = 100 }, .posted = 150, .overrun = 7 },
                                 .more = { 50 },
                                 .count = 1,
                                 .settled = true };
    call(account, &extended);
    CHECK_EQ(ledger_credit(account)->available, 850);
    struct books_audit audit = books_look(&books);
    CHECK_EQ(books_line(&audit, "overrun-of-settlement")->sum, 7);
    books_end(&books);
}

TEST(a_restart_finds_an_open_hold_with_all_that_extended_it)
{
    struct ledger_account *account = begin();
    struct extended extended = { .call = { .hold = { .amount = 100 } },
                                 .more = { 50, 25, 1 },
                                 .count = 3 };
    call(account, &extended);
    books_close(&books);
    books_open(&books);
    account = ledger_find(books.ledger, (struct id){ { 1, 1 } });
    CHECK_EQ(ledger_credit(account)->held, 176);
    CHECK_EQ(ledger_credit(account)->available, 824);
    struct ledger_hold hold;
    CHECK(ledger_next_open_hold(books.ledger, &hold));
    CHECK_EQ(hold.amount, 176);
    books_recover(&books, &hold);
    CHECK_EQ(ledger_credit(account)->available, 1000);
    books_end(&books);
}
