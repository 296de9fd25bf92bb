#include "registry/registry_schema_internal.h"

/* What is bought and what is sold. */

static const struct registry_field licence_fields[] = {
    { FIELD(licence, ID, id) },
    { BOOL(licence, commercial, "false") },
    { FIELD(licence, STRUCT, doc), NESTED(doc) },
};
static SHAPE(licence, "licence");

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
    { TEXT(model, family, 64), .optional = true },
    { FIELD(model, CHOICE, weights), .choices = STR_INIT("closed|open"), .optional = true,
      .standard = STR_INIT("closed") },
    { FIELD(model, STRUCT, licence), NESTED(licence), .optional = true },
    { FIELD(model, TEXTS, fingerprints), .max = 1000, .optional = true },
    { FIELD(model, TEXTS, price_refs), .max = 64, .optional = true },
};
static SHAPE(model, "model");

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
    { TOKENS_PER_MINUTE(credential) },
    { FIELD(credential, REF, grant), REF(GRANT), .optional = true },
    { FIELD(credential, REF, procurement), REF(PROCUREMENT), .optional = true },
    { DOC(credential, issued_doc) },
    { TIME_MAYBE(credential, rotated_at) },
};
static SHAPE(credential, "credential");

static const struct registry_field price_book_fields[] = {
    { FIELD(price_book, ID, id) },
    { FIELD(price_book, TEXT, version), .min = 1, .max = 64 },
    { FIELD(price_book, CURRENCY, currency) },
    { FIELD(price_book, LINES, lines),
      .count_offset = offsetof(struct registry_price_book, line_count) },
};
static SHAPE(price_book, "price book");

static const struct registry_field route_fields[] = {
    { FIELD(route, ID, id) },
    { FIELD(route, REF, upstream_party), REF(PARTY) },
    { FIELD(route, REF, model), REF(MODEL) },
    { FIELD(route, REF, credential), REF(CREDENTIAL) },
    { FIELD(route, CHOICE, dialect), .choices = STR_INIT(REGISTRY_DIALECTS) },
    { FIELD(route, URL, endpoint) },
    { FIELD(route, TEXT, upstream_model), .min = 1, .max = 128 },
    { FIELD(route, PLACE, place) },
    { FIELD(route, CHOICE, abort_billing), .choices = STR_INIT("stops|continues|unknown") },
    { FIELD(route, CHOICE, output_cap_field),
      .choices = STR_INIT("max_tokens|max_completion_tokens"), .optional = true,
      .standard = STR_INIT("max_tokens") },
    { FIELD(route, CHOICE, special_text), .choices = STR_INIT("literal|parsed|unknown"),
      .optional = true, .standard = STR_INIT("unknown") },
    { FIELD(route, CHOICE, declares_model), .choices = STR_INIT("sometimes|always"),
      .optional = true, .standard = STR_INIT("sometimes") },
    { FIELD(route, CHOICE, quantization),
      .choices = STR_INIT("unknown|int4|int8|fp4|fp6|fp8|fp16|bf16|fp32"), .optional = true,
      .standard = STR_INIT("unknown"), .late = true },
    { FIELD(route, CHOICE, usage), .choices = STR_INIT(REGISTRY_USAGES), .optional = true,
      .standard = STR_INIT("openai.chat"), .late = true },
    { FIELD(route, CHOICE, anthropic_version), .choices = STR_INIT("2023-06-01|2026-10-21"),
      .optional = true, .standard = STR_INIT("2023-06-01"), .late = true },
    { FIELD(route, CHOICE, thinking), .choices = STR_INIT("budget|effort"), .optional = true,
      .standard = STR_INIT("budget"), .late = true },
    { FIELD(route, CHOICE, image_urls), .choices = STR_INIT("by_dialect|fetched|refused"),
      .optional = true, .standard = STR_INIT("by_dialect"), .late = true },
    { FIELD(route, REF, contract_price), REF(PRICE_BOOK) },
    { FIELD(route, CHOICE, state), .choices = STR_INIT("active|suspended"), .optional = true,
      .standard = STR_INIT("active") },
    { FIELD(route, NUMBER, weight), .min = 1, .max = 1000000, .optional = true,
      .standard = STR_INIT("1") },
    { FIELD(route, REF, pool), REF(POOL), .optional = true },
    { FIELD(route, REF, data_terms), REF(DATA_TERMS), .optional = true },
    { LIST(route, STRUCTS, attachments, attachment_count), NESTED(attachment), .max = 1000,
      .optional = true },
    { FIELD(route, SHA256, tls_pin), .optional = true },
};
static SHAPE(route, "route");

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
static SHAPE(plan, "plan");

