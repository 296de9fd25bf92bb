#include "policy.h"

#include "base/mem.h"
#include "dispatch/dispatch.h"
#include "gate/retry_budget.h"

#define POLICY_NEAR_PERCENT 50
#define POLICY_PERCENTILE   95 /* after which it hedges */

const char *const policy_names[POLICY_KINDS] = {
    [POLICY_PRICE] = "Entrepot, price",
    [POLICY_NEAR_PRICE] = "Entrepot, price + 50 %",
    [POLICY_LATENCY] = "Entrepot, latency",
    [POLICY_HEDGED] = "Entrepot, latency + hedge",
    [POLICY_THROUGHPUT] = "Entrepot, throughput",
    [POLICY_ROUND_ROBIN] = "round robin",
    [POLICY_RANDOM] = "random",
    [POLICY_LEAST_LOADED] = "least loaded",
};

/* A registry that sells one model by a route to each upstream. */
struct policy {
    enum policy_kind kind;
    struct dispatch *dispatch;
    struct retry_budget hedges;
    struct preference preference;
    struct registry_credential credentials[UPSTREAMS];
    struct registry_price prices[UPSTREAMS];
    struct registry_route routes[UPSTREAMS];
    const struct registry_route *served[UPSTREAMS];
    struct registry_model model;
    const struct registry_model *sold[1];
    struct registry_product product;
    struct registry registry;
    int64_t under_way[UPSTREAMS]; /* of those that have no dispatch */
    size_t next;
};

static void policy_register(struct policy *policy)
{
    for (size_t i = 0; i < UPSTREAMS; i++) {
        struct str id = str_from(upstreams[i].id);
        policy->credentials[i] =
            (struct registry_credential){ .id = id,
                                          .max_concurrent = (uint64_t)upstreams[i].slots };
        policy->prices[i].pico[REGISTRY_CLASS_IN] = upstreams[i].pico_in;
        policy->prices[i].pico[REGISTRY_CLASS_OUT] = upstreams[i].pico_out;
        policy->routes[i] = (struct registry_route){ .id = id,
                                                     .model = &policy->model,
                                                     .credential = &policy->credentials[i],
                                                     .contract = &policy->prices[i],
                                                     .weight = 1 };
        policy->served[i] = &policy->routes[i];
    }
    policy->model = (struct registry_model){ .id = STR("model"),
                                             .routes = policy->served,
                                             .route_count = UPSTREAMS };
    policy->sold[0] = &policy->model;
    policy->product = (struct registry_product){ .models = policy->sold, .model_count = 1 };
    policy->registry = (struct registry){ .routes = policy->routes,
                                          .route_count = UPSTREAMS,
                                          .credentials = policy->credentials,
                                          .credential_count = UPSTREAMS };
}

struct policy *policy_create(enum policy_kind kind)
{
    static const enum preference_sort sorts[POLICY_OURS] = {
        [POLICY_PRICE] = PREFERENCE_SORT_PRICE,
        [POLICY_NEAR_PRICE] = PREFERENCE_SORT_PRICE,
        [POLICY_LATENCY] = PREFERENCE_SORT_LATENCY,
        [POLICY_HEDGED] = PREFERENCE_SORT_LATENCY,
        [POLICY_THROUGHPUT] = PREFERENCE_SORT_THROUGHPUT,
    };
    struct policy *policy = mem_zalloc(sizeof(*policy));
    ASSERT(policy != NULL);
    policy->kind = kind;
    retry_budget_init_hedges(&policy->hedges, 0);
    if (kind < POLICY_OURS) {
        policy->preference.sort = sorts[kind];
        policy->preference.near_percent = kind == POLICY_NEAR_PRICE ? POLICY_NEAR_PERCENT : 0;
        policy_register(policy);
        enum err err = dispatch_create(&policy->dispatch);
        err = err == ERR_OK ? dispatch_learn(policy->dispatch, &policy->registry) : err;
        ASSERT(err == ERR_OK);
    }
    return policy;
}

void policy_destroy(struct policy *policy)
{
    dispatch_destroy(policy->dispatch);
    mem_free(policy);
}

static size_t policy_ours(struct policy *policy, const struct policy_call *call, int64_t now_ns,
                          struct dispatch_place *ret_place)
{
    const struct dispatch_ask ask = {
        .registry = &policy->registry,
        .product = &policy->product,
        .model = &policy->model,
        .tried = call->tried,
        .now_ns = now_ns,
        .preference = &policy->preference,
        .tokens_in = call->tokens_in,
        .tokens_out = call->tokens_out,
        .affinity = call->key,
        .chance = call->chance,
    };
    if (dispatch_pick(policy->dispatch, &ask, ret_place) != ERR_OK) {
        return UPSTREAMS;
    }
    return (size_t)(ret_place->route - policy->routes);
}

static bool policy_may(const struct policy *policy, const struct policy_call *call, size_t at)
{
    return (call->tried >> at & 1) == 0 && policy->under_way[at] < upstreams[at].slots;
}

static size_t policy_theirs(struct policy *policy, const struct policy_call *call)
{
    size_t from = policy->kind == POLICY_ROUND_ROBIN ? policy->next
                  : policy->kind == POLICY_RANDOM    ? upstream_mix(call->chance) % UPSTREAMS
                                                     : 0;
    size_t best = UPSTREAMS;
    for (size_t i = 0; i < UPSTREAMS; i++) {
        size_t at = (from + i) % UPSTREAMS;
        bool freer = best == UPSTREAMS || (policy->kind == POLICY_LEAST_LOADED &&
                                           policy->under_way[at] < policy->under_way[best]);
        best = policy_may(policy, call, at) && freer ? at : best;
    }
    policy->next = best < UPSTREAMS ? best + 1 : policy->next;
    return best;
}

size_t policy_pick(struct policy *policy, const struct policy_call *call, int64_t now_ns,
                   struct dispatch_place *ret_place)
{
    if (policy->kind < POLICY_OURS) {
        return policy_ours(policy, call, now_ns, ret_place);
    }
    size_t at = policy_theirs(policy, call);
    if (at < UPSTREAMS) {
        policy->under_way[at]++;
    }
    return at;
}

int64_t policy_late(const struct policy *policy, const struct dispatch_place *place)
{
    return policy->kind == POLICY_HEDGED ? dispatch_begins(place, false, POLICY_PERCENTILE) : 0;
}

void policy_earn(struct policy *policy)
{
    retry_budget_earn(&policy->hedges);
}

bool policy_may_hedge(struct policy *policy, int64_t now_ns)
{
    return retry_budget_take(&policy->hedges, now_ns);
}

void policy_overtaken(struct dispatch_place *place, int64_t waited_ns, int64_t now_ns)
{
    const struct health_lesson lesson = { .first_ns = waited_ns };
    dispatch_give(place, DISPATCH_OVERTAKEN, &lesson, now_ns);
}

void policy_begin(struct policy *policy, struct dispatch_place *place,
                  const struct health_lesson *lesson, int64_t now_ns)
{
    if (policy->kind < POLICY_OURS) {
        dispatch_begin(place, lesson, now_ns);
    }
}

void policy_give(struct policy *policy, size_t at, struct dispatch_place *place, bool whole,
                 const struct health_lesson *lesson, int64_t now_ns)
{
    if (policy->kind >= POLICY_OURS) {
        policy->under_way[at]--;
        return;
    }
    dispatch_give(place, whole ? DISPATCH_FINE : DISPATCH_FAILED, lesson, now_ns);
}
