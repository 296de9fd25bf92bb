/* The two days that the rules are measured by, call by call. */
#include "law_fixture.h"

static struct law law;

static void check_closures(const char *want)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    CHECK(policy_print_closures(&law.verdict, law.facts.now, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), str_from(want));
    buf_fini(&out);
}

static const struct policy_verdict *judge_at(const char *time)
{
    law_at(&law, time);
    return law_judge(&law);
}

/* ---- an aggregator on the day on which its first source's grant ends ----------------------- */

TEST(just_before_noon_both_sources_serve)
{
    law_make(&law);
    const struct policy_verdict *verdict = judge_at("2026-11-02T11:59:59.9Z");
    CHECK(verdict->allow);
    CHECK_EQ(verdict->routes, 3);
    CHECK_EQ(verdict->until, law_time("2026-11-02T12:00:00Z"));
    check_closures("authorization closed: S1 (1 edge, next expiry 2026-11-02T12:00:00Z); "
                   "S2 (2 edges, next expiry 2027-01-01T00:00:00Z)\n"
                   "scope closed\ndata closed\nbilling pending (Nov)\n=> S1, S2\n");
    CHECK_EQ(policy_next_edge(law.policy, law.facts.now), law_time("2026-11-02T12:00:00Z"));
    law_end(&law);
}

TEST(at_the_last_nanosecond_the_grant_holds_and_at_noon_it_does_not)
{
    law_make(&law);
    law.facts.now = law_time("2026-11-02T12:00:00Z") - 1;
    CHECK_EQ(law_judge(&law)->routes, 3);
    law.facts.now += 1;
    CHECK_EQ(law_judge(&law)->routes, 2);
    law_end(&law);
}

TEST(at_noon_the_other_source_serves_a_client_in_singapore)
{
    law_make(&law);
    const struct policy_verdict *verdict = judge_at("2026-11-02T12:00:00Z");
    CHECK(verdict->allow);
    CHECK_EQ(verdict->routes, 2);
    CHECK_EQ(verdict->reason_count, 1);
    LAW_SAYS(&law, POLICY_CHAIN_EXPIRED, "S1 edge G-S1 CHAIN_EXPIRED since 0 s");
    CHECK_EQ(verdict->closures[POLICY_AUTHORIZATION], POLICY_CLOSED);
    CHECK_EQ(verdict->per_route[1].chain.edge_count, 2);
    CHECK_STR(verdict->per_route[1].chain.edges[0]->id, STR("G-A-cloud"));
    CHECK_STR(verdict->per_route[1].chain.edges[1]->id, STR("G-cloud-P"));
    CHECK_STR(verdict->per_route[1].chain.agreement->id, STR("A-1"));
    law_end(&law);
}

TEST(at_noon_nothing_serves_a_client_in_brazil)
{
    law_make(&law);
    law.facts.client = &law.parties[C_2];
    law.facts.origin.countries[0] = law_country("BR");
    const struct policy_verdict *verdict = judge_at("2026-11-02T12:00:00Z");
    CHECK(!verdict->allow);
    CHECK(verdict->err == ERR_NO_CLOSED_ROUTE);
    CHECK_EQ(verdict->code, POLICY_CHAIN_EXPIRED);
    /* As far as the better of both came: its chain holds, its regions do not. */
    CHECK_EQ(verdict->closures[POLICY_AUTHORIZATION], POLICY_CLOSED);
    CHECK_EQ(verdict->closures[POLICY_SCOPE], POLICY_OPEN);
    CHECK_EQ(verdict->closures[POLICY_DATA], POLICY_CLOSED);
    CHECK_EQ(verdict->closures[POLICY_BILLING], POLICY_PENDING);
    check_closures("authorization open: S1 edge G-S1 CHAIN_EXPIRED since 0 s; "
                   "S2 closed (2 edges, next expiry 2027-01-01T00:00:00Z)\n"
                   "scope open: S2 SCOPE_REGION BR not in {MY,SG,TH} (contract); "
                   "S2 SCOPE_REGION BR not in {MY,SG,TH} (kyc); "
                   "S2 SCOPE_REGION BR not in {MY,SG,TH} (billing); "
                   "S2 SCOPE_REGION BR not in {MY,SG,TH} (origin)\n"
                   "data closed\nbilling pending (Nov)\n=> no route\n");
    law_end(&law);
}

