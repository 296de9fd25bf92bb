#include <stdlib.h>
#include <string.h>

#include "policy/policy_internal.h"

/* What is known of one model while the pairs of one seller are made. */
struct pairs_slot {
    struct policy_pair *pair; /* NULL: no product of the seller has the model */
    size_t grant;             /* 1 + the last grant that was counted for it */
};

/* ---- a path -------------------------------------------------------------------------------- */

/* Fills the edges from a last grant up to where no parent is: false where they run in a circle. */
static bool path_climb(const struct registry_grant *last, struct policy_path *path)
{
    const struct registry_grant *grant = last;
    const struct registry_grant *slow = last; /* is met again in a circle alone */
    size_t steps = 0;
    while (grant != NULL) {
        if (steps < POLICY_EDGES_MAX) {
            path->edges[steps] = grant;
        }
        steps++;
        grant = grant->parent_kind == REGISTRY_PARENT_GRANT ? grant->parent : NULL;
        if (steps % 2 == 0) {
            slow = slow->parent;
        }
        if (grant == slow) {
            path->edge_count = 1; /* the last grant stands for it */
            return false;
        }
    }
    path->edge_count = steps;
    return true;
}

static void path_turn(struct policy_path *path)
{
    for (size_t i = 0; i < path->edge_count / 2; i++) {
        size_t other = path->edge_count - 1 - i;
        const struct registry_grant *edge = path->edges[i];
        path->edges[i] = path->edges[other];
        path->edges[other] = edge;
    }
}

static void path_add_edge(struct policy_path *path, const struct registry_grant *edge)
{
    int64_t revoked = chain_revoked_from(edge);
    int64_t until = revoked < edge->valid_until ? revoked : edge->valid_until;
    path->from = edge->valid_from > path->from ? edge->valid_from : path->from;
    path->until = until < path->until ? until : path->until;
    path->rank = edge->valid_until < path->rank ? edge->valid_until : path->rank;
    path->actions &= edge->actions;
    path->client_types &= edge->client_types;
    country_set_and(&path->regions, &edge->regions.set);
    country_set_or(&path->excluded, &edge->exclude_owned_from);
    path->must_name_vendor |= edge->brand_terms.must_name_vendor;
    path->may_rename &= edge->brand_terms.may_rename;
    path->has_quota |= edge->quota.tokens > 0;
}

/* Everything, for ever: what a vendor may do with its model, and where an intersection begins. */
static struct policy_path path_whole(void)
{
    struct policy_path path = {
        .from = INT64_MIN,
        .until = REGISTRY_TIME_NEVER,
        .rank = REGISTRY_TIME_NEVER,
        .early = { .code = POLICY_FINE },
        .late = { .code = POLICY_FINE },
        .actions = UINT64_MAX,
        .client_types = UINT64_MAX,
        .may_rename = true,
    };
    country_set_world(&path.regions);
    country_set_add(&path.regions, country_from(STR("CN")));
    return path;
}

static enum err path_make(const struct registry_model *model, const struct registry_grant *last,
                          struct policy_path *ret_path, struct fail *fail)
{
    *ret_path = path_whole();
    bool ends = path_climb(last, ret_path);
    if (ret_path->edge_count > POLICY_EDGES_MAX) {
        return FAIL(fail, ERR_LIMIT,
                    "model \"" STR_FMT "\": the chain to grant \"" STR_FMT
                    "\" has %zu grants, at most %d are looked at",
                    STR_ARG(model->id), STR_ARG(last->id), ret_path->edge_count, POLICY_EDGES_MAX);
    }
    path_turn(ret_path);
    for (size_t i = 0; i < ret_path->edge_count; i++) {
        path_add_edge(ret_path, ret_path->edges[i]);
    }
    chain_find_flaws(model, ret_path);
    if (!ends) {
        ret_path->early = (struct policy_flaw){ .code = POLICY_CHAIN_NO_ROOT, .edge = last };
    }
    return ERR_OK;
}

