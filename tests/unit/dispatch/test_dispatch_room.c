#include <string.h>

#include "dispatch/dispatch.h"
#include "harness.h"

#define S INT64_C(1000000000)

/* One route with one credential in one pool. */
struct world {
    struct registry_party party;
    struct registry_credential credential;
    struct registry_pool pool;
    struct registry_price price;
    struct registry_route route;
    const struct registry_route *served[1];
    struct registry_model model;
    const struct registry_model *sold[1];
    struct registry_product product;
    struct registry registry;
    struct dispatch *dispatch;
    struct dispatch_ask ask;
};

static void world_init(struct world *world)
{
    memset(world, 0, sizeof(*world));
    world->party.id = STR("p");
    world->credential = (struct registry_credential){ .id = STR("c"), .max_concurrent = 100 };
    world->pool = (struct registry_pool){ .id = STR("p"), .max_concurrent = 100 };
    world->route = (struct registry_route){ .id = STR("r"),
                                            .upstream_party = &world->party,
                                            .model = &world->model,
                                            .credential = &world->credential,
                                            .pool = &world->pool,
                                            .contract = &world->price,
                                            .weight = 1 };
    world->served[0] = &world->route;
    world->model =
        (struct registry_model){ .id = STR("m"), .routes = world->served, .route_count = 1 };
    world->sold[0] = &world->model;
    world->product = (struct registry_product){ .models = world->sold, .model_count = 1 };
    world->registry = (struct registry){ .routes = &world->route,
                                         .route_count = 1,
                                         .credentials = &world->credential,
                                         .credential_count = 1,
                                         .pools = &world->pool,
                                         .pool_count = 1 };
    world->ask = (struct dispatch_ask){ .registry = &world->registry,
                                        .product = &world->product,
                                        .model = &world->model,
                                        .now_ns = S };
    CHECK(dispatch_create(&world->dispatch) == ERR_OK);
    CHECK(dispatch_learn(world->dispatch, &world->registry) == ERR_OK);
}

static enum err pick(struct world *world, int64_t tokens, struct dispatch_place *ret_place)
{
    world->ask.capacity_tokens = tokens;
    return dispatch_pick(world->dispatch, &world->ask, ret_place);
}

static enum dispatch_why why(struct world *world, int64_t *ret_until_ns)
{
    struct dispatch_explanation told;
    dispatch_explain(world->dispatch, &world->ask, &told);
    *ret_until_ns = told.candidates[0].until_ns;
    return told.candidates[0].why;
}

/* An end: what was used in truth; -1: nobody knows. */
static void end(struct world *world, struct dispatch_place *place, enum dispatch_outcome outcome,
                int64_t used)
{
    const struct health_lesson late = { .first_ns = S };
    place->used_tokens = used;
    dispatch_give(place, outcome, outcome == DISPATCH_OVERTAKEN ? &late : NULL, world->ask.now_ns);
}

TEST(a_minutes_tokens_are_given_and_come_again_evenly)
{
    struct world world;
    struct dispatch_place place;
    int64_t until = 0;
    for (int of_pool = 0; of_pool < 2; of_pool++) {
        world_init(&world);
        *(of_pool != 0 ? &world.pool.tokens_per_minute : &world.credential.tokens_per_minute) =
            6000;
        for (int i = 0; i < 6; i++) {
            CHECK(pick(&world, 1000, &place) == ERR_OK);
            end(&world, &place, DISPATCH_FINE, -1); /* a place is free again, its tokens are gone */
        }
        CHECK(pick(&world, 1, &place) == ERR_NO_ROUTE);
        CHECK_EQ(why(&world, &until),
                 of_pool != 0 ? DISPATCH_WHY_POOL_TOKENS : DISPATCH_WHY_TOKENS);
        CHECK_EQ(until, S + S / 100); /* a hundred a second */
        world.ask.now_ns = until - 1;
        CHECK(pick(&world, 1, &place) == ERR_NO_ROUTE);
        world.ask.now_ns = until;
        CHECK(pick(&world, 1, &place) == ERR_OK);
        end(&world, &place, DISPATCH_FINE, -1);
        world.ask.now_ns = 100 * S;
        CHECK(pick(&world, 6000, &place) == ERR_OK); /* a long rest gives a minute's, no more */
        CHECK_EQ(why(&world, &until),
                 of_pool != 0 ? DISPATCH_WHY_POOL_TOKENS : DISPATCH_WHY_TOKENS);
        end(&world, &place, DISPATCH_FINE, 6000);
        dispatch_destroy(world.dispatch);
    }
}

