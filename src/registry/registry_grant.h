/*
 * Who may sell what to whom: grants (the edges of authorization chains), agreements (the last leg,
 * to a client), the keys that sign them and the persons who enter them. Windows are half-open
 * [from, until) in nanoseconds since 1970 UTC.
 */
#pragma once

#include "base/country.h"
#include "base/str.h"

struct registry_party;
struct registry_model;
struct registry_grant;
struct registry_data_terms;

#define REGISTRY_TIME_NEVER INT64_MAX /* an end that is not written */
#define REGISTRY_DEPTH_MAX  16        /* grants below one; contracts that are known allow 1 or 2 */

struct registry_texts {
    const struct str *items;
    size_t count;
};

/* A set of them is a word, bit 1 << action. */
enum registry_action {
    REGISTRY_ACTION_API_CALL,
    REGISTRY_ACTION_AGGREGATE,
    REGISTRY_ACTION_RESELL,
    REGISTRY_ACTION_WHITE_LABEL,
    REGISTRY_ACTION_CACHE,
    REGISTRY_ACTION_FINE_TUNE,
    REGISTRY_ACTION_DEVICE_EMBED,
    REGISTRY_ACTION_COUNT
};

/* Likewise; of a client 1 + the number, 0 being unknown. */
enum registry_client_type {
    REGISTRY_CLIENT_ENTERPRISE,
    REGISTRY_CLIENT_DEVELOPER,
    REGISTRY_CLIENT_CONSUMER,
    REGISTRY_CLIENT_GOVERNMENT,
    REGISTRY_CLIENT_EDUCATION,
    REGISTRY_CLIENT_CHILD_DIRECTED,
    REGISTRY_CLIENT_TYPE_COUNT
};

/* "allow" and "deny" name countries, WORLD (all but CN) and groups ("group:ID" of regions.yaml).
 * The written names are kept, in byte order: a signature covers them, not what they stand for. */
struct registry_regions {
    struct country_set allow;
    struct country_set deny;
    struct country_set set; /* derived: allow without deny */
    struct registry_texts allow_written;
    struct registry_texts deny_written;
};

enum registry_evidence {
    REGISTRY_EVIDENCE_WRITTEN_SIGNED, /* the only one that closes a chain's edge */
    REGISTRY_EVIDENCE_WRITTEN_UNSIGNED,
    REGISTRY_EVIDENCE_CLICK_THROUGH,
    REGISTRY_EVIDENCE_VERBAL
};

enum registry_doc_kind {
    REGISTRY_DOC_CONTRACT,
    REGISTRY_DOC_AUTHORIZATION_LETTER,
    REGISTRY_DOC_ORDER_FORM,
    REGISTRY_DOC_LICENCE,
    REGISTRY_DOC_CLICK_THROUGH,
    REGISTRY_DOC_OTHER
};

enum registry_doc_state {
    REGISTRY_DOC_NONE,    /* the entity names none */
    REGISTRY_DOC_MISSING, /* no such file beside the registry */
    REGISTRY_DOC_CHANGED, /* its bytes have another sum */
    REGISTRY_DOC_FINE
};

/* Evidence: a file beside the registry, by its sum. */
struct registry_doc {
    struct str file;   /* "documents/NAME" */
    struct str sha256; /* 64 digits; empty: the entity names none */
    enum registry_doc_kind kind;
    int64_t signed_on; /* midnight of the day; 0: not written */
    uint64_t pages;
    struct str language;
    enum registry_doc_state state; /* derived at load */
};

/* A key with which a party signs grants. */
struct registry_key {
    struct str id; /* "k.aurora.2026" */
    const struct registry_party *party;
    unsigned char public_key[32]; /* Ed25519, 64 hex digits in the file */
    int64_t valid_from;
    int64_t valid_until;
    int64_t revoked_at; /* REGISTRY_TIME_NEVER: not revoked */
};

