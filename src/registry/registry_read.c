#include <stdlib.h>
#include <string.h>

#include "base/currency.h"
#include "base/enc.h"
#include "base/money.h"
#include "base/near.h"
#include "registry/registry_internal.h"
#include "wire/url.h"

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

static bool registry_letter_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

/* Letters, digits and the bytes of `others`. */
static bool registry_plain(struct str text, const char *others)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!registry_letter_or_digit(text.ptr[i]) &&
            memchr(others, text.ptr[i], strlen(others)) == NULL) {
            return false;
        }
    }
    return text.len > 0;
}

bool registry_id_fine(struct str id)
{
    return id.len <= NEAR_LEN_MAX && registry_plain(id, "._:/-") &&
           registry_letter_or_digit(id.ptr[0]);
}

static bool registry_upper(struct str text, size_t len)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 'A' || text.ptr[i] > 'Z') {
            return false;
        }
    }
    return text.len == len;
}

static bool registry_text_fine(struct str text, uint64_t min, uint64_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return text.len >= min && text.len <= max;
}

static bool registry_sum_fine(struct str text)
{
    unsigned char sum[DIGEST_BYTES];
    return text.len == 2 * sizeof(sum) && enc_hex_read(text, sum, sizeof(sum));
}

static bool registry_place_fine(struct str text)
{
    struct str site = text;
    struct str country = str_cut(&site, '/');
    return registry_upper(country, 2) && (country.len == text.len || registry_plain(site, "._-"));
}

static bool registry_secret_fine(struct str text)
{
    struct str rest = text;
    struct str scheme = str_cut(&rest, ':');
    if (str_eq(scheme, STR("env"))) {
        return registry_plain(rest, "_") && (rest.ptr[0] < '0' || rest.ptr[0] > '9');
    }
    return str_eq(scheme, STR("file")) && registry_text_fine(rest, 1, 4096);
}

/* The place of `text` among "a|b|c". */
static bool registry_choice(struct str choices, struct str text, unsigned *ret_at)
{
    for (unsigned at = 0; choices.len > 0; at++) {
        if (str_eq(str_cut(&choices, '|'), text)) {
            *ret_at = at;
            return true;
        }
    }
    return false;
}

static bool registry_number(const struct registry_field *field, struct str text, void *slot)
{
    uint64_t value = 0;
    if (!str_to_u64(text, &value) || value < field->min || value > field->max) {
        return false;
    }
    *(uint64_t *)slot = value;
    return true;
}

static bool registry_text_type_fine(const struct registry_field *field, struct str text)
{
    struct url url;
    switch (field->type) {
    case REGISTRY_TYPE_ID:
        return registry_id_fine(text);
    case REGISTRY_TYPE_TEXT:
        return registry_text_fine(text, field->min, field->max);
    case REGISTRY_TYPE_COUNTRY:
        return registry_upper(text, 2);
    case REGISTRY_TYPE_CURRENCY:
        return currency_exponent(text) != CURRENCY_UNKNOWN;
    case REGISTRY_TYPE_SHA256:
        return registry_sum_fine(text);
    case REGISTRY_TYPE_PLACE:
        return text.len <= 64 && registry_place_fine(text);
    case REGISTRY_TYPE_SECRET:
        return registry_secret_fine(text);
    case REGISTRY_TYPE_URL:
        return text.len <= 1024 && registry_text_fine(text, 1, 1024) && url_parse(text, &url);
    case REGISTRY_TYPE_HOST:
        return text.len <= 253 && registry_plain(text, ".:-");
    case REGISTRY_TYPE_TEXTS:
    case REGISTRY_TYPE_CHOICE:
    case REGISTRY_TYPE_NUMBER:
    case REGISTRY_TYPE_REF:
    case REGISTRY_TYPE_REFS:
    case REGISTRY_TYPE_MONEY:
    case REGISTRY_TYPE_STRUCT:
    case REGISTRY_TYPE_STRUCTS:
    case REGISTRY_TYPE_LINES:
        break;
    }
    return false;
}

static bool registry_scalar(struct registry_load *load, const struct registry_field *field,
                            struct str text, void *slot)
{
    if (field->type == REGISTRY_TYPE_NUMBER) {
        return registry_number(field, text, slot);
    }
    if (field->type == REGISTRY_TYPE_CHOICE) {
        return registry_choice(field->choices, text, slot);
    }
    if (field->type == REGISTRY_TYPE_MONEY) {
        int64_t nano = 0;
        if (!money_parse(text, 9, &nano) || nano <= 0) {
            return false;
        }
        *(int64_t *)slot = nano;
        return true;
    }
    return registry_text_type_fine(field, text) && registry_copy(load, text, slot);
}

