#include "ledger/audit.h"

#include "books.h"
#include "ledger/prices.h"

static struct books books;

struct mutation {
    struct store_sql sql;
    const char *name; /* of an invariant that must be reported */
};

/* Accounts: 1..6 are the operator's (classes 2..7), 7 and 8 clients in USD. */
static const struct mutation mutations[] = {
    { { "UPDATE account SET cr_post = cr_post + 1 WHERE class = 4" }, "balance-posted" },
    { { "UPDATE account SET cr_pend = cr_pend + 1 WHERE class = 4" }, "balance-pending" },
    { { "UPDATE account SET cr_post = cr_post + 1 WHERE id IN (7, 4)" }, "counters-posted" },
    { { "UPDATE account SET dr_post = dr_post + 1 WHERE class = 2" }, "counters-posted" },
    { { "UPDATE account SET used = used + 1 WHERE class = 1" }, "counters-used" },
    { { "UPDATE account SET dr_pend = dr_pend + 1 WHERE class = 1" }, "counters-pending" },
    { { "UPDATE account SET cr_pend = CASE class WHEN 4 THEN 0 WHEN 6 THEN 98 ELSE 0 END" },
      "counters-pending" },
    { { "UPDATE account SET dr_pend = 1000000 WHERE id = 7" }, "never-below-zero" },
    { { "UPDATE hold SET account = 2 WHERE id = 4" }, "hold-of-client" },
    { { "UPDATE hold_mark SET open_from = 5" }, "open-hold-found" },
    { { "DELETE FROM settlement WHERE hold = 1" }, "counters-pending" },
    { { "UPDATE settlement SET posted = 701 WHERE hold = 1" }, "posted-within-hold" },
    { { "UPDATE hold_ext SET amount = amount + 1 WHERE n = 2" }, "counters-pending" },
    { { "DELETE FROM hold_ext WHERE n = 2" }, "counters-pending" },
    { { "DELETE FROM hold_ext WHERE n = 1" }, "extension-of-hold" },
    { { "UPDATE hold_ext SET n = 3 WHERE n = 2" }, "extension-of-hold" },
    { { "UPDATE hold_ext SET hold = 2 WHERE n = 2" }, "extension-of-hold" },
    { { "INSERT INTO hold_ext VALUES (2, 1, 9, 3)" }, "overrun-above-hold" },
    { { "UPDATE settlement SET state = 2 WHERE hold = 1" }, "voided-is-free" },
    { { "UPDATE settlement SET overrun = 1 WHERE hold = 1" }, "overrun-above-hold" },
    { { "UPDATE settlement SET posted = posted - 1 WHERE hold = 1" }, "entries-of-settlement" },
    { { "UPDATE entry SET debit = 8 WHERE code = 2 AND ref = 1" }, "entries-of-settlement" },
    { { "DELETE FROM entry WHERE code = 2" }, "entries-of-settlement" },
    { { "UPDATE settlement SET overrun = overrun + 1 WHERE hold = 2" }, "overrun-of-settlement" },
    { { "DELETE FROM entry WHERE code = 3" }, "overrun-of-settlement" },
    { { "UPDATE entry SET ref = 77 WHERE code = 2 AND ref = 1" }, "cause-of-entry" },
    { { "UPDATE entry SET ref = 77 WHERE code = 1 AND ref = 1" }, "cause-of-entry" },
    { { "UPDATE entry SET code = 5 WHERE code = 4" }, "sides-of-entry" },
    { { "UPDATE entry SET code = 7 WHERE code = 5" }, "sides-of-entry" },
    { { "UPDATE entry SET txn = 1 WHERE txn = 2" }, "one-event-a-transaction" },
    { { "UPDATE settlement SET state = 3 WHERE hold = 1" }, "recovered-by-mark" },
    { { "UPDATE settlement SET state = 3, rated_pico = '0' WHERE hold = 1" }, "rated" },
    { { "UPDATE settlement SET rated_pico = '451000' WHERE hold = 1" }, "rated" },
    { { "UPDATE settlement SET rated_pico = '' WHERE hold = 1" }, "rated" },
    { { "UPDATE settlement SET rated_pico = '450000000000000000000000' WHERE hold = 1" }, "rated" },
    { { "UPDATE attempt SET id = 999 WHERE hold = 1" }, "attempt-of-settlement" },
    { { "UPDATE attempt SET n = 2 WHERE hold = 1" }, "attempt-of-settlement" },
    { { "UPDATE attempt SET hold = 4, id = 256 WHERE hold = 1" }, "attempt-of-settlement" },
    { { "DELETE FROM attempt WHERE hold = 1" }, "one-billable-attempt" },
    { { "UPDATE attempt SET billable = 0 WHERE hold = 1" }, "one-billable-attempt" },
    { { "INSERT INTO attempt SELECT id + 1, hold, n + 1, route, upstream_id, outcome, usage_source,"
        " sent, billable FROM attempt WHERE hold = 3" },
      "one-billable-attempt" },
    { { "UPDATE lot SET remaining = remaining - 1 WHERE id = 1" }, "lots-are-the-balance" },
    { { "UPDATE lot SET remaining = remaining + CASE id WHEN 1 THEN -7 ELSE 7 END"
        " WHERE id IN (1, 2)" },
      "lots-in-order" },
    { { "UPDATE lot SET priority = 99 WHERE id = 2" }, "lots-in-order" },
    { { "UPDATE lot SET amount = amount + 1 WHERE id = 1" }, "lot-of-purchase" },
    { { "UPDATE lot SET kind = 1 WHERE id = 2" }, "lot-of-purchase" },
    { { "UPDATE lot SET account = 8 WHERE id = 1" }, "lot-of-purchase" },
    { { "INSERT INTO lot SELECT 99, account, kind, 5, 0, priority, expires_ns, plan, payment,"
        " created_ns, 0, 0, 0 FROM lot WHERE id = 1" },
      "lot-of-purchase" },
    { { "UPDATE lot SET kind = 2 WHERE id = 3" }, "lot-of-refund" },
    { { "UPDATE lot SET expires_ns = 0 WHERE id = 4" }, "lot-of-refund" },
    { { "UPDATE entry SET debit_class = 7 WHERE code = 2" }, "no-transfer" },
    { { "UPDATE entry SET debit = 8, debit_class = 1 WHERE code = 1 AND ref = 1" }, "no-transfer" },
    { { "UPDATE account SET currency = 'EUR' WHERE id = 8" }, "no-transfer" },
    { { "UPDATE usage_month SET calls = calls + 1 WHERE account = 7" }, "month-of-settlements" },
    { { "UPDATE usage_month SET amount = amount - 1 WHERE account = 7" }, "month-of-settlements" },
    { { "UPDATE usage_month SET t_reason = 1 WHERE account = 7" }, "month-of-settlements" },
    { { "DELETE FROM usage_month" }, "month-of-settlements" },
    { { "INSERT INTO usage_month_unit VALUES (7, 202611, zeroblob(16), '', 'image', 1)" },
      "units-of-settlements" },
    { { "INSERT INTO idem VALUES (1, 8, zeroblob(32), zeroblob(32), NULL)" }, "one-sale-a-key" },
    { { "INSERT INTO idem VALUES (4, 7, zeroblob(32), zeroblob(32), x'7b7d')" },
      "result-of-ended-hold" },
    { { "INSERT INTO hold SELECT 99, call, account, 0, price_version, opened_ns FROM hold"
        " WHERE id = 1" },
      "dense-holds" },
    { { "UPDATE entry SET id = 99 WHERE id = 2" }, "dense-entries" },
};

