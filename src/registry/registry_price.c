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

/* All prices of a line, or of a tier that has its own. */
static void registry_read_all(struct registry_load *load, const struct yaml_node *node,
                              struct registry_price *price)
{
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
        } else if (registry_price_key(key->text) == NULL && !str_eq(key->text, STR("images")) &&
                   !str_eq(key->text, STR("tiers"))) {
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

/* ---- tiers ------------------------------------------------------------------------------- */

/* Prices are at most 10^15 pico. What has a price has one in each tier: a pico at the least. */
static int64_t registry_share(int64_t pico, uint64_t percent)
{
    int64_t share = pico * (int64_t)percent / 100;
    return share == 0 && pico > 0 ? 1 : share;
}

static void registry_share_images(struct registry_load *load, const struct registry_price *line,
                                  uint64_t percent, struct registry_price *price)
{
    struct registry_image *images =
        line->image_count == 0 ? NULL : registry_alloc(load, line->image_count, sizeof(*images));
    for (size_t i = 0; images != NULL && i < line->image_count; i++) {
        images[i] = line->images[i];
        images[i].pico = registry_share(images[i].pico, percent);
    }
    price->images = images;
    price->image_count = images == NULL ? 0 : line->image_count;
}

/* {percent: 50} of the line's prices. */
static void registry_read_share(struct registry_load *load, const struct yaml_node *node,
                                const struct yaml_node *value, const struct registry_price *line,
                                struct registry_price *price)
{
    uint64_t percent = 0;
    bool fine = value->kind == YAML_SCALAR && !value->null && str_to_u64(value->text, &percent) &&
                percent > 0 && percent <= REGISTRY_TIER_PERCENT_MAX;
    if (!fine) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, value->place,
                       "\"percent\" is a whole number from 1 to %d: of the line's prices",
                       REGISTRY_TIER_PERCENT_MAX);
        return;
    }
    if (node->count != 1) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       "a tier costs a percentage of the line's prices, or prices of its own, not "
                       "both");
        return;
    }
    *price = *line;
    for (size_t i = 0; i < REGISTRY_PRICE_CLASSES; i++) {
        price->pico[i] = registry_share(line->pico[i], percent);
    }
    for (size_t i = 0; i < REGISTRY_UNITS; i++) {
        price->pico_unit[i] = registry_share(line->pico_unit[i], percent);
    }
    price->pico_call = registry_share(line->pico_call, percent);
    registry_share_images(load, line, percent, price);
}

/* What the line prices, its tiers price: a side without a price would be given away. */
static void registry_check_own(struct registry_load *load, const struct yaml_node *node,
                               const struct registry_price *line,
                               const struct registry_price *price)
{
    static const enum registry_class sides[] = { REGISTRY_CLASS_IN, REGISTRY_CLASS_OUT };
    bool missing = line->pico_call > 0 && price->pico_call == 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(sides); i++) {
        missing |= line->known[sides[i]] && !price->known[sides[i]];
    }
    for (size_t i = 0; i < REGISTRY_UNITS; i++) {
        missing |= line->known_unit[i] && !price->known_unit[i];
    }
    missing |= line->image_count > 0 && price->image_count == 0;
    if (missing) {
        registry_fault(load, REGISTRY_RULE_PRICE_MISSING, node->place,
                       "a tier's own prices have to name \"input\", \"output\", each \"per_...\" "
                       "and \"images\" where the line names them");
    }
}

static void registry_read_tier(struct registry_load *load, const struct yaml_node *key,
                               const struct yaml_node *node, const struct registry_price *line,
                               struct registry_tier *tier)
{
    tier->tier = tier_named(key->text);
    if (tier_is_ordinary(tier->tier) || tier->tier == TIER_UNKNOWN) {
        registry_fault(load, REGISTRY_RULE_REG_UNKNOWN_KEY, key->place,
                       "tiers are flex, priority, scale, fast and batch; the ordinary one is the "
                       "line itself");
        return;
    }
    const struct yaml_node *share =
        node->kind == YAML_MAPPING ? yaml_get(node, STR("percent")) : NULL;
    if (node->kind != YAML_MAPPING || node->count == 0 || yaml_get(node, STR("tiers")) != NULL) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       "a tier is {percent: 50}, or {input: \"5\", output: \"20\"}");
    } else if (share != NULL) {
        registry_read_share(load, node, share, line, &tier->price);
    } else {
        registry_read_all(load, node, &tier->price);
        registry_check_own(load, node, line, &tier->price);
    }
}

static int registry_tier_order(const void *left, const void *right)
{
    const struct registry_tier *a = left;
    const struct registry_tier *b = right;
    return (a->tier > b->tier) - (a->tier < b->tier);
}

/* {priority: {percent: 200}, fast: {input: "30", output: "150"}} */
static void registry_read_tiers(struct registry_load *load, const struct yaml_node *node,
                                struct registry_price *line)
{
    if (node->kind != YAML_MAPPING || node->count == 0 || node->count >= TIER_COUNT) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       "\"tiers\" is a mapping: {priority: {percent: 200}}");
        return;
    }
    struct registry_tier *tiers = registry_alloc(load, node->count, sizeof(*tiers));
    for (uint32_t i = 0; tiers != NULL && i < node->count; i++) {
        tiers[i] = (struct registry_tier){ .tier = TIER_UNKNOWN };
        registry_read_tier(load, yaml_key(node, i), yaml_value(node, i), line, &tiers[i]);
    }
    if (tiers != NULL) { /* what they say is the same in any order */
        qsort(tiers, node->count, sizeof(*tiers), registry_tier_order);
        line->tiers = tiers;
        line->tier_count = node->count;
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
    registry_read_all(load, node, price);
    const struct yaml_node *tiers = yaml_get(node, STR("tiers"));
    if (tiers != NULL) {
        registry_read_tiers(load, tiers, price);
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
