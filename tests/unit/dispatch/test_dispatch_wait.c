#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/stamp.h"
#include "dispatch/dispatch.h"
#include "harness.h"

#define S INT64_C(1000000000)

/* Two routes, each with a credential, both in one pool; and a third of another model there. */
struct world {
    struct registry_party party;
    struct registry_credential credentials[3];
    struct registry_pool pools[2];
    struct registry_price price;
    struct registry_route routes[3];
    const struct registry_route *served[2];
    const struct registry_route *served_too[1];
    struct registry_model models[2];
    const struct registry_model *sold[2];
    struct registry_product product;
    struct registry registry;
    struct dispatch *dispatch;
};

static void world_init(struct world *world)
{
    static const char *const ids[] = { "a", "b", "c" };
    memset(world, 0, sizeof(*world));
    world->party.id = STR("p");
    world->pools[0] = (struct registry_pool){ .id = STR("p"), .max_concurrent = 2 };
    world->pools[1] = (struct registry_pool){ .id = STR("q"), .max_concurrent = 2 };
    for (size_t i = 0; i < 3; i++) {
        world->credentials[i] =
            (struct registry_credential){ .id = str_from(ids[i]), .max_concurrent = 100 };
        world->routes[i] = (struct registry_route){ .id = str_from(ids[i]),
                                                    .upstream_party = &world->party,
                                                    .model = &world->models[i / 2],
                                                    .credential = &world->credentials[i],
                                                    .pool = &world->pools[0],
                                                    .contract = &world->price,
                                                    .weight = 1 };
    }
    world->served[0] = &world->routes[0];
    world->served[1] = &world->routes[1];
    world->served_too[0] = &world->routes[2];
    world->models[0] =
        (struct registry_model){ .id = STR("m"), .routes = world->served, .route_count = 2 };
    world->models[1] =
        (struct registry_model){ .id = STR("n"), .routes = world->served_too, .route_count = 1 };
    world->sold[0] = &world->models[0];
    world->sold[1] = &world->models[1];
    world->product = (struct registry_product){ .models = world->sold, .model_count = 2 };
    world->registry = (struct registry){ .routes = world->routes,
                                         .route_count = 3,
                                         .credentials = world->credentials,
                                         .credential_count = 3,
                                         .pools = world->pools,
                                         .pool_count = 2 };
    CHECK(dispatch_create(&world->dispatch) == ERR_OK);
    CHECK(dispatch_learn(world->dispatch, &world->registry) == ERR_OK);
}

static struct dispatch_ask ask_of(struct world *world, size_t model)
{
    return (struct dispatch_ask){ .registry = &world->registry,
                                  .product = &world->product,
                                  .model = &world->models[model],
                                  .now_ns = S,
                                  .capacity_tokens = 100 };
}

/* A call that may wait. */
struct caller {
    struct dispatch_ask ask;
    struct dispatch_spot spot;
    struct dispatch_place place;
};

static void caller_init(struct caller *caller, struct world *world, size_t model, char client)
{
    memset(caller, 0, sizeof(*caller));
    caller->ask = ask_of(world, model);
    caller->ask.spot = &caller->spot;
    caller->spot.client.bytes[0] = (unsigned char)client;
}

/* 'p': it has a place; 'w': it waits; '-': there is nothing to wait for. */
static char try(struct world *world, struct caller *caller)
{
    if (dispatch_pick(world->dispatch, &caller->ask, &caller->place) == ERR_OK) {
        dispatch_leave(world->dispatch, &caller->spot);
        return 'p';
    }
    return dispatch_wait(world->dispatch, &caller->ask, &caller->spot) ? 'w' : '-';
}

static void end(struct world *world, struct caller *caller)
{
    dispatch_give(&caller->place, DISPATCH_FINE, NULL, S);
    (void)world;
}

