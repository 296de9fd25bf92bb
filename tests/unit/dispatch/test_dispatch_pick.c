#include <pthread.h>
#include <string.h>

#include "dispatch/dispatch.h"
#include "harness.h"

#define MS     INT64_C(1000000)
#define S      INT64_C(1000000000)
#define ROUTES 4

/* Routes a, b, c, d of one model, each at a party and a credential of its own, the later the
 * dearer. */
struct world {
    struct registry_party parties[ROUTES];
    struct registry_credential credentials[ROUTES];
    struct registry_price prices[ROUTES];
    struct registry_route routes[ROUTES];
    const struct registry_route *served[ROUTES];
    struct registry_model model;
    const struct registry_model *sold[1];
    struct registry_product product;
    struct registry registry;
    struct dispatch *dispatch;
    struct dispatch_ask ask;
    struct dispatch_explanation told;
};

static void world_init(struct world *world)
{
    static const char *const ids[ROUTES] = { "a", "b", "c", "d" };
    static const char *const parties[ROUTES] = { "acme", "bolt", "cord", "dune" };
    memset(world, 0, sizeof(*world));
    for (size_t i = 0; i < ROUTES; i++) {
        world->parties[i].id = str_from(parties[i]);
        world->credentials[i] =
            (struct registry_credential){ .id = str_from(ids[i]), .max_concurrent = 1000 };
        world->prices[i].pico[REGISTRY_CLASS_IN] = (int64_t)i + 1;
        world->prices[i].pico[REGISTRY_CLASS_OUT] = 10 * ((int64_t)i + 1);
        world->prices[i].known[REGISTRY_CLASS_IN] = true;
        world->prices[i].known[REGISTRY_CLASS_OUT] = true;
        world->routes[i] = (struct registry_route){ .id = str_from(ids[i]),
                                                    .upstream_party = &world->parties[i],
                                                    .model = &world->model,
                                                    .credential = &world->credentials[i],
                                                    .contract = &world->prices[i],
                                                    .weight = 1 };
        world->served[i] = &world->routes[i];
    }
    world->model =
        (struct registry_model){ .id = STR("m"), .routes = world->served, .route_count = ROUTES };
    world->sold[0] = &world->model;
    world->product = (struct registry_product){ .models = world->sold, .model_count = 1 };
    world->registry = (struct registry){ .routes = world->routes,
                                         .route_count = ROUTES,
                                         .credentials = world->credentials,
                                         .credential_count = ROUTES };
    world->ask = (struct dispatch_ask){ .registry = &world->registry,
                                        .product = &world->product,
                                        .model = &world->model,
                                        .now_ns = S };
    CHECK(dispatch_create(&world->dispatch) == ERR_OK);
    CHECK(dispatch_learn(world->dispatch, &world->registry) == ERR_OK);
}

/* The route that is picked, a..d; '-': none; '!': none by preference. What is explained is what is
 * done. */
static char pick(struct world *world, struct dispatch_place *ret_place)
{
    dispatch_explain(world->dispatch, &world->ask, &world->told);
    enum err err = dispatch_pick(world->dispatch, &world->ask, ret_place);
    CHECK_EQ(world->told.err, err);
    if (err != ERR_OK) {
        CHECK(err == ERR_NO_ROUTE || err == ERR_PREFERENCE);
        return err == ERR_PREFERENCE ? '!' : '-';
    }
    for (size_t i = 0; i < world->told.count; i++) {
        bool chosen = world->told.candidates[i].why == DISPATCH_WHY_CHOSEN;
        CHECK_EQ(chosen, world->told.candidates[i].route == ret_place->route);
        CHECK_EQ(chosen, world->told.candidates[i].rank == 1);
    }
    return ret_place->route->id.ptr[0];
}

/* Picked and given back at once. */
static char look(struct world *world)
{
    struct dispatch_place place;
    char id = pick(world, &place);
    if (id != '-' && id != '!') {
        dispatch_give(&place, DISPATCH_NEUTRAL, NULL, world->ask.now_ns);
    }
    return id;
}

static enum dispatch_why why(const struct world *world, char id)
{
    return world->told.candidates[id - 'a'].why;
}

