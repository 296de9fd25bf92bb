#include "ledger/usage_month.h"

#include "base/stamp.h"
#include "books.h"

static struct books books;

/* Settled in the months of `settled_ns`; tokens of the classes "in" and "out". */
struct month_call {
    struct store_job job;
    struct ledger_account *account;
    unsigned char key;
    const char *model;
    int64_t posted;
    int64_t in;
    int64_t out;
    int64_t images;
    int64_t settled_ns;
    enum ledger_state state;
    int count; /* in one batch, each with a model of its own if `model` is NULL */
};

#define MONTH_OUT   12 /* the class "out" */
#define MONTH_IMAGE 3  /* the unit "image" */

static enum err run_month_call(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct month_call *call = EP_CONTAINER(job, struct month_call, job);
    static char models[200][16];
    for (int i = 0; i < call->count; i++) {
        struct ledger_hold hold = { .call = { { 9 } }, .account = call->account, .amount = 100 };
        char pico[32];
        char usage[128];
        (void)snprintf(models[i], sizeof(models[i]), "m%d", i);
        (void)snprintf(pico, sizeof(pico), "%lld", (long long)call->posted * 1000);
        (void)snprintf(usage, sizeof(usage),
                       "{\"billed\":{\"in\":%lld,\"out\":%lld},\"units\":{\"image\":%lld}}",
                       (long long)call->in, (long long)call->out, (long long)call->images);
        TRY(ledger_write_hold(books.ledger, txn, &hold, fail));
        struct ledger_settlement settlement = {
            .hold = &hold,
            .state = call->state,
            .posted = call->posted,
            .usage = str_from(usage),
            .rated_pico = str_from(pico),
            .settled_ns = call->settled_ns,
            .use = { .key = { { call->key } },
                     .model = str_from(call->model == NULL ? models[i] : call->model) },
        };
        settlement.use.tokens[0] = call->in;
        settlement.use.tokens[MONTH_OUT] = call->out;
        settlement.use.units[MONTH_IMAGE] = call->images;
        settlement.use.has_units = call->images > 0;
        TRY(ledger_write_settlement(books.ledger, txn, &settlement, fail));
        TRY(books_attempt(txn, &hold, 1, call->posted > 0, fail));
    }
    return ERR_OK;
}

static void make_calls(struct month_call call)
{
    call.job.run = run_month_call;
    CHECK_EQ(account_reserve(ledger_credit(call.account), 100 * call.count), ERR_OK);
    CHECK_EQ(store_run(books.store, &call.job, &books.fail), ERR_OK);
    account_settle(ledger_credit(call.account), 100 * call.count, call.posted * call.count);
}

struct month_seen {
    struct id account;
    int64_t month;
    size_t rows;
    int64_t calls;
    int64_t amount;
    int64_t in;
    int64_t out;
    int64_t images;
    char models[64];
};

static enum err on_month(void *context, const struct usage_month *row)
{
    struct month_seen *seen = context;
    CHECK_STR(row->currency, STR("USD"));
    CHECK_EQ(row->month, seen->month);
    seen->rows++;
    seen->calls += row->calls;
    seen->amount += row->amount;
    seen->in += row->sums.tokens[0];
    seen->out += row->sums.tokens[MONTH_OUT];
    seen->images += row->sums.units[MONTH_IMAGE];
    CHECK(row->sums.has_units == (row->sums.units[MONTH_IMAGE] > 0));
    size_t len = str_from(seen->models).len;
    (void)snprintf(seen->models + len, sizeof(seen->models) - len, "%d" STR_FMT " ",
                   row->sums.key.bytes[0], STR_ARG(row->sums.model));
    return ERR_OK;
}

static enum err read_month(void *context, struct store_txn *txn, struct fail *fail)
{
    struct month_seen *seen = context;
    return usage_month_read(txn, seen->account, seen->month, on_month, seen, fail);
}

static struct month_seen look(const struct ledger_account *account, int64_t month)
{
    struct month_seen seen = { .account = ledger_account_id(account), .month = month };
    CHECK_EQ(store_read(books.store, read_month, &seen, &books.fail), ERR_OK);
    return seen;
}

