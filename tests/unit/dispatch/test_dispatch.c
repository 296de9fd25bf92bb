#include "dispatch/dispatch.h"

#include <pthread.h>

#include "base/mem.h"
#include "harness.h"

#define SECOND INT64_C(1000000000)

/* A registry made by hand: routes a, b, c of one model at two credentials. */
struct world {
    struct registry_credential credentials[2];
    struct registry_price prices[3];
    struct registry_route routes[3];
    const struct registry_route *served[3];
    struct registry_model model;
    const struct registry_model *sold[1];
    struct registry_product product;
    struct registry registry;
    struct dispatch *dispatch;
};

static void world_price(struct world *world, size_t at, int64_t in, int64_t out)
{
    world->prices[at].pico[REGISTRY_CLASS_IN] = in;
    world->prices[at].pico[REGISTRY_CLASS_OUT] = out;
}

static void world_init(struct world *world)
{
    static const char *const ids[] = { "a", "b", "c" };
    *world = (struct world){ 0 };
    world->credentials[0] = (struct registry_credential){ .id = STR("a"), .max_concurrent = 2 };
    world->credentials[1] = (struct registry_credential){ .id = STR("k2"), .max_concurrent = 100 };
    for (size_t i = 0; i < 3; i++) {
        world->routes[i] = (struct registry_route){
            .id = str_from(ids[i]),
            .model = &world->model,
            .credential = &world->credentials[i == 0 ? 0 : 1],
            .contract = &world->prices[i],
        };
        world->served[i] = &world->routes[i];
        world_price(world, i, (int64_t)i + 1, 10);
    }
    world->model =
        (struct registry_model){ .id = STR("m"), .routes = world->served, .route_count = 3 };
    world->sold[0] = &world->model;
    world->product = (struct registry_product){ .models = world->sold, .model_count = 1 };
    world->registry = (struct registry){ .routes = world->routes,
                                         .route_count = 3,
                                         .credentials = world->credentials,
                                         .credential_count = 2 };
    CHECK(dispatch_create(&world->dispatch) == ERR_OK);
    CHECK(dispatch_learn(world->dispatch, &world->registry) == ERR_OK);
}

/* The picked route's id, or "-". */
static struct str world_pick(struct world *world, uint64_t tried, int64_t now_ns,
                             struct dispatch_place *ret_place)
{
    struct dispatch_ask ask = { .registry = &world->registry,
                                .product = &world->product,
                                .model = &world->model,
                                .tried = tried,
                                .now_ns = now_ns };
    enum err err = dispatch_pick(world->dispatch, &ask, ret_place);
    CHECK(err == ERR_OK || err == ERR_NO_ROUTE);
    return err == ERR_OK ? ret_place->route->id : STR("-");
}

/* One attempt at "a". */
static void world_try(struct world *world, enum dispatch_outcome outcome, int64_t now_ns)
{
    struct dispatch_place place;
    CHECK_STR(world_pick(world, 6, now_ns, &place), STR("a"));
    dispatch_give(&place, outcome, NULL, now_ns);
}

TEST(the_cheapest_route_is_taken_and_then_the_next)
{
    struct world world;
    world_init(&world);
    struct dispatch_place places[3];
    CHECK_STR(world_pick(&world, 0, 0, &places[0]), STR("a"));
    CHECK_EQ(places[0].bit, 1);
    CHECK_STR(world_pick(&world, 1, 0, &places[1]), STR("b"));
    CHECK_STR(world_pick(&world, 3, 0, &places[2]), STR("c"));
    struct dispatch_place none;
    CHECK_STR(world_pick(&world, 7, 0, &none), STR("-"));
    for (size_t i = 0; i < 3; i++) {
        dispatch_give(&places[i], DISPATCH_FINE, NULL, 0);
    }
    dispatch_destroy(world.dispatch);
}

