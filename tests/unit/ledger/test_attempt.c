#include "ledger/attempt.h"

#include "books.h"

static struct books books;

struct tried {
    struct store_job job;
    struct books_call call;
    int64_t tries;
    int64_t billable; /* the number of the one that is; 0: none */
};

static enum err run_tried(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct tried *tried = EP_CONTAINER(job, struct tried, job);
    struct books_call *call = &tried->call;
    char pico[32];
    (void)snprintf(pico, sizeof(pico), "%lld", (long long)call->posted * 1000);
    struct ledger_settlement settlement = {
        .hold = &call->hold,
        .state = call->posted > 0 ? HOLD_SETTLED : HOLD_VOIDED,
        .posted = call->posted,
        .usage = STR("{}"),
        .rated_pico = str_from(pico),
        .settled_ns = 3,
    };
    TRY(ledger_write_hold(call->ledger, txn, &call->hold, fail));
    TRY(ledger_write_settlement(call->ledger, txn, &settlement, fail));
    for (int64_t n = 1; n <= tried->tries; n++) {
        TRY(books_attempt(txn, &call->hold, n, n == tried->billable, fail));
    }
    return ERR_OK;
}

/* A call of so many tries and its charge: what the audit says. */
static struct books_audit call(int64_t tries, int64_t billable, int64_t posted)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0);
    CHECK(account_reserve(ledger_credit(account), 100) == ERR_OK);
    struct tried tried = {
        .job = { .run = run_tried },
        .call = { .ledger = books.ledger,
                  .hold = { .call = { { 9 } }, .account = account, .amount = 100 },
                  .posted = posted },
        .tries = tries,
        .billable = billable,
    };
    CHECK(store_run(books.store, &tried.job, &books.fail) == ERR_OK);
    struct books_audit audit = books_look(&books);
    books_close(&books);
    return audit;
}

TEST(a_charged_call_has_one_attempt_that_is_billable)
{
    CHECK_EQ(call(1, 1, 40).violated, 0);
    CHECK_EQ(call(LEDGER_ATTEMPTS_MAX, LEDGER_ATTEMPTS_MAX, 40).violated, 0);
    CHECK_EQ(call(3, 0, 0).violated, 0);
    CHECK_EQ(call(0, 0, 0).violated, 0);
}

TEST(a_charge_without_a_billable_attempt_is_found)
{
    struct books_audit audit = call(3, 0, 40);
    CHECK_EQ(audit.violated, 1);
    CHECK_EQ(books_line(&audit, "one-billable-attempt")->wrong, 1);
}
