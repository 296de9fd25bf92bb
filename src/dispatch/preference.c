#include "dispatch/preference.h"

#define PREFERENCE_TEXT_ROW(name, text) STR_INIT(text),
static const struct str sort_names[] = { PREFERENCE_SORT_TABLE(PREFERENCE_TEXT_ROW) };
static const struct str rule_names[] = { PREFERENCE_RULE_TABLE(PREFERENCE_TEXT_ROW) };
#undef PREFERENCE_TEXT_ROW
_Static_assert(EP_ARRAY_LEN(sort_names) == PREFERENCE_SORT_COUNT, "a name for each sort");
_Static_assert(EP_ARRAY_LEN(rule_names) == PREFERENCE_RULE_COUNT, "a name for each rule");

struct str preference_sort_name(enum preference_sort sort)
{
    ASSERT(sort < PREFERENCE_SORT_COUNT);
    return sort_names[sort];
}

bool preference_sort_parse(struct str text, enum preference_sort *ret_sort)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(sort_names); i++) {
        if (str_eq(text, sort_names[i])) {
            *ret_sort = (enum preference_sort)i;
            return true;
        }
    }
    return false;
}

struct str preference_rule_name(enum preference_rule rule)
{
    ASSERT(rule < PREFERENCE_RULE_COUNT);
    return rule_names[rule];
}

/* ---- what a route is asked ---------------------------------------------------------------- */

/* Its place among the names, from 0; names->count: it is not there. */
static size_t preference_find(const struct preference_names *names,
                              const struct registry_route *route)
{
    for (size_t i = 0; i < names->count; i++) {
        bool party =
            route->upstream_party != NULL && str_eq(names->names[i], route->upstream_party->id);
        if (party || str_eq(names->names[i], route->id)) {
            return i;
        }
    }
    return names->count;
}

static bool preference_named(const struct preference_names *names,
                             const struct registry_route *route)
{
    return preference_find(names, route) < names->count;
}

/* A price that the contract does not know is 0 in `pico`, and meets no maximum. */
static bool preference_affords(const struct preference *preference,
                               const struct registry_route *route, const struct preference_max *max,
                               int64_t pico, bool known)
{
    if (!max->set) {
        return true;
    }
    const struct registry_price_book *book = route->contract_price;
    bool currency = preference->max_currency.len == 0 ||
                    (book != NULL && str_eq(book->currency, preference->max_currency));
    return currency && known && pico <= max->pico;
}

static enum preference_rule preference_judge_price(const struct preference *preference,
                                                   const struct registry_route *route)
{
    const struct registry_price *price = route->contract;
    if (!preference_affords(preference, route, &preference->max_in, price->pico[REGISTRY_CLASS_IN],
                            price->known[REGISTRY_CLASS_IN])) {
        return PREFERENCE_RULE_MAX_PROMPT;
    }
    if (!preference_affords(preference, route, &preference->max_out,
                            price->pico[REGISTRY_CLASS_OUT], price->known[REGISTRY_CLASS_OUT])) {
        return PREFERENCE_RULE_MAX_COMPLETION;
    }
    if (!preference_affords(preference, route, &preference->max_call, price->pico_call, true)) {
        return PREFERENCE_RULE_MAX_REQUEST;
    }
    return PREFERENCE_RULE_NONE;
}

/* What the upstream's data terms say; no terms, no answer. */
static enum preference_rule preference_judge_data(const struct preference *preference,
                                                  const struct registry_route *route)
{
    const struct registry_data_terms *terms = route->data_terms;
    bool collects = terms == NULL || terms->training != REGISTRY_ANSWER_NO ||
                    terms->human_review != REGISTRY_ANSWER_NO || terms->analytics;
    if (preference->data_deny && collects) {
        return PREFERENCE_RULE_DATA_COLLECTION;
    }
    if (preference->zdr && (terms == NULL || terms->retention_days != 0)) {
        return PREFERENCE_RULE_ZDR;
    }
    return PREFERENCE_RULE_NONE;
}

