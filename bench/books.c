/*
 * ep-bench-books CONF CALLS [--clients N] [--batch N] [--pairs] [--made N]: fills the books of a
 * working folder (entrepot init) with settled calls, written by the ledger's and the log's own
 * functions, so that the writer, and what takes time on long books, can be measured. No server may
 * run.
 *
 *   --clients N  so many new clients, each with credit for its share (100)
 *   --made N     no new clients: the calls are of accounts 1 to N that bench/books has made
 *   --batch N    calls a commit (4096)
 *   --pairs      hold and settlement alone, without attempt and receipt
 *
 * Every 50th call is above its hold, every 100th is voided. The last lines are "NAME NUMBER".
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/acts_internal.h"
#include "base/stamp.h"
#include "crypto/random.h"
#include "ledger/attempt.h"

#define BOOKS_BATCH       4096
#define BOOKS_BATCH_MAX   1000000
#define BOOKS_CLIENTS_MAX 100000
#define BOOKS_MADE_MAX    10000000
#define BOOKS_CALLS_MAX   INT64_C(1000000000)
#define BOOKS_HELD        INT64_C(2000000) /* nano: 0.2 cent a call */
#define BOOKS_ERRORS_MAX  65536
#define BOOKS_OUT         12 /* the class "out" */

struct filling {
    struct store_job job;
    struct world *world;
    struct ledger_account **accounts;
    size_t account_count;
    bool made;  /* the accounts are there */
    bool pairs; /* no attempts and receipts */
    int64_t batch;
    int64_t commits;
    int64_t begun_ns; /* of the first call */
    int64_t written;
    int64_t until;
    struct receipt receipt;
};

static enum err books_prove(struct filling *filling, struct store_txn *txn,
                            const struct ledger_settlement *settlement, struct fail *fail)
{
    const struct ledger_hold *hold = settlement->hold;
    const struct receipt_facts facts = {
        .call = hold->call,
        .begun_ns = hold->opened_ns,
        .ended_ns = settlement->settled_ns,
        .product = STR("standard"),
        .model_asked = STR("aurora-large"),
        .model_served = STR("aurora-large"),
        .amount_nano = settlement->posted,
        .currency = ledger_currency(hold->account),
        .outcome = settlement->state == HOLD_VOIDED ? STR("failed") : STR("complete"),
        .allowed = true,
        .held_nano = hold->amount,
        .overrun_nano = settlement->overrun,
    };
    int64_t leaf = 0;
    const struct ledger_attempt attempt = {
        .n = 1,
        .route = STR("aurora-large-us"),
        .upstream_id = STR("req_0123456789abcdef"),
        .outcome = settlement->state == HOLD_VOIDED ? STR("upstream_cut") : STR("complete"),
        .usage_source = settlement->state == HOLD_VOIDED ? STR("none") : STR("upstream"),
        .sent = true,
        .billable = settlement->state != HOLD_VOIDED,
    };
    TRY(ledger_write_attempt(txn, hold, &attempt, fail));
    TRY(receipt_build(&filling->receipt, &facts));
    return tlog_append_receipt(filling->world->tlog, txn, hold->call, &filling->receipt,
                               settlement->settled_ns, &leaf, fail);
}

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
        .use = { .model = STR("aurora-large"), .tokens = { 812, [BOOKS_OUT] = 233 } },
    };
    TRY(ledger_write_settlement(filling->world->ledger, txn, &settlement, fail));
    account_settle(ledger_credit(hold->account), hold->amount, posted);
    return filling->pairs ? ERR_OK : books_prove(filling, txn, &settlement, fail);
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

/* bench/books names its accounts by their number, behind zeroes. */
static enum err books_made(struct filling *filling, struct fail *fail)
{
    for (size_t i = 0; i < filling->account_count; i++) {
        struct id id = { { 0 } };
        for (size_t k = 0; k < 8; k++) {
            id.bytes[ID_BYTES - 1 - k] = (unsigned char)((i + 1) >> (8 * k));
        }
        filling->accounts[i] = ledger_find(filling->world->ledger, id);
        if (filling->accounts[i] == NULL) {
            return FAIL(fail, ERR_NOT_FOUND, "there is no account %zu", i + 1);
        }
    }
    return ERR_OK;
}

