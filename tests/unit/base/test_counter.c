#include "base/counter.h"

#include <pthread.h>

#include "harness.h"

static bool holds(struct str text, struct str part)
{
    return str_search(text, part) < text.len;
}

TEST(counters_add_and_gauges_are_set)
{
    counter_add(COUNTER_CALLS, 2);
    counter_add(COUNTER_CALLS, 3);
    CHECK_EQ(counter_get(COUNTER_CALLS), 5);
    counter_set(COUNTER_CALLS_OPEN, 9);
    counter_add(COUNTER_CALLS_OPEN, -10);
    CHECK_EQ(counter_get(COUNTER_CALLS_OPEN), -1);
    counter_set(COUNTER_CALLS_OPEN, 0);
}

static void *add_many(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10000; i++) {
        counter_add(COUNTER_BYTES_IN, 1);
        histogram_add(HISTOGRAM_FIRST_BYTE, i);
    }
    return NULL;
}

TEST(threads_lose_no_addition)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    CHECK_EQ(counter_get(COUNTER_BYTES_IN), 40000);
}

TEST(the_export_names_everything_once_and_sums_buckets_up)
{
    histogram_add(HISTOGRAM_CALL, 0);
    histogram_add(HISTOGRAM_CALL, INT64_MAX / 2);
    struct buf buf;
    buf_init(&buf, 65536);
    CHECK_EQ(counter_export(&buf), ERR_OK);
    struct str text = buf_str(&buf);
    CHECK(holds(text, STR("# TYPE entrepot_calls_total counter\nentrepot_calls_total ")));
    CHECK(holds(text, STR("# TYPE entrepot_calls_open gauge\nentrepot_calls_open 0\n")));
    CHECK(holds(text, STR("# TYPE entrepot_call_seconds histogram\n")));
    CHECK(holds(text, STR("entrepot_call_seconds_bucket{le=\"+Inf\"} 2\n")));
    CHECK(holds(text, STR("entrepot_call_seconds_count 2\n")));
    CHECK(str_ends(text, STR("\n")));
    buf_fini(&buf);
}

TEST(an_export_that_does_not_fit_says_so)
{
    struct buf buf;
    buf_init(&buf, 100);
    CHECK_EQ(counter_export(&buf), ERR_LIMIT);
    buf_fini(&buf);
}