static int64_t at(const char *text)
{
    int64_t ns = 0;
    CHECK(stamp_parse(str_from(text), &ns));
    return ns;
}

struct key_asked {
    struct id account;
    unsigned char key;
    int64_t months[2];
    struct usage_key usage;
};

static enum err read_key(void *context, struct store_txn *txn, struct fail *fail)
{
    struct key_asked *asked = context;
    return usage_month_of_key(txn, asked->account, (struct id){ { asked->key } }, asked->months,
                              &asked->usage, fail);
}

static void check_key(struct ledger_account *account, unsigned char key, int64_t all,
                      int64_t from_november, int64_t from_december)
{
    struct key_asked asked = { ledger_account_id(account), key, { 202611, 202612 }, { 0 } };
    CHECK_EQ(store_read(books.store, read_key, &asked, &books.fail), ERR_OK);
    CHECK_EQ(asked.usage.all, all);
    CHECK_EQ(asked.usage.since[0], from_november);
    CHECK_EQ(asked.usage.since[1], from_december);
}

TEST(a_month_is_the_sum_of_its_settlements_by_key_and_model)
{
    books_begin(&books);
    struct ledger_account *one = books_account(&books, 1);
    struct ledger_account *other = books_account(&books, 2);
    (void)books_buy(&books, one, 100000, LOT_PAID, 0);
    (void)books_buy(&books, other, 100000, LOT_PAID, 0);
    int64_t november = at("2026-11-30T23:59:59.999Z");
    int64_t december = at("2026-12-01");
    make_calls((struct month_call){ .account = one,
                                    .key = 1,
                                    .model = "a",
                                    .posted = 7,
                                    .in = 5,
                                    .out = 2,
                                    .settled_ns = november,
                                    .state = HOLD_SETTLED,
                                    .count = 3 });
    make_calls((struct month_call){ .account = one,
                                    .key = 1,
                                    .model = "a",
                                    .posted = 10,
                                    .in = 1,
                                    .settled_ns = november,
                                    .state = HOLD_SETTLED,
                                    .count = 1 });
    make_calls((struct month_call){ .account = one,
                                    .key = 1,
                                    .model = "b",
                                    .posted = 1,
                                    .out = 1,
                                    .settled_ns = november,
                                    .state = HOLD_SETTLED,
                                    .count = 1 });
    make_calls((struct month_call){ .account = one,
                                    .key = 2,
                                    .model = "a",
                                    .posted = 0,
                                    .settled_ns = november,
                                    .state = HOLD_SETTLED,
                                    .count = 1 });
    make_calls((struct month_call){ .account = one,
                                    .key = 2,
                                    .model = "a",
                                    .posted = 4,
                                    .settled_ns = december,
                                    .state = HOLD_SETTLED,
                                    .count = 1 });
    make_calls((struct month_call){ .account = other,
                                    .key = 3,
                                    .model = "a",
                                    .posted = 50,
                                    .settled_ns = november,
                                    .state = HOLD_SETTLED,
                                    .count = 1 });
    struct month_seen seen = look(one, 202611);
    CHECK_STR(str_from(seen.models), STR("1a 1b 2a "));
    CHECK_EQ(seen.calls, 6);
    CHECK_EQ(seen.amount, 3 * 7 + 10 + 1);
    CHECK_EQ(seen.in, 3 * 5 + 1);
    CHECK_EQ(seen.out, 3 * 2 + 1);
    CHECK_EQ(look(one, 202612).amount, 4);
    CHECK_EQ(look(one, 202610).rows, 0);
    CHECK_EQ(look(other, 202611).amount, 50);
    check_key(one, 1, 32, 32, 0);
    check_key(one, 2, 4, 4, 4);
    check_key(one, 3, 0, 0, 0); /* another client's */
    check_key(other, 3, 50, 50, 0);
    books_end(&books);
}

