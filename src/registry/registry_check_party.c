#include "base/stamp.h"
#include "base/uscc.h"
#include "registry/registry_check_internal.h"

/* Parties, models, lists, zones and pools: what each must fulfil that no type can say. */

#define REGISTRY_DAY_NS (INT64_C(86400) * STAMP_NS_PER_S)

static void registry_check_party(struct registry_load *load, const struct yaml_node *node,
                                 const struct registry_party *party)
{
    if (party->jurisdiction == country_from(STR("CN")) && party->reg_no.len > 0 &&
        !uscc_valid(party->reg_no)) {
        registry_fault(load, REGISTRY_RULE_PARTY_REG_NO, registry_place_of(node, STR("reg_no")),
                       "\"" STR_FMT "\" of party \"" STR_FMT "\" is no unified social credit code",
                       STR_ARG(party->reg_no), STR_ARG(party->id));
    }
    const struct registry_kyc *kyc = &party->kyc;
    if (kyc->verified_at > 0 && kyc->verified_at >= kyc->expires_at) {
        registry_fault(load, REGISTRY_RULE_REG_WINDOW, registry_place_of(node, STR("kyc")),
                       "what is known of party \"" STR_FMT "\" expires before it was verified",
                       STR_ARG(party->id));
    }
}

static void registry_check_model(struct registry_load *load, const struct yaml_node *node,
                                 const struct registry_model *model)
{
    if (model->weights == REGISTRY_WEIGHTS_OPEN && model->licence.id.len == 0) {
        registry_fault(
            load, REGISTRY_RULE_REG_MISSING_FIELD, registry_place_of(node, STR("weights")),
            "model \"" STR_FMT "\" has open weights and no \"licence\"", STR_ARG(model->id));
    }
    /* A grant could not say whether it means the model or the family. */
    if (str_starts(model->id, STR("family:"))) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, registry_place_of(node, STR("id")),
                       "no model may be called \"family:...\"");
    }
}

static void registry_check_list(struct registry_load *load, const struct yaml_node *node,
                                const struct registry_subprocessor_list *list)
{
    int64_t notice_ns = (int64_t)list->notice_days * REGISTRY_DAY_NS;
    if (list->effective_at < list->published_at + notice_ns) {
        registry_fault(load, REGISTRY_RULE_REG_WINDOW, registry_place_of(node, STR("effective_at")),
                       "list \"" STR_FMT "\" is in force before its notice of %llu days is over",
                       STR_ARG(list->id), (unsigned long long)list->notice_days);
    }
}

static void registry_check_zone(struct registry_load *load, const struct yaml_node *node,
                                const struct registry_zone *zone)
{
    static const char *const items[REGISTRY_ITEM_COUNT] = {
        [REGISTRY_ITEM_NETWORK] = "network", [REGISTRY_ITEM_COMPUTE] = "compute",
        [REGISTRY_ITEM_STORAGE] = "storage", [REGISTRY_ITEM_KEYS] = "keys",
        [REGISTRY_ITEM_ADMIN] = "admin",     [REGISTRY_ITEM_LOGS] = "logs",
        [REGISTRY_ITEM_CACHE] = "cache",
    };
    for (size_t i = 0; i < REGISTRY_ITEM_COUNT; i++) {
        if (zone->separation[i] == REGISTRY_SEPARATION_SHARED) {
            registry_fault(load, REGISTRY_RULE_ZONE_SHARED,
                           registry_place_of(node, STR("separation")),
                           "%s: zone \"" STR_FMT "\" shares it with what is outside", items[i],
                           STR_ARG(zone->id));
        }
    }
    for (size_t i = 0; i < zone->pool_count; i++) {
        if (zone->pools[i]->zone != zone) {
            registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, registry_place_of(node, STR("pools")),
                           "pool \"" STR_FMT "\" does not say that it is in zone \"" STR_FMT "\"",
                           STR_ARG(zone->pools[i]->id), STR_ARG(zone->id));
        }
    }
}

/* The minutes of a day that two windows have in common, on a day of both. */
static bool registry_windows_meet(const struct registry_tariff_window *a,
                                  const struct registry_tariff_window *b)
{
    return (a->days & b->days) != 0 && a->from < b->until && b->from < a->until;
}

static void registry_check_pool(struct registry_load *load, const struct yaml_node *node,
                                const struct registry_pool *pool)
{
    const struct yaml_node *tariff = yaml_get(node, STR("tariff"));
    if (tariff == NULL || tariff->null) {
        return;
    }
    const struct yaml_node *list = yaml_get(tariff, STR("windows")); /* as they are in memory */
    const struct registry_tariff_window *windows = pool->tariff.windows;
    for (size_t i = 0; i < pool->tariff.window_count; i++) {
        if (windows[i].from >= windows[i].until) {
            registry_fault(load, REGISTRY_RULE_REG_WINDOW, yaml_item(list, (uint32_t)i)->place,
                           "window %zu of the tariff of pool \"" STR_FMT
                           "\" ends before it has begun: a night is two windows, until 24:00 and "
                           "from 00:00",
                           i + 1, STR_ARG(pool->id));
        }
        for (size_t k = 0; k < i; k++) {
            if (registry_windows_meet(&windows[k], &windows[i])) {
                registry_fault(load, REGISTRY_RULE_REG_WINDOW, yaml_item(list, (uint32_t)i)->place,
                               "windows %zu and %zu of the tariff of pool \"" STR_FMT "\" overlap",
                               k + 1, i + 1, STR_ARG(pool->id));
            }
        }
    }
}

/* A check of the objects of a kind, one by one. */
#define REGISTRY_EACH(load, KIND, type, check)                                           \
    do {                                                                                 \
        const struct registry_set *set_ = registry_open_set(load, REGISTRY_KIND_##KIND); \
        const struct type *object_ = (const void *)set_->objects;                        \
        for (size_t i_ = 0; i_ < set_->count && (load)->err == ERR_OK; i_++) {           \
            if (!set_->items[i_].broken) {                                               \
                check(load, set_->items[i_].node, &object_[i_]);                         \
            }                                                                            \
        }                                                                                \
    } while (0)

void registry_check_parties(struct registry_load *load)
{
    REGISTRY_EACH(load, PARTY, registry_party, registry_check_party);
    REGISTRY_EACH(load, MODEL, registry_model, registry_check_model);
    REGISTRY_EACH(load, SUBPROCESSORS, registry_subprocessor_list, registry_check_list);
    REGISTRY_EACH(load, POOL, registry_pool, registry_check_pool);
    REGISTRY_EACH(load, ZONE, registry_zone, registry_check_zone);
}
