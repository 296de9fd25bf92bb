#include "registry_sample.h"

/* Memory that is written through the tables must lie inside the structs. */
TEST(every_field_lies_inside_its_struct)
{
    for (size_t kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
        const struct registry_shape *shape = registry_kinds[kind].shape;
        CHECK(shape->count > 0);
        CHECK_STR(shape->fields[0].key, STR("id"));
        CHECK_EQ(shape->fields[0].offset, 0);
        for (size_t i = 0; i < shape->count; i++) {
            const struct registry_field *field = &shape->fields[i];
            CHECK(field->offset < shape->size);
            CHECK(field->count_offset < shape->size);
            bool list = field->type == REGISTRY_TYPE_REFS || field->type == REGISTRY_TYPE_STRUCTS ||
                        field->type == REGISTRY_TYPE_LINES;
            CHECK((field->count_offset > 0) == list);
            CHECK(field->type != REGISTRY_TYPE_NUMBER || field->max <= INT64_MAX);
            CHECK((field->type == REGISTRY_TYPE_CHOICE) == (field->choices.len > 0));
            bool nested =
                field->type == REGISTRY_TYPE_STRUCT || field->type == REGISTRY_TYPE_STRUCTS;
            CHECK((field->shape != NULL) == nested);
            /* A kind names only kinds that are read before it. */
            bool ref = field->type == REGISTRY_TYPE_REF || field->type == REGISTRY_TYPE_REFS;
            CHECK(!ref || field->ref < kind);
        }
    }
}
