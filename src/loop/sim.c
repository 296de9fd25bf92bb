#include "loop/sim.h"

#include "base/mem.h"
#include "loop/sim_internal.h"

#define SIM_START_NS   INT64_C(1000000000)          /* so that 0 is in the past */
#define SIM_WALL_NS    INT64_C(1735689600000000000) /* 2025-01-01: histories name no real day */
#define SIM_JOB_MIN_NS 10000
#define SIM_JOB_MAX_NS 2000000

struct sim_options sim_options_default(uint64_t seed)
{
    return (struct sim_options){
        .seed = seed,
        .latency_min_ns = 50000,
        .latency_max_ns = 2000000,
        .window_bytes = (size_t)64 * 1024,
    };
}

/* ---- chance and history ------------------------------------------------------------------ */

static uint64_t sim_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t sim_random(struct sim *sim)
{
    sim->random += UINT64_C(0x9e3779b97f4a7c15);
    return sim_mix(sim->random);
}

uint64_t sim_between(struct sim *sim, uint64_t least, uint64_t most)
{
    ASSERT(least <= most);
    if (sim->options.even) {
        return most;
    }
    return least + sim_random(sim) % (most - least + 1); /* the bias is of no matter here */
}

void sim_mark(struct sim *sim, enum sim_mark mark, uint64_t what)
{
    uint64_t now = (uint64_t)sim->queue.now_ns;
    sim->history = sim_mix(sim->history ^ sim_mix(now ^ sim_mix(what ^ ((uint64_t)mark << 56))));
}

uint64_t sim_history(const struct sim *sim)
{
    return sim->history;
}

int64_t sim_now_ns(const struct sim *sim)
{
    return sim->queue.now_ns;
}

void sim_jump_wall(struct sim *sim, int64_t by_ns)
{
    sim->wall_ns += by_ns;
}

void sim_schedule(struct sim *sim, struct timer *timer, int64_t at_ns)
{
    enum err err = timer_start(&sim->queue, timer, at_ns);
    ASSERT(err == ERR_OK);
}

/* ---- turns ------------------------------------------------------------------------------- */

static bool sim_loop_ready(const struct sim_loop *sl)
{
    const struct loop *loop = &sl->loop;
    return !atomic_load(&loop->stopping) &&
           (!list_empty(&sl->ready) || !list_empty(&loop->tasks) || !list_empty(&loop->later) ||
            !list_empty(&loop->graves) || atomic_load(&loop->mailbox) != NULL ||
            (loop->heap_count > 0 && loop->heap[1]->at_ns <= sl->sim->queue.now_ns));
}

static void sim_take_turn(struct sim *sim, uint64_t ready)
{
    uint64_t pick = sim_between(sim, 0, ready - 1);
    uint64_t number = 0;
    LIST_EACH(node, &sim->loops) {
        struct sim_loop *sl = EP_CONTAINER(node, struct sim_loop, node);
        if (sim_loop_ready(sl) && pick-- == 0) {
            sim_mark(sim, SIM_MARK_TURN, number);
            (void)loop_turn(&sl->loop, false);
            return; /* the turn may have made or destroyed loops */
        }
        number++;
    }
}

/* When the next timer of a loop, or of the world, is due. */
static int64_t sim_next_ns(const struct sim *sim)
{
    int64_t next = sim->queue.heap_count == 0 ? INT64_MAX : sim->queue.heap[1]->at_ns;
    LIST_EACH(node, &sim->loops) {
        const struct sim_loop *sl = EP_CONTAINER(node, struct sim_loop, node);
        bool counts = !atomic_load(&sl->loop.stopping) && sl->loop.heap_count > 0;
        if (counts && sl->loop.heap[1]->at_ns < next) {
            next = sl->loop.heap[1]->at_ns;
        }
    }
    return next;
}

static void sim_happen(struct sim *sim)
{
    while (sim->queue.heap_count > 0 && sim->queue.heap[1]->at_ns <= sim->queue.now_ns) {
        struct timer *timer = sim->queue.heap[1];
        timer_stop(&sim->queue, timer);
        timer->fire(timer);
    }
}

bool sim_step(struct sim *sim, int64_t until_ns)
{
    uint64_t ready = 0;
    LIST_EACH(node, &sim->loops) {
        ready += sim_loop_ready(EP_CONTAINER(node, struct sim_loop, node)) ? 1 : 0;
    }
    if (ready > 0) {
        sim_take_turn(sim, ready);
        return true;
    }
    int64_t next = sim_next_ns(sim);
    if (next == INT64_MAX || next > until_ns) {
        return false;
    }
    if (next > sim->queue.now_ns) {
        sim->queue.now_ns = next;
    }
    sim_happen(sim);
    return true;
}

void sim_run(struct sim *sim, int64_t until_ns)
{
    while (sim_step(sim, until_ns)) {
    }
    if (until_ns != INT64_MAX && until_ns > sim->queue.now_ns) {
        sim->queue.now_ns = until_ns;
    }
}

/* ---- a loop of the world ----------------------------------------------------------------- */

static bool sim_poll(struct loop *loop, int64_t until_ns)
{
    struct sim_loop *sl = sim_loop_of(loop);
    struct sim *sim = sl->sim;
    if (until_ns > sim->queue.now_ns) { /* only a turn that may wait comes here */
        while (!sim_loop_ready(sl) && !atomic_load(&loop->stopping)) {
            bool stepped = sim_step(sim, INT64_MAX);
            ASSERT(stepped); /* else this loop would wait for ever */
        }
    }
    loop->now_ns = sim->queue.now_ns;
    loop->wall_ns = sim->wall_ns + sim->queue.now_ns;
    list_move_all(&sl->telling, &sl->ready);
    return !list_empty(&sl->telling);
}

