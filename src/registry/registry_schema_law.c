#include "registry/registry_schema_internal.h"

/* Who may sell what to whom, and what each side has signed about content. */

static const struct registry_field region_group_fields[] = {
    { FIELD(region_group, ID, id) },
    { FIELD(region_group, NUMBER, version), .min = 1, .max = 1000000 },
    { FIELD(region_group, MEMBERS, members), .min = 1, .max = REGISTRY_CODES_MAX },
    { TIME_FROM(region_group) },
    { TEXT(region_group, source, 1000) },
};
SHAPE(region_group, "group of countries");

static const struct registry_field regions_fields[] = {
    { COUNTRIES(regions, allow, allow_written), .min = 1 },
    { COUNTRIES(regions, deny, deny_written), .optional = true },
};
SHAPE(regions, "set of regions");

/* ---- grants -------------------------------------------------------------------------------- */

static const struct registry_field brand_terms_fields[] = {
    { BOOL(brand_terms, must_name_vendor, "true") },
    { BOOL(brand_terms, may_rename, "false") },
    { LIST(brand_terms, STRS, brands, brand_count), .max = 1000, .optional = true },
};
static SHAPE(brand_terms, "brand's terms");

static const struct registry_field quota_fields[] = {
    { FIELD(quota, NUMBER, tokens), .min = 1, .max = 1000000000000000000 },
    { FIELD(quota, CHOICE, period), .choices = STR_INIT(REGISTRY_PERIODS) },
};
static SHAPE(quota, "quota");

static const struct registry_field signature_fields[] = {
    { FIELD(signature, WORD, alg), .choices = STR_INIT("ed25519") },
    { FIELD(signature, REF, key_id), REF(KEY) },
    { FIELD(signature, HEX, sig), .min = 64, .max = 64 },
    { FIELD(signature, REF, countersig_key_id), REF(KEY), .optional = true },
    { FIELD(signature, HEX, countersig), .min = 64, .max = 64, .optional = true },
};
static SHAPE(signature, "signature");

/* "doc", "signature" and who entered it are missed by registry_check_chain.c, as what they are. */
static const struct registry_field grant_fields[] = {
    { FIELD(grant, ID, id) },
    { FIELD(grant, NUMBER, version), .min = 1, .max = 1000000 },
    { FIELD(grant, REF, grantor), REF(PARTY) },
    { FIELD(grant, REF, grantee), REF(PARTY) },
    { .key = STR_INIT("parent"), .type = REGISTRY_TYPE_PARENT },
    { LIST(grant, GRANTED, models, model_count), .min = 1, .max = REGISTRY_LIST_MAX },
    { FIELD(grant, CHOICES, actions), .choices = STR_INIT(REGISTRY_ACTIONS), .min = 1, .max = 64 },
    { FIELD(grant, STRUCT, regions), NESTED(regions) },
    { FIELD(grant, CHOICES, client_types), .choices = STR_INIT(REGISTRY_CLIENT_TYPES), .min = 1,
      .max = 64 },
    { COUNTRIES(grant, exclude_owned_from, exclude_written), .optional = true },
    { FIELD(grant, STRUCT, brand_terms), NESTED(brand_terms), .optional = true,
      .standard = STR_INIT("{}") },
    { FIELD(grant, NUMBER, sublicense_depth), .min = 0, .max = REGISTRY_DEPTH_MAX, .optional = true,
      .standard = STR_INIT("0") },
    { FIELD(grant, STRUCT, quota), NESTED(quota), .optional = true },
    { TIME_FROM(grant) },
    { FIELD(grant, TIME, valid_until) },
    { TIME_OPEN(grant, revoked_at) },
    { TIME_MAYBE(grant, runoff_until) },
    { FIELD(grant, NUMBER, notice_days), .min = 0, .max = 3650, .optional = true },
    { DOC(grant, doc) },
    { FIELD(grant, CHOICE, evidence_class), .choices = STR_INIT(REGISTRY_EVIDENCE) },
    { FIELD(grant, STRUCT, signature), NESTED(signature), .optional = true },
    { FIELD(grant, REF, entered_by), REF(PERSON), .optional = true },
    { TIME_MAYBE(grant, entered_at) },
    { FIELD(grant, REF, reviewed_by), REF(PERSON), .optional = true },
};
SHAPE(grant, "grant");