TEST(input_weighs_three_times_and_ties_go_to_the_smaller_id)
{
    struct world world;
    world_init(&world);
    world_price(&world, 0, 2, 4); /* 10 */
    world_price(&world, 1, 1, 6); /* 9 */
    world_price(&world, 2, 3, 0); /* 9 */
    struct dispatch_place place;
    CHECK_STR(world_pick(&world, 0, 0, &place), STR("b"));
    dispatch_give(&place, DISPATCH_FINE, NULL, 0);
    CHECK_STR(world_pick(&world, 2, 0, &place), STR("c"));
    dispatch_give(&place, DISPATCH_FINE, NULL, 0);
    world_price(&world, 2, INT64_MAX, INT64_MAX);
    CHECK_STR(world_pick(&world, 3, 0, &place), STR("c"));
    dispatch_give(&place, DISPATCH_FINE, NULL, 0);
    dispatch_destroy(world.dispatch);
}

TEST(a_suspended_route_is_never_taken)
{
    struct world world;
    world_init(&world);
    world.routes[0].state = REGISTRY_ROUTE_SUSPENDED;
    struct dispatch_place place;
    CHECK_STR(world_pick(&world, 0, 0, &place), STR("b"));
    dispatch_give(&place, DISPATCH_FINE, NULL, 0);
    CHECK_STR(world_pick(&world, 6, 0, &place), STR("-"));
    dispatch_destroy(world.dispatch);
}

TEST(a_full_credential_sends_calls_to_the_next_route)
{
    struct world world;
    world_init(&world);
    struct dispatch_place places[3];
    CHECK_STR(world_pick(&world, 0, 0, &places[0]), STR("a"));
    CHECK_STR(world_pick(&world, 0, 0, &places[1]), STR("a"));
    CHECK_STR(world_pick(&world, 0, 0, &places[2]), STR("b"));
    dispatch_give(&places[0], DISPATCH_NEUTRAL, NULL, 0);
    CHECK_STR(world_pick(&world, 0, 0, &places[0]), STR("a"));
    for (size_t i = 0; i < 3; i++) {
        dispatch_give(&places[i], DISPATCH_FINE, NULL, 0);
    }
    dispatch_destroy(world.dispatch);
}

TEST(a_full_pool_gives_back_the_place_at_the_credential)
{
    struct world world;
    struct registry_pool pools[1] = { { .id = STR("a"), .max_concurrent = 1 } };
    struct dispatch_place places[3];
    world_init(&world);
    world.routes[0].pool = &pools[0];
    CHECK(str_eq(world_pick(&world, 0, 0, &places[0]), STR("b"))); /* the pool is not known yet */
    dispatch_give(&places[0], DISPATCH_FINE, NULL, 0);
    world.registry.pools = pools;
    world.registry.pool_count = 1;
    CHECK(dispatch_learn(world.dispatch, &world.registry) == ERR_OK);
    CHECK(str_eq(world_pick(&world, 0, 0, &places[0]), STR("a")));
    for (int i = 0; i < 3; i++) { /* the credential has two places: none is lost */
        CHECK(str_eq(world_pick(&world, 0, 0, &places[1]), STR("b")));
        dispatch_give(&places[1], DISPATCH_FINE, NULL, 0);
    }
    pools[0].max_concurrent = 2;
    CHECK(str_eq(world_pick(&world, 0, 0, &places[1]), STR("a")));
    dispatch_give(&places[0], DISPATCH_FAILED, NULL, 0);
    CHECK(str_eq(world_pick(&world, 0, 0, &places[0]), STR("a")));
    dispatch_give(&places[0], DISPATCH_FINE, NULL, 0);
    dispatch_give(&places[1], DISPATCH_FINE, NULL, 0);
    dispatch_destroy(world.dispatch);
}