/* Who enters and reviews what closes a chain, and signs registry versions. */
struct registry_person {
    struct str id;
    struct str name;
    unsigned char public_key[32];
    int64_t valid_from;
    int64_t valid_until;
};

struct registry_signature {
    struct str alg; /* "ed25519" */
    const struct registry_key *key_id;
    unsigned char sig[64];                        /* 128 hex digits in the file */
    const struct registry_key *countersig_key_id; /* NULL: not countersigned */
    unsigned char countersig[64];
    /* Derived at load: it verifies under a key of the grantor that was valid at entered_at, and so
     * does the countersignature, if there is one, under the grantee's. Of a grant from a licence,
     * whose grantor signs nothing: its document is the licence of each of its models. */
    bool fine;
};

struct registry_brand_terms {
    bool must_name_vendor;
    bool may_rename;
    const struct str *brands;
    size_t brand_count;
};

enum registry_period {
    REGISTRY_PERIOD_DAY,
    REGISTRY_PERIOD_MONTH,
    REGISTRY_PERIOD_YEAR,
    REGISTRY_PERIOD_TERM /* the whole window */
};

struct registry_quota {
    uint64_t tokens; /* 0: no ceiling */
    enum registry_period period;
};

/* Where a grant begins. */
enum registry_parent {
    REGISTRY_PARENT_GRANT,
    REGISTRY_PARENT_ROOT,   /* the grantor made the model */
    REGISTRY_PARENT_LICENCE /* open weights: the model's licence text is the root */
};

struct registry_grant_model {
    const struct registry_model *model; /* NULL: a family */
    struct str family;                  /* "family:x" names the models with that family */
};

struct registry_grant {
    struct str id;
    uint64_t version;
    const struct registry_party *grantor;
    const struct registry_party
        *grantee; /* of an agreement: a party of kind client; NULL: see online */
    enum registry_parent parent_kind;
    const struct registry_grant *parent; /* of REGISTRY_PARENT_GRANT; NULL: not found */
    struct str parent_id;                /* as written, of REGISTRY_PARENT_GRANT */
    const struct registry_grant_model *models;
    size_t model_count;
    uint64_t actions; /* bits */
    struct registry_regions regions;
    uint64_t client_types;                 /* bits */
    struct country_set exclude_owned_from; /* grantees and clients over 50 % owned from there */
    struct registry_texts exclude_written; /* as written, in byte order */
    struct registry_brand_terms brand_terms;
    uint64_t sublicense_depth; /* further grants that may follow below this one */
    struct registry_quota quota;
    int64_t valid_from;
    int64_t valid_until;
    int64_t revoked_at;   /* REGISTRY_TIME_NEVER: not revoked */
    int64_t runoff_until; /* where a run-off is written: revocation takes effect then; else 0 */
    uint64_t notice_days;
    struct registry_doc doc;
    enum registry_evidence evidence_class;
    struct registry_signature signature;
    const struct registry_person *entered_by;
    int64_t entered_at;
    const struct registry_person *reviewed_by;
};

/* The last leg: seller to client. */
struct registry_agreement {
    struct str id;
    uint64_t version;
    const struct registry_party *grantor; /* the seller */
    const struct registry_party *grantee; /* of kind client; NULL: whoever accepted it online */
    bool online;      /* a text that clients accept in their account; closes this leg alone */
    uint64_t actions; /* api_call, device_embed, cache, fine_tune */
    struct registry_regions regions;
    const country_t *markets; /* where the client sells or uses it: contract markets */
    size_t market_count;
    uint64_t client_types;
    bool child_directed; /* what it is built into is for children */
    int64_t valid_from;
    int64_t valid_until;
    int64_t revoked_at;
    struct registry_doc doc;
    enum registry_evidence evidence_class;
    struct registry_signature signature;          /* not of an online one */
    const struct registry_data_terms *data_terms; /* NULL: no DPA */
    const struct registry_person *entered_by;
    int64_t entered_at;
    const struct registry_person *reviewed_by;
};