struct extending {
    struct store_job job;
    struct ledger_hold hold;
};

static enum err run_extending(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct extending *extending = EP_CONTAINER(job, struct extending, job);
    const int64_t amounts[] = { 5, 3 };
    for (size_t i = 0; i < EP_ARRAY_LEN(amounts); i++) {
        struct ledger_extension extension = { &extending->hold, (int64_t)i + 1, amounts[i], 3 };
        TRY(ledger_write_extension(books.ledger, txn, &extension, fail));
    }
    return ERR_OK;
}

/* The fourth hold, by 5 and by 3. */
static void extend_open_hold(struct ledger_account *account)
{
    struct extending extending = {
        .job = { .run = run_extending },
        .hold = { .account = account, .amount = 90, .seq = 4 },
    };
    CHECK(account_reserve(ledger_credit(account), 8) == ERR_OK);
    CHECK(store_run(books.store, &extending.job, &books.fail) == ERR_OK);
}

/* Every kind of row, so that every kind of change has something to change. */
static void begin_scene(void)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    struct ledger_account *other = books_account(&books, 2);
    int64_t amount = 0;
    CHECK_EQ(books_buy(&books, account, 1000, LOT_PAID, 0), 1);
    CHECK_EQ(books_buy(&books, account, 100, LOT_PROMO, 0), 2);
    int64_t refunded = books_buy(&books, other, 50, LOT_PAID, 0);
    (void)books_buy(&books, other, 60, LOT_PROMO, 9000);
    CHECK(books_call(&books, account, 700, 450, 0) == ERR_OK);
    CHECK(books_call(&books, account, 20, 20, 5) == ERR_OK);
    CHECK(books_call(&books, other, 10, 0, 0) == ERR_OK);
    CHECK(books_call(&books, account, 90, -1, 0) == ERR_OK);
    extend_open_hold(account);
    CHECK(books_refund(&books, other, refunded, &amount) == ERR_OK);
    CHECK(ledger_expire(books.ledger, 9000, &amount, &books.fail) == ERR_OK);
    CHECK_EQ(amount, 60);
}

