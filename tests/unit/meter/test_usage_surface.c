#include "meter/usage_surface.h"

#include "harness.h"
#include "meter/usage_surface_internal.h"
#include "registry/registry_supply.h"

TEST(every_surface_has_a_name_and_counts_of_its_own)
{
    for (unsigned i = 0; i < USAGE_SURFACES; i++) {
        const struct usage_rule *rule = usage_rule((enum usage_surface)i);
        CHECK(usage_surface_name((enum usage_surface)i)[0] != '\0');
        CHECK(rule->path_count > 0);
        CHECK(rule->unsplit == USAGE_W5M || rule->unsplit == USAGE_WX);
    }
    CHECK_STR(str_from(usage_surface_name(USAGE_SURFACE_OPENAI_CHAT)), STR("openai.chat"));
    CHECK_STR(str_from(usage_surface_name(USAGE_SURFACE_MINIMAX_ANTHROPIC)),
              STR("minimax.anthropic"));
}

/* What the reader takes for granted. */
TEST(paths_lead_inwards_and_each_count_has_one)
{
    for (unsigned i = 0; i < USAGE_SURFACES; i++) {
        const struct usage_rule *rule = usage_rule((enum usage_surface)i);
        uint32_t met = 0;
        for (size_t k = 0; k < rule->path_count; k++) {
            const struct usage_path *path = &rule->paths[k];
            uint32_t bits = path->kind == USAGE_PATH_LIST ? 7U : 1U;
            if (path->kind == USAGE_PATH_OBJECT) {
                CHECK(path->target > path->in && path->target < USAGE_OBJECTS);
                continue;
            }
            CHECK(path->target < USAGE_FIELDS);
            CHECK((met & bits << path->target) == 0);
            met |= bits << path->target;
        }
        CHECK((met & 1U << USAGE_FIELD_INPUT) != 0 && (met & 1U << USAGE_FIELD_OUTPUT) != 0);
        CHECK(rule->no_total == ((met & 1U << USAGE_FIELD_TOTAL) == 0));
    }
}

TEST(a_key_stands_once_in_its_object)
{
    for (unsigned i = 0; i < USAGE_SURFACES; i++) {
        const struct usage_rule *rule = usage_rule((enum usage_surface)i);
        for (size_t k = 0; k < rule->path_count; k++) {
            for (size_t j = 0; j < k; j++) {
                CHECK(rule->paths[j].in != rule->paths[k].in ||
                      !str_eq(rule->paths[j].key, rule->paths[k].key));
            }
        }
    }
}

TEST(routes_name_the_surfaces_in_their_order)
{
    struct str rest = STR(REGISTRY_USAGES);
    for (unsigned i = 0; i < USAGE_SURFACES; i++) {
        CHECK_STR(str_cut(&rest, '|'), str_from(usage_surface_name((enum usage_surface)i)));
    }
    CHECK_EQ(rest.len, 0);
}
