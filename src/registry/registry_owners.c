#include "registry/registry_internal.h"

/*
 * Who controls a party: the jurisdiction to which more than half of it counts. What a party holds
 * counts for where that party is controlled from, or else for its own jurisdiction; what nobody is
 * listed for counts for the jurisdiction of the party itself. Holders are settled before what they
 * hold, with a stack of our own: chains of holders may be as long as the list of parties.
 */

#define REGISTRY_MAJORITY 50 /* over it, in percent */

enum registry_visit {
    REGISTRY_VISIT_NEW,
    REGISTRY_VISIT_OPEN, /* on the stack */
    REGISTRY_VISIT_DONE
};

struct registry_step {
    size_t party;
    size_t owner; /* the next to be looked at */
};

struct registry_owners {
    struct registry_load *load;
    struct registry_party *parties;
    const struct registry_item *items;
    unsigned char *visits;
    struct registry_step *steps; /* as many as there are parties */
    size_t depth;
};

static country_t registry_share_from(const struct registry_owner_share *share)
{
    if (share->party == NULL) {
        return share->jurisdiction;
    }
    return share->party->controlled_from != COUNTRY_NONE ? share->party->controlled_from
                                                         : share->party->jurisdiction;
}

static uint64_t registry_listed(const struct registry_party *party)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < party->owner_count; i++) {
        sum += party->owners[i].percent;
    }
    return sum;
}

/* Its holders are settled. */
static void registry_settle(struct registry_party *party)
{
    uint64_t listed = registry_listed(party);
    for (size_t i = 0; i <= party->owner_count; i++) {
        country_t country =
            i == party->owner_count ? party->jurisdiction : registry_share_from(&party->owners[i]);
        uint64_t counts = country == party->jurisdiction && listed < 100 ? 100 - listed : 0;
        uint64_t holds = 0;
        for (size_t k = 0; k < party->owner_count; k++) {
            const struct registry_owner_share *share = &party->owners[k];
            counts += registry_share_from(share) == country ? share->percent : 0;
            holds += i < party->owner_count && share->party == party->owners[i].party
                         ? share->percent
                         : 0;
        }
        if (counts > REGISTRY_MAJORITY) {
            party->controlled_from = country;
        }
        if (i < party->owner_count && party->owners[i].party != NULL && holds > REGISTRY_MAJORITY) {
            party->affiliate_of = party->owners[i].party;
        }
    }
}

static void registry_owners_cycle(struct registry_owners *owners, size_t at)
{
    const struct registry_party *party = &owners->parties[at];
    registry_fault(owners->load, REGISTRY_RULE_OWNERS_OVER,
                   registry_place_of(owners->items[at].node, STR("owners")),
                   "party \"" STR_FMT "\" owns a part of itself", STR_ARG(party->id));
}

static void registry_owners_visit(struct registry_owners *owners, size_t first)
{
    owners->steps[owners->depth++] = (struct registry_step){ .party = first };
    owners->visits[first] = REGISTRY_VISIT_OPEN;
    while (owners->depth > 0) {
        struct registry_step *step = &owners->steps[owners->depth - 1];
        struct registry_party *party = &owners->parties[step->party];
        if (step->owner == party->owner_count) {
            registry_settle(party);
            owners->visits[step->party] = REGISTRY_VISIT_DONE;
            owners->depth--;
            continue;
        }
        const struct registry_party *holder = party->owners[step->owner++].party;
        size_t at = holder != NULL ? (size_t)(holder - owners->parties) : 0;
        if (holder == NULL || owners->visits[at] == REGISTRY_VISIT_DONE) {
            continue;
        }
        if (owners->visits[at] == REGISTRY_VISIT_OPEN) {
            registry_owners_cycle(owners, step->party);
        } else {
            owners->steps[owners->depth++] = (struct registry_step){ .party = at };
            owners->visits[at] = REGISTRY_VISIT_OPEN;
        }
    }
}

static void registry_owners_check(struct registry_load *load, const struct yaml_node *node,
                                  const struct registry_party *party)
{
    if (registry_listed(party) > 100) {
        registry_fault(load, REGISTRY_RULE_OWNERS_OVER, registry_place_of(node, STR("owners")),
                       "the shares of party \"" STR_FMT "\" are %llu percent together",
                       STR_ARG(party->id), (unsigned long long)registry_listed(party));
    }
    for (size_t i = 0; i < party->owner_count; i++) {
        const struct registry_owner_share *share = &party->owners[i];
        if ((share->party == NULL) == (share->jurisdiction == COUNTRY_NONE)) {
            registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE,
                           registry_place_of(node, STR("owners")),
                           "an owner of party \"" STR_FMT "\" is one of a party and a jurisdiction",
                           STR_ARG(party->id));
        }
    }
}

void registry_link_owners(struct registry_load *load)
{
    const struct registry_set *set = &load->sets[REGISTRY_KIND_PARTY];
    struct registry_owners owners = {
        .load = load,
        .parties = (void *)set->objects,
        .items = set->items,
        .visits = registry_alloc(load, set->count, sizeof(*owners.visits)),
        .steps = registry_alloc(load, set->count, sizeof(*owners.steps)),
    };
    load->file = registry_kinds[REGISTRY_KIND_PARTY].file;
    if (owners.visits == NULL || owners.steps == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        if (!set->items[i].broken) {
            registry_owners_check(load, set->items[i].node, &owners.parties[i]);
        }
        if (owners.visits[i] == REGISTRY_VISIT_NEW) {
            registry_owners_visit(&owners, i);
        }
    }
}