struct mutate {
    struct store_job job;
    const struct mutation *mutation;
};

static enum err run_mutation(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    /* As whoever edits the file would, and not as the program can. */
    static const struct store_sql unchecked = { "PRAGMA ignore_check_constraints = ON" };
    struct mutate *mutate = EP_CONTAINER(job, struct mutate, job);
    TRY(store_exec(txn, &unchecked, NULL, 0, fail));
    return store_exec(txn, &mutate->mutation->sql, NULL, 0, fail);
}

TEST(each_change_of_the_rows_is_found)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(mutations); i++) {
        begin_scene();
        CHECK_EQ(books_look(&books).violated, 0);
        struct mutate mutate = { .job = { .run = run_mutation }, .mutation = &mutations[i] };
        CHECK(store_run(books.store, &mutate.job, &books.fail) == ERR_OK);
        struct books_audit audit = books_look(&books);
        struct str names = str_from(audit.names);
        if (str_search(names, str_from(mutations[i].name)) == names.len) {
            test_failed(EP_SITE, "%s: %s was not found, but: %s", mutations[i].sql.text,
                        mutations[i].name, audit.names);
        }
        books_close(&books);
    }
}

/* What credit is sold by: orders, terms, causes, corrections, warnings, budgets. */
static const struct mutation credit_mutations[] = {
    { { "UPDATE entry SET credit_class = 5 WHERE code = 6" }, "sides-of-entry" },
    { { "UPDATE entry SET debit = 8 WHERE code = 6" }, "correction-of-entry" },
    { { "UPDATE entry SET amount = amount + 500 WHERE code = 6" }, "correction-of-entry" },
    { { "UPDATE cause SET corrects = 1 WHERE ground = 4" }, "correction-of-entry" },
    { { "UPDATE cause SET ground = 1, corrects = NULL WHERE ground = 4" }, "cause-of-change" },
    { { "DELETE FROM cause WHERE ground = 3" }, "cause-of-change" },
    { { "INSERT INTO cause SELECT 1, at_ns, ground, payer, method, reason, reference, corrects"
        " FROM cause WHERE ground = 3" },
      "cause-of-change" },
    { { "UPDATE lot SET refunded = refunded + 1 WHERE id = 3" }, "parts-of-lot" },
    { { "UPDATE lot SET expired = 0 WHERE id = 4" }, "parts-of-lot" },
    { { "UPDATE lot SET corrected = 1 WHERE id = 1" }, "parts-of-lot" },
    { { "DELETE FROM purchase_order WHERE id = 1" }, "order-of-lot" },
    { { "UPDATE purchase_order SET account = 8 WHERE id = 1" }, "order-of-lot" },
    { { "UPDATE purchase_order SET price = price + 1 WHERE id = 1" }, "order-of-lot" },
    { { "UPDATE purchase_order SET price = 5 WHERE id = 2" }, "order-of-lot" },
    { { "UPDATE purchase_order SET payment = (SELECT payment FROM purchase_order WHERE id = 1)"
        " WHERE id = 3" },
      "one-order-a-payment" },
    { { "UPDATE purchase_order SET payer = 'Other' WHERE id = 3" }, "refund-to-payer" },
    { { "UPDATE cause SET method = 'card' WHERE ground = 1" }, "refund-to-payer" },
    { { "UPDATE purchase_order SET refund_until_ns = 2 WHERE id = 3" }, "refund-to-payer" },
    { { "UPDATE price_book SET currency = 'EUR'" }, "terms-and-prices-of-order" },
    { { "UPDATE account SET party = 8 WHERE id = 7" }, "party-of-account" },
    { { "UPDATE account SET party = NULL WHERE id = 2" }, "party-of-account" },
    { { "DELETE FROM asset" }, "party-of-account" },
    { { "UPDATE lot_warning SET at_ns = 9000000000000000000" }, "warning-before-end" },
    { { "UPDATE lot_warning SET days = 7" }, "warning-before-end" },
    { { "UPDATE budget SET total_spent = total_spent - 1" }, "spent-of-budget" },
    { { "UPDATE budget SET day_spent = 0" }, "spent-of-budget" },
    { { "UPDATE budget SET month_spent = month_spent + 1" }, "spent-of-budget" },
    { { "DELETE FROM budget_hold" }, "spent-of-budget" },
    { { "UPDATE budget_hold SET day = day + 1" }, "spent-of-budget" },
};

