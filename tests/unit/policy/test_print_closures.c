#include "law_fixture.h"

static struct law law;

static void check(const char *want)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    CHECK(policy_print_closures(&law.verdict, law.facts.now, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), str_from(want));
    buf_fini(&out);
}

TEST(rules_of_no_closure_have_a_line_of_their_own)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
    law.facts.quarantined = 1;
    law_at(&law, "2026-12-31T23:59:59Z");
    (void)law_judge(&law);
    check("rules open: S3 MODEL_SWAP\n"
          "authorization closed: S3 (2 edges, next expiry 2027-01-01T00:00:00Z)\n"
          "scope closed\ndata closed\nbilling pending (Dec)\n=> no route\n");
    law_end(&law);
}

TEST(scope_without_a_chain_is_open)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
    law.grants[G_CHAN_P].grantee = &law.parties[P_X];
    (void)law_judge(&law);
    check("authorization open: S3 behind p.chan CHAIN_GAP(no_grant)\n"
          "scope open: S3 open\ndata closed\nbilling pending (Nov)\n=> no route\n");
    law_end(&law);
}

TEST(a_chain_of_the_vendor_itself_may_have_no_end)
{
    law_make(&law);
    law.models[M_BETA].vendor = &law.parties[P_PLATFORM];
    law.agreements[A_1].valid_until = REGISTRY_TIME_NEVER;
    law.facts.model = &law.models[M_BETA];
    law.billing[0] = (struct registry_billing_state){ .id = STR("b"),
                                                      .party = &law.parties[C_1],
                                                      .state = REGISTRY_BILLING_CLOSED };
    law.registry.billing_count = 1;
    (void)law_judge(&law);
    check("authorization closed: S3 (the vendor's own, no expiry)\n"
          "scope closed\ndata closed\nbilling closed\n=> S3\n");
    law_end(&law);
}

TEST(billing_that_is_open_says_why)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
    law.facts.has_order = false;
    (void)law_judge(&law);
    check("authorization closed: S3 (2 edges, next expiry 2027-01-01T00:00:00Z)\n"
          "scope closed\ndata closed\nbilling open: S3 BILL_NO_ORDER\n=> no route\n");
    law_end(&law);
}

TEST(a_call_that_is_refused_before_its_routes_has_no_closures)
{
    law_make(&law);
    law_toy(&law);
    law.facts.market = law_country("JP");
    law.facts.has_callback = true;
    (void)law_judge(&law);
    check("rules open: ZONE_MARKET JP not in {BN,ID,KH,LA,MM,MY,PH,SG,TH,VN}; ZONE_ROUTE_RETURN\n"
          "=> no route\n");
    law_end(&law);
}

TEST(reasons_that_are_not_kept_are_counted)
{
    law_make(&law);
    (void)law_judge(&law);
    law.verdict.reasons_dropped = 3;
    struct buf out;
    buf_init(&out, 4096);
    CHECK(policy_print_closures(&law.verdict, law.facts.now, &out) == ERR_OK);
    CHECK(str_ends(buf_str(&out), STR("and 3 reasons more\n=> S1, S2\n")));
    buf_fini(&out);
    law_end(&law);
}