static const struct registry_field terms_fields[] = {
    { FIELD(terms, TEXT, name), .min = 1, .max = 96 },
    { FIELD(terms, TEXT, version), .min = 1, .max = 64 },
    { FIELD(terms, SHA256, sha256) },
};
static SHAPE(terms, "product's terms");

static const struct registry_field velocity_fields[] = {
    { FIELD(velocity, NUMBER, purchases), .min = 1, .max = 1000000 },
    { FIELD(velocity, MONEY, amount) },
};
static SHAPE(velocity, "limit of purchases");

static const struct registry_field limits_fields[] = {
    { FIELD(limits, STRUCT, none), NESTED(velocity) },
    { FIELD(limits, STRUCT, basic), NESTED(velocity), .optional = true },
    { FIELD(limits, STRUCT, full), NESTED(velocity), .optional = true },
};
static SHAPE(limits, "list of limits");

static const struct registry_field unit_fields[] = {
    { FIELD(unit, TEXT, name), .min = 1, .max = 32 },
    { FIELD(unit, NUMBER, per_currency_unit), .min = 1, .max = 1000000000 },
};
static SHAPE(unit, "unit");

static const struct registry_field alias_fields[] = {
    { TEXT(alias, name, 96) },
    { FIELD(alias, REF, model), REF(MODEL) },
};
static SHAPE(alias, "product's alias");

static const struct registry_field product_dpa_fields[] = {
    { TEXT(product_dpa, version, 64) },
    { TEXT(product_dpa, previous, 64), .optional = true },
    { TIME_MAYBE(product_dpa, grace_until) },
};
static SHAPE(product_dpa, "product's data agreement");

#define NAMES_MAX 64 /* a model has no more routes */

/* Below the median most calls would be made twice; what is rarer than 1 of 100 takes thousands of
 * calls to learn. */
static const struct registry_field hedge_fields[] = {
    { FIELD(hedge, NUMBER, after_percentile), .min = 50, .max = 99 },
    { FIELD(hedge, NUMBER, at_least_ms), .min = 0, .max = 60000, .optional = true,
      .standard = STR_INIT("0") },
};
static SHAPE(hedge, "dispatch's hedge");

static const struct registry_field dispatch_fields[] = {
    { FIELD(dispatch, CHOICE, sort), .choices = STR_INIT("price|latency|throughput|weight|energy"),
      .optional = true, .standard = STR_INIT("price") },
    { FIELD(dispatch, TEXTS, order), .min = 1, .max = NAMES_MAX, .optional = true },
    { FIELD(dispatch, TEXTS, only), .min = 1, .max = NAMES_MAX, .optional = true },
    { FIELD(dispatch, TEXTS, ignore), .min = 1, .max = NAMES_MAX, .optional = true },
    { FIELD(dispatch, NUMBER, near_percent), .min = 0, .max = 1000, .optional = true,
      .standard = STR_INIT("0") },
    { FIELD(dispatch, STRUCT, hedge), NESTED(hedge), .optional = true, .late = true },
};
static SHAPE(dispatch, "product's dispatch");

/* A batch runs for a day, and its results must be there for whoever asks on the next. */
static const struct registry_field batch_fields[] = {
    { FIELD(batch, NUMBER, price_percent), .min = 1, .max = 100 },
    { FIELD(batch, NUMBER, keep_hours), .min = 48, .max = 8760, .optional = true,
      .standard = STR_INIT("720") },
};
static SHAPE(batch, "product's batches");