static enum err books_fill(struct filling *filling, int64_t calls, struct fail *fail)
{
    while (filling->written < calls) {
        int64_t left = calls - filling->written;
        filling->until = filling->written + (left < filling->batch ? left : filling->batch);
        TRY(store_run(filling->world->store, &filling->job, fail));
        filling->commits++;
    }
    return ERR_OK;
}

static int64_t books_cpu_us(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used); /* there always is one */
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

static int64_t books_rss_kib(void)
{
    long pages = 0;
    long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &pages, &resident) != 2) {
        resident = 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return (int64_t)resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void books_say(const char *name, int64_t number)
{
    (void)printf("%s %lld\n", name, (long long)number); /* nobody is left to tell */
}

static enum err books_run(struct filling *filling, const char *conf, int64_t calls,
                          struct buf *errors, struct fail *fail)
{
    int64_t from_ns = stamp_system_ns();
    int64_t rss_kib = books_rss_kib();
    TRY(world_open(conf, WORLD_READ_WRITE, &filling->world, errors));
    books_say("open_milliseconds", (stamp_system_ns() - from_ns) / STAMP_NS_PER_MS);
    books_say("open_kib", books_rss_kib() - rss_kib);
    TRY(filling->made ? books_made(filling, fail) : books_clients(filling, calls, fail));
    from_ns = stamp_system_ns();
    int64_t from_us = books_cpu_us();
    TRY(books_fill(filling, calls, fail));
    books_say("calls", calls);
    books_say("commits", filling->commits);
    books_say("milliseconds", (stamp_system_ns() - from_ns) / STAMP_NS_PER_MS);
    books_say("cpu_microseconds", books_cpu_us() - from_us);
    return ERR_OK;
}

static int64_t books_number(const char *text, int64_t most)
{
    int64_t number = 0;
    return str_to_i64(str_from(text), &number) && number > 0 && number <= most ? number : 0;
}

static bool books_read_options(int argc, char **argv, struct filling *filling)
{
    static const struct option options[] = {
        { "clients", required_argument, NULL, 'c' },
        { "made", required_argument, NULL, 'm' },
        { "batch", required_argument, NULL, 'b' },
        { "pairs", no_argument, NULL, 'p' },
        { NULL, 0, NULL, 0 },
    };
    for (int got = 0; (got = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (got == 'c' || got == 'm') {
            filling->made = got == 'm';
            filling->account_count =
                (size_t)books_number(optarg, got == 'm' ? BOOKS_MADE_MAX : BOOKS_CLIENTS_MAX);
        } else if (got == 'b') {
            filling->batch = books_number(optarg, BOOKS_BATCH_MAX);
        } else if (got == 'p') {
            filling->pairs = true;
        } else {
            return false;
        }
    }
    return filling->account_count > 0 && filling->batch > 0 && optind + 2 == argc;
}

int main(int argc, char **argv)
{
    struct filling filling = { .job = { .run = books_write },
                               .account_count = 100,
                               .batch = BOOKS_BATCH };
    struct fail fail = { .text = "" };
    struct buf errors;
    int64_t calls = 0;
    if (books_read_options(argc, argv, &filling)) {
        calls = books_number(argv[optind + 1], BOOKS_CALLS_MAX);
    }
    if (calls == 0) {
        (void)fprintf(stderr, "usage: ep-bench-books CONF CALLS [--clients N | --made N] "
                              "[--batch N] [--pairs]\n");
        return ACT_USAGE;
    }
    buf_init(&errors, BOOKS_ERRORS_MAX);
    receipt_init(&filling.receipt);
    filling.begun_ns = stamp_system_ns() - calls * STAMP_NS_PER_MS;
    filling.accounts = calloc(filling.account_count, sizeof(struct ledger_account *));
    enum err err = filling.accounts == NULL
                       ? ERR_NO_MEMORY
                       : books_run(&filling, argv[optind], calls, &errors, &fail);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "%s: %s" STR_FMT "\n", err_info(err)->name, fail.text,
                      STR_ARG(buf_str(&errors)));
    }
    world_close(filling.world);
    receipt_fini(&filling.receipt);
    free(filling.accounts);
    buf_fini(&errors);
    return err == ERR_OK ? ACT_OK : ACT_COULD_NOT;
}
