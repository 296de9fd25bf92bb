#include "law_fixture.h"

static struct law law;

TEST(a_route_that_is_out_leaves_the_other)
{
    law_make(&law);
    law.routes[R_S1].state = REGISTRY_ROUTE_SUSPENDED;
    CHECK_EQ(law_judge(&law)->routes, 2);
    law.routes[R_S1].state = REGISTRY_ROUTE_ACTIVE;
    law.facts.quarantined = 2;
    CHECK_EQ(law_judge(&law)->routes, 1);
    LAW_SAYS(&law, POLICY_MODEL_SWAP, "S2 MODEL_SWAP");
    law.facts.quarantined = 3;
    CHECK(law_judge(&law)->err == ERR_NO_CLOSED_ROUTE);
    CHECK_EQ(law.verdict.code, POLICY_MODEL_SWAP);
    law_end(&law);
}

TEST(an_account_of_somebody_else_is_named)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
    law.credentials[R_S3].account_holder = &law.parties[P_CLOUD];
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CREDENTIAL_HOLDER, "S3 CREDENTIAL_HOLDER p.cloud");
    law_end(&law);
}

TEST(an_endpoint_that_is_none_is_unofficial)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
    law.routes[R_S3].endpoint = STR("ftp://api.up.example");
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_ENDPOINT_UNOFFICIAL, "S3 ENDPOINT_UNOFFICIAL");
    law_end(&law);
}
