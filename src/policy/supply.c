/* What a route itself is: whose key it uses, whose host it calls, and whether it serves now. */
#include "policy/judge_internal.h"

/* R5: the account behind the key is the seller's own. */
void supply_holder(struct judge *judge)
{
    const struct registry_credential *credential = judge->route->credential;
    if (credential->account_holder != judge->facts->product->seller) {
        judge_refuse(judge, NULL, credential->account_holder->id);
    }
}

/* R5: the host is one that the upstream party calls its own. */
void supply_endpoint(struct judge *judge)
{
    if (!judge->source->official) {
        judge_refuse(judge, NULL, judge->source->host);
    }
}

/* The operator has taken the route out. */
void supply_suspended(struct judge *judge)
{
    if (judge->route->state != REGISTRY_ROUTE_ACTIVE) {
        judge_refuse(judge, NULL, STR_EMPTY);
    }
}

/* R7: a route that answered with another model serves nobody until somebody has looked. */
void supply_swap(struct judge *judge)
{
    size_t index = judge->verdict->route_count;
    if ((judge->facts->quarantined >> index & 1) != 0) {
        judge_refuse(judge, NULL, STR_EMPTY);
    }
}