static void on_warning(void *context, const struct ledger_warning *warning)
{
    CHECK(warning->days == 60);
    ++*(int *)context;
}

static void begin_credit_scene(void)
{
    static const int64_t day_ns = INT64_C(86400000000000);
    static const int64_t max[BUDGET_WINDOWS] = { 100, 200, 300 };
    static const struct id key = { { 3 } };
    int count = 0;
    int64_t ending = 0;
    begin_scene();
    struct ledger_account *account = ledger_find(books.ledger, (struct id){ { 1, 1 } });
    struct ledger_correction correction = {
        .entry = 5, .amount = 30, .lot = 1, .reason = STR("wrong"), .now_ns = 9
    };
    CHECK(ledger_correct(books.ledger, &correction, &books.fail) == ERR_OK);
    static const char sum[] = "0123456789abcdef0123456789abcdef";
    const struct ledger_price_book book = { .book = { STR("sale"), STR("1"), { sum, 32 } },
                                            .currency = STR("USD") };
    const struct ledger_prices prices = { .version = 9, .books = &book, .book_count = 1 };
    CHECK(ledger_keep_prices(books.ledger, &prices, &books.fail) == ERR_OK);
    struct ledger_purchase purchase = books_order(account, 40, LOT_PAID, 50 * day_ns);
    purchase.prices = book.book;
    CHECK(ledger_purchase(books.ledger, &purchase, &books.fail) == ERR_OK);
    CHECK(ledger_warn(books.ledger, day_ns, on_warning, &count, &ending, &books.fail) == ERR_OK);
    CHECK_EQ(count, 1);
    CHECK(ledger_set_budget(books.ledger, key, max, &books.fail) == ERR_OK);
    struct books_call call = {
        .job = { .run = books_run_call },
        .ledger = books.ledger,
        .hold = { .call = { { 9 } }, .account = account, .amount = 50, .opened_ns = 3 * day_ns },
        .posted = 20,
    };
    CHECK(account_reserve(ledger_credit(account), 50) == ERR_OK);
    CHECK(budget_reserve(ledger_budget(books.ledger, key), 50, 3 * day_ns, &call.hold.budget) ==
          ERR_OK);
    CHECK(store_run(books.store, &call.job, &books.fail) == ERR_OK);
    account_settle(ledger_credit(account), 50, 20);
}

