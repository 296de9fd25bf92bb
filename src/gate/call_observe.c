#include "gate/gate_internal.h"
#include "gate/lookout.h"
#include "ident/ident.h"

/* What the databases agree upon; they differ, or say nothing: none. */
static country_t observe_country(const struct policy_origin *origin)
{
    return origin->count == 1 ? origin->countries[0] : COUNTRY_NONE;
}

static uint32_t observe_network(struct http_exchange *x)
{
    struct ip ip;
    return http_exchange_client(x, &ip) ? signal_network(ip.bytes, sizeof(ip.bytes)) : 0;
}

/* Of what was asked and of what is answered nothing is looked at. */
void call_observe(struct call *call)
{
    struct lookout *lookout = call->gate->world.lookout;
    if (lookout == NULL) {
        return;
    }
    const struct http1_head *head = http_exchange_head(call->x);
    const struct policy_origin *origin = &call->law.origin;
    const struct signal_observation observation = {
        .now_ns = call->begun_wall_ns,
        .user = signal_user(call->ask.user),
        .network = observe_network(call->x),
        .country = observe_country(origin),
        .one_database_cn = origin->state == POLICY_ORIGIN_UNSURE,
        .language = agent_language(http1_header(head, STR("accept-language"))),
        .family = agent_family(http1_header(head, STR("user-agent"))),
    };
    lookout_observe(lookout, call->key, &observation);
}
