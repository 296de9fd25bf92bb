#include "base/money.h"
#include "registry/registry_internal.h"
#include "wire/url.h"

/*
 * What objects must fulfil together, and what follows from them. A reference that was not found
 * is NULL here and has its fault already; the rest is still checked.
 */

struct yaml_place registry_place_of(const struct yaml_node *node, struct str key)
{
    const struct yaml_node *value = node->kind == YAML_MAPPING ? yaml_get(node, key) : NULL;
    return value != NULL ? value->place : node->place;
}

static void registry_link_credential(struct registry_load *load, const struct yaml_node *node,
                                     const struct registry_route *route)
{
    const struct registry_credential *credential = route->credential;
    if (credential == NULL) {
        return;
    }
    if (route->upstream_party != NULL && credential->upstream_party != NULL &&
        route->upstream_party != credential->upstream_party) {
        registry_fault(load, REGISTRY_RULE_CRED_MISMATCH,
                       registry_place_of(node, STR("credential")),
                       "credential \"" STR_FMT "\" is for \"" STR_FMT "\", not for \"" STR_FMT "\"",
                       STR_ARG(credential->id), STR_ARG(credential->upstream_party->id),
                       STR_ARG(route->upstream_party->id));
    }
    struct url url;
    if (route->endpoint.len > 0 && credential->endpoint_host.len > 0 &&
        url_parse(route->endpoint, &url) && !str_eq_nocase(url.host, credential->endpoint_host)) {
        registry_fault(load, REGISTRY_RULE_CRED_MISMATCH, registry_place_of(node, STR("endpoint")),
                       "credential \"" STR_FMT "\" is for the host " STR_FMT ", not for " STR_FMT,
                       STR_ARG(credential->id), STR_ARG(credential->endpoint_host),
                       STR_ARG(url.host));
    }
}

/* Where nothing is encrypted there is no key to pin. */
static void registry_link_pin(struct registry_load *load, const struct yaml_node *node,
                              const struct registry_route *route)
{
    struct url url;
    if (route->tls_pin.len > 0 && url_parse(route->endpoint, &url) && !url.tls) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, registry_place_of(node, STR("tls_pin")),
                       "a key is pinned, and the endpoint is not https");
    }
}

static void registry_link_contract(struct registry_load *load, const struct yaml_node *node,
                                   struct registry_route *route)
{
    if (route->model == NULL || route->contract_price == NULL) {
        return;
    }
    route->contract = registry_book_price(route->contract_price, route->model);
    if (route->contract == NULL) {
        registry_fault(load, REGISTRY_RULE_PRICE_MISSING,
                       registry_place_of(node, STR("contract_price")),
                       "price book \"" STR_FMT "\" has no line for model \"" STR_FMT "\"",
                       STR_ARG(route->contract_price->id), STR_ARG(route->model->id));
        return;
    }
    enum registry_service service = registry_dialect_service(route->dialect);
    if (!registry_price_serves(route->contract, service)) {
        registry_fault(load, REGISTRY_RULE_PRICE_MISSING,
                       registry_place_of(node, STR("contract_price")),
                       "price book \"" STR_FMT "\" prices model \"" STR_FMT
                       "\", but not what a call of %s uses of it",
                       STR_ARG(route->contract_price->id), STR_ARG(route->model->id),
                       registry_service_name(service));
    }
}

/* What its routes serve is priced, or, where it has none yet, some service. */
static void registry_link_sold(struct registry_load *load, const struct yaml_node *node,
                               const struct registry_product *product,
                               const struct registry_model *model,
                               const struct registry_price *price)
{
    bool any = false;
    for (unsigned i = 0; i < REGISTRY_SERVICE_COUNT; i++) {
        enum registry_service service = (enum registry_service)i;
        bool priced = registry_price_serves(price, service);
        any |= priced;
        if (!priced && registry_model_serves(model, service) != 0) {
            registry_fault(load, REGISTRY_RULE_PRICE_MISSING,
                           registry_place_of(node, STR("models")),
                           "price book \"" STR_FMT "\" prices model \"" STR_FMT
                           "\", but not what a call of %s uses of it",
                           STR_ARG(product->price_book->id), STR_ARG(model->id),
                           registry_service_name(service));
            return;
        }
    }
    if (!any) {
        registry_fault(load, REGISTRY_RULE_PRICE_MISSING, registry_place_of(node, STR("models")),
                       "price book \"" STR_FMT "\" prices nothing that a call of model \"" STR_FMT
                       "\" uses",
                       STR_ARG(product->price_book->id), STR_ARG(model->id));
    }
}

