#include "dispatch/preference.h"

#include "harness.h"

/* Two routes of one model, at two parties, of which the second keeps and reads what it gets. */
struct world {
    struct registry_party parties[2];
    struct registry_price prices[2];
    struct registry_price_book book;
    struct registry_data_terms terms[2];
    struct registry_route routes[2];
    const struct registry_route *served[2];
    struct registry_model model;
};

static void world_init(struct world *world)
{
    *world = (struct world){ .parties = { { .id = STR("acme") }, { .id = STR("bolt") } },
                             .book = { .currency = STR("USD") } };
    world->terms[0] = (struct registry_data_terms){ .training = REGISTRY_ANSWER_NO,
                                                    .human_review = REGISTRY_ANSWER_NO };
    world->terms[1] = (struct registry_data_terms){ .training = REGISTRY_ANSWER_NO,
                                                    .human_review = REGISTRY_ANSWER_ABUSE_ONLY,
                                                    .retention_days = 30 };
    for (size_t i = 0; i < 2; i++) {
        world->prices[i].pico[REGISTRY_CLASS_IN] = (int64_t)(i + 1) * 1000;
        world->prices[i].pico[REGISTRY_CLASS_OUT] = (int64_t)(i + 1) * 4000;
        world->prices[i].pico_call = (int64_t)i * 50;
        world->prices[i].known[REGISTRY_CLASS_IN] = true;
        world->prices[i].known[REGISTRY_CLASS_OUT] = true;
        world->routes[i] = (struct registry_route){ .id = i == 0 ? STR("a-1") : STR("b-1"),
                                                    .upstream_party = &world->parties[i],
                                                    .model = &world->model,
                                                    .contract = &world->prices[i],
                                                    .contract_price = &world->book,
                                                    .data_terms = &world->terms[i] };
        world->served[i] = &world->routes[i];
    }
    world->model =
        (struct registry_model){ .id = STR("m"), .routes = world->served, .route_count = 2 };
}

#define NAMES(...)                                                           \
    {                                                                        \
        (const struct str[]){ __VA_ARGS__ },                                 \
            sizeof((const struct str[]){ __VA_ARGS__ }) / sizeof(struct str) \
    }

/* What is said of both routes. */
static void judged(const struct preference *preference, enum preference_rule first,
                   enum preference_rule second)
{
    struct world world;
    world_init(&world);
    CHECK_EQ(preference_judge(preference, &world.routes[0]), first);
    CHECK_EQ(preference_judge(preference, &world.routes[1]), second);
}

TEST(nothing_preferred_takes_nothing)
{
    judged(&(struct preference){ 0 }, PREFERENCE_RULE_NONE, PREFERENCE_RULE_NONE);
}

TEST(parties_and_routes_are_named)
{
    struct preference only_party = { .only = NAMES(STR("acme")) };
    struct preference only_route = { .only = NAMES(STR("nobody"), STR("b-1")) };
    struct preference ignore = { .ignore = NAMES(STR("bolt")) };
    struct preference both = { .only = NAMES(STR("acme")), .ignore = NAMES(STR("a-1")) };
    struct preference shouted = { .only = NAMES(STR("ACME")) };
    judged(&only_party, PREFERENCE_RULE_NONE, PREFERENCE_RULE_ONLY);
    judged(&only_route, PREFERENCE_RULE_ONLY, PREFERENCE_RULE_NONE);
    judged(&ignore, PREFERENCE_RULE_NONE, PREFERENCE_RULE_IGNORE);
    judged(&both, PREFERENCE_RULE_IGNORE, PREFERENCE_RULE_ONLY);
    judged(&shouted, PREFERENCE_RULE_ONLY, PREFERENCE_RULE_ONLY);
}