TEST(a_client_in_brazil_is_told_of_its_region_while_only_that_is_in_the_way)
{
    law_make(&law);
    law.facts.client = &law.parties[C_2];
    law.grants[G_S1].regions = law_regions("SG", "");
    const struct policy_verdict *verdict = judge_at("2026-11-02T11:00:00Z");
    CHECK(verdict->err == ERR_LAW_SCOPE_REGION);
    CHECK_EQ(verdict->code, POLICY_SCOPE_REGION);
    law_end(&law);
}

TEST(a_renewal_that_is_entered_at_1240_serves_from_1230_on_and_mends_nothing_before)
{
    law_make(&law);
    law.registry.grant_count = LAW_GRANTS;
    CHECK_EQ(judge_at("2026-11-02T12:40:00Z")->routes, 3);
    CHECK_STR(law.verdict.per_route[0].chain.edges[0]->id, STR("G-S1v2"));
    CHECK_EQ(judge_at("2026-11-02T12:30:00Z")->routes, 3);
    CHECK_EQ(judge_at("2026-11-02T12:29:59.999999999Z")->routes, 2);
    CHECK_EQ(law.verdict.reason_count, 2); /* one of each of its chains, by code */
    CHECK_EQ(law.verdict.reasons[0].code, POLICY_CHAIN_NOT_YET);
    CHECK_EQ(law.verdict.reasons[1].code, POLICY_CHAIN_EXPIRED);
    law_end(&law);
}

TEST(a_cloud_that_grants_the_world_of_three_countries_grants_nothing)
{
    law_make(&law);
    law.grants[G_CLOUD_P].regions = law_regions("WORLD", "");
    const struct policy_verdict *verdict = judge_at("2026-11-02T12:45:00Z");
    CHECK(!verdict->allow);
    LAW_SAYS(&law, POLICY_CHAIN_WIDENED, "S2 edge G-cloud-P CHAIN_WIDENED(regions)");
    law_end(&law);
}

TEST(a_mainland_client_gets_no_foreign_model_wherever_it_calls_from)
{
    law_make(&law);
    law.facts.client = &law.parties[C_9];
    law.facts.model = &law.models[M_XRAY];
    const struct policy_verdict *verdict = judge_at("2026-11-02T14:02:00Z");
    CHECK(verdict->err == ERR_LAW_REVERSE_IMPORT);
    CHECK_EQ(verdict->route_count, 0);
    CHECK_EQ(verdict->reason_count, 2);
    CHECK_EQ(verdict->reasons[1].code, POLICY_MARKET_NOT_SERVED);
    check_closures("rules open: REVERSE_IMPORT m-xray: domestic by kyc; "
                   "MARKET_NOT_SERVED agg: domestic by kyc\n=> no route\n");
    law_end(&law);
}

TEST(a_mainland_client_sees_no_foreign_model_in_the_catalogue)
{
    law_make(&law);
    enum policy_code code;
    (void)law_judge(&law);
    CHECK(policy_may_list(law.policy, &law.facts, &code));
    CHECK_EQ(code, POLICY_FINE);
    law.facts.client = &law.parties[C_9];
    law.facts.model = &law.models[M_XRAY];
    CHECK(!policy_may_list(law.policy, &law.facts, &code));
    CHECK_EQ(code, POLICY_REVERSE_IMPORT);
    law.facts.model = &law.models[M_ALPHA];
    CHECK(!policy_may_list(law.policy, &law.facts, &code));
    CHECK_EQ(code, POLICY_MARKET_NOT_SERVED);
    law_end(&law);
}

TEST(a_mainland_address_hides_nothing_from_the_catalogue)
{
    law_make(&law);
    enum policy_code code;
    law.facts.origin.state = POLICY_ORIGIN_CN;
    law.facts.model = &law.models[M_XRAY];
    CHECK(law_judge(&law)->err == ERR_LAW_REVERSE_ORIGIN);
    CHECK(policy_may_list(law.policy, &law.facts, &code));
    law_end(&law);
}

