#include "registry/registry_check_internal.h"

#include "law_sample.h"

TEST(a_family_has_the_vendor_of_all_its_models_or_none)
{
    struct registry_party vendors[2] = { { .id = STR_INIT("a") }, { .id = STR_INIT("b") } };
    struct registry_model models[] = {
        { .id = STR_INIT("m1"), .vendor = &vendors[0], .family = STR_INIT("two") },
        { .id = STR_INIT("m2"), .vendor = &vendors[0], .family = STR_INIT("one") },
        { .id = STR_INIT("m3"), .vendor = &vendors[1], .family = STR_INIT("two") },
        { .id = STR_INIT("m4"), .vendor = &vendors[0], .family = STR_INIT("one") },
        { .id = STR_INIT("m5"), .vendor = &vendors[1] },
    };
    struct registry_owner owner = { .refs = 0 };
    arena_init(&owner.arena, 4096, 1 << 20);
    struct registry_load load = { .owner = &owner };
    load.sets[REGISTRY_KIND_MODEL] =
        (struct registry_set){ .objects = (char *)models, .count = EP_ARRAY_LEN(models) };
    struct registry_families families;
    CHECK(registry_families_learn(&load, &families));
    CHECK_EQ(families.count, 2);
    CHECK(registry_family(&families, STR("one"))->vendor == &vendors[0]);
    CHECK(registry_family(&families, STR("two"))->vendor == NULL);
    CHECK(registry_family(&families, STR("")) == NULL);
    CHECK(registry_family(&families, STR("three")) == NULL);
    arena_fini(&owner.arena);
}

TEST(a_grant_names_a_model_by_its_id_or_its_family)
{
    struct registry_model models[] = {
        { .id = STR_INIT("m1"), .family = STR_INIT("one") },
        { .id = STR_INIT("m2") },
        { .id = STR_INIT("m3"), .family = STR_INIT("two") },
    };
    struct registry_grant_model named[] = { { .family = STR_INIT("one") },
                                            { .model = &models[2] } };
    struct registry_grant grant = { .models = named, .model_count = 2 };
    struct registry_grant empty = { .models = NULL };
    CHECK(registry_grant_names(&grant, &models[0]));
    CHECK(!registry_grant_names(&grant, &models[1]));
    CHECK(registry_grant_names(&grant, &models[2]));
    CHECK(registry_grant_names_family(&grant, STR("one")));
    CHECK(!registry_grant_names_family(&grant, STR("two")));
    CHECK(!registry_grant_names_family(&grant, STR("")));
    CHECK(!registry_grant_names(&empty, &models[0]));
}