static const struct str preference_quantizations[REGISTRY_QUANTIZATION_COUNT] = {
    [REGISTRY_QUANTIZATION_UNKNOWN] = STR_INIT("unknown"),
    [REGISTRY_QUANTIZATION_INT4] = STR_INIT("int4"),
    [REGISTRY_QUANTIZATION_INT8] = STR_INIT("int8"),
    [REGISTRY_QUANTIZATION_FP4] = STR_INIT("fp4"),
    [REGISTRY_QUANTIZATION_FP6] = STR_INIT("fp6"),
    [REGISTRY_QUANTIZATION_FP8] = STR_INIT("fp8"),
    [REGISTRY_QUANTIZATION_FP16] = STR_INIT("fp16"),
    [REGISTRY_QUANTIZATION_BF16] = STR_INIT("bf16"),
    [REGISTRY_QUANTIZATION_FP32] = STR_INIT("fp32"),
};

static bool preference_quantized(const struct preference *preference,
                                 const struct registry_route *route)
{
    const struct preference_names *wanted = &preference->quantizations;
    for (size_t i = 0; i < wanted->count; i++) {
        if (str_eq(wanted->names[i], preference_quantizations[route->quantization])) {
            return true;
        }
    }
    return wanted->count == 0;
}

enum preference_rule preference_judge(const struct preference *preference,
                                      const struct registry_route *route)
{
    if (preference->only.count > 0 && !preference_named(&preference->only, route)) {
        return PREFERENCE_RULE_ONLY;
    }
    if (preference_named(&preference->ignore, route)) {
        return PREFERENCE_RULE_IGNORE;
    }
    enum preference_rule rule = preference_judge_price(preference, route);
    rule = rule == PREFERENCE_RULE_NONE ? preference_judge_data(preference, route) : rule;
    if (rule != PREFERENCE_RULE_NONE) {
        return rule;
    }
    if (!preference_quantized(preference, route)) {
        return PREFERENCE_RULE_QUANTIZATIONS;
    }
    bool listed = preference->order.count == 0 || preference_named(&preference->order, route);
    return preference->no_fallbacks && !listed ? PREFERENCE_RULE_ALLOW_FALLBACKS
                                               : PREFERENCE_RULE_NONE;
}

size_t preference_rank(const struct preference *preference, const struct registry_route *route)
{
    return preference_find(&preference->order, route);
}

/* ---- whose doing it is that none is left -------------------------------------------------- */

void preference_blame(const struct preference *preference, const struct registry_model *model,
                      uint64_t closed, struct preference_blame *ret_blame)
{
    ASSERT(model->route_count <= REGISTRY_ROUTES_PER_MODEL_MAX);
    *ret_blame = (struct preference_blame){ 0 };
    enum preference_rule last = PREFERENCE_RULE_NONE;
    for (size_t i = 0; i < model->route_count; i++) {
        const struct registry_route *route = model->routes[i];
        if ((closed & UINT64_C(1) << i) != 0 || route->state != REGISTRY_ROUTE_ACTIVE) {
            continue;
        }
        enum preference_rule rule = preference_judge(preference, route);
        ret_blame->routes++;
        ret_blame->taken[rule] += rule != PREFERENCE_RULE_NONE;
        ret_blame->left += rule == PREFERENCE_RULE_NONE;
        last = rule > last ? rule : last;
    }
    ret_blame->rule = ret_blame->left == 0 ? last : PREFERENCE_RULE_NONE;
}

enum err preference_blame_print(const struct preference_blame *blame, struct buf *out)
{
    const char *link = "";
    for (size_t i = 0; i < PREFERENCE_RULE_COUNT; i++) {
        if (blame->taken[i] > 0) {
            TRY(buf_printf(out, "%sprovider." STR_FMT, link, STR_ARG(rule_names[i])));
            link = " and ";
        }
    }
    return ERR_OK;
}
