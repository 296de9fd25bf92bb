/* A store in a folder of its own, with books on it: what each test of the ledger begins with. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "ledger/attempt.h"
#include "ledger/audit.h"
#include "ledger/extend.h"
#include "ledger/idem.h"
#include "ledger/ledger.h"

struct books {
    char folder[64];
    char url[128];
    struct store *store;
    struct ledger *ledger;
    struct fail fail;
};

static inline void books_open(struct books *books)
{
    /* The books' migrations are some of the program's; here they are alone. */
    struct store_migration own[] = { ledger_migration,       idem_migration,
                                     usage_month_migration,  credit_migration,
                                     budget_migration,       extend_migration,
                                     budget_calls_migration, usage_unit_migration };
    for (size_t i = 0; i < EP_ARRAY_LEN(own); i++) {
        own[i].number = (int64_t)i + 1;
    }
    struct store_options options = {
        .url = str_from(books->url),
        .migrations = own,
        .migrations_count = EP_ARRAY_LEN(own),
    };
    CHECK(store_open(&options, &books->store, &books->fail) == ERR_OK);
    CHECK(ledger_open(books->store, &books->ledger, &books->fail) == ERR_OK);
}

static inline void books_close(struct books *books)
{
    store_close(books->store); /* first: its thread flushes the books */
    ledger_close(books->ledger);
    books->store = NULL;
    books->ledger = NULL;
}

static inline void books_begin(struct books *books)
{
    *books = (struct books){ .folder = "/tmp/books-XXXXXX" };
    CHECK(test_folder(books->folder) != NULL);
    (void)snprintf(books->url, sizeof(books->url), "sqlite:%s/books.db", books->folder);
    books_open(books);
}

static inline struct ledger_account *books_account(struct books *books, unsigned char number)
{
    struct id id = { { 1, number } };
    CHECK(ledger_open_account(books->ledger, id, STR("USD"), &books->fail) == ERR_OK);
    struct ledger_account *account = ledger_find(books->ledger, id);
    CHECK(account != NULL);
    return account;
}

/* An order that nothing speaks against; each is paid by a payment of its own. */
static inline struct ledger_purchase books_order(struct ledger_account *account, int64_t amount,
                                                 enum ledger_lot_kind kind, int64_t expires_ns)
{
    static char payment[32]; /* is read before the next order */
    static int number;
    bool paid = kind == LOT_PAID;
    (void)snprintf(payment, sizeof(payment), "bank-%d", ++number);
    return (struct ledger_purchase){
        .account = account,
        .amount = amount,
        .kind = kind,
        .priority = paid ? 50 : 0,
        .expires_ns = expires_ns,
        .plan = STR("starter"),
        .payer = paid ? STR("Payer Ltd.") : STR_EMPTY,
        .method = paid ? STR("bank_transfer") : STR_EMPTY,
        .payment = paid ? str_from(payment) : STR_EMPTY,
        .refund_until_ns = INT64_MAX,
        .now_ns = 1,
    };
}

static inline int64_t books_buy(struct books *books, struct ledger_account *account, int64_t amount,
                                enum ledger_lot_kind kind, int64_t expires_ns)
{
    struct ledger_purchase purchase = books_order(account, amount, kind, expires_ns);
    CHECK(ledger_purchase(books->ledger, &purchase, &books->fail) == ERR_OK);
    return purchase.lot;
}

/* All that is left of the lot, to who paid it. */
static inline enum err books_refund(struct books *books, struct ledger_account *account,
                                    int64_t lot, int64_t *ret_amount)
{
    struct ledger_refund refund = { .account = account, .lot = lot, .now_ns = 2 };
    TRY(ledger_refund(books->ledger, &refund, &books->fail));
    *ret_amount = refund.amount;
    return ERR_OK;
}

/* A call as the gate makes it: reserved, held, settled in one job. */
struct books_call {
    struct store_job job;
    struct ledger *ledger;
    struct ledger_hold hold;
    int64_t posted; /* < 0: the hold stays open */
    int64_t overrun;
};

/* One try, which is what a charged client pays for. */
static inline enum err books_attempt(struct store_txn *txn, const struct ledger_hold *hold,
                                     int64_t n, bool billable, struct fail *fail)
{
    const struct ledger_attempt attempt = {
        .n = n,
        .route = STR("aurora-us"),
        .upstream_id = STR("up-1"),
        .outcome = billable ? STR("complete") : STR("upstream_cut"),
        .usage_source = billable ? STR("upstream") : STR("none"),
        .sent = true,
        .billable = billable,
    };
    return ledger_write_attempt(txn, hold, &attempt, fail);
}

