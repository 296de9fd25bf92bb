/* How the rows of the tables are written, and the shapes that several files of them share. */
#pragma once

#include "registry/registry_internal.h"

/* A field whose key is its member's name. */
#define FIELD(owner, type_, member)                          \
    .key = STR_INIT(#member), .type = REGISTRY_TYPE_##type_, \
    .offset = offsetof(struct registry_##owner, member)
/* A list whose count is another member. */
#define LIST(owner, type_, member, count_) \
    FIELD(owner, type_, member), .count_offset = offsetof(struct registry_##owner, count_)
#define REF(kind) .ref = REGISTRY_KIND_##kind
/* The shape of struct registry_OWNER, from OWNER_fields. */
#define SHAPE(owner, noun_)                                                                       \
    const struct registry_shape registry_shape_##owner = { .noun = noun_,                         \
                                                           .fields = owner##_fields,              \
                                                           .count = EP_ARRAY_LEN(owner##_fields), \
                                                           .size =                                \
                                                               sizeof(struct registry_##owner) }
#define NESTED(owner) .shape = &registry_shape_##owner

#define REGISTRY_TARIFF_WINDOWS_MAX 64 /* of a week: nine a day; they are asked one by one a call */
#define REGISTRY_CODES_MAX          700 /* countries and groups of one list: there are 676 codes */
#define REGISTRY_LIST_MAX           10000

/* Optional; what it names is evidence. */
#define DOC(owner, member) FIELD(owner, STRUCT, member), NESTED(doc), .optional = true
#define TIME_FROM(owner)   FIELD(owner, TIME, valid_from)
/* An end that may be left open. */
#define TIME_OPEN(owner, member) \
    FIELD(owner, TIME, member), .optional = true, .absent = REGISTRY_TIME_NEVER
#define TIME_MAYBE(owner, member) FIELD(owner, TIME, member), .optional = true
#define BOOL(owner, member, standard_) \
    FIELD(owner, BOOL, member), .optional = true, .standard = STR_INIT(standard_)
/* A capacity: what no machine reaches is no limit. */
#define TOKENS_PER_MINUTE(owner)                                                               \
    FIELD(owner, NUMBER, tokens_per_minute), .min = 1, .max = 1000000000000, .optional = true, \
                                             .late = true
#define TEXT(owner, member, max_) FIELD(owner, TEXT, member), .min = 1, .max = max_
#define COUNTRIES(owner, member, written) \
    LIST(owner, COUNTRY_SET, member, written), .max = REGISTRY_CODES_MAX

#define REGISTRY_ACTIONS      "api_call|aggregate|resell|white_label|cache|fine_tune|device_embed"
#define REGISTRY_CLIENT_TYPES "enterprise|developer|consumer|government|education|child_directed"
#define REGISTRY_EVIDENCE     "written_signed|written_unsigned|click_through|verbal"
#define REGISTRY_DOC_KINDS    "contract|authorization_letter|order_form|licence|click_through|other"
#define REGISTRY_PERIODS      "day|month|year|term"
#define REGISTRY_DAYS         "mon|tue|wed|thu|fri|sat|sun"
#define REGISTRY_DAYS_ALL     127            /* a bit each */
#define REGISTRY_FAMILY       STR("family:") /* before a family's name in a grant */
#define REGISTRY_QUALIFICATIONS                                                \
    "icp_b25|edi_b21|idc_b11|genai_filing|algo_filing|zone_admission|vat_reg|" \
    "tax_residence_cert|representative"

extern const struct registry_shape registry_shape_doc;
extern const struct registry_shape registry_shape_regions;

extern const struct registry_shape registry_shape_party;
extern const struct registry_shape registry_shape_person;
extern const struct registry_shape registry_shape_key;
extern const struct registry_shape registry_shape_region_group;
extern const struct registry_shape registry_shape_grant;
extern const struct registry_shape registry_shape_agreement;
extern const struct registry_shape registry_shape_data_terms;
extern const struct registry_shape registry_shape_subprocessor_list;
extern const struct registry_shape registry_shape_lane;
extern const struct registry_shape registry_shape_pool;
extern const struct registry_shape registry_shape_zone;
extern const struct registry_shape registry_shape_attachment;
extern const struct registry_shape registry_shape_threshold;
extern const struct registry_shape registry_shape_requirement;
extern const struct registry_shape registry_shape_network;
extern const struct registry_shape registry_shape_procurement;
extern const struct registry_shape registry_shape_billing_state;
extern const struct registry_shape registry_shape_detector;
