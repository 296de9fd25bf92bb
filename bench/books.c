/*
 * ep-bench-books CONF CALLS [CLIENTS]: fills the books of a working folder (entrepot init) with
 * settled calls, written by the ledger's and the log's own functions in batches of thousands, so
 * that what takes time on long books can be measured. No server may run.
 *
 * Every 50th call is above its hold, every 100th is voided. The last lines are "NAME NUMBER".
 */
#include <stdio.h>
#include <stdlib.h>

#include "app/acts_internal.h"
#include "base/stamp.h"
#include "crypto/random.h"

#define BOOKS_BATCH       4096
#define BOOKS_CLIENTS_MAX 100000
#define BOOKS_HELD        INT64_C(2000000) /* nano: 0.2 cent a call */
#define BOOKS_ERRORS_MAX  65536

struct filling {
    struct store_job job;
    struct world *world;
    struct ledger_account **accounts;
    size_t account_count;
    int64_t begun_ns; /* of the first call */
    int64_t written;
    int64_t until;
    struct receipt receipt;
};

static enum err books_settle(struct filling *filling, struct store_txn *txn,
                             const struct ledger_hold *hold, struct fail *fail)
{
    bool voided = filling->written % 100 == 0;
    bool over = filling->written % 50 == 1;
    int64_t posted = voided ? 0 : over ? hold->amount : hold->amount / 2 + filling->written % 997;
    char pico[32];
    int64_t overrun = over ? 7 : 0;
    (void)snprintf(pico, sizeof(pico), "%lld", (long long)(posted + overrun) * 1000);
    const struct ledger_settlement settlement = {
        .hold = hold,
        .state = voided ? HOLD_VOIDED : HOLD_SETTLED,
        .posted = posted,
        .overrun = overrun,
        .usage = STR("{\"billed\":{\"in\":812,\"out\":233},\"provenance\":\"upstream\"}"),
        .rated_pico = str_from(voided ? "0" : pico),
        .settled_ns = hold->opened_ns + STAMP_NS_PER_S,
    };
    const struct receipt_facts facts = {
        .call = hold->call,
        .begun_ns = hold->opened_ns,
        .ended_ns = settlement.settled_ns,
        .product = STR("standard"),
        .model_asked = STR("aurora-large"),
        .model_served = STR("aurora-large"),
        .amount_nano = posted,
        .currency = ledger_currency(hold->account),
        .outcome = voided ? STR("failed") : STR("complete"),
        .allowed = true,
        .held_nano = hold->amount,
        .overrun_nano = overrun,
    };
    int64_t leaf = 0;
    TRY(ledger_write_settlement(filling->world->ledger, txn, &settlement, fail));
    TRY(receipt_build(&filling->receipt, &facts));
    TRY(tlog_append_receipt(filling->world->tlog, txn, hold->call, &filling->receipt,
                            settlement.settled_ns, &leaf, fail));
    account_settle(ledger_credit(hold->account), hold->amount, posted);
    return ERR_OK;
}

static enum err books_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct filling *filling = EP_CONTAINER(job, struct filling, job);
    for (; filling->written < filling->until; filling->written++) {
        int64_t now_ns = filling->begun_ns + filling->written * STAMP_NS_PER_MS;
        struct ledger_hold hold = {
            .call = id_make(now_ns, 1, random_u64()),
            .account = filling->accounts[(size_t)filling->written % filling->account_count],
            .amount = BOOKS_HELD,
            .opened_ns = now_ns,
        };
        TRY(account_reserve(ledger_credit(hold.account), hold.amount));
        TRY(ledger_write_hold(filling->world->ledger, txn, &hold, fail));
        TRY(books_settle(filling, txn, &hold, fail));
    }
    return ERR_OK;
}

/* Clients of its own, each with credit for its share. */
static enum err books_clients(struct filling *filling, int64_t calls, struct fail *fail)
{
    int64_t share = (calls / (int64_t)filling->account_count + 1) * BOOKS_HELD;
    for (size_t i = 0; i < filling->account_count; i++) {
        const struct client *client = NULL;
        TRY(act_open_client(filling->world, STR("books"), STR("USD"), &client, fail));
        filling->accounts[i] = ledger_find(filling->world->ledger, client->account);
        struct ledger_purchase purchase = {
            .account = filling->accounts[i],
            .amount = share,
            .kind = LOT_PAID,
            .priority = 50,
            .plan = STR("starter"),
            .payer = STR("bench"),
            .method = STR("bank_transfer"),
            .now_ns = filling->begun_ns,
        };
        TRY(ledger_purchase(filling->world->ledger, &purchase, fail));
    }
    return ERR_OK;
}

static enum err books_fill(struct filling *filling, int64_t calls, struct fail *fail)
{
    TRY(books_clients(filling, calls, fail));
    while (filling->written < calls) {
        int64_t left = calls - filling->written;
        filling->until = filling->written + (left < BOOKS_BATCH ? left : BOOKS_BATCH);
        TRY(store_run(filling->world->store, &filling->job, fail));
    }
    return ERR_OK;
}

static long long books_number(const char *text, long long most)
{
    long long number = atoll(text);
    return number > 0 && number <= most ? number : 0;
}

static enum err books_run(const char *conf, long long calls, long long clients)
{
    struct buf errors;
    struct fail fail = { .text = "" };
    struct filling filling = { .job = { .run = books_write }, .account_count = (size_t)clients };
    buf_init(&errors, BOOKS_ERRORS_MAX);
    receipt_init(&filling.receipt);
    filling.accounts = calloc((size_t)clients, sizeof(struct ledger_account *));
    filling.begun_ns = stamp_system_ns() - calls * STAMP_NS_PER_MS;
    int64_t from_ns = stamp_system_ns();
    enum err err = filling.accounts == NULL
                       ? ERR_NO_MEMORY
                       : world_open(conf, WORLD_READ_WRITE, &filling.world, &errors);
    if (err == ERR_OK) {
        err = books_fill(&filling, calls, &fail);
        world_close(filling.world);
    }
    if (err == ERR_OK) {
        (void)printf("calls %lld\nmilliseconds %lld\n", calls,
                     (long long)((stamp_system_ns() - from_ns) / STAMP_NS_PER_MS));
    } else {
        (void)fprintf(stderr, "%s: %s" STR_FMT "\n", err_info(err)->name, fail.text,
                      STR_ARG(buf_str(&errors)));
    }
    receipt_fini(&filling.receipt);
    free(filling.accounts);
    buf_fini(&errors);
    return err;
}

int main(int argc, char **argv)
{
    long long calls = argc > 2 ? books_number(argv[2], INT64_C(1000000000)) : 0;
    long long clients = argc > 3 ? books_number(argv[3], BOOKS_CLIENTS_MAX) : 100;
    if (calls == 0 || clients == 0) {
        (void)fprintf(stderr, "usage: ep-bench-books CONF CALLS [CLIENTS]\n");
        return ACT_USAGE;
    }
    return books_run(argv[1], calls, clients) == ERR_OK ? ACT_OK : ACT_COULD_NOT;
}