/* An attempt at one route ends so. */
static void teach(struct world *world, char id, enum dispatch_outcome outcome,
                  struct health_lesson lesson)
{
    struct dispatch_ask ask = world->ask;
    struct dispatch_place place;
    ask.tried = ~(UINT64_C(1) << (id - 'a'));
    ask.preference = NULL;
    ask.tokens_in = ask.tokens_out = 0;
    CHECK(dispatch_pick(world->dispatch, &ask, &place) == ERR_OK);
    dispatch_give(&place, outcome, &lesson, world->ask.now_ns);
}

#define NAMES(...)                                                           \
    {                                                                        \
        (const struct str[]){ __VA_ARGS__ },                                 \
            sizeof((const struct str[]){ __VA_ARGS__ }) / sizeof(struct str) \
    }

TEST(the_price_is_of_what_the_call_will_use)
{
    struct world world;
    world_init(&world);
    world.prices[0].pico[REGISTRY_CLASS_IN] = 1;
    world.prices[0].pico[REGISTRY_CLASS_OUT] = 100;
    world.prices[1].pico[REGISTRY_CLASS_IN] = 10;
    world.prices[1].pico[REGISTRY_CLASS_OUT] = 10;
    world.prices[2].pico_call = 5000;
    world.prices[2].pico[REGISTRY_CLASS_IN] = world.prices[2].pico[REGISTRY_CLASS_OUT] = 1;
    world.prices[3].pico[REGISTRY_CLASS_IN] = world.prices[3].pico[REGISTRY_CLASS_OUT] = 50;
    world.ask.tokens_in = 100;
    world.ask.tokens_out = 1;
    CHECK_EQ(look(&world), 'a');
    CHECK(world.told.candidates[0].cost_pico == 200);
    world.ask.tokens_out = 100;
    CHECK_EQ(look(&world), 'b');
    world.ask.tokens_out = 1000;
    CHECK_EQ(look(&world), 'c');
    CHECK(world.told.candidates[2].cost_pico == 6100);
    world.ask.tokens_in = INT64_MAX; /* out of all proportion, and negative: nothing overflows */
    world.ask.tokens_out = INT64_MIN;
    world.prices[0].pico[REGISTRY_CLASS_IN] = INT64_MAX;
    CHECK_EQ(look(&world), 'c');
    dispatch_destroy(world.dispatch);
}

TEST(preferences_are_kept_and_the_lack_of_a_route_is_theirs)
{
    struct world world;
    world_init(&world);
    struct preference preference = { .only = NAMES(STR("cord"), STR("d")) };
    world.ask.preference = &preference;
    CHECK_EQ(look(&world), 'c');
    CHECK_EQ(why(&world, 'a'), DISPATCH_WHY_EXCLUDED);
    CHECK_EQ(world.told.candidates[0].rule, PREFERENCE_RULE_ONLY);
    CHECK_EQ(why(&world, 'd'), DISPATCH_WHY_WORSE);
    CHECK_EQ(world.told.candidates[3].rank, 2);
    world.ask.closed = 4;
    CHECK_EQ(look(&world), 'd');
    world.ask.closed = 12; /* the law has what the preference would leave */
    CHECK_EQ(look(&world), '!');
    world.ask.closed = 15;
    CHECK_EQ(look(&world), '-'); /* that is not the preference's doing */
    world.ask.closed = 0;
    world.ask.tried = 12;
    CHECK_EQ(look(&world), '-'); /* nor is that */
    CHECK_EQ(why(&world, 'c'), DISPATCH_WHY_TRIED);
    dispatch_destroy(world.dispatch);
}

TEST(an_order_is_followed_and_the_rest_comes_after_it)
{
    struct world world;
    world_init(&world);
    struct preference preference = { .order = NAMES(STR("dune"), STR("b")) };
    world.ask.preference = &preference;
    CHECK_EQ(look(&world), 'd');
    CHECK_EQ(world.told.candidates[1].rank, 2);
    CHECK_EQ(world.told.candidates[0].rank, 3);
    CHECK_EQ(world.told.candidates[2].rank, 4);
    world.ask.tried = 10;
    CHECK_EQ(look(&world), 'a');
    preference.no_fallbacks = true;
    CHECK_EQ(look(&world), '-');
    CHECK_EQ(why(&world, 'a'), DISPATCH_WHY_EXCLUDED);
    CHECK_EQ(world.told.candidates[0].rule, PREFERENCE_RULE_ALLOW_FALLBACKS);
    world.ask.tried = 0;
    CHECK_EQ(look(&world), 'd');
    preference.order = (struct preference_names)NAMES(STR("nobody"));
    CHECK_EQ(look(&world), '!');
    dispatch_destroy(world.dispatch);
}