TEST(who_comes_later_leaves_a_place_to_each_that_waits)
{
    struct world world;
    struct caller callers[6];
    struct dispatch_place place;
    world_init(&world);
    for (size_t i = 0; i < EP_ARRAY_LEN(callers); i++) {
        caller_init(&callers[i], &world, i == 5 ? 1 : 0, (char)('1' + i));
    }
    CHECK_EQ(try(&world, &callers[0]), 'p');
    CHECK_EQ(try(&world, &callers[1]), 'p');
    CHECK_EQ(try(&world, &callers[2]), 'w');
    CHECK_EQ(try(&world, &callers[3]), 'w');
    end(&world, &callers[0]);
    /* One is free: for the first in line, and neither for the second, nor for who comes now, be it
     * for the other model of the same pool. */
    struct dispatch_ask fresh = ask_of(&world, 0);
    struct dispatch_ask other = ask_of(&world, 1);
    CHECK(dispatch_pick(world.dispatch, &fresh, &place) == ERR_NO_ROUTE);
    CHECK(dispatch_pick(world.dispatch, &other, &place) == ERR_NO_ROUTE);
    CHECK_EQ(try(&world, &callers[3]), 'w');
    CHECK_EQ(try(&world, &callers[5]), 'w');
    CHECK_EQ(try(&world, &callers[2]), 'p');
    CHECK_EQ(try(&world, &callers[3]), 'w');
    end(&world, &callers[1]);
    end(&world, &callers[2]);
    /* Two are free and two wait: whichever tries first. */
    CHECK(dispatch_pick(world.dispatch, &fresh, &place) == ERR_NO_ROUTE);
    CHECK_EQ(try(&world, &callers[5]), 'p');
    CHECK(dispatch_pick(world.dispatch, &fresh, &place) == ERR_NO_ROUTE);
    CHECK_EQ(try(&world, &callers[3]), 'p');
    end(&world, &callers[5]);
    CHECK(dispatch_pick(world.dispatch, &fresh, &place) == ERR_OK); /* nobody waits any more */
    dispatch_give(&place, DISPATCH_FINE, NULL, S);
    end(&world, &callers[3]);
    dispatch_destroy(world.dispatch);
}

TEST(what_yields_leaves_its_place_to_all_others)
{
    struct world world;
    struct caller callers[4];
    world_init(&world);
    for (size_t i = 0; i < EP_ARRAY_LEN(callers); i++) {
        caller_init(&callers[i], &world, 0, (char)('1' + i));
    }
    callers[2].ask.yields = true;
    CHECK_EQ(try(&world, &callers[0]), 'p');
    CHECK_EQ(try(&world, &callers[1]), 'p');
    CHECK_EQ(try(&world, &callers[2]), 'w');
    end(&world, &callers[0]);
    CHECK_EQ(try(&world, &callers[3]), 'p'); /* it has not waited, and goes before */
    CHECK_EQ(try(&world, &callers[2]), 'w');
    caller_init(&callers[0], &world, 0, '9');
    CHECK_EQ(try(&world, &callers[0]), 'w');
    end(&world, &callers[1]);
    CHECK_EQ(try(&world, &callers[2]), 'w'); /* behind who came later */
    CHECK_EQ(try(&world, &callers[0]), 'p');
    end(&world, &callers[0]);
    CHECK_EQ(try(&world, &callers[2]), 'p');
    end(&world, &callers[2]);
    end(&world, &callers[3]);
    dispatch_destroy(world.dispatch);
}

TEST(tokens_are_left_to_who_waits_for_them)
{
    struct world world;
    struct caller large;
    struct caller small;
    struct dispatch_place place;
    world_init(&world);
    world.pools[0].tokens_per_minute = 6000;
    world.pools[0].max_concurrent = 100;
    struct dispatch_ask first = ask_of(&world, 0);
    first.capacity_tokens = 3000;
    CHECK(dispatch_pick(world.dispatch, &first, &place) == ERR_OK);
    dispatch_give(&place, DISPATCH_FINE, NULL, S);
    caller_init(&large, &world, 0, '1');
    large.ask.capacity_tokens = 5000;
    caller_init(&small, &world, 0, '2');
    CHECK_EQ(try(&world, &large), 'w');
    CHECK_EQ(try(&world, &small), 'w'); /* there are 3000, which the large one needs */
    large.ask.now_ns = small.ask.now_ns = 20 * S;
    CHECK_EQ(try(&world, &small), 'w');
    large.ask.now_ns = small.ask.now_ns = 21 * S;
    CHECK_EQ(try(&world, &large), 'p');
    CHECK_EQ(try(&world, &small), 'w');
    small.ask.now_ns = 22 * S;
    CHECK_EQ(try(&world, &small), 'p');
    end(&world, &large);
    end(&world, &small);
    dispatch_destroy(world.dispatch);
}

