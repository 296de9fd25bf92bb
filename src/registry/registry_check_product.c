#include <stdlib.h>

#include "base/model_name.h"
#include "registry/registry_check_internal.h"

/* What models are called, and what products say that they are. */

/* A name that an honest answer may bear, and whose it is. */
struct registry_name {
    struct str name; /* what counts of it */
    const struct registry_model *model;
};

struct registry_names {
    struct registry_name *items; /* by name, without regard to capitals */
    size_t count;
};

static int registry_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : (unsigned char)byte;
}

static int registry_name_cmp(struct str a, struct str b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        int order = registry_lower(a.ptr[i]) - registry_lower(b.ptr[i]);
        if (order != 0) {
            return order;
        }
    }
    return (a.len > b.len) - (a.len < b.len);
}

static int registry_name_order(const void *left, const void *right)
{
    const struct registry_name *a = left;
    const struct registry_name *b = right;
    int order = registry_name_cmp(a->name, b->name);
    return order != 0 ? order : (a->model > b->model) - (a->model < b->model);
}

/* The names of all models, with or without their ids. False: out of memory. */
static bool registry_names_learn(struct registry_load *load, bool ids,
                                 struct registry_names *ret_names)
{
    const struct registry_set *models = &load->sets[REGISTRY_KIND_MODEL];
    const struct registry_model *model = (const void *)models->objects;
    size_t count = 0;
    for (size_t i = 0; i < models->count; i++) {
        count += model[i].declared_names.count + 1;
    }
    struct registry_name *items = registry_alloc(load, count, sizeof(*items));
    if (items == NULL) {
        return false;
    }
    count = 0;
    for (size_t i = 0; i < models->count; i++) {
        if (ids) {
            items[count++] = (struct registry_name){ model_name_normalise(model[i].id), &model[i] };
        }
        for (size_t k = 0; k < model[i].declared_names.count; k++) {
            items[count++] =
                (struct registry_name){ model_name_normalise(model[i].declared_names.items[k]),
                                        &model[i] };
        }
    }
    qsort(items, count, sizeof(*items), registry_name_order);
    *ret_names = (struct registry_names){ .items = items, .count = count };
    return true;
}

