/*
 * The judge: three tables of rules, in the order of the reasons' table, and the engine that runs
 * them. Read a row as: this code, on this condition, comes of this function.
 */
#include "base/stamp.h"
#include "policy/judge_internal.h"
#include "policy/judge_told.h"

struct judge_rule {
    enum policy_code code; /* of CHAIN 1 to 9 the first: a path fails with its own */
    unsigned needs;        /* bits of enum judge_needs */
    void (*judge)(struct judge *judge);
};

/* ---- the rules ----------------------------------------------------------------------------- */

/* Stage 1: the reverse rules, before anything else is looked at. */
static const struct judge_rule reverse_rules[] = {
    { POLICY_REVERSE_IMPORT, JUDGE_ALWAYS, reverse_import },
    { POLICY_MARKET_NOT_SERVED, JUDGE_ALWAYS, reverse_market },
    { POLICY_REVERSE_ORIGIN, JUDGE_ALWAYS, reverse_origin },
    { POLICY_CLIENT_RESALE_SUSPECT, JUDGE_ALWAYS, reverse_resale },
    { POLICY_ORIGIN_REVIEW, JUDGE_ALWAYS, reverse_review },
};

/* Stage 2: the zone's, before any route is looked at. */
static const struct judge_rule zone_rules[] = {
    { POLICY_ZONE_NOT_APPROVED, JUDGE_ALWAYS, zone_approval },
    { POLICY_ZONE_SHARED, JUDGE_ZONE, zone_separation },
    { POLICY_ZONE_BACKFLOW, JUDGE_ZONE, zone_backflow },
    { POLICY_ZONE_INGRESS, JUDGE_ZONE, zone_ingress },
    { POLICY_ZONE_ORIGIN_CN, JUDGE_ZONE, zone_origin },
    { POLICY_ZONE_ORIGIN_UNSURE, JUDGE_ZONE, zone_origin_unsure },
    { POLICY_ZONE_USER_CN, JUDGE_ZONE, zone_user },
    { POLICY_ZONE_MARKET, JUDGE_ZONE, zone_market },
    { POLICY_ZONE_MIX_PI, JUDGE_ZONE, zone_personal },
    { POLICY_ZONE_IMPORTANT_DATA, JUDGE_ZONE, zone_important },
    { POLICY_ZONE_ROUTE_RETURN, JUDGE_ZONE, zone_return },
};

/* Stage 3: each route, all of them, so that every reason is known. */
static const struct judge_rule route_rules[] = {
    { POLICY_ZONE_NOT_APPROVED, JUDGE_ZONE, zone_pool_annex },
    { POLICY_CHAIN_NO_ROOT, JUDGE_ALWAYS, chain_paths },
    { POLICY_CHAIN_CLIENT_LEG, JUDGE_ALWAYS, chain_client_leg },
    { POLICY_SCOPE_ACTION, JUDGE_PATH, scope_action },
    { POLICY_SCOPE_REGION, JUDGE_PATH, scope_region },
    { POLICY_SCOPE_CLIENT_TYPE, JUDGE_PATH, scope_client_type },
    { POLICY_SCOPE_BRAND, JUDGE_PATH, scope_brand },
    { POLICY_SCOPE_OWNERSHIP, JUDGE_PATH, scope_ownership },
    { POLICY_SCOPE_QUOTA, JUDGE_PATH, scope_quota },
    { POLICY_SCOPE_QUALIFICATION, JUDGE_PATH, scope_qualification },
    { POLICY_DATA_NO_DPA, JUDGE_ALWAYS, data_dpa },
    { POLICY_DATA_DPA_VERSION, JUDGE_TERMS, data_dpa_version },
    { POLICY_DATA_UPSTREAM_TERMS, JUDGE_ALWAYS, data_upstream },
    { POLICY_DATA_RETENTION, JUDGE_TERMS | JUDGE_UPSTREAM, data_retention },
    { POLICY_DATA_TRAINING, JUDGE_TERMS | JUDGE_UPSTREAM, data_training },
    { POLICY_DATA_SUBPROCESSOR, JUDGE_TERMS, data_subprocessor },
    { POLICY_DATA_SUBPROCESSOR_NOTICE, JUDGE_TERMS, data_subprocessor_notice },
    { POLICY_DATA_LOCATION, JUDGE_TERMS, data_location },
    { POLICY_DATA_TRANSFER, JUDGE_TERMS, data_transfer },
    { POLICY_DATA_CHILD, JUDGE_TERMS | JUDGE_CHILD, data_child },
    { POLICY_DATA_US_BULK, JUDGE_TERMS, data_us_bulk },
    { POLICY_DATA_RECORD, JUDGE_TERMS, data_record },
    { POLICY_BILL_NO_PROCUREMENT, JUDGE_ALWAYS, bill_procurement },
    { POLICY_BILL_PO_EXHAUSTED, JUDGE_ALWAYS, bill_purchase_order },
    { POLICY_BILL_NO_ORDER, JUDGE_ALWAYS, bill_order },
    { POLICY_BILL_LAST_PERIOD, JUDGE_ALWAYS, bill_last_period },
    { POLICY_CREDENTIAL_HOLDER, JUDGE_ALWAYS, supply_holder },
    { POLICY_ENDPOINT_UNOFFICIAL, JUDGE_ALWAYS, supply_endpoint },
    { POLICY_ZONE_MIX_SOURCE, JUDGE_ZONE, zone_sources },
    { POLICY_ZONE_POOL_OUTSIDE, JUDGE_ALWAYS, zone_pool },
    { POLICY_ZONE_RETENTION, JUDGE_ZONE, zone_retention },
    { POLICY_ZONE_PURPOSE, JUDGE_ZONE, zone_purpose },
    { POLICY_ROUTE_SUSPENDED, JUDGE_ALWAYS, supply_suspended },
    { POLICY_MODEL_SWAP, JUDGE_ALWAYS, supply_swap },
};

