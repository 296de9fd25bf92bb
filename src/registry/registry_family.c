#include <stdlib.h>

#include "registry/registry_check_internal.h"

static int registry_family_order(const void *left, const void *right)
{
    const struct registry_family *a = left;
    const struct registry_family *b = right;
    return str_cmp(a->name, b->name);
}

bool registry_families_learn(struct registry_load *load, struct registry_families *ret_families)
{
    const struct registry_set *models = &load->sets[REGISTRY_KIND_MODEL];
    const struct registry_model *model = (const void *)models->objects;
    struct registry_family *items = registry_alloc(load, models->count, sizeof(*items));
    if (items == NULL) {
        return false;
    }
    size_t named = 0;
    for (size_t i = 0; i < models->count; i++) {
        if (model[i].family.len > 0) {
            items[named++] =
                (struct registry_family){ .name = model[i].family, .vendor = model[i].vendor };
        }
    }
    qsort(items, named, sizeof(*items), registry_family_order);
    size_t count = 0;
    for (size_t i = 0; i < named; i++) {
        if (count == 0 || !str_eq(items[count - 1].name, items[i].name)) {
            items[count++] = items[i];
        } else if (items[count - 1].vendor != items[i].vendor) {
            items[count - 1].vendor = NULL;
        }
    }
    *ret_families = (struct registry_families){ .items = items, .count = count };
    return true;
}

const struct registry_family *registry_family(const struct registry_families *families,
                                              struct str name)
{
    const struct registry_family key = { .name = name };
    return bsearch(&key, families->items, families->count, sizeof(key), registry_family_order);
}

/* Families stand before models, by name; models by where they lie. */
static int registry_named_order(const void *left, const void *right)
{
    const struct registry_grant_model *a = left;
    const struct registry_grant_model *b = right;
    if ((a->model == NULL) != (b->model == NULL)) {
        return a->model == NULL ? -1 : 1;
    }
    return a->model == NULL ? str_cmp(a->family, b->family)
                            : (a->model > b->model) - (a->model < b->model);
}

static bool registry_named(const struct registry_grant *grant, struct registry_grant_model key)
{
    return grant->model_count > 0 && bsearch(&key, grant->models, grant->model_count, sizeof(key),
                                             registry_named_order) != NULL;
}

bool registry_grant_names_family(const struct registry_grant *grant, struct str family)
{
    return family.len > 0 &&
           registry_named(grant, (struct registry_grant_model){ .family = family });
}

bool registry_grant_names(const struct registry_grant *grant, const struct registry_model *model)
{
    return registry_named(grant, (struct registry_grant_model){ .model = model }) ||
           registry_grant_names_family(grant, model->family);
}
