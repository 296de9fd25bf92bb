#include "registry_sample.h"

TEST(objects_are_found_by_id_and_only_by_it)
{
    struct registry *registry = sample_load();
    const struct registry_product *world = registry_product(registry, STR("world"));
    CHECK(world != NULL);
    CHECK(registry_product(registry, STR("worl")) == NULL);
    CHECK(registry_product(registry, STR("")) == NULL);
    const struct registry_model *m1 = registry_model(registry, STR("m1"));
    CHECK(m1 != NULL && m1 == registry_product_model(world, STR("m1")));
    CHECK(registry_model(registry, STR("m3")) == NULL);
    CHECK(registry_product_model(world, STR("M1")) == NULL);
    CHECK_STR(registry_route(registry, STR("r1"))->place, STR("US"));
    CHECK(registry_route(registry, STR("r3")) == NULL);
    CHECK(registry_party(registry, STR("op")) == world->seller);
    CHECK(registry_party(registry, STR("oq")) == NULL);
    CHECK(registry_grant(registry, STR("g")) == NULL);
    CHECK(registry_agreement(registry, STR("a")) == NULL);
    CHECK_EQ(registry_product_plan(world, STR("starter"))->units, 1000000);
    CHECK_EQ(registry_product_plan(world, STR("big"))->price_nano, 999990000000);
    CHECK(registry_product_plan(world, STR("none")) == NULL);
    registry_unref(registry);
}

TEST(what_was_written_is_what_is_found)
{
    struct registry *registry = sample_load();
    CHECK_EQ(registry->party_count, 2);
    CHECK_EQ(registry->model_count, 2);
    const struct registry_model *m1 = registry_model(registry, STR("m1"));
    CHECK_STR(m1->vendor->legal_name, STR("V One"));
    CHECK_EQ(m1->vendor->jurisdiction, country_from(STR("US")));
    CHECK_EQ(m1->origin, country_from(STR("US")));
    CHECK_STR(m1->vendor->official_hosts[0], STR("api.v1.test"));
    CHECK_EQ(m1->vendor->kind, REGISTRY_PARTY_VENDOR);
    CHECK_STR(m1->declared_names.items[1], STR("m1-x"));
    CHECK_STR(m1->tokenizer, STR(""));
    CHECK_EQ(m1->context_tokens, 1000);
    CHECK_EQ(m1->output_tokens_max, 100);
    CHECK_EQ(m1->route_count, 2);
    const struct registry_route *r1 = m1->routes[0];
    const struct registry_route *r2 = m1->routes[1];
    CHECK_STR(r1->id, STR("r1"));
    CHECK_STR(r2->id, STR("r2"));
    CHECK_EQ(r1->state, REGISTRY_ROUTE_ACTIVE);
    CHECK_EQ(r1->weight, 1);
    CHECK_EQ(r1->abort_billing, REGISTRY_ABORT_UNKNOWN);
    CHECK_EQ(r1->output_cap_field, REGISTRY_CAP_MAX_COMPLETION_TOKENS);
    CHECK_EQ(r2->state, REGISTRY_ROUTE_SUSPENDED);
    CHECK_EQ(r2->weight, 3);
    CHECK(r1->model == m1);
    CHECK_STR(r1->credential->secret, STR("env:KEY"));
    CHECK_STR(r1->credential->account_holder->id, STR("op"));
    CHECK_EQ(r1->credential->max_concurrent, 2);
    CHECK_EQ(r1->contract->pico[REGISTRY_CLASS_OUT], 2000000);
    CHECK_EQ(registry_model(registry, STR("m2"))->route_count, 0);
    const struct registry_product *world = registry_product(registry, STR("world"));
    CHECK_EQ(world->mode, REGISTRY_MODE_AGGREGATE);
    CHECK_STR(world->unit.name, STR("AI token"));
    CHECK_EQ(world->unit.per_currency_unit, 10000);
    CHECK_EQ(world->model_count, 2);
    CHECK_STR(world->models[0]->id, STR("m1"));
    CHECK_STR(world->price_book->currency, STR("USD"));
    CHECK_STR(world->seller->id, STR("op"));
    CHECK(world->names_vendor && !world->official && world->zone == NULL);
    /* What says nowhere is sold everywhere but where it must be said. */
    CHECK(country_set_has(&world->markets.set, country_from(STR("SG"))));
    CHECK(!country_set_has(&world->markets.set, country_from(STR("CN"))));
    registry_unref(registry);
}

TEST(a_snapshot_lives_as_long_as_it_is_referenced)
{
    int64_t open = mem_blocks_open();
    struct registry *registry = sample_load();
    const struct registry *pinned = registry_ref(registry);
    registry_unref(registry);
    CHECK_STR(pinned->products[0].id, STR("world"));
    registry_unref(pinned);
    registry_unref(NULL);
    CHECK_EQ(mem_blocks_open(), open);
}

TEST(near_models_are_named_nearest_first)
{
    struct registry_model models[] = { { .id = STR_INIT("aurora-large") },
                                       { .id = STR_INIT("aurora-lite") },
                                       { .id = STR_INIT("borealis-chat") } };
    const struct registry_model *sold[] = { &models[0], &models[1], &models[2] };
    struct registry_product product = { .models = sold, .model_count = 3 };
    const struct registry_model *near[8];
    CHECK_EQ(registry_near_models(&product, STR("aurora-lit"), near, 8), 2);
    CHECK(near[0] == &models[1]);
    CHECK(near[1] == &models[0]);
    CHECK_EQ(registry_near_models(&product, STR("aurora-lit"), near, 1), 1);
    CHECK(near[0] == &models[1]);
    CHECK_EQ(registry_near_models(&product, STR("gpt-9"), near, 8), 0);
    CHECK_EQ(registry_near_models(&product, STR(""), near, 8), 0);
    CHECK_EQ(registry_near_models(&product, STR("aurora-lit"), near, 0), 0);
}

TEST(classes_have_the_names_that_usage_has)
{
    CHECK_STR(str_from(registry_class_name(REGISTRY_CLASS_IN)), STR("in"));
    CHECK_STR(str_from(registry_class_name(REGISTRY_CLASS_W12H)), STR("w12h"));
    CHECK_STR(str_from(registry_class_name(REGISTRY_CLASS_OUT_IMAGE)), STR("out_image"));
}