#define REVERSE_OF_CLIENT 2 /* the first two ask about the client, the others about a request */

static void judge_run(struct judge *judge, const struct judge_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if ((rules[i].needs & ~judge->has) == 0) {
            judge->code = rules[i].code;
            rules[i].judge(judge);
        }
    }
}

/* ---- refusing ------------------------------------------------------------------------------ */

static struct policy_reason *judge_note(struct judge *judge, enum policy_code code,
                                        const char *what)
{
    struct policy_verdict *verdict = judge->verdict;
    uint64_t bit = UINT64_C(1) << code;
    ASSERT(code < POLICY_CODES);
    if ((judge->seen & bit) == 0 && what != NULL && str_eq(str_from(what), STR("unknown"))) {
        judge->unknown |= bit;
    }
    judge->codes |= bit;
    judge->seen |= bit;
    if (verdict == NULL) {
        return &judge->spare; /* the codes are enough */
    }
    if (verdict->reason_count == POLICY_REASONS_MAX) {
        verdict->reasons_dropped++;
        return &judge->spare;
    }
    return &verdict->reasons[verdict->reason_count++];
}

struct policy_reason *judge_refuse(struct judge *judge, const char *what, struct str object)
{
    struct policy_reason *reason = judge_note(judge, judge->code, what);
    *reason = (struct policy_reason){
        .code = judge->code, .route = judge->route, .what = what, .object = object
    };
    return reason;
}

void judge_refuse_with(struct judge *judge, const struct policy_reason *reason)
{
    struct policy_reason *kept = judge_note(judge, reason->code, reason->what);
    *kept = *reason;
    kept->route = judge->route;
}

/* ---- what several rules ask ---------------------------------------------------------------- */

const char *judge_window_flaw(const struct registry_doc *doc, int64_t from, int64_t until,
                              int64_t now)
{
    if (!judge_doc_fine(doc)) {
        return "document";
    }
    if (now < from) {
        return "not_yet";
    }
    return now < until ? NULL : "expired";
}

bool judge_seller_holds(const struct judge *judge, unsigned type, country_t country)
{
    const struct registry_party *seller = judge->facts->product->seller;
    for (size_t i = 0; i < seller->qualification_count; i++) {
        const struct registry_qualification *held = &seller->qualifications[i];
        if (1 + (unsigned)held->type == type &&
            (held->model == NULL || held->model == judge->facts->model) &&
            country_set_has(&held->region, country) &&
            judge_window_flaw(&held->doc, held->valid_from, held->valid_until, judge->now) ==
                NULL) {
            return true;
        }
    }
    return false;
}

