#include "policy/opening.h"

#include "law_fixture.h"

static struct law law;

static bool is_open(int route, const char *time)
{
    (void)law_judge(&law); /* compiles what was changed */
    return policy_route_is_open(law.policy, &law.routes[route], law_time(time));
}

TEST(a_route_is_open_while_a_chain_through_it_holds)
{
    law_make(&law);
    CHECK(!is_open(R_S1, "2025-12-31T23:59:59.999999999Z"));
    CHECK(is_open(R_S1, "2026-01-01T00:00:00Z"));
    CHECK(is_open(R_S1, "2026-11-02T11:59:59.999999999Z"));
    CHECK(!is_open(R_S1, "2026-11-02T12:00:00Z"));
    law.registry.grant_count = LAW_GRANTS; /* the renewal */
    CHECK(!is_open(R_S1, "2026-11-02T12:29:59.999999999Z"));
    CHECK(is_open(R_S1, "2026-11-02T12:30:00Z"));
    law_end(&law);
}

TEST(each_link_of_a_chain_counts)
{
    law_make(&law);
    CHECK(is_open(R_S3, "2026-11-02T12:00:00Z"));
    law.grants[G_B_CHAN].revoked_at = law_time("2026-11-02T12:00:00Z");
    CHECK(is_open(R_S3, "2026-11-02T11:59:59Z"));
    CHECK(!is_open(R_S3, "2026-11-02T12:00:00Z"));
    law.grants[G_B_CHAN].valid_until = law_time("2026-11-02T12:00:00Z"); /* the next says more */
    CHECK(!is_open(R_S3, "2026-11-02T11:59:59Z"));
    law_end(&law);
}

TEST(a_revocation_closes_at_its_instant_or_at_the_end_of_its_run_off)
{
    law_make(&law);
    law.grants[G_S1].revoked_at = law_time("2026-11-02T10:00:00Z");
    CHECK(is_open(R_S1, "2026-11-02T09:59:59.999999999Z"));
    CHECK(!is_open(R_S1, "2026-11-02T10:00:00Z"));
    law.grants[G_S1].runoff_until = law_time("2026-11-02T11:00:00Z");
    CHECK(is_open(R_S1, "2026-11-02T10:59:59.999999999Z"));
    CHECK(!is_open(R_S1, "2026-11-02T11:00:00Z"));
    law_end(&law);
}

/* Another route of the model has a chain of its own. */
TEST(a_route_opens_by_its_own_upstreams_grant_alone)
{
    law_make(&law);
    CHECK(!is_open(R_S1, "2026-12-01T00:00:00Z"));
    CHECK(is_open(R_S2, "2026-12-01T00:00:00Z"));
    law_end(&law);
}

TEST(flaws_that_no_time_mends_keep_a_route_closed)
{
    law_make(&law);
    law.grants[G_S1].doc.state = REGISTRY_DOC_MISSING;
    CHECK(!is_open(R_S1, "2026-11-02T11:00:00Z"));
    law_end(&law);
    law_make(&law);
    law.grants[G_S1].signature.fine = false;
    CHECK(!is_open(R_S1, "2026-11-02T11:00:00Z"));
    law_end(&law);
}

TEST(a_route_of_a_model_that_nobody_sells_is_closed)
{
    law_make(&law);
    law.registry.product_count = 1; /* the toy's is not on sale any more */
    CHECK(is_open(R_S2, "2026-11-02T11:00:00Z"));
    CHECK(!is_open(R_Z, "2026-11-02T11:00:00Z"));
    law_end(&law);
}
