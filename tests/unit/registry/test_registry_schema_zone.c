#include "law_sample.h"

TEST(pools_and_zones_name_each_other)
{
    struct registry *registry = law_load();
    const struct registry_zone *zone = &registry->zones[0];
    CHECK(registry->pools[0].zone == zone);
    CHECK(zone->pools[0] == &registry->pools[0]);
    CHECK(zone->approval.pools[0] == &registry->pools[0]);
    CHECK_STR(zone->approval.operators[0]->id, STR("op"));
    CHECK_EQ(zone->separation[REGISTRY_ITEM_NETWORK], REGISTRY_SEPARATION_PHYSICAL);
    CHECK_EQ(zone->separation[REGISTRY_ITEM_LOGS], REGISTRY_SEPARATION_LOGICAL);
    CHECK_EQ(zone->retention_max_s, 60);
    CHECK_STR(zone->ingress_links[0], STR("landing-1"));
    CHECK_EQ(zone->egress_link_count, 0);
    registry_unref(registry);
}

TEST(dated_rows_are_what_was_written)
{
    struct registry *registry = law_load();
    CHECK_STR(registry->thresholds[0].name, STR("us_bulk.health"));
    CHECK_EQ(registry->thresholds[0].value, 10000);
    CHECK_STR(registry->requirements[0].qualification, STR("representative"));
    CHECK_STR(registry->networks[0].cidr, STR("47.74.128.0/24"));
    CHECK(registry->networks[0].party == NULL);
    CHECK_EQ(registry->procurements[0].purchase_orders[0].tokens, 1000000);
    CHECK_EQ(registry->billing[0].state, REGISTRY_BILLING_OPEN);
    CHECK_EQ(registry->billing[0].unpaid_due, 0);
    CHECK_EQ(registry->regions[0].version, 2);
    registry_unref(registry);
}
