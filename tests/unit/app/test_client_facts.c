#include "app/client_facts.h"

#include "house.h"
#include "ident/standing.h"

#define NOW INT64_C(1793620800000000000) /* 2026-11-02T12:00:00Z */

static struct house house;
static const struct client *client;
static struct signal_facts facts;

/* The example's registry, in which one party and one grant can be changed. */
static struct registry changed;
static struct registry_party *party;
static struct registry_party parties[64];
static struct registry_grant grants[64];

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    const struct registry *registry = house.world->registry;
    CHECK(registry->party_count <= EP_ARRAY_LEN(parties));
    CHECK(registry->grant_count < EP_ARRAY_LEN(grants));
    changed = *registry;
    party = NULL;
    for (size_t i = 0; i < registry->party_count; i++) {
        parties[i] = registry->parties[i];
        party = str_eq(parties[i].id, STR("first-client")) ? &parties[i] : party;
    }
    CHECK(party != NULL);
    changed.parties = parties;
    memcpy(grants, registry->grants, registry->grant_count * sizeof(grants[0]));
    changed.grants = grants;
    client = client_next(house.world->ident, NULL);
    CHECK(client != NULL);
}

static void ask(int64_t now_ns)
{
    client_facts(&changed, client, now_ns, &facts);
}

static void set_standing(struct standing standing)
{
    standing.set_ns = NOW;
    CHECK_EQ(client_set_standing(house.world->ident, client->id, &standing, NULL), ERR_OK);
}

TEST(a_company_with_its_own_card_has_nothing_against_it)
{
    begin();
    ask(NOW);
    CHECK(!facts.may_resell && !facts.consumer_plan && !facts.card_cn);
    CHECK(!facts.clock_china && !facts.phone_cn && !facts.batch && !facts.mass_address);
    CHECK(facts.registered_ns == party->registered_at && facts.registered_ns > 0);
    house_end(&house);
}

TEST(cards_of_the_mainland_count_and_its_banks_do_not)
{
    begin();
    party->billing_instrument.country = country_from(STR("CN"));
    party->billing_instrument.kind = REGISTRY_INSTRUMENT_COMPANY_CARD;
    ask(NOW);
    CHECK(facts.card_cn);
    party->billing_instrument.kind = REGISTRY_INSTRUMENT_CONSUMER_CARD;
    ask(NOW);
    CHECK(facts.card_cn);
    party->billing_instrument.kind = REGISTRY_INSTRUMENT_BANK;
    ask(NOW);
    CHECK(!facts.card_cn);
    party->billing_instrument.kind = REGISTRY_INSTRUMENT_UNKNOWN;
    ask(NOW);
    CHECK(!facts.card_cn);
    party->billing_instrument.kind = REGISTRY_INSTRUMENT_COMPANY_CARD;
    party->billing_instrument.country = country_from(STR("HK"));
    ask(NOW);
    CHECK(!facts.card_cn);
    house_end(&house);
}

TEST(only_a_grant_in_force_lets_a_client_resell)
{
    begin();
    struct registry_grant *grant = &grants[changed.grant_count++];
    *grant = grants[0];
    grant->grantee = party;
    grant->actions = UINT64_C(1) << REGISTRY_ACTION_API_CALL | UINT64_C(1)
                                                                   << REGISTRY_ACTION_RESELL;
    grant->evidence_class = REGISTRY_EVIDENCE_WRITTEN_SIGNED;
    grant->valid_from = NOW;
    grant->valid_until = NOW + 10;
    grant->revoked_at = REGISTRY_TIME_NEVER;
    grant->runoff_until = 0;
    ask(NOW);
    CHECK(facts.may_resell);
    ask(NOW - 1);
    CHECK(!facts.may_resell);
    ask(NOW + 9);
    CHECK(facts.may_resell);
    ask(NOW + 10);
    CHECK(!facts.may_resell);
    grant->revoked_at = NOW + 5;
    ask(NOW + 5);
    CHECK(!facts.may_resell);
    grant->runoff_until = NOW + 8;
    ask(NOW + 7);
    CHECK(facts.may_resell);
    ask(NOW + 8);
    CHECK(!facts.may_resell);
    grant->revoked_at = REGISTRY_TIME_NEVER;
    grant->evidence_class = REGISTRY_EVIDENCE_CLICK_THROUGH;
    ask(NOW);
    CHECK(!facts.may_resell);
    grant->evidence_class = REGISTRY_EVIDENCE_WRITTEN_SIGNED;
    grant->actions = UINT64_C(1) << REGISTRY_ACTION_API_CALL;
    ask(NOW);
    CHECK(!facts.may_resell);
    house_end(&house);
}

TEST(of_a_client_without_a_party_only_its_own_words_are_known)
{
    begin();
    set_standing((struct standing){ .client_type = STR("consumer") });
    ask(NOW);
    CHECK(facts.consumer_plan && facts.registered_ns == 0 && !facts.may_resell);
    set_standing((struct standing){ .client_type = STR("developer") });
    ask(NOW);
    CHECK(!facts.consumer_plan);
    set_standing((struct standing){ .party = STR("nobody"), .client_type = STR("consumer") });
    ask(NOW);
    CHECK(facts.consumer_plan && facts.registered_ns == 0);
    set_standing((struct standing){ .client_type = STR("") });
    ask(NOW);
    CHECK(!facts.consumer_plan);
    house_end(&house);
}