static const struct registry_field voice_fields[] = {
    { FIELD(voice, REF, hear), REF(MODEL) },
    { FIELD(voice, REF, think), REF(MODEL) },
    { FIELD(voice, REF, speak), REF(MODEL) },
    { TEXT(voice, voice, 64) },
    { TEXT(voice, language, 16), .optional = true },
    { TEXT(voice, instructions, 4000), .optional = true },
};
static SHAPE(voice, "product's voice");

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
    { FIELD(product, STRUCT, unit), NESTED(unit) },
    { FIELD(product, STRUCTS, plans), NESTED(plan), .min = 1, .max = 1000,
      .count_offset = offsetof(struct registry_product, plan_count) },
    { FIELD(product, STRUCT, terms), NESTED(terms), .optional = true },
    { FIELD(product, TEXTS, payment_methods), .min = 1, .max = 16, .optional = true },
    { FIELD(product, STRUCT, purchase_limits), NESTED(limits), .optional = true },
    { FIELD(product, REF, seller), REF(PARTY) },
    { FIELD(product, REF, zone), REF(ZONE), .optional = true },
    { BOOL(product, official, "false") },
    { BOOL(product, names_vendor, "true") },
    { BOOL(product, device, "false") },
    { BOOL(product, caches, "false") },
    { LIST(product, STRUCTS, aliases, alias_count), NESTED(alias), .max = 1000, .optional = true },
    { FIELD(product, STRUCT, markets), NESTED(regions), .optional = true },
    { FIELD(product, STRUCT, dpa), NESTED(product_dpa), .optional = true },
    { FIELD(product, CHOICE, content_policy), .choices = STR_INIT("refuse_strong|flag"),
      .optional = true, .standard = STR_INIT("refuse_strong") },
    { FIELD(product, STRUCT, dispatch), NESTED(dispatch), .optional = true, .late = true },
    { FIELD(product, STRUCT, batch), NESTED(batch), .optional = true, .late = true },
    { FIELD(product, STRUCT, voice), NESTED(voice), .optional = true, .late = true },
};
static SHAPE(product, "product");

#define KIND(file_, owner, member, count_member)                                  \
    {                                                                             \
        .file = STR_INIT(file_ ".yaml"), .key = STR_INIT(file_), NESTED(owner),   \
        .offset = offsetof(struct registry, member),                              \
        .count_offset = offsetof(struct registry, count_member), .optional = true \
    }
/* One that a registry cannot do without. */
#define BASIC(file_, owner, member, count_member)                               \
    {                                                                           \
        .file = STR_INIT(file_ ".yaml"), .key = STR_INIT(file_), NESTED(owner), \
        .offset = offsetof(struct registry, member),                            \
        .count_offset = offsetof(struct registry, count_member)                 \
    }

const struct registry_kind_info registry_kinds[REGISTRY_KIND_COUNT] = {
    [REGISTRY_KIND_REGION] = KIND("regions", region_group, regions, region_count),
    [REGISTRY_KIND_PERSON] = KIND("persons", person, persons, person_count),
    [REGISTRY_KIND_PARTY] = BASIC("parties", party, parties, party_count),
    [REGISTRY_KIND_KEY] = KIND("keys", key, keys, key_count),
    [REGISTRY_KIND_MODEL] = BASIC("models", model, models, model_count),
    [REGISTRY_KIND_DATA_TERMS] = KIND("data_terms", data_terms, data_terms, data_terms_count),
    [REGISTRY_KIND_POOL] = KIND("pools", pool, pools, pool_count),
    [REGISTRY_KIND_ZONE] = KIND("zones", zone, zones, zone_count),
    [REGISTRY_KIND_GRANT] = KIND("grants", grant, grants, grant_count),
    [REGISTRY_KIND_PROCUREMENT] =
        KIND("procurements", procurement, procurements, procurement_count),
    [REGISTRY_KIND_CREDENTIAL] = BASIC("credentials", credential, credentials, credential_count),
    [REGISTRY_KIND_PRICE_BOOK] = BASIC("price_books", price_book, price_books, price_book_count),
    [REGISTRY_KIND_ROUTE] = BASIC("routes", route, routes, route_count),
    [REGISTRY_KIND_PRODUCT] = BASIC("products", product, products, product_count),
    [REGISTRY_KIND_AGREEMENT] = KIND("agreements", agreement, agreements, agreement_count),
    [REGISTRY_KIND_SUBPROCESSORS] =
        KIND("subprocessors", subprocessor_list, subprocessors, subprocessor_count),
    [REGISTRY_KIND_LANE] = KIND("lanes", lane, lanes, lane_count),
    [REGISTRY_KIND_THRESHOLD] = KIND("thresholds", threshold, thresholds, threshold_count),
    [REGISTRY_KIND_REQUIREMENT] =
        KIND("requirements", requirement, requirements, requirement_count),
    [REGISTRY_KIND_NETWORK] = KIND("networks", network, networks, network_count),
    [REGISTRY_KIND_BILLING] = KIND("billing", billing_state, billing, billing_count),
    [REGISTRY_KIND_DETECTOR] = KIND("detectors", detector, detectors, detector_count),
};

_Static_assert(offsetof(struct registry_model, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_credential, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_price_book, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_route, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_product, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_plan, id) == 0, "the id comes first");
