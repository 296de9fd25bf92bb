#include "gate/prefer.h"

#include <string.h>

#include "wire/json.h"

/* Bytes of a message that are told apart: more of a prompt costs time, and says little more. */
#define AFFINITY_BYTES ((size_t)4096)

_Static_assert((int)REGISTRY_SORT_PRICE == (int)PREFERENCE_SORT_PRICE &&
                   (int)REGISTRY_SORT_LATENCY == (int)PREFERENCE_SORT_LATENCY &&
                   (int)REGISTRY_SORT_THROUGHPUT == (int)PREFERENCE_SORT_THROUGHPUT &&
                   (int)REGISTRY_SORT_WEIGHT == (int)PREFERENCE_SORT_WEIGHT &&
                   (int)REGISTRY_SORT_ENERGY == (int)PREFERENCE_SORT_ENERGY,
               "products and choice sort by the same");
_Static_assert((int)ASK_SORT_PRICE == (int)PREFERENCE_SORT_PRICE + 1 &&
                   (int)ASK_SORT_LATENCY == (int)PREFERENCE_SORT_LATENCY + 1 &&
                   (int)ASK_SORT_THROUGHPUT == (int)PREFERENCE_SORT_THROUGHPUT + 1 &&
                   (int)ASK_SORT_WEIGHT == (int)PREFERENCE_SORT_WEIGHT + 1 &&
                   (int)ASK_SORT_ENERGY == (int)PREFERENCE_SORT_ENERGY + 1,
               "so do clients, who may also say nothing");

/* ---- what is preferred -------------------------------------------------------------------- */

static struct preference_names prefer_texts(const struct registry_texts *texts)
{
    return (struct preference_names){ .names = texts->items, .count = texts->count };
}

/* Names without escapes stay where they stand in the body. */
static bool prefer_name(struct arena *arena, struct str item, struct str *ret_name)
{
    *ret_name = str_slice(item, 1, item.len - 1);
    if (str_find(*ret_name, '\\') == ret_name->len) {
        return true;
    }
    char text[ASK_NAME_MAX];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    bool decoded = json_decode(item, &name);
    ASSERT(decoded); /* it was, when the ask was read */
    return arena_copy(arena, buf_str(&name), ret_name);
}

static bool prefer_names(struct arena *arena, const struct ask_names *given,
                         struct preference_names *names)
{
    if (given->count == 0) {
        return true;
    }
    struct str *list = arena_alloc(arena, given->count * sizeof(*list));
    struct str rest = json_inside(given->list);
    struct str item;
    size_t count = 0;
    while (list != NULL && json_next_item(&rest, &item)) {
        if (!prefer_name(arena, item, &list[count++])) {
            return false;
        }
    }
    *names = (struct preference_names){ .names = list, .count = count };
    return list != NULL;
}

bool prefer_product_says(const struct registry_dispatch *product)
{
    return product->sort != REGISTRY_SORT_PRICE || product->near_percent > 0 ||
           product->order.count > 0 || product->only.count > 0 || product->ignore.count > 0;
}

enum err prefer_build(const struct ask_provider *given, const struct registry_dispatch *product,
                      struct arena *arena, struct preference *ret_preference)
{
    struct preference *wanted = ret_preference;
    *wanted = (struct preference){
        .sort = given->sort == ASK_SORT_NONE ? (enum preference_sort)product->sort
                                             : (enum preference_sort)(given->sort - 1),
        .order = prefer_texts(&product->order),
        .no_fallbacks = given->no_fallbacks,
        .data_deny = given->no_collection,
        .zdr = given->zdr,
        .near_percent = product->near_percent,
    };
    if (given->sort != ASK_SORT_NONE) {
        wanted->order = (struct preference_names){ 0 }; /* by what it says, and nothing else */
    }
    bool fits = prefer_names(arena, &given->order, &wanted->order) &&
                prefer_names(arena, &given->only, &wanted->only) &&
                prefer_names(arena, &given->ignore, &wanted->ignore) &&
                prefer_names(arena, &given->quantizations, &wanted->quantizations);
    return fits ? ERR_OK : ERR_NO_MEMORY;
}

