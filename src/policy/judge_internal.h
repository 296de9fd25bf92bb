/*
 * One judgement under way: what the rules ask, and how they refuse. Rules are functions of this
 * struct alone; which code each has, in which order they run and on what condition is the three
 * tables of judge.c.
 */
#pragma once

#include "policy/policy_internal.h"

/* What must be there before a rule has anything to judge. */
enum judge_needs {
    JUDGE_ALWAYS = 0,
    JUDGE_ZONE = 1 << 0,     /* the product is of mode zone, and its zone is known */
    JUDGE_PATH = 1 << 1,     /* some chain leads through the route */
    JUDGE_TERMS = 1 << 2,    /* the client's data terms are written */
    JUDGE_UPSTREAM = 1 << 3, /* the upstream's are in force */
    JUDGE_CHILD = 1 << 4     /* the agreement is for what children use */
};

/* Why there is no agreement in force. */
struct judge_leg {
    const char *what;
    struct str object;
    uint64_t number;
};

struct judge {
    const struct policy *policy;
    const struct policy_facts *facts;
    struct policy_verdict *verdict; /* NULL: only the codes are asked for */
    const struct policy_sale *sale; /* NULL: the product does not sell the model */
    int64_t now;
    unsigned has; /* bits of enum judge_needs */

    /* The client, whether a party or what it said online. */
    country_t kyc;
    country_t billing_country;
    unsigned client_type; /* 1 + enum registry_client_type; 0: unknown */
    const country_t *end_users;
    size_t end_user_count;
    const struct registry_agreement *agreement; /* in force; NULL: see leg */
    struct judge_leg leg;
    const country_t *markets; /* where the call's answers are used */
    size_t market_count;
    bool market_outside;                     /* the market that was said is not the agreement's */
    const struct registry_data_terms *terms; /* the client's, if written */
    const char *dpa_flaw;                    /* why its DPA is not in force; NULL: it is */
    const struct policy_list *list;          /* of subprocessors, in force; NULL: none */

    /* The route. */
    const struct registry_route *route;
    const struct policy_source *source;
    const struct policy_way *way;
    const struct policy_path *path; /* that scope is judged on; NULL: none */
    bool path_closes;
    const char *upstream_flaw; /* why the upstream's terms are not in force; NULL: they are */

    /* The reasons so far. */
    enum policy_code code;      /* of the rule that runs */
    uint64_t codes;             /* bits: codes of this route, or of the call */
    uint64_t seen;              /* bits: codes of the whole verdict */
    uint64_t unknown;           /* bits: codes whose first reason is that something is not known */
    struct policy_reason spare; /* takes what the verdict has no room for */
};

_Static_assert(POLICY_CODES <= 64, "a bit each");

/* Refuses with the code of the rule that runs. Valid until the next: to add country and number. */
struct policy_reason *judge_refuse(struct judge *judge, const char *what, struct str object);
/* With a reason made before. */
void judge_refuse_with(struct judge *judge, const struct policy_reason *reason);

/* ---- before the rules ---------------------------------------------------------------------- */

/* leg.c: the agreement in force, or why there is none. After the client's facts. */
void leg_choose(struct judge *judge);
/* chain.c: the path of a route that closes, or the one that its scope is judged on. */
void chain_choose(struct judge *judge);
/* data.c: the client's terms and the list in force; the upstream's terms of a route. */
void data_begin_call(struct judge *judge);
void data_begin_route(struct judge *judge);
/* bill.c: the closure once the route's reasons are known. */
enum policy_state bill_state(const struct judge *judge);

/* ---- rules: reverse.c ---------------------------------------------------------------------- */

void reverse_import(struct judge *judge);
void reverse_market(struct judge *judge);
void reverse_origin(struct judge *judge);
void reverse_resale(struct judge *judge);
void reverse_review(struct judge *judge);

/* ---- zone.c -------------------------------------------------------------------------------- */

void zone_approval(struct judge *judge);
void zone_separation(struct judge *judge);
void zone_backflow(struct judge *judge);
void zone_ingress(struct judge *judge);
void zone_origin(struct judge *judge);
void zone_origin_unsure(struct judge *judge);
void zone_user(struct judge *judge);
void zone_market(struct judge *judge);
void zone_personal(struct judge *judge);
void zone_important(struct judge *judge);
void zone_return(struct judge *judge);
void zone_pool_annex(struct judge *judge);
void zone_sources(struct judge *judge);
void zone_pool(struct judge *judge);
void zone_retention(struct judge *judge);
void zone_purpose(struct judge *judge);

/* ---- chain.c, scope.c ---------------------------------------------------------------------- */

void chain_paths(struct judge *judge);
void chain_client_leg(struct judge *judge);
void scope_action(struct judge *judge);
void scope_region(struct judge *judge);
void scope_client_type(struct judge *judge);
void scope_brand(struct judge *judge);
void scope_ownership(struct judge *judge);
void scope_quota(struct judge *judge);
void scope_qualification(struct judge *judge);

/* ---- data.c, data_lane.c ------------------------------------------------------------------- */

void data_dpa(struct judge *judge);
void data_dpa_version(struct judge *judge);
void data_upstream(struct judge *judge);
void data_retention(struct judge *judge);
void data_training(struct judge *judge);
void data_subprocessor(struct judge *judge);
void data_subprocessor_notice(struct judge *judge);
void data_location(struct judge *judge);
void data_transfer(struct judge *judge);
void data_child(struct judge *judge);
void data_us_bulk(struct judge *judge);
void data_record(struct judge *judge);

/* ---- bill.c, supply.c ---------------------------------------------------------------------- */

void bill_procurement(struct judge *judge);
void bill_purchase_order(struct judge *judge);
void bill_order(struct judge *judge);
void bill_last_period(struct judge *judge);
void supply_holder(struct judge *judge);
void supply_endpoint(struct judge *judge);
void supply_suspended(struct judge *judge);
void supply_swap(struct judge *judge);

/* ---- what several ask ---------------------------------------------------------------------- */

/* A document is evidence when it is named, there, and what it was when it was entered. */
static inline bool judge_doc_fine(const struct registry_doc *doc)
{
    return doc->state == REGISTRY_DOC_FINE;
}

/* Why something with a window and a document is not in force: "document", "not_yet", "expired"; or
 * NULL: it is. */
const char *judge_window_flaw(const struct registry_doc *doc, int64_t from, int64_t until,
                              int64_t now);
/* Whether the seller holds a qualification in force of that type for the model and the country. */
bool judge_seller_holds(const struct judge *judge, unsigned type, country_t country);
bool judge_has_end_user(const struct judge *judge, country_t country);
bool judge_has_market(const struct judge *judge, country_t country);
uint64_t judge_seconds(int64_t from, int64_t until);
