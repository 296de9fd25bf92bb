/* No entry moves credit from one client to another: the program cannot say it, the table refuses it
 * (test_ledger.c), and the audit finds it where somebody writes it past both. */
#include <sys/wait.h>
#include <unistd.h>

#include "books.h"
#include "ledger/ledger_internal.h"

static struct books books;

struct entry_job {
    struct store_job job;
    struct ledger_entry entry;
};

static enum err run_post(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct entry_job *posting = EP_CONTAINER(job, struct entry_job, job);
    return ledger_post(books.ledger, txn, &posting->entry, fail);
}

/* In a process of its own, which a broken invariant ends. */
static bool dies(void (*act)(void))
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        EP_IGNORE(freopen("/dev/null", "w", stderr));
        act();
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status);
}

static void post_with(bool other_is_client)
{
    books_begin(&books); /* the writer's thread does not live on in a fork */
    struct ledger_account *one = books_account(&books, 1);
    struct ledger_account *two = books_account(&books, 2);
    (void)books_buy(&books, one, 100, LOT_PROMO, 0);
    struct ledger_house house = ledger_house(books.ledger, LEDGER_REFUND, "USD");
    if (other_is_client) {
        house.account = two; /* a hand that ignores what the type says */
    }
    struct entry_job posting = {
        .job = { .run = run_post },
        .entry = { one, house, CREDIT_SHRINKS, 5, ENTRY_REFUND, 1, 9 },
    };
    CHECK(store_run(books.store, &posting.job, &books.fail) == ERR_OK);
}

static void post_between_clients(void)
{
    post_with(true);
}

static void post_to_the_house(void)
{
    post_with(false);
}

TEST(an_entry_between_two_clients_stops_the_program)
{
    CHECK(dies(post_between_clients));
    CHECK(!dies(post_to_the_house));
}

static enum err run_lie(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    /* The classes say that the second client is the operator's own. */
    static const struct store_sql sql = {
        "INSERT INTO entry(id, txn, debit, debit_class, credit, credit_class, amount, code, ref)"
        " SELECT 2, 2, 7, 1, 8, 6, 5, 4, 1"
    };
    (void)job;
    return store_exec(txn, &sql, NULL, 0, fail);
}

TEST(the_audit_finds_a_row_that_lies_about_its_accounts)
{
    books_begin(&books);
    struct ledger_account *one = books_account(&books, 1);
    (void)books_account(&books, 2);
    (void)books_buy(&books, one, 100, LOT_PAID, 0);
    struct store_job job = { .run = run_lie };
    CHECK(store_run(books.store, &job, &books.fail) == ERR_OK);
    struct books_audit audit = books_look(&books);
    CHECK_EQ(books_line(&audit, "no-transfer")->wrong, 1);
    books_close(&books);
}
