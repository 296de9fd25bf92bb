/* Settlements of a state that there is not are refused, and checking that builds no table. */
#include "books.h"
#include "ledger/settlement_check.h"

static struct books books;

/* Books with calls in them, kept by a program that did not have this migration, opened again. */
static void begin_checked(void)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 1000, LOT_PAID, 0);
    CHECK(books_call(&books, account, 50, 40, 0) == ERR_OK);
    books_close(&books);
    struct store_migration own[] = { ledger_migration,          idem_migration,
                                     usage_month_migration,     credit_migration,
                                     budget_migration,          extend_migration,
                                     budget_calls_migration,    usage_unit_migration,
                                     settlement_check_migration };
    for (size_t i = 0; i < EP_ARRAY_LEN(own); i++) {
        own[i].number = (int64_t)i + 1;
    }
    const struct store_options options = { .url = str_from(books.url),
                                           .migrations = own,
                                           .migrations_count = EP_ARRAY_LEN(own) };
    CHECK(store_open(&options, &books.store, &books.fail) == ERR_OK);
    CHECK(ledger_open(books.store, &books.ledger, &books.fail) == ERR_OK);
}

struct asking {
    struct store_job job;
    const struct store_sql *sql;
    store_row_fn *row;
    int64_t found;
};

static enum err run_asking(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct asking *asking = EP_CONTAINER(job, struct asking, job);
    return store_query(txn, asking->sql, NULL, 0, asking->row, asking, fail);
}

static enum err ask(const struct store_sql *sql, store_row_fn *row, int64_t *ret_found)
{
    struct asking asking = { .job = { .run = run_asking }, .sql = sql, .row = row };
    enum err err = store_run(books.store, &asking.job, &books.fail);
    *ret_found = asking.found;
    return err;
}

static enum err on_number(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    ((struct asking *)context)->found = row[0].number;
    return ERR_OK;
}

static enum err on_step(void *context, const struct store_value *row, size_t columns)
{
    CHECK(columns > 2);
    ((struct asking *)context)->found += str_eq(row[1].bytes, STR("OpenEphemeral"));
    return ERR_OK;
}

TEST(no_table_is_built_to_check_a_settlement)
{
    static const struct store_sql steps = {
        "EXPLAIN INSERT INTO settlement(hold, state, posted, overrun, usage, rated_pico,"
        " settled_ns) VALUES (1, 1, 0, 0, '', '', 0)"
    };
    static const struct store_sql rows = { "SELECT count(*) FROM settlement" };
    int64_t found = 0;
    begin_checked();
    CHECK(ask(&steps, on_step, &found) == ERR_OK);
    CHECK_EQ(found, 0);
    CHECK(ask(&rows, on_number, &found) == ERR_OK);
    CHECK_EQ(found, 1);
    struct books_audit audit = books_look(&books);
    CHECK_STR(str_from(audit.names), STR_EMPTY);
    books_end(&books);
}

TEST(the_schema_cannot_be_written_afterwards)
{
    static const struct store_sql sql = { "UPDATE sqlite_schema SET sql = '' WHERE name = 'x'" };
    int64_t found = 0;
    begin_checked();
    CHECK(ask(&sql, on_number, &found) == ERR_STORE_FAILED);
    CHECK(strstr(books.fail.text, "may not be modified") != NULL);
    books_end(&books);
}

static void check_refused(const struct store_sql *sql)
{
    int64_t found = 0;
    begin_checked();
    CHECK(ask(sql, on_number, &found) == ERR_STORE_FAILED);
    CHECK(strstr(books.fail.text, "state BETWEEN 1 AND 3") != NULL);
    books_end(&books);
}

TEST(states_on_both_sides_are_refused)
{
    static const struct store_sql below = { "UPDATE settlement SET state = 0" };
    static const struct store_sql above = { "UPDATE settlement SET state = 4" };
    check_refused(&below);
    check_refused(&above);
}
