#include "dispatch/limits.h"

#include <pthread.h>

#include "harness.h"

TEST(a_client_has_at_most_its_calls_under_way)
{
    struct limits *limits = NULL;
    CHECK(limits_create(&limits) == ERR_OK);
    struct id one = id_make(1, 0, 1);
    struct id other = id_make(1, 0, 2);
    struct limits_counter *taken[3] = { NULL };
    CHECK(limits_take(limits, one, 2, &taken[0]) == ERR_OK);
    CHECK(limits_take(limits, one, 2, &taken[1]) == ERR_OK);
    struct limits_counter *none = NULL;
    CHECK(limits_take(limits, one, 2, &none) == ERR_LIMIT_CALLS);
    CHECK(none == NULL);
    CHECK_EQ(limits_under_way(limits, one), 2);
    CHECK(limits_take(limits, other, 2, &taken[2]) == ERR_OK);
    limits_give(taken[0]);
    CHECK(limits_take(limits, one, 2, &taken[0]) == ERR_OK);
    for (size_t i = 0; i < 3; i++) {
        limits_give(taken[i]);
    }
    CHECK_EQ(limits_under_way(limits, one), 0);
    CHECK_EQ(limits_under_way(limits, id_make(1, 0, 3)), 0);
    limits_destroy(limits);
    limits_destroy(NULL);
}

TEST(a_limit_that_was_lowered_holds_at_once)
{
    struct limits *limits = NULL;
    CHECK(limits_create(&limits) == ERR_OK);
    struct limits_counter *taken[2] = { NULL };
    struct id client = id_make(1, 0, 1);
    CHECK(limits_take(limits, client, 5, &taken[0]) == ERR_OK);
    CHECK(limits_take(limits, client, 5, &taken[1]) == ERR_OK);
    struct limits_counter *none = NULL;
    CHECK(limits_take(limits, client, 1, &none) == ERR_LIMIT_CALLS);
    CHECK(limits_take(limits, client, 0, &none) == ERR_LIMIT_CALLS);
    limits_give(taken[0]);
    limits_give(taken[1]);
    limits_destroy(limits);
}

static void take_and_give(void)
{
    struct limits *limits = NULL;
    if (limits_create(&limits) == ERR_OK) {
        struct limits_counter *counter = NULL;
        enum err err = limits_take(limits, id_make(1, 0, 7), 1, &counter);
        CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
        if (err == ERR_OK) {
            limits_give(counter);
        }
    }
    limits_destroy(limits);
}

TEST(running_out_of_memory_leaks_nothing)
{
    CHECK_EQ(test_each_allocation_failing(take_and_give), 4);
}

#define WORKERS 4
#define ROUNDS  20000
#define AT_ONCE 3

static _Atomic int limits_inside;

static void *limits_worker(void *arg)
{
    struct limits *limits = arg;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct limits_counter *counter = NULL;
        if (limits_take(limits, id_make(1, 0, 9), AT_ONCE, &counter) == ERR_OK) {
            ASSERT(++limits_inside <= AT_ONCE);
            --limits_inside;
            limits_give(counter);
        }
        if (limits_take(limits, id_make(1, 0, i % 500), 1000, &counter) == ERR_OK) {
            limits_give(counter);
        }
    }
    return NULL;
}

TEST(threads_never_pass_the_limit_together)
{
    struct limits *limits = NULL;
    CHECK(limits_create(&limits) == ERR_OK);
    pthread_t workers[WORKERS];
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(pthread_create(&workers[i], NULL, limits_worker, limits) == 0);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(pthread_join(workers[i], NULL) == 0);
    }
    CHECK_EQ(limits_under_way(limits, id_make(1, 0, 9)), 0);
    limits_destroy(limits);
}
