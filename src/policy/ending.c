#include "policy/ending.h"

#define ENDING_DAY_NS INT64_C(86400000000000)

const int policy_warning_days[POLICY_WARNINGS] = { 60, 30, 7, 1, 0 };

struct ending_walk {
    policy_ending_fn *told;
    void *context;
};

static void ending_tell(const struct ending_walk *walk, const char *kind, struct str id, int64_t at)
{
    if (at != REGISTRY_TIME_NEVER) {
        walk->told(walk->context, &(struct policy_ending){ kind, id, at });
    }
}

static void ending_parties(const struct ending_walk *walk, const struct registry *registry)
{
    for (size_t i = 0; i < registry->party_count; i++) {
        const struct registry_party *party = &registry->parties[i];
        if (party->kyc.verified_at > 0) {
            ending_tell(walk, "kyc", party->id, party->kyc.expires_at);
        }
        for (size_t k = 0; k < party->qualification_count; k++) {
            ending_tell(walk, "qualification", party->id, party->qualifications[k].valid_until);
        }
    }
}

static void ending_data(const struct ending_walk *walk, const struct registry *registry)
{
    for (size_t i = 0; i < registry->data_terms_count; i++) {
        const struct registry_data_terms *terms = &registry->data_terms[i];
        if (terms->dpa.version.len > 0) {
            ending_tell(walk, "dpa", terms->id, terms->dpa.valid_until);
        }
        for (size_t k = 0; k < terms->transfer_count; k++) {
            ending_tell(walk, "transfer basis", terms->id, terms->transfer_basis[k].valid_until);
        }
    }
    for (size_t i = 0; i < registry->lane_count; i++) {
        ending_tell(walk, "lane", registry->lanes[i].id, registry->lanes[i].valid_until);
    }
}

static void ending_supply(const struct ending_walk *walk, const struct registry *registry)
{
    for (size_t i = 0; i < registry->procurement_count; i++) {
        const struct registry_procurement *procurement = &registry->procurements[i];
        ending_tell(walk, "procurement", procurement->id, procurement->valid_until);
        for (size_t k = 0; k < procurement->purchase_order_count; k++) {
            ending_tell(walk, "purchase order", procurement->purchase_orders[k].id,
                        procurement->purchase_orders[k].valid_until);
        }
    }
    for (size_t i = 0; i < registry->zone_count; i++) {
        ending_tell(walk, "zone approval", registry->zones[i].id,
                    registry->zones[i].approval.valid_until);
    }
    for (size_t i = 0; i < registry->network_count; i++) {
        ending_tell(walk, "network", registry->networks[i].id, registry->networks[i].valid_until);
    }
}

void policy_endings(const struct registry *registry, policy_ending_fn *told, void *context)
{
    const struct ending_walk walk = { told, context };
    for (size_t i = 0; i < registry->grant_count; i++) {
        ending_tell(&walk, "grant", registry->grants[i].id, registry->grants[i].valid_until);
    }
    for (size_t i = 0; i < registry->agreement_count; i++) {
        ending_tell(&walk, "agreement", registry->agreements[i].id,
                    registry->agreements[i].valid_until);
    }
    for (size_t i = 0; i < registry->key_count; i++) {
        ending_tell(&walk, "key", registry->keys[i].id, registry->keys[i].valid_until);
    }
    for (size_t i = 0; i < registry->person_count; i++) {
        ending_tell(&walk, "person", registry->persons[i].id, registry->persons[i].valid_until);
    }
    ending_parties(&walk, registry);
    ending_data(&walk, registry);
    ending_supply(&walk, registry);
}

/* When the warning falls due; an end before time began has none but itself. */
static int64_t ending_due(int64_t at, int days)
{
    return at > days * ENDING_DAY_NS ? at - days * ENDING_DAY_NS : at;
}

int policy_warning(int64_t at, int64_t from, int64_t to)
{
    int found = -1;
    for (size_t i = 0; i < POLICY_WARNINGS; i++) {
        int64_t due = ending_due(at, policy_warning_days[i]);
        if (due > from && due <= to) {
            found = policy_warning_days[i];
        }
    }
    return found;
}

struct ending_next {
    int64_t now;
    int64_t next;
};

static void ending_on_next(void *context, const struct policy_ending *ending)
{
    struct ending_next *next = context;
    for (size_t i = 0; i < POLICY_WARNINGS; i++) {
        int64_t due = ending_due(ending->at, policy_warning_days[i]);
        next->next = due > next->now && due < next->next ? due : next->next;
    }
}

int64_t policy_next_warning(const struct registry *registry, int64_t now)
{
    struct ending_next next = { now, INT64_MAX };
    policy_endings(registry, ending_on_next, &next);
    return next.next;
}