static inline enum err books_run_call(struct store_job *job, struct store_txn *txn,
                                      struct fail *fail)
{
    struct books_call *call = EP_CONTAINER(job, struct books_call, job);
    TRY(ledger_write_hold(call->ledger, txn, &call->hold, fail));
    if (call->posted < 0) {
        return ERR_OK;
    }
    char pico[32];
    (void)snprintf(pico, sizeof(pico), "%lld", (long long)(call->posted + call->overrun) * 1000);
    struct ledger_settlement settlement = {
        .hold = &call->hold,
        .state = HOLD_SETTLED,
        .posted = call->posted,
        .overrun = call->overrun,
        .usage = STR("{}"),
        .rated_pico = str_from(pico),
        .settled_ns = 3,
    };
    TRY(ledger_write_settlement(call->ledger, txn, &settlement, fail));
    return books_attempt(txn, &call->hold, 1, true, fail);
}

static inline enum err books_call(struct books *books, struct ledger_account *account, int64_t held,
                                  int64_t posted, int64_t overrun)
{
    TRY(account_reserve(ledger_credit(account), held));
    struct books_call call = {
        .job = { .run = books_run_call },
        .ledger = books->ledger,
        .hold = { .call = { { 9 } }, .account = account, .amount = held, .opened_ns = 2 },
        .posted = posted,
        .overrun = overrun,
    };
    CHECK(store_run(books->store, &call.job, &books->fail) == ERR_OK);
    if (posted >= 0) {
        account_settle(ledger_credit(account), held, posted);
    }
    return ERR_OK;
}

/* Many calls of one nano in one batch. */
struct books_crowd {
    struct store_job job;
    struct books_call call;
    int count;
};

static inline enum err books_run_crowd(struct store_job *job, struct store_txn *txn,
                                       struct fail *fail)
{
    struct books_crowd *crowd = EP_CONTAINER(job, struct books_crowd, job);
    for (int i = 0; i < crowd->count; i++) {
        TRY(books_run_call(&crowd->call.job, txn, fail));
    }
    return ERR_OK;
}

static inline void books_many(struct books *books, struct ledger_account *account, int count)
{
    CHECK(account_reserve(ledger_credit(account), count) == ERR_OK);
    struct books_crowd crowd = {
        .job = { .run = books_run_crowd },
        .call = { .ledger = books->ledger,
                  .hold = { .call = { { 9 } }, .account = account, .amount = 1, .opened_ns = 2 },
                  .posted = 1 },
        .count = count,
    };
    CHECK(store_run(books->store, &crowd.job, &books->fail) == ERR_OK);
    account_settle(ledger_credit(account), count, count);
}

/* Ends a hold that an earlier run left open, with nothing charged. */
static inline enum err books_run_recovery(struct store_job *job, struct store_txn *txn,
                                          struct fail *fail)
{
    struct books_call *call = EP_CONTAINER(job, struct books_call, job);
    struct ledger_settlement settlement = {
        .hold = &call->hold,
        .state = HOLD_RECOVERED,
        .usage = STR("{}"),
        .rated_pico = STR("0"),
        .settled_ns = 4,
    };
    return ledger_write_settlement(call->ledger, txn, &settlement, fail);
}

static inline void books_recover(struct books *books, const struct ledger_hold *hold)
{
    struct books_call call = {
        .job = { .run = books_run_recovery },
        .ledger = books->ledger,
        .hold = *hold,
    };
    CHECK(store_run(books->store, &call.job, &books->fail) == ERR_OK);
    account_release(ledger_credit(hold->account), hold->amount);
}

struct books_audit {
    size_t checked;
    size_t violated;
    char names[512];
    struct audit_line lines[64];
};

static inline void books_on_line(void *context, const struct audit_line *line)
{
    struct books_audit *audit = context;
    CHECK(line->meaning[0] != '\0');
    CHECK(line->wrong >= 0);
    CHECK(audit->checked < EP_ARRAY_LEN(audit->lines));
    audit->lines[audit->checked++] = *line;
    if (line->wrong > 0) {
        size_t len = str_from(audit->names).len;
        (void)snprintf(audit->names + len, sizeof(audit->names) - len, "%s ", line->name);
        audit->violated++;
    }
}

static inline const struct audit_line *books_line(const struct books_audit *audit, const char *name)
{
    for (size_t i = 0; i < audit->checked; i++) {
        if (str_eq(str_from(audit->lines[i].name), str_from(name))) {
            return &audit->lines[i];
        }
    }
    test_failed(EP_SITE, "there is no invariant %s", name);
}

static inline enum err books_read_audit(void *context, struct store_txn *txn, struct fail *fail)
{
    struct books_audit *audit = context;
    TRY(ledger_audit(txn, books_on_line, audit, fail));
    CHECK(audit->checked > 20);
    return ERR_OK;
}

static inline struct books_audit books_look(struct books *books)
{
    struct books_audit audit = { 0 };
    CHECK(store_read(books->store, books_read_audit, &audit, &books->fail) == ERR_OK);
    return audit;
}

static inline void books_end(struct books *books)
{
    struct books_audit audit = books_look(books);
    if (audit.violated > 0) {
        test_failed(EP_SITE, "the audit found: %s", audit.names);
    }
    books_close(books);
}
