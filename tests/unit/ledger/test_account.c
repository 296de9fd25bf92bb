#include "ledger/account.h"

#include <pthread.h>

#include "harness.h"

static int64_t total(struct account_credit *credit)
{
    return credit->available + credit->held + credit->spent;
}

TEST(settling_for_less_returns_the_rest)
{
    struct account_credit credit = { .available = 1000 };
    CHECK(account_reserve(&credit, 700) == ERR_OK);
    CHECK_EQ(credit.available, 300);
    account_settle(&credit, 700, 450);
    CHECK_EQ(credit.spent, 450);
    CHECK_EQ(credit.held, 0);
    CHECK_EQ(credit.available, 550);
    CHECK_EQ(total(&credit), 1000);
}

TEST(a_reservation_above_what_is_available_changes_nothing)
{
    struct account_credit credit = { .available = 1000 };
    CHECK(account_reserve(&credit, 1001) == ERR_LEDGER_FUNDS);
    CHECK_EQ(credit.available, 1000);
    CHECK_EQ(credit.held, 0);
    CHECK(account_reserve(&credit, 1000) == ERR_OK);
    CHECK(account_reserve(&credit, 1) == ERR_LEDGER_FUNDS);
    account_release(&credit, 1000);
    CHECK_EQ(credit.available, 1000);
}

TEST(credit_is_added_and_removed_within_what_is_available)
{
    struct account_credit credit = { .available = 0 };
    account_add(&credit, 10);
    CHECK(account_remove(&credit, 11) == ERR_LEDGER_FUNDS);
    CHECK(account_remove(&credit, 10) == ERR_OK);
    CHECK_EQ(total(&credit), 0);
}

#define ROUNDS 20000

static void *spend(void *context)
{
    struct account_credit *credit = context;
    int64_t reserved = 0;
    for (int i = 0; i < ROUNDS; i++) {
        if (account_reserve(credit, 7) == ERR_OK) {
            reserved++;
            account_settle(credit, 7, 1);
        }
    }
    return (void *)(intptr_t)reserved;
}

TEST(threads_that_spend_at_once_never_overspend)
{
    struct account_credit credit = { .available = 30000 };
    pthread_t threads[4];
    int64_t reserved = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK(pthread_create(&threads[i], NULL, spend, &credit) == 0);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        void *result = NULL;
        CHECK(pthread_join(threads[i], &result) == 0);
        reserved += (intptr_t)result;
    }
    CHECK_EQ(credit.spent, reserved);
    CHECK_EQ(credit.held, 0);
    CHECK_EQ(total(&credit), 30000);
    CHECK(credit.available < 7);
}
