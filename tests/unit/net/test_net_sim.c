/*
 * Server and client in a simulated world, where bytes come in any pieces and at any time: echoes of
 * all sizes, streamed with back-pressure, while calls are cancelled and answers cut. Each call has
 * one end, an answer that ended is whole, and nothing is left over.
 */
#include <stdio.h>

#include "base/mem.h"
#include "loop/sim.h"
#include "net/client.h"
#include "net/server.h"
#include "peer.h"

enum {
    CALLS = 24,
    SEEDS = 150,
    BODY_MAX = 200000
};

struct town;

struct visit {
    struct http_call call;
    struct town *town;
    struct str body;
    char head[128];
    struct buf got;
    struct timer timer; /* something happens to the call */
    int ends;
    int failures;
    int cancelled;
    bool started;
};

/* An answer under way. */
struct echo {
    struct town *town;
    struct http_exchange *x;
    struct buf body;
    size_t at;
    struct timer timer; /* more is there */
};

struct town {
    struct sim *sim;
    struct loop *near; /* the client's */
    struct loop *far;  /* the server's */
    struct worker_pool *workers;
    struct lookup *lookup;
    struct upstream_pool *pool;
    struct http_server *server;
    struct address address;
    struct visit visits[CALLS];
    int echoes;
    int gone;
    int aborted;
};

static char town_text[BODY_MAX];

static uint64_t town_random(struct town *town, uint64_t below)
{
    return sim_random(town->sim) % below;
}

/* ---- the server -------------------------------------------------------------------------- */

static void echo_end(struct echo *echo)
{
    timer_stop(echo->town->far, &echo->timer);
    buf_fini(&echo->body);
    echo->town->echoes--;
    mem_free(echo);
}

static void echo_wait(struct echo *echo)
{
    int64_t at_ns = loop_now_ns(echo->town->far) + (int64_t)town_random(echo->town, 3000000);
    CHECK_EQ(timer_start(echo->town->far, &echo->timer, at_ns), ERR_OK);
}

static void echo_go(struct echo *echo)
{
    struct town *town = echo->town;
    struct http_exchange *x = echo->x;
    if (town_random(town, 40) == 0) {
        town->aborted++;
        echo_end(echo);
        http_exchange_abort(x);
        return;
    }
    size_t left = echo->body.len - echo->at;
    size_t size = town_random(town, 30000);
    size = size < left ? size : left;
    struct str part = { echo->body.ptr + echo->at, size };
    echo->at += size;
    if (size < left) {
        http_respond_body(x, &part, 1);
        if (http_respond_pending(x) <= HTTP_PENDING_LOW) {
            echo_wait(echo); /* else on_drained goes on */
        }
        return;
    }
    http_respond_last(x, &part, 1);
    echo_end(echo);
}

static void echo_on_timer(struct timer *timer)
{
    echo_go(EP_CONTAINER(timer, struct echo, timer));
}

static void town_on_request(struct http_exchange *x)
{
    struct town *town = http_server_owner(http_exchange_server(x));
    struct buf body;
    http_exchange_take_body(x, &body);
    if (town_random(town, 3) == 0) {
        http_respond(x, 200, STR_EMPTY, buf_str(&body));
        buf_fini(&body);
        return;
    }
    struct echo *echo = mem_zalloc(sizeof(*echo));
    CHECK(echo != NULL);
    echo->town = town;
    echo->x = x;
    echo->body = body;
    timer_init(&echo->timer, echo_on_timer);
    town->echoes++;
    http_exchange_own(x, echo);
    http_exchange_drop_head(x);
    http_respond_head(x, 200, STR_EMPTY);
    echo_wait(echo);
}

static void town_on_gone(struct http_exchange *x)
{
    struct echo *echo = http_exchange_owner(x);
    echo->town->gone++;
    echo_end(echo);
}

static void town_on_drained(struct http_exchange *x)
{
    echo_wait(http_exchange_owner(x));
}

static const struct http_events town_events = {
    .on_request = town_on_request,
    .on_gone = town_on_gone,
    .on_drained = town_on_drained,
};

/* ---- the client -------------------------------------------------------------------------- */

static void visit_begin(struct visit *visit)
{
    struct town *town = visit->town;
    size_t size = town_random(town, 2) == 0 ? town_random(town, 500) : town_random(town, BODY_MAX);
    visit->body = (struct str){ town_text, size };
    int len = snprintf(visit->head, sizeof(visit->head),
                       "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %zu\r\n\r\n", size);
    visit->call.head = (struct str){ visit->head, (size_t)len };
    visit->call.body = &visit->body;
    visit->call.body_count = 1;
    visit->call.host = STR("127.0.0.1");
    visit->call.port = test_port(&town->address);
    visit->started = true;
    http_call_start(town->pool, &visit->call);
}

static void visit_later(struct visit *visit, uint64_t within_ns)
{
    int64_t at_ns = loop_now_ns(visit->town->near) + (int64_t)town_random(visit->town, within_ns);
    CHECK_EQ(timer_start(visit->town->near, &visit->timer, at_ns), ERR_OK);
}

