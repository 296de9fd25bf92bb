#include "law_fixture.h"

static struct law law;

static void begin(void)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
}

/* A client that bought online and accepted the text there. */
static void begin_online(void)
{
    begin();
    law.agreements[A_ONLINE].doc.sha256 = STR("aabb");
    law.online = (struct policy_online){
        .country = law_country("SG"),
        .billing_country = law_country("SG"),
        .client_type = 1 + REGISTRY_CLIENT_DEVELOPER,
        .agreement = STR("A-online"),
        .sha256 = STR("AABB"),
        .accepted_at = law_time("2026-05-01"),
    };
    law.facts.client = NULL;
    law.facts.online = &law.online;
}

#define CHECK_LEG(text) LAW_SAYS(&law, POLICY_CHAIN_CLIENT_LEG, "S3 CHAIN_CLIENT_LEG" text)

TEST(each_thing_that_an_agreement_lacks_is_named)
{
    begin();
    struct registry_agreement *agreement = &law.agreements[A_1];
    int64_t now = law.facts.now;
    agreement->valid_until = now;
    (void)law_judge(&law);
    CHECK_LEG("(expired) A-1");
    agreement->valid_from = now + 3 * LAW_S;
    agreement->valid_until = now + 4 * LAW_S;
    (void)law_judge(&law);
    CHECK_LEG("(not_yet) A-1: 3 s");
    agreement->revoked_at = now - 2 * LAW_S;
    (void)law_judge(&law);
    CHECK_LEG("(revoked) A-1: 2 s");
    agreement->signature.fine = false;
    (void)law_judge(&law);
    CHECK_LEG("(signature) A-1");
    agreement->doc.state = REGISTRY_DOC_CHANGED;
    (void)law_judge(&law);
    CHECK_LEG("(document) A-1");
    agreement->evidence_class = REGISTRY_EVIDENCE_WRITTEN_UNSIGNED;
    (void)law_judge(&law);
    CHECK_LEG("(not_written) A-1");
    agreement->grantee = &law.parties[C_2];
    (void)law_judge(&law);
    CHECK_LEG("(none)");
    law_end(&law);
}

TEST(an_agreement_with_another_seller_is_none)
{
    begin();
    law.agreements[A_1].grantor = &law.parties[P_CLOUD];
    (void)law_judge(&law);
    CHECK_LEG("(none)");
    law_end(&law);
}

TEST(of_several_the_one_that_lasts_longest_is_in_force)
{
    begin();
    law.agreements[A_2] = law.agreements[A_1];
    law.agreements[A_2].id = STR("A-2");
    CHECK_STR(law_judge(&law)->per_route[0].chain.agreement->id, STR("A-1"));
    law.agreements[A_2].valid_until += 1;
    CHECK_STR(law_judge(&law)->per_route[0].chain.agreement->id, STR("A-2"));
    law.agreements[A_2].revoked_at = law.facts.now;
    CHECK_STR(law_judge(&law)->per_route[0].chain.agreement->id, STR("A-1"));
    law_end(&law);
}

TEST(a_text_that_is_accepted_online_closes_the_last_leg)
{
    begin_online();
    CHECK(law_judge(&law)->allow);
    CHECK_STR(law.verdict.per_route[0].chain.agreement->id, STR("A-online"));
    law_end(&law);
}

TEST(another_text_or_another_time_does_not)
{
    begin_online();
    law.agreements[A_ONLINE].doc.state = REGISTRY_DOC_MISSING;
    (void)law_judge(&law);
    CHECK_LEG("(document) A-online");
    law.agreements[A_ONLINE].doc.state = REGISTRY_DOC_FINE;
    law.online.sha256 = STR("aabc");
    (void)law_judge(&law);
    CHECK_LEG("(text) A-online");
    law.online.sha256 = STR("aabb");
    law.online.accepted_at = law.facts.now + 1;
    (void)law_judge(&law);
    CHECK_LEG("(accepted) A-online");
    law.online.accepted_at = law.facts.now;
    CHECK(law_judge(&law)->allow);
    law.online.accepted_at = law.agreements[A_ONLINE].valid_from - 1;
    (void)law_judge(&law);
    CHECK_LEG("(accepted) A-online");
    law_end(&law);
}

TEST(an_online_text_closes_nothing_for_who_did_not_name_it)
{
    begin_online();
    law.online.agreement = STR_EMPTY;
    (void)law_judge(&law);
    CHECK_LEG("(none)");
    law.online.agreement = STR("A-1"); /* signed with another: it is not accepted by a click */
    (void)law_judge(&law);
    CHECK_LEG("(none)");
    law_end(&law);
}

TEST(a_client_of_which_nothing_is_known_has_none)
{
    begin();
    law.facts.client = NULL;
    (void)law_judge(&law);
    CHECK_LEG("(unknown)");
    CHECK(law.verdict.err == ERR_LAW_NO_AGREEMENT);
    law_end(&law);
}

TEST(a_party_may_accept_online_too)
{
    begin_online();
    law.facts.client = &law.parties[C_2];
    law.agreements[A_2].valid_until = law.facts.now;
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}
