#include "registry_sample.h"

static bool field_is(const struct registry_field *field, const enum registry_type *types,
                     size_t count)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found = found || field->type == types[i];
    }
    return found;
}

static void check_shape(const struct registry_shape *shape, unsigned depth)
{
    static const enum registry_type lists[] = { REGISTRY_TYPE_REFS,      REGISTRY_TYPE_STRUCTS,
                                                REGISTRY_TYPE_LINES,     REGISTRY_TYPE_STRS,
                                                REGISTRY_TYPE_COUNTRIES, REGISTRY_TYPE_HOSTS,
                                                REGISTRY_TYPE_GRANTED };
    static const enum registry_type chosen[] = { REGISTRY_TYPE_CHOICE, REGISTRY_TYPE_CHOICES,
                                                 REGISTRY_TYPE_WORD };
    static const enum registry_type nested[] = { REGISTRY_TYPE_STRUCT, REGISTRY_TYPE_STRUCTS };
    static const enum registry_type absent[] = { REGISTRY_TYPE_NUMBER, REGISTRY_TYPE_TIME,
                                                 REGISTRY_TYPE_CHOICES };
    CHECK(shape->count > 0 && depth < 5);
    for (size_t i = 0; i < shape->count; i++) {
        const struct registry_field *field = &shape->fields[i];
        CHECK(field->type < REGISTRY_TYPE_COUNT);
        CHECK(field->offset < shape->size);
        CHECK(field->count_offset < shape->size);
        bool set = field->type == REGISTRY_TYPE_COUNTRY_SET;
        CHECK(set || (field->count_offset > 0) == field_is(field, lists, EP_ARRAY_LEN(lists)));
        CHECK(field->type != REGISTRY_TYPE_NUMBER || field->max <= INT64_MAX);
        CHECK(field->type != REGISTRY_TYPE_HEX || field->max == field->min);
        CHECK((field->choices.len > 0) == field_is(field, chosen, EP_ARRAY_LEN(chosen)));
        CHECK(field->absent == 0 || field_is(field, absent, EP_ARRAY_LEN(absent)));
        CHECK((field->shape != NULL) == field_is(field, nested, EP_ARRAY_LEN(nested)));
        CHECK(!field->late || field->type == REGISTRY_TYPE_STRUCT ||
              field->type == REGISTRY_TYPE_CHOICE || field->type == REGISTRY_TYPE_NUMBER);
        CHECK(field->standard.len == 0 || field->optional);
        /* A member is not written by two fields. */
        for (size_t k = 0; k < i && field->type != REGISTRY_TYPE_PARENT; k++) {
            CHECK(shape->fields[k].type == REGISTRY_TYPE_PARENT ||
                  shape->fields[k].offset != field->offset);
        }
        if (field->shape != NULL) {
            CHECK(field->type == REGISTRY_TYPE_STRUCTS ||
                  field->offset + field->shape->size <= shape->size);
            check_shape(field->shape, depth + 1);
        }
    }
}

/* Memory that is written through the tables must lie inside the structs. */
TEST(every_field_lies_inside_its_struct)
{
    for (size_t kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
        const struct registry_shape *shape = registry_kinds[kind].shape;
        CHECK_STR(shape->fields[0].key, STR("id"));
        CHECK_EQ(shape->fields[0].offset, 0);
        check_shape(shape, 0);
    }
}

TEST(no_two_kinds_share_a_file_or_an_array)
{
    for (size_t a = 0; a < REGISTRY_KIND_COUNT; a++) {
        CHECK(registry_kinds[a].file.len > 0);
        for (size_t b = 0; b < a; b++) {
            CHECK(!str_eq(registry_kinds[a].file, registry_kinds[b].file));
            CHECK(registry_kinds[a].offset != registry_kinds[b].offset);
            CHECK(registry_kinds[a].count_offset != registry_kinds[b].count_offset);
        }
    }
}
