/* Who takes part: what is known of them, by whom and until when. */
#pragma once

#include "registry/registry_grant.h"

enum registry_party_kind {
    REGISTRY_PARTY_VENDOR,
    REGISTRY_PARTY_CLOUD,
    REGISTRY_PARTY_CHANNEL,
    REGISTRY_PARTY_AGGREGATOR,
    REGISTRY_PARTY_COMPUTE_CENTER,
    REGISTRY_PARTY_CARRIER,
    REGISTRY_PARTY_PLATFORM,
    REGISTRY_PARTY_CLIENT,
    REGISTRY_PARTY_BRAND
};

/* A holder of shares: a party that is listed, or anybody from a jurisdiction. */
struct registry_owner_share {
    const struct registry_party *party; /* NULL: see jurisdiction */
    country_t jurisdiction;
    uint64_t percent; /* 1 to 100; all of a party's at most 100 together */
};

struct registry_kyc {
    uint64_t level; /* 0 to 3 */
    struct registry_doc doc;
    const struct registry_person *verified_by;
    int64_t verified_at;
    int64_t expires_at; /* REGISTRY_TIME_NEVER: it does not */
};

enum registry_qualification_type {
    REGISTRY_QUALIFICATION_ICP_B25,
    REGISTRY_QUALIFICATION_EDI_B21,
    REGISTRY_QUALIFICATION_IDC_B11,
    REGISTRY_QUALIFICATION_GENAI_FILING,
    REGISTRY_QUALIFICATION_ALGO_FILING,
    REGISTRY_QUALIFICATION_ZONE_ADMISSION,
    REGISTRY_QUALIFICATION_VAT_REG,
    REGISTRY_QUALIFICATION_TAX_RESIDENCE_CERT,
    REGISTRY_QUALIFICATION_REPRESENTATIVE
};

struct registry_qualification {
    enum registry_qualification_type type;
    struct str number;
    const struct registry_model *model; /* of a filing: which one; NULL: all */
    struct country_set region;
    int64_t valid_from;
    int64_t valid_until;
    struct registry_doc doc;
};

enum registry_instrument_kind {
    REGISTRY_INSTRUMENT_UNKNOWN,
    REGISTRY_INSTRUMENT_BANK,
    REGISTRY_INSTRUMENT_COMPANY_CARD,
    REGISTRY_INSTRUMENT_CONSUMER_CARD,
    REGISTRY_INSTRUMENT_WALLET
};

/* How a client pays. */
struct registry_instrument {
    country_t country;
    enum registry_instrument_kind kind;
};

struct registry_party {
    struct str id;
    enum registry_party_kind kind;
    struct str legal_name;
    country_t jurisdiction;
    struct str reg_no; /* of CN: a unified social credit code, whose check digit holds */
    const struct registry_owner_share *owners;
    size_t owner_count;
    country_t controlled_from; /* derived: who holds over 50 %, directly or through parties */
    const struct registry_party *affiliate_of; /* derived: the party that holds over 50 %; NULL */
    struct registry_kyc kyc;
    struct country_set markets_declared;
    country_t billing_country;
    const country_t *end_users; /* where a client's users are, as it declares */
    size_t end_user_count;
    unsigned client_type; /* 1 + enum registry_client_type; 0: unknown */
    struct registry_instrument billing_instrument;
    int64_t registered_at; /* of the company; 0: not known */
    const struct str
        *official_hosts; /* of a vendor, cloud or channel: "api.x.example", "*.x.example" */
    size_t official_host_count;
    const struct registry_qualification *qualifications;
    size_t qualification_count;
};
