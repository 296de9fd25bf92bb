#include "run.h"

#include <stdio.h>
#include <string.h>

#include "auditor.h"
#include "auditor_log.h"
#include "base/mem.h"
#include "bulk.h"
#include "client.h"
#include "disk.h"
#include "life.h"
#include "life_log.h"
#include "random.h"
#include "upstream.h"

#define RUN_CLIENTS   8
#define RUN_S         INT64_C(1000000000)
#define RUN_STEPS_MAX 300000 /* some hundred times what a history takes */
#define RUN_OPENS_MAX 20     /* tries to open on a disk that fails once a try */

struct run {
    struct play play;
    struct worker_pool *workers; /* of the clients' look-ups, which have nothing to look up */
    struct lookup *lookup;
    struct upstream_pool *pool;
    struct upstream upstreams[PLAY_UPSTREAMS];
    struct client_slot clients[RUN_CLIENTS];
    struct bulk bulk; /* where batches are handed in */
    struct run_options options;
    bool struck;         /* the options' fault has */
    uint64_t steps_left; /* of this life */
};

static struct run run; /* one a process, and large */

/* ---- the world --------------------------------------------------------------------------- */

static void run_set_up_network(struct play *play)
{
    struct sim_options options = sim_options_default(play->seed);
    struct lookup_options names = lookup_options_default();
    struct upstream_pool_options pool = upstream_pool_options_default();
    options.window_bytes = 500 + play->seed * 977 % 60000;
    pool.connect_ns = 2 * RUN_S;
    enum err err = sim_create(&options, &play->sim, NULL);
    err = err == ERR_OK ? loop_create_sim(play->sim, &play->outside, NULL) : err;
    err = err == ERR_OK ? worker_pool_create_sim(play->sim, 8, &run.workers, NULL) : err;
    err =
        err == ERR_OK ? lookup_create(play->outside, run.workers, &names, &run.lookup, NULL) : err;
    err = err == ERR_OK ? upstream_pool_create(play->outside, run.lookup, &pool, &run.pool, NULL)
                        : err;
    ASSERT(err == ERR_OK);
}

static void run_set_up(const struct run_options *options)
{
    static const int64_t credits[PLAY_ACCOUNTS] = { INT64_C(1000000000000), INT64_C(1000000000000),
                                                    40000000, 6000000 };
    struct play *play = &run.play;
    run = (struct run){ .options = *options };
    play->seed = options->seed;
    play->verbose = options->verbose;
    play->kept_leaves = -1;
    random_seed(options->seed);
    disk_format(options->seed);
    auditor_begin();
    auditor_log_begin();
    life_log_begin();
    run_set_up_network(play);
    play->manners = sim_random(play->sim);
    play->early_leaves = 200 + (int64_t)play_random(play, 60); /* its tiles are soon full */
    for (int i = 0; i < PLAY_ACCOUNTS; i++) {
        play->accounts[i] = (struct account){ .purchased = credits[i], .rich = i < 2 };
    }
    for (int i = 0; i < PLAY_UPSTREAMS; i++) {
        upstream_set_up(&run.upstreams[i], play, i);
    }
}

static void run_tear_down(void)
{
    struct play *play = &run.play;
    for (int i = 0; i < RUN_CLIENTS; i++) {
        client_close(&run.clients[i]);
    }
    if (play->bulk != NULL) {
        bulk_close(&run.bulk);
    }
    upstream_pool_destroy(run.pool);
    /* Talks whose other side has gone learn of it. */
    sim_run(play->sim, sim_now_ns(play->sim) + 100 * RUN_S);
    for (int i = 0; i < PLAY_UPSTREAMS; i++) {
        upstream_tear_down(&run.upstreams[i]);
    }
    worker_pool_destroy(run.workers);
    lookup_destroy(run.lookup);
    loop_destroy(play->outside);
    sim_destroy(play->sim);
    auditor_end();
    disk_end();
}

/* ---- lives ------------------------------------------------------------------------------- */

/* A fault of the seed's choosing, within about `most` operations. */
static void run_arm(uint64_t most, uint64_t crash_of)
{
    static const enum disk_fault_kind kinds[] = { DISK_FAULT_IO, DISK_FAULT_HALF, DISK_FAULT_FULL };
    static const char *const files[] = { NULL, NULL, ".db", "-wal", "log.size", "/sim/log.d/" };
    struct play *play = &run.play;
    struct disk_fault fault = {
        .kind = play_chance(play, crash_of) ? kinds[play_random(play, EP_ARRAY_LEN(kinds))]
                                            : DISK_FAULT_CRASH,
        .for_ever = play_chance(play, 2),
        .syncs_only = play_chance(play, 3),
        .file = files[play_random(play, EP_ARRAY_LEN(files))],
    };
    if (play_has_batches(play) && play_chance(play, 3)) {
        fault.file = "/sim/batches/";
    }
    /* A rare operation is met only if few of its kind come first. */
    most = fault.syncs_only || fault.file != NULL ? most / 10 : most;
    fault.nth = 1 + play_random(play, most);
    disk_set_fault(&fault);
    play_note(play, "the disk will fail in %llu operations (kind %d%s%s)",
              (unsigned long long)fault.nth, (int)fault.kind, fault.syncs_only ? ", a sync" : "",
              fault.file == NULL ? "" : fault.file);
}

