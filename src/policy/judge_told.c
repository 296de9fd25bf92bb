#include "policy/judge_told.h"

#define BIT(code) (UINT64_C(1) << (code))
#define TOLD_CLIENT(name, rule, closure, side, err) \
    | (POLICY_SIDE_##side == POLICY_SIDE_CLIENT ? BIT(POLICY_##name) : 0)

static const uint64_t client_codes = UINT64_C(0) POLICY_REASON_TABLE(TOLD_CLIENT);

static enum policy_code told_first(uint64_t codes)
{
    return codes == 0 ? POLICY_FINE : (enum policy_code)__builtin_ctzll(codes);
}

void told_init(struct told *told)
{
    *told = (struct told){
        .common = UINT64_MAX, .ours = POLICY_FINE, .client = POLICY_FINE, .upstream_terms = true
    };
}

void told_add_route(struct told *told, uint64_t codes)
{
    uint64_t of_client = codes & client_codes;
    told->common &= of_client;
    told->upstream_terms &= codes == BIT(POLICY_DATA_UPSTREAM_TERMS);
    if (of_client == 0 && told->ours == POLICY_FINE) {
        told->ours = told_first(codes);
    }
    if (told->client == POLICY_FINE) {
        told->client = told_first(of_client);
    }
}

/* What a client learns of one code: of the operator's side that no source is admissible. */
static enum err told_err(enum policy_code code)
{
    const struct policy_reason_info *info = policy_reason_info(code);
    return info->side == POLICY_SIDE_OURS ? ERR_NO_CLOSED_ROUTE : info->err;
}

void told_of_call(struct policy_verdict *verdict, uint64_t codes)
{
    ASSERT(codes != 0);
    verdict->code = told_first(codes);
    verdict->err = told_err(verdict->code);
}

static bool told_is_better(const struct policy_route *route, const struct policy_route *best)
{
    static const unsigned ranks[] = {
        [POLICY_CLOSED] = 0, [POLICY_PENDING] = 1, [POLICY_OPEN] = 2
    };
    if (best == NULL || route->admissible != best->admissible) {
        return best == NULL || route->admissible;
    }
    for (unsigned i = 0; i < POLICY_CLOSURES; i++) {
        if (route->closures[i] != best->closures[i]) {
            return ranks[route->closures[i]] < ranks[best->closures[i]];
        }
    }
    return false;
}

/* What the routes have in sum: which are left, until when, and how far the best one came. */
static void told_sum(struct policy_verdict *verdict)
{
    const struct policy_route *best = NULL;
    for (size_t i = 0; i < verdict->route_count; i++) {
        const struct policy_route *route = &verdict->per_route[i];
        best = told_is_better(route, best) ? route : best;
        if (route->admissible) {
            verdict->routes |= UINT64_C(1) << i;
            verdict->until =
                route->chain.until < verdict->until ? route->chain.until : verdict->until;
        }
    }
    for (unsigned i = 0; best != NULL && i < POLICY_CLOSURES; i++) {
        verdict->closures[i] = best->closures[i];
    }
}

void told_of_routes(struct policy_verdict *verdict, const struct told *told, uint64_t unknown)
{
    told_sum(verdict);
    if (verdict->route_count == 0) {
        return; /* nothing serves the model: no closed route, for no reason */
    }
    if (verdict->routes != 0) {
        verdict->allow = true;
        verdict->err = ERR_OK;
        return;
    }
    if (told->ours != POLICY_FINE) {
        /* Something of ours is in the way on some route: what it is stays here. */
        verdict->code = told->ours;
        verdict->err = told->upstream_terms ? ERR_LAW_DATA_UNKNOWN : ERR_NO_CLOSED_ROUTE;
        return;
    }
    verdict->code = told->common != 0 ? told_first(told->common) : told->client;
    verdict->err = told_err(verdict->code);
    uint64_t of_terms = BIT(POLICY_DATA_RETENTION) | BIT(POLICY_DATA_TRAINING);
    if ((BIT(verdict->code) & of_terms & unknown) != 0) {
        verdict->err = ERR_LAW_DATA_UNKNOWN;
    }
}