/* How many stand before the name, or before the model with that name; or behind all with it. */
static size_t registry_name_bound(const struct registry_names *names, struct registry_name key,
                                  bool behind)
{
    size_t low = 0;
    size_t high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = behind ? registry_name_cmp(names->items[middle].name, key.name)
                           : registry_name_order(&names->items[middle], &key);
        if (order < 0 || (behind && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Another model that has the name; NULL: none has. `ret_own`: whether `model` has it. Those with
 * one name lie together, by model: if there are others, the first or the last is one. */
static const struct registry_model *registry_name_other(const struct registry_names *names,
                                                        struct str written,
                                                        const struct registry_model *model,
                                                        bool *ret_own)
{
    struct str name = model_name_normalise(written);
    size_t first = registry_name_bound(names, (struct registry_name){ name, NULL }, false);
    size_t end = registry_name_bound(names, (struct registry_name){ name, NULL }, true);
    size_t own = registry_name_bound(names, (struct registry_name){ name, model }, false);
    *ret_own = own < end && names->items[own].model == model;
    if (first == end) {
        return NULL;
    }
    const struct registry_model *other = names->items[first].model;
    other = other != model ? other : names->items[end - 1].model;
    return other != model ? other : NULL;
}

/* ---- aliases ------------------------------------------------------------------------------- */

static void registry_check_alias(struct registry_load *load, const struct yaml_node *node,
                                 const struct registry_product *product,
                                 const struct registry_alias *alias,
                                 const struct registry_names *names)
{
    bool own = false;
    const struct registry_model *other =
        registry_name_other(names, alias->name, alias->model, &own);
    if (other != NULL) {
        registry_fault(load, REGISTRY_RULE_MODEL_ALIAS, registry_place_of(node, STR("aliases")),
                       "\"" STR_FMT "\" stands for model \"" STR_FMT
                       "\", and is a name of model \"" STR_FMT "\"",
                       STR_ARG(alias->name), STR_ARG(alias->model->id), STR_ARG(other->id));
    }
    if (registry_product_model(product, alias->model->id) == NULL) {
        registry_fault(load, REGISTRY_RULE_REG_UNKNOWN_REF, registry_place_of(node, STR("aliases")),
                       "\"" STR_FMT "\" stands for model \"" STR_FMT
                       "\", which the product does not sell",
                       STR_ARG(alias->name), STR_ARG(alias->model->id));
    }
}

static int registry_alias_order(const void *left, const void *right)
{
    const struct registry_alias *a = left;
    const struct registry_alias *b = right;
    return registry_name_cmp(a->name, b->name);
}

static void registry_check_aliases(struct registry_load *load, const struct yaml_node *node,
                                   const struct registry_product *product,
                                   const struct registry_names *names)
{
    struct registry_alias *sorted = registry_alloc(load, product->alias_count, sizeof(*sorted));
    for (size_t i = 0; sorted != NULL && i < product->alias_count; i++) {
        sorted[i] = product->aliases[i];
        registry_check_alias(load, node, product, &sorted[i], names);
    }
    if (sorted == NULL) {
        return;
    }
    qsort(sorted, product->alias_count, sizeof(*sorted), registry_alias_order);
    for (size_t i = 1; i < product->alias_count; i++) {
        if (registry_alias_order(&sorted[i - 1], &sorted[i]) == 0) {
            registry_fault(load, REGISTRY_RULE_REG_DUPLICATE_ID,
                           registry_place_of(node, STR("aliases")),
                           "\"" STR_FMT "\" stands there twice", STR_ARG(sorted[i].name));
        }
    }
}

/* A model that bears another's id would be sold under its name without an alias. */
static void registry_check_declared(struct registry_load *load)
{
    const struct registry_set *set = registry_open_set(load, REGISTRY_KIND_MODEL);
    const struct registry_model *model = (const void *)set->objects;
    for (size_t i = 0; i < set->count; i++) {
        for (size_t k = 0; k < model[i].declared_names.count && !set->items[i].broken; k++) {
            struct str name = model[i].declared_names.items[k];
            const struct registry_model *other = registry_set_find(set, REGISTRY_KIND_MODEL, name);
            if (other != NULL && other != &model[i]) {
                registry_fault(load, REGISTRY_RULE_MODEL_ALIAS,
                               registry_place_of(set->items[i].node, STR("declared_names")),
                               "model \"" STR_FMT "\" may answer as \"" STR_FMT
                               "\", which is another model",
                               STR_ARG(model[i].id), STR_ARG(name));
            }
        }
    }
}

static void registry_check_upstream_models(struct registry_load *load)
{
    struct registry_names names;
    const struct registry_set *set = registry_open_set(load, REGISTRY_KIND_ROUTE);
    const struct registry_route *route = (const void *)set->objects;
    if (!registry_names_learn(load, false, &names)) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        bool own = false;
        if (set->items[i].broken) {
            continue;
        }
        const struct registry_model *other =
            registry_name_other(&names, route[i].upstream_model, route[i].model, &own);
        if (other != NULL && !own) {
            registry_fault(load, REGISTRY_RULE_MODEL_ALIAS,
                           registry_place_of(set->items[i].node, STR("upstream_model")),
                           "route \"" STR_FMT "\" serves model \"" STR_FMT "\" by \"" STR_FMT
                           "\", which is a name of model \"" STR_FMT "\"",
                           STR_ARG(route[i].id), STR_ARG(route[i].model->id),
                           STR_ARG(route[i].upstream_model), STR_ARG(other->id));
        }
    }
}

/* ---- official products --------------------------------------------------------------------- */

/* Whether more than half of `party` is `owner`'s, directly or through parties. */
static bool registry_owned_by(const struct registry_party *party,
                              const struct registry_party *owner)
{
    for (unsigned steps = 0; party != NULL && steps < REGISTRY_DEPTH_MAX; steps++) {
        if (party->affiliate_of == owner) {
            return true;
        }
        party = party->affiliate_of;
    }
    return false;
}

static void registry_check_official(struct registry_load *load, const struct yaml_node *node,
                                    const struct registry_product *product)
{
    bool direct = product->mode == REGISTRY_MODE_DIRECT;
    for (size_t i = 0; i < product->model_count && (direct || product->official); i++) {
        const struct registry_party *vendor = product->models[i]->vendor;
        const struct registry_party *seller = product->seller;
        if (vendor == NULL || seller == vendor || registry_owned_by(seller, vendor) ||
            registry_owned_by(vendor, seller)) {
            continue;
        }
        registry_fault(load, REGISTRY_RULE_SCOPE_FALSE_OFFICIAL,
                       registry_place_of(node, direct ? STR("mode") : STR("official")),
                       "product \"" STR_FMT "\" is sold by \"" STR_FMT
                       "\" as the vendor's own, and model \"" STR_FMT "\" is by \"" STR_FMT "\"",
                       STR_ARG(product->id), STR_ARG(seller->id), STR_ARG(product->models[i]->id),
                       STR_ARG(vendor->id));
    }
}

static void registry_check_mode(struct registry_load *load, const struct yaml_node *node,
                                const struct registry_product *product)
{
    bool zone = product->mode == REGISTRY_MODE_ZONE;
    if (zone && product->zone == NULL) {
        registry_fault(load, REGISTRY_RULE_REG_MISSING_FIELD, registry_place_of(node, STR("mode")),
                       "product \"" STR_FMT "\" is sold from a zone and has no \"zone\"",
                       STR_ARG(product->id));
    }
    if (!zone && product->zone != NULL) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, registry_place_of(node, STR("zone")),
                       "product \"" STR_FMT "\" has a zone, and its mode is not zone",
                       STR_ARG(product->id));
    }
}