TEST(without_fallbacks_the_first_choice_is_the_only_one)
{
    struct world world;
    world_init(&world);
    struct preference preference = { .no_fallbacks = true };
    world.ask.preference = &preference;
    CHECK_EQ(look(&world), 'a');
    CHECK_EQ(why(&world, 'b'), DISPATCH_WHY_EXCLUDED);
    world.credentials[0].max_concurrent = 0;
    CHECK_EQ(look(&world), '-'); /* full, and nobody else may step in */
    CHECK_EQ(why(&world, 'a'), DISPATCH_WHY_FULL);
    preference.ignore = (struct preference_names)NAMES(STR("a"));
    CHECK_EQ(look(&world), 'b');
    world.ask.tried = 2;
    CHECK_EQ(look(&world), '-');
    CHECK_EQ(why(&world, 'b'), DISPATCH_WHY_TRIED);
    CHECK_EQ(why(&world, 'c'), DISPATCH_WHY_EXCLUDED);
    dispatch_destroy(world.dispatch);
}

TEST(the_soonest_and_the_fastest_are_found_by_what_was_learned)
{
    struct world world;
    world_init(&world);
    struct preference preference = { .sort = PREFERENCE_SORT_LATENCY };
    world.ask.preference = &preference;
    for (char id = 'a'; id <= 'd'; id++) {
        int64_t n = id - 'a' + 1;
        teach(&world, id, DISPATCH_FINE,
              (struct health_lesson){ .first_ns = (5 - n) * 200 * MS, /* d begins soonest */
                                      .rest_ns = S,
                                      .tokens_out = id == 'b' ? 300 : 100 });
    }
    CHECK_EQ(look(&world), 'd');
    CHECK_EQ(world.told.candidates[3].first_us, 200001);
    preference.sort = PREFERENCE_SORT_THROUGHPUT;
    CHECK_EQ(look(&world), 'b');
    CHECK_EQ(world.told.candidates[1].millitokens, 300000);
    preference.sort = PREFERENCE_SORT_PRICE;
    CHECK_EQ(look(&world), 'a');
    dispatch_destroy(world.dispatch);
}

TEST(one_call_at_a_time_goes_to_where_nothing_is_known)
{
    struct world world;
    world_init(&world);
    struct preference preference = { .sort = PREFERENCE_SORT_LATENCY };
    struct dispatch_place place;
    world.ask.preference = &preference;
    for (char id = 'a'; id <= 'c'; id++) {
        teach(&world, id, DISPATCH_FINE, (struct health_lesson){ .first_ns = 300 * MS });
    }
    CHECK_EQ(pick(&world, &place), 'd');
    CHECK(look(&world) != 'd');
    dispatch_give(&place, DISPATCH_FINE, &(struct health_lesson){ .first_ns = 5 * S },
                  world.ask.now_ns);
    CHECK(look(&world) != 'd');
    /* Long after, it may have become better: one call finds out. */
    for (int i = 0; i < 200 && look(&world) != 'd'; i++) {
        world.ask.now_ns += S;
        for (char id = 'a'; id <= 'c'; id++) {
            teach(&world, id, DISPATCH_FINE, (struct health_lesson){ .first_ns = 300 * MS });
        }
    }
    CHECK(world.ask.now_ns > 60 * S && world.ask.now_ns < 200 * S);
    CHECK_EQ(pick(&world, &place), 'd');
    CHECK(look(&world) != 'd');
    dispatch_give(&place, DISPATCH_NEUTRAL, NULL, world.ask.now_ns);
    dispatch_destroy(world.dispatch);
}

TEST(energy_ranks_where_it_is_known_and_else_the_price)
{
    struct world world;
    world_init(&world);
    struct preference preference = { .sort = PREFERENCE_SORT_ENERGY };
    const int64_t known[ROUTES] = { -1, 900, 400, -1 };
    const int64_t unknown[ROUTES] = { -1, -1, -1, -1 };
    world.ask.preference = &preference;
    CHECK_EQ(look(&world), 'a');
    world.ask.energy_uj = unknown;
    CHECK_EQ(look(&world), 'a');
    CHECK_EQ(world.told.sort, PREFERENCE_SORT_PRICE);
    world.ask.energy_uj = known;
    CHECK_EQ(look(&world), 'c');
    CHECK_EQ(world.told.sort, PREFERENCE_SORT_ENERGY);
    CHECK_EQ(world.told.candidates[1].rank, 2);
    CHECK_EQ(world.told.candidates[0].energy_uj, -1);
    dispatch_destroy(world.dispatch);
}