/* What a type allows; the numbers of the row are added where it has some. */
static const char *const registry_allowed[] = {
    [REGISTRY_TYPE_ID] = "letters, digits and . _ : / - (at most 96)",
    [REGISTRY_TYPE_TEXT] = "a text",
    [REGISTRY_TYPE_TEXTS] = "a list of texts",
    [REGISTRY_TYPE_COUNTRY] = "a country as two capital letters (ISO 3166-1)",
    [REGISTRY_TYPE_PLACE] = "a country, or COUNTRY/site",
    [REGISTRY_TYPE_CURRENCY] = "a currency of ISO 4217 such as USD",
    [REGISTRY_TYPE_CHOICE] = "one of",
    [REGISTRY_TYPE_NUMBER] = "a whole number",
    [REGISTRY_TYPE_REF] = "an id",
    [REGISTRY_TYPE_REFS] = "a list of ids, each once",
    [REGISTRY_TYPE_SECRET] = "env:NAME or file:PATH, never the secret itself",
    [REGISTRY_TYPE_URL] = "http(s)://HOST[:PORT][/PATH]",
    [REGISTRY_TYPE_HOST] = "a host name or address without a port",
    [REGISTRY_TYPE_MONEY] = "a decimal amount above 0",
    [REGISTRY_TYPE_SHA256] = "a SHA-256 sum as 64 hexadecimal digits",
    [REGISTRY_TYPE_STRUCT] = "a mapping of keys",
    [REGISTRY_TYPE_STRUCTS] = "a list",
    [REGISTRY_TYPE_LINES] = "a mapping from model to prices",
};

static void registry_refuse(struct registry_load *load, const struct registry_field *field,
                            const struct yaml_node *node)
{
    if (load->err != ERR_OK) {
        return; /* it was memory that lacked */
    }
    const char *got = node->kind == YAML_SEQUENCE  ? "a list of another length or content"
                      : node->kind == YAML_MAPPING ? "a mapping"
                      : node->null                 ? "nothing"
                                                   : NULL;
    struct str text = got != NULL ? str_from(got) : node->text;
    text.len = text.len < 64 ? text.len : 64;
    const char *allowed = registry_allowed[field->type];
    if (field->type == REGISTRY_TYPE_CHOICE) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       STR_FMT ": \"" STR_FMT "\" is not %s " STR_FMT, STR_ARG(field->key),
                       STR_ARG(text), allowed, STR_ARG(field->choices));
    } else if (field->max > 0) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       STR_FMT ": \"" STR_FMT "\" is not %s (%llu to %llu)", STR_ARG(field->key),
                       STR_ARG(text), allowed, (unsigned long long)field->min,
                       (unsigned long long)field->max);
    } else {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       STR_FMT ": \"" STR_FMT "\" is not %s", STR_ARG(field->key), STR_ARG(text),
                       allowed);
    }
}

static void registry_read_scalar(struct registry_load *load, const struct registry_field *field,
                                 const struct yaml_node *node, void *slot)
{
    unsigned at = 0;
    if (node->kind == YAML_SCALAR && registry_choice(field->forbidden, node->text, &at)) {
        registry_fault(load, REGISTRY_RULE_CRED_CLASS_FORBIDDEN, node->place,
                       STR_FMT ": \"" STR_FMT "\" may not be used", STR_ARG(field->key),
                       STR_ARG(node->text));
    } else if (node->kind != YAML_SCALAR || node->null ||
               !registry_scalar(load, field, node->text, slot)) {
        registry_refuse(load, field, node);
    }
}

static void registry_read_texts(struct registry_load *load, const struct registry_field *field,
                                const struct yaml_node *node, struct registry_texts *texts)
{
    if (node->kind != YAML_SEQUENCE || node->count < field->min || node->count > field->max) {
        registry_refuse(load, field, node);
        return;
    }
    struct str *items = registry_alloc(load, node->count, sizeof(*items));
    for (uint32_t i = 0; items != NULL && i < node->count; i++) {
        const struct yaml_node *item = yaml_item(node, i);
        if (item->kind != YAML_SCALAR || item->null || !registry_text_fine(item->text, 1, 128)) {
            registry_refuse(load, field, item);
        } else if (!registry_copy(load, item->text, &items[i])) {
            return;
        }
    }
    *texts = (struct registry_texts){ .items = items, .count = items == NULL ? 0 : node->count };
}

/* Pointers are copied as bytes: the member's own type is known to the table alone, and all
 * pointers to objects look alike on the systems this is for (POSIX). */
static void registry_put_list(void *object, const struct registry_field *field, const void *list,
                              size_t count)
{
    memcpy(registry_slot(object, field->offset), &list, sizeof(list));
    memcpy(registry_slot(object, field->count_offset), &count, sizeof(count));
}