static const struct registry_field agreement_fields[] = {
    { FIELD(agreement, ID, id) },
    { FIELD(agreement, NUMBER, version), .min = 1, .max = 1000000 },
    { FIELD(agreement, REF, grantor), REF(PARTY) },
    { FIELD(agreement, REF, grantee), REF(PARTY), .optional = true },
    { BOOL(agreement, online, "false") },
    { FIELD(agreement, CHOICES, actions), .choices = STR_INIT(REGISTRY_ACTIONS), .min = 1,
      .max = 64 },
    { FIELD(agreement, STRUCT, regions), NESTED(regions) },
    { LIST(agreement, COUNTRIES, markets, market_count), .max = REGISTRY_CODES_MAX,
      .optional = true },
    { FIELD(agreement, CHOICES, client_types), .choices = STR_INIT(REGISTRY_CLIENT_TYPES), .min = 1,
      .max = 64 },
    { BOOL(agreement, child_directed, "false") },
    { TIME_FROM(agreement) },
    { FIELD(agreement, TIME, valid_until) },
    { TIME_OPEN(agreement, revoked_at) },
    { DOC(agreement, doc) },
    { FIELD(agreement, CHOICE, evidence_class), .choices = STR_INIT(REGISTRY_EVIDENCE) },
    { FIELD(agreement, STRUCT, signature), NESTED(signature), .optional = true },
    { FIELD(agreement, REF, data_terms), REF(DATA_TERMS), .optional = true },
    { FIELD(agreement, REF, entered_by), REF(PERSON), .optional = true },
    { TIME_MAYBE(agreement, entered_at) },
    { FIELD(agreement, REF, reviewed_by), REF(PERSON), .optional = true },
};
SHAPE(agreement, "agreement");

/* ---- data ---------------------------------------------------------------------------------- */

#define MECHANISMS                                                                      \
    "adequacy|scc_eu|asean_mcc|contract_pdpa26|consent|cbpr|ctia_filed|exemption_art4|" \
    "standard_contract_cn|tia|none"
#define US_CATEGORIES "genomic|omic|biometric|geolocation|health|financial|identifiers"

static const struct registry_field dpa_fields[] = {
    { TEXT(dpa, version, 64) },
    { .key = STR_INIT("signed"),
      .type = REGISTRY_TYPE_BOOL,
      .offset = offsetof(struct registry_dpa, signed_by_both),
      .optional = true,
      .standard = STR_INIT("false") },
    { TIME_FROM(dpa) },
    { FIELD(dpa, TIME, valid_until) },
    { DOC(dpa, doc) },
};
static SHAPE(dpa, "data agreement");

static const struct registry_field transfer_fields[] = {
    { FIELD(transfer, COUNTRY, from) },
    { FIELD(transfer, COUNTRY, to) },
    { FIELD(transfer, CHOICE, mechanism), .choices = STR_INIT(MECHANISMS) },
    { TIME_FROM(transfer) },
    { TIME_OPEN(transfer, valid_until) },
    { DOC(transfer, doc) },
};
static SHAPE(transfer, "basis of transfer");

static const struct registry_field record_fields[] = {
    { TEXT(record, controller, 500), .optional = true },
    { TEXT(record, contact, 500), .optional = true },
    { TEXT(record, categories, 1000), .optional = true },
    { TEXT(record, transfers, 1000), .optional = true },
    { TEXT(record, security, 1000), .optional = true },
};
static SHAPE(record, "record of processing");

