#include "app/client_facts.h"

#include "ident/standing.h"
#include "policy/facts.h"

/* Revoked, a grant ends at once, or where its run-off does. */
static bool facts_in_force(const struct registry_grant *grant, int64_t now_ns)
{
    int64_t revoked = grant->runoff_until > 0 && grant->revoked_at != REGISTRY_TIME_NEVER
                          ? grant->runoff_until
                          : grant->revoked_at;
    return grant->valid_from <= now_ns && now_ns < grant->valid_until && now_ns < revoked;
}

/* A client that sells on has a grant of its own: an agreement cannot give it. */
static bool facts_may_resell(const struct registry *registry, const struct registry_party *party,
                             int64_t now_ns)
{
    for (size_t i = 0; i < registry->grant_count; i++) {
        const struct registry_grant *grant = &registry->grants[i];
        if (grant->grantee == party && (grant->actions >> REGISTRY_ACTION_RESELL & 1) != 0 &&
            grant->evidence_class == REGISTRY_EVIDENCE_WRITTEN_SIGNED &&
            facts_in_force(grant, now_ns)) {
            return true;
        }
    }
    return false;
}

static bool facts_card_cn(const struct registry_instrument *instrument)
{
    return instrument->country == country_from(STR("CN")) &&
           (instrument->kind == REGISTRY_INSTRUMENT_COMPANY_CARD ||
            instrument->kind == REGISTRY_INSTRUMENT_CONSUMER_CARD);
}

void client_facts(const struct registry *registry, const struct client *client, int64_t now_ns,
                  struct signal_facts *ret_facts)
{
    const struct standing *standing = client_standing(client);
    const struct registry_party *party =
        standing->party.len == 0 ? NULL : registry_party(registry, standing->party);
    unsigned type = party != NULL ? party->client_type : policy_client_type(standing->client_type);
    struct signal_facts facts = { .consumer_plan = type == 1 + REGISTRY_CLIENT_CONSUMER };
    if (party != NULL) {
        facts.may_resell = facts_may_resell(registry, party, now_ns);
        facts.card_cn = facts_card_cn(&party->billing_instrument);
        facts.registered_ns = party->registered_at;
    }
    *ret_facts = facts;
}
