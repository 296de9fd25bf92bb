#include <stdlib.h>
#include <string.h>

#include "base/near.h"
#include "registry/registry_schema_internal.h"

void registry_fault(struct registry_load *load, enum registry_rule rule, struct yaml_place place,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    registry_report_add(load->report, load->file, place, rule, format, args);
    va_end(args);
}

void *registry_alloc(struct registry_load *load, size_t count, size_t size)
{
    ASSERT(size > 0);
    /* One more than asked for: an empty array has an address too. */
    void *memory =
        count < SIZE_MAX / size - 1 ? arena_zalloc(&load->owner->arena, (count + 1) * size) : NULL;
    if (memory == NULL) {
        load->err = ERR_NO_MEMORY;
    }
    return memory;
}

bool registry_copy(struct registry_load *load, struct str text, struct str *ret_copy)
{
    if (!arena_copy(&load->owner->arena, text, ret_copy)) {
        load->err = ERR_NO_MEMORY;
        return false;
    }
    return true;
}

/* Objects of a kind lie in memory in the order of their ids. */
static int registry_ref_order(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;
    return (*a > *b) - (*a < *b);
}

/* Also of an object that is not read yet. */
static struct str registry_ref_id(const struct registry_load *load, enum registry_kind kind,
                                  const void *object)
{
    const struct registry_set *set = &load->sets[kind];
    size_t at = (size_t)((const char *)object - set->objects) / registry_kinds[kind].shape->size;
    return set->items[at].id;
}

static void registry_read_refs(struct registry_load *load, const struct registry_field *field,
                               const struct yaml_node *node, void *object)
{
    if (!registry_list_fine(load, field, node)) {
        return;
    }
    const void **refs = registry_alloc(load, node->count, sizeof(*refs));
    size_t count = 0;
    for (uint32_t i = 0; refs != NULL && i < node->count; i++) {
        const void *ref = registry_ref_find(load, field->ref, yaml_item(node, i));
        if (ref != NULL) {
            refs[count++] = ref;
        }
    }
    if (refs == NULL) {
        return;
    }
    qsort(refs, count, sizeof(*refs), registry_ref_order);
    for (size_t i = 1; i < count; i++) {
        if (refs[i] == refs[i - 1]) {
            registry_fault(load, REGISTRY_RULE_REG_DUPLICATE_ID, node->place,
                           STR_FMT ": \"" STR_FMT "\" stands there twice", STR_ARG(field->key),
                           STR_ARG(registry_ref_id(load, field->ref, refs[i])));
        }
    }
    registry_put_list(object, field, refs, count);
}

static void registry_read_structs(struct registry_load *load, const struct registry_field *field,
                                  const struct yaml_node *node, void *object)
{
    struct registry_set set = { 0 };
    if (!registry_list_fine(load, field, node) || !registry_items(load, field->shape, node, &set)) {
        return;
    }
    for (size_t i = 0; i < set.count; i++) {
        registry_read(load, field->shape, set.items[i].node, set.objects + i * field->shape->size);
    }
    registry_put_list(object, field, set.objects, set.count);
}

static void registry_read_ref(struct registry_load *load, const struct registry_field *field,
                              const struct yaml_node *node, void *object)
{
    const void *ref = registry_ref_find(load, field->ref, node);
    memcpy(registry_slot(object, field->offset), &ref, sizeof(ref));
}

static void registry_note_doc(struct registry_load *load, const struct yaml_node *node,
                              struct registry_doc *doc)
{
    struct registry_note *note = registry_alloc(load, 1, sizeof(*note));
    if (note != NULL && doc->file.len > 0 && doc->sha256.len > 0) {
        *note = (struct registry_note){
            .next = load->notes, .doc = doc, .kind = load->kind, .place = node->place
        };
        load->notes = note;
        load->note_count++;
    }
}

static void registry_read_struct(struct registry_load *load, const struct registry_field *field,
                                 const struct yaml_node *node, void *object)
{
    registry_read(load, field->shape, node, registry_slot(object, field->offset));
    if (field->shape == &registry_shape_doc) {
        registry_note_doc(load, node, registry_slot(object, field->offset));
    }
}

static void registry_read_book(struct registry_load *load, const struct registry_field *field,
                               const struct yaml_node *node, void *object)
{
    (void)field;
    registry_read_lines(load, node, object);
}

static void registry_read_field(struct registry_load *load, const struct registry_field *field,
                                const struct yaml_node *node, void *object)
{
    static registry_list_fn *const readers[REGISTRY_TYPE_COUNT] = {
        [REGISTRY_TYPE_TEXTS] = registry_read_strs,
        [REGISTRY_TYPE_STRS] = registry_read_strs,
        [REGISTRY_TYPE_HOSTS] = registry_read_strs,
        [REGISTRY_TYPE_CHOICES] = registry_read_choices,
        [REGISTRY_TYPE_COUNTRIES] = registry_read_countries,
        [REGISTRY_TYPE_COUNTRY_SET] = registry_read_country_set,
        [REGISTRY_TYPE_MEMBERS] = registry_read_countries,
        [REGISTRY_TYPE_REF] = registry_read_ref,
        [REGISTRY_TYPE_REFS] = registry_read_refs,
        [REGISTRY_TYPE_STRUCT] = registry_read_struct,
        [REGISTRY_TYPE_STRUCTS] = registry_read_structs,
        [REGISTRY_TYPE_LINES] = registry_read_book,
        [REGISTRY_TYPE_PARENT] = registry_read_parent,
        [REGISTRY_TYPE_GRANTED] = registry_read_granted,
    };
    if (registry_is_scalar(field->type)) {
        registry_read_scalar(load, field, node, registry_slot(object, field->offset));
    } else {
        readers[field->type](load, field, node, object);
    }
}

