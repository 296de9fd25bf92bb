#include "loop/sim.h"

#include "base/mem.h"
#include "harness.h"

#define MS INT64_C(1000000)

/* Clients that each send a number of bytes to a server that sends them back. */
#define CLIENTS    5
#define ECHO_BYTES 100000

struct echo {
    struct watch watch;
    struct loop *loop;
    size_t sent;
    size_t got;
    bool broken;
    bool answers; /* the server's side: sends back what it gets */
};

static struct echo echo_servers[CLIENTS];
static struct echo echo_clients[CLIENTS];
static size_t echo_accepted;
static struct loop *echo_home;

static void echo_move(struct echo *echo)
{
    char *bytes = loop_scratch(echo->loop);
    enum err err = ERR_OK;
    size_t len = 0;
    while ((err = loop_read(echo->loop, echo->watch.fd, bytes, 4096, &len)) == ERR_OK) {
        echo->got += len;
    }
    size_t want = echo->answers ? echo->got : ECHO_BYTES;
    while (err == ERR_BUSY && echo->sent < want) {
        struct iovec part = { bytes, want - echo->sent < 4096 ? want - echo->sent : 4096 };
        enum err wrote = loop_write(echo->loop, echo->watch.fd, &part, 1, &len);
        if (wrote != ERR_OK) {
            err = wrote == ERR_BUSY ? ERR_OK : wrote;
            break;
        }
        echo->sent += len;
    }
    if (err != ERR_OK && err != ERR_BUSY) {
        echo->broken = err == ERR_IO;
        watch_close(echo->loop, &echo->watch);
    } else if (!echo->answers && echo->got == ECHO_BYTES) {
        watch_close(echo->loop, &echo->watch);
    }
}

static void echo_ready(struct watch *watch, unsigned events)
{
    (void)events;
    echo_move(EP_CONTAINER(watch, struct echo, watch));
}

static void echo_start(struct echo *echo, struct loop *loop, int fd, bool answers)
{
    *echo = (struct echo){ .loop = loop, .answers = answers };
    watch_init(&echo->watch, echo_ready);
    CHECK_EQ(watch_start(loop, &echo->watch, fd, NULL), ERR_OK);
}

static void echo_accept(struct watch *watch, unsigned events)
{
    (void)events;
    int fd = -1;
    while (loop_accept(echo_home, watch->fd, &fd, NULL) == ERR_OK) {
        CHECK(echo_accepted < CLIENTS);
        echo_start(&echo_servers[echo_accepted++], echo_home, fd, true);
    }
}

/* The digest of a whole day of echoes; `reset`: one connection breaks on the way. */
static uint64_t echo_day(uint64_t seed, bool reset)
{
    struct sim_options options = sim_options_default(seed);
    struct sim *sim = NULL;
    struct loop *server = NULL;
    struct loop *client = NULL;
    CHECK_EQ(sim_create(&options, &sim, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(sim, &server, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(sim, &client, NULL), ERR_OK);
    struct address address;
    CHECK(address_parse(STR("10.0.0.1:80"), &address));
    struct watch listener;
    int fd = -1;
    watch_init(&listener, echo_accept);
    echo_home = server;
    echo_accepted = 0;
    CHECK_EQ(loop_listen(server, &address, 64, &fd, NULL, NULL), ERR_OK);
    CHECK_EQ(watch_start(server, &listener, fd, NULL), ERR_OK);
    for (int i = 0; i < CLIENTS; i++) {
        CHECK_EQ(loop_connect(client, &address, &fd, NULL), ERR_OK);
        echo_start(&echo_clients[i], client, fd, false);
    }
    if (reset) {
        sim_run(sim, sim_now_ns(sim) + 5 * MS);
        CHECK(echo_clients[2].watch.fd >= 0);
        sim_reset(sim, echo_clients[2].watch.fd);
    }
    sim_run(sim, INT64_MAX);
    size_t broken = 0;
    for (int i = 0; i < CLIENTS; i++) {
        CHECK_EQ(echo_clients[i].watch.fd, -1);
        CHECK_EQ(echo_servers[i].watch.fd, -1);
        CHECK_EQ(echo_clients[i].broken, reset && i == 2);
        CHECK(echo_clients[i].broken || echo_clients[i].got == ECHO_BYTES);
        broken += echo_servers[i].broken ? 1 : 0;
    }
    CHECK_EQ(broken, reset ? 1 : 0);
    watch_close(server, &listener);
    uint64_t history = sim_history(sim);
    loop_destroy(server);
    loop_destroy(client);
    sim_destroy(sim);
    return history;
}

TEST(the_same_seed_gives_the_same_history)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        CHECK(echo_day(seed, false) == echo_day(seed, false));
        CHECK(echo_day(seed, true) == echo_day(seed, true));
    }
}

