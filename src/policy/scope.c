/*
 * Business scope: what the chain lets the seller do, where, for whom and under which name; judged
 * on the effective scope of one path, which is what all its edges give, and on the agreement.
 */
#include "policy/judge_internal.h"

#define BIT(action) (UINT64_C(1) << REGISTRY_ACTION_##action)

static const struct registry_grant *scope_last(const struct policy_path *path)
{
    return path->edge_count == 0 ? NULL : path->edges[path->edge_count - 1];
}

/* SCOPE 1: the actions that the sale needs are granted on each edge, and agreed with the client. */
void scope_action(struct judge *judge)
{
    const struct policy_path *path = judge->path;
    uint64_t need = judge->sale->need;
    for (unsigned i = 0; i < REGISTRY_ACTION_COUNT; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if ((need & ~path->actions & bit) == 0) {
            continue;
        }
        size_t at = 0;
        while ((path->edges[at]->actions & bit) != 0) {
            at++;
            ASSERT(at < path->edge_count);
        }
        judge_refuse(judge, policy_word_action((enum registry_action)i), path->edges[at]->id);
    }
    need &= BIT(API_CALL) | BIT(DEVICE_EMBED);
    for (unsigned i = 0; judge->agreement != NULL && i < REGISTRY_ACTION_COUNT; i++) {
        if ((need & ~judge->agreement->actions & UINT64_C(1) << i) != 0) {
            judge_refuse(judge, policy_word_action((enum registry_action)i), judge->agreement->id);
        }
    }
}

/* ---- regions ------------------------------------------------------------------------------- */

/* One fact about where the call belongs: it must be in the path's regions and the agreement's. */
static void scope_place(struct judge *judge, const char *what, country_t country)
{
    const struct policy_path *path = judge->path;
    const struct registry_agreement *agreement = judge->agreement;
    bool granted = country_set_has(&path->regions, country);
    if (granted && (agreement == NULL || country_set_has(&agreement->regions.set, country))) {
        return;
    }
    /* What is not known is in no set: the first that is there stands for all. */
    struct str object = granted || path->edge_count == 0
                            ? (agreement == NULL ? STR_EMPTY : agreement->id)
                            : path->edges[0]->id;
    for (size_t i = 0; !granted && i < path->edge_count; i++) {
        if (!country_set_has(&path->edges[i]->regions.set, country)) {
            object = path->edges[i]->id;
            break;
        }
    }
    struct policy_reason *reason = judge_refuse(judge, what, object);
    reason->country = country;
    reason->within = granted && agreement != NULL ? &agreement->regions.set : &path->regions;
}

static void scope_origin(struct judge *judge)
{
    const struct policy_origin *origin = &judge->facts->origin;
    if (origin->state == POLICY_ORIGIN_UNKNOWN || origin->count == 0) {
        scope_place(judge, "origin", COUNTRY_NONE);
        return;
    }
    for (size_t i = 0; i < origin->count && i < POLICY_ORIGINS_MAX; i++) {
        scope_place(judge, "origin", origin->countries[i]);
    }
}

/* SCOPE 2: contract, KYC, billing, end users and origin are all in regions that are granted. */
void scope_region(struct judge *judge)
{
    country_t market = judge->facts->market;
    if (judge->market_outside) {
        judge_refuse(judge, "market", judge->agreement->id)->country = market;
    }
    for (size_t i = 0; i < judge->market_count; i++) {
        scope_place(judge, "contract", judge->markets[i]);
    }
    if (judge->agreement != NULL && judge->market_count == 0) {
        scope_place(judge, "contract", COUNTRY_NONE);
    }
    scope_place(judge, "kyc", judge->kyc);
    scope_place(judge, "billing", judge->billing_country);
    if (market != COUNTRY_NONE) {
        scope_place(judge, "end_user", market);
    }
    for (size_t i = 0; market == COUNTRY_NONE && i < judge->end_user_count; i++) {
        scope_place(judge, "end_user", judge->end_users[i]);
    }
    scope_origin(judge);
}

/* ---- who and how --------------------------------------------------------------------------- */