/* What an optional field is when it is left out. */
static void registry_read_absent(struct registry_load *load, const struct registry_field *field,
                                 void *object)
{
    struct yaml_node standard = { .kind = YAML_SCALAR, .text = field->standard };
    if (field->type == REGISTRY_TYPE_STRUCT) {
        standard.kind = YAML_MAPPING;
    }
    if (field->standard.len > 0) {
        registry_read_field(load, field, &standard, object);
    } else if (field->absent > 0) {
        memcpy(registry_slot(object, field->offset), &field->absent, sizeof(field->absent));
    }
}

/* NULL: the shape has no such field in a file. */
static const struct registry_field *registry_field(const struct registry_shape *shape,
                                                   struct str key)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct registry_field *field = &shape->fields[i];
        if (field->type != REGISTRY_TYPE_DERIVED && str_eq(field->key, key)) {
            return field;
        }
    }
    return NULL;
}

static void registry_unknown_key(struct registry_load *load, const struct registry_shape *shape,
                                 const struct yaml_node *key)
{
    struct str near = STR_EMPTY;
    size_t least = SIZE_MAX;
    /* The first faults have a suggestion: a file may hold a million keys that are none. */
    size_t rows = load->report->count < REGISTRY_NEAR_MAX ? shape->count : 0;
    for (size_t i = 0; i < rows; i++) {
        const struct registry_field *field = &shape->fields[i];
        size_t distance = near_distance(field->key, key->text);
        if (field->type != REGISTRY_TYPE_DERIVED && distance < least &&
            near_enough(field->key, key->text, distance)) {
            near = field->key;
            least = distance;
        }
    }
    struct str shown = key->text;
    shown.len = shown.len < 64 ? shown.len : 64;
    registry_fault(load, REGISTRY_RULE_REG_UNKNOWN_KEY, key->place,
                   "a %s has no \"" STR_FMT "\"%s" STR_FMT "%s", shape->noun, STR_ARG(shown),
                   near.len > 0 ? "; did you mean \"" : "", STR_ARG(near),
                   near.len > 0 ? "\"?" : "");
}

static const int64_t *registry_time(const struct registry_shape *shape, const void *object,
                                    struct str key)
{
    for (size_t i = 0; i < shape->count; i++) {
        if (shape->fields[i].type == REGISTRY_TYPE_TIME && str_eq(shape->fields[i].key, key)) {
            return registry_peek(object, shape->fields[i].offset);
        }
    }
    return NULL;
}

/* Windows are half-open: one that ends when it begins, or before, is never. */
static void registry_read_window(struct registry_load *load, const struct registry_shape *shape,
                                 const struct yaml_node *node, const void *object)
{
    const int64_t *from = registry_time(shape, object, STR("valid_from"));
    const int64_t *until = registry_time(shape, object, STR("valid_until"));
    if (from != NULL && until != NULL && *from >= *until) {
        registry_fault(load, REGISTRY_RULE_REG_WINDOW, registry_place_of(node, STR("valid_until")),
                       "this %s ends before it has begun", shape->noun);
    }
}

void registry_read(struct registry_load *load, const struct registry_shape *shape,
                   const struct yaml_node *node, void *object)
{
    if (node->kind != YAML_MAPPING) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place, "a %s is a mapping of keys",
                       shape->noun);
        return;
    }
    size_t before = load->report->refusals;
    for (uint32_t i = 0; i < node->count; i++) {
        if (registry_field(shape, yaml_key(node, i)->text) == NULL) {
            registry_unknown_key(load, shape, yaml_key(node, i));
        }
    }
    for (size_t i = 0; i < shape->count && load->err == ERR_OK; i++) {
        const struct registry_field *field = &shape->fields[i];
        if (field->type == REGISTRY_TYPE_DERIVED) {
            continue;
        }
        const struct yaml_node *value = yaml_get(node, field->key);
        if (value != NULL && !(value->null && field->optional)) {
            registry_read_field(load, field, value, object);
        } else if (!field->optional) {
            registry_fault(load, REGISTRY_RULE_REG_MISSING_FIELD, node->place,
                           "this %s has no \"" STR_FMT "\"", shape->noun, STR_ARG(field->key));
        } else {
            registry_read_absent(load, field, object);
        }
    }
    if (load->report->refusals == before) {
        registry_read_window(load, shape, node, object);
    }
}
