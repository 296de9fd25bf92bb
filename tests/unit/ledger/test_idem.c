#include "ledger/idem.h"

#include <string.h>

#include "base/mem.h"
#include "books.h"

static struct books books;
static struct idem_earlier earlier;

#define KEY_A   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PRINT_1 "11111111111111111111111111111111"
#define PRINT_2 "22222222222222222222222222222222"

enum keyed_end {
    KEYED_OPEN,
    KEYED_KEPT,
    KEYED_UNKEPT,
    KEYED_RELEASED
};

/* A call with a key as the gate makes it; in one job, as a batch would hold both of its jobs. */
struct keyed {
    struct store_job job;
    struct books_call call;
    struct idem_ask ask;
    struct str result;
    enum keyed_end end;
    int64_t ended_ns;
};

static enum err keyed_end(struct keyed *keyed, struct store_txn *txn, struct fail *fail)
{
    struct ledger_settlement settlement = {
        .hold = &keyed->call.hold,
        .state = keyed->end == KEYED_RELEASED ? HOLD_VOIDED : HOLD_SETTLED,
        .posted = keyed->call.posted,
        .usage = STR("{}"),
        .rated_pico = keyed->call.posted == 0 ? STR("0") : STR("7000"),
        .settled_ns = keyed->ended_ns,
    };
    TRY(ledger_write_settlement(keyed->call.ledger, txn, &settlement, fail));
    TRY(books_attempt(txn, &keyed->call.hold, 1, keyed->call.posted > 0, fail));
    if (keyed->end == KEYED_RELEASED) {
        return idem_release(txn, &keyed->call.hold, fail);
    }
    return keyed->end == KEYED_KEPT ? idem_keep(txn, &keyed->call.hold, keyed->result, fail)
                                    : ERR_OK;
}

static enum err keyed_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct keyed *keyed = EP_CONTAINER(job, struct keyed, job);
    struct ledger_hold *hold = &keyed->call.hold;
    buf_fini(&earlier.result);
    TRY(idem_look(txn, hold->account, &keyed->ask, &earlier, fail));
    if (earlier.found != IDEM_FREE) {
        return ERR_OK;
    }
    TRY(ledger_write_hold(keyed->call.ledger, txn, hold, fail));
    TRY(idem_claim(txn, hold, &keyed->ask, fail));
    return keyed->end == KEYED_OPEN ? ERR_OK : keyed_end(keyed, txn, fail);
}

static struct keyed keyed_call(struct ledger_account *account, const char *key, const char *print,
                               enum keyed_end end)
{
    bool sold = end == KEYED_KEPT || end == KEYED_UNKEPT;
    struct keyed keyed = {
        .job = { .run = keyed_run },
        .call = { .ledger = books.ledger,
                  .hold = { .call = { { 9 } }, .account = account, .amount = 10, .opened_ns = 2 },
                  .posted = sold ? 7 : 0 },
        .ask = { str_from(key), str_from(print) },
        .result = STR("{\"an\":\"answer\"}"),
        .end = end,
        .ended_ns = 100,
    };
    return keyed;
}

/* What the key's earlier call is, or IDEM_FREE: then this one has been made. */
static enum idem_found keyed_make(struct keyed *keyed)
{
    struct account_credit *credit = ledger_credit(keyed->call.hold.account);
    CHECK_EQ(account_reserve(credit, 10), ERR_OK);
    CHECK_EQ(store_run(books.store, &keyed->job, &books.fail), ERR_OK);
    if (earlier.found != IDEM_FREE) {
        account_release(credit, 10);
    } else if (keyed->end != KEYED_OPEN) {
        account_settle(credit, 10, keyed->call.posted);
    }
    return earlier.found;
}

static enum idem_found make(struct ledger_account *account, const char *key, const char *print,
                            enum keyed_end end)
{
    struct keyed keyed = keyed_call(account, key, print, end);
    return keyed_make(&keyed);
}

static struct ledger_account *begin(void)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 100000, LOT_PAID, 0);
    return account;
}