TEST(a_shell_in_hong_kong_waits_for_its_review)
{
    law_make(&law);
    law.facts.client = &law.parties[C_10];
    law.facts.review = POLICY_REVIEW_ORIGIN;
    const struct policy_verdict *verdict = judge_at("2026-11-02T14:05:00Z");
    CHECK(verdict->err == ERR_LAW_REVIEW);
    CHECK_EQ(verdict->code, POLICY_ORIGIN_REVIEW);
    law_end(&law);
}

TEST(a_mainland_card_of_a_consumer_makes_domestic_and_a_company_card_does_not)
{
    law_make(&law);
    law.facts.model = &law.models[M_XRAY];
    law.parties[C_1].billing_instrument.country = law_country("CN");
    law.parties[C_1].billing_instrument.kind = REGISTRY_INSTRUMENT_COMPANY_CARD;
    CHECK(law_judge(&law)->allow);
    law.parties[C_1].billing_instrument.kind = REGISTRY_INSTRUMENT_CONSUMER_CARD;
    CHECK(law_judge(&law)->err == ERR_LAW_REVERSE_IMPORT);
    LAW_SAYS(&law, POLICY_REVERSE_IMPORT, "REVERSE_IMPORT m-xray: domestic by instrument");
    law_end(&law);
}

/* ---- a toy that speaks through a zone ------------------------------------------------------ */

static const struct policy_verdict *toy(void)
{
    return law_judge(&law);
}

TEST(a_toy_at_home_is_served_in_the_zone)
{
    law_make(&law);
    law_toy(&law);
    CHECK(toy()->allow);
    CHECK_EQ(law.verdict.routes, 1);
    CHECK_EQ(law.verdict.until, law_time("2027-01-01"));
    law_end(&law);
}

TEST(a_toy_carried_to_shenzhen_is_not)
{
    law_make(&law);
    law_toy(&law);
    law.facts.origin = (struct policy_origin){ POLICY_ORIGIN_CN, { law_country("CN") }, 1, false };
    CHECK(toy()->err == ERR_LAW_ZONE_ORIGIN);
    CHECK_EQ(law.verdict.code, POLICY_ZONE_ORIGIN_CN);
    law_end(&law);
}

TEST(an_address_that_one_database_has_in_the_mainland_is_unsure)
{
    law_make(&law);
    law_toy(&law);
    law.facts.origin = (struct policy_origin){
        POLICY_ORIGIN_UNSURE, { law_country("US"), law_country("CN") }, 2, false
    };
    CHECK(toy()->err == ERR_LAW_ZONE_ORIGIN);
    CHECK_EQ(law.verdict.code, POLICY_ZONE_ORIGIN_UNSURE);
    law_end(&law);
}

TEST(a_resident_id_is_mixed_data_and_a_callback_is_no_way_back)
{
    law_make(&law);
    law_toy(&law);
    law.facts.content.strong = STR("cn_resident_id");
    CHECK(toy()->err == ERR_LAW_ZONE_MIXED);
    law.facts.content.strong = STR_EMPTY;
    law.facts.has_callback = true;
    CHECK(toy()->err == ERR_LAW_ZONE_RETURN);
    law_end(&law);
}

TEST(a_toy_sold_in_japan_is_in_no_market_of_the_zone)
{
    law_make(&law);
    law_toy(&law);
    law.facts.market = law_country("JP");
    CHECK(toy()->err == ERR_LAW_ZONE_MARKET);
    law_end(&law);
}

TEST(a_shared_log_store_opens_the_whole_zone)
{
    law_make(&law);
    law_toy(&law);
    law.zone.separation[REGISTRY_ITEM_LOGS] = REGISTRY_SEPARATION_SHARED;
    law.facts.has_callback = true; /* what the client did wrong beside it is not what is told */
    CHECK(toy()->err == ERR_NO_CLOSED_ROUTE);
    CHECK_EQ(law.verdict.code, POLICY_ZONE_SHARED);
    CHECK_EQ(law.verdict.reason_count, 2);
    law_end(&law);
}

TEST(a_device_without_consent_is_refused)
{
    law_make(&law);
    law_toy(&law);
    law.facts.consent_ref = STR_EMPTY;
    CHECK(toy()->err == ERR_LAW_DATA_CHILD);
    CHECK_EQ(law.verdict.reason_count, 1);
    law_end(&law);
}