TEST(equals_share_by_load_and_weights_by_lot)
{
    struct world world;
    struct dispatch_place places[400];
    size_t taken[ROUTES] = { 0 };
    world_init(&world);
    for (size_t i = 1; i < ROUTES; i++) {
        world.prices[i] = world.prices[0];
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(places); i++) {
        world.ask.chance = i;
        taken[pick(&world, &places[i]) - 'a']++;
        CHECK(world.told.candidates[3].near);
    }
    for (size_t i = 0; i < ROUTES; i++) {
        CHECK(taken[i] >= 95 && taken[i] <= 105);
        taken[i] = 0;
    }
    struct preference preference = { .sort = PREFERENCE_SORT_WEIGHT };
    world.ask.preference = &preference;
    world.routes[2].weight = 17;
    for (size_t i = 0; i < 2000; i++) {
        world.ask.chance = i;
        taken[look(&world) - 'a']++;
    }
    CHECK(taken[2] > 1600 && taken[2] < 1800); /* 17 of 20 */
    CHECK(taken[0] > 50 && taken[1] > 50 && taken[3] > 50);
    for (size_t i = 0; i < EP_ARRAY_LEN(places); i++) {
        dispatch_give(&places[i], DISPATCH_FINE, NULL, S);
    }
    dispatch_destroy(world.dispatch);
}

TEST(a_key_goes_to_its_route_among_equals_alone)
{
    struct world world;
    world_init(&world);
    world.ask.affinity = 77;
    CHECK_EQ(look(&world), 'a'); /* the cheapest has no equal */
    struct preference preference = { .near_percent = 300 };
    world.ask.preference = &preference;
    char own = look(&world);
    for (uint64_t i = 0; i < 50; i++) {
        world.ask.chance = i;
        CHECK_EQ(look(&world), own);
        CHECK(world.told.candidates[own - 'a'].affine);
    }
    world.ask.closed = UINT64_C(1) << (own - 'a'); /* no key opens what the law closed */
    CHECK(look(&world) != own);
    dispatch_destroy(world.dispatch);
}

TEST(what_fails_too_often_is_asked_last)
{
    struct world world;
    world_init(&world);
    for (int i = 0; i < 60; i++) {
        teach(&world, 'a', i % 3 == 0 ? DISPATCH_FAILED : DISPATCH_FINE,
              (struct health_lesson){ .error = i % 3 == 0 ? HEALTH_ERROR_STATUS : 0 });
    }
    CHECK_EQ(look(&world), 'b');
    CHECK(world.told.candidates[0].ailing);
    CHECK_EQ(world.told.candidates[0].rank, ROUTES); /* but asked */
    world.ask.now_ns += 2 * HEALTH_HALF_LIFE_NS;
    CHECK_EQ(look(&world), 'a');
    dispatch_destroy(world.dispatch);
}