/* SCOPE 3: the client is of a kind that is granted; what children use needs child_directed. */
void scope_client_type(struct judge *judge)
{
    unsigned type = judge->client_type;
    uint64_t types = judge->path->client_types &
                     (judge->agreement == NULL ? UINT64_MAX : judge->agreement->client_types);
    if (type == 0 || (types >> (type - 1) & 1) == 0) {
        judge_refuse(judge, policy_word_client_type(type), STR_EMPTY);
    }
    bool child = (judge->path->client_types >> REGISTRY_CLIENT_CHILD_DIRECTED & 1) != 0;
    if ((judge->has & JUDGE_CHILD) != 0 && !child) {
        judge_refuse(judge, policy_word_client_type(1 + REGISTRY_CLIENT_CHILD_DIRECTED), STR_EMPTY);
    }
}

static bool scope_lists_brand(const struct registry_brand_terms *terms, struct str brand)
{
    for (size_t i = 0; i < terms->brand_count; i++) {
        if (str_eq(terms->brands[i], brand)) {
            return true;
        }
    }
    return false;
}

static void scope_alias(struct judge *judge)
{
    const struct policy_path *path = judge->path;
    const struct registry_grant *last = scope_last(path);
    for (size_t i = 0; !path->may_rename && i < path->edge_count; i++) {
        if (!path->edges[i]->brand_terms.may_rename) {
            judge_refuse(judge, "alias", path->edges[i]->id);
            return;
        }
    }
    if (!scope_lists_brand(&last->brand_terms, judge->facts->product->brand)) {
        judge_refuse(judge, "alias", last->id);
    }
}

/* SCOPE 4: the vendor is named where a grant says so; another name needs leave for this brand. */
void scope_brand(struct judge *judge)
{
    const struct policy_path *path = judge->path;
    bool hidden = !judge->facts->product->names_vendor && path->must_name_vendor;
    for (size_t i = 0; hidden && i < path->edge_count; i++) {
        if (path->edges[i]->brand_terms.must_name_vendor) {
            judge_refuse(judge, "vendor", path->edges[i]->id);
            hidden = false;
        }
    }
    if (judge->sale->aliased && path->edge_count > 0) {
        scope_alias(judge);
    }
}

static void scope_owner(struct judge *judge, const char *what, const struct registry_party *party)
{
    const struct policy_path *path = judge->path;
    if (party == NULL || !country_set_has(&path->excluded, party->controlled_from)) {
        return;
    }
    size_t at = 0;
    while (!country_set_has(&path->edges[at]->exclude_owned_from, party->controlled_from)) {
        at++;
        ASSERT(at < path->edge_count);
    }
    judge_refuse(judge, what, path->edges[at]->id)->country = party->controlled_from;
}

/* SCOPE 5: some vendors exclude who is owned from certain places, wherever it operates. */
void scope_ownership(struct judge *judge)
{
    scope_owner(judge, "client", judge->facts->client);
    scope_owner(judge, "seller", judge->facts->product->seller);
}

/* SCOPE 6: what was used of a grant's quota in its period is below it. */
void scope_quota(struct judge *judge)
{
    const struct policy_path *path = judge->path;
    const uint64_t *used = judge->facts->counters.grant_tokens;
    for (size_t i = 0; path->has_quota && i < path->edge_count; i++) {
        const struct registry_grant *edge = path->edges[i];
        size_t index = (size_t)(edge - judge->policy->registry->grants);
        uint64_t tokens = used == NULL ? 0 : used[index];
        if (edge->quota.tokens > 0 && tokens >= edge->quota.tokens) {
            judge_refuse(judge, NULL, edge->id)->number = edge->quota.tokens;
        }
    }
}

static void scope_require(struct judge *judge, const struct registry_requirement *row,
                          unsigned type)
{
    const char *what =
        type == 0 ? "unknown"
                  : policy_word_qualification((enum registry_qualification_type)(type - 1));
    for (size_t i = 0; i < judge->market_count; i++) {
        country_t market = judge->markets[i];
        if (country_set_has(&row->markets, market) &&
            (type == 0 || !judge_seller_holds(judge, type, market))) {
            judge_refuse(judge, what, row->id)->country = market;
        }
    }
}

/* SCOPE 7: the seller has what each of the call's markets asks of sellers. */
void scope_qualification(struct judge *judge)
{
    const struct registry *registry = judge->policy->registry;
    for (size_t i = 0; i < registry->requirement_count; i++) {
        const struct registry_requirement *row = &registry->requirements[i];
        if (policy_in_window(row->valid_from, row->valid_until, judge->now)) {
            scope_require(judge, row, judge->policy->required[i]);
        }
    }
}