uint64_t prefer_closed(const struct registry_product *product, const struct registry_model *model)
{
    const struct preference product_own = {
        .only = prefer_texts(&product->dispatch.only),
        .ignore = prefer_texts(&product->dispatch.ignore),
    };
    uint64_t closed = 0;
    for (size_t i = 0; i < model->route_count; i++) {
        bool used = preference_judge(&product_own, model->routes[i]) == PREFERENCE_RULE_NONE;
        closed |= used ? 0 : UINT64_C(1) << i;
    }
    return closed;
}

static const char *const prefer_params[PREFERENCE_RULE_COUNT] = {
    [PREFERENCE_RULE_NONE] = "provider",
    [PREFERENCE_RULE_ONLY] = "provider.only",
    [PREFERENCE_RULE_IGNORE] = "provider.ignore",
    [PREFERENCE_RULE_MAX_PROMPT] = "provider.max_price",
    [PREFERENCE_RULE_MAX_COMPLETION] = "provider.max_price",
    [PREFERENCE_RULE_MAX_REQUEST] = "provider.max_price",
    [PREFERENCE_RULE_DATA_COLLECTION] = "provider.data_collection",
    [PREFERENCE_RULE_ZDR] = "provider.zdr",
    [PREFERENCE_RULE_QUANTIZATIONS] = "provider.quantizations",
    [PREFERENCE_RULE_ALLOW_FALLBACKS] = "provider.allow_fallbacks",
};

static bool price_above(int64_t price, int64_t most)
{
    return most >= 0 && price > most;
}

const char *prefer_price_above(const struct ask_provider *given, int64_t input, int64_t output,
                               int64_t call)
{
    return price_above(input, given->max_input)     ? "prompt"
           : price_above(output, given->max_output) ? "completion"
           : price_above(call, given->max_call)     ? "request"
                                                    : NULL;
}

const char *prefer_param(enum preference_rule rule)
{
    ASSERT((unsigned)rule < PREFERENCE_RULE_COUNT);
    return prefer_params[rule];
}

/* ---- affinity ----------------------------------------------------------------------------- */

static uint64_t affinity_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15); /* 2^64 / golden ratio: odd, well spread */
    return hash ^ hash >> 29;
}

static uint64_t affinity_add(uint64_t hash, struct str text)
{
    size_t at = 0;
    for (; text.len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, text.ptr + at, sizeof(word));
        hash = affinity_mix(hash, word);
    }
    uint64_t rest = text.len;
    for (; at < text.len; at++) {
        rest = rest << 8 | (unsigned char)text.ptr[at];
    }
    return affinity_mix(hash, rest);
}

uint64_t prefer_affinity(struct str client, struct str model, struct str messages)
{
    uint64_t hash = affinity_add(affinity_add(1, client), model);
    struct str rest = json_inside(messages);
    struct str message;
    bool user = false;
    while (!user && json_next_item(&rest, &message)) {
        bool object = json_kind(message) == JSON_OBJECT;
        user = !object || json_string_is(json_get(message, STR("role")), STR("user"));
        size_t len = message.len < AFFINITY_BYTES ? message.len : AFFINITY_BYTES;
        hash = affinity_add(hash, str_slice(message, 0, len));
    }
    return hash == 0 ? 1 : hash;
}

void prefer_energy(const struct registry_model *model, int64_t tokens_in, int64_t tokens_out,
                   int64_t ret_uj[REGISTRY_ROUTES_PER_MODEL_MAX])
{
    ASSERT(model->route_count <= REGISTRY_ROUTES_PER_MODEL_MAX);
    for (size_t i = 0; i < model->route_count; i++) {
        ret_uj[i] = registry_route_energy(model->routes[i], tokens_in, tokens_out);
    }
}