TEST(each_hindrance_has_its_name_and_its_end)
{
    struct world world;
    struct registry_pool pool = { .id = STR("p"), .max_concurrent = 0 };
    struct dispatch_place place;
    world_init(&world);
    world.registry.pools = &pool;
    world.registry.pool_count = 1;
    CHECK(dispatch_learn(world.dispatch, &world.registry) == ERR_OK);
    world.routes[3].pool = &pool;
    for (int i = 0; i < HEALTH_FAILURES_MAX; i++) {
        teach(&world, 'a', DISPATCH_FAILED, (struct health_lesson){ .error = HEALTH_ERROR_CUT });
    }
    teach(&world, 'b', DISPATCH_FAILED,
          (struct health_lesson){ .error = HEALTH_ERROR_BUSY, .retry_after_ns = 9 * S });
    teach(&world, 'c', DISPATCH_FINE,
          (struct health_lesson){ .tokens = { .known = true, .left = 50, .reset_ns = 8 * S } });
    world.ask.tokens_in = 51;
    CHECK_EQ(look(&world), '-');
    CHECK_EQ(why(&world, 'a'), DISPATCH_WHY_OPEN);
    CHECK_EQ(world.told.candidates[0].until_ns, S + HEALTH_OPEN_NS);
    CHECK_EQ(why(&world, 'b'), DISPATCH_WHY_RESTING);
    CHECK_EQ(world.told.candidates[1].until_ns, 10 * S);
    CHECK_EQ(why(&world, 'c'), DISPATCH_WHY_SPENT);
    CHECK_EQ(world.told.candidates[2].until_ns, 9 * S);
    CHECK_EQ(why(&world, 'd'), DISPATCH_WHY_POOL_FULL);
    world.ask.tokens_in = 50;
    CHECK_EQ(look(&world), 'c'); /* which spends them */
    CHECK_EQ(look(&world), '-');
    world.ask.now_ns = S + HEALTH_OPEN_NS;
    CHECK_EQ(pick(&world, &place), 'a');
    CHECK(place.probe);
    CHECK_EQ(look(&world), '-');
    CHECK_EQ(why(&world, 'a'), DISPATCH_WHY_PROBED);
    dispatch_give(&place, DISPATCH_FINE, NULL, world.ask.now_ns);
    CHECK_EQ(pick(&world, &place), 'a'); /* it is back, and takes one at first, */
    CHECK(!place.probe);
    pool.max_concurrent = 9;
    CHECK_EQ(look(&world), 'd');
    CHECK_EQ(why(&world, 'a'), DISPATCH_WHY_RETURNING);
    CHECK_EQ(world.told.candidates[0].rank, 2);
    pool.max_concurrent = 0;
    CHECK_EQ(look(&world), 'a'); /* but more where nobody else does */
    dispatch_give(&place, DISPATCH_FINE, NULL, world.ask.now_ns);
    world.routes[0].id = STR("stranger");
    CHECK_EQ(look(&world), '-');
    CHECK_EQ(why(&world, 'a'), DISPATCH_WHY_UNKNOWN);
    world.routes[0].state = REGISTRY_ROUTE_SUSPENDED;
    CHECK_EQ(look(&world), '-');
    CHECK_EQ(why(&world, 'a'), DISPATCH_WHY_SUSPENDED);
    world.ask.closed = 1;
    CHECK_EQ(look(&world), '-');
    CHECK_EQ(why(&world, 'a'), DISPATCH_WHY_CLOSED);
    CHECK_STR(dispatch_why_name(DISPATCH_WHY_OPEN), STR("breaker_open"));
    dispatch_destroy(world.dispatch);
}

TEST(a_late_probe_sends_calls_elsewhere_until_an_answer_comes_in_time)
{
    struct world world;
    world_init(&world);
    for (int i = 0; i < 20; i++) {
        teach(&world, 'a', DISPATCH_FINE, (struct health_lesson){ .first_ns = 300 * MS });
    }
    for (int i = 0; i < 8; i++) {
        teach(&world, 'a', DISPATCH_FINE, (struct health_lesson){ .first_ns = 3 * S });
    }
    CHECK_EQ(look(&world), 'b'); /* slow as never, though the cheapest */
    CHECK(world.told.candidates[0].ailing);
    int64_t from = world.ask.now_ns;
    while (look(&world) == 'b') {
        world.ask.now_ns += S;
    }
    CHECK(world.ask.now_ns - from >= HEALTH_HALF_LIFE_NS / 2);
    CHECK(world.ask.now_ns - from <= 2 * HEALTH_HALF_LIFE_NS);
    struct dispatch_place place;
    CHECK_EQ(pick(&world, &place), 'a'); /* one call at a time finds out */
    CHECK_EQ(look(&world), 'b');
    dispatch_give(&place, DISPATCH_FINE, &(struct health_lesson){ .first_ns = 300 * MS },
                  world.ask.now_ns);
    teach(&world, 'a', DISPATCH_FINE, (struct health_lesson){ .first_ns = 300 * MS });
    CHECK_EQ(look(&world), 'a');
    dispatch_destroy(world.dispatch);
}

