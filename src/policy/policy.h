/*
 * The law: whether a call may be made, and by which routes. policy_compile() prepares what a
 * registry says; policy_judge() is a pure function of facts, registry and time: the same arguments
 * give the same verdict, years later too. It allocates nothing, takes no lock and reads no clock.
 * Whatever is unknown is not satisfied.
 *
 * Threads: any; what is compiled does not change.
 */
#pragma once

#include "policy/reason.h"
#include "registry/registry.h"

#define POLICY_VERSION     "2026-11" /* of the rules, as verdicts and receipts name it */
#define POLICY_REASONS_MAX 256       /* a call with 64 routes has four each; more are counted */
#define POLICY_PATHS_MAX   64        /* chains from a vendor to a seller that are looked at */
#define POLICY_EDGES_MAX   8         /* grants of one chain */

struct policy; /* compiled */

/* ERR_NO_MEMORY, ERR_LIMIT (a model with more or longer paths). The registry must outlive it. */
EP_MUST_CHECK enum err policy_compile(const struct registry *registry, struct policy **ret_policy,
                                      struct fail *fail);
void policy_destroy(struct policy *policy); /* NULL is allowed */

/* ---- facts --------------------------------------------------------------------------------- */

/* Where the packets come from; the databases are many, and may differ. */
enum policy_origin_state {
    POLICY_ORIGIN_UNKNOWN,
    POLICY_ORIGIN_OVERSEAS, /* none says CN */
    POLICY_ORIGIN_CN,       /* all that know say CN */
    POLICY_ORIGIN_UNSURE    /* some do, some do not */
};

#define POLICY_ORIGINS_MAX 4

struct policy_origin {
    enum policy_origin_state state;
    country_t countries[POLICY_ORIGINS_MAX]; /* what each says, once each; or the registered one */
    unsigned char count;
    bool registered; /* an egress range with evidence answered */
};

/* What content of the call gave; only of zone products. */
struct policy_content {
    bool scanned;
    struct str strong; /* the first class with a strong hit: "cn_resident_id"; empty: none */
    struct str marker; /* the first marker of important data; empty: none */
};

/* Held by review: R9 and R10, as signals and the operator's decisions have it. */
enum policy_review {
    POLICY_REVIEW_NONE,
    POLICY_REVIEW_RESALE,
    POLICY_REVIEW_ORIGIN
};

/* What a client says of itself who has no party in the registry: bought online. */
struct policy_online {
    country_t country; /* KYC jurisdiction */
    country_t billing_country;
    unsigned client_type; /* 1 + enum registry_client_type; 0: unknown */
    struct str agreement; /* accepted */
    struct str sha256;    /* of the text that was accepted, 64 digits */
    int64_t accepted_at;
};

/* Counters that the judge compares; arrays in the registry's order. NULL: all zero. */
struct policy_counters {
    const uint64_t *grant_tokens; /* used and reserved in the quota's period, by grant */
    const uint64_t *order_tokens; /* by procurement: of its purchase orders together */
    const uint64_t *us_bulk;      /* by enum registry_us_category, of this client */
};

/* Its objects are those of the registry that was compiled. */
struct policy_facts {
    const struct registry_party *client; /* NULL: see online */
    const struct policy_online *online;  /* NULL: nothing is known */
    const struct registry_product *product;
    const struct registry_model *model;
    country_t market;       /* the device's market of sale, or x-entrepot-market; 0: not said */
    struct str consent_ref; /* on the device's or user's record; empty: none */
    struct str ingress;     /* the listener's link */
    struct policy_origin origin;
    struct policy_content content;
    bool has_callback; /* the request asks for an answer to another address */
    bool has_order;    /* the client bought something that is in force */
    enum policy_review review;
    uint64_t quarantined; /* bit i: model->routes[i] is quarantined */
    struct policy_counters counters;
    int64_t now; /* nanoseconds since 1970 UTC */
};

/* ---- verdict ------------------------------------------------------------------------------- */

enum policy_state {
    POLICY_CLOSED,
    POLICY_OPEN,
    POLICY_PENDING /* billing alone: something is not due yet */
};

/* Texts are the registry's and the facts'. What each code says by them: tests/law/README.md */
struct policy_reason {
    enum policy_code code;
    country_t country;                  /* COUNTRY_NONE: none, or not known */
    country_t to;                       /* of a transfer */
    const struct registry_route *route; /* NULL: of the whole call */
    const char *what;                   /* "regions", "kyc", "training": a fixed word, or NULL */
    struct str object;                  /* a grant, party, list or row; empty: none */
    uint64_t number;                    /* an age in seconds, a limit; by the code */
    const struct country_set *within;   /* where the country is not; NULL: nothing to print */
};

/* The chain that closes a route. */
struct policy_chain {
    const struct registry_grant *edges[POLICY_EDGES_MAX]; /* from the root */
    size_t edge_count;
    const struct registry_agreement *agreement;
    int64_t until; /* the earliest end of them all */
};

struct policy_route {
    const struct registry_route *route;
    enum policy_state closures[POLICY_CLOSURES];
    bool admissible;
    struct policy_chain chain; /* of a closed authorization */
};

struct policy_verdict {
    bool allow;
    uint64_t routes;       /* bit i: model->routes[i] is admissible */
    enum err err;          /* what the client is told; ERR_OK where allowed */
    enum policy_code code; /* the reason that is told; POLICY_FINE: allowed, or without any route */
    enum policy_state closures[POLICY_CLOSURES]; /* those of the best route */
    int64_t until; /* the earliest end of an admissible route's chain: may be judged again then */
    struct policy_route per_route[REGISTRY_ROUTES_PER_MODEL_MAX];
    size_t route_count;
    struct policy_reason
        reasons[POLICY_REASONS_MAX]; /* call first, then by route, in table order */
    size_t reason_count;
    size_t reasons_dropped;
};

void policy_judge(const struct policy *policy, const struct policy_facts *facts,
                  struct policy_verdict *ret_verdict);
/* Whether the client may know that the model exists: R1 and R2 of catalogue, quote and checkout. */
bool policy_may_list(const struct policy *policy, const struct policy_facts *facts,
                     enum policy_code *ret_code);
/* For how many days the client's own data terms let its content be kept: 0: not at all;
 * REGISTRY_RETENTION_UNKNOWN: none are written, or they do not say. Of a model for all. */
uint64_t policy_retention(const struct policy *policy, const struct policy_facts *facts);
/* The next instant after `now` at which a window begins or ends; INT64_MAX: none. */
int64_t policy_next_edge(const struct policy *policy, int64_t now);

/* ---- in words ------------------------------------------------------------------------------ */

/* "S1 edge G-S1 CHAIN_EXPIRED since 0 s": without a line's end. */
EP_MUST_CHECK enum err policy_reason_print(const struct policy_reason *reason, struct buf *out);
/* A line for each closure and one for the routes that are left. */
EP_MUST_CHECK enum err policy_print_closures(const struct policy_verdict *verdict, int64_t now,
                                             struct buf *out);
/* The whole verdict as JSON with its keys in order: tests/law/README.md has the form. */
EP_MUST_CHECK enum err policy_verdict_json(const struct policy_verdict *verdict, struct buf *out);
