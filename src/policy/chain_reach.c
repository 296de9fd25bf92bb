/*
 * Where no path leads through a route: how far the model came, to say where the chain is torn.
 * Asked when the rules are compiled, and of broken routes alone.
 */
#include "policy/policy_internal.h"

bool chain_names(const struct registry_grant *grant, const struct registry_model *model)
{
    for (size_t i = 0; i < grant->model_count; i++) {
        const struct registry_grant_model *name = &grant->models[i];
        if (name->model == model ||
            (name->model == NULL && name->family.len > 0 && str_eq(name->family, model->family))) {
            return true;
        }
    }
    return false;
}

/* Whether a grant's parents lead to a root or a licence, in a chain that is looked at. */
static bool reach_is_rooted(const struct registry_grant *grant)
{
    for (size_t steps = 0; grant != NULL && steps < POLICY_EDGES_MAX; steps++) {
        if (grant->parent_kind != REGISTRY_PARENT_GRANT) {
            return true;
        }
        grant = grant->parent;
    }
    return false;
}

/* The grants of the model to the seller are the last edges of its paths. */
static bool reach_was_granted(const struct policy_pair *pair, const struct registry_party *grantor)
{
    for (size_t i = 0; i < pair->path_count; i++) {
        const struct policy_path *path = &pair->paths[i];
        if (path->edge_count > 0 && path->edges[path->edge_count - 1]->grantor == grantor) {
            return true;
        }
    }
    return false;
}

struct policy_reason chain_no_way(const struct policy *policy, const struct policy_pair *pair,
                                  const struct registry_route *route)
{
    const struct registry *registry = policy->registry;
    const struct registry_party *nearest = NULL;
    bool reaches_anybody = false;
    bool reaches_upstream = false;
    for (size_t i = 0; i < registry->grant_count; i++) {
        const struct registry_grant *grant = &registry->grants[i];
        if (!chain_names(grant, pair->model) || !reach_is_rooted(grant)) {
            continue;
        }
        reaches_anybody = true;
        reaches_upstream |= grant->grantee == route->upstream_party;
        if (grant->grantee != pair->seller && (nearest == NULL || grant->grantee < nearest) &&
            !reach_was_granted(pair, grant->grantee)) {
            nearest = grant->grantee; /* parties are in the order of their ids */
        }
    }
    struct policy_reason reason = { .code = POLICY_CHAIN_GAP, .what = "no_grant" };
    if (!reaches_anybody) {
        reason.code = POLICY_CHAIN_NO_ROOT;
        reason.object = pair->model->vendor->id;
    } else if (reaches_upstream || nearest == NULL) {
        reason.object = route->upstream_party->id;
    } else {
        reason.object = nearest->id;
    }
    return reason;
}
