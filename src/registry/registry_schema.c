#include "registry/registry_internal.h"

#define FIELD(owner, type_, member)                          \
    .key = STR_INIT(#member), .type = REGISTRY_TYPE_##type_, \
    .offset = offsetof(struct registry_##owner, member)
#define REF(kind) .ref = REGISTRY_KIND_##kind
#define SHAPE(owner, noun_)                                                                     \
    static const struct registry_shape owner##_shape = { .noun = noun_,                         \
                                                         .fields = owner##_fields,              \
                                                         .count = EP_ARRAY_LEN(owner##_fields), \
                                                         .size = sizeof(struct registry_##owner) }

static const struct registry_field party_fields[] = {
    { FIELD(party, ID, id) },
    { FIELD(party, CHOICE, kind),
      .choices = STR_INIT("vendor|cloud|channel|aggregator|compute_center|carrier|platform|client|"
                          "brand") },
    { FIELD(party, TEXT, legal_name), .min = 1, .max = 200 },
    { FIELD(party, COUNTRY, jurisdiction) },
};
SHAPE(party, "party");

static const struct registry_field model_fields[] = {
    { FIELD(model, ID, id) },
    { FIELD(model, REF, vendor), REF(PARTY) },
    { FIELD(model, COUNTRY, origin) },
    { FIELD(model, TEXT, version), .min = 1, .max = 64 },
    { FIELD(model, TEXT, tokenizer), .min = 1, .max = 64, .optional = true },
    { FIELD(model, TEXT, chat_template), .min = 1, .max = 64, .optional = true },
    { FIELD(model, CHOICE, token_count), .choices = STR_INIT("exact|estimate"), .optional = true,
      .standard = STR_INIT("exact") },
    { FIELD(model, NUMBER, token_margin_percent), .min = 0, .max = 100, .optional = true,
      .standard = STR_INIT("0") },
    { FIELD(model, TEXTS, declared_names), .min = 1, .max = 64 },
    { FIELD(model, TEXTS, modalities), .min = 1, .max = 16 },
    { FIELD(model, NUMBER, context_tokens), .min = 1, .max = 1000000000 },
    { FIELD(model, NUMBER, output_tokens_max), .min = 1, .max = 1000000000 },
};
SHAPE(model, "model");

static const struct registry_field credential_fields[] = {
    { FIELD(credential, ID, id) },
    { FIELD(credential, REF, upstream_party), REF(PARTY) },
    { FIELD(credential, REF, account_holder), REF(PARTY) },
    { FIELD(credential, CHOICE, class),
      .choices = STR_INIT("enterprise_contract|cloud_marketplace|reseller_issued"),
      .forbidden = STR_INIT("personal|shared|education|trial|purchased_account|web_cookie|"
                            "reverse_engineered") },
    { FIELD(credential, HOST, endpoint_host) },
    { FIELD(credential, SECRET, secret) },
    { FIELD(credential, NUMBER, max_concurrent), .min = 1, .max = 1000000 },
};
SHAPE(credential, "credential");

static const struct registry_field price_book_fields[] = {
    { FIELD(price_book, ID, id) },
    { FIELD(price_book, TEXT, version), .min = 1, .max = 64 },
    { FIELD(price_book, CURRENCY, currency) },
    { FIELD(price_book, LINES, lines),
      .count_offset = offsetof(struct registry_price_book, line_count) },
};
SHAPE(price_book, "price book");

static const struct registry_field route_fields[] = {
    { FIELD(route, ID, id) },
    { FIELD(route, REF, upstream_party), REF(PARTY) },
    { FIELD(route, REF, model), REF(MODEL) },
    { FIELD(route, REF, credential), REF(CREDENTIAL) },
    { FIELD(route, CHOICE, dialect), .choices = STR_INIT("openai_chat") },
    { FIELD(route, URL, endpoint) },
    { FIELD(route, TEXT, upstream_model), .min = 1, .max = 128 },
    { FIELD(route, PLACE, place) },
    { FIELD(route, CHOICE, abort_billing), .choices = STR_INIT("stops|continues|unknown") },
    { FIELD(route, CHOICE, output_cap_field),
      .choices = STR_INIT("max_tokens|max_completion_tokens") },
    { FIELD(route, CHOICE, special_text), .choices = STR_INIT("literal|parsed|unknown"),
      .optional = true, .standard = STR_INIT("unknown") },
    { FIELD(route, CHOICE, declares_model), .choices = STR_INIT("sometimes|always"),
      .optional = true, .standard = STR_INIT("sometimes") },
    { FIELD(route, REF, contract_price), REF(PRICE_BOOK) },
    { FIELD(route, CHOICE, state), .choices = STR_INIT("active|suspended"), .optional = true,
      .standard = STR_INIT("active") },
    { FIELD(route, NUMBER, weight), .min = 1, .max = 1000000, .optional = true,
      .standard = STR_INIT("1") },
};
SHAPE(route, "route");

static const struct registry_field plan_fields[] = {
    { FIELD(plan, ID, id) },
    { .key = STR_INIT("price"),
      .type = REGISTRY_TYPE_MONEY,
      .offset = offsetof(struct registry_plan, price_nano) },
    { FIELD(plan, CURRENCY, currency) },
    { FIELD(plan, NUMBER, units), .min = 1, .max = 1000000000000000 },
    { FIELD(plan, NUMBER, expires_days), .min = 0, .max = 36500 },
    { FIELD(plan, NUMBER, refund_hours), .min = 0, .max = 876000, .optional = true,
      .standard = STR_INIT("24") },
    { FIELD(plan, CHOICE, withdrawn), .choices = STR_INIT("false|true"), .optional = true,
      .standard = STR_INIT("false") },
};
SHAPE(plan, "plan");

static const struct registry_field terms_fields[] = {
    { FIELD(terms, TEXT, name), .min = 1, .max = 96 },
    { FIELD(terms, TEXT, version), .min = 1, .max = 64 },
    { FIELD(terms, SHA256, sha256) },
};
SHAPE(terms, "product's terms");

static const struct registry_field velocity_fields[] = {
    { FIELD(velocity, NUMBER, purchases), .min = 1, .max = 1000000 },
    { FIELD(velocity, MONEY, amount) },
};
SHAPE(velocity, "limit of purchases");

static const struct registry_field limits_fields[] = {
    { FIELD(limits, STRUCT, none), .shape = &velocity_shape },
    { FIELD(limits, STRUCT, basic), .shape = &velocity_shape, .optional = true },
    { FIELD(limits, STRUCT, full), .shape = &velocity_shape, .optional = true },
};
SHAPE(limits, "list of limits");

static const struct registry_field unit_fields[] = {
    { FIELD(unit, TEXT, name), .min = 1, .max = 32 },
    { FIELD(unit, NUMBER, per_currency_unit), .min = 1, .max = 1000000000 },
};
SHAPE(unit, "unit");

static const struct registry_field product_fields[] = {
    { FIELD(product, ID, id) },
    { FIELD(product, TEXT, name), .min = 1, .max = 200 },
    { FIELD(product, CHOICE, mode), .choices = STR_INIT("direct|aggregate|zone") },
    { FIELD(product, CHOICE, abandoned), .choices = STR_INIT("delivered|generated"),
      .optional = true, .standard = STR_INIT("delivered") },
    { FIELD(product, TEXT, brand), .min = 1, .max = 200 },
    { FIELD(product, REFS, models), REF(MODEL), .min = 1, .max = 10000,
      .count_offset = offsetof(struct registry_product, model_count) },
    { FIELD(product, REF, price_book), REF(PRICE_BOOK) },
    { FIELD(product, STRUCT, unit), .shape = &unit_shape },
    { FIELD(product, STRUCTS, plans), .shape = &plan_shape, .min = 1, .max = 1000,
      .count_offset = offsetof(struct registry_product, plan_count) },
    { FIELD(product, STRUCT, terms), .shape = &terms_shape, .optional = true },
    { FIELD(product, TEXTS, payment_methods), .min = 1, .max = 16, .optional = true },
    { FIELD(product, STRUCT, purchase_limits), .shape = &limits_shape, .optional = true },
};
SHAPE(product, "product");

#define KIND(file_, key_, owner, member, count_member)                           \
    {                                                                            \
        .file = STR_INIT(file_), .key = STR_INIT(key_), .shape = &owner##_shape, \
        .offset = offsetof(struct registry, member),                             \
        .count_offset = offsetof(struct registry, count_member)                  \
    }

const struct registry_kind_info registry_kinds[REGISTRY_KIND_COUNT] = {
    [REGISTRY_KIND_PARTY] = KIND("parties.yaml", "parties", party, parties, party_count),
    [REGISTRY_KIND_MODEL] = KIND("models.yaml", "models", model, models, model_count),
    [REGISTRY_KIND_CREDENTIAL] =
        KIND("credentials.yaml", "credentials", credential, credentials, credential_count),
    [REGISTRY_KIND_PRICE_BOOK] =
        KIND("price_books.yaml", "price_books", price_book, price_books, price_book_count),
    [REGISTRY_KIND_ROUTE] = KIND("routes.yaml", "routes", route, routes, route_count),
    [REGISTRY_KIND_PRODUCT] = KIND("products.yaml", "products", product, products, product_count),
};

_Static_assert(offsetof(struct registry_party, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_model, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_credential, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_price_book, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_route, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_product, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_plan, id) == 0, "the id comes first");