TEST(a_route_dearer_than_the_most_is_out_and_one_that_costs_just_that_is_not)
{
    struct preference in = { .max_in = { true, 1000 } };
    struct preference out = { .max_out = { true, 4000 } };
    struct preference call = { .max_call = { true, 0 } };
    struct preference below = { .max_in = { true, 999 } };
    judged(&in, PREFERENCE_RULE_NONE, PREFERENCE_RULE_MAX_PROMPT);
    judged(&out, PREFERENCE_RULE_NONE, PREFERENCE_RULE_MAX_COMPLETION);
    judged(&call, PREFERENCE_RULE_NONE, PREFERENCE_RULE_MAX_REQUEST);
    judged(&below, PREFERENCE_RULE_MAX_PROMPT, PREFERENCE_RULE_MAX_PROMPT);
    in.max_currency = STR("USD");
    judged(&in, PREFERENCE_RULE_NONE, PREFERENCE_RULE_MAX_PROMPT);
    in.max_currency = STR("EUR");
    judged(&in, PREFERENCE_RULE_MAX_PROMPT, PREFERENCE_RULE_MAX_PROMPT);
}

TEST(a_price_that_is_not_known_meets_no_maximum)
{
    struct world world;
    world_init(&world);
    world.prices[0].pico[REGISTRY_CLASS_IN] = 0;
    world.prices[0].known[REGISTRY_CLASS_IN] = false;
    struct preference in = { .max_in = { true, 1000 } };
    CHECK_EQ(preference_judge(&in, &world.routes[0]), PREFERENCE_RULE_MAX_PROMPT);
    in.max_in.set = false;
    CHECK_EQ(preference_judge(&in, &world.routes[0]), PREFERENCE_RULE_NONE);
}

TEST(data_terms_answer_and_silence_is_no)
{
    struct world world;
    world_init(&world);
    struct preference deny = { .data_deny = true };
    struct preference zdr = { .zdr = true };
    judged(&deny, PREFERENCE_RULE_NONE, PREFERENCE_RULE_DATA_COLLECTION);
    judged(&zdr, PREFERENCE_RULE_NONE, PREFERENCE_RULE_ZDR);
    static const enum registry_answer trained[] = { REGISTRY_ANSWER_UNKNOWN, REGISTRY_ANSWER_OPT_IN,
                                                    REGISTRY_ANSWER_YES };
    for (size_t i = 0; i < EP_ARRAY_LEN(trained); i++) {
        world.terms[0].training = trained[i];
        CHECK_EQ(preference_judge(&deny, &world.routes[0]), PREFERENCE_RULE_DATA_COLLECTION);
    }
    world.terms[0].training = REGISTRY_ANSWER_NO;
    world.terms[0].analytics = true;
    CHECK_EQ(preference_judge(&deny, &world.routes[0]), PREFERENCE_RULE_DATA_COLLECTION);
    world.terms[0].retention_days = REGISTRY_RETENTION_UNKNOWN;
    CHECK_EQ(preference_judge(&zdr, &world.routes[0]), PREFERENCE_RULE_ZDR);
    world.routes[0].data_terms = NULL;
    CHECK_EQ(preference_judge(&deny, &world.routes[0]), PREFERENCE_RULE_DATA_COLLECTION);
    CHECK_EQ(preference_judge(&zdr, &world.routes[0]), PREFERENCE_RULE_ZDR);
}

TEST(a_quantization_that_is_not_recorded_is_unknown)
{
    struct preference eight = { .quantizations = NAMES(STR("fp8")) };
    struct preference any = { .quantizations = NAMES(STR("fp8"), STR("unknown")) };
    judged(&eight, PREFERENCE_RULE_QUANTIZATIONS, PREFERENCE_RULE_QUANTIZATIONS);
    judged(&any, PREFERENCE_RULE_NONE, PREFERENCE_RULE_NONE);
}

TEST(each_quantization_is_met_by_its_own_name_alone)
{
    static const struct str names[REGISTRY_QUANTIZATION_COUNT] = {
        STR_INIT("unknown"), STR_INIT("int4"), STR_INIT("int8"), STR_INIT("fp4"),  STR_INIT("fp6"),
        STR_INIT("fp8"),     STR_INIT("fp16"), STR_INIT("bf16"), STR_INIT("fp32"),
    };
    struct world world;
    world_init(&world);
    for (unsigned i = 0; i < REGISTRY_QUANTIZATION_COUNT; i++) {
        world.routes[0].quantization = (enum registry_quantization)i;
        for (unsigned j = 0; j < REGISTRY_QUANTIZATION_COUNT; j++) {
            const struct preference wants = { .quantizations = { &names[j], 1 } };
            CHECK_EQ(preference_judge(&wants, &world.routes[0]),
                     i == j ? PREFERENCE_RULE_NONE : PREFERENCE_RULE_QUANTIZATIONS);
        }
        const struct preference any = { .quantizations = { names, EP_ARRAY_LEN(names) } };
        CHECK_EQ(preference_judge(&any, &world.routes[0]), PREFERENCE_RULE_NONE);
    }
    world.routes[0].quantization = REGISTRY_QUANTIZATION_FP8;
    const struct preference near = { .quantizations = NAMES(STR("FP8"), STR("fp"), STR("fp80")) };
    CHECK_EQ(preference_judge(&near, &world.routes[0]), PREFERENCE_RULE_QUANTIZATIONS);
}

