#include "law_fixture.h"

static struct law law;

static void begin(void)
{
    law_make(&law);
    law_toy(&law);
}

TEST(a_zone_is_approved_on_paper_for_who_operates_it)
{
    begin();
    law.zone.approval.valid_from = law.facts.now + 1;
    law.zone.approval.doc.state = REGISTRY_DOC_MISSING;
    law.operators[0] = &law.parties[P_X];
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 3);
    CHECK_STR(str_from(law.verdict.reasons[0].what), STR("window"));
    CHECK_STR(str_from(law.verdict.reasons[1].what), STR("document"));
    CHECK_STR(str_from(law.verdict.reasons[2].what), STR("operator"));
    law_end(&law);
    begin();
    law.operators[0] = &law.parties[P_PLATFORM]; /* the seller will do */
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(a_pool_that_the_approval_does_not_name_serves_nothing)
{
    begin();
    law.zone.approval.pool_count = 0;
    CHECK(law_judge(&law)->err == ERR_NO_CLOSED_ROUTE);
    LAW_SAYS(&law, POLICY_ZONE_NOT_APPROVED, "Z ZONE_NOT_APPROVED(pool) pool-1");
    CHECK_EQ(law.verdict.route_count, 1);
    law_end(&law);
}

TEST(a_zone_product_without_a_zone_is_refused)
{
    begin();
    law.products[PRODUCT_TOY].zone = NULL;
    CHECK(law_judge(&law)->err == ERR_NO_CLOSED_ROUTE);
    LAW_SAYS(&law, POLICY_ZONE_NOT_APPROVED, "ZONE_NOT_APPROVED(none)");
    CHECK_EQ(law.verdict.reason_count, 1);
    law_end(&law);
}

TEST(a_call_without_a_link_or_scan_is_refused)
{
    begin();
    law.facts.ingress = STR_EMPTY;
    law.facts.content.scanned = false;
    law.facts.origin.state = POLICY_ORIGIN_UNKNOWN;
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 3);
    LAW_SAYS(&law, POLICY_ZONE_INGRESS, "ZONE_INGRESS");
    LAW_SAYS(&law, POLICY_ZONE_ORIGIN_UNSURE, "ZONE_ORIGIN_UNSURE(unknown)");
    LAW_SAYS(&law, POLICY_ZONE_MIX_PI, "ZONE_MIX_PI(unscanned)");
    law_end(&law);
}

TEST(each_market_of_an_agreement_must_be_one_of_the_zones)
{
    begin();
    law.facts.market = COUNTRY_NONE;
    CHECK(law_judge(&law)->allow);
    law.markets[A_TOY][1] = law_country("FR");
    law.markets[A_TOY][2] = law_country("GB");
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 2);
    CHECK_EQ(law.verdict.reasons[1].country, law_country("GB"));
    law_end(&law);
}

TEST(each_item_that_is_shared_is_named)
{
    begin();
    law.zone.separation[REGISTRY_ITEM_KEYS] = REGISTRY_SEPARATION_SHARED;
    law.zone.separation[REGISTRY_ITEM_CACHE] = REGISTRY_SEPARATION_SHARED;
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 2);
    CHECK_STR(str_from(law.verdict.reasons[0].what), STR("keys"));
    CHECK_STR(str_from(law.verdict.reasons[1].what), STR("cache"));
    law_end(&law);
}

TEST(a_pool_of_another_zone_is_outside)
{
    static struct registry_zone other;
    begin();
    other = law.zone;
    law.pool.zone = &other;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_ZONE_POOL_OUTSIDE, "Z ZONE_POOL_OUTSIDE pool-1");
    law.routes[R_Z].pool = NULL;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_ZONE_POOL_OUTSIDE, "Z ZONE_POOL_OUTSIDE");
    law_end(&law);
}

TEST(what_an_upstream_does_not_say_of_keeping_is_too_long)
{
    begin();
    law.terms[T_ZONE].retention_days = REGISTRY_RETENTION_UNKNOWN;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_ZONE_RETENTION, "Z ZONE_RETENTION(unknown), at most 3600 s");
    law.routes[R_Z].data_terms = NULL;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_ZONE_RETENTION, "Z ZONE_RETENTION(unknown), at most 3600 s");
    CHECK(law_reason(&law, POLICY_ZONE_PURPOSE) == NULL);
    law_end(&law);
}

TEST(an_upstream_in_a_zone_does_nothing_but_serve)
{
    begin();
    law.terms[T_ZONE].training = REGISTRY_ANSWER_UNKNOWN;
    law.terms[T_ZONE].analytics = true;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_ZONE_PURPOSE, "Z ZONE_PURPOSE(training) T-zone");
    law_end(&law);
}

TEST(a_mainland_reader_is_named)
{
    begin();
    law.readers[0] = &law.parties[P_V];
    CHECK(law_judge(&law)->err == ERR_NO_CLOSED_ROUTE);
    LAW_SAYS(&law, POLICY_ZONE_BACKFLOW, "ZONE_BACKFLOW p.v");
    law_end(&law);
}

TEST(a_mainland_client_or_market_is_named_beside_the_origin)
{
    begin();
    /* Else the reverse rules speak first. */
    law.products[PRODUCT_TOY].markets = law_regions("WORLD CN", "");
    law.parties[C_TOY].jurisdiction = law_country("CN");
    law.facts.market = law_country("CN");
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_ZONE_ORIGIN_CN, "ZONE_ORIGIN_CN(market)");
    LAW_SAYS(&law, POLICY_ZONE_USER_CN, "ZONE_USER_CN(kyc)");
    CHECK(law.verdict.err == ERR_LAW_ZONE_ORIGIN);
    law_end(&law);
}
