#include "dispatch/spread.h"

#include <pthread.h>

#include "harness.h"

TEST(nothing_is_told_of_nothing)
{
    struct spread spread = { 0 };
    CHECK_EQ(spread_count(&spread), 0);
    CHECK_EQ(spread_at(&spread, 1), 0);
    CHECK_EQ(spread_at(&spread, 99), 0);
}

/* Whatever the time, what is told of it alone is right to a bucket. */
TEST(every_time_has_a_bucket_about_it)
{
    for (int64_t us = 1; us < INT64_C(1) << 40; us += us / 7 + 1) {
        struct spread spread = { 0 };
        spread_add(&spread, us);
        int64_t told = spread_at(&spread, 50);
        int64_t most = INT64_C(1) << (SPREAD_FIRST + SPREAD_DOUBLING);
        int64_t least = INT64_C(1) << SPREAD_FIRST;
        if (us >= least * 9 / 8 && us < most) {
            CHECK(told > us && told <= us + us / SPREAD_STEPS + 1);
        } else {
            CHECK(told <= (us < least * 9 / 8 ? least * 9 / 8 : most));
        }
    }
    struct spread spread = { 0 };
    spread_add(&spread, 0);
    spread_add(&spread, INT64_MAX);
    CHECK_EQ(spread_count(&spread), 2);
    CHECK_EQ(spread_at(&spread, 99), INT64_C(1) << (SPREAD_FIRST + SPREAD_DOUBLING));
}

TEST(percentiles_rise)
{
    struct spread spread = { 0 };
    for (int64_t i = 0; i < 500; i++) {
        spread_add(&spread, 1000 + i * i);
    }
    for (int64_t percent = 2; percent < 100; percent++) {
        CHECK(spread_at(&spread, percent) >= spread_at(&spread, percent - 1));
    }
    CHECK(spread_at(&spread, 50) > 50000 && spread_at(&spread, 50) < 80000); /* 63,500 */
}

/* Half goes, so that no more than SPREAD_FULL are ever in; single ones go as often as they stay. */
TEST(what_is_old_makes_room)
{
    struct spread spread = { 0 };
    for (int i = 0; i < 20 * SPREAD_FULL; i++) {
        spread_add(&spread, 1000);
        CHECK(spread_count(&spread) < SPREAD_FULL);
    }
    for (int i = 0; i < SPREAD_FULL; i++) {
        spread_add(&spread, 100000);
    }
    CHECK(spread_at(&spread, 50) > 50000); /* the new ones are more by now */
    struct spread single = { 0 };
    for (int i = 0; i < SPREAD_FULL - 64; i++) {
        spread_add(&single, 1000);
    }
    for (int64_t us = 2000; spread_count(&single) < SPREAD_FULL - 1; us += us / SPREAD_STEPS + 1) {
        spread_add(&single, us); /* a bucket each */
    }
    spread_add(&single, 1000);
    CHECK(spread_count(&single) >= SPREAD_FULL / 2 - 2);
    CHECK(spread_count(&single) <= SPREAD_FULL / 2 + 2);
}

#define THREADS 4
#define ROUNDS  20000

static void *spread_run(void *context)
{
    struct spread *spread = context;
    for (int i = 0; i < ROUNDS; i++) {
        spread_add(spread, 1000 + i);
    }
    return NULL;
}

TEST(threads_lose_nothing)
{
    struct spread spread = { 0 };
    pthread_t threads[THREADS];
    int64_t sum = 0;
    for (size_t i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, spread_run, &spread), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    for (size_t i = 0; i < SPREAD_BUCKETS; i++) {
        sum += atomic_load(&spread.buckets[i]);
    }
    CHECK_EQ(sum, spread_count(&spread));
    CHECK(sum < SPREAD_FULL + THREADS);
    CHECK(spread_at(&spread, 50) > 1000);
}
