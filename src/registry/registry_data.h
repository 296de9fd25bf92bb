/*
 * Data responsibility: what each side has signed about content, who touches it, and by which
 * mechanism it may cross a border.
 */
#pragma once

#include "registry/registry_grant.h"

#define REGISTRY_RETENTION_UNKNOWN UINT64_MAX

/* What is said of a use of content. Unknown is no answer, and never enough. */
enum registry_answer {
    REGISTRY_ANSWER_UNKNOWN,
    REGISTRY_ANSWER_NO,
    REGISTRY_ANSWER_OPT_IN,     /* of training: only with the client's consent */
    REGISTRY_ANSWER_ABUSE_ONLY, /* of human review */
    REGISTRY_ANSWER_YES
};

enum registry_mechanism {
    REGISTRY_MECHANISM_ADEQUACY,
    REGISTRY_MECHANISM_SCC_EU,
    REGISTRY_MECHANISM_ASEAN_MCC,
    REGISTRY_MECHANISM_CONTRACT_PDPA26,
    REGISTRY_MECHANISM_CONSENT,
    REGISTRY_MECHANISM_CBPR,
    REGISTRY_MECHANISM_CTIA_FILED,
    REGISTRY_MECHANISM_EXEMPTION_ART4,
    REGISTRY_MECHANISM_STANDARD_CONTRACT_CN,
    REGISTRY_MECHANISM_TIA,  /* an assessment of the transfer on file */
    REGISTRY_MECHANISM_NONE, /* domestic, or no rule asks for one */
    REGISTRY_MECHANISM_COUNT
};

enum registry_us_category {
    REGISTRY_US_GENOMIC,
    REGISTRY_US_OMIC,
    REGISTRY_US_BIOMETRIC,
    REGISTRY_US_GEOLOCATION,
    REGISTRY_US_HEALTH,
    REGISTRY_US_FINANCIAL,
    REGISTRY_US_IDENTIFIERS,
    REGISTRY_US_CATEGORY_COUNT
};

struct registry_dpa {
    struct str version;  /* empty: none */
    bool signed_by_both; /* key "signed" */
    int64_t valid_from;
    int64_t valid_until;
    struct registry_doc doc;
};

struct registry_transfer {
    country_t from;
    country_t to;
    enum registry_mechanism mechanism;
    int64_t valid_from;
    int64_t valid_until;
    struct registry_doc doc;
};

/* Of GDPR 30(2): what the record of processing must say of a client. Empty: not recorded. */
struct registry_record {
    struct str controller;
    struct str contact;
    struct str categories;
    struct str transfers;
    struct str security;
};

/* Of an upstream (what it does) or of an agreement (what the client allows). */
struct registry_data_terms {
    struct str id;
    struct registry_dpa dpa;
    uint64_t retention_days;           /* 0: not stored; REGISTRY_RETENTION_UNKNOWN */
    enum registry_answer training;     /* of a client: yes or opt_in allow it */
    enum registry_answer human_review; /* likewise */
    bool children_allowed;
    bool consent_ref_required;
    bool analytics;               /* purposes go beyond serving the call */
    struct country_set locations; /* where the client allows processing */
    const struct registry_party *const
        *third_parties; /* of an upstream: who else touches content */
    size_t third_party_count;
    const struct registry_transfer *transfer_basis;
    size_t transfer_count;
    bool us_declared;       /* the client's declaration of its US-person categories is on file */
    uint64_t us_categories; /* bits: that it declares to send */
    struct registry_record record;
    const struct str *purposes;
    size_t purpose_count;
    const struct str *data_categories;
    size_t data_category_count;
    uint64_t deletion_sla_days;
    uint64_t breach_hours;
};

struct registry_subprocessor {
    const struct registry_party *party;
    struct str service;
    country_t location;
};

struct registry_objection {
    const struct registry_party *client;
    const struct registry_party *party;
    int64_t at;
};

/* A version of the list; in force from effective_at until the next version's. */
struct registry_subprocessor_list {
    struct str id;
    uint64_t version;
    int64_t published_at;
    int64_t effective_at; /* >= published_at + notice_days */
    uint64_t notice_days;
    const struct registry_subprocessor *entries;
    size_t entry_count;
    const struct registry_objection *objections;
    size_t objection_count;
};

/* Law as data: the mechanisms that are accepted from a market to a place of processing. */
struct registry_lane {
    struct str id;
    struct country_set from;
    struct country_set to;
    uint64_t mechanisms; /* bits; none: nothing is accepted */
    int64_t valid_from;
    int64_t valid_until;
    struct str source;
};