TEST(failures_in_a_row_cool_a_route_down)
{
    struct world world;
    world_init(&world);
    struct dispatch_health health;
    for (int i = 1; i < HEALTH_FAILURES_MAX; i++) {
        world_try(&world, DISPATCH_FAILED, SECOND);
    }
    world_try(&world, DISPATCH_NEUTRAL, SECOND);
    CHECK(dispatch_health(world.dispatch, STR("a"), &health));
    CHECK_EQ(health.failures, HEALTH_FAILURES_MAX - 1);
    CHECK_EQ(health.cool_until_ns, 0);
    world_try(&world, DISPATCH_FINE, SECOND); /* starts the row anew */
    for (int i = 0; i < HEALTH_FAILURES_MAX; i++) {
        world_try(&world, DISPATCH_FAILED, SECOND);
    }
    struct dispatch_place place;
    CHECK_STR(world_pick(&world, 0, SECOND, &place), STR("b"));
    dispatch_give(&place, DISPATCH_FINE, NULL, SECOND);
    int64_t end = SECOND + HEALTH_OPEN_NS;
    CHECK_STR(world_pick(&world, 0, end - 1, &place), STR("b"));
    dispatch_give(&place, DISPATCH_FINE, NULL, end - 1);
    /* One more failure after the rest is enough for the next rest, one success ends it. */
    CHECK_STR(world_pick(&world, 0, end, &place), STR("a"));
    dispatch_give(&place, DISPATCH_FAILED, NULL, end);
    CHECK_STR(world_pick(&world, 6, end, &place), STR("-"));
    end += 2 * HEALTH_OPEN_NS; /* the second rest is twice the first */
    CHECK_STR(world_pick(&world, 6, end - 1, &place), STR("-"));
    CHECK_STR(world_pick(&world, 6, end, &place), STR("a"));
    dispatch_give(&place, DISPATCH_FINE, NULL, end);
    CHECK(dispatch_health(world.dispatch, STR("a"), &health));
    CHECK_EQ(health.failures, 0);
    CHECK_EQ(health.under_way, 0);
    dispatch_destroy(world.dispatch);
}

TEST(what_is_known_outlives_a_registry_and_strangers_are_not_picked)
{
    struct world world;
    world_init(&world);
    for (int i = 0; i < HEALTH_FAILURES_MAX; i++) {
        world_try(&world, DISPATCH_FAILED, 0);
    }
    CHECK(dispatch_learn(world.dispatch, &world.registry) == ERR_OK);
    struct dispatch_place place;
    CHECK_STR(world_pick(&world, 6, 1, &place), STR("-"));
    world.routes[1].id = STR("new");
    CHECK_STR(world_pick(&world, 4, 1, &place), STR("-"));
    CHECK(dispatch_learn(world.dispatch, &world.registry) == ERR_OK);
    CHECK_STR(world_pick(&world, 4, 1, &place), STR("new"));
    dispatch_give(&place, DISPATCH_FINE, NULL, 1);
    struct dispatch_health health;
    CHECK(!dispatch_health(world.dispatch, STR("k2"), &health)); /* a credential is no route */
    dispatch_destroy(world.dispatch);
    dispatch_destroy(NULL);
}

static void create_and_learn(void)
{
    static const struct registry_route routes[] = { { .id = STR_INIT("a") },
                                                    { .id = STR_INIT("b") } };
    struct registry registry = { .routes = routes, .route_count = 2 };
    struct dispatch *dispatch = NULL;
    if (dispatch_create(&dispatch) == ERR_OK) {
        enum err err = dispatch_learn(dispatch, &registry);
        CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    }
    dispatch_destroy(dispatch);
}

TEST(running_out_of_memory_leaks_nothing)
{
    CHECK_EQ(test_each_allocation_failing(create_and_learn), 5);
}

#define WORKERS 4
#define ROUNDS  20000

static void *pick_and_give(void *arg)
{
    struct world *world = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct dispatch_place place;
        struct dispatch_ask ask = { .registry = &world->registry,
                                    .product = &world->product,
                                    .model = &world->model };
        if (dispatch_pick(world->dispatch, &ask, &place) == ERR_OK) {
            dispatch_give(&place, DISPATCH_FINE, NULL, 0);
        }
        if (i % 1000 == 0) {
            EP_IGNORE(dispatch_learn(world->dispatch, &world->registry));
        }
    }
    return NULL;
}

TEST(threads_that_pick_at_once_give_every_place_back)
{
    struct world world;
    world_init(&world);
    pthread_t workers[WORKERS];
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(pthread_create(&workers[i], NULL, pick_and_give, &world) == 0);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(pthread_join(workers[i], NULL) == 0);
    }
    static const char *const ids[] = { "a", "b", "c" };
    for (size_t i = 0; i < EP_ARRAY_LEN(ids); i++) {
        struct dispatch_health health;
        CHECK(dispatch_health(world.dispatch, str_from(ids[i]), &health));
        CHECK_EQ(health.under_way, 0);
    }
    dispatch_destroy(world.dispatch);
}