static int path_order(const void *left, const void *right)
{
    const struct policy_path *a = left;
    const struct policy_path *b = right;
    if (a->edge_count != b->edge_count) {
        return a->edge_count < b->edge_count ? -1 : 1;
    }
    if (a->rank != b->rank) {
        return a->rank > b->rank ? -1 : 1;
    }
    return str_cmp(a->edges[a->edge_count - 1]->id, b->edges[b->edge_count - 1]->id);
}

/* ---- a seller ------------------------------------------------------------------------------ */

typedef enum err pairs_named_fn(struct policy_pair *pair, const struct registry_grant *grant,
                                struct fail *fail);

static enum err pairs_count(struct policy_pair *pair, const struct registry_grant *grant,
                            struct fail *fail)
{
    (void)grant;
    pair->path_count++;
    if (pair->path_count > POLICY_PATHS_MAX) {
        return FAIL(fail, ERR_LIMIT,
                    "model \"" STR_FMT "\": more than %d grants to \"" STR_FMT "\" name it",
                    STR_ARG(pair->model->id), POLICY_PATHS_MAX, STR_ARG(pair->seller->id));
    }
    return ERR_OK;
}

static enum err pairs_fill(struct policy_pair *pair, const struct registry_grant *grant,
                           struct fail *fail)
{
    TRY(path_make(pair->model, grant, &pair->paths[pair->path_count], fail));
    pair->path_count++;
    return ERR_OK;
}

/* The models that one name of a grant stands for: one, or all to be asked for their family. */
static enum err pairs_each_model(const struct policy *policy, size_t grant, size_t name,
                                 struct pairs_slot *slots, pairs_named_fn *named, struct fail *fail)
{
    const struct registry *registry = policy->registry;
    const struct registry_grant *of = &registry->grants[grant];
    const struct registry_model *model = of->models[name].model;
    size_t from = model == NULL ? 0 : (size_t)(model - registry->models);
    size_t until = model == NULL ? registry->model_count : from + 1;
    enum err err = ERR_OK;
    for (size_t at = from; err == ERR_OK && at < until; at++) {
        struct pairs_slot *slot = &slots[at];
        if (slot->pair != NULL && slot->grant != grant + 1 &&
            chain_names(of, &registry->models[at])) {
            slot->grant = grant + 1;
            err = named(slot->pair, of, fail);
        }
    }
    return err;
}

/* Calls `named` once for each pair of the seller and each grant to it that names the model. */
static enum err pairs_each(const struct policy *policy, const struct registry_party *seller,
                           struct pairs_slot *slots, pairs_named_fn *named, struct fail *fail)
{
    const struct registry *registry = policy->registry;
    enum err err = ERR_OK;
    for (size_t i = 0; i < registry->model_count; i++) {
        slots[i].grant = 0;
    }
    for (size_t i = 0; err == ERR_OK && i < registry->grant_count; i++) {
        const struct registry_grant *grant = &registry->grants[i];
        size_t names = grant->grantee == seller ? grant->model_count : 0;
        for (size_t j = 0; err == ERR_OK && j < names; j++) {
            err = pairs_each_model(policy, i, j, slots, named, fail);
        }
    }
    return err;
}

static uint64_t pairs_paths_of_route(const struct policy_pair *pair,
                                     const struct registry_route *route)
{
    const struct registry_grant *grant =
        route->credential == NULL ? NULL : route->credential->grant;
    bool any = route->upstream_party->kind == REGISTRY_PARTY_COMPUTE_CENTER;
    uint64_t paths = 0;
    for (size_t i = 0; i < pair->path_count; i++) {
        const struct policy_path *path = &pair->paths[i];
        const struct registry_grant *last =
            path->edge_count == 0 ? NULL : path->edges[path->edge_count - 1];
        bool leads = last == NULL || ((any || last->grantor == route->upstream_party) &&
                                      (grant == NULL || grant == last));
        paths |= (uint64_t)leads << i;
    }
    return paths;
}

static enum err pairs_ways(struct policy *policy, struct policy_pair *pair)
{
    const struct registry_model *model = pair->model;
    pair->ways = policy_alloc(policy, model->route_count, sizeof(pair->ways[0]));
    if (pair->ways == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < model->route_count; i++) {
        struct policy_way *way = &pair->ways[i];
        way->paths = pairs_paths_of_route(pair, model->routes[i]);
        if (way->paths == 0) {
            way->none = chain_no_way(policy, pair, model->routes[i]);
        }
    }
    return ERR_OK;
}

