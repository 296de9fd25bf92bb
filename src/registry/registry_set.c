#include <stdlib.h>
#include <string.h>

#include "base/near.h"
#include "registry/registry_internal.h"

static int registry_item_order(const void *left, const void *right)
{
    const struct registry_item *a = left;
    const struct registry_item *b = right;
    int order = str_cmp(a->id, b->id);
    if (order != 0) {
        return order;
    }
    if (a->node->place.line != b->node->place.line) {
        return a->node->place.line < b->node->place.line ? -1 : 1;
    }
    return (a->node->place.column > b->node->place.column) -
           (a->node->place.column < b->node->place.column);
}

bool registry_items(struct registry_load *load, const struct registry_shape *shape,
                    const struct yaml_node *list, struct registry_set *ret_set)
{
    load->objects += list->count;
    if (load->objects > REGISTRY_OBJECTS_MAX) {
        registry_fault(load, REGISTRY_RULE_REG_LIMIT, list->place,
                       "all files together hold more than %d objects", REGISTRY_OBJECTS_MAX);
        return false;
    }
    struct registry_item *items = registry_alloc(load, list->count, sizeof(*items));
    char *objects = registry_alloc(load, list->count, shape->size);
    if (items == NULL || objects == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const struct yaml_node *node = yaml_item(list, i);
        const struct yaml_node *id = node->kind == YAML_MAPPING ? yaml_get(node, STR("id")) : NULL;
        bool fine = id != NULL && id->kind == YAML_SCALAR && registry_id_fine(id->text);
        items[i] = (struct registry_item){ .id = fine ? id->text : STR_EMPTY, .node = node };
    }
    qsort(items, list->count, sizeof(*items), registry_item_order);
    for (uint32_t i = 1; i < list->count; i++) {
        if (items[i].id.len > 0 && str_eq(items[i].id, items[i - 1].id)) {
            registry_fault(load, REGISTRY_RULE_REG_DUPLICATE_ID,
                           yaml_get(items[i].node, STR("id"))->place,
                           "there is another %s \"" STR_FMT "\" on line %u", shape->noun,
                           STR_ARG(items[i].id), items[i - 1].node->place.line);
        }
    }
    *ret_set = (struct registry_set){ .items = items, .objects = objects, .count = list->count };
    return true;
}

const void *registry_set_find(const struct registry_set *set, enum registry_kind kind,
                              struct str id)
{
    if (set->count == 0 || id.len == 0) {
        return NULL;
    }
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(set->items[middle].id, id);
        if (order == 0) {
            return set->objects + middle * registry_kinds[kind].shape->size;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static struct str registry_set_near(const struct registry_set *set, struct str id)
{
    struct str near = STR_EMPTY;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < set->count; i++) {
        size_t distance = near_distance(set->items[i].id, id);
        if (distance < least && near_enough(set->items[i].id, id, distance)) {
            near = set->items[i].id;
            least = distance;
        }
    }
    return near;
}

const void *registry_ref_find(struct registry_load *load, enum registry_kind kind,
                              const struct yaml_node *node)
{
    const char *noun = registry_kinds[kind].shape->noun;
    if (node->kind != YAML_SCALAR || node->null) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       "the id of a %s must stand here", noun);
        return NULL;
    }
    const void *object = registry_set_find(&load->sets[kind], kind, node->text);
    if (object == NULL) {
        /* A suggestion costs a walk of the whole list: the first faults have one. */
        struct str near = load->report->count < REGISTRY_NEAR_MAX
                              ? registry_set_near(&load->sets[kind], node->text)
                              : STR_EMPTY;
        struct str shown = node->text;
        shown.len = shown.len < NEAR_LEN_MAX ? shown.len : NEAR_LEN_MAX;
        registry_fault(load, REGISTRY_RULE_REG_UNKNOWN_REF, node->place,
                       "there is no %s \"" STR_FMT "\"%s" STR_FMT "%s", noun, STR_ARG(shown),
                       near.len > 0 ? "; did you mean \"" : "", STR_ARG(near),
                       near.len > 0 ? "\"?" : "");
    }
    return object;
}