TEST(what_is_no_token_is_summed_beside)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 100000, LOT_PAID, 0);
    CHECK_STR(str_from(usage_month_unit(MONTH_IMAGE)), STR("image"));
    for (int64_t images = 0; images < 3; images++) {
        make_calls((struct month_call){ .account = account,
                                        .key = 1,
                                        .model = images == 0 ? "words" : "pictures",
                                        .posted = 2,
                                        .in = 3,
                                        .images = images,
                                        .settled_ns = at("2026-11-05"),
                                        .state = HOLD_SETTLED,
                                        .count = 2 });
    }
    struct month_seen seen = look(account, 202611);
    CHECK_EQ(seen.rows, 2);
    CHECK_EQ(seen.calls, 6);
    CHECK_EQ(seen.images, 2 * (1 + 2));
    CHECK_EQ(look(account, 202612).images, 0);
    books_end(&books); /* and the audit finds the same */
}

TEST(what_cost_nothing_because_it_was_voided_is_not_counted)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0);
    make_calls((struct month_call){ .account = account,
                                    .model = "a",
                                    .state = HOLD_VOIDED,
                                    .settled_ns = at("2026-11-05"),
                                    .count = 1 });
    CHECK_EQ(look(account, 202611).rows, 0);
    books_end(&books);
}

/* More keys and models than a batch gathers at once: what was gathered is written in between. */
TEST(a_batch_of_many_models_loses_none)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 100000, LOT_PAID, 0);
    for (int i = 0; i < 2; i++) {
        make_calls((struct month_call){ .account = account,
                                        .posted = 2,
                                        .in = 3,
                                        .settled_ns = at("2026-11-05"),
                                        .state = HOLD_SETTLED,
                                        .count = USAGE_FOLD_MAX + 1 });
        struct month_seen seen = look(account, 202611);
        CHECK_EQ(seen.rows, USAGE_FOLD_MAX + 1);
        CHECK_EQ(seen.calls, (i + 1) * (USAGE_FOLD_MAX + 1));
        CHECK_EQ(seen.in, 3 * seen.calls);
    }
    books_end(&books);
}

static const struct store_sql older_rows[] = {
    { "INSERT INTO account VALUES (1, zeroblob(16), 'USD', 1, 0, 0, 12, 100, 12)" },
    { "INSERT INTO hold VALUES (1, zeroblob(16), 1, 9, 1, 0), (2, zeroblob(16), 1, 9, 1, 0),"
      " (3, zeroblob(16), 1, 9, 1, 0)" },
    { "INSERT INTO settlement VALUES"
      " (1, 1, 5, 0, '{\"billed\":{\"in\":4,\"out\":2}}', '5000', 1795521600000000000),"
      " (2, 1, 7, 0, '{\"billed\":{\"out\":3}}', '7000', 1795521600000000000),"
      " (3, 2, 0, 0, '{}', '0', 1795521600000000000)" },
};

static enum err write_older(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    (void)job;
    for (size_t i = 0; i < EP_ARRAY_LEN(older_rows); i++) {
        TRY(store_exec(txn, &older_rows[i], NULL, 0, fail));
    }
    return ERR_OK;
}

/* A database of before months were kept gets them from its settlements. */
TEST(older_settlements_are_summed_by_the_migration)
{
    struct store_migration own[] = { ledger_migration, usage_month_migration,
                                     usage_unit_migration };
    struct store *store = NULL;
    struct store_job job = { .run = write_older };
    books_begin(&books); /* for its folder */
    char url[160];
    (void)snprintf(url, sizeof(url), "sqlite:%s/older.db", books.folder);
    own[0].number = 1;
    own[1].number = 2;
    own[2].number = 3;
    struct store_options options = { .url = str_from(url), .migrations = own };
    options.migrations_count = 1;
    CHECK_EQ(store_open(&options, &store, &books.fail), ERR_OK);
    CHECK_EQ(store_run(store, &job, &books.fail), ERR_OK);
    store_close(store);
    options.migrations_count = 3;
    CHECK_EQ(store_open(&options, &store, &books.fail), ERR_OK);
    struct month_seen seen = { .month = 202611 };
    CHECK_EQ(store_read(store, read_month, &seen, &books.fail), ERR_OK);
    CHECK_EQ(seen.rows, 1);
    CHECK_EQ(seen.calls, 2);
    CHECK_EQ(seen.amount, 12);
    CHECK_EQ(seen.in, 4);
    CHECK_EQ(seen.out, 5);
    store_close(store);
    books_end(&books);
}