TEST(a_stream_that_begins_teaches_at_once_and_only_once)
{
    struct world world;
    struct dispatch_place place;
    struct dispatch_place other;
    struct dispatch_health health;
    world_init(&world);
    for (int i = 0; i < HEALTH_FAILURES_MAX; i++) {
        teach(&world, 'a', DISPATCH_FAILED, (struct health_lesson){ .error = HEALTH_ERROR_CUT });
    }
    world.ask.now_ns += HEALTH_OPEN_NS;
    CHECK_EQ(pick(&world, &place), 'a');
    CHECK(place.probe);
    CHECK_EQ(look(&world), 'b');
    struct health_lesson lesson = { .first_ns = 200 * MS };
    dispatch_begin(&place, &lesson, world.ask.now_ns); /* the probe goes on for a long time */
    CHECK(dispatch_health(world.dispatch, STR("a"), &health));
    CHECK_EQ(health.first_us, 200001);
    CHECK_EQ(health.cool_until_ns, 0);
    CHECK_EQ(look(&world), 'b'); /* the one that a returning route takes is under way */
    world.ask.tried = 14;
    CHECK_EQ(pick(&world, &other), 'a');
    dispatch_begin(&other, &lesson, world.ask.now_ns);
    world.ask.tried = 0;
    CHECK_EQ(look(&world), 'b'); /* two of two */
    dispatch_give(&other, DISPATCH_FINE, NULL, world.ask.now_ns);
    CHECK_EQ(look(&world), 'a');
    lesson.first_ns = 900 * MS; /* was told before */
    lesson.rest_ns = 60 * S;
    lesson.tokens_out = 600;
    lesson.error = HEALTH_ERROR_CUT;
    dispatch_give(&place, DISPATCH_FAILED, &lesson, world.ask.now_ns);
    CHECK(dispatch_health(world.dispatch, STR("a"), &health));
    CHECK_EQ(health.first_us, 200001);
    CHECK_EQ(health.millitokens, 10000);
    CHECK_EQ(health.failures, 1);
    dispatch_destroy(world.dispatch);
}

TEST(what_an_operator_sees_is_what_was_learned)
{
    struct world world;
    struct dispatch_health health;
    world_init(&world);
    teach(&world, 'a', DISPATCH_FINE,
          (struct health_lesson){ .first_ns = 100 * MS, .rest_ns = S, .tokens_out = 80 });
    teach(&world, 'a', DISPATCH_FAILED, (struct health_lesson){ .error = HEALTH_ERROR_TIMEOUT });
    CHECK(dispatch_health(world.dispatch, STR("a"), &health));
    CHECK_EQ(health.first_us, 100001);
    CHECK_EQ(health.first_late_us, 0); /* of one alone nobody can tell */
    CHECK_EQ(health.millitokens, 80000);
    CHECK_EQ(health.errors_ppm, 62500);
    CHECK_EQ(health.errors[HEALTH_ERROR_TIMEOUT], 1000);
    CHECK_EQ(health.cool_until_ns, 0);
    teach(&world, 'a', DISPATCH_FAILED,
          (struct health_lesson){ .error = HEALTH_ERROR_BUSY, .retry_after_ns = 2 * S });
    CHECK(dispatch_health(world.dispatch, STR("a"), &health));
    CHECK_EQ(health.cool_until_ns, 3 * S);
    world.ask.now_ns = 4 * S;
    CHECK_EQ(look(&world), 'a');
    CHECK(dispatch_health(world.dispatch, STR("a"), &health));
    CHECK_EQ(health.cool_until_ns, 0);
    for (int i = 0; i < HEALTH_BEGINS_MIN; i++) {
        teach(&world, 'a', DISPATCH_FINE, (struct health_lesson){ .first_ns = 100 * MS });
    }
    CHECK(dispatch_health(world.dispatch, STR("a"), &health));
    CHECK(health.first_late_us > 90000 && health.first_late_us < 120000);
    CHECK_EQ(dispatch_route_begins(world.dispatch, STR("a"), false, 95),
             health.first_late_us * 1000);
    CHECK_EQ(dispatch_route_begins(world.dispatch, STR("a"), true, 95), 0);
    CHECK_EQ(dispatch_route_begins(world.dispatch, STR("nobody"), false, 95), 0);
    dispatch_destroy(world.dispatch);
}

/* ---- worlds made by chance ----------------------------------------------------------------- */