/* A pair for each model of one product, unless another of the seller's has it too. */
static void pairs_open(struct policy *policy, size_t index, struct pairs_slot *slots)
{
    const struct registry_product *product = &policy->registry->products[index];
    for (size_t i = 0; i < product->model_count; i++) {
        const struct registry_model *model = product->models[i];
        struct pairs_slot *slot = &slots[model - policy->registry->models];
        if (slot->pair == NULL) {
            slot->pair = &policy->pairs[policy->pair_count++];
            *slot->pair = (struct policy_pair){ .model = model, .seller = product->seller };
        }
        policy->sales[index][i].pair = slot->pair;
    }
}

static void pairs_open_all(struct policy *policy, const struct registry_party *seller,
                           struct pairs_slot *slots)
{
    const struct registry *registry = policy->registry;
    memset(slots, 0, registry->model_count * sizeof(slots[0]));
    for (size_t i = 0; i < registry->product_count; i++) {
        if (registry->products[i].seller == seller) {
            pairs_open(policy, i, slots);
        }
    }
    for (size_t i = 0; i < registry->model_count; i++) {
        if (registry->models[i].vendor == seller) {
            slots[i].pair = NULL; /* grants are not asked */
        }
    }
}

/* Who made the model needs no grant: its one path is whole, and no grant is counted for it. */
static enum err pairs_room(struct policy *policy, struct policy_pair *pair)
{
    bool own = pair->model->vendor == pair->seller;
    pair->paths = policy_alloc(policy, own ? 1 : pair->path_count, sizeof(pair->paths[0]));
    if (pair->paths == NULL) {
        return ERR_NO_MEMORY;
    }
    if (own) {
        pair->paths[0] = path_whole();
    }
    pair->path_count = own ? 1 : 0;
    return ERR_OK;
}

static enum err pairs_finish(struct policy *policy, struct policy_pair *pair)
{
    if (pair->path_count > 1) {
        qsort(pair->paths, pair->path_count, sizeof(pair->paths[0]), path_order);
    }
    return pairs_ways(policy, pair);
}

static enum err pairs_of_seller(struct policy *policy, const struct registry_party *seller,
                                struct pairs_slot *slots, struct fail *fail)
{
    size_t first = policy->pair_count;
    pairs_open_all(policy, seller, slots);
    enum err err = pairs_each(policy, seller, slots, pairs_count, fail);
    for (size_t i = first; err == ERR_OK && i < policy->pair_count; i++) {
        err = pairs_room(policy, &policy->pairs[i]);
    }
    if (err == ERR_OK) {
        err = pairs_each(policy, seller, slots, pairs_fill, fail);
    }
    for (size_t i = first; err == ERR_OK && i < policy->pair_count; i++) {
        err = pairs_finish(policy, &policy->pairs[i]);
    }
    return err;
}

/* ---- all ----------------------------------------------------------------------------------- */

static bool pairs_seller_is_new(const struct registry *registry, size_t product)
{
    for (size_t i = 0; i < product; i++) {
        if (registry->products[i].seller == registry->products[product].seller) {
            return false;
        }
    }
    return true;
}

enum err policy_compile_pairs(struct policy *policy, struct fail *fail)
{
    const struct registry *registry = policy->registry;
    size_t most = 0;
    for (size_t i = 0; i < registry->product_count; i++) {
        most += registry->products[i].model_count;
    }
    policy->pairs = policy_alloc(policy, most, sizeof(policy->pairs[0]));
    struct pairs_slot *slots = policy_alloc(policy, registry->model_count, sizeof(slots[0]));
    enum err err = policy->pairs == NULL || slots == NULL ? ERR_NO_MEMORY : ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < registry->product_count; i++) {
        if (pairs_seller_is_new(registry, i)) {
            err = pairs_of_seller(policy, registry->products[i].seller, slots, fail);
        }
    }
    ASSERT(policy->pair_count <= most);
    return err;
}