TEST(what_was_used_in_truth_takes_the_place_of_what_was_taken)
{
    static const struct {
        enum dispatch_outcome outcome;
        bool begun;
        int64_t used;
        int64_t left; /* of 6000, after 3000 were taken */
    } cases[] = {
        { DISPATCH_FINE, true, 500, 5500 },     { DISPATCH_FINE, true, 4000, 2000 },
        { DISPATCH_FINE, true, -1, 3000 },      { DISPATCH_FINE, false, 0, 6000 },
        { DISPATCH_FAILED, false, -1, 6000 },   { DISPATCH_FAILED, false, 700, 6000 },
        { DISPATCH_NEUTRAL, false, -1, 6000 },  { DISPATCH_FAILED, true, 700, 5300 },
        { DISPATCH_NEUTRAL, true, -1, 3000 },   { DISPATCH_NEUTRAL, false, 700, 5300 },
        { DISPATCH_NEUTRAL, false, 0, 6000 },   { DISPATCH_OVERTAKEN, false, 700, 5300 },
        { DISPATCH_OVERTAKEN, false, 0, 6000 }, { DISPATCH_OVERTAKEN, false, -1, 3000 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct world world;
        struct dispatch_place place;
        struct dispatch_place rest;
        world_init(&world);
        world.credential.tokens_per_minute = 6000;
        world.pool.tokens_per_minute = 6000;
        CHECK(pick(&world, 3000, &place) == ERR_OK);
        if (cases[i].begun) {
            dispatch_begin(&place, &(struct health_lesson){ .first_ns = S }, S);
        }
        end(&world, &place, cases[i].outcome, cases[i].used);
        if (cases[i].left < 6000) { /* else it is full, and gives any number */
            CHECK(pick(&world, cases[i].left + 1, &rest) == ERR_NO_ROUTE);
        }
        CHECK(pick(&world, cases[i].left, &rest) == ERR_OK);
        end(&world, &rest, DISPATCH_NEUTRAL, -1);
        dispatch_destroy(world.dispatch);
    }
}

TEST(what_came_again_by_itself_is_not_given_back_once_more)
{
    struct world world;
    struct dispatch_place first;
    struct dispatch_place second;
    world_init(&world);
    world.pool.tokens_per_minute = 6000;
    CHECK(pick(&world, 3000, &first) == ERR_OK);
    world.ask.now_ns = 31 * S; /* all 3000 have come again */
    CHECK(pick(&world, 6000, &second) == ERR_OK);
    end(&world, &first, DISPATCH_FAILED, -1);
    CHECK(pick(&world, 1, &first) == ERR_NO_ROUTE);
    end(&world, &second, DISPATCH_NEUTRAL, -1);
    dispatch_destroy(world.dispatch);
}

TEST(a_call_above_a_minutes_worth_goes_when_the_bucket_is_full_and_owes)
{
    struct world world;
    struct dispatch_place place;
    int64_t until = 0;
    world_init(&world);
    world.pool.tokens_per_minute = 6000;
    CHECK(pick(&world, 100, &place) == ERR_OK);
    end(&world, &place, DISPATCH_FINE, 100);
    CHECK(pick(&world, 9000, &place) == ERR_NO_ROUTE);
    CHECK_EQ(why(&world, &until), DISPATCH_WHY_POOL_TOKENS);
    CHECK_EQ(until, 2 * S);
    world.ask.now_ns = until;
    CHECK(pick(&world, 9000, &place) == ERR_OK);
    end(&world, &place, DISPATCH_FINE, 9000);
    world.ask.now_ns += 30 * S;
    CHECK(pick(&world, 1, &place) == ERR_NO_ROUTE);
    world.ask.now_ns += S;
    CHECK(pick(&world, 1, &place) == ERR_OK);
    end(&world, &place, DISPATCH_NEUTRAL, -1);
    dispatch_destroy(world.dispatch);
}

/* The race of two for a pool's last: the look saw room, the taking finds none. A probe that another
 * has taken is the same. */
TEST(who_is_refused_has_taken_nothing)
{
    struct world world;
    struct dispatch_place place;
    world_init(&world);
    world.credential.tokens_per_minute = 6000;
    world.pool.max_concurrent = 0;
    CHECK(pick(&world, 6000, &place) == ERR_NO_ROUTE);
    world.pool.max_concurrent = 1;
    CHECK(pick(&world, 6000, &place) == ERR_OK);
    end(&world, &place, DISPATCH_NEUTRAL, -1);
    world.pool.tokens_per_minute = 100;
    CHECK(pick(&world, 100, &place) == ERR_OK);
    end(&world, &place, DISPATCH_FINE, 100);
    CHECK(pick(&world, 100, &place) == ERR_NO_ROUTE);
    world.pool.tokens_per_minute = 0;
    CHECK(pick(&world, 5900, &place) == ERR_OK);
    end(&world, &place, DISPATCH_NEUTRAL, -1);
    dispatch_destroy(world.dispatch);
}

/* State is by id: a registry that is read again finds the buckets as they were. */
TEST(a_reload_gives_no_tokens)
{
    struct world world;
    struct dispatch_place place;
    world_init(&world);
    world.credential.tokens_per_minute = 6000;
    CHECK(pick(&world, 6000, &place) == ERR_OK);
    end(&world, &place, DISPATCH_FINE, 6000);
    CHECK(dispatch_learn(world.dispatch, &world.registry) == ERR_OK);
    CHECK(pick(&world, 1, &place) == ERR_NO_ROUTE);
    world.credential.tokens_per_minute = 12000; /* what is owed is time: it takes as long */
    world.ask.now_ns += 30 * S;
    CHECK(pick(&world, 6000, &place) == ERR_OK);
    end(&world, &place, DISPATCH_FINE, 6000);
    CHECK(pick(&world, 1, &place) == ERR_NO_ROUTE);
    world.credential.tokens_per_minute = 0;
    CHECK(pick(&world, 1, &place) == ERR_OK);
    world.credential.tokens_per_minute = 6000; /* and was taken when there was no limit */
    end(&world, &place, DISPATCH_FINE, 5000);
    dispatch_destroy(world.dispatch);
}