/* Prices of the routes of one model are compared with each other. */
static void registry_link_currency(struct registry_load *load, const struct yaml_node *node,
                                   const struct registry_route *route)
{
    const struct registry_route *first = route->model->routes[0];
    if (route->contract_price == NULL || first->contract_price == NULL ||
        str_eq(route->contract_price->currency, first->contract_price->currency)) {
        return;
    }
    registry_fault(load, REGISTRY_RULE_PRICE_CURRENCY,
                   registry_place_of(node, STR("contract_price")),
                   "the contract price is in " STR_FMT ", that of route \"" STR_FMT
                   "\" for the same model in " STR_FMT,
                   STR_ARG(route->contract_price->currency), STR_ARG(first->id),
                   STR_ARG(first->contract_price->currency));
}

/* The surfaces of a dialect, by their place in REGISTRY_USAGES; the first is its own. None: any. */
struct registry_surfaces {
    unsigned own;
    uint32_t fits;
};

#define SURFACE(place) (UINT32_C(1) << (place))

static const struct registry_surfaces registry_surfaces[REGISTRY_DIALECT_COUNT] = {
    [REGISTRY_DIALECT_OPENAI_CHAT] = { 0, SURFACE(0) | SURFACE(6) | SURFACE(8) | SURFACE(9) |
                                              SURFACE(10) | SURFACE(11) | SURFACE(13) },
    [REGISTRY_DIALECT_OPENAI_RESPONSES] = { 1, SURFACE(1) | SURFACE(7) },
    [REGISTRY_DIALECT_ANTHROPIC] = { 3, SURFACE(3) | SURFACE(12) },
    [REGISTRY_DIALECT_GEMINI] = { 4, SURFACE(4) },
    [REGISTRY_DIALECT_OPENAI_SPEECH] = { 2, 0 }, /* sound and text are told apart as there */
    [REGISTRY_DIALECT_OPENAI_TRANSCRIPTIONS] = { 2, 0 },
};

/* What a path may hold as it stands: Gemini's has the model's name. */
static bool registry_is_path(struct str name)
{
    static const struct str marks = STR_INIT("-._~/@:");
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!plain && str_find(marks, c) == marks.len) {
            return false;
        }
    }
    return true;
}

/* Which report a route gives follows its dialect, unless it says that it is a relative's. */
static void registry_link_dialect(struct registry_load *load, const struct yaml_node *node,
                                  struct registry_route *route)
{
    const struct registry_surfaces *surfaces = &registry_surfaces[route->dialect];
    if (yaml_get(node, STR("usage")) == NULL) {
        route->usage = surfaces->own;
    } else if (surfaces->fits != 0 && (surfaces->fits >> route->usage & 1) == 0) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, registry_place_of(node, STR("usage")),
                       "route \"" STR_FMT "\" reports usage by a surface of another dialect; "
                       "leave it out for the dialect's own",
                       STR_ARG(route->id));
    }
    if (route->dialect == REGISTRY_DIALECT_GEMINI && !registry_is_path(route->upstream_model)) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE,
                       registry_place_of(node, STR("upstream_model")),
                       "the upstream model of route \"" STR_FMT
                       "\" goes into a path: letters, digits and \"-._~/@:\"",
                       STR_ARG(route->id));
    }
}

/* Routes are counted, then given to their models; in the order of their ids both times. */
static void registry_link_routes(struct registry_load *load)
{
    struct registry_set *routes = &load->sets[REGISTRY_KIND_ROUTE];
    struct registry_set *models = &load->sets[REGISTRY_KIND_MODEL];
    struct registry_route *route = (void *)routes->objects;
    struct registry_model *model = (void *)models->objects;
    load->file = registry_kinds[REGISTRY_KIND_ROUTE].file;
    size_t *counts = registry_alloc(load, models->count, sizeof(*counts));
    if (counts == NULL) {
        return;
    }
    for (size_t i = 0; i < routes->count; i++) {
        registry_link_credential(load, routes->items[i].node, &route[i]);
        registry_link_pin(load, routes->items[i].node, &route[i]);
        registry_link_contract(load, routes->items[i].node, &route[i]);
        registry_link_dialect(load, routes->items[i].node, &route[i]);
        if (route[i].model != NULL) {
            counts[route[i].model - model]++;
        }
    }
    for (size_t i = 0; i < models->count; i++) {
        model[i].routes = registry_alloc(load, counts[i], sizeof(const struct registry_route *));
        if (model[i].routes == NULL) {
            return;
        }
    }
    for (size_t i = 0; i < routes->count; i++) {
        if (route[i].model == NULL) {
            continue;
        }
        struct registry_model *served = &model[route[i].model - model];
        served->routes[served->route_count++] = &route[i];
        registry_link_currency(load, routes->items[i].node, &route[i]);
        if (served->route_count == REGISTRY_ROUTES_PER_MODEL_MAX + 1) {
            registry_fault(load, REGISTRY_RULE_REG_LIMIT,
                           registry_place_of(routes->items[i].node, STR("model")),
                           "model \"" STR_FMT "\" has more than %d routes", STR_ARG(served->id),
                           REGISTRY_ROUTES_PER_MODEL_MAX);
        }
    }
}

