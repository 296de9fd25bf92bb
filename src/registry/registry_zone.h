/*
 * Places of processing: pools of compute, special zones and what is attached to a route; and the
 * dated rows in which law and operators' choices stand as data.
 */
#pragma once

#include "registry/registry_grant.h"

struct registry_zone;

/* What serving takes in power; all zero: not known. */
struct registry_energy {
    uint64_t microjoules_in;       /* a token, at the machines */
    uint64_t microjoules_out;      /* likewise */
    uint64_t pue_overhead_percent; /* what the building adds: 25 is a PUE of 1.25 */
};

/* Hours of a tariff: on these days, from `from` until before `until`. */
struct registry_tariff_window {
    uint64_t days;    /* bit 0 is Monday */
    uint64_t from;    /* minutes of the local day, 0..1439 */
    uint64_t until;   /* likewise, 1..1440 */
    uint64_t percent; /* of the ordinary price: 100 is as dear as at all other hours */
};

/* What power costs by the hour, beside its ordinary price; no windows: always that. */
struct registry_tariff {
    int64_t utc_offset;                           /* minutes: the local time's, all the year */
    bool scales_price;                            /* the pool's contract price goes with it */
    const struct registry_tariff_window *windows; /* no two have a minute in common */
    size_t window_count;
};

/* Compute capacity that serves routes. */
struct registry_pool {
    struct str id;
    const struct registry_party *operator;
    const struct registry_zone *zone; /* NULL: in none */
    struct str place;
    uint64_t max_concurrent;
    struct registry_energy energy;
    uint64_t tokens_per_minute; /* 0: no limit */
    struct registry_tariff tariff;
};

enum registry_separation {
    REGISTRY_SEPARATION_PHYSICAL,
    REGISTRY_SEPARATION_LOGICAL,
    REGISTRY_SEPARATION_SHARED /* one of them opens the whole zone */
};

enum registry_separation_item {
    REGISTRY_ITEM_NETWORK,
    REGISTRY_ITEM_COMPUTE,
    REGISTRY_ITEM_STORAGE,
    REGISTRY_ITEM_KEYS,
    REGISTRY_ITEM_ADMIN,
    REGISTRY_ITEM_LOGS,
    REGISTRY_ITEM_CACHE,
    REGISTRY_ITEM_COUNT
};

struct registry_approval {
    struct registry_doc doc;
    struct str authority;
    int64_t valid_from;
    int64_t valid_until;
    const struct registry_party *const *operators; /* of its annex */
    size_t operator_count;
    const struct registry_pool *const *pools;
    size_t pool_count;
};

struct registry_zone {
    struct str id;
    struct registry_approval approval;
    const struct registry_party *operator;
    const struct registry_pool *const *pools;
    size_t pool_count;
    const struct str *facilities;
    size_t facility_count;
    const struct str *ingress_links; /* labels of listeners */
    size_t ingress_link_count;
    const struct str *egress_links;
    size_t egress_link_count;
    struct country_set allowed_markets;
    enum registry_separation separation[REGISTRY_ITEM_COUNT];
    uint64_t retention_max_s;
    const struct registry_party *const *output_readers; /* beside the client */
    size_t output_reader_count;
};

enum registry_tag {
    REGISTRY_TAG_UNKNOWN,
    REGISTRY_TAG_OVERSEAS,
    REGISTRY_TAG_DOMESTIC
};

/* A source of retrieval, a tool, a file or a cache that a route brings into processing. */
struct registry_attachment {
    struct str id;
    struct str kind; /* rag, tool, file, cache */
    enum registry_tag tag;
};

/* ---- dated rows ---------------------------------------------------------------------------- */

struct registry_region_group {
    struct str id;
    uint64_t version;
    struct country_set members;
    int64_t valid_from;
    struct str source;
};

/* A number that a rule compares with: "us_bulk.health", "review.hold_traffic". */
struct registry_threshold {
    struct str id;
    struct str name;
    uint64_t value;
    int64_t valid_from;
    int64_t valid_until;
    struct str source;
};

/* What a seller needs in a market. */
struct registry_requirement {
    struct str id;
    struct country_set markets;
    struct str qualification;
    int64_t valid_from;
    int64_t valid_until;
    struct str source;
};

/* An egress range with evidence: what comes from there is in that country. */
struct registry_network {
    struct str id;
    struct str cidr;
    country_t country;
    const struct registry_party *party; /* whose calls it speaks for; NULL: everyone's */
    int64_t valid_from;
    int64_t valid_until;
    struct registry_doc evidence;
};

struct registry_purchase_order {
    struct str id;
    uint64_t tokens; /* bought */
    int64_t valid_from;
    int64_t valid_until;
    struct registry_doc doc;
};

/* Under which contract an upstream is bought from. */
struct registry_procurement {
    struct str id;
    const struct registry_party *upstream_party;
    const struct registry_party *buyer;
    uint64_t keys_max; /* that the contract gives */
    int64_t valid_from;
    int64_t valid_until;
    const struct registry_purchase_order *purchase_orders; /* none: no ceiling */
    size_t purchase_order_count;
    struct registry_doc doc;
};

enum registry_billing {
    REGISTRY_BILLING_CLOSED,
    REGISTRY_BILLING_PENDING,
    REGISTRY_BILLING_OPEN
};

/* How the last finished period with a party stands: entered until settlement derives it. */
struct registry_billing_state {
    struct str id;
    const struct registry_party *party; /* an upstream, or a client */
    struct str period;                  /* "2026-10" */
    enum registry_billing state;
    int64_t open_since; /* 0: not open */
    int64_t unpaid_due; /* when an unpaid invoice of the upstream's was due; 0: none */
};