static uint64_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* A life of 300 calls; returns a digest of every choice. */
static uint64_t random_life(uint64_t seed)
{
    struct world world;
    struct dispatch_place place;
    uint64_t random = seed;
    uint64_t digest = 0;
    const struct str names[] = { STR("a"), STR("bolt"), STR("c"), STR("dune") };
    world_init(&world);
    for (int i = 0; i < 300; i++) {
        struct preference preference = {
            .sort = (enum preference_sort)(random_next(&random) % PREFERENCE_SORT_COUNT),
            .only = { names, random_next(&random) % 4 == 0 ? 2 : 0 },
            .ignore = { names + 1, random_next(&random) % 8 == 0 ? 3 : 0 },
            .order = { names + 2, random_next(&random) % 3 == 0 ? 1 : 0 },
            .no_fallbacks = random_next(&random) % 8 == 0,
            .near_percent = random_next(&random) % 3 * 200,
        };
        world.ask.preference = random_next(&random) % 4 == 0 ? NULL : &preference;
        world.ask.closed = random_next(&random) & random_next(&random) & 15;
        world.ask.tried = random_next(&random) & random_next(&random) & 15;
        world.ask.chance = random_next(&random);
        world.ask.affinity = random_next(&random) % 3;
        world.ask.tokens_in = (int64_t)(random_next(&random) % 4000);
        world.ask.now_ns += (int64_t)(random_next(&random) % 900) * MS;
        char id = pick(&world, &place);
        digest = digest * 31 + (uint64_t)id;
        if (id == '-' || id == '!') {
            continue;
        }
        uint64_t bit = UINT64_C(1) << (id - 'a');
        CHECK_EQ((world.ask.closed | world.ask.tried) & bit, 0);
        CHECK(world.ask.preference == NULL ||
              preference_judge(&preference, place.route) == PREFERENCE_RULE_NONE);
        struct health_lesson lesson = {
            .error = (enum health_error)(random_next(&random) % HEALTH_ERROR_COUNT),
            .first_ns = (int64_t)(random_next(&random) % 3000) * MS,
            .rest_ns = (int64_t)(random_next(&random) % 9000) * MS,
            .tokens_out = (int64_t)(random_next(&random) % 1000),
            .tokens = { true, (int64_t)(random_next(&random) % 20000), 40000, 60 * S },
        };
        if (random_next(&random) % 2 == 0) {
            dispatch_begin(&place, &lesson, world.ask.now_ns);
        }
        dispatch_give(&place, (enum dispatch_outcome)(random_next(&random) % 3), &lesson,
                      world.ask.now_ns);
    }
    dispatch_destroy(world.dispatch);
    return digest;
}

TEST(no_choice_is_inadmissible_and_the_same_seed_makes_the_same_ones)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        CHECK_EQ(random_life(seed), random_life(seed));
    }
    CHECK(random_life(1) != random_life(2));
}

/* ---- threads ------------------------------------------------------------------------------- */

#define WORKERS 4
#define ROUNDS  10000

static void *live(void *arg)
{
    struct world *world = arg;
    struct preference preference = { .sort = PREFERENCE_SORT_LATENCY };
    uint64_t random = (uint64_t)(uintptr_t)&preference;
    for (int i = 0; i < ROUNDS; i++) {
        struct dispatch_ask ask = world->ask;
        struct dispatch_place place;
        ask.now_ns = S + i * MS;
        ask.chance = random_next(&random);
        ask.affinity = random_next(&random) % 4;
        ask.preference = i % 2 == 0 ? &preference : NULL;
        if (dispatch_pick(world->dispatch, &ask, &place) != ERR_OK) {
            continue;
        }
        uint64_t chance = random_next(&random) % 8;
        struct health_lesson lesson = { .error = chance == 0 ? HEALTH_ERROR_BUSY : 0,
                                        .first_ns = (int64_t)chance * MS,
                                        .requests = { true, (int64_t)chance * 100, 0, S } };
        if (i % 3 == 0) {
            dispatch_begin(&place, &lesson, ask.now_ns);
        }
        dispatch_give(&place, chance < 2 ? DISPATCH_FAILED : DISPATCH_FINE, &lesson, ask.now_ns);
        if (i % 100 == 0) {
            struct dispatch_explanation told;
            struct dispatch_health health;
            dispatch_explain(world->dispatch, &ask, &told);
            CHECK(dispatch_health(world->dispatch, STR("a"), &health));
        }
    }
    return NULL;
}

TEST(threads_choose_and_teach_at_once)
{
    struct world world;
    pthread_t workers[WORKERS];
    world_init(&world);
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(pthread_create(&workers[i], NULL, live, &world) == 0);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(pthread_join(workers[i], NULL) == 0);
    }
    for (size_t i = 0; i < ROUTES; i++) {
        struct dispatch_health health;
        CHECK(dispatch_health(world.dispatch, world.routes[i].id, &health));
        CHECK_EQ(health.under_way, 0);
    }
    dispatch_destroy(world.dispatch);
}
