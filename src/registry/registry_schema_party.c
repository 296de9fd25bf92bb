#include "registry/registry_schema_internal.h"

/* Who takes part, and with what they prove what they say. */

static const struct registry_field doc_fields[] = {
    { FIELD(doc, FILE, file) },
    { FIELD(doc, SHA256, sha256) },
    { FIELD(doc, CHOICE, kind), .choices = STR_INIT(REGISTRY_DOC_KINDS), .optional = true,
      .standard = STR_INIT("other") },
    { FIELD(doc, DATE, signed_on), .optional = true },
    { FIELD(doc, NUMBER, pages), .min = 1, .max = 100000, .optional = true },
    { TEXT(doc, language, 35), .optional = true },
    { FIELD(doc, DERIVED, state) },
};
SHAPE(doc, "document");

static const struct registry_field person_fields[] = {
    { FIELD(person, ID, id) },
    { TEXT(person, name, 200) },
    { FIELD(person, HEX, public_key), .min = 32, .max = 32 },
    { TIME_FROM(person) },
    { TIME_OPEN(person, valid_until) },
};
SHAPE(person, "person");

static const struct registry_field key_fields[] = {
    { FIELD(key, ID, id) },
    { FIELD(key, REF, party), REF(PARTY) },
    { FIELD(key, HEX, public_key), .min = 32, .max = 32 },
    { TIME_FROM(key) },
    { TIME_OPEN(key, valid_until) },
    { TIME_OPEN(key, revoked_at) },
};
SHAPE(key, "key");

/* One of "party" and "jurisdiction": registry_check_party.c sees to it. */
static const struct registry_field owner_share_fields[] = {
    { FIELD(owner_share, REF, party), REF(PARTY), .optional = true },
    { FIELD(owner_share, COUNTRY, jurisdiction), .optional = true },
    { FIELD(owner_share, NUMBER, percent), .min = 1, .max = 100 },
};
static SHAPE(owner_share, "owner");

static const struct registry_field kyc_fields[] = {
    { FIELD(kyc, NUMBER, level), .min = 0, .max = 3 },
    { DOC(kyc, doc) },
    { FIELD(kyc, REF, verified_by), REF(PERSON), .optional = true },
    { TIME_MAYBE(kyc, verified_at) },
    { TIME_OPEN(kyc, expires_at) },
};
static SHAPE(kyc, "check of a client");

static const struct registry_field qualification_fields[] = {
    { FIELD(qualification, CHOICE, type), .choices = STR_INIT(REGISTRY_QUALIFICATIONS) },
    { TEXT(qualification, number, 128) },
    { FIELD(qualification, REF, model), REF(MODEL), .optional = true },
    { FIELD(qualification, COUNTRY_SET, region), .max = REGISTRY_CODES_MAX, .min = 1 },
    { TIME_FROM(qualification) },
    { TIME_OPEN(qualification, valid_until) },
    { DOC(qualification, doc) },
};
static SHAPE(qualification, "qualification");

static const struct registry_field instrument_fields[] = {
    { FIELD(instrument, COUNTRY, country), .optional = true },
    { FIELD(instrument, CHOICE, kind),
      .choices = STR_INIT("unknown|bank|company_card|consumer_card|wallet"), .optional = true,
      .standard = STR_INIT("unknown") },
};
static SHAPE(instrument, "way of paying");

static const struct registry_field party_fields[] = {
    { FIELD(party, ID, id) },
    { FIELD(party, CHOICE, kind),
      .choices = STR_INIT("vendor|cloud|channel|aggregator|compute_center|carrier|platform|client|"
                          "brand") },
    { TEXT(party, legal_name, 200) },
    { FIELD(party, COUNTRY, jurisdiction) },
    { TEXT(party, reg_no, 64), .optional = true },
    { LIST(party, STRUCTS, owners, owner_count), NESTED(owner_share), .max = 100,
      .optional = true },
    { FIELD(party, STRUCT, kyc), NESTED(kyc), .optional = true },
    { FIELD(party, COUNTRY_SET, markets_declared), .max = REGISTRY_CODES_MAX, .optional = true },
    { FIELD(party, COUNTRY, billing_country), .optional = true },
    { LIST(party, COUNTRIES, end_users, end_user_count), .max = REGISTRY_CODES_MAX,
      .optional = true },
    { FIELD(party, CHOICE, client_type), .choices = STR_INIT("unknown|" REGISTRY_CLIENT_TYPES),
      .optional = true, .standard = STR_INIT("unknown") },
    { FIELD(party, STRUCT, billing_instrument), NESTED(instrument), .optional = true },
    { TIME_MAYBE(party, registered_at) },
    { LIST(party, HOSTS, official_hosts, official_host_count), .max = 1000, .optional = true },
    { LIST(party, STRUCTS, qualifications, qualification_count), NESTED(qualification), .max = 1000,
      .optional = true },
};
SHAPE(party, "party");

_Static_assert(offsetof(struct registry_party, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_person, id) == 0, "the id comes first");
_Static_assert(offsetof(struct registry_key, id) == 0, "the id comes first");
