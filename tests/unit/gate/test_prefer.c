#include "gate/prefer.h"

#include "harness.h"

#define CLIENT STR("0123456789abcdef")
#define SYSTEM "{\"role\":\"system\",\"content\":\"you are terse\"}"
#define FIRST  "{\"role\":\"user\",\"content\":\"hello\"}"

static uint64_t affinity_of(const char *messages)
{
    return prefer_affinity(CLIENT, STR("m"), str_from(messages));
}

TEST(a_conversation_keeps_its_key_as_it_grows)
{
    uint64_t key = affinity_of("[" SYSTEM "," FIRST "]");
    CHECK(key != 0);
    CHECK(key == affinity_of("[" SYSTEM ", " FIRST ",{\"role\":\"assistant\",\"content\":\"hi\"},"
                             "{\"role\":\"user\",\"content\":\"more\"}]"));
    CHECK(affinity_of("[" FIRST "]") == affinity_of("[" FIRST "," SYSTEM "," FIRST "]"));
}

TEST(other_conversations_clients_and_models_have_others)
{
    uint64_t key = affinity_of("[" SYSTEM "," FIRST "]");
    CHECK(key != affinity_of("[" FIRST "]"));
    CHECK(key != affinity_of("[" SYSTEM ",{\"role\":\"user\",\"content\":\"hellp\"}]"));
    CHECK(key != prefer_affinity(STR("0123456789abcdeg"), STR("m"), STR("[" SYSTEM "," FIRST "]")));
    CHECK(key != prefer_affinity(CLIENT, STR("n"), STR("[" SYSTEM "," FIRST "]")));
}

/* Messages need not be well-formed for a key; and a shorter text is not as one with zeros. */
TEST(whatever_stands_there_has_a_key)
{
    CHECK(affinity_of("[0]") != 0);
    CHECK(affinity_of("[0]") != affinity_of("[1]"));
    CHECK(affinity_of("[\"x\"]") != affinity_of("[\"xx\"]"));
    CHECK(affinity_of("[{}]") != affinity_of("[{},{}]"));
}

/* Of a prompt of megabytes its beginning is told apart. */
TEST(long_prompts_are_told_apart_by_their_beginning)
{
    static char one[65536];
    static char two[65536];
    memset(one, 'a', sizeof(one));
    memcpy(one, "[\"", 2);
    memcpy(one + sizeof(one) - 2, "\"]", 2);
    memcpy(two, one, sizeof(two));
    two[60000] = 'b';
    struct str first = { one, sizeof(one) };
    struct str second = { two, sizeof(two) };
    CHECK(prefer_affinity(CLIENT, STR("m"), first) == prefer_affinity(CLIENT, STR("m"), second));
    two[2000] = 'b';
    CHECK(prefer_affinity(CLIENT, STR("m"), first) != prefer_affinity(CLIENT, STR("m"), second));
}

/* ---- what is preferred --------------------------------------------------------------------- */

static struct arena arena;
static struct preference wanted;

static void build(const char *provider, const struct registry_dispatch *product)
{
    struct ask_provider given;
    const char *param = NULL;
    struct fail fail;
    arena_fini(&arena);
    arena_init(&arena, 256, 65536);
    CHECK(ask_read_provider(str_from(provider), &given, &param, &fail) == ERR_OK);
    CHECK(prefer_build(&given, product, &arena, &wanted) == ERR_OK);
}

TEST(what_the_client_says_stands_in_for_the_products_word)
{
    static const struct str own[] = { STR_INIT("p1"), STR_INIT("p2") };
    struct registry_dispatch product = { .sort = REGISTRY_SORT_WEIGHT,
                                         .order = { .items = own, .count = 2 },
                                         .near_percent = 7 };
    build("null", &product);
    CHECK_EQ(wanted.sort, PREFERENCE_SORT_WEIGHT);
    CHECK_EQ(wanted.order.count, 2);
    CHECK_STR(wanted.order.names[1], STR("p2"));
    CHECK_EQ(wanted.near_percent, 7);
    build("{\"order\":[\"a\\u0062\",\"c\"],\"only\":[\"x\"],\"allow_fallbacks\":false}", &product);
    CHECK_EQ(wanted.sort, PREFERENCE_SORT_WEIGHT);
    CHECK_EQ(wanted.order.count, 2);
    CHECK_STR(wanted.order.names[0], STR("ab"));
    CHECK_STR(wanted.order.names[1], STR("c"));
    CHECK_STR(wanted.only.names[0], STR("x"));
    CHECK(wanted.no_fallbacks && !wanted.zdr && !wanted.data_deny);
    build("{\"sort\":\"latency\",\"zdr\":true,\"data_collection\":\"deny\"}", &product);
    CHECK_EQ(wanted.sort, PREFERENCE_SORT_LATENCY);
    CHECK_EQ(wanted.order.count, 0);
    CHECK(wanted.zdr && wanted.data_deny);
    arena_fini(&arena);
}