/* ---- dispatch ------------------------------------------------------------------------------ */

static void registry_check_sources(struct registry_load *load, const struct yaml_node *node,
                                   const struct registry_product *product, const char *list,
                                   const struct registry_texts *names)
{
    for (size_t i = 0; i < names->count; i++) {
        struct str name = names->items[i];
        if (registry_set_find(&load->sets[REGISTRY_KIND_PARTY], REGISTRY_KIND_PARTY, name) ==
                NULL &&
            registry_set_find(&load->sets[REGISTRY_KIND_ROUTE], REGISTRY_KIND_ROUTE, name) ==
                NULL) {
            registry_fault(load, REGISTRY_RULE_REG_UNKNOWN_REF,
                           registry_place_of(node, STR("dispatch")),
                           "product \"" STR_FMT "\", dispatch.%s: \"" STR_FMT
                           "\" is neither a party nor a route",
                           STR_ARG(product->id), list, STR_ARG(name));
        }
    }
}

static void registry_check_dispatch(struct registry_load *load, const struct yaml_node *node,
                                    const struct registry_product *product)
{
    registry_check_sources(load, node, product, "order", &product->dispatch.order);
    registry_check_sources(load, node, product, "only", &product->dispatch.only);
    registry_check_sources(load, node, product, "ignore", &product->dispatch.ignore);
}

/* ---- voice --------------------------------------------------------------------------------- */

static void registry_check_voice(struct registry_load *load, const struct yaml_node *node,
                                 const struct registry_product *product)
{
    const struct registry_voice *voice = &product->voice;
    const struct registry_model *models[] = { voice->hear, voice->think, voice->speak };
    static const char *const roles[] = { "hear", "think", "speak" };
    for (size_t i = 0; i < EP_ARRAY_LEN(models); i++) {
        if (models[i] != NULL && registry_product_model(product, models[i]->id) == NULL) {
            registry_fault(
                load, REGISTRY_RULE_REG_UNKNOWN_REF, registry_place_of(node, STR("voice")),
                "product \"" STR_FMT "\", voice.%s: it does not sell model \"" STR_FMT "\"",
                STR_ARG(product->id), roles[i], STR_ARG(models[i]->id));
        }
    }
}

void registry_check_products(struct registry_load *load)
{
    struct registry_names names;
    registry_check_declared(load);
    registry_check_upstream_models(load);
    const struct registry_set *set = registry_open_set(load, REGISTRY_KIND_PRODUCT);
    const struct registry_product *product = (const void *)set->objects;
    if (load->err != ERR_OK || !registry_names_learn(load, true, &names)) {
        return;
    }
    for (size_t i = 0; i < set->count && load->err == ERR_OK; i++) {
        if (!set->items[i].broken) {
            registry_check_mode(load, set->items[i].node, &product[i]);
            registry_check_official(load, set->items[i].node, &product[i]);
            registry_check_aliases(load, set->items[i].node, &product[i], &names);
            registry_check_dispatch(load, set->items[i].node, &product[i]);
            registry_check_voice(load, set->items[i].node, &product[i]);
        }
    }
}
