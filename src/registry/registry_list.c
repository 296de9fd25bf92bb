#include <stdlib.h>
#include <string.h>

#include "registry/registry_schema_internal.h"

/* Lists and sets of scalars, and the two fields of grants that are neither. */

#define REGISTRY_GROUP STR("group:")

void registry_put_list(void *object, const struct registry_field *field, const void *list,
                       size_t count)
{
    memcpy(registry_slot(object, field->offset), &list, sizeof(list));
    memcpy(registry_slot(object, field->count_offset), &count, sizeof(count));
}

bool registry_list_fine(struct registry_load *load, const struct registry_field *field,
                        const struct yaml_node *node)
{
    bool fine =
        node->kind == YAML_SEQUENCE && node->count >= field->min && node->count <= field->max;
    if (!fine) {
        registry_refuse(load, field, node);
    }
    return fine;
}

static bool registry_item_fine(const struct registry_field *field, const struct yaml_node *item)
{
    return item->kind == YAML_SCALAR && !item->null &&
           (field->type == REGISTRY_TYPE_HOSTS ? registry_host_pattern_fine(item->text)
                                               : registry_text_fine(item->text, 1, 128));
}

static int registry_text_order(const void *left, const void *right)
{
    return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

/* Puts the texts of a set in order; a fault when one stands there twice. */
static void registry_sort_texts(struct registry_load *load, const struct registry_field *field,
                                const struct yaml_node *node, struct str *items, size_t count)
{
    if (count > 1) {
        qsort(items, count, sizeof(*items), registry_text_order);
    }
    for (size_t i = 1; i < count; i++) {
        if (str_eq(items[i], items[i - 1])) {
            registry_refuse(load, field, node);
            return;
        }
    }
}

void registry_read_strs(struct registry_load *load, const struct registry_field *field,
                        const struct yaml_node *node, void *object)
{
    if (!registry_list_fine(load, field, node)) {
        return;
    }
    struct str *items = registry_alloc(load, node->count, sizeof(*items));
    size_t count = 0;
    for (uint32_t i = 0; items != NULL && i < node->count; i++) {
        const struct yaml_node *item = yaml_item(node, i);
        if (!registry_item_fine(field, item)) {
            registry_refuse(load, field, item);
        } else if (!registry_copy(load, item->text, &items[count++])) {
            return;
        }
    }
    if (field->type == REGISTRY_TYPE_TEXTS) {
        struct registry_texts *texts = registry_slot(object, field->offset);
        *texts = (struct registry_texts){ .items = items, .count = count };
    } else {
        registry_sort_texts(load, field, node, items, count);
        registry_put_list(object, field, items, count);
    }
}

void registry_read_choices(struct registry_load *load, const struct registry_field *field,
                           const struct yaml_node *node, void *object)
{
    if (!registry_list_fine(load, field, node)) {
        return;
    }
    uint64_t bits = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = yaml_item(node, i);
        unsigned at = 0;
        if (item->kind != YAML_SCALAR || item->null ||
            !registry_choice(field->choices, item->text, &at) || (bits >> at & 1) != 0) {
            registry_refuse(load, field, item);
        } else {
            bits |= UINT64_C(1) << at;
        }
    }
    *(uint64_t *)registry_slot(object, field->offset) = bits;
}

void registry_read_countries(struct registry_load *load, const struct registry_field *field,
                             const struct yaml_node *node, void *object)
{
    if (!registry_list_fine(load, field, node)) {
        return;
    }
    struct country_set set = { 0 };
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = yaml_item(node, i);
        country_t country = item->kind == YAML_SCALAR ? country_assigned(item->text) : COUNTRY_NONE;
        if (country == COUNTRY_NONE || country_set_has(&set, country)) {
            registry_refuse(load, field, item);
        } else {
            country_set_add(&set, country);
        }
    }
    if (field->type == REGISTRY_TYPE_MEMBERS) {
        *(struct country_set *)registry_slot(object, field->offset) = set;
        return;
    }
    country_t *countries = registry_alloc(load, node->count, sizeof(*countries));
    size_t count = 0;
    for (country_t at = country_set_next(&set, COUNTRY_NONE);
         countries != NULL && at != COUNTRY_NONE;
         at = country_set_next(&set, (country_t)(at + 1))) {
        countries[count++] = at;
    }
    registry_put_list(object, field, countries, count);
}

/* ---- sets with names ---------------------------------------------------------------------- */

