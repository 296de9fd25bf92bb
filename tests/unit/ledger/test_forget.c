#include "ledger/forget.h"

#include <string.h>

#include "books.h"

static struct books books;
static struct ledger_account *mine;
static struct ledger_account *others;
static struct id mine_id = { { 1, 1 } };
static int64_t lot;

/* Two clients: each bought, called and was given something back. */
static void begin(void)
{
    int64_t amount = 0;
    books_begin(&books);
    mine = books_account(&books, 1);
    others = books_account(&books, 2);
    lot = books_buy(&books, mine, 1000, LOT_PAID, 0);
    (void)books_buy(&books, others, 1000, LOT_PAID, 0);
    CHECK_EQ(books_call(&books, mine, 100, 90, 0), ERR_OK);
    CHECK_EQ(books_call(&books, others, 100, 80, 0), ERR_OK);
    CHECK_EQ(books_refund(&books, mine, lot, &amount), ERR_OK);
    CHECK_EQ(amount, 910);
    CHECK_EQ(ledger_set_kyc(books.ledger, mine, KYC_FULL, STR("passport 1"), 1, &books.fail),
             ERR_OK);
}

struct numbers {
    struct ledger_forget_look look;
    struct ledger_oldest oldest;
    int64_t old_orders;
    int64_t old_attempts;
    int64_t names; /* of all orders, lots and causes */
    struct ledger_attempts attempts;
    int64_t calls;
};