TEST(nobody_waits_for_what_is_out_or_closed)
{
    struct world world;
    struct caller callers[3];
    world_init(&world);
    for (size_t i = 0; i < EP_ARRAY_LEN(callers); i++) {
        caller_init(&callers[i], &world, 0, (char)('1' + i));
    }
    CHECK_EQ(try(&world, &callers[0]), 'p');
    CHECK_EQ(try(&world, &callers[1]), 'p');
    callers[2].ask.closed = 3;
    CHECK_EQ(try(&world, &callers[2]), '-');
    callers[2].ask.closed = 1;
    CHECK_EQ(try(&world, &callers[2]), 'w');
    callers[2].ask.closed = 3; /* it ended while it waited */
    CHECK_EQ(try(&world, &callers[2]), '-');
    CHECK(!callers[2].spot.stands);
    callers[2].ask.closed = 0;
    callers[2].ask.tried = 3;
    CHECK_EQ(try(&world, &callers[2]), '-');
    end(&world, &callers[0]);
    end(&world, &callers[1]);
    dispatch_leave(world.dispatch, &callers[2].spot); /* once more does no harm */
    dispatch_destroy(world.dispatch);
}

/* ---- cheap hours -------------------------------------------------------------------------- */

static int64_t at(const char *text)
{
    int64_t ns = 0;
    CHECK(stamp_parse(str_from(text), &ns));
    return ns;
}

#define NOON "2026-11-26T12:00:00Z"

static const struct registry_tariff_window noon_ends[] = {
    { .days = 127, .from = 11 * 60, .until = 12 * 60 + 5, .percent = 300 },
    { .days = 127, .from = 12 * 60 + 10, .until = 13 * 60, .percent = 50 },
};

TEST(the_cheapest_instant_is_found_where_the_call_may_go)
{
    struct world world;
    world_init(&world);
    const struct preference energy = { .sort = PREFERENCE_SORT_ENERGY };
    const struct preference price = { .sort = PREFERENCE_SORT_PRICE };
    int64_t joules[] = { 1000, 2500 };
    struct dispatch_ask ask = ask_of(&world, 0);
    ask.wall_ns = at(NOON);
    ask.preference = &energy;
    ask.energy_uj = joules;
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T13:00:00Z")), at(NOON)); /* no tariff */
    world.pools[1].tariff = (struct registry_tariff){ .windows = noon_ends, .window_count = 2 };
    world.routes[0].pool = &world.pools[1];
    /* 3000 now, or 2500 at the other: neither is 1000 in five minutes, nor 500 in ten. */
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T12:04:59Z")), at(NOON));
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T12:05:00Z")), at("2026-11-26T12:05:00Z"));
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T12:09:59Z")), at("2026-11-26T12:05:00Z"));
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T18:00:00Z")), at("2026-11-26T12:10:00Z"));
    ask.wall_ns = at("2026-11-26T12:30:00Z");
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T18:00:00Z")), ask.wall_ns);
    ask.wall_ns = at(NOON);
    joules[1] = 400; /* the other one is better at any hour */
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T18:00:00Z")), at(NOON));
    ask.closed = 2; /* and not open to this call */
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T18:00:00Z")), at("2026-11-26T12:10:00Z"));
    ask.closed = 1;
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T18:00:00Z")), at(NOON));
    ask.closed = 0;
    joules[1] = 2500;
    ask.preference = &price;
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T18:00:00Z")), at(NOON));
    ask.preference = &energy;
    joules[0] = -1; /* nobody knows what it takes there */
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T18:00:00Z")), at(NOON));
    ask.energy_uj = NULL;
    CHECK_EQ(dispatch_cheapest_at(&ask, at("2026-11-26T18:00:00Z")), at(NOON));
    dispatch_destroy(world.dispatch);
}

