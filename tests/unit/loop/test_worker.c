#include "loop/worker.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "harness.h"

struct sum_job {
    struct job job;
    unsigned value;
    unsigned square; /* written by the worker, read by the loop */
};

static unsigned sum_total;
static unsigned sum_opened;
static atomic_uint sum_run;
static atomic_bool gate_open; /* the worker of a blocking job spins until it opens */
static atomic_bool gate_reached;

static void sum_work(struct job *job)
{
    struct sum_job *sum = EP_CONTAINER(job, struct sum_job, job);
    sum->square = sum->value * sum->value;
    atomic_fetch_add(&sum_run, 1);
}

static void sum_open(struct mail *mail)
{
    struct sum_job *sum = EP_CONTAINER(mail, struct sum_job, job.mail);
    sum_total += sum->square;
    sum_opened++;
}

static void gate_work(struct job *job)
{
    (void)job;
    atomic_store(&gate_reached, true);
    while (!atomic_load(&gate_open)) {
    }
}

static struct loop *loop_new(void)
{
    struct loop *loop = NULL;
    CHECK_EQ(loop_create_real(&loop, NULL), ERR_OK);
    sum_total = 0;
    sum_opened = 0;
    atomic_store(&sum_run, 0);
    atomic_store(&gate_open, false);
    atomic_store(&gate_reached, false);
    return loop;
}

static void job_make(struct sum_job *sum, struct loop *home, unsigned value)
{
    *sum = (struct sum_job){
        .job = { .mail.open = sum_open, .run = sum_work, .home = home },
        .value = value,
    };
}

TEST(every_job_runs_and_its_mail_brings_the_result_home)
{
    struct loop *loop = loop_new();
    struct worker_pool *pool = NULL;
    CHECK_EQ(worker_pool_create(4, 1000, &pool, NULL), ERR_OK);
    static struct sum_job sums[1000];
    unsigned want = 0;
    for (unsigned i = 0; i < 1000; i++) {
        job_make(&sums[i], loop, i);
        want += i * i;
        CHECK_EQ(job_submit(pool, &sums[i].job), ERR_OK);
    }
    while (sum_opened < 1000) {
        (void)loop_turn(loop, true);
    }
    CHECK_EQ(sum_total, want);
    worker_pool_destroy(pool);
    loop_destroy(loop);
}

TEST(a_full_queue_says_busy_and_takes_nothing)
{
    struct loop *loop = loop_new();
    struct worker_pool *pool = NULL;
    CHECK_EQ(worker_pool_create(1, 2, &pool, NULL), ERR_OK);
    struct sum_job sums[4];
    for (unsigned i = 0; i < 4; i++) {
        job_make(&sums[i], loop, 2);
    }
    sums[0].job.run = gate_work;
    CHECK_EQ(job_submit(pool, &sums[0].job), ERR_OK);
    while (!atomic_load(&gate_reached)) {
    }
    CHECK_EQ(job_submit(pool, &sums[1].job), ERR_OK);
    CHECK_EQ(job_submit(pool, &sums[2].job), ERR_OK);
    CHECK_EQ(job_submit(pool, &sums[3].job), ERR_BUSY);
    atomic_store(&gate_open, true);
    while (sum_opened < 3) {
        (void)loop_turn(loop, true);
    }
    CHECK_EQ(sum_total, 8);
    CHECK_EQ(job_submit(pool, &sums[3].job), ERR_OK);
    while (sum_opened < 4) {
        (void)loop_turn(loop, true);
    }
    worker_pool_destroy(pool);
    loop_destroy(loop);
}

static void open_gate_later(struct job *job)
{
    gate_work(job);
    atomic_fetch_add(&sum_run, 1);
}

TEST(an_ending_pool_waits_for_the_job_that_runs)
{
    struct loop *loop = loop_new();
    struct worker_pool *pool = NULL;
    CHECK_EQ(worker_pool_create(1, 8, &pool, NULL), ERR_OK);
    struct sum_job sums[2];
    job_make(&sums[0], loop, 1);
    job_make(&sums[1], loop, 1);
    sums[0].job.run = open_gate_later;
    CHECK_EQ(job_submit(pool, &sums[0].job), ERR_OK);
    CHECK_EQ(job_submit(pool, &sums[1].job), ERR_OK);
    while (!atomic_load(&gate_reached)) {
    }
    atomic_store(&gate_open, true);
    worker_pool_destroy(pool); /* the second may have run or been dropped, with its mail */
    CHECK(atomic_load(&sum_run) >= 1);
    (void)loop_turn(loop, false);
    CHECK_EQ(sum_opened, atomic_load(&sum_run));
    loop_destroy(loop);
}

TEST(no_pool_may_be_destroyed)
{
    worker_pool_destroy(NULL);
}

TEST(a_pool_without_memory_is_refused_and_nothing_is_left)
{
    int64_t before = mem_blocks_open();
    struct worker_pool *pool = NULL;
    struct fail fail;
    mem_fail_nth(1);
    CHECK_EQ(worker_pool_create(1, 1, &pool, &fail), ERR_NO_MEMORY);
    mem_fail_nth(0);
    CHECK(pool == NULL);
    CHECK_EQ(mem_blocks_open(), before);
}
