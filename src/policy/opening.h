/* Whether a route's authorization is closed by the calendar alone: what is known without a call. */
#pragma once

#include "policy/policy.h"

/* Some seller has a chain through the route that holds at `now`. Who calls is not asked. */
bool policy_route_is_open(const struct policy *policy, const struct registry_route *route,
                          int64_t now);
