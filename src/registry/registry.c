#include "registry/registry.h"

#include "base/mem.h"
#include "base/money.h"
#include "base/near.h"
#include "registry/registry_internal.h"

const struct registry *registry_ref(const struct registry *registry)
{
    size_t before = atomic_fetch_add_explicit(&registry->owner->refs, 1, memory_order_relaxed);
    ASSERT(before > 0);
    return registry;
}

void registry_unref(const struct registry *registry)
{
    if (registry == NULL) {
        return;
    }
    struct registry_owner *owner = registry->owner;
    /* The last one must see what all others did before they let go. */
    size_t before = atomic_fetch_sub_explicit(&owner->refs, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before == 1) {
        arena_fini(&owner->arena);
        mem_free(owner);
    }
}

/* The index at which `id` stands or would stand among `count` ids that `at` yields in order. */
typedef struct str registry_id_fn(const void *objects, size_t at);

static bool registry_search(const void *objects, size_t count, registry_id_fn *id_at, struct str id,
                            size_t *ret_at)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(id_at(objects, middle), id);
        if (order == 0) {
            *ret_at = middle;
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static struct str registry_party_id(const void *objects, size_t at)
{
    return ((const struct registry_party *)objects)[at].id;
}

static struct str registry_grant_id(const void *objects, size_t at)
{
    return ((const struct registry_grant *)objects)[at].id;
}

static struct str registry_agreement_id(const void *objects, size_t at)
{
    return ((const struct registry_agreement *)objects)[at].id;
}

static struct str registry_product_id(const void *objects, size_t at)
{
    return ((const struct registry_product *)objects)[at].id;
}

static struct str registry_model_id(const void *objects, size_t at)
{
    return ((const struct registry_model *)objects)[at].id;
}

static struct str registry_route_id(const void *objects, size_t at)
{
    return ((const struct registry_route *)objects)[at].id;
}

static struct str registry_plan_id(const void *objects, size_t at)
{
    return ((const struct registry_plan *)objects)[at].id;
}

static struct str registry_line_id(const void *objects, size_t at)
{
    return ((const struct registry_line *)objects)[at].model->id;
}

static struct str registry_sold_id(const void *objects, size_t at)
{
    return ((const struct registry_model *const *)objects)[at]->id;
}

const struct registry_product *registry_product(const struct registry *registry, struct str id)
{
    size_t at = 0;
    return registry_search(registry->products, registry->product_count, registry_product_id, id,
                           &at)
               ? &registry->products[at]
               : NULL;
}

const struct registry_model *registry_model(const struct registry *registry, struct str id)
{
    size_t at = 0;
    return registry_search(registry->models, registry->model_count, registry_model_id, id, &at)
               ? &registry->models[at]
               : NULL;
}

const struct registry_route *registry_route(const struct registry *registry, struct str id)
{
    size_t at = 0;
    return registry_search(registry->routes, registry->route_count, registry_route_id, id, &at)
               ? &registry->routes[at]
               : NULL;
}

const struct registry_party *registry_party(const struct registry *registry, struct str id)
{
    size_t at = 0;
    return registry_search(registry->parties, registry->party_count, registry_party_id, id, &at)
               ? &registry->parties[at]
               : NULL;
}

const struct registry_grant *registry_grant(const struct registry *registry, struct str id)
{
    size_t at = 0;
    return registry_search(registry->grants, registry->grant_count, registry_grant_id, id, &at)
               ? &registry->grants[at]
               : NULL;
}

const struct registry_agreement *registry_agreement(const struct registry *registry, struct str id)
{
    size_t at = 0;
    return registry_search(registry->agreements, registry->agreement_count, registry_agreement_id,
                           id, &at)
               ? &registry->agreements[at]
               : NULL;
}

const struct registry_model *registry_product_model(const struct registry_product *product,
                                                    struct str id)
{
    size_t at = 0;
    return registry_search(product->models, product->model_count, registry_sold_id, id, &at)
               ? product->models[at]
               : NULL;
}

const struct registry_plan *registry_product_plan(const struct registry_product *product,
                                                  struct str id)
{
    size_t at = 0;
    return registry_search(product->plans, product->plan_count, registry_plan_id, id, &at)
               ? &product->plans[at]
               : NULL;
}

const struct registry_price *registry_product_price(const struct registry_product *product,
                                                    const struct registry_model *model)
{
    size_t at = 0;
    bool found =
        registry_search(product->models, product->model_count, registry_sold_id, model->id, &at);
    return found && product->models[at] == model ? product->prices[at] : NULL;
}

const struct registry_price *registry_book_price(const struct registry_price_book *book,
                                                 const struct registry_model *model)
{
    size_t at = 0;
    bool found = registry_search(book->lines, book->line_count, registry_line_id, model->id, &at);
    return found && book->lines[at].model == model ? &book->lines[at].price : NULL;
}

size_t registry_near_models(const struct registry_product *product, struct str asked,
                            const struct registry_model **ret_models, size_t max)
{
    size_t distances[16];
    size_t count = 0;
    max = max < EP_ARRAY_LEN(distances) ? max : EP_ARRAY_LEN(distances);
    for (size_t i = 0; i < product->model_count && max > 0; i++) {
        size_t distance = near_distance(product->models[i]->id, asked);
        if (!near_enough(product->models[i]->id, asked, distance) ||
            (count == max && distance >= distances[count - 1])) {
            continue;
        }
        size_t at = count < max ? count++ : count - 1;
        for (; at > 0 && distances[at - 1] > distance; at--) {
            distances[at] = distances[at - 1];
            ret_models[at] = ret_models[at - 1];
        }
        distances[at] = distance;
        ret_models[at] = product->models[i];
    }
    return count;
}

#define REGISTRY_CLASS_AS_NAME(name, text) text,
static const char *const registry_class_names[] = { REGISTRY_CLASS_TABLE(REGISTRY_CLASS_AS_NAME) };
#undef REGISTRY_CLASS_AS_NAME

const char *registry_class_name(enum registry_class class)
{
    ASSERT(class < REGISTRY_CLASS_COUNT);
    return registry_class_names[class];
}

#define REGISTRY_SERVICE_AS_NAME(name, text) [REGISTRY_SERVICE_##name] = text,
static const char *const registry_service_names[] = { REGISTRY_SERVICE_TABLE(
    REGISTRY_SERVICE_AS_NAME) };
#undef REGISTRY_SERVICE_AS_NAME

const char *registry_service_name(enum registry_service service)
{
    ASSERT((unsigned)service < REGISTRY_SERVICE_COUNT);
    return registry_service_names[service];
}

enum registry_service registry_dialect_service(enum registry_dialect dialect)
{
    static const unsigned char services[] = {
        [REGISTRY_DIALECT_OPENAI_CHAT] = REGISTRY_SERVICE_CHAT,
        [REGISTRY_DIALECT_OPENAI_RESPONSES] = REGISTRY_SERVICE_CHAT,
        [REGISTRY_DIALECT_ANTHROPIC] = REGISTRY_SERVICE_CHAT,
        [REGISTRY_DIALECT_GEMINI] = REGISTRY_SERVICE_CHAT,
        [REGISTRY_DIALECT_OPENAI_EMBEDDINGS] = REGISTRY_SERVICE_EMBEDDINGS,
        [REGISTRY_DIALECT_RERANK] = REGISTRY_SERVICE_RERANK,
        [REGISTRY_DIALECT_OPENAI_IMAGES] = REGISTRY_SERVICE_IMAGES,
        [REGISTRY_DIALECT_OPENAI_SPEECH] = REGISTRY_SERVICE_SPEECH,
        [REGISTRY_DIALECT_OPENAI_TRANSCRIPTIONS] = REGISTRY_SERVICE_TRANSCRIPTION,
        [REGISTRY_DIALECT_OPENAI_REALTIME] = REGISTRY_SERVICE_REALTIME,
    };
    _Static_assert(EP_ARRAY_LEN(services) == REGISTRY_DIALECT_COUNT, "a service each");
    ASSERT((unsigned)dialect < REGISTRY_DIALECT_COUNT);
    return (enum registry_service)services[dialect];
}

uint64_t registry_model_serves(const struct registry_model *model, enum registry_service service)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < model->route_count; i++) {
        bool serves = registry_dialect_service(model->routes[i]->dialect) == service;
        bits |= serves ? UINT64_C(1) << i : 0;
    }
    return bits;
}

