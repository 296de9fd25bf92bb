/*
 * The last leg of each chain: the agreement of seller and client, chosen once a call. What is
 * accepted online closes this leg alone, by the text's sum, the time and the account.
 */
#include "policy/judge_internal.h"

/* Signed by both, as paper is. */
static const char *leg_signed_flaw(const struct registry_agreement *agreement)
{
    if (agreement->evidence_class != REGISTRY_EVIDENCE_WRITTEN_SIGNED ||
        agreement->doc.kind == REGISTRY_DOC_CLICK_THROUGH) {
        return "not_written";
    }
    if (!judge_doc_fine(&agreement->doc)) {
        return "document";
    }
    return agreement->signature.fine ? NULL : "signature";
}

/* Accepted in the client's account: which text, and when. */
static const char *leg_online_flaw(const struct registry_agreement *agreement,
                                   const struct policy_online *online, int64_t now)
{
    if (!judge_doc_fine(&agreement->doc)) {
        return "document";
    }
    if (!str_eq_nocase(agreement->doc.sha256, online->sha256)) {
        return "text";
    }
    bool in_time =
        online->accepted_at <= now &&
        policy_in_window(agreement->valid_from, agreement->valid_until, online->accepted_at);
    return in_time ? NULL : "accepted";
}

/* `what` is NULL where the agreement is in force. */
static struct judge_leg leg_flaw(const struct judge *judge,
                                 const struct registry_agreement *agreement)
{
    int64_t now = judge->now;
    struct judge_leg leg = { .object = agreement->id };
    leg.what = agreement->online ? leg_online_flaw(agreement, judge->facts->online, now)
                                 : leg_signed_flaw(agreement);
    if (leg.what != NULL) {
        return leg;
    }
    if (agreement->revoked_at <= now) {
        leg.what = "revoked";
        leg.number = judge_seconds(agreement->revoked_at, now);
    } else if (now < agreement->valid_from) {
        leg.what = "not_yet";
        leg.number = judge_seconds(now, agreement->valid_from);
    } else if (now >= agreement->valid_until) {
        leg.what = "expired";
        leg.number = judge_seconds(agreement->valid_until, now);
    }
    return leg;
}

/* Of two the later end wins, then the smaller id. */
static bool leg_wins(const struct registry_agreement *agreement,
                     const struct registry_agreement *best)
{
    if (best == NULL || agreement->valid_until != best->valid_until) {
        return best == NULL || agreement->valid_until > best->valid_until;
    }
    return str_cmp(agreement->id, best->id) < 0;
}

struct leg_choice {
    const struct registry_agreement *in_force;
    const struct registry_agreement *nearest; /* of those that are not */
    struct judge_leg leg;                     /* why the nearest is not */
};

static void leg_consider(const struct judge *judge, const struct registry_agreement *agreement,
                         struct leg_choice *choice)
{
    struct judge_leg leg = leg_flaw(judge, agreement);
    if (leg.what == NULL) {
        choice->in_force = leg_wins(agreement, choice->in_force) ? agreement : choice->in_force;
    } else if (leg_wins(agreement, choice->nearest)) {
        choice->nearest = agreement;
        choice->leg = leg;
    }
}

static void leg_of_party(const struct judge *judge, struct leg_choice *choice)
{
    const struct policy_index *index = &judge->policy->agreements;
    size_t client = policy_party_index(judge->policy, judge->facts->client);
    for (uint32_t i = index->starts[client]; i < index->starts[client + 1]; i++) {
        const struct registry_agreement *agreement =
            &judge->policy->registry->agreements[index->items[i]];
        if (agreement->grantor == judge->facts->product->seller) {
            leg_consider(judge, agreement, choice);
        }
    }
}

static void leg_of_account(const struct judge *judge, struct leg_choice *choice)
{
    const struct registry_agreement *agreement =
        registry_agreement(judge->policy->registry, judge->facts->online->agreement);
    if (agreement != NULL && agreement->online &&
        agreement->grantor == judge->facts->product->seller) {
        leg_consider(judge, agreement, choice);
    }
}

void leg_choose(struct judge *judge)
{
    const struct policy_facts *facts = judge->facts;
    bool known = facts->client != NULL || judge->kyc != COUNTRY_NONE;
    struct leg_choice choice = { .leg = { .what = known ? "none" : "unknown" } };
    if (facts->client != NULL) {
        leg_of_party(judge, &choice);
    }
    if (facts->online != NULL && facts->online->agreement.len > 0) {
        leg_of_account(judge, &choice);
    }
    judge->agreement = choice.in_force;
    judge->leg = choice.leg;
}