static enum err on_number(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err on_call(void *context, struct id call)
{
    CHECK_EQ(call.bytes[0], 9);
    ++*(int64_t *)context;
    return ERR_OK;
}

static enum err run_look(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = {
        "SELECT (SELECT count(*) FROM purchase_order WHERE payer <> '' OR payment <> '')"
        " + (SELECT count(*) FROM lot WHERE payment <> '')"
        " + (SELECT count(*) FROM cause WHERE payer <> '' OR reason <> '' OR reference <> '')"
    };
    struct numbers *numbers = context;
    TRY(ledger_forget_look(txn, mine_id, &numbers->look, fail));
    TRY(ledger_oldest(txn, 0, &numbers->oldest, fail));
    TRY(ledger_count_old_orders(txn, 2, &numbers->old_orders, fail));
    TRY(ledger_count_old_attempts(txn, 0, 4, &numbers->old_attempts, fail));
    TRY(ledger_attempts_before(txn, 0, 4, &numbers->attempts, fail));
    TRY(ledger_calls_of(txn, numbers->look.row, on_call, &numbers->calls, fail));
    return store_query(txn, &sql, NULL, 0, on_number, &numbers->names, fail);
}

static struct numbers look(void)
{
    struct numbers numbers = { .names = -1 };
    CHECK_EQ(store_read(books.store, run_look, &numbers, &books.fail), ERR_OK);
    return numbers;
}

typedef enum err forget_fn(struct store_txn *txn, int64_t value, int64_t *ret_count,
                           struct fail *fail);

struct forgetting {
    struct store_job job;
    forget_fn *forget;
    int64_t value;
    int64_t count;
};

static enum err run_forget(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct forgetting *forgetting = EP_CONTAINER(job, struct forgetting, job);
    return forgetting->forget(txn, forgetting->value, &forgetting->count, fail);
}

static int64_t forget(forget_fn *run, int64_t value)
{
    struct forgetting forgetting = { .job = { .run = run_forget }, .forget = run, .value = value };
    CHECK_EQ(store_run(books.store, &forgetting.job, &books.fail), ERR_OK);
    return forgetting.count;
}

static enum err forget_attempts(struct store_txn *txn, int64_t value, int64_t *ret_count,
                                struct fail *fail)
{
    *ret_count = 1;
    return ledger_forget_attempts(txn, &value, 1, fail);
}

TEST(an_account_says_what_is_left_of_it)
{
    begin();
    struct numbers numbers = look();
    CHECK_EQ(numbers.look.pending, 0);
    CHECK_EQ(numbers.look.balance, 0);
    CHECK_EQ(numbers.look.orders, 1);
    CHECK_EQ(numbers.look.papers, 1);
    CHECK_EQ(numbers.look.answers, 0);
    CHECK_EQ(numbers.calls, 1);
    CHECK_EQ(numbers.oldest.order_ns, 1);
    CHECK_EQ(numbers.oldest.attempt_ns, 3);
    CHECK_EQ(numbers.old_attempts, 2);
    mine_id = (struct id){ { 8 } };
    CHECK_EQ(look().look.row, 0);
    mine_id = (struct id){ { 1, 1 } };
    CHECK_EQ(books_call(&books, others, 100, -1, 0), ERR_OK);
    CHECK_EQ(books_look(&books).violated, 0);
    books_end(&books);
}

TEST(names_go_from_orders_lots_and_causes_and_the_books_add_up)
{
    begin();
    struct numbers before = look();
    CHECK_EQ(before.names, 5); /* two orders and lots, one refund */
    CHECK_EQ(forget(ledger_forget_orders, before.look.row), 1);
    CHECK_EQ(books_look(&books).violated, 0); /* in between */
    CHECK_EQ(forget(ledger_forget_orders, before.look.row), 0);
    struct numbers after = look();
    CHECK_EQ(after.names, 2);
    CHECK_EQ(after.look.orders, 0);
    CHECK_EQ(after.look.papers, 0);
    CHECK_EQ(forget(ledger_forget_orders, before.look.row), 0); /* again */
    books_end(&books);
}

TEST(orders_lose_their_names_by_their_age)
{
    begin();
    CHECK_EQ(forget(ledger_expire_orders, 1), 0); /* they were placed at 1 */
    CHECK_EQ(look().old_orders, 2);
    CHECK_EQ(forget(ledger_expire_orders, 2), 2);
    CHECK_EQ(forget(ledger_expire_orders, 2), 0);
    struct numbers after = look();
    CHECK_EQ(after.names, 0);
    CHECK_EQ(after.old_orders, 0);
    CHECK_EQ(after.oldest.order_ns, 0);
    CHECK_EQ(after.look.papers, 1);
    books_end(&books);
}

struct of {
    struct ledger_attempts attempts;
    int64_t account;
    int64_t from;
    struct id call;
    int64_t call_account;
};

static enum err run_of(void *context, struct store_txn *txn, struct fail *fail)
{
    struct of *of = context;
    CHECK_EQ(ledger_attempt_call(txn, 12345, &of->call, &of->call_account, fail), ERR_NOT_FOUND);
    TRY(ledger_attempts_of(txn, of->account, of->from, &of->attempts, fail));
    return of->attempts.count == 0
               ? ERR_OK
               : ledger_attempt_call(txn, of->attempts.ids[0], &of->call, &of->call_account, fail);
}

TEST(upstreams_ids_go_by_account_and_by_age)
{
    begin();
    struct of of = { .account = look().look.row };
    CHECK_EQ(store_read(books.store, run_of, &of, &books.fail), ERR_OK);
    CHECK_EQ(of.attempts.count, 1);
    CHECK_EQ(of.call_account, of.account);
    CHECK_EQ(of.attempts.accounts[0], of.account);
    CHECK_EQ(of.call.bytes[0], 9);
    (void)forget(forget_attempts, of.attempts.ids[0]);
    CHECK_EQ(look().old_attempts, 1);
    struct numbers left = look();
    CHECK_EQ(left.attempts.count, 1); /* the other's */
    CHECK(left.attempts.next > left.attempts.ids[0]);
    CHECK(left.attempts.accounts[0] != of.account);
    of.from = of.attempts.next;
    CHECK_EQ(store_read(books.store, run_of, &of, &books.fail), ERR_OK);
    CHECK_EQ(of.attempts.count, 0);
    CHECK_EQ(of.attempts.next, of.from);
    books_end(&books);
}

/* ---- answers ------------------------------------------------------------------------------- */

struct keyed {
    struct store_job job;
    struct ledger_hold hold;
    struct idem_ask ask;
    int64_t settled_ns;
};

static enum err run_keyed(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct keyed *keyed = EP_CONTAINER(job, struct keyed, job);
    TRY(ledger_write_hold(books.ledger, txn, &keyed->hold, fail));
    TRY(idem_claim(txn, &keyed->hold, &keyed->ask, fail));
    const struct ledger_settlement settlement = {
        .hold = &keyed->hold,
        .state = HOLD_SETTLED,
        .posted = 7,
        .usage = STR("{}"),
        .rated_pico = STR("7000"),
        .settled_ns = keyed->settled_ns,
    };
    TRY(ledger_write_settlement(books.ledger, txn, &settlement, fail));
    TRY(books_attempt(txn, &keyed->hold, 1, true, fail));
    return idem_keep(txn, &keyed->hold, STR("an answer in words"), fail);
}

static void keyed_call(struct ledger_account *account, unsigned char number, int64_t settled_ns)
{
    static char sums[256][IDEM_SUM_BYTES];
    memset(sums[number], number, IDEM_SUM_BYTES);
    const struct str sum = { sums[number], IDEM_SUM_BYTES };
    struct keyed keyed = {
        .job = { .run = run_keyed },
        .hold = { .call = { { 9, number } }, .account = account, .amount = 10, .opened_ns = 2 },
        .ask = { sum, sum },
        .settled_ns = settled_ns,
    };
    CHECK_EQ(account_reserve(ledger_credit(account), 10), ERR_OK);
    CHECK_EQ(store_run(books.store, &keyed.job, &books.fail), ERR_OK);
    account_settle(ledger_credit(account), 10, 7);
}

static enum err run_answers(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT count(result) FROM idem" };
    int64_t *answers = context;
    TRY(ledger_count_old_answers(txn, 101, &answers[1], fail));
    return store_query(txn, &sql, NULL, 0, on_number, &answers[0], fail);
}

TEST(answers_go_by_age_while_their_keys_stay_and_with_their_client)
{
    int64_t answers[2] = { 0, 0 };
    begin();
    mine = books_account(&books, 3);
    (void)books_buy(&books, mine, 1000, LOT_PAID, 0);
    mine_id = (struct id){ { 1, 3 } };
    keyed_call(mine, 1, 100);
    keyed_call(mine, 2, 200);
    keyed_call(others, 3, 100);
    CHECK_EQ(store_read(books.store, run_answers, answers, &books.fail), ERR_OK);
    CHECK_EQ(answers[0], 3);
    CHECK_EQ(answers[1], 2);
    CHECK_EQ(look().oldest.answer_ns, 100);
    CHECK_EQ(forget(ledger_expire_answers, 101), 2);
    CHECK_EQ(forget(ledger_expire_answers, 101), 0);
    CHECK_EQ(store_read(books.store, run_answers, answers, &books.fail), ERR_OK);
    CHECK_EQ(answers[0], 1);
    CHECK_EQ(look().look.answers, 2); /* the keys */
    CHECK_EQ(forget(ledger_forget_answers, look().look.row), 2);
    CHECK_EQ(forget(ledger_forget_answers, look().look.row), 0);
    CHECK_EQ(look().look.answers, 0);
    mine_id = (struct id){ { 1, 1 } };
    books_end(&books);
}