static bool registry_known(const struct registry_texts *known, struct str name)
{
    bool found = known == NULL || name.len == 0;
    for (size_t i = 0; !found && i < known->count; i++) {
        found = str_eq(known->items[i], name);
    }
    return found;
}

/* What a model says of its tokenizer fits together, and the tokenizer is there. */
static void registry_link_tokenizer(struct registry_load *load, const struct yaml_node *node,
                                    const struct registry_model *model)
{
    struct str name = model->tokenizer;
    bool estimate = model->token_count == REGISTRY_COUNT_ESTIMATE;
    if (name.len == 0 && (model->chat_template.len > 0 || estimate)) {
        registry_fault(load, REGISTRY_RULE_REG_MISSING_FIELD, node->place,
                       "model \"" STR_FMT "\" says how it is counted and has no \"tokenizer\"",
                       STR_ARG(model->id));
    }
    if (estimate != (model->token_margin_percent > 0)) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE,
                       registry_place_of(node, STR("token_margin_percent")),
                       estimate ? "an estimate has a margin of 1 to 100 percent"
                                : "an exact count has no margin");
    }
    if (!registry_known(load->report->vocabularies, name)) {
        registry_fault(load, REGISTRY_RULE_TOKENIZER_MISSING,
                       registry_place_of(node, STR("tokenizer")),
                       "there is no vocabulary \"" STR_FMT "\" in \"" STR_FMT "\"", STR_ARG(name),
                       STR_ARG(load->report->vocabulary_folder));
    }
    if (!registry_known(load->report->templates, model->chat_template)) {
        registry_fault(load, REGISTRY_RULE_TEMPLATE_UNKNOWN,
                       registry_place_of(node, STR("chat_template")),
                       "there is no chat template \"" STR_FMT "\"", STR_ARG(model->chat_template));
    }
}

static void registry_link_models(struct registry_load *load)
{
    const struct registry_set *models = &load->sets[REGISTRY_KIND_MODEL];
    const struct registry_model *model = (const void *)models->objects;
    load->file = registry_kinds[REGISTRY_KIND_MODEL].file;
    for (size_t i = 0; i < models->count && load->err == ERR_OK; i++) {
        registry_link_tokenizer(load, models->items[i].node, &model[i]);
    }
}

static void registry_link_plans(struct registry_load *load, const struct yaml_node *node,
                                const struct registry_product *product)
{
    for (size_t i = 0; i < product->plan_count && product->price_book != NULL; i++) {
        const struct registry_plan *plan = &product->plans[i];
        if (plan->currency.len > 0 && product->price_book->currency.len > 0 &&
            !str_eq(plan->currency, product->price_book->currency)) {
            registry_fault(
                load, REGISTRY_RULE_PRICE_CURRENCY, registry_place_of(node, STR("plans")),
                "plan \"" STR_FMT "\" is paid in " STR_FMT ", the price book is in " STR_FMT,
                STR_ARG(plan->id), STR_ARG(plan->currency), STR_ARG(product->price_book->currency));
        }
    }
}

/* What a client is shown is its balance in units: a plan sells no more than will be seen. */
static bool registry_units_fit(const struct registry_plan *plan, const struct registry_unit *unit)
{
    return (money_wide)plan->price_nano * (int64_t)unit->per_currency_unit >=
           (money_wide)plan->units * MONEY_NANO_PER_UNIT;
}

