/*
 * ep-bench-log FOLDER LEAVES [--batch N] [--rounds N]: a log of so many leaves in a new folder,
 * and what it costs to write, publish, open and prove.
 *
 *   --batch N    leaves a commit (1000)
 *   --rounds N   commits after which the log is published, each alone, once it is that long (100)
 *
 * Entries are of a receipt's length. Nothing but the log is in the store, so that its bytes and its
 * writer are the log's own. Lines "NAME NUMBER".
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/stamp.h"
#include "crypto/random.h"
#include "tlog/publish.h"
#include "tlog/tile_rows.h"
#include "tlog/tlog.h"

#define BENCH_BATCH      1000
#define BENCH_BATCH_MAX  100000
#define BENCH_ROUNDS     100
#define BENCH_ROUNDS_MAX 100000
#define BENCH_LEAVES_MAX INT64_C(1000000000)
#define BENCH_PROOFS     2000
#define BENCH_PATH_MAX   4096
#define BENCH_DIGITS     8 /* of an entry, that count */
#define BENCH_ORIGIN     "bench.example/log"

struct bench {
    char url[BENCH_PATH_MAX];
    char log_folder[BENCH_PATH_MAX];
    int64_t leaves;
    int64_t batch;
    int64_t rounds;
    struct store *store;
    struct tlog *tlog;
    struct sign_key *key;
    struct publisher *publisher;
    struct publish_round round;
    struct buf entry;
};

static void bench_say(const char *name, int64_t number)
{
    (void)printf("%s %lld\n", name, (long long)number); /* nobody is left to tell */
}

static int64_t bench_cpu_ns(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used); /* there always is one */
    return (int64_t)used.tv_sec * STAMP_NS_PER_S + used.tv_nsec;
}

static int64_t bench_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* there always is one */
    return (int64_t)now.tv_sec * STAMP_NS_PER_S + now.tv_nsec;
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum err bench_open(struct bench *bench, struct fail *fail)
{
    struct store_migration migrations[] = { tlog_migration, tile_rows_migration };
    migrations[0].number = 1; /* of the program's they are the third and the fifteenth */
    migrations[1].number = 2;
    const struct store_options options = { .url = str_from(bench->url),
                                           .migrations = migrations,
                                           .migrations_count = EP_ARRAY_LEN(migrations) };
    TRY(store_open(&options, &bench->store, fail));
    return tlog_open(bench->store, &bench->tlog, fail);
}

static enum err bench_open_publisher(struct bench *bench, struct fail *fail)
{
    const struct publish_options options = {
        .store = bench->store,
        .folder = bench->log_folder,
        .origin = STR(BENCH_ORIGIN),
        .key = bench->key,
    };
    return publish_open(&options, &bench->publisher, fail);
}