bool registry_price_serves(const struct registry_price *price, enum registry_service service)
{
    bool input = price->known[REGISTRY_CLASS_IN];
    bool both = input && price->known[REGISTRY_CLASS_OUT];
    const bool *unit = price->known_unit;
    switch (service) {
    case REGISTRY_SERVICE_EMBEDDINGS:
        return input;
    case REGISTRY_SERVICE_RERANK:
        return input || unit[REGISTRY_UNIT_SEARCH_UNIT];
    case REGISTRY_SERVICE_IMAGES:
        return both || unit[REGISTRY_UNIT_IMAGE];
    case REGISTRY_SERVICE_SPEECH:
        return both || unit[REGISTRY_UNIT_CHAR] || unit[REGISTRY_UNIT_SECOND_OUT];
    case REGISTRY_SERVICE_TRANSCRIPTION:
        return both || unit[REGISTRY_UNIT_SECOND_IN];
    case REGISTRY_SERVICE_CHAT:
    case REGISTRY_SERVICE_REALTIME:
    case REGISTRY_SERVICE_COUNT:
        break;
    }
    return both;
}

const struct registry_price *registry_price_tier(const struct registry_price *price, enum tier tier)
{
    for (size_t i = 0; i < price->tier_count; i++) {
        if (price->tiers[i].tier == tier) {
            return &price->tiers[i].price;
        }
    }
    return tier_is_ordinary(tier) ? price : NULL;
}

