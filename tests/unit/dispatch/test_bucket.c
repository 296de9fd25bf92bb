#include "dispatch/bucket.h"

#include <pthread.h>
#include <stdatomic.h>

#include "harness.h"

#define S INT64_C(1000000000)

static bool take(_Atomic int64_t *bucket, int64_t max, int64_t count, int64_t now_ns)
{
    int64_t level = 0;
    return bucket_take(bucket, bucket_cost(max, count), BUCKET_MINUTE_NS, now_ns, &level);
}

TEST(a_cost_is_the_time_to_fill_again_rounded_up)
{
    CHECK_EQ(bucket_cost(60, 1), S);
    CHECK_EQ(bucket_cost(60, 0), 0);
    CHECK_EQ(bucket_cost(1, 1), BUCKET_MINUTE_NS);
    CHECK_EQ(bucket_cost(7, 1), 8571428572);
    CHECK_EQ(bucket_cost(INT64_C(1000000000000), 1), 1); /* below a nanosecond still costs one */
    CHECK_EQ(bucket_cost(1, INT64_MAX), BUCKET_DEBT_NS);
    CHECK_EQ(bucket_cost(INT64_MAX, INT64_MAX), BUCKET_MINUTE_NS);
}

TEST(a_full_bucket_gives_a_minute_and_then_fills_evenly)
{
    _Atomic int64_t bucket = 0;
    int64_t now = 5 * S;
    for (int i = 0; i < 60; i++) {
        CHECK(take(&bucket, 60, 1, now));
    }
    CHECK(!take(&bucket, 60, 1, now)); /* the clock stands still: nothing comes back */
    CHECK(!take(&bucket, 60, 1, now + S - 1));
    CHECK(take(&bucket, 60, 1, now + S));
    CHECK(!take(&bucket, 60, 1, now + S));
    CHECK_EQ(bucket_level(&bucket, now + S), BUCKET_MINUTE_NS);
    CHECK_EQ(bucket_level(&bucket, now + 61 * S), 0);
    CHECK(take(&bucket, 60, 60, now + 1000 * S)); /* a long rest gives no more than a minute */
    CHECK(!take(&bucket, 60, 1, now + 1000 * S));
}

TEST(a_refusal_says_the_level_and_takes_nothing)
{
    _Atomic int64_t bucket = 0;
    int64_t level = 0;
    CHECK(bucket_take(&bucket, 50 * S, BUCKET_MINUTE_NS, S, &level));
    CHECK_EQ(level, 50 * S);
    CHECK(!bucket_take(&bucket, 12 * S, BUCKET_MINUTE_NS, 2 * S, &level));
    CHECK_EQ(level, 49 * S);
    CHECK_EQ(bucket_level(&bucket, 2 * S), 49 * S);
}

TEST(what_is_left_is_rounded_down)
{
    CHECK_EQ(bucket_left(60, 0, BUCKET_MINUTE_NS), 60);
    CHECK_EQ(bucket_left(60, 1, BUCKET_MINUTE_NS), 59);
    CHECK_EQ(bucket_left(60, BUCKET_MINUTE_NS, BUCKET_MINUTE_NS), 0);
    CHECK_EQ(bucket_left(60, BUCKET_DEBT_NS, BUCKET_MINUTE_NS), 0);
    CHECK_EQ(bucket_left(0, 0, BUCKET_MINUTE_NS), 0);
    CHECK_EQ(bucket_left(INT64_C(1000000000000), 0, BUCKET_MINUTE_NS), INT64_C(1000000000000));
}

TEST(what_goes_back_and_what_is_owed_stay_within_bounds)
{
    _Atomic int64_t bucket = 0;
    bucket_move(&bucket, -5 * S, S);
    CHECK_EQ(bucket_level(&bucket, S), 0); /* never fuller than full */
    for (int i = 0; i < 40; i++) {
        bucket_move(&bucket, BUCKET_MINUTE_NS, S);
    }
    CHECK_EQ(bucket_level(&bucket, S), BUCKET_DEBT_NS);
    CHECK(!take(&bucket, 60, 0, S)); /* in debt, not even nothing passes */
    bucket_move(&bucket, -BUCKET_DEBT_NS, S);
    CHECK_EQ(bucket_level(&bucket, S), 0);
}

TEST(a_clock_that_jumps_back_shuts_out_for_a_while_and_not_for_ever)
{
    _Atomic int64_t bucket = 0;
    CHECK(take(&bucket, 60, 1, 1000000 * S));
    CHECK_EQ(bucket_level(&bucket, S), BUCKET_DEBT_NS);
    CHECK(!take(&bucket, 60, 1, S));
    CHECK(!take(&bucket, 60, 1, BUCKET_DEBT_NS - BUCKET_MINUTE_NS + S));
    CHECK(take(&bucket, 60, 1, BUCKET_DEBT_NS - BUCKET_MINUTE_NS + 2 * S));
    CHECK(take(&bucket, 60, 1, BUCKET_DEBT_NS)); /* a little apart, as threads read it */
}

TEST(the_ends_of_time_hold)
{
    _Atomic int64_t bucket = 0;
    int64_t last = INT64_MAX - 2 * BUCKET_DEBT_NS;
    CHECK(take(&bucket, 1, 1, 0));
    CHECK(take(&bucket, 1, 1, last));
    CHECK(!take(&bucket, 1, 1, last));
    bucket_move(&bucket, BUCKET_DEBT_NS, last);
    CHECK_EQ(bucket_level(&bucket, last), BUCKET_DEBT_NS);
}

#define WORKERS 4
#define TRIES   20000

static _Atomic int64_t shared_bucket;
static atomic_int shared_taken;

static void *taker(void *arg)
{
    const int64_t *now_ns = arg;
    for (int i = 0; i < TRIES; i++) {
        if (take(&shared_bucket, 30000, 1, *now_ns)) {
            atomic_fetch_add(&shared_taken, 1);
        }
    }
    return NULL;
}

TEST(threads_together_take_exactly_what_is_there)
{
    pthread_t workers[WORKERS];
    int64_t now_ns = 3 * S;
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(pthread_create(&workers[i], NULL, taker, &now_ns) == 0);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(pthread_join(workers[i], NULL) == 0);
    }
    CHECK_EQ(atomic_load(&shared_taken), 30000);
}
