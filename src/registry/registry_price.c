#include <stdlib.h>

#include "base/money.h"
#include "registry/registry_internal.h"

/* Prices are told for a million tokens with at most six decimals, which is a whole number of pico
 * (10^-12) for one token. */
#define REGISTRY_TOKEN_SCALE 6
#define REGISTRY_TOKEN_MAX   INT64_C(1000000000000) /* 1,000,000 a million tokens: 1 each */
#define REGISTRY_CALL_SCALE  12
#define REGISTRY_CALL_MAX    INT64_C(1000000000000000) /* 1,000 a call */

#define BIT(class) (1u << REGISTRY_CLASS_##class)

struct registry_price_key {
    struct str key;
    unsigned classes; /* bits */
    bool wide;        /* a key for one of its classes takes precedence */
};

static const struct registry_price_key registry_price_keys[] = {
    { STR_INIT("input"), BIT(IN), false },
    { STR_INIT("cached_input"), BIT(CACHED), false },
    { STR_INIT("cache_write"), BIT(W5M) | BIT(W1H) | BIT(W30M) | BIT(W12H) | BIT(WX), true },
    { STR_INIT("cache_write_5m"), BIT(W5M), false },
    { STR_INIT("cache_write_1h"), BIT(W1H), false },
    { STR_INIT("cache_write_30m"), BIT(W30M), false },
    { STR_INIT("cache_write_12h"), BIT(W12H), false },
    { STR_INIT("cache_write_unknown"), BIT(WX), false },
    { STR_INIT("input_audio"), BIT(IN_AUDIO), false },
    { STR_INIT("input_image"), BIT(IN_IMAGE), false },
    { STR_INIT("input_tool"), BIT(IN_TOOL), false },
    { STR_INIT("cached_audio"), BIT(CACHED_AUDIO), false },
    { STR_INIT("cached_image"), BIT(CACHED_IMAGE), false },
    { STR_INIT("output"), BIT(OUT), false },
    { STR_INIT("reasoning"), BIT(REASON), false },
    { STR_INIT("output_audio"), BIT(OUT_AUDIO), false },
    { STR_INIT("output_image"), BIT(OUT_IMAGE), false },
};

static const struct registry_price_key *registry_price_key(struct str key)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(registry_price_keys); i++) {
        if (str_eq(registry_price_keys[i].key, key)) {
            return &registry_price_keys[i];
        }
    }
    return NULL;
}

/* By the piece, in the order of the units. */
static const struct str registry_unit_keys[] = {
    [REGISTRY_UNIT_WEB_SEARCH] = STR_INIT("per_web_search"),
    [REGISTRY_UNIT_WEB_FETCH] = STR_INIT("per_web_fetch"),
    [REGISTRY_UNIT_SOURCE] = STR_INIT("per_source"),
    [REGISTRY_UNIT_IMAGE] = STR_INIT("per_image"),
    [REGISTRY_UNIT_SEARCH_UNIT] = STR_INIT("per_search_unit"),
    [REGISTRY_UNIT_CHAR] = STR_INIT("per_char"),
    [REGISTRY_UNIT_SECOND_IN] = STR_INIT("per_second_in"),
    [REGISTRY_UNIT_SECOND_OUT] = STR_INIT("per_second_out"),
};
_Static_assert(EP_ARRAY_LEN(registry_unit_keys) == REGISTRY_UNITS, "a key each");

/* REGISTRY_UNITS: it prices none. */
static unsigned registry_unit_key(struct str key)
{
    unsigned unit = 0;
    while (unit < REGISTRY_UNITS && !str_eq(registry_unit_keys[unit], key)) {
        unit++;
    }
    return unit;
}

static bool registry_amount(struct registry_load *load, const struct yaml_node *node,
                            unsigned scale, int64_t max, int64_t *ret_pico)
{
    int64_t pico = 0;
    if (node->kind != YAML_SCALAR || node->null || !money_parse(node->text, scale, &pico) ||
        pico < 0 || pico > max) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       "a price is a decimal amount with at most %u decimals, from 0 to %lld",
                       scale, scale == REGISTRY_CALL_SCALE ? 1000LL : 1000000LL);
        return false;
    }
    *ret_pico = pico;
    return true;
}

#define REGISTRY_KIND_MAX 64 /* bytes: a size and a quality */

static bool registry_is_word(struct str text)
{
    bool fine = text.len > 0 && text.len <= REGISTRY_KIND_MAX;
    for (size_t i = 0; fine && i < text.len; i++) {
        char c = text.ptr[i];
        fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '/' || c == ':' || c == '.' || c == '-' || c == '_';
    }
    return fine;
}

static int registry_image_order(const void *left, const void *right)
{
    const struct registry_image *a = left;
    const struct registry_image *b = right;
    return str_cmp(a->kind, b->kind);
}