static void registry_add_name(struct registry_load *load, const struct registry_field *field,
                              const struct yaml_node *item, struct country_set *set)
{
    country_t country = country_assigned(item->text);
    struct country_set world;
    if (country != COUNTRY_NONE) {
        country_set_add(set, country);
    } else if (str_eq(item->text, STR("WORLD"))) {
        country_set_world(&world);
        country_set_or(set, &world);
    } else if (str_starts(item->text, REGISTRY_GROUP)) {
        struct yaml_node name = *item;
        name.text = str_from_at(item->text, REGISTRY_GROUP.len);
        const struct registry_region_group *group =
            registry_ref_find(load, REGISTRY_KIND_REGION, &name);
        if (group != NULL) {
            country_set_or(set, &group->members);
        }
    } else {
        registry_refuse(load, field, item);
    }
}

void registry_read_country_set(struct registry_load *load, const struct registry_field *field,
                               const struct yaml_node *node, void *object)
{
    if (!registry_list_fine(load, field, node)) {
        return;
    }
    struct country_set *set = registry_slot(object, field->offset);
    struct str *written = registry_alloc(load, node->count, sizeof(*written));
    size_t count = 0;
    for (uint32_t i = 0; written != NULL && i < node->count; i++) {
        const struct yaml_node *item = yaml_item(node, i);
        if (item->kind != YAML_SCALAR || item->null) {
            registry_refuse(load, field, item);
            continue;
        }
        registry_add_name(load, field, item, set);
        if (!registry_copy(load, item->text, &written[count++])) {
            return;
        }
    }
    if (written == NULL) {
        return;
    }
    registry_sort_texts(load, field, node, written, count);
    if (field->count_offset > 0) {
        struct registry_texts *texts = registry_slot(object, field->count_offset);
        *texts = (struct registry_texts){ .items = written, .count = count };
    }
}

/* ---- grants -------------------------------------------------------------------------------- */

void registry_read_parent(struct registry_load *load, const struct registry_field *field,
                          const struct yaml_node *node, void *object)
{
    struct registry_grant *grant = object;
    if (node->kind == YAML_SEQUENCE && node->count > 1) {
        registry_fault(load, REGISTRY_RULE_CHAIN_TWO_PARENTS, node->place,
                       "%u grants are named as the parent of one", node->count);
    } else if (node->kind != YAML_SCALAR || node->null || !registry_id_fine(node->text)) {
        registry_refuse(load, field, node);
    } else if (str_eq(node->text, STR("root"))) {
        grant->parent_kind = REGISTRY_PARENT_ROOT;
    } else if (str_eq(node->text, STR("licence"))) {
        grant->parent_kind = REGISTRY_PARENT_LICENCE;
    } else {
        grant->parent =
            registry_set_find(&load->sets[REGISTRY_KIND_GRANT], REGISTRY_KIND_GRANT, node->text);
        (void)registry_copy(load, node->text, &grant->parent_id);
    }
}

static int registry_granted_order(const void *left, const void *right)
{
    const struct registry_grant_model *a = left;
    const struct registry_grant_model *b = right;
    if ((a->model == NULL) != (b->model == NULL)) {
        return a->model == NULL ? -1 : 1;
    }
    return a->model == NULL ? str_cmp(a->family, b->family)
                            : (a->model > b->model) - (a->model < b->model);
}

static bool registry_read_granted_model(struct registry_load *load,
                                        const struct registry_field *field,
                                        const struct yaml_node *item,
                                        struct registry_grant_model *granted)
{
    if (item->kind == YAML_SCALAR && str_starts(item->text, REGISTRY_FAMILY)) {
        struct str family = str_from_at(item->text, REGISTRY_FAMILY.len);
        if (!registry_text_fine(family, 1, 64)) {
            registry_refuse(load, field, item);
            return false;
        }
        return registry_copy(load, family, &granted->family);
    }
    granted->model = registry_ref_find(load, REGISTRY_KIND_MODEL, item);
    return granted->model != NULL;
}

void registry_read_granted(struct registry_load *load, const struct registry_field *field,
                           const struct yaml_node *node, void *object)
{
    if (!registry_list_fine(load, field, node)) {
        return;
    }
    struct registry_grant_model *granted = registry_alloc(load, node->count, sizeof(*granted));
    size_t count = 0;
    for (uint32_t i = 0; granted != NULL && i < node->count; i++) {
        granted[count] = (struct registry_grant_model){ .model = NULL };
        count +=
            registry_read_granted_model(load, field, yaml_item(node, i), &granted[count]) ? 1 : 0;
    }
    if (granted == NULL) {
        return;
    }
    /* Families first, by name; then models, which lie in memory in the order of their ids. */
    qsort(granted, count, sizeof(*granted), registry_granted_order);
    for (size_t i = 1; i < count; i++) {
        if (registry_granted_order(&granted[i], &granted[i - 1]) == 0) {
            registry_refuse(load, field, node);
            break;
        }
    }
    registry_put_list(object, field, granted, count);
}