static void visit_on_timer(struct timer *timer)
{
    struct visit *visit = EP_CONTAINER(timer, struct visit, timer);
    struct town *town = visit->town;
    if (!visit->started) {
        visit_begin(visit);
    } else if (!http_call_is_open(&visit->call)) {
        return;
    } else if (town_random(town, 12) == 0) {
        visit->cancelled++;
        http_call_cancel(&visit->call);
        return;
    } else if (town_random(town, 2) == 0) {
        http_call_pause(&visit->call);
    } else {
        http_call_resume(&visit->call);
    }
    visit_later(visit, 20000000);
}

static struct visit *visit_of(struct http_call *call)
{
    return EP_CONTAINER(call, struct visit, call);
}

static void visit_on_head(struct http_call *call, const struct http1_head *head)
{
    (void)call;
    CHECK_EQ(head->status, 200);
}

static void visit_on_body(struct http_call *call, struct str data)
{
    struct visit *visit = visit_of(call);
    CHECK_EQ(buf_append(&visit->got, data), ERR_OK);
    if (town_random(visit->town, 200) == 0) {
        visit->cancelled++;
        http_call_cancel(call);
    }
}

static void visit_on_end(struct http_call *call)
{
    struct visit *visit = visit_of(call);
    visit->ends++;
    CHECK_STR(buf_str(&visit->got), visit->body);
}

static void visit_on_failed(struct http_call *call, enum err err, const struct fail *fail)
{
    struct visit *visit = visit_of(call);
    (void)fail;
    visit->failures++;
    CHECK(err == ERR_UPSTREAM_CUT);
    CHECK_STR(buf_str(&visit->got), str_slice(visit->body, 0, visit->got.len));
}

static const struct http_call_events visit_events = {
    .on_head = visit_on_head,
    .on_body = visit_on_body,
    .on_end = visit_on_end,
    .on_failed = visit_on_failed,
};

/* ---- the town ---------------------------------------------------------------------------- */

static void town_open(struct town *town, uint64_t seed)
{
    struct sim_options options = sim_options_default(seed);
    struct lookup_options names = lookup_options_default();
    struct upstream_pool_options pool = upstream_pool_options_default();
    struct http_server_options server = http_server_options_default();
    struct address any = test_address("127.0.0.1:0");
    *town = (struct town){ .echoes = 0 };
    options.window_bytes = 1000 + seed * 977 % 60000;
    pool.per_host_max = 1 + seed % 9;
    server.events = &town_events;
    server.owner = town;
    CHECK_EQ(sim_create(&options, &town->sim, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(town->sim, &town->near, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(town->sim, &town->far, NULL), ERR_OK);
    CHECK_EQ(worker_pool_create_sim(town->sim, 8, &town->workers, NULL), ERR_OK);
    CHECK_EQ(lookup_create(town->near, town->workers, &names, &town->lookup, NULL), ERR_OK);
    CHECK_EQ(upstream_pool_create(town->near, town->lookup, &pool, &town->pool, NULL), ERR_OK);
    CHECK_EQ(http_server_create(town->far, &server, &town->server, NULL), ERR_OK);
    CHECK_EQ(http_server_listen(town->server, &any, NULL, &town->address, NULL), ERR_OK);
    for (int i = 0; i < CALLS; i++) {
        struct visit *visit = &town->visits[i];
        visit->town = town;
        http_call_init(&visit->call, &visit_events);
        buf_init(&visit->got, BODY_MAX + 1);
        timer_init(&visit->timer, visit_on_timer);
        visit_later(visit, 300000000);
    }
}

static void town_close(struct town *town)
{
    for (int i = 0; i < CALLS; i++) {
        buf_fini(&town->visits[i].got);
    }
    upstream_pool_destroy(town->pool);
    http_server_destroy(town->server);
    worker_pool_destroy(town->workers);
    lookup_destroy(town->lookup);
    loop_destroy(town->near);
    loop_destroy(town->far);
    sim_destroy(town->sim);
}

static struct town town;

static uint64_t live(uint64_t seed, int totals[4])
{
    town_open(&town, seed);
    sim_run(town.sim, INT64_MAX); /* kept and idle connections expire in the end */
    for (int i = 0; i < CALLS; i++) {
        const struct visit *visit = &town.visits[i];
        CHECK_EQ(visit->ends + visit->failures + visit->cancelled, 1);
        totals[0] += visit->ends;
        totals[1] += visit->failures;
        totals[2] += visit->cancelled;
    }
    totals[3] += town.gone;
    CHECK_EQ(town.echoes, 0);
    CHECK_EQ(http_server_exchanges(town.server), 0);
    CHECK_EQ(http_server_connections(town.server), 0);
    CHECK_EQ(upstream_pool_connections(town.pool), 0);
    uint64_t history = sim_history(town.sim);
    town_close(&town);
    return history;
}

TEST(each_call_has_one_end_whatever_happens)
{
    int64_t blocks = mem_blocks_open();
    int totals[4] = { 0 };
    for (size_t i = 0; i < sizeof(town_text); i++) {
        town_text[i] = (char)('a' + i % 23);
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        (void)live(seed, totals);
        CHECK_EQ(mem_blocks_open(), blocks);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(totals); i++) {
        CHECK(totals[i] > 50); /* all of it has been seen */
    }
}

TEST(the_same_seed_gives_the_same_history)
{
    int totals[4] = { 0 };
    CHECK(live(5, totals) == live(5, totals));
    CHECK(live(5, totals) != live(6, totals));
}