static void bench_close(struct bench *bench)
{
    publish_close(bench->publisher);
    store_close(bench->store);
    tlog_close(bench->tlog);
    bench->publisher = NULL;
    bench->store = NULL;
    bench->tlog = NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

struct bench_append {
    struct store_job job;
    struct bench *bench;
    int64_t from;
    int64_t until;
};

static enum err bench_run_append(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct bench_append *append = EP_CONTAINER(job, struct bench_append, job);
    struct buf *entry = &append->bench->entry;
    char *digits = entry->ptr + str_find(buf_str(entry), '0');
    for (int64_t i = append->from; i < append->until; i++) {
        int64_t leaf = 0;
        int64_t rest = i;
        for (int at = 0; at < BENCH_DIGITS; at++, rest /= 16) {
            digits[at] = "0123456789abcdef"[rest % 16];
        }
        TRY(tlog_append(append->bench->tlog, txn, TLOG_RECEIPT, buf_str(entry), 0, &leaf, fail));
    }
    return ERR_OK;
}

static enum err bench_append(struct bench *bench, int64_t from, int64_t count, struct fail *fail)
{
    struct bench_append append = {
        .job = { .run = bench_run_append },
        .bench = bench,
        .from = from,
        .until = from + count,
    };
    return store_run(bench->store, &append.job, fail);
}

/* As receipts' entries are, with digests that do not matter. */
static enum err bench_make_entry(struct bench *bench)
{
    static const char zeros[2 * DIGEST_BYTES + 1] =
        "0000000000000000000000000000000000000000000000000000000000000000";
    buf_init(&bench->entry, TILE_ENTRY_MAX);
    return buf_printf(&bench->entry,
                      "{\"client\":\"%s\",\"evidence\":\"%s\",\"kind\":\"receipt\","
                      "\"operator\":\"%s\",\"version\":\"1\"}",
                      zeros, zeros, zeros);
}

static enum err bench_fill(struct bench *bench, struct fail *fail)
{
    int64_t from_ns = bench_cpu_ns();
    int64_t begun_ns = bench_now_ns();
    for (int64_t done = 0; done < bench->leaves;) {
        int64_t left = bench->leaves - done;
        int64_t count = left < bench->batch ? left : bench->batch;
        TRY(bench_append(bench, done, count, fail));
        done += count;
    }
    bench_say("leaves", bench->leaves);
    bench_say("write_milliseconds", (bench_now_ns() - begun_ns) / STAMP_NS_PER_MS);
    bench_say("leaf_cpu_nanoseconds", (bench_cpu_ns() - from_ns) / bench->leaves);
    return ERR_OK;
}

/* ---- publishing ------------------------------------------------------------------------------ */

static enum err bench_publish(struct bench *bench, struct fail *fail)
{
    TRY(publish_sign(bench->publisher, stamp_system_ns(), &bench->round, fail));
    return publish_finish(bench->publisher, &bench->round, fail);
}

static enum err bench_first(struct bench *bench, struct fail *fail)
{
    int64_t begun_ns = bench_now_ns();
    int64_t from_ns = bench_cpu_ns();
    TRY(bench_open_publisher(bench, fail));
    TRY(bench_publish(bench, fail));
    bench_say("publish_all_milliseconds", (bench_now_ns() - begun_ns) / STAMP_NS_PER_MS);
    bench_say("publish_leaf_cpu_nanoseconds", (bench_cpu_ns() - from_ns) / bench->leaves);
    return ERR_OK;
}

/* Once it is long: a commit, and a round for it. */
static enum err bench_rounds(struct bench *bench, struct fail *fail)
{
    int64_t cpu_ns = 0;
    int64_t took_ns = 0;
    for (int64_t i = 0; i < bench->rounds; i++) {
        TRY(bench_append(bench, bench->leaves + i * bench->batch, bench->batch, fail));
        int64_t begun_ns = bench_now_ns();
        int64_t from_ns = bench_cpu_ns();
        TRY(bench_publish(bench, fail));
        cpu_ns += bench_cpu_ns() - from_ns;
        took_ns += bench_now_ns() - begun_ns;
    }
    bench_say("round_leaves", bench->batch);
    bench_say("round_cpu_microseconds", cpu_ns / bench->rounds / 1000);
    bench_say("round_microseconds", took_ns / bench->rounds / 1000);
    return ERR_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum err bench_open_again(struct bench *bench, struct fail *fail)
{
    bench_close(bench);
    int64_t begun_ns = bench_now_ns();
    TRY(bench_open(bench, fail));
    bench_say("open_log_microseconds", (bench_now_ns() - begun_ns) / 1000);
    TRY(bench_open_publisher(bench, fail));
    bench_say("open_all_microseconds", (bench_now_ns() - begun_ns) / 1000);
    return ERR_OK;
}

struct bench_asking {
    int64_t leaf;
    struct buf text;
};

static enum err bench_run_proof(void *context, struct store_txn *txn, struct fail *fail)
{
    struct bench_asking *asking = context;
    buf_reset(&asking->text);
    return published_proof(txn, asking->leaf, &asking->text, fail);
}

static int bench_compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

/* Of any leaves, each over a snapshot of its own, as a server is asked for them. */
static enum err bench_prove(struct bench *bench, struct fail *fail)
{
    static int64_t times_ns[BENCH_PROOFS];
    struct bench_asking asking = { .leaf = 0 };
    buf_init(&asking.text, PROOF_TEXT_MAX);
    enum err err = ERR_OK;
    for (int i = 0; err == ERR_OK && i < BENCH_PROOFS; i++) {
        asking.leaf = (int64_t)(random_u64() % (uint64_t)bench->leaves);
        int64_t begun_ns = bench_now_ns();
        err = store_read(bench->store, bench_run_proof, &asking, fail);
        times_ns[i] = bench_now_ns() - begun_ns;
    }
    buf_fini(&asking.text);
    TRY(err);
    qsort(times_ns, BENCH_PROOFS, sizeof(*times_ns), bench_compare);
    bench_say("proof_microseconds", times_ns[BENCH_PROOFS / 2] / 1000);
    bench_say("proof_p99_microseconds", times_ns[BENCH_PROOFS * 99 / 100] / 1000);
    return ERR_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum err bench_run(struct bench *bench, struct fail *fail)
{
    unsigned char seed[SIGN_SEED_BYTES];
    TRY(crypto_start(fail));
    random_bytes(seed, sizeof(seed));
    TRY(sign_key_from_seed(seed, &bench->key, fail));
    TRY(bench_make_entry(bench));
    TRY(bench_open(bench, fail));
    TRY(bench_fill(bench, fail));
    TRY(bench_first(bench, fail));
    TRY(bench_open_again(bench, fail));
    TRY(bench_prove(bench, fail));
    return bench_rounds(bench, fail);
}

static int64_t bench_number(const char *text, int64_t most)
{
    int64_t number = 0;
    return str_to_i64(str_from(text), &number) && number > 0 && number <= most ? number : 0;
}

static bool bench_read_options(int argc, char **argv, struct bench *bench)
{
    static const struct option options[] = {
        { "batch", required_argument, NULL, 'b' },
        { "rounds", required_argument, NULL, 'r' },
        { NULL, 0, NULL, 0 },
    };
    for (int got = 0; (got = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (got == 'b') {
            bench->batch = bench_number(optarg, BENCH_BATCH_MAX);
        } else if (got == 'r') {
            bench->rounds = bench_number(optarg, BENCH_ROUNDS_MAX);
        } else {
            return false;
        }
    }
    if (optind + 2 != argc) {
        return false;
    }
    bench->leaves = bench_number(argv[optind + 1], BENCH_LEAVES_MAX);
    int url = snprintf(bench->url, sizeof(bench->url), "sqlite:%s/log.db", argv[optind]);
    int log = snprintf(bench->log_folder, sizeof(bench->log_folder), "%s/log", argv[optind]);
    return bench->leaves > 0 && bench->batch > 0 && bench->rounds > 0 && url < BENCH_PATH_MAX &&
           log < BENCH_PATH_MAX;
}

int main(int argc, char **argv)
{
    static struct bench bench = { .batch = BENCH_BATCH, .rounds = BENCH_ROUNDS };
    struct fail fail = { .text = "" };
    if (!bench_read_options(argc, argv, &bench)) {
        (void)fprintf(stderr, "usage: ep-bench-log FOLDER LEAVES [--batch N] [--rounds N]\n");
        return 2;
    }
    publish_round_init(&bench.round);
    enum err err = bench_run(&bench, &fail);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "%s: %s\n", err_info(err)->name, fail.text);
    }
    bench_close(&bench);
    publish_round_fini(&bench.round);
    sign_key_destroy(bench.key);
    buf_fini(&bench.entry);
    return err == ERR_OK ? 0 : 3;
}
