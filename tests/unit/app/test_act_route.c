#include "dispatch/dispatch.h"
#include "house.h"

static struct house house;

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
}

TEST(routes_are_listed_with_their_state)
{
    begin();
    CHECK_EQ(house_do(&house, "route list"), ACT_OK);
    CHECK(house_said(&house.out, "aurora-large-us"));
    CHECK(house_said(&house.out, "active"));
    CHECK(!house_said(&house.out, "quarantined"));
    CHECK_EQ(house_do(&house, "route history"), ACT_OK);
    CHECK(house_said(&house.out, "no route was quarantined"));
    CHECK_EQ(house_do(&house, "route history --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    house_end(&house);
}

/* One attempt at the route, of a server that runs. */
static void learn_something(struct dispatch *dispatch)
{
    const struct registry *registry = house.world->registry;
    const struct registry_product *product = &registry->products[0];
    const struct registry_model *model = product->models[0];
    const struct dispatch_ask ask = { .registry = registry, .product = product, .model = model };
    const struct health_lesson lesson = { .first_ns = INT64_C(345000000),
                                          .rest_ns = INT64_C(2000000000),
                                          .tokens_out = 142 };
    struct dispatch_place place;
    CHECK(dispatch_learn(dispatch, registry) == ERR_OK);
    CHECK(dispatch_pick(dispatch, &ask, &place) == ERR_OK);
    dispatch_give(&place, DISPATCH_FINE, &lesson, 0);
}

TEST(a_running_server_tells_what_it_has_learned_of_routes)
{
    struct dispatch *dispatch;
    begin();
    CHECK_EQ(house_do(&house, "route list --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"first_ms\":null"));
    CHECK(dispatch_create(&dispatch) == ERR_OK);
    learn_something(dispatch);
    house.world->dispatch = dispatch;
    CHECK_EQ(house_do(&house, "route list --json"), ACT_OK);
    CHECK(house_said(&house.out,
                     "\"failures\":0,\"first_ms\":345,\"tokens_s\":71,\"failing_percent\":0"));
    house.world->dispatch = NULL;
    dispatch_destroy(dispatch);
    house_end(&house);
}

TEST(an_operator_takes_a_route_out_and_puts_it_back_by_name)
{
    begin();
    CHECK_EQ(house_do(&house, "route quarantine aurora-large-us --why odd_answers --by Ada"),
             ACT_OK);
    CHECK(house_said(&house.out, "quarantined"));
    CHECK(quarantine_stands(house.world->quarantine, STR("aurora-large-us")));
    CHECK_EQ(house_do(&house, "route quarantine aurora-large-us --why again --by Ada"), ACT_FAILED);
    CHECK(house_said(&house.errors, "quarantined already"));
    CHECK_EQ(house_do(&house, "route list --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"state\":\"quarantined\",\"reason\":\"operator\""));
    house_close(&house);

    house_open(&house, WORLD_READ_ONLY); /* beside a server, or after one */
    CHECK_EQ(house_do(&house, "route list --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"state\":\"quarantined\""));
    house_close(&house);

    house_open(&house, WORLD_READ_WRITE);
    CHECK(quarantine_stands(house.world->quarantine, STR("aurora-large-us")));
    CHECK_EQ(house_do(&house, "route release aurora-large-us --why mended --by Ben"), ACT_OK);
    CHECK(!quarantine_stands(house.world->quarantine, STR("aurora-large-us")));
    CHECK_EQ(house_do(&house, "route list --json"), ACT_OK);
    CHECK(!house_said(&house.out, "quarantined"));
    CHECK_EQ(house_do(&house, "route history aurora-large-us --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"evidence\":\"odd_answers\",\"by\":\"Ada\""));
    CHECK(house_said(&house.out, "\"released_by\":\"Ben\",\"why\":\"mended\""));
    CHECK_EQ(house_do(&house, "route history aurora-small-us --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    house_end(&house);
}

TEST(what_is_missing_unknown_or_too_long_is_refused)
{
    char line[1000];
    char text[QUARANTINE_TEXT_MAX + 2];
    begin();
    CHECK_EQ(house_do(&house, "route quarantine --why x --by y"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "route quarantine near --why x --by y"), ACT_FAILED);
    CHECK(house_said(&house.errors, "no route \"near\""));
    CHECK_EQ(house_do(&house, "route quarantine aurora-large-us --by y"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "route quarantine aurora-large-us --why x"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "route release --why x --by y"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "route release aurora-large-us --by y"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "route release aurora-large-us --why x"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "route release aurora-large-us --why x --by y"), ACT_FAILED);
    CHECK(house_said(&house.errors, "not quarantined"));
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    (void)snprintf(line, sizeof(line), "route quarantine aurora-large-us --by y --why %s", text);
    CHECK_EQ(house_do(&house, line), ACT_USAGE);
    CHECK(!quarantine_stands(house.world->quarantine, STR("aurora-large-us")));
    house_end(&house);
}
