#include "batch/batch_again.h"

#include "batch_case.h"

static struct batch_case it;

#define WINDOW 100

static const unsigned char sums[4][BATCH_SUM_BYTES] = { { 1 }, { 2 }, { 3 }, { 4 } };

static struct str sum_of(size_t number)
{
    return (struct str){ (const char *)sums[number], BATCH_SUM_BYTES };
}

/* A request that an SDK counts; `number` is who asks for what. */
static struct batch_again a_try(size_t number, int64_t tries, int64_t asked_ns)
{
    return (struct batch_again){
        .client = { { 7 } },
        .name = sum_of(number),
        .sum = sum_of(number),
        .tries = tries,
        .asked_ns = asked_ns,
        .until_ns = asked_ns + WINDOW,
    };
}

static struct batch_again with_key(size_t name, size_t sum, int64_t asked_ns)
{
    struct batch_again ask = a_try(name, 0, asked_ns);
    ask.sum = sum_of(sum);
    ask.keyed = true;
    return ask;
}

struct asked {
    struct batch_again ask;
    struct id object;
};

static enum err find_it(void *context, struct store_txn *txn, struct fail *fail)
{
    struct asked *asked = context;
    return batch_again_find(txn, &asked->ask, &asked->object, fail);
}

static enum err add_it(void *context, struct store_txn *txn, struct fail *fail)
{
    struct asked *asked = context;
    return batch_again_add(txn, &asked->ask, asked->object, fail);
}

static void made(struct batch_again ask, unsigned char object)
{
    struct asked asked = { ask, case_id(object) };
    CHECK_EQ(case_write(&it, add_it, &asked), ERR_OK);
}

/* 0: nothing. */
static void check_found(struct batch_again ask, unsigned char object)
{
    struct asked asked = { .ask = ask };
    CHECK_EQ(case_read(&it, find_it, &asked), ERR_OK);
    CHECK(id_eq(asked.object, object == 0 ? (struct id){ { 0 } } : case_id(object)));
}

TEST(a_repeat_finds_what_was_made_last_within_the_window)
{
    case_begin(&it);
    check_found(a_try(0, 1, 10), 0);
    made(a_try(0, 0, 10), 1);
    check_found(a_try(0, 1, 11), 1);
    check_found(a_try(1, 1, 11), 0); /* another request */
    check_found(a_try(0, 1, 10 + WINDOW - 1), 1);
    check_found(a_try(0, 1, 10 + WINDOW), 0);
    made(a_try(0, 0, 20), 2);
    check_found(a_try(0, 2, 21), 2);
    check_found(a_try(0, 1, 5), 2); /* the clock was set back */
    case_end(&it);
}

TEST(a_first_try_repeats_nothing_but_finds_a_repeat_that_was_faster)
{
    case_begin(&it);
    made(a_try(0, 0, 10), 1);
    check_found(a_try(0, 0, 11), 0); /* who wants two has two */
    made(a_try(0, 1, 20), 2);
    check_found(a_try(0, 0, 15), 2); /* was on its way when its repeat came */
    check_found(a_try(0, 0, 21), 0); /* came later: it is another's */
    case_end(&it);
}

TEST(a_key_has_one_request)
{
    struct asked other = { .ask = with_key(0, 2, 12) };
    case_begin(&it);
    check_found(with_key(0, 1, 10), 0);
    made(with_key(0, 1, 10), 1);
    check_found(with_key(0, 1, 11), 1);
    check_found(with_key(3, 1, 11), 0); /* another key */
    CHECK_EQ(case_read(&it, find_it, &other), ERR_IDEM_MISMATCH);
    other.ask.asked_ns = 10 + WINDOW;
    CHECK_EQ(case_read(&it, find_it, &other), ERR_OK);
    case_end(&it);
}

static enum err expire(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_again_expire(txn, *(int64_t *)context, fail);
}

static enum err forget(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_again_forget(txn, *(struct id *)context, fail);
}

static enum err count_row(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err count(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT count(*) FROM batch_again" };
    return store_query(txn, &sql, NULL, 0, count_row, context, fail);
}

static void check_rows(int64_t want)
{
    int64_t rows = 0;
    CHECK_EQ(case_read(&it, count, &rows), ERR_OK);
    CHECK_EQ(rows, want);
}

TEST(rows_go_at_their_time_and_with_their_client)
{
    int64_t now_ns = 10 + WINDOW;
    struct id mine = { { 7 } };
    struct id nobody = { { 9 } };
    case_begin(&it);
    made(a_try(0, 0, 10), 1);
    made(a_try(1, 0, 20), 2);
    CHECK_EQ(case_write(&it, expire, &now_ns), ERR_OK);
    check_rows(2); /* the moment itself is not over */
    now_ns++;
    CHECK_EQ(case_write(&it, expire, &now_ns), ERR_OK);
    check_rows(1);
    check_found(a_try(1, 1, 21), 2);
    CHECK_EQ(case_write(&it, forget, &nobody), ERR_OK);
    check_rows(1);
    CHECK_EQ(case_write(&it, forget, &mine), ERR_OK);
    check_rows(0);
    case_end(&it);
}