TEST(another_seed_gives_another_history)
{
    uint64_t first = echo_day(1, false);
    for (uint64_t seed = 2; seed < 20; seed++) {
        CHECK(echo_day(seed, false) != first);
    }
    CHECK(echo_day(1, true) != first);
}

/* ---- order ------------------------------------------------------------------------------- */

TEST(nothing_overtakes_within_a_connection_under_any_seed)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_options options = sim_options_default(seed);
        struct sim *sim = NULL;
        struct loop *loop = NULL;
        struct address address;
        struct watch client;
        int listener = -1;
        int fd = -1;
        int server = -1;
        CHECK_EQ(sim_create(&options, &sim, NULL), ERR_OK);
        CHECK_EQ(loop_create_sim(sim, &loop, NULL), ERR_OK);
        CHECK(address_parse(STR("127.0.0.1:0"), &address));
        CHECK_EQ(loop_listen(loop, &address, 1, &listener, &address, NULL), ERR_OK);
        CHECK_EQ(loop_connect(loop, &address, &fd, NULL), ERR_OK);
        sim_run(sim, INT64_MAX);
        CHECK_EQ(loop_accept(loop, listener, &server, NULL), ERR_OK);
        watch_init(&client, echo_ready);
        client.fd = fd;
        size_t len = 0;
        for (char letter = 'a'; letter <= 'e'; letter++) {
            struct iovec part = { &letter, 1 };
            CHECK_EQ(loop_write(loop, fd, &part, 1, &len), ERR_OK);
        }
        watch_close(loop, &client); /* the end is the last of it */
        char got[8];
        size_t at = 0;
        enum err err = ERR_BUSY;
        while (err != ERR_NET_CLOSED) {
            err = loop_read(loop, server, got + at, sizeof(got) - at, &len);
            at += err == ERR_OK ? len : 0;
            CHECK(err == ERR_OK || err == ERR_NET_CLOSED || sim_step(sim, INT64_MAX));
        }
        CHECK_STR(((struct str){ got, at }), STR("abcde"));
        loop_destroy(loop);
        sim_destroy(sim);
    }
}

/* ---- time -------------------------------------------------------------------------------- */

static struct sim *time_sim;
static int64_t time_fired_ns;

static void time_fire(struct timer *timer)
{
    (void)timer;
    time_fired_ns = sim_now_ns(time_sim);
}