/* Whether it is "SIZE/QUALITY", or the one of them that is not empty. */
static bool registry_is_kind(struct str kind, struct str size, struct str quality)
{
    bool both = size.len > 0 && quality.len > 0;
    return both ? kind.len == size.len + 1 + quality.len && str_starts(kind, size) &&
                      kind.ptr[size.len] == '/' && str_ends(kind, quality)
                : str_eq(kind, size.len > 0 ? size : quality);
}

static const struct registry_image *registry_image(const struct registry_price *price,
                                                   struct str size, struct str quality)
{
    for (size_t i = 0; size.len + quality.len > 0 && i < price->image_count; i++) {
        if (registry_is_kind(price->images[i].kind, size, quality)) {
            return &price->images[i];
        }
    }
    return NULL;
}

int64_t registry_image_price(const struct registry_price *price, struct str size,
                             struct str quality)
{
    const struct registry_image *image = registry_image(price, size, quality);
    image = image != NULL ? image : registry_image(price, size, STR_EMPTY);
    image = image != NULL ? image : registry_image(price, STR_EMPTY, quality);
    return image != NULL ? image->pico : price->pico_unit[REGISTRY_UNIT_IMAGE];
}

int64_t registry_image_dearest(const struct registry_price *price)
{
    int64_t dearest = price->pico_unit[REGISTRY_UNIT_IMAGE];
    for (size_t i = 0; i < price->image_count; i++) {
        dearest = price->images[i].pico > dearest ? price->images[i].pico : dearest;
    }
    return dearest;
}

#define REGISTRY_UNIT_AS_NAME(name, text) [REGISTRY_UNIT_##name] = text,
static const char *const registry_unit_names[] = { REGISTRY_UNIT_TABLE(REGISTRY_UNIT_AS_NAME) };
#undef REGISTRY_UNIT_AS_NAME

const char *registry_unit_name(enum registry_unit_priced unit)
{
    ASSERT((unsigned)unit < REGISTRY_UNITS);
    return registry_unit_names[unit];
}

int64_t registry_route_energy(const struct registry_route *route, int64_t tokens_in,
                              int64_t tokens_out)
{
    ASSERT(tokens_in >= 0 && tokens_out >= 0);
    if (route->pool == NULL || route->pool->energy.microjoules_in == 0) {
        return -1;
    }
    const struct registry_energy *energy = &route->pool->energy;
    money_wide machines = (money_wide)energy->microjoules_in * tokens_in +
                          (money_wide)energy->microjoules_out * tokens_out;
    money_wide all = machines * (100 + (int64_t)energy->pue_overhead_percent) / 100;
    return all < INT64_MAX ? (int64_t)all : INT64_MAX;
}

int64_t registry_version(const struct registry *registry)
{
    int64_t version = 0;
    for (size_t i = 0; i < 8; i++) {
        version = (int64_t)((uint64_t)(version & INT64_MAX >> 8) << 8 | registry->hash.bytes[i]);
    }
    return version;
}
