#include "policy/opening.h"

#include "policy/policy_internal.h"

static bool opening_holds(const struct policy_path *path, int64_t now)
{
    return path->early.code == POLICY_FINE && path->late.code == POLICY_FINE && path->from <= now &&
           now < path->until;
}

static bool opening_of_pair(const struct policy_pair *pair, const struct registry_route *route,
                            int64_t now)
{
    size_t at = 0;
    while (at < pair->model->route_count && pair->model->routes[at] != route) {
        at++;
    }
    for (size_t i = 0; at < pair->model->route_count && i < pair->path_count; i++) {
        if ((pair->ways[at].paths >> i & 1) != 0 && opening_holds(&pair->paths[i], now)) {
            return true;
        }
    }
    return false;
}

bool policy_route_is_open(const struct policy *policy, const struct registry_route *route,
                          int64_t now)
{
    for (size_t i = 0; i < policy->pair_count; i++) {
        const struct policy_pair *pair = &policy->pairs[i];
        if (pair->model == route->model && opening_of_pair(pair, route, now)) {
            return true;
        }
    }
    return false;
}