TEST(a_product_may_say_nothing)
{
    static const struct str names[] = { STR_INIT("a") };
    const struct registry_texts list = { .items = names, .count = 1 };
    CHECK(!prefer_product_says(&(struct registry_dispatch){ 0 }));
    CHECK(prefer_product_says(&(struct registry_dispatch){ .near_percent = 1 }));
    CHECK(prefer_product_says(&(struct registry_dispatch){ .sort = REGISTRY_SORT_ENERGY }));
    CHECK(prefer_product_says(&(struct registry_dispatch){ .order = list }));
    CHECK(prefer_product_says(&(struct registry_dispatch){ .only = list }));
    CHECK(prefer_product_says(&(struct registry_dispatch){ .ignore = list }));
}

TEST(a_product_leaves_routes_alone)
{
    static const struct registry_party party = { .id = STR_INIT("v1") };
    static const struct registry_price price = { .pico = { 1 } };
    static const struct registry_price_book book = { .currency = STR_INIT("USD") };
    static const struct registry_route routes[] = {
        { STR_INIT("r1"), .upstream_party = &party, .contract_price = &book, .contract = &price },
        { STR_INIT("r2"), .upstream_party = &party, .contract_price = &book, .contract = &price },
    };
    const struct registry_route *list[] = { &routes[0], &routes[1] };
    const struct registry_model model = { .routes = list, .route_count = 2 };
    static const struct str second[] = { STR_INIT("r2") };
    static const struct str vendor[] = { STR_INIT("v1") };
    struct registry_product product = { 0 };
    CHECK_EQ(prefer_closed(&product, &model), 0);
    product.dispatch.only = (struct registry_texts){ .items = second, .count = 1 };
    CHECK_EQ(prefer_closed(&product, &model), 1);
    product.dispatch.ignore = (struct registry_texts){ .items = vendor, .count = 1 };
    CHECK_EQ(prefer_closed(&product, &model), 3);
}

TEST(the_dearest_price_is_met_or_named)
{
    const struct ask_provider any = { .max_input = -1, .max_output = -1, .max_call = -1 };
    const struct ask_provider some = { .max_input = 10, .max_output = 20, .max_call = 0 };
    CHECK(prefer_price_above(&any, INT64_MAX, INT64_MAX, INT64_MAX) == NULL);
    CHECK(prefer_price_above(&some, 10, 20, 0) == NULL);
    CHECK_STR(str_from(prefer_price_above(&some, 11, 21, 1)), STR("prompt"));
    CHECK_STR(str_from(prefer_price_above(&some, 10, 21, 1)), STR("completion"));
    CHECK_STR(str_from(prefer_price_above(&some, 10, 20, 1)), STR("request"));
}

TEST(each_rule_is_a_member_of_the_request)
{
    CHECK_STR(str_from(prefer_param(PREFERENCE_RULE_ONLY)), STR("provider.only"));
    CHECK_STR(str_from(prefer_param(PREFERENCE_RULE_MAX_PROMPT)), STR("provider.max_price"));
    for (int i = 0; i < PREFERENCE_RULE_COUNT; i++) {
        CHECK(str_starts(str_from(prefer_param((enum preference_rule)i)), STR("provider")));
    }
}

TEST(energy_is_that_of_the_routes_pool_building_included)
{
    const struct registry_pool pools[] = {
        { .id = STR_INIT("a"), .energy = { 10, 100, 0 } },
        { .id = STR_INIT("b"), .energy = { 10, 100, 25 } },
        { .id = STR_INIT("c"), .energy = { 1000000000, 1000000000, 900 } },
        { .id = STR_INIT("unknown"), .max_concurrent = 1 },
    };
    const struct registry_route routes[] = {
        { .pool = &pools[0] }, { .pool = &pools[1] }, { .pool = &pools[2] },
        { .pool = &pools[3] }, { .pool = NULL },
    };
    const struct registry_route *of_model[EP_ARRAY_LEN(routes)];
    for (size_t i = 0; i < EP_ARRAY_LEN(routes); i++) {
        of_model[i] = &routes[i];
    }
    const struct registry_model model = { .routes = of_model, .route_count = EP_ARRAY_LEN(routes) };
    int64_t uj[REGISTRY_ROUTES_PER_MODEL_MAX];
    prefer_energy(&model, 7, 3, uj);
    CHECK_EQ(uj[0], 370);
    CHECK_EQ(uj[1], 462); /* rounded down */
    CHECK_EQ(uj[2], INT64_C(100000000000));
    CHECK_EQ(uj[3], -1);
    CHECK_EQ(uj[4], -1);
    prefer_energy(&model, INT64_MAX, INT64_MAX, uj);
    CHECK_EQ(uj[2], INT64_MAX);
    prefer_energy(&model, 0, 0, uj);
    CHECK_EQ(uj[0], 0);
}