/* Every object that can be named begins with its id. */
static struct str registry_object_id(const void *object)
{
    return *(const struct str *)object;
}

static int registry_ref_order(const void *left, const void *right)
{
    const void *const *a = left;
    const void *const *b = right;
    return str_cmp(registry_object_id(*a), registry_object_id(*b));
}

static void registry_read_refs(struct registry_load *load, const struct registry_field *field,
                               const struct yaml_node *node, void *object)
{
    if (node->kind != YAML_SEQUENCE || node->count < field->min || node->count > field->max) {
        registry_refuse(load, field, node);
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
    /* Ids of the objects themselves are read already: kinds come in that order. */
    qsort(refs, count, sizeof(*refs), registry_ref_order);
    for (size_t i = 1; i < count; i++) {
        if (refs[i] == refs[i - 1]) {
            registry_fault(load, REGISTRY_RULE_REG_DUPLICATE_ID, node->place,
                           STR_FMT ": \"" STR_FMT "\" stands there twice", STR_ARG(field->key),
                           STR_ARG(registry_object_id(refs[i])));
        }
    }
    registry_put_list(object, field, refs, count);
}

static void registry_read_structs(struct registry_load *load, const struct registry_field *field,
                                  const struct yaml_node *node, void *object)
{
    if (node->kind != YAML_SEQUENCE || node->count < field->min || node->count > field->max) {
        registry_refuse(load, field, node);
        return;
    }
    struct registry_set set = { 0 };
    if (!registry_items(load, field->shape, node, &set)) {
        return;
    }
    for (size_t i = 0; i < set.count; i++) {
        registry_read(load, field->shape, set.items[i].node, set.objects + i * field->shape->size);
    }
    registry_put_list(object, field, set.objects, set.count);
}

static void registry_read_field(struct registry_load *load, const struct registry_field *field,
                                const struct yaml_node *node, void *object)
{
    void *slot = registry_slot(object, field->offset);
    const void *ref = NULL;
    switch (field->type) {
    case REGISTRY_TYPE_REF:
        ref = registry_ref_find(load, field->ref, node);
        memcpy(slot, &ref, sizeof(ref));
        break;
    case REGISTRY_TYPE_REFS:
        registry_read_refs(load, field, node, object);
        break;
    case REGISTRY_TYPE_TEXTS:
        registry_read_texts(load, field, node, slot);
        break;
    case REGISTRY_TYPE_STRUCT:
        registry_read(load, field->shape, node, slot);
        break;
    case REGISTRY_TYPE_STRUCTS:
        registry_read_structs(load, field, node, object);
        break;
    case REGISTRY_TYPE_LINES:
        registry_read_lines(load, node, object);
        break;
    case REGISTRY_TYPE_ID:
    case REGISTRY_TYPE_TEXT:
    case REGISTRY_TYPE_COUNTRY:
    case REGISTRY_TYPE_PLACE:
    case REGISTRY_TYPE_CURRENCY:
    case REGISTRY_TYPE_CHOICE:
    case REGISTRY_TYPE_NUMBER:
    case REGISTRY_TYPE_SECRET:
    case REGISTRY_TYPE_URL:
    case REGISTRY_TYPE_HOST:
    case REGISTRY_TYPE_MONEY:
    case REGISTRY_TYPE_SHA256:
        registry_read_scalar(load, field, node, slot);
        break;
    }
}

static void registry_unknown_key(struct registry_load *load, const struct registry_shape *shape,
                                 const struct yaml_node *key)
{
    struct str near = STR_EMPTY;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < shape->count; i++) {
        if (str_eq(shape->fields[i].key, key->text)) {
            return;
        }
        size_t distance = near_distance(shape->fields[i].key, key->text);
        if (distance < least && near_enough(shape->fields[i].key, key->text, distance)) {
            near = shape->fields[i].key;
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

void registry_read(struct registry_load *load, const struct registry_shape *shape,
                   const struct yaml_node *node, void *object)
{
    if (node->kind != YAML_MAPPING) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place, "a %s is a mapping of keys",
                       shape->noun);
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        registry_unknown_key(load, shape, yaml_key(node, i));
    }
    for (size_t i = 0; i < shape->count && load->err == ERR_OK; i++) {
        const struct registry_field *field = &shape->fields[i];
        const struct yaml_node *value = yaml_get(node, field->key);
        if (value != NULL) {
            registry_read_field(load, field, value, object);
        } else if (!field->optional) {
            registry_fault(load, REGISTRY_RULE_REG_MISSING_FIELD, node->place,
                           "this %s has no \"" STR_FMT "\"", shape->noun, STR_ARG(field->key));
        } else if (field->standard.len > 0) {
            struct yaml_node standard = { .kind = YAML_SCALAR, .text = field->standard };
            registry_read_field(load, field, &standard, object);
        }
    }
}
