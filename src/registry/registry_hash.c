#include <string.h>

#include "base/enc.h"
#include "registry/registry_internal.h"
#include "wire/jsonw.h"

/*
 * The canonical content: JSON with the kinds, the objects by id and the fields of the tables in
 * that order, defaults written out, prices in pico. A table that changes changes the hash of every
 * registry, so the form has a version; a struct or choice that is marked as late changes the hash
 * of those alone that use it.
 */
#define REGISTRY_FORM      3
#define REGISTRY_BYTES_MAX ((size_t)512 << 20)

static void registry_write(struct jsonw *json, const struct registry_shape *shape,
                           const void *object);

static const void *registry_pointer(const void *object, size_t offset)
{
    const void *pointer = NULL;
    memcpy(&pointer, registry_peek(object, offset), sizeof(pointer));
    return pointer;
}

/* What a field's member is, written. */
typedef void registry_write_fn(struct jsonw *json, const struct registry_field *field,
                               const void *object);

static void registry_write_str(struct jsonw *json, const struct registry_field *field,
                               const void *object)
{
    jsonw_str(json, *(const struct str *)registry_peek(object, field->offset));
}

static void registry_write_choice(struct jsonw *json, const struct registry_field *field,
                                  const void *object)
{
    jsonw_int(json, *(const unsigned *)registry_peek(object, field->offset));
}

static void registry_write_bool(struct jsonw *json, const struct registry_field *field,
                                const void *object)
{
    jsonw_int(json, *(const bool *)registry_peek(object, field->offset) ? 1 : 0);
}

/* Numbers, sets of bits, times and money: the tables' bounds fit, and what is unknown is -1. */
static void registry_write_number(struct jsonw *json, const struct registry_field *field,
                                  const void *object)
{
    jsonw_int(json, *(const int64_t *)registry_peek(object, field->offset));
}

static void registry_write_country(struct jsonw *json, const struct registry_field *field,
                                   const void *object)
{
    jsonw_int(json, *(const country_t *)registry_peek(object, field->offset));
}

static void registry_write_bytes(struct jsonw *json, const void *bytes, size_t len)
{
    char text[256];
    struct buf hex = { text, 0, sizeof(text), sizeof(text) };
    ASSERT(2 * len <= sizeof(text));
    EP_IGNORE(enc_hex(&hex, bytes, len)); /* it fits */
    jsonw_str(json, buf_str(&hex));
}

static void registry_write_hex(struct jsonw *json, const struct registry_field *field,
                               const void *object)
{
    registry_write_bytes(json, registry_peek(object, field->offset), field->max);
}

static void registry_write_items(struct jsonw *json, const struct str *items, size_t count)
{
    jsonw_open(json, '[');
    for (size_t i = 0; i < count; i++) {
        jsonw_str(json, items[i]);
    }
    jsonw_close(json, ']');
}

static void registry_write_texts(struct jsonw *json, const struct registry_field *field,
                                 const void *object)
{
    const struct registry_texts *texts = registry_peek(object, field->offset);
    registry_write_items(json, texts->items, texts->count);
}

static size_t registry_count(const struct registry_field *field, const void *object)
{
    return *(const size_t *)registry_peek(object, field->count_offset);
}

static void registry_write_strs(struct jsonw *json, const struct registry_field *field,
                                const void *object)
{
    registry_write_items(json, registry_pointer(object, field->offset),
                         registry_count(field, object));
}

static void registry_write_countries(struct jsonw *json, const struct registry_field *field,
                                     const void *object)
{
    const country_t *countries = registry_pointer(object, field->offset);
    jsonw_open(json, '[');
    for (size_t i = 0; i < registry_count(field, object); i++) {
        jsonw_int(json, countries[i]);
    }
    jsonw_close(json, ']');
}

/* The numbers of the words and of the bits in them do not depend on the machine. */
static void registry_write_country_set(struct jsonw *json, const struct registry_field *field,
                                       const void *object)
{
    const struct country_set *set = registry_peek(object, field->offset);
    jsonw_open(json, '[');
    for (size_t i = 0; i < COUNTRY_WORDS; i++) {
        jsonw_int(json, (int64_t)set->words[i]);
    }
    jsonw_close(json, ']');
}

/* An object that can be named begins with its id; none is null. */
static void registry_write_id(struct jsonw *json, const struct str *object)
{
    if (object == NULL) {
        jsonw_null(json);
    } else {
        jsonw_str(json, *object);
    }
}