static void run_disarm(void)
{
    disk_set_fault(&(struct disk_fault){ .kind = DISK_FAULT_NONE });
}

/* One try to open. False: the disk failed, or the power did. */
static bool run_try_open(bool may_fail)
{
    struct play *play = &run.play;
    struct fail fail = { .text = "" };
    if (run.options.fault_life == play->lives + 1) {
        disk_set_fault(&run.options.fault);
    } else if (may_fail) {
        run_arm(60, 4);
    }
    enum err err = life_open(play, &fail);
    err = err == ERR_OK ? life_furnish(play, &fail) : err;
    bool struck = disk_struck();
    run.struck |= struck && run.options.fault_life == play->lives;
    if (struck || run.options.fault_life != play->lives) {
        run_disarm();
    }
    if (err != ERR_OK && !struck) {
        play_fail(play, NULL, "the server does not start: %s", fail.text);
    }
    if (!struck) {
        return true;
    }
    play_note(play, "the disk failed while the server began: %s", fail.text);
    play->faulty_life = play->lives;
    enum disk_end_kind kind = play_chance(play, 2) ? DISK_KILLED : DISK_POWER;
    if (play->life != NULL) {
        life_kill(play, kind);
    } else {
        disk_crash(kind);
    }
    return false;
}

/* Somebody makes a backup: of what is durable, which is all. */
static void run_keep(void)
{
    run.play.kept_leaves = auditor_leaves(&run.play);
    disk_keep();
    play_note(&run.play, "a backup is made, of %lld leaves", (long long)run.play.kept_leaves);
}

static void run_open(void)
{
    if (play_forgets(&run.play) && run.play.lives > 0 && play_chance(&run.play, 3)) {
        sim_jump_wall(run.play.sim, PLAY_DOWN_NS);
        run.play.jumped_ns = sim_now_ns(run.play.sim);
    }
    int tries = 0;
    bool by_seed = run.options.fault_life == 0;
    /* Faults that come together are the ones that nobody thought of. */
    uint64_t once_in = run.play.lives > 0 && run.play.faulty_life == run.play.lives ? 2 : 5;
    while (!run_try_open(by_seed && tries < RUN_OPENS_MAX && play_chance(&run.play, once_in))) {
        tries++;
    }
    play_note(&run.play, "life %llu begins, %zu calls recovered",
              (unsigned long long)run.play.lives, life_recovered(run.play.life));
    auditor_look(&run.play);
    if (play_chance(&run.play, 3)) {
        run_keep();
    }
    /* Short ones where batches outlive them. */
    uint64_t most = play_has_batches(&run.play) ? 1200 : 6000;
    run.steps_left = 200 + play_random(&run.play, by_seed ? most : 200);
    if (by_seed && play_chance(&run.play, 2)) {
        run_arm(400, 3);
    }
}

static void run_end_life(void)
{
    struct play *play = &run.play;
    run_disarm();
    if (!life_failed(play->life) && play_chance(play, 5)) {
        play_note(play, "life %llu is closed", (unsigned long long)play->lives);
        life_rest(play);
        auditor_at_rest(play);
        life_close(play);
        /* And the machine may go down behind it. */
        disk_crash(play_chance(play, 2) ? DISK_POWER : DISK_KILLED);
    } else {
        play_note(play, "life %llu is killed", (unsigned long long)play->lives);
        bool power = play_random(play, 3) > (play->faulty_life == play->lives ? 1 : 0);
        life_kill(play, power ? DISK_POWER : DISK_KILLED);
    }
}

/* ---- steps ------------------------------------------------------------------------------- */

static void run_look_at_disk(void)
{
    struct play *play = &run.play;
    if (disk_down()) {
        play_note(play, "power fails within an operation of the disk");
        run_disarm();
        life_kill(play, DISK_POWER);
    } else if (disk_struck() && play->faulty_life != play->lives) {
        play->faulty_life = play->lives;
        run.struck |= run.options.fault_life == play->lives;
        run.steps_left = play_random(play, 500); /* it sells no more: not for long */
    } else if (life_failed(play->life) && play->faulty_life != play->lives) {
        play_fail(play, NULL, "the store has failed on a disk that works");
    }
}