TEST(an_order_ranks_and_takes_only_without_fallbacks)
{
    struct world world;
    world_init(&world);
    struct preference order = { .order = NAMES(STR("b-1"), STR("gone")) };
    CHECK_EQ(preference_rank(&order, &world.routes[1]), 0);
    CHECK_EQ(preference_rank(&order, &world.routes[0]), 2);
    judged(&order, PREFERENCE_RULE_NONE, PREFERENCE_RULE_NONE);
    order.no_fallbacks = true;
    judged(&order, PREFERENCE_RULE_ALLOW_FALLBACKS, PREFERENCE_RULE_NONE);
    order.order.count = 0;
    judged(&order, PREFERENCE_RULE_NONE, PREFERENCE_RULE_NONE);
}

static struct str blamed(const struct preference_blame *blame, char *bytes, size_t size)
{
    struct buf out = { bytes, 0, size, size };
    CHECK(preference_blame_print(blame, &out) == ERR_OK);
    return buf_str(&out);
}

TEST(the_preference_that_leaves_none_is_named)
{
    struct world world;
    struct preference_blame blame;
    char bytes[128];
    world_init(&world);
    struct preference preference = { .ignore = NAMES(STR("bolt")), .max_in = { true, 10 } };
    preference_blame(&preference, &world.model, 0, &blame);
    CHECK_EQ(blame.rule, PREFERENCE_RULE_MAX_PROMPT);
    CHECK_EQ(blame.routes, 2);
    CHECK_EQ(blame.left, 0);
    CHECK_STR(blamed(&blame, bytes, sizeof(bytes)),
              STR("provider.ignore and provider.max_price.prompt"));
    preference_blame(&preference, &world.model, 1, &blame); /* the law has the first */
    CHECK_EQ(blame.rule, PREFERENCE_RULE_IGNORE);
    CHECK_EQ(blame.routes, 1);
    preference.max_in.pico = 1000;
    preference_blame(&preference, &world.model, 0, &blame);
    CHECK_EQ(blame.rule, PREFERENCE_RULE_NONE);
    CHECK_EQ(blame.left, 1);
    world.routes[0].state = REGISTRY_ROUTE_SUSPENDED;
    preference_blame(&preference, &world.model, 0, &blame);
    CHECK_EQ(blame.rule, PREFERENCE_RULE_IGNORE);
    preference_blame(&preference, &world.model, 3, &blame); /* nobody's preference did that */
    CHECK_EQ(blame.rule, PREFERENCE_RULE_NONE);
    CHECK_EQ(blame.routes, 0);
    CHECK_STR(blamed(&blame, bytes, sizeof(bytes)), STR(""));
    struct buf tiny = { bytes, 0, 1, 1 };
    blame.taken[PREFERENCE_RULE_ONLY] = 1;
    CHECK(preference_blame_print(&blame, &tiny) != ERR_OK);
}

TEST(sorts_are_read_as_they_are_written)
{
    for (size_t i = 0; i < PREFERENCE_SORT_COUNT; i++) {
        enum preference_sort sort = PREFERENCE_SORT_COUNT;
        CHECK(preference_sort_parse(preference_sort_name((enum preference_sort)i), &sort));
        CHECK_EQ(sort, i);
    }
    enum preference_sort kept = PREFERENCE_SORT_WEIGHT;
    CHECK(!preference_sort_parse(STR("Price"), &kept));
    CHECK(!preference_sort_parse(STR(""), &kept));
    CHECK_EQ(kept, PREFERENCE_SORT_WEIGHT);
    CHECK_STR(preference_rule_name(PREFERENCE_RULE_ZDR), STR("zdr"));
}