static void registry_write_ref(struct jsonw *json, const struct registry_field *field,
                               const void *object)
{
    registry_write_id(json, registry_pointer(object, field->offset));
}

static void registry_write_refs(struct jsonw *json, const struct registry_field *field,
                                const void *object)
{
    const char *refs = registry_pointer(object, field->offset);
    jsonw_open(json, '[');
    for (size_t i = 0; i < registry_count(field, object); i++) {
        registry_write_id(json, registry_pointer(refs, i * sizeof(void *)));
    }
    jsonw_close(json, ']');
}

static void registry_write_list(struct jsonw *json, const struct registry_shape *shape,
                                const char *objects, size_t count)
{
    jsonw_open(json, '[');
    for (size_t i = 0; i < count; i++) {
        registry_write(json, shape, objects + i * shape->size);
    }
    jsonw_close(json, ']');
}

static void registry_write_struct(struct jsonw *json, const struct registry_field *field,
                                  const void *object)
{
    registry_write(json, field->shape, registry_peek(object, field->offset));
}

static void registry_write_structs(struct jsonw *json, const struct registry_field *field,
                                   const void *object)
{
    registry_write_list(json, field->shape, registry_pointer(object, field->offset),
                        registry_count(field, object));
}

/* By kind: [["1024x1024/high",167000000000]]. */
static void registry_write_images(struct jsonw *json, const struct registry_price *price)
{
    jsonw_key(json, "images");
    jsonw_open(json, '[');
    for (size_t i = 0; i < price->image_count; i++) {
        jsonw_open(json, '[');
        jsonw_str(json, price->images[i].kind);
        jsonw_int(json, price->images[i].pico);
        jsonw_close(json, ']');
    }
    jsonw_close(json, ']');
}

static void registry_write_prices(struct jsonw *json, const struct registry_price *price)
{
    for (unsigned class = 0; class < REGISTRY_PRICE_CLASSES; class ++) {
        if (price->known[class]) {
            jsonw_put_int(json, registry_class_name((enum registry_class) class),
                          price->pico[class]);
        }
    }
    jsonw_put_int(json, "call", price->pico_call);
    for (unsigned unit = 0; unit < REGISTRY_UNITS; unit++) {
        if (price->known_unit[unit]) {
            jsonw_put_int(json, registry_unit_name((enum registry_unit_priced)unit),
                          price->pico_unit[unit]);
        }
    }
    if (price->image_count > 0) {
        registry_write_images(json, price);
    }
}

/* As they are charged, whether the book says a share or a price. */
static void registry_write_tiers(struct jsonw *json, const struct registry_price *price)
{
    jsonw_key(json, "tiers");
    jsonw_open(json, '{');
    for (size_t i = 0; i < price->tier_count; i++) {
        jsonw_key(json, tier_name(price->tiers[i].tier));
        jsonw_open(json, '{');
        registry_write_prices(json, &price->tiers[i].price);
        jsonw_close(json, '}');
    }
    jsonw_close(json, '}');
}