static const struct registry_field data_terms_fields[] = {
    { FIELD(data_terms, ID, id) },
    { FIELD(data_terms, STRUCT, dpa), NESTED(dpa), .optional = true },
    { FIELD(data_terms, NUMBER, retention_days), .min = 0, .max = 36500, .optional = true,
      .absent = REGISTRY_RETENTION_UNKNOWN },
    { FIELD(data_terms, CHOICE, training), .choices = STR_INIT("unknown|no|opt_in|abuse_only|yes"),
      .optional = true, .standard = STR_INIT("unknown") },
    { FIELD(data_terms, CHOICE, human_review),
      .choices = STR_INIT("unknown|no|opt_in|abuse_only|yes"), .optional = true,
      .standard = STR_INIT("unknown") },
    { BOOL(data_terms, children_allowed, "false") },
    { BOOL(data_terms, consent_ref_required, "true") },
    { BOOL(data_terms, analytics, "true") },
    { FIELD(data_terms, COUNTRY_SET, locations), .max = REGISTRY_CODES_MAX, .optional = true },
    { LIST(data_terms, REFS, third_parties, third_party_count), REF(PARTY), .max = 1000,
      .optional = true },
    { LIST(data_terms, STRUCTS, transfer_basis, transfer_count), NESTED(transfer), .max = 1000,
      .optional = true },
    { BOOL(data_terms, us_declared, "false") },
    { FIELD(data_terms, CHOICES, us_categories), .choices = STR_INIT(US_CATEGORIES), .max = 64,
      .optional = true },
    { FIELD(data_terms, STRUCT, record), NESTED(record), .optional = true },
    { LIST(data_terms, STRS, purposes, purpose_count), .max = 100, .optional = true },
    { LIST(data_terms, STRS, data_categories, data_category_count), .max = 100, .optional = true },
    { FIELD(data_terms, NUMBER, deletion_sla_days), .min = 0, .max = 36500, .optional = true },
    { FIELD(data_terms, NUMBER, breach_hours), .min = 0, .max = 8760, .optional = true },
};
SHAPE(data_terms, "set of data terms");

static const struct registry_field subprocessor_fields[] = {
    { FIELD(subprocessor, REF, party), REF(PARTY) },
    { TEXT(subprocessor, service, 200) },
    { FIELD(subprocessor, COUNTRY, location) },
};
static SHAPE(subprocessor, "subprocessor");

static const struct registry_field objection_fields[] = {
    { FIELD(objection, REF, client), REF(PARTY) },
    { FIELD(objection, REF, party), REF(PARTY) },
    { FIELD(objection, TIME, at) },
};
static SHAPE(objection, "objection");

static const struct registry_field subprocessor_list_fields[] = {
    { FIELD(subprocessor_list, ID, id) },
    { FIELD(subprocessor_list, NUMBER, version), .min = 1, .max = 1000000 },
    { FIELD(subprocessor_list, TIME, published_at) },
    { FIELD(subprocessor_list, TIME, effective_at) },
    { FIELD(subprocessor_list, NUMBER, notice_days), .min = 0, .max = 3650 },
    { LIST(subprocessor_list, STRUCTS, entries, entry_count), NESTED(subprocessor),
      .max = REGISTRY_LIST_MAX },
    { LIST(subprocessor_list, STRUCTS, objections, objection_count), NESTED(objection),
      .max = REGISTRY_LIST_MAX, .optional = true },
};
SHAPE(subprocessor_list, "list of subprocessors");

static const struct registry_field lane_fields[] = {
    { FIELD(lane, ID, id) },
    { FIELD(lane, COUNTRY_SET, from), .min = 1, .max = REGISTRY_CODES_MAX },
    { FIELD(lane, COUNTRY_SET, to), .min = 1, .max = REGISTRY_CODES_MAX },
    { FIELD(lane, CHOICES, mechanisms), .choices = STR_INIT(MECHANISMS), .max = 64 },
    { TIME_FROM(lane) },
    { TIME_OPEN(lane, valid_until) },
    { TEXT(lane, source, 1000) },
};
SHAPE(lane, "lane");

_Static_assert(offsetof(struct registry_region_group, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_grant, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_agreement, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_data_terms, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_subprocessor_list, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_lane, id) == 0, "the id comes first");