static void sim_wake(struct loop *loop)
{
    (void)loop; /* the mailbox is looked at, nobody sleeps */
}

static void sim_loop_destroy(struct loop *loop)
{
    struct sim_loop *sl = sim_loop_of(loop);
    loop_fini(loop);
    sim_net_close_all(sl);
    node_unlink(&sl->node);
    mem_free(sl);
}

static const struct loop_world sim_world = {
    .poll = sim_poll,
    .deliver = sim_net_deliver,
    .wake = sim_wake,
    .watch = sim_net_watch,
    .unwatch = sim_net_unwatch,
    .listen = sim_net_listen,
    .accept = sim_net_accept,
    .connect = sim_net_connect,
    .connected = sim_net_connected,
    .read = sim_net_read,
    .write = sim_net_write,
    .shutdown = sim_net_shutdown,
    .destroy = sim_loop_destroy,
};

enum err loop_create_sim(struct sim *sim, struct loop **ret_loop, struct fail *fail)
{
    struct sim_loop *sl = mem_zalloc(sizeof(*sl));
    if (sl == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a loop");
    }
    enum err err = loop_init(&sl->loop, &sim_world, fail);
    if (err != ERR_OK) {
        mem_free(sl);
        return err;
    }
    sl->sim = sim;
    sl->loop.now_ns = sim->queue.now_ns;
    sl->loop.wall_ns = sim->wall_ns + sim->queue.now_ns;
    list_init(&sl->ready);
    list_init(&sl->telling);
    list_push_back(&sim->loops, &sl->node);
    *ret_loop = &sl->loop;
    return ERR_OK;
}

enum err sim_create(const struct sim_options *options, struct sim **ret_sim, struct fail *fail)
{
    ASSERT(options->latency_min_ns > 0 && options->latency_min_ns <= options->latency_max_ns);
    ASSERT(options->window_bytes > 0);
    struct sim *sim = mem_zalloc(sizeof(*sim));
    if (sim == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a world");
    }
    enum err err = loop_init(&sim->queue, NULL, fail);
    if (err != ERR_OK) {
        mem_free(sim);
        return err;
    }
    sim->options = *options;
    sim->random = options->seed;
    sim->history = options->seed;
    sim->queue.now_ns = SIM_START_NS;
    sim->wall_ns = SIM_WALL_NS;
    sim->port_next = SIM_PORT_FIRST;
    list_init(&sim->loops);
    *ret_sim = sim;
    return ERR_OK;
}

void sim_destroy(struct sim *sim)
{
    if (sim == NULL) {
        return;
    }
    ASSERT(list_empty(&sim->loops));
    ASSERT(sim->queue.heap_count == 0); /* sockets are gone with their loops */
    loop_fini(&sim->queue);
    mem_free(sim->sockets);
    mem_free(sim);
}

/* ---- workers ----------------------------------------------------------------------------- */

struct sim_pool {
    struct worker_pool pool;
    struct sim *sim;
    struct timer timer; /* the next job runs */
    struct job *jobs;
    unsigned waiting;
    unsigned queue_max;
};

static void sim_pool_plan(struct sim_pool *pool)
{
    if (pool->waiting > 0) {
        int64_t after = (int64_t)sim_between(pool->sim, SIM_JOB_MIN_NS, SIM_JOB_MAX_NS);
        sim_schedule(pool->sim, &pool->timer, pool->sim->queue.now_ns + after);
    }
}

static void sim_pool_fire(struct timer *timer)
{
    struct sim_pool *pool = EP_CONTAINER(timer, struct sim_pool, timer);
    uint64_t pick = sim_between(pool->sim, 0, pool->waiting - 1);
    sim_mark(pool->sim, SIM_MARK_JOB, pick);
    struct job **at = &pool->jobs;
    while (pick-- > 0) {
        at = &(*at)->next;
    }
    struct job *job = *at;
    *at = job->next;
    pool->waiting--;
    sim_pool_plan(pool);
    job->run(job);
    mail_send(job->home, &job->mail);
}

static enum err sim_pool_submit(struct worker_pool *face, struct job *job)
{
    struct sim_pool *pool = EP_CONTAINER(face, struct sim_pool, pool);
    if (pool->waiting >= pool->queue_max) {
        return ERR_BUSY;
    }
    job->next = pool->jobs;
    pool->jobs = job;
    if (pool->waiting++ == 0) {
        sim_pool_plan(pool);
    }
    return ERR_OK;
}

static void sim_pool_destroy(struct worker_pool *face)
{
    struct sim_pool *pool = EP_CONTAINER(face, struct sim_pool, pool);
    timer_stop(&pool->sim->queue, &pool->timer);
    mem_free(pool);
}

enum err worker_pool_create_sim(struct sim *sim, unsigned queue_max, struct worker_pool **ret_pool,
                                struct fail *fail)
{
    ASSERT(queue_max > 0);
    struct sim_pool *pool = mem_zalloc(sizeof(*pool));
    if (pool == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for workers");
    }
    pool->pool = (struct worker_pool){ sim_pool_submit, sim_pool_destroy };
    pool->sim = sim;
    pool->queue_max = queue_max;
    timer_init(&pool->timer, sim_pool_fire);
    *ret_pool = &pool->pool;
    return ERR_OK;
}