TEST(a_tariff_ranks_by_energy_and_by_price_where_it_scales_that)
{
    struct world world;
    struct dispatch_explanation told;
    world_init(&world);
    const struct preference energy = { .sort = PREFERENCE_SORT_ENERGY };
    const int64_t joules[] = { 1000, 2500 };
    world.price.pico[REGISTRY_CLASS_IN] = 10;
    world.pools[1].tariff = (struct registry_tariff){ .windows = noon_ends, .window_count = 2 };
    world.routes[0].pool = &world.pools[1];
    struct dispatch_ask ask = ask_of(&world, 0);
    ask.preference = &energy;
    ask.energy_uj = joules;
    ask.tokens_in = 100;
    dispatch_explain(world.dispatch, &ask, &told); /* no clock: no tariff */
    CHECK_EQ(told.candidates[0].why, DISPATCH_WHY_CHOSEN);
    ask.wall_ns = at(NOON);
    dispatch_explain(world.dispatch, &ask, &told);
    CHECK_EQ(told.candidates[1].why, DISPATCH_WHY_CHOSEN);
    CHECK_EQ(told.candidates[0].tariff_percent, 300);
    CHECK_EQ(told.candidates[0].energy_uj, 1000);
    CHECK_EQ(dispatch_candidate_energy(&told.candidates[0]), 3000);
    CHECK_EQ(dispatch_candidate_energy(&told.candidates[1]), 2500);
    CHECK(told.candidates[0].cost_pico == 1000);
    ask.wall_ns = at("2026-11-26T12:05:00Z");
    dispatch_explain(world.dispatch, &ask, &told);
    CHECK_EQ(told.candidates[0].why, DISPATCH_WHY_CHOSEN);
    ask.preference = NULL;
    ask.wall_ns = at(NOON);
    world.pools[1].tariff.scales_price = true;
    dispatch_explain(world.dispatch, &ask, &told);
    CHECK_EQ(told.candidates[1].why, DISPATCH_WHY_CHOSEN);
    CHECK(told.candidates[0].cost_pico == 3000 && told.candidates[1].cost_pico == 1000);
    dispatch_destroy(world.dispatch);
}

/* ---- threads ------------------------------------------------------------------------------ */

#define THREADS 4
#define ROUNDS  2000

struct thread {
    pthread_t thread;
    struct world *world;
    _Atomic uint64_t *served; /* calls so far, of all */
    uint64_t client;
    int passed; /* calls of this, while which more were served than may pass it */
};

/* One thread's calls come, wait by trying again and again, and end at once. */
static void *live(void *arg)
{
    struct thread *thread = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct caller caller;
        caller_init(&caller, thread->world, 0, (char)thread->client);
        uint64_t before = 0;
        char tried = try(thread->world, &caller);
        CHECK(tried != '-');
        if (tried == 'w') {
            before = atomic_load(thread->served);
            while (try(thread->world, &caller) != 'p') {
            }
            uint64_t waited = atomic_load(thread->served) - before;
            thread->passed += waited > 2 * THREADS;
        }
        atomic_fetch_add(thread->served, 1);
        end(thread->world, &caller);
    }
    return NULL;
}

/* Whatever the threads do, a call is passed by those alone that stood before it and those that had
 * a place; but for one whose thread the machine puts aside between its look and its step. */
TEST(no_thread_starves_another)
{
    struct world world;
    struct thread threads[THREADS];
    _Atomic uint64_t served = 0;
    world_init(&world);
    world.pools[0].max_concurrent = 1;
    for (size_t i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){ .world = &world, .served = &served, .client = i + 1 };
        CHECK(pthread_create(&threads[i].thread, NULL, live, &threads[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i].thread, NULL) == 0);
        CHECK(threads[i].passed <= ROUNDS / 100);
    }
    CHECK_EQ(atomic_load(&served), THREADS * ROUNDS);
    dispatch_destroy(world.dispatch);
}

static void create(void)
{
    struct dispatch *dispatch = NULL;
    if (dispatch_create(&dispatch) == ERR_OK) {
        dispatch_destroy(dispatch);
    }
}

TEST(a_line_without_memory_leaks_nothing)
{
    CHECK_EQ(test_each_allocation_failing(create), 3);
}