static void registry_write_lines(struct jsonw *json, const struct registry_field *field,
                                 const void *object)
{
    const struct registry_price_book *book = object;
    (void)field;
    jsonw_open(json, '[');
    for (size_t i = 0; i < book->line_count; i++) {
        const struct registry_line *line = &book->lines[i];
        jsonw_open(json, '{');
        jsonw_put_str(json, "model", line->model->id);
        registry_write_prices(json, &line->price);
        if (line->price.tier_count > 0) {
            registry_write_tiers(json, &line->price);
        }
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

static void registry_write_parent(struct jsonw *json, const struct registry_field *field,
                                  const void *object)
{
    const struct registry_grant *grant = object;
    (void)field;
    jsonw_open(json, '[');
    jsonw_int(json, grant->parent_kind);
    jsonw_str(json, grant->parent_id);
    jsonw_close(json, ']');
}

static void registry_write_granted(struct jsonw *json, const struct registry_field *field,
                                   const void *object)
{
    const struct registry_grant *grant = object;
    (void)field;
    jsonw_open(json, '[');
    for (size_t i = 0; i < grant->model_count; i++) {
        const struct registry_grant_model *granted = &grant->models[i];
        jsonw_open(json, '{');
        jsonw_put_str(json, granted->model != NULL ? "model" : "family",
                      granted->model != NULL ? granted->model->id : granted->family);
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

static registry_write_fn *const registry_writers[] = {
    [REGISTRY_TYPE_ID] = registry_write_str,
    [REGISTRY_TYPE_TEXT] = registry_write_str,
    [REGISTRY_TYPE_WORD] = registry_write_str,
    [REGISTRY_TYPE_PLACE] = registry_write_str,
    [REGISTRY_TYPE_CURRENCY] = registry_write_str,
    [REGISTRY_TYPE_SECRET] = registry_write_str,
    [REGISTRY_TYPE_URL] = registry_write_str,
    [REGISTRY_TYPE_HOST] = registry_write_str,
    [REGISTRY_TYPE_SHA256] = registry_write_str,
    [REGISTRY_TYPE_FILE] = registry_write_str,
    [REGISTRY_TYPE_BLOCK] = registry_write_str,
    [REGISTRY_TYPE_MONTH] = registry_write_str,
    [REGISTRY_TYPE_CHOICE] = registry_write_choice,
    [REGISTRY_TYPE_DERIVED] = registry_write_choice,
    [REGISTRY_TYPE_NUMBER] = registry_write_number,
    [REGISTRY_TYPE_CLOCK] = registry_write_number,
    [REGISTRY_TYPE_OFFSET] = registry_write_number,
    [REGISTRY_TYPE_MONEY] = registry_write_number,
    [REGISTRY_TYPE_BOOL] = registry_write_bool,
    [REGISTRY_TYPE_TIME] = registry_write_number,
    [REGISTRY_TYPE_DATE] = registry_write_number,
    [REGISTRY_TYPE_COUNTRY] = registry_write_country,
    [REGISTRY_TYPE_HEX] = registry_write_hex,
    [REGISTRY_TYPE_TEXTS] = registry_write_texts,
    [REGISTRY_TYPE_STRS] = registry_write_strs,
    [REGISTRY_TYPE_HOSTS] = registry_write_strs,
    [REGISTRY_TYPE_CHOICES] = registry_write_number,
    [REGISTRY_TYPE_COUNTRIES] = registry_write_countries,
    [REGISTRY_TYPE_COUNTRY_SET] = registry_write_country_set,
    [REGISTRY_TYPE_MEMBERS] = registry_write_country_set,
    [REGISTRY_TYPE_REF] = registry_write_ref,
    [REGISTRY_TYPE_REFS] = registry_write_refs,
    [REGISTRY_TYPE_STRUCT] = registry_write_struct,
    [REGISTRY_TYPE_STRUCTS] = registry_write_structs,
    [REGISTRY_TYPE_LINES] = registry_write_lines,
    [REGISTRY_TYPE_PARENT] = registry_write_parent,
    [REGISTRY_TYPE_GRANTED] = registry_write_granted,
};
_Static_assert(EP_ARRAY_LEN(registry_writers) == REGISTRY_TYPE_COUNT, "a row each");

/* Structs of a snapshot are zeroed before they are read, gaps included. */
static bool registry_is_zero(const void *object, size_t size)
{
    const unsigned char *bytes = object;
    size_t i = 0;
    while (i < size && bytes[i] == 0) {
        i++;
    }
    return i == size;
}

/* A registry that does not use what came later keeps its hash. */
static bool registry_is_unused(const struct registry_field *field, const void *object)
{
    if (!field->late) {
        return false;
    }
    ASSERT(field->type == REGISTRY_TYPE_STRUCT || field->type == REGISTRY_TYPE_CHOICE ||
           field->type == REGISTRY_TYPE_NUMBER);
    size_t size = field->type == REGISTRY_TYPE_STRUCT   ? field->shape->size
                  : field->type == REGISTRY_TYPE_CHOICE ? sizeof(unsigned)
                                                        : sizeof(uint64_t);
    return registry_is_zero(registry_peek(object, field->offset), size);
}

static void registry_write(struct jsonw *json, const struct registry_shape *shape,
                           const void *object)
{
    jsonw_open(json, '{');
    for (size_t i = 0; i < shape->count; i++) {
        if (registry_is_unused(&shape->fields[i], object)) {
            continue;
        }
        jsonw_key(json, shape->fields[i].key.ptr); /* literals: they end with a NUL */
        registry_writers[shape->fields[i].type](json, &shape->fields[i], object);
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
        registry_write_list(&json, kind->shape, registry_pointer(registry, kind->offset),
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