static bool run_step(void)
{
    struct play *play = &run.play;
    if (play->steps++ == RUN_STEPS_MAX) {
        play_fail(play, NULL, "the history does not come to its end");
    }
    if (play_chance(play, 2000)) {
        int64_t by_ns = ((int64_t)play_random(play, 7200) - 3600) * RUN_S;
        sim_jump_wall(play->sim, by_ns);
        play->jumped_ns = sim_now_ns(play->sim);
    }
    if (play->life != NULL && play_chance(play, 3000)) {
        life_rival(play);
    }
    return sim_step(play->sim, INT64_MAX);
}

/* Steps, and lives, until so many calls are made, and over. */
static void run_calls(int calls)
{
    struct play *play = &run.play;
    bool stopped = false;
    bool idle = false;
    while (!idle) {
        if (play->life == NULL) {
            run_open();
        }
        bool stepped = run_step();
        if (!stepped) {
            play_fail(play, NULL, "nothing happens any more, and calls are under way");
        }
        run_look_at_disk();
        if (play->life != NULL && run.steps_left-- == 0) {
            run_end_life();
        }
        stopped = stopped || play->sale_count >= calls;
        idle = stopped;
        if (stopped && play->bulk != NULL) {
            bulk_stop(&run.bulk);
            idle &= bulk_idle(&run.bulk);
        }
        for (int i = 0; i < RUN_CLIENTS; i++) {
            if (stopped && !run.clients[i].stopped) {
                client_stop(&run.clients[i]);
            }
            idle &= client_idle(&run.clients[i]);
        }
    }
}

static void run_open_at_last(void)
{
    while (!run_try_open(false)) {
        /* the fault that was asked for, which strikes in one life alone */
    }
    run_disarm();
    auditor_look(&run.play);
}

/* The last life ends in order, and one more looks at what is left. */
static void run_finish(void)
{
    struct play *play = &run.play;
    run_disarm();
    if (play->life != NULL && life_failed(play->life)) {
        life_kill(play, DISK_POWER);
    }
    for (int i = 0; i < 2; i++) {
        if (play->life == NULL) {
            run_open_at_last();
        }
        life_rest(play);
        auditor_at_rest(play);
        life_close(play);
        disk_crash(DISK_POWER);
    }
    run_open_at_last();
    if (life_recovered(play->life) > 0) {
        play_fail(play, NULL, "%zu holds were open after an orderly end",
                  life_recovered(play->life));
    }
    life_rest(play);
    life_close(play);
    disk_crash(DISK_POWER);
}

/* The backup is put back: what the log had since is missing, and nothing may be sold. */
static void run_restore(void)
{
    struct play *play = &run.play;
    struct fail fail = { .text = "" };
    if (play->kept_leaves < 0 || play->kept_leaves == auditor_leaves(play)) {
        return; /* nothing is missing */
    }
    play_note(play, "the backup is put back");
    sim_run(play->sim, sim_now_ns(play->sim) + 10 * RUN_S); /* nothing is on its way any more */
    disk_put_back("/sim/log");
    play->restored = true;
    enum err err = life_open(play, &fail);
    if (err != ERR_OK) {
        play_fail(play, NULL, "the server does not start on an old backup: %s", fail.text);
    }
    if (!life_is_behind(play->life)) {
        play_fail(play, NULL, "%lld of %lld leaves are there, and the server does not notice",
                  (long long)play->kept_leaves, (long long)auditor_leaves(play));
    }
    for (int i = 0; i < RUN_CLIENTS; i++) {
        client_go_on(&run.clients[i]);
    }
    run.steps_left = UINT64_MAX;
    run_calls(play->sale_count + RUN_CLIENTS);
    life_rest(play);
    life_close(play);
}

void run_seed(const struct run_options *options, struct run_figures *ret_figures)
{
    struct play *play = &run.play;
    int64_t blocks = mem_blocks_open();
    run_set_up(options);
    run_open();
    for (int i = 0; i < RUN_CLIENTS; i++) {
        client_open(&run.clients[i], play, run.pool, i % PLAY_ACCOUNTS);
    }
    if (play_has_batches(play)) {
        bulk_open(&run.bulk, play, run.pool);
        play->bulk = &run.bulk;
    }
    run_calls(options->calls);
    run_finish();
    run_restore();
    *ret_figures = (struct run_figures){
        .digest = sim_history(play->sim) ^ disk_digest() * 3,
        .lives = play->lives,
        .steps = play->steps,
        .checks = auditor_checks(),
        .struck = run.struck,
    };
    run_tear_down();
    if (mem_blocks_open() != blocks) {
        play_fail(play, NULL, "%lld blocks of memory are left",
                  (long long)(mem_blocks_open() - blocks));
    }
}