static void registry_link_terms(struct registry_load *load, const struct yaml_node *node,
                                const struct registry_product *product)
{
    for (size_t i = 0; i < product->plan_count; i++) {
        const struct registry_plan *plan = &product->plans[i];
        bool read = plan->price_nano > 0 && plan->units > 0 && product->unit.per_currency_unit > 0;
        if (read && !registry_units_fit(plan, &product->unit)) {
            registry_fault(load, REGISTRY_RULE_PLAN_UNITS, registry_place_of(node, STR("plans")),
                           "plan \"" STR_FMT "\" sells %llu units, its price buys fewer",
                           STR_ARG(plan->id), (unsigned long long)plan->units);
        }
        if (plan->expires_days > 0 && plan->expires_days < REGISTRY_TERM_DAYS_MIN) {
            registry_fault(load, REGISTRY_RULE_PLAN_TERM, registry_place_of(node, STR("plans")),
                           "plan \"" STR_FMT "\" expires after %llu days", STR_ARG(plan->id),
                           (unsigned long long)plan->expires_days);
        }
    }
    for (size_t i = 0; i < product->payment_methods.count; i++) {
        struct str method = product->payment_methods.items[i];
        if (method.len > 0 && !payment_method_known(method)) {
            registry_fault(load, REGISTRY_RULE_TOKEN_PAYMENT_METHOD,
                           registry_place_of(node, STR("payment_methods")),
                           "\"" STR_FMT "\" is no way to pay for credit", STR_ARG(method));
        }
    }
}

/* A level that is left out is no better than the one below it. */
static void registry_link_limits(struct registry_limits *limits)
{
    limits->basic = limits->basic.purchases > 0 ? limits->basic : limits->none;
    limits->full = limits->full.purchases > 0 ? limits->full : limits->basic;
}

static void registry_link_product(struct registry_load *load, const struct yaml_node *node,
                                  struct registry_product *product)
{
    registry_link_plans(load, node, product);
    registry_link_terms(load, node, product);
    registry_link_limits(&product->purchase_limits);
    product->prices =
        registry_alloc(load, product->model_count, sizeof(const struct registry_price *));
    if (product->prices == NULL || product->price_book == NULL) {
        return;
    }
    for (size_t i = 0; i < product->model_count; i++) {
        product->prices[i] = registry_book_price(product->price_book, product->models[i]);
        if (product->prices[i] == NULL) {
            registry_fault(load, REGISTRY_RULE_PRICE_MISSING,
                           registry_place_of(node, STR("models")),
                           "price book \"" STR_FMT "\" has no line for model \"" STR_FMT "\"",
                           STR_ARG(product->price_book->id), STR_ARG(product->models[i]->id));
        } else {
            registry_link_sold(load, node, product, product->models[i], product->prices[i]);
        }
    }
}

static void registry_link_regions(struct registry_regions *regions)
{
    regions->set = regions->allow;
    country_set_minus(&regions->set, &regions->deny);
}

/* What is allowed without what is denied; a product is sold everywhere unless it says where. */
static void registry_link_sets(struct registry_load *load)
{
    const struct registry_set *sets = load->sets;
    struct registry_grant *grant = (void *)sets[REGISTRY_KIND_GRANT].objects;
    for (size_t i = 0; i < sets[REGISTRY_KIND_GRANT].count; i++) {
        registry_link_regions(&grant[i].regions);
    }
    struct registry_agreement *agreement = (void *)sets[REGISTRY_KIND_AGREEMENT].objects;
    for (size_t i = 0; i < sets[REGISTRY_KIND_AGREEMENT].count; i++) {
        registry_link_regions(&agreement[i].regions);
    }
    struct registry_product *product = (void *)sets[REGISTRY_KIND_PRODUCT].objects;
    for (size_t i = 0; i < sets[REGISTRY_KIND_PRODUCT].count; i++) {
        if (product[i].markets.allow_written.count == 0) {
            country_set_world(&product[i].markets.allow);
        }
        registry_link_regions(&product[i].markets);
    }
}

void registry_link(struct registry_load *load)
{
    registry_link_sets(load);
    registry_link_owners(load);
    registry_link_signatures(load);
    registry_link_models(load);
    registry_link_routes(load);
    struct registry_set *products = &load->sets[REGISTRY_KIND_PRODUCT];
    struct registry_product *product = (void *)products->objects;
    load->file = registry_kinds[REGISTRY_KIND_PRODUCT].file;
    for (size_t i = 0; i < products->count && load->err == ERR_OK; i++) {
        registry_link_product(load, products->items[i].node, &product[i]);
    }
}
