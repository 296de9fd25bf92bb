#include "settle/counts.h"

#include "harness.h"

TEST(sums_are_by_all_keys_and_come_in_order)
{
    struct counts counts;
    counts_init(&counts, 2, 2, 1 << 20);
    const struct str keys[][2] = {
        { STR("b"), STR("") }, { STR("a"), STR("z") }, { STR(""), STR("b") }, { STR("a"), STR("b") }
    };
    for (int64_t i = 0; i < 400; i++) {
        counts_note(&counts, keys[i % 4], 0, 1);
        counts_note(&counts, keys[i % 4], 1, i);
    }
    counts_sort(&counts);
    CHECK_EQ(counts.count, 4);
    CHECK_STR(counts.rows[0]->keys[1], STR("b"));
    CHECK_STR(counts.rows[1]->keys[0], STR("a"));
    CHECK_STR(counts.rows[1]->keys[1], STR("b"));
    CHECK_STR(counts.rows[3]->keys[0], STR("b"));
    CHECK_EQ(counts.rows[0]->values[0], 100);
    CHECK_EQ(counts_sum(&counts, 0), 400);
    CHECK_EQ(counts_sum(&counts, 1), 399 * 200);
    CHECK_EQ(counts.err, ERR_OK);
    counts_fini(&counts);
}

TEST(what_does_not_fit_is_an_error_that_stays)
{
    static char long_key[8192];
    struct counts counts;
    struct str key = STR("a");
    counts_init(&counts, 1, 1, 8192);
    counts_note(&counts, &key, 0, INT64_MAX);
    CHECK_EQ(counts.err, ERR_OK);
    counts_note(&counts, &key, 0, 1);
    CHECK_EQ(counts.err, ERR_LIMIT);
    CHECK(counts_row(&counts, &key) == NULL);
    counts_fini(&counts);
    counts_init(&counts, 1, 1, 8192);
    const struct str too_long = { long_key, sizeof(long_key) };
    CHECK(counts_row(&counts, &too_long) == NULL);
    CHECK_EQ(counts.err, ERR_LIMIT);
    counts_fini(&counts);
    counts_init(&counts, 1, 1, 8192);
    for (int64_t i = 0; i < 1000; i++) {
        const struct str number = { (const char *)&i, sizeof(i) };
        counts_note(&counts, &number, 0, 1);
    }
    CHECK_EQ(counts.err, ERR_NO_MEMORY);
    counts_fini(&counts);
}
