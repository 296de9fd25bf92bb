#include "ledger/audit.h"

#include "books.h"

static struct books books;

struct mutation {
    struct store_sql sql;
    const char *name; /* of an invariant that must be reported */
};

static const struct mutation mutations[] = {
    { { "UPDATE account SET cr_post = cr_post + 1 WHERE class = 4" }, "balance-posted" },
    { { "UPDATE account SET cr_pend = cr_pend + 1 WHERE class = 4" }, "balance-pending" },
    { { "UPDATE account SET cr_post = cr_post + 1 WHERE class IN (1, 4)" }, "counters-posted" },
    { { "UPDATE account SET dr_pend = dr_pend + 1 WHERE class = 1" }, "counters-pending" },
    { { "UPDATE settlement SET posted = 701" }, "posted-within-hold" },
    { { "UPDATE settlement SET posted = posted - 1" }, "entries-of-settlement" },
    { { "UPDATE settlement SET overrun = 1" }, "overrun-of-settlement" },
    { { "UPDATE settlement SET rated_pico = '451000'" }, "rated" },
    { { "UPDATE lot SET remaining = remaining - 1" }, "lots-are-the-balance" },
    { { "UPDATE lot SET amount = amount + 1" }, "lot-of-purchase" },
    { { "UPDATE entry SET debit_class = 7 WHERE code = 2" }, "no-transfer" },
    { { "UPDATE entry SET id = 99 WHERE id = 2" }, "dense-entries" },
    { { "DELETE FROM settlement" }, "counters-pending" },
    { { "DELETE FROM entry WHERE code = 2" }, "entries-of-settlement" },
};

struct mutate {
    struct store_job job;
    const struct mutation *mutation;
};

static enum err run_mutation(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct mutate *mutate = EP_CONTAINER(job, struct mutate, job);
    return store_exec(txn, &mutate->mutation->sql, NULL, 0, fail);
}

TEST(each_change_of_the_rows_is_found)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(mutations); i++) {
        books_begin(&books);
        struct ledger_account *account = books_account(&books, 1);
        (void)books_buy(&books, account, 1000, LOT_PAID, 0);
        CHECK(books_call(&books, account, 700, 450, 0) == ERR_OK);
        CHECK_EQ(books_look(&books).violated, 0);

        struct mutate mutate = { .job = { .run = run_mutation }, .mutation = &mutations[i] };
        CHECK(store_run(books.store, &mutate.job, &books.fail) == ERR_OK);
        struct books_audit audit = books_look(&books);
        struct str names = str_from(audit.names);
        if (str_search(names, str_from(mutations[i].name)) == names.len) {
            test_failed(EP_SITE, "%s was not found: %s", mutations[i].sql.text, audit.names);
        }
        books_close(&books);
    }
}