/* Pictures of some kind: {"1024x1024/high": "0.167"}. */
static void registry_read_images(struct registry_load *load, const struct yaml_node *node,
                                 struct registry_price *price)
{
    bool list = node->kind == YAML_MAPPING && node->count > 0 && node->count <= REGISTRY_IMAGES_MAX;
    struct registry_image *images =
        list ? registry_alloc(load, node->count, sizeof(*images)) : NULL;
    if (!list) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       "\"images\" is a mapping of 1 to %d kinds: {1024x1024/high: \"0.167\"}",
                       REGISTRY_IMAGES_MAX);
        return;
    }
    for (uint32_t i = 0; images != NULL && i < node->count; i++) {
        const struct yaml_node *key = yaml_key(node, i);
        if (!registry_copy(load, key->text, &images[i].kind)) {
            return;
        }
        (void)registry_amount(load, yaml_value(node, i), REGISTRY_CALL_SCALE, REGISTRY_CALL_MAX,
                              &images[i].pico); /* a fault is noted */
        if (!registry_is_word(key->text)) {
            registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, key->place,
                           "a kind of picture is its size, its quality, or both: 1024x1024/high");
        }
    }
    if (images != NULL) {
        qsort(images, node->count, sizeof(*images), registry_image_order);
        price->images = images;
        price->image_count = node->count;
    }
    if (!price->known_unit[REGISTRY_UNIT_IMAGE]) {
        registry_fault(load, REGISTRY_RULE_PRICE_MISSING, node->place,
                       "pictures of other kinds have no price: add per_image");
    }
}

/* Wide keys are read first, so that narrow ones win whatever their order in the file. */
static void registry_read_prices(struct registry_load *load, const struct yaml_node *node,
                                 bool wide, struct registry_price *price)
{
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = yaml_key(node, i);
        const struct registry_price_key *row = registry_price_key(key->text);
        int64_t pico = 0;
        if (row == NULL || row->wide != wide) {
            continue;
        }
        (void)registry_amount(load, yaml_value(node, i), REGISTRY_TOKEN_SCALE, REGISTRY_TOKEN_MAX,
                              &pico); /* a fault is noted, and the price is no further one */
        for (unsigned class = 0; class < REGISTRY_PRICE_CLASSES; class ++) {
            if ((row->classes & (1u << class)) != 0) {
                price->pico[class] = pico;
                price->known[class] = true;
            }
        }
    }
}

static void registry_read_line(struct registry_load *load, const struct yaml_node *node,
                               struct registry_price *price)
{
    if (node->kind != YAML_MAPPING) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       "the prices of a model are a mapping: {input: \"2.50\", output: \"10\"}");
        price->known[REGISTRY_CLASS_IN] = price->known[REGISTRY_CLASS_OUT] = true;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = yaml_key(node, i);
        unsigned unit = registry_unit_key(key->text);
        if (str_eq(key->text, STR("per_request"))) {
            (void)registry_amount(load, yaml_value(node, i), REGISTRY_CALL_SCALE, REGISTRY_CALL_MAX,
                                  &price->pico_call); /* a fault is noted */
        } else if (unit < REGISTRY_UNITS) {
            (void)registry_amount(load, yaml_value(node, i), REGISTRY_CALL_SCALE, REGISTRY_CALL_MAX,
                                  &price->pico_unit[unit]); /* likewise */
            price->known_unit[unit] = true;
        } else if (registry_price_key(key->text) == NULL && !str_eq(key->text, STR("images"))) {
            registry_fault(load, REGISTRY_RULE_REG_UNKNOWN_KEY, key->place,
                           "nothing is priced by \"%.*s\"",
                           key->text.len < 64 ? (int)key->text.len : 64, key->text.ptr);
        }
    }
    registry_read_prices(load, node, true, price);
    registry_read_prices(load, node, false, price);
    const struct yaml_node *images = yaml_get(node, STR("images"));
    if (images != NULL) {
        registry_read_images(load, images, price);
    }
}

/* Models lie in memory in the order of their ids. */
static int registry_line_order(const void *left, const void *right)
{
    const struct registry_line *a = left;
    const struct registry_line *b = right;
    return (a->model > b->model) - (a->model < b->model);
}

void registry_read_lines(struct registry_load *load, const struct yaml_node *node,
                         struct registry_price_book *book)
{
    if (node->kind != YAML_MAPPING) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       "lines are a mapping from model to prices");
        return;
    }
    struct registry_line *lines = registry_alloc(load, node->count, sizeof(*lines));
    if (lines == NULL) {
        return;
    }
    size_t count = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        lines[count] = (struct registry_line){
            .model = registry_ref_find(load, REGISTRY_KIND_MODEL, yaml_key(node, i)),
        };
        registry_read_line(load, yaml_value(node, i), &lines[count].price);
        count += lines[count].model != NULL ? 1 : 0;
    }
    qsort(lines, count, sizeof(*lines), registry_line_order);
    book->lines = lines;
    book->line_count = count;
}