TEST(each_change_of_what_credit_is_sold_by_is_found)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(credit_mutations); i++) {
        begin_credit_scene();
        struct books_audit before = books_look(&books);
        CHECK_STR(str_from(before.names), STR_EMPTY);
        struct mutate mutate = { .job = { .run = run_mutation }, .mutation = &credit_mutations[i] };
        CHECK(store_run(books.store, &mutate.job, &books.fail) == ERR_OK);
        struct books_audit audit = books_look(&books);
        struct str names = str_from(audit.names);
        if (str_search(names, str_from(credit_mutations[i].name)) == names.len) {
            test_failed(EP_SITE, "%s: %s was not found, but: %s", credit_mutations[i].sql.text,
                        credit_mutations[i].name, audit.names);
        }
        books_close(&books);
    }
}

TEST(the_first_row_that_breaks_a_rule_is_named)
{
    static const struct {
        struct mutation change;
        const char *row;
        int64_t first;
        int64_t wrong;
    } cases[] = {
        { { { "UPDATE settlement SET posted = posted + 1 WHERE hold IN (2, 3)" },
            "entries-of-settlement" },
          "settlement",
          2,
          2 },
        { { { "UPDATE entry SET code = 7 WHERE id = 5" }, "sides-of-entry" }, "entry", 5, 1 },
        { { { "UPDATE account SET used = used + 1 WHERE id = 8" }, "counters-used" },
          "account",
          8,
          1 },
        { { { "UPDATE lot SET kind = 1 WHERE id = 2" }, "lot-of-purchase" }, "lot", 2, 1 },
        { { { "INSERT INTO hold SELECT 99, call, account, 0, price_version, opened_ns FROM hold"
              " WHERE id = 1" },
            "dense-holds" },
          "hold",
          99,
          1 },
        { { { "UPDATE lot SET priority = 99 WHERE id = 2" }, "lots-in-order" }, "account", 7, 2 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        begin_scene();
        struct mutate mutate = { .job = { .run = run_mutation }, .mutation = &cases[i].change };
        CHECK(store_run(books.store, &mutate.job, &books.fail) == ERR_OK);
        struct books_audit audit = books_look(&books);
        const struct audit_line *line = books_line(&audit, cases[i].change.name);
        CHECK_STR(str_from(line->row), str_from(cases[i].row));
        CHECK_EQ(line->first, cases[i].first);
        CHECK_EQ(line->wrong, cases[i].wrong);
        books_close(&books);
    }
}

TEST(each_rule_says_what_it_has_looked_at)
{
    begin_scene();
    struct books_audit audit = books_look(&books);
    CHECK_EQ(books_line(&audit, "hold-of-client")->rows, 4);
    CHECK_EQ(books_line(&audit, "hold-of-client")->sum, 700 + 20 + 10 + 90);
    CHECK_EQ(books_line(&audit, "posted-within-hold")->rows, 3);
    CHECK_EQ(books_line(&audit, "posted-within-hold")->sum, 450 + 20);
    CHECK_EQ(books_line(&audit, "overrun-of-settlement")->sum, 5);
    CHECK_EQ(books_line(&audit, "rated")->sum, 450 + 20 + 5);
    CHECK_EQ(books_line(&audit, "lot-of-purchase")->sum, 1000 + 100 + 50 + 60);
    CHECK_EQ(books_line(&audit, "counters-pending")->sum, 98);
    CHECK_EQ(books_line(&audit, "extension-of-hold")->rows, 2);
    CHECK_EQ(books_line(&audit, "lot-of-refund")->rows, 2);
    CHECK(!books_line(&audit, "dense-holds")->has_sum);
    CHECK_EQ(books_line(&audit, "dense-holds")->rows, 4);
    books_end(&books);
}

/* With a look-up for each row instead of a join this would take minutes. */
TEST(long_books_are_audited_in_a_moment)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    (void)books_buy(&books, account, 100000, LOT_PAID, 0);
    books_many(&books, account, 60000);
    books_end(&books);
}

TEST(books_without_a_row_are_sound)
{
    books_begin(&books);
    books_end(&books);
}
