#include <string.h>

#include "registry/registry_internal.h"
#include "wire/jsonw.h"

/*
 * The canonical content: JSON with the kinds, the objects by id and the fields of the tables in
 * that order, defaults written out, prices in pico. A table that changes changes the hash of every
 * registry, so the form has a version.
 */
#define REGISTRY_FORM      2
#define REGISTRY_BYTES_MAX ((size_t)512 << 20)

static void registry_write(struct jsonw *json, const struct registry_shape *shape,
                           const void *object);

static const void *registry_pointer(const void *object, size_t offset)
{
    const void *pointer = NULL;
    memcpy(&pointer, registry_peek(object, offset), sizeof(pointer));
    return pointer;
}

static void registry_write_texts(struct jsonw *json, const struct registry_texts *texts)
{
    jsonw_open(json, '[');
    for (size_t i = 0; i < texts->count; i++) {
        jsonw_str(json, texts->items[i]);
    }
    jsonw_close(json, ']');
}

static void registry_write_refs(struct jsonw *json, const struct registry_field *field,
                                const void *object)
{
    size_t count = *(const size_t *)registry_peek(object, field->count_offset);
    const char *refs = registry_pointer(object, field->offset);
    jsonw_open(json, '[');
    for (size_t i = 0; i < count; i++) {
        jsonw_str(json, *(const struct str *)registry_pointer(refs, i * sizeof(void *)));
    }
    jsonw_close(json, ']');
}

static void registry_write_structs(struct jsonw *json, const struct registry_shape *shape,
                                   const char *objects, size_t count)
{
    jsonw_open(json, '[');
    for (size_t i = 0; i < count; i++) {
        registry_write(json, shape, objects + i * shape->size);
    }
    jsonw_close(json, ']');
}

static void registry_write_lines(struct jsonw *json, const struct registry_price_book *book)
{
    jsonw_open(json, '[');
    for (size_t i = 0; i < book->line_count; i++) {
        const struct registry_line *line = &book->lines[i];
        jsonw_open(json, '{');
        jsonw_put_str(json, "model", line->model->id);
        for (unsigned class = 0; class < REGISTRY_PRICE_CLASSES; class ++) {
            if (line->price.known[class]) {
                jsonw_put_int(json, registry_class_name((enum registry_class) class),
                              line->price.pico[class]);
            }
        }
        jsonw_put_int(json, "call", line->price.pico_call);
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

static void registry_write_field(struct jsonw *json, const struct registry_field *field,
                                 const void *object)
{
    const void *slot = registry_peek(object, field->offset);
    switch (field->type) {
    case REGISTRY_TYPE_ID:
    case REGISTRY_TYPE_TEXT:
    case REGISTRY_TYPE_COUNTRY:
    case REGISTRY_TYPE_PLACE:
    case REGISTRY_TYPE_CURRENCY:
    case REGISTRY_TYPE_SECRET:
    case REGISTRY_TYPE_URL:
    case REGISTRY_TYPE_HOST:
    case REGISTRY_TYPE_SHA256:
        jsonw_str(json, *(const struct str *)slot);
        break;
    case REGISTRY_TYPE_TEXTS:
        registry_write_texts(json, slot);
        break;
    case REGISTRY_TYPE_CHOICE:
        jsonw_int(json, *(const unsigned *)slot);
        break;
    case REGISTRY_TYPE_NUMBER:
        jsonw_int(json, (int64_t) * (const uint64_t *)slot); /* the tables' bounds fit */
        break;
    case REGISTRY_TYPE_MONEY:
        jsonw_int(json, *(const int64_t *)slot);
        break;
    case REGISTRY_TYPE_REF:
        jsonw_str(json, *(const struct str *)registry_pointer(object, field->offset));
        break;
    case REGISTRY_TYPE_REFS:
        registry_write_refs(json, field, object);
        break;
    case REGISTRY_TYPE_STRUCT:
        registry_write(json, field->shape, slot);
        break;
    case REGISTRY_TYPE_STRUCTS:
        registry_write_structs(json, field->shape, registry_pointer(object, field->offset),
                               *(const size_t *)registry_peek(object, field->count_offset));
        break;
    case REGISTRY_TYPE_LINES:
        registry_write_lines(json, object);
        break;
    }
}

static void registry_write(struct jsonw *json, const struct registry_shape *shape,
                           const void *object)
{
    jsonw_open(json, '{');
    for (size_t i = 0; i < shape->count; i++) {
        jsonw_key(json, shape->fields[i].key.ptr); /* literals: they end with a NUL */
        registry_write_field(json, &shape->fields[i], object);
    }
    jsonw_close(json, '}');
}

enum err registry_hash(struct registry *registry)
{
    struct buf text;
    buf_init(&text, REGISTRY_BYTES_MAX);
    struct jsonw json;
    jsonw_init(&json, &text);
    jsonw_open(&json, '{');
    jsonw_put_int(&json, "form", REGISTRY_FORM);
    for (size_t i = 0; i < REGISTRY_KIND_COUNT; i++) {
        const struct registry_kind_info *kind = &registry_kinds[i];
        jsonw_key(&json, kind->key.ptr);
        registry_write_structs(&json, kind->shape, registry_pointer(registry, kind->offset),
                               *(const size_t *)registry_peek(registry, kind->count_offset));
    }
    jsonw_close(&json, '}');
    enum err err = jsonw_err(&json);
    if (err == ERR_OK) {
        registry->hash = digest_sha256(buf_str(&text));
    }
    buf_fini(&text);
    return err == ERR_LIMIT ? ERR_NO_MEMORY : err;
}
