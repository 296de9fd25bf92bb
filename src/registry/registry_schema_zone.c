#include "registry/registry_schema_internal.h"

/* Places of processing, and the dated rows in which law and operators' choices stand as data. */

static const struct registry_field energy_fields[] = {
    { FIELD(energy, NUMBER, microjoules_in), .min = 1, .max = 1000000000 },
    { FIELD(energy, NUMBER, microjoules_out), .min = 1, .max = 1000000000 },
    { FIELD(energy, NUMBER, pue_overhead_percent), .min = 0, .max = 900, .optional = true,
      .standard = STR_INIT("0") },
};
static SHAPE(energy, "pool's energy");

static const struct registry_field tariff_window_fields[] = {
    { FIELD(tariff_window, CHOICES, days), .choices = STR_INIT(REGISTRY_DAYS), .min = 1, .max = 7,
      .optional = true, .absent = REGISTRY_DAYS_ALL },
    { FIELD(tariff_window, CLOCK, from) },
    { FIELD(tariff_window, CLOCK, until) },
    { FIELD(tariff_window, NUMBER, percent), .min = 0, .max = 10000 },
};
static SHAPE(tariff_window, "window of a tariff");

static const struct registry_field tariff_fields[] = {
    { FIELD(tariff, OFFSET, utc_offset) },
    { BOOL(tariff, scales_price, "false") },
    { LIST(tariff, STRUCTS, windows, window_count), NESTED(tariff_window), .min = 1,
      .max = REGISTRY_TARIFF_WINDOWS_MAX },
};
static SHAPE(tariff, "pool's tariff");

static const struct registry_field pool_fields[] = {
    { FIELD(pool, ID, id) },
    { FIELD(pool, REF, operator), REF(PARTY) },
    { FIELD(pool, REF, zone), REF(ZONE), .optional = true },
    { FIELD(pool, PLACE, place) },
    { FIELD(pool, NUMBER, max_concurrent), .min = 1, .max = 1000000 },
    { FIELD(pool, STRUCT, energy), NESTED(energy), .optional = true, .late = true },
    { TOKENS_PER_MINUTE(pool) },
    { FIELD(pool, STRUCT, tariff), NESTED(tariff), .optional = true, .late = true },
};
SHAPE(pool, "pool");

static const struct registry_field approval_fields[] = {
    { DOC(approval, doc) },
    { TEXT(approval, authority, 200) },
    { TIME_FROM(approval) },
    { FIELD(approval, TIME, valid_until) },
    { LIST(approval, REFS, operators, operator_count), REF(PARTY), .max = 1000, .optional = true },
    { LIST(approval, REFS, pools, pool_count), REF(POOL), .max = 1000, .optional = true },
};
static SHAPE(approval, "approval");

#define ITEM(name, ITEM_)                                                   \
    {                                                                       \
        .key = STR_INIT(name), .type = REGISTRY_TYPE_CHOICE,                \
        .offset = REGISTRY_ITEM_##ITEM_ * sizeof(enum registry_separation), \
        .choices = STR_INIT("physical|logical|shared")                      \
    }

static const struct registry_field separation_fields[] = {
    ITEM("network", NETWORK), ITEM("compute", COMPUTE), ITEM("storage", STORAGE),
    ITEM("keys", KEYS),       ITEM("admin", ADMIN),     ITEM("logs", LOGS),
    ITEM("cache", CACHE),
};
static const struct registry_shape registry_shape_separation = {
    .noun = "separation",
    .fields = separation_fields,
    .count = EP_ARRAY_LEN(separation_fields),
    .size = REGISTRY_ITEM_COUNT * sizeof(enum registry_separation),
};
_Static_assert(EP_ARRAY_LEN(separation_fields) == REGISTRY_ITEM_COUNT, "a row each");

static const struct registry_field zone_fields[] = {
    { FIELD(zone, ID, id) },
    { FIELD(zone, STRUCT, approval), NESTED(approval), .optional = true },
    { FIELD(zone, REF, operator), REF(PARTY) },
    { LIST(zone, REFS, pools, pool_count), REF(POOL), .max = 1000, .optional = true },
    { LIST(zone, STRS, facilities, facility_count), .max = 1000, .optional = true },
    { LIST(zone, STRS, ingress_links, ingress_link_count), .max = 1000, .optional = true },
    { LIST(zone, STRS, egress_links, egress_link_count), .max = 1000, .optional = true },
    { FIELD(zone, COUNTRY_SET, allowed_markets), .max = REGISTRY_CODES_MAX, .optional = true },
    { FIELD(zone, STRUCT, separation), NESTED(separation) },
    { FIELD(zone, NUMBER, retention_max_s), .min = 0, .max = 3153600000, .optional = true,
      .standard = STR_INIT("0") },
    { LIST(zone, REFS, output_readers, output_reader_count), REF(PARTY), .max = 1000,
      .optional = true },
};
SHAPE(zone, "zone");