bool judge_has_end_user(const struct judge *judge, country_t country)
{
    for (size_t i = 0; i < judge->end_user_count; i++) {
        if (judge->end_users[i] == country) {
            return true;
        }
    }
    return false;
}

bool judge_has_market(const struct judge *judge, country_t country)
{
    for (size_t i = 0; i < judge->market_count; i++) {
        if (judge->markets[i] == country) {
            return true;
        }
    }
    return false;
}

uint64_t judge_seconds(int64_t from, int64_t until)
{
    ASSERT(from <= until);
    return ((uint64_t)until - (uint64_t)from) / (uint64_t)STAMP_NS_PER_S;
}

/* ---- the facts ----------------------------------------------------------------------------- */

static void judge_client(struct judge *judge)
{
    const struct registry_party *client = judge->facts->client;
    const struct policy_online *online = judge->facts->online;
    if (client != NULL) {
        judge->kyc = client->jurisdiction;
        judge->billing_country = client->billing_country;
        judge->client_type = client->client_type;
        judge->end_users = client->end_users;
        judge->end_user_count = client->end_user_count;
    } else if (online != NULL) {
        judge->kyc = online->country;
        judge->billing_country = online->billing_country;
        judge->client_type = online->client_type;
    }
}

/* The contract's markets, or where an online client says that it is; of these the one that is said
 * to be meant. */
static void judge_markets(struct judge *judge)
{
    const struct registry_agreement *agreement = judge->agreement;
    bool online = judge->facts->client == NULL || (agreement != NULL && agreement->online);
    if (agreement != NULL && agreement->market_count > 0) {
        judge->markets = agreement->markets;
        judge->market_count = agreement->market_count;
    } else if (online && judge->kyc != COUNTRY_NONE) {
        judge->markets = &judge->kyc;
        judge->market_count = 1;
    }
    country_t said = judge->facts->market;
    if (said != COUNTRY_NONE) {
        judge->market_outside = agreement != NULL && !judge_has_market(judge, said);
        judge->markets = &judge->facts->market;
        judge->market_count = 1;
    }
}

static void judge_begin(struct judge *judge, const struct policy *policy,
                        const struct policy_facts *facts)
{
    ASSERT(facts->product != NULL);
    ASSERT(facts->model != NULL);
    *judge = (struct judge){ .policy = policy, .facts = facts, .now = facts->now };
    judge->sale = policy_sale(policy, facts->product, facts->model);
    judge_client(judge);
    leg_choose(judge);
    judge_markets(judge);
    data_begin_call(judge);
    bool zone = facts->product->mode == REGISTRY_MODE_ZONE && facts->product->zone != NULL;
    bool child = judge->agreement != NULL && judge->agreement->child_directed;
    judge->has = (zone ? (unsigned)JUDGE_ZONE : 0) | (child ? (unsigned)JUDGE_CHILD : 0) |
                 (judge->terms != NULL ? (unsigned)JUDGE_TERMS : 0);
}

/* ---- routes -------------------------------------------------------------------------------- */

static void judge_chain(const struct judge *judge, struct policy_chain *ret_chain)
{
    const struct policy_path *path = judge->path;
    const struct registry_agreement *agreement = judge->agreement;
    ASSERT(path != NULL);
    ASSERT(agreement != NULL);
    int64_t until = agreement->revoked_at < agreement->valid_until ? agreement->revoked_at
                                                                   : agreement->valid_until;
    for (size_t i = 0; i < path->edge_count; i++) {
        ret_chain->edges[i] = path->edges[i];
    }
    ret_chain->edge_count = path->edge_count;
    ret_chain->agreement = agreement;
    ret_chain->until = path->until < until ? path->until : until;
}

