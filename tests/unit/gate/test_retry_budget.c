#include "gate/retry_budget.h"

#include <pthread.h>

#include "harness.h"

#define SECOND INT64_C(1000000000)

/* At one instant. */
static int64_t take_all(struct retry_budget *budget, int64_t now_ns)
{
    int64_t taken = 0;
    while (retry_budget_take(budget, now_ns)) {
        taken++;
    }
    return taken;
}

TEST(the_store_is_full_at_first_and_ends)
{
    struct retry_budget budget;
    retry_budget_init(&budget, 7);
    CHECK_EQ(take_all(&budget, 7), RETRY_BUDGET_STORE);
    CHECK(!retry_budget_take(&budget, 7));
}

TEST(five_calls_earn_one)
{
    struct retry_budget budget;
    retry_budget_init(&budget, 0);
    (void)take_all(&budget, 0);
    for (int i = 0; i < RETRY_BUDGET_CALLS - 1; i++) {
        retry_budget_earn(&budget);
        CHECK(!retry_budget_take(&budget, 0));
    }
    retry_budget_earn(&budget);
    CHECK(retry_budget_take(&budget, 0));
    CHECK(!retry_budget_take(&budget, 0));
}

/* Calls that all fail: what is made on top of them stays a fifth, and the store. */
TEST(an_outage_is_not_amplified)
{
    struct retry_budget budget;
    int64_t retries = 0;
    int64_t calls = 100000;
    retry_budget_init(&budget, 0);
    for (int64_t i = 0; i < calls; i++) {
        retry_budget_earn(&budget);
        while (retry_budget_take(&budget, 0)) {
            retries++;
        }
    }
    CHECK(retries <= calls / RETRY_BUDGET_CALLS + RETRY_BUDGET_STORE);
    CHECK(retries >= calls / RETRY_BUDGET_CALLS);
}

TEST(some_come_with_time_and_no_more_than_the_store_holds)
{
    struct retry_budget budget;
    retry_budget_init(&budget, 0);
    (void)take_all(&budget, 0);
    CHECK(!retry_budget_take(&budget, RETRY_BUDGET_EACH_NS - 1));
    CHECK(retry_budget_take(&budget, RETRY_BUDGET_EACH_NS));
    CHECK(!retry_budget_take(&budget, RETRY_BUDGET_EACH_NS));
    CHECK_EQ(take_all(&budget, 2 * SECOND), 19); /* one of the twenty was taken above */
    CHECK_EQ(take_all(&budget, 86400 * SECOND), RETRY_BUDGET_STORE);
    CHECK(!retry_budget_take(&budget, 0)); /* another loop's clock, an instant behind */
}

TEST(hedges_have_their_own_measure)
{
    struct retry_budget budget;
    retry_budget_init_hedges(&budget, 0);
    CHECK_EQ(take_all(&budget, 0), HEDGE_BUDGET_STORE);
    for (int i = 0; i < HEDGE_BUDGET_CALLS - 1; i++) {
        retry_budget_earn(&budget);
        CHECK(!retry_budget_take(&budget, 0));
    }
    retry_budget_earn(&budget);
    CHECK(retry_budget_take(&budget, 0));
    CHECK(!retry_budget_take(&budget, HEDGE_BUDGET_EACH_NS - 1));
    CHECK(retry_budget_take(&budget, HEDGE_BUDGET_EACH_NS));
    CHECK_EQ(take_all(&budget, 86400 * SECOND), HEDGE_BUDGET_STORE);
}

struct taker {
    struct retry_budget *budget;
    int64_t taken;
};

static void *taker_run(void *context)
{
    struct taker *taker = context;
    taker->taken = take_all(taker->budget, 0);
    return NULL;
}

TEST(threads_together_get_what_is_there)
{
    struct retry_budget budget;
    struct taker takers[4];
    pthread_t threads[4];
    int64_t taken = 0;
    retry_budget_init(&budget, 0);
    for (size_t i = 0; i < EP_ARRAY_LEN(takers); i++) {
        takers[i] = (struct taker){ .budget = &budget };
        CHECK_EQ(pthread_create(&threads[i], NULL, taker_run, &takers[i]), 0);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(takers); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        taken += takers[i].taken;
    }
    CHECK_EQ(taken, RETRY_BUDGET_STORE);
}