static const struct registry_field attachment_fields[] = {
    { FIELD(attachment, ID, id) },
    { FIELD(attachment, WORD, kind), .choices = STR_INIT("rag|tool|file|cache") },
    { FIELD(attachment, CHOICE, tag), .choices = STR_INIT("unknown|overseas|domestic"),
      .optional = true, .standard = STR_INIT("unknown") },
};
SHAPE(attachment, "attachment");

/* ---- dated rows ---------------------------------------------------------------------------- */

static const struct registry_field threshold_fields[] = {
    { FIELD(threshold, ID, id) },
    { FIELD(threshold, ID, name) },
    { FIELD(threshold, NUMBER, value), .min = 0, .max = 1000000000000000000 },
    { TIME_FROM(threshold) },
    { TIME_OPEN(threshold, valid_until) },
    { TEXT(threshold, source, 1000) },
};
SHAPE(threshold, "threshold");

static const struct registry_field requirement_fields[] = {
    { FIELD(requirement, ID, id) },
    { FIELD(requirement, COUNTRY_SET, markets), .min = 1, .max = REGISTRY_CODES_MAX },
    { FIELD(requirement, WORD, qualification), .choices = STR_INIT(REGISTRY_QUALIFICATIONS) },
    { TIME_FROM(requirement) },
    { TIME_OPEN(requirement, valid_until) },
    { TEXT(requirement, source, 1000) },
};
SHAPE(requirement, "requirement");

static const struct registry_field network_fields[] = {
    { FIELD(network, ID, id) },
    { FIELD(network, BLOCK, cidr) },
    { FIELD(network, COUNTRY, country) },
    { FIELD(network, REF, party), REF(PARTY), .optional = true },
    { TIME_FROM(network) },
    { TIME_OPEN(network, valid_until) },
    { FIELD(network, STRUCT, evidence), NESTED(doc) },
};
SHAPE(network, "network");

static const struct registry_field purchase_order_fields[] = {
    { FIELD(purchase_order, ID, id) },
    { FIELD(purchase_order, NUMBER, tokens), .min = 1, .max = 1000000000000000000 },
    { TIME_FROM(purchase_order) },
    { FIELD(purchase_order, TIME, valid_until) },
    { DOC(purchase_order, doc) },
};
static SHAPE(purchase_order, "purchase order");

static const struct registry_field procurement_fields[] = {
    { FIELD(procurement, ID, id) },
    { FIELD(procurement, REF, upstream_party), REF(PARTY) },
    { FIELD(procurement, REF, buyer), REF(PARTY) },
    { FIELD(procurement, NUMBER, keys_max), .min = 1, .max = 100000 },
    { TIME_FROM(procurement) },
    { FIELD(procurement, TIME, valid_until) },
    { LIST(procurement, STRUCTS, purchase_orders, purchase_order_count), NESTED(purchase_order),
      .max = REGISTRY_LIST_MAX, .optional = true },
    { DOC(procurement, doc) },
};
SHAPE(procurement, "procurement");

static const struct registry_field billing_state_fields[] = {
    { FIELD(billing_state, ID, id) },
    { FIELD(billing_state, REF, party), REF(PARTY) },
    { FIELD(billing_state, MONTH, period) },
    { FIELD(billing_state, CHOICE, state), .choices = STR_INIT("closed|pending|open") },
    { TIME_MAYBE(billing_state, open_since) },
    { TIME_MAYBE(billing_state, unpaid_due) },
};
SHAPE(billing_state, "state of billing");

static const struct registry_field detector_fields[] = {
    { FIELD(detector, ID, id) },
    { FIELD(detector, CHOICE, class),
      .choices = STR_INIT("marker|cn_resident_id|cn_mobile|cn_bank_card|cn_passport|"
                          "cn_hkmo_permit|cn_uscc|cn_plate"),
      .optional = true, .standard = STR_INIT("marker") },
    { TEXT(detector, marker, 64), .optional = true },
    { FIELD(detector, CHOICE, kind),
      .choices = STR_INIT("province|prefix|keyword|term|level|bound") },
    { FIELD(detector, TEXTS, values), .min = 1, .max = 512 },
    { FIELD(detector, NUMBER, window), .min = 1, .max = 24, .optional = true,
      .standard = STR_INIT("12") },
    { FIELD(detector, NUMBER, min), .min = 1, .max = 1000, .optional = true,
      .standard = STR_INIT("1") },
    { FIELD(detector, CHOICE, strength), .choices = STR_INIT("weak|strong"), .optional = true,
      .standard = STR_INIT("weak") },
    { TIME_FROM(detector) },
    { TIME_OPEN(detector, valid_until) },
    { TEXT(detector, source, 1000) },
};
SHAPE(detector, "detector");

_Static_assert(offsetof(struct registry_detector, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_pool, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_zone, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_attachment, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_threshold, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_requirement, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_network, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_purchase_order, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_procurement, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_billing_state, id) == 0, "the id comes first");