static void judge_closures(const struct judge *judge, enum policy_state closures[POLICY_CLOSURES])
{
    bool open[POLICY_CLOSURES + 1] = { false }; /* the last: rules that are no closure's */
    for (uint64_t codes = judge->codes; codes != 0; codes &= codes - 1) {
        enum policy_code code = (enum policy_code)__builtin_ctzll(codes);
        open[policy_reason_info(code)->closure] = true;
    }
    open[POLICY_AUTHORIZATION] |= judge->path == NULL;
    open[POLICY_SCOPE] |= judge->path == NULL;
    for (unsigned i = 0; i < POLICY_CLOSURES; i++) {
        closures[i] = open[i] ? POLICY_OPEN : POLICY_CLOSED;
    }
    if (closures[POLICY_BILLING] == POLICY_CLOSED) {
        closures[POLICY_BILLING] = bill_state(judge);
    }
}

static void judge_route(struct judge *judge, size_t index)
{
    struct policy_verdict *verdict = judge->verdict;
    struct policy_route *result = &verdict->per_route[index];
    const struct policy *policy = judge->policy;
    judge->route = judge->facts->model->routes[index];
    judge->source = &policy->sources[judge->route - policy->registry->routes];
    judge->way = &judge->sale->pair->ways[index];
    judge->codes = 0;
    chain_choose(judge);
    data_begin_route(judge);
    unsigned has = judge->has;
    judge->has |= (judge->path != NULL ? (unsigned)JUDGE_PATH : 0) |
                  (judge->upstream_flaw == NULL ? (unsigned)JUDGE_UPSTREAM : 0);
    judge_run(judge, route_rules, EP_ARRAY_LEN(route_rules));
    judge->has = has;

    result->route = judge->route;
    result->admissible = judge->codes == 0 && judge->path != NULL;
    result->chain.edge_count = 0;
    result->chain.agreement = NULL;
    result->chain.until = INT64_MAX;
    judge_closures(judge, result->closures);
    if (result->closures[POLICY_AUTHORIZATION] == POLICY_CLOSED) {
        judge_chain(judge, &result->chain);
    }
    verdict->route_count = index + 1;
}

/* ---- the verdict --------------------------------------------------------------------------- */

static void judge_open(struct policy_verdict *verdict)
{
    verdict->allow = false;
    verdict->routes = 0;
    verdict->err = ERR_NO_CLOSED_ROUTE;
    verdict->code = POLICY_FINE;
    verdict->until = INT64_MAX;
    verdict->route_count = 0;
    verdict->reason_count = 0;
    verdict->reasons_dropped = 0;
    for (unsigned i = 0; i < POLICY_CLOSURES; i++) {
        verdict->closures[i] = POLICY_OPEN;
    }
}

void policy_judge(const struct policy *policy, const struct policy_facts *facts,
                  struct policy_verdict *ret_verdict)
{
    struct judge judge;
    struct told told;
    judge_begin(&judge, policy, facts);
    judge.verdict = ret_verdict;
    judge_open(ret_verdict);
    judge_run(&judge, reverse_rules, EP_ARRAY_LEN(reverse_rules));
    if (judge.codes == 0 && facts->product->mode == REGISTRY_MODE_ZONE) {
        judge_run(&judge, zone_rules, EP_ARRAY_LEN(zone_rules));
    }
    if (judge.codes != 0) {
        told_of_call(ret_verdict, judge.codes);
        return;
    }
    told_init(&told);
    /* What the product does not sell has no route. */
    size_t count = judge.sale == NULL ? 0 : facts->model->route_count;
    for (size_t i = 0; i < count; i++) {
        judge_route(&judge, i);
        told_add_route(&told, judge.codes);
    }
    told_of_routes(ret_verdict, &told, judge.unknown);
}

uint64_t policy_retention(const struct policy *policy, const struct policy_facts *facts)
{
    struct judge judge;
    judge_begin(&judge, policy, facts);
    return judge.terms == NULL ? REGISTRY_RETENTION_UNKNOWN : judge.terms->retention_days;
}

bool policy_may_list(const struct policy *policy, const struct policy_facts *facts,
                     enum policy_code *ret_code)
{
    struct judge judge;
    judge_begin(&judge, policy, facts);
    judge_run(&judge, reverse_rules, REVERSE_OF_CLIENT);
    *ret_code = judge.codes == 0 ? POLICY_FINE : (enum policy_code)__builtin_ctzll(judge.codes);
    return judge.codes == 0;
}
