#include "law_fixture.h"

static struct law law;

static void begin(void)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
}

TEST(a_model_that_its_vendor_granted_to_nobody_has_no_root)
{
    begin();
    law.names[G_B_CHAN].model = &law.models[M_ALPHA];
    law.names[G_CHAN_P].model = &law.models[M_ALPHA];
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CHAIN_NO_ROOT, "S3 behind p.b CHAIN_NO_ROOT(no_grant)");
    CHECK_EQ(law.verdict.per_route[0].closures[POLICY_SCOPE], POLICY_OPEN);
    CHECK_EQ(law.verdict.reason_count, 1); /* scope is open without a reason of its own */
    law_end(&law);
}

TEST(the_upstream_that_was_granted_and_did_not_grant_is_where_the_chain_is_torn)
{
    begin();
    law.grants[G_CHAN_P].grantee = &law.parties[P_X];
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CHAIN_GAP, "S3 behind p.chan CHAIN_GAP(no_grant)");
    law_end(&law);
}

TEST(else_the_party_that_came_nearest)
{
    begin();
    law.routes[R_S3].upstream_party = &law.parties[P_X];
    law.grants[G_CHAN_P].grantee = &law.parties[P_CLOUD];
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CHAIN_GAP, "S3 behind p.chan CHAIN_GAP(no_grant)");
    law_end(&law);
}

TEST(else_the_upstream_itself)
{
    begin();
    law.routes[R_S3].upstream_party = &law.parties[P_X];
    (void)law_judge(&law); /* the channel has granted, but not through this route */
    LAW_SAYS(&law, POLICY_CHAIN_GAP, "S3 behind p.x CHAIN_GAP(no_grant)");
    law_end(&law);
}

TEST(a_compute_center_only_computes)
{
    begin();
    law.routes[R_S3].upstream_party = &law.parties[P_CENTER];
    law.procurements[R_S3].upstream_party = &law.parties[P_CENTER];
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(a_credential_that_names_a_grant_is_good_for_that_alone)
{
    begin();
    law.credentials[R_S3].grant = &law.grants[G_CHAN_P];
    CHECK(law_judge(&law)->allow);
    law.credentials[R_S3].grant = &law.grants[G_CLOUD_P];
    CHECK(!law_judge(&law)->allow);
    CHECK_EQ(law.verdict.code, POLICY_CHAIN_GAP);
    law_end(&law);
}

TEST(what_rests_on_nothing_reaches_nobody)
{
    begin();
    law.routes[R_S3].upstream_party = &law.parties[P_X];
    law.grants[G_CHAN_P].grantee = &law.parties[P_CLOUD];
    law.grants[G_A_CLOUD].models = &law.names[G_CHAN_P]; /* names the model, and has a root */
    law.grants[G_B_CHAN].parent_kind = REGISTRY_PARENT_GRANT;
    law.grants[G_B_CHAN].parent = &law.grants[G_B_CHAN]; /* has none */
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CHAIN_GAP, "S3 behind p.cloud CHAIN_GAP(no_grant)");
    law_end(&law);
}

TEST(a_family_reaches_as_its_models_do)
{
    begin();
    law.names[G_B_CHAN] = (struct registry_grant_model){ .family = STR("f") };
    law.grants[G_CHAN_P].grantee = &law.parties[P_X];
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CHAIN_GAP, "S3 behind p.chan CHAIN_GAP(no_grant)");
    law.names[G_B_CHAN].family = STR("g");
    law.names[G_CHAN_P].model = &law.models[M_ALPHA];
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CHAIN_NO_ROOT, "S3 behind p.b CHAIN_NO_ROOT(no_grant)");
    law_end(&law);
}