TEST(time_moves_to_the_next_timer_and_not_beyond_the_limit)
{
    struct sim_options options = sim_options_default(3);
    struct loop *loop = NULL;
    CHECK_EQ(sim_create(&options, &time_sim, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(time_sim, &loop, NULL), ERR_OK);
    int64_t start = sim_now_ns(time_sim);
    int64_t wall = loop_wall_ns(loop);
    struct timer timer;
    timer_init(&timer, time_fire);
    time_fired_ns = 0;
    CHECK_EQ(timer_start(loop, &timer, start + 3600000 * MS), ERR_OK);
    sim_run(time_sim, start + 3599999 * MS);
    CHECK_EQ(time_fired_ns, 0);
    CHECK_EQ(sim_now_ns(time_sim), start + 3599999 * MS);
    sim_run(time_sim, INT64_MAX);
    CHECK_EQ(time_fired_ns, start + 3600000 * MS);
    CHECK_EQ(loop_now_ns(loop), time_fired_ns);
    CHECK_EQ(loop_wall_ns(loop) - wall, 3600000 * MS);
    CHECK(!sim_step(time_sim, INT64_MAX));
    loop_destroy(loop);
    sim_destroy(time_sim);
}

/* ---- jobs -------------------------------------------------------------------------------- */

static char job_order[16];
static size_t jobs_run;
static size_t jobs_opened;

struct letter_job {
    struct job job;
    char letter;
};

static void letter_run(struct job *job)
{
    job_order[jobs_run++] = EP_CONTAINER(job, struct letter_job, job)->letter;
}

static void letter_open(struct mail *mail)
{
    (void)mail;
    jobs_opened++;
}

static void jobs_day(uint64_t seed, char order[9])
{
    struct sim_options options = sim_options_default(seed);
    struct sim *sim = NULL;
    struct loop *loop = NULL;
    struct worker_pool *pool = NULL;
    CHECK_EQ(sim_create(&options, &sim, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(sim, &loop, NULL), ERR_OK);
    CHECK_EQ(worker_pool_create_sim(sim, 8, &pool, NULL), ERR_OK);
    struct letter_job jobs[9];
    jobs_run = 0;
    jobs_opened = 0;
    for (int i = 0; i < 9; i++) {
        jobs[i] = (struct letter_job){
            .job = { .mail.open = letter_open, .run = letter_run, .home = loop },
            .letter = (char)('a' + i),
        };
        CHECK_EQ(job_submit(pool, &jobs[i].job), i < 8 ? ERR_OK : ERR_BUSY);
    }
    CHECK_EQ(jobs_run, 0); /* never before job_submit() returns */
    sim_run(sim, INT64_MAX);
    CHECK_EQ(jobs_run, 8);
    CHECK_EQ(jobs_opened, 8);
    for (size_t i = 0; i < 8; i++) {
        order[i] = job_order[i];
    }
    order[8] = '\0';
    CHECK_EQ(job_submit(pool, &jobs[8].job), ERR_OK);
    worker_pool_destroy(pool); /* the one that waits is dropped */
    sim_run(sim, INT64_MAX);
    CHECK_EQ(jobs_run, 8);
    loop_destroy(loop);
    sim_destroy(sim);
}

TEST(jobs_run_in_an_order_that_the_seed_alone_picks)
{
    char first[9];
    char again[9];
    char other[9];
    jobs_day(1, first);
    jobs_day(1, again);
    CHECK_STR(str_from(again), str_from(first));
    bool differs = false;
    for (uint64_t seed = 2; seed < 6; seed++) {
        jobs_day(seed, other);
        differs |= !str_eq(str_from(other), str_from(first));
    }
    CHECK(differs);
}

/* ---- ends -------------------------------------------------------------------------------- */

TEST(a_loop_that_ends_with_connections_open_breaks_nothing_of_the_world)
{
    int64_t blocks = mem_blocks_open();
    struct sim_options options = sim_options_default(5);
    struct sim *sim = NULL;
    struct loop *server = NULL;
    struct loop *client = NULL;
    CHECK_EQ(sim_create(&options, &sim, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(sim, &server, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(sim, &client, NULL), ERR_OK);
    struct address address;
    CHECK(address_parse(STR("[::1]:0"), &address));
    int fd = -1;
    CHECK_EQ(loop_listen(server, &address, 1, &fd, &address, NULL), ERR_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(loop_connect(client, &address, &fd, NULL), ERR_OK);
        if (i < 2) { /* the second finds the backlog full */
            sim_run(sim, INT64_MAX);
            CHECK_EQ(loop_connected(client, fd, NULL), i == 0 ? ERR_OK : ERR_UPSTREAM_CONNECT);
        }
    }
    loop_destroy(server);
    sim_run(sim, INT64_MAX);
    CHECK_EQ(loop_connected(client, fd, NULL), ERR_UPSTREAM_CONNECT);
    loop_destroy(client);
    sim_destroy(sim);
    sim_destroy(NULL);
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(a_killed_loop_breaks_all_its_connections_and_keeps_its_listeners)
{
    struct sim_options options = sim_options_default(7);
    struct sim *sim = NULL;
    struct loop *server = NULL;
    struct loop *client = NULL;
    struct address address;
    int listener = -1;
    int near[2];
    int far[2];
    char byte = 'x';
    size_t len = 0;
    CHECK_EQ(sim_create(&options, &sim, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(sim, &server, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(sim, &client, NULL), ERR_OK);
    CHECK(address_parse(STR("127.0.0.1:0"), &address));
    CHECK_EQ(loop_listen(server, &address, 4, &listener, &address, NULL), ERR_OK);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(loop_connect(client, &address, &near[i], NULL), ERR_OK);
        sim_run(sim, INT64_MAX);
        CHECK_EQ(loop_accept(server, listener, &far[i], NULL), ERR_OK);
    }
    sim_reset_all(sim, server);
    for (int i = 0; i < 2; i++) {
        struct iovec part = { &byte, 1 };
        CHECK_EQ(loop_write(server, far[i], &part, 1, &len), ERR_IO); /* nothing more leaves */
    }
    sim_run(sim, INT64_MAX);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(loop_read(client, near[i], &byte, 1, &len), ERR_IO);
    }
    CHECK_EQ(loop_connect(client, &address, &near[0], NULL), ERR_OK);
    sim_run(sim, INT64_MAX);
    CHECK_EQ(loop_connected(client, near[0], NULL), ERR_OK);
    loop_destroy(server);
    loop_destroy(client);
    sim_destroy(sim);
}

TEST(the_wall_clock_jumps_and_the_time_that_passes_does_not)
{
    struct sim_options options = sim_options_default(8);
    struct sim *sim = NULL;
    struct loop *loop = NULL;
    CHECK_EQ(sim_create(&options, &sim, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(sim, &loop, NULL), ERR_OK);
    int64_t now_ns = loop_now_ns(loop);
    int64_t wall_ns = loop_wall_ns(loop);
    sim_jump_wall(sim, -3600 * 1000 * MS);
    (void)loop_turn(loop, false);
    CHECK_EQ(loop_now_ns(loop), now_ns);
    CHECK_EQ(loop_wall_ns(loop), wall_ns - 3600 * 1000 * MS);
    loop_destroy(loop);
    sim_destroy(sim);
}

static void build_a_world(void)
{
    struct sim_options options = sim_options_default(9);
    struct sim *sim = NULL;
    if (sim_create(&options, &sim, NULL) != ERR_OK) {
        return;
    }
    struct loop *loop = NULL;
    struct worker_pool *pool = NULL;
    if (loop_create_sim(sim, &loop, NULL) == ERR_OK) {
        struct address address;
        int fd = -1;
        CHECK(address_parse(STR("127.0.0.1:80"), &address));
        EP_IGNORE(loop_listen(loop, &address, 1, &fd, NULL, NULL));
    }
    EP_IGNORE(worker_pool_create_sim(sim, 1, &pool, NULL));
    worker_pool_destroy(pool);
    loop_destroy(loop);
    sim_destroy(sim);
}

TEST(a_world_that_cannot_be_made_leaves_nothing_behind)
{
    int64_t blocks = mem_blocks_open();
    CHECK(test_each_allocation_failing(build_a_world) > 4);
    CHECK_EQ(mem_blocks_open(), blocks);
}