static void end(void)
{
    buf_fini(&earlier.result);
    earlier.found = IDEM_FREE;
    books_end(&books);
}

TEST(a_key_buys_once_and_its_result_is_there_again)
{
    struct ledger_account *account = begin();
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_FREE);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_RESULT);
        CHECK_STR(buf_str(&earlier.result), STR("{\"an\":\"answer\"}"));
        CHECK_EQ(earlier.posted, 7);
        CHECK_EQ(earlier.call.bytes[0], 9);
    }
    CHECK_EQ(make(account, KEY_A, PRINT_2, KEYED_KEPT), IDEM_MISMATCH);
    CHECK_EQ(earlier.call.bytes[0], 9);
    CHECK_EQ(make(account, KEY_B, PRINT_1, KEYED_KEPT), IDEM_FREE);
    CHECK_EQ(ledger_credit(account)->spent, 14);
    end();
}

TEST(another_accounts_key_is_another_key)
{
    struct ledger_account *account = begin();
    struct ledger_account *other = books_account(&books, 2);
    (void)books_buy(&books, other, 1000, LOT_PAID, 0);
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_FREE);
    CHECK_EQ(make(other, KEY_A, PRINT_1, KEYED_UNKEPT), IDEM_FREE);
    CHECK_EQ(make(other, KEY_A, PRINT_1, KEYED_KEPT), IDEM_NO_RESULT);
    end();
}

TEST(a_call_under_way_keeps_its_key_until_it_ends_with_or_without_a_result)
{
    struct ledger_account *account = begin();
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_OPEN), IDEM_FREE);
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_UNDER_WAY);
    CHECK_EQ(make(account, KEY_A, PRINT_2, KEYED_KEPT), IDEM_MISMATCH);
    CHECK_EQ(ledger_credit(account)->held, 10);
    CHECK_EQ(make(account, KEY_B, PRINT_1, KEYED_UNKEPT), IDEM_FREE);
    CHECK_EQ(make(account, KEY_B, PRINT_1, KEYED_KEPT), IDEM_NO_RESULT);
    CHECK_EQ(earlier.posted, 7);
    end();
}

TEST(a_key_that_bought_nothing_is_free_again)
{
    struct ledger_account *account = begin();
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_RELEASED), IDEM_FREE);
    CHECK_EQ(make(account, KEY_A, PRINT_2, KEYED_RELEASED), IDEM_FREE);
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_FREE);
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_RESULT);
    CHECK_EQ(ledger_credit(account)->spent, 7);
    end();
}

TEST(recovery_ends_the_call_of_a_key_which_then_has_no_result)
{
    struct ledger_account *account = begin();
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_OPEN), IDEM_FREE);
    CHECK_EQ(make(account, KEY_B, PRINT_1, KEYED_KEPT), IDEM_FREE);
    books_close(&books);

    books_open(&books);
    struct ledger_hold hold;
    CHECK(ledger_next_open_hold(books.ledger, &hold));
    account = hold.account;
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_UNDER_WAY);
    books_recover(&books, &hold);
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_NO_RESULT);
    CHECK_EQ(earlier.posted, 0);
    CHECK_EQ(make(account, KEY_B, PRINT_1, KEYED_KEPT), IDEM_RESULT);
    end();
}

TEST(the_largest_result_is_kept_whole)
{
    static char text[IDEM_RESULT_MAX];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '}';
    struct ledger_account *account = begin();
    struct keyed keyed = keyed_call(account, KEY_A, PRINT_1, KEYED_KEPT);
    keyed.result = (struct str){ text, sizeof(text) };
    CHECK_EQ(keyed_make(&keyed), IDEM_FREE);
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_RESULT);
    CHECK_STR(buf_str(&earlier.result), keyed.result);
    end();
}

/* On the writer's thread, where the result is copied. */
static enum err starved_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct keyed *keyed = EP_CONTAINER(job, struct keyed, job);
    buf_fini(&earlier.result);
    mem_fail_nth(1);
    enum err err = idem_look(txn, keyed->call.hold.account, &keyed->ask, &earlier, fail);
    mem_fail_nth(0);
    return err;
}

TEST(without_memory_for_a_result_the_look_fails_and_the_store_does_not)
{
    struct ledger_account *account = begin();
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_FREE);
    struct keyed keyed = keyed_call(account, KEY_A, PRINT_1, KEYED_KEPT);
    keyed.job.run = starved_run;
    CHECK_EQ(store_run(books.store, &keyed.job, &books.fail), ERR_NO_MEMORY);
    CHECK(!store_failed(books.store));
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_RESULT);
    end();
}

TEST(keys_end_some_time_after_their_calls_and_never_before)
{
    int64_t count = 0;
    struct ledger_account *account = begin();
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_FREE);
    CHECK_EQ(make(account, KEY_B, PRINT_1, KEYED_OPEN), IDEM_FREE);
    CHECK_EQ(idem_expire(books.ledger, 100, &count, &books.fail), ERR_OK);
    CHECK_EQ(count, 0);
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_KEPT), IDEM_RESULT);
    CHECK_EQ(idem_expire(books.ledger, 101, &count, &books.fail), ERR_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(make(account, KEY_A, PRINT_2, KEYED_KEPT), IDEM_FREE);
    CHECK_EQ(idem_expire(books.ledger, INT64_MAX, &count, &books.fail), ERR_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(make(account, KEY_B, PRINT_1, KEYED_KEPT), IDEM_UNDER_WAY);
    end();
}

TEST(however_many_keys_have_ended_all_are_removed)
{
    int64_t count = 0;
    struct ledger_account *account = begin();
    CHECK_EQ(make(account, KEY_A, PRINT_1, KEYED_OPEN), IDEM_FREE); /* in front of all */
    for (unsigned i = 0; i < IDEM_EXPIRE_MAX + 300; i++) {
        char key[IDEM_SUM_BYTES + 1];
        (void)snprintf(key, sizeof(key), "%032u", i);
        CHECK_EQ(make(account, key, PRINT_1, KEYED_KEPT), IDEM_FREE);
    }
    CHECK_EQ(idem_expire(books.ledger, 101, &count, &books.fail), ERR_OK);
    CHECK_EQ(count, IDEM_EXPIRE_MAX + 300);
    end();
}

/* The table itself refuses what the program never writes. */
static const struct store_sql sql_bad[] = {
    { "INSERT INTO idem VALUES (2, 7, zeroblob(32), zeroblob(32), NULL), (1, 7, zeroblob(32),"
      " zeroblob(32), NULL)" },
    { "INSERT INTO idem VALUES (2, 7, zeroblob(31), zeroblob(32), NULL)" },
    { "INSERT INTO idem VALUES (2, 7, zeroblob(32), zeroblob(33), NULL)" },
    { "INSERT INTO idem VALUES (2, 7, zeroblob(32), zeroblob(32), x'')" },
    { "INSERT INTO idem VALUES (2, 7, zeroblob(32), zeroblob(32), zeroblob(65537))" },
    { "INSERT INTO idem VALUES (99, 7, zeroblob(32), zeroblob(32), NULL)" },
};

struct bad {
    struct store_job job;
    const struct store_sql *sql;
};

static enum err bad_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    return store_exec(txn, EP_CONTAINER(job, struct bad, job)->sql, NULL, 0, fail);
}

TEST(a_second_hold_of_a_key_and_sums_of_another_length_are_refused_by_the_table)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(sql_bad); i++) {
        struct ledger_account *account = begin();
        CHECK(books_call(&books, account, 10, 5, 0) == ERR_OK);
        CHECK(books_call(&books, account, 10, 5, 0) == ERR_OK);
        struct bad bad = { .job = { .run = bad_run }, .sql = &sql_bad[i] };
        CHECK_EQ(store_run(books.store, &bad.job, &books.fail), ERR_STORE_FAILED);
        books_close(&books);
    }
}
