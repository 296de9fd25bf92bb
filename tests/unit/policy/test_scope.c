#include "law_fixture.h"

static struct law law;

static void begin(void)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
}

TEST(each_missing_action_is_named_with_the_edge_that_lacks_it)
{
    begin();
    law.products[PRODUCT_AGG].device = true;
    law.products[PRODUCT_AGG].caches = true;
    law.agreements[A_1].actions = LAW_BIT(ACTION_API_CALL);
    law.grants[G_CHAN_P].actions &= ~LAW_BIT(ACTION_AGGREGATE);
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 4);
    static const char *const whats[] = { "aggregate", "cache", "device_embed", "device_embed" };
    static const char *const objects[] = { "G-chan-P", "G-B-chan", "G-B-chan", "A-1" };
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(law.verdict.reasons[i].code, POLICY_SCOPE_ACTION);
        CHECK_STR(str_from(law.verdict.reasons[i].what), str_from(whats[i]));
        CHECK_STR(law.verdict.reasons[i].object, str_from(objects[i]));
    }
    law_end(&law);
}

TEST(each_fact_about_where_a_call_belongs_is_asked)
{
    begin();
    law.markets[A_1][1] = law_country("MY");
    law.agreements[A_1].market_count = 2;
    law.parties[C_1].jurisdiction = law_country("TH");
    law.parties[C_1].billing_country = COUNTRY_NONE;
    law.end_users[0] = law_country("PH");
    law.parties[C_1].end_users = law.end_users;
    law.parties[C_1].end_user_count = 1;
    law.facts.origin.countries[1] = law_country("JP");
    law.facts.origin.count = 2;
    (void)law_judge(&law);
    static const char *const whats[] = { "contract", "kyc", "billing", "end_user", "origin" };
    static const char *const countries[] = { "MY", "TH", "--", "PH", "JP" };
    CHECK_EQ(law.verdict.reason_count, 5);
    for (size_t i = 0; i < 5; i++) {
        char text[3];
        country_text(law.verdict.reasons[i].country, text);
        CHECK_STR(str_from(law.verdict.reasons[i].what), str_from(whats[i]));
        CHECK_STR(str_from(text), str_from(countries[i]));
        CHECK_STR(law.verdict.reasons[i].object, STR("G-B-chan"));
    }
    CHECK(law.verdict.err == ERR_LAW_SCOPE_REGION);
    law_end(&law);
}

TEST(an_agreement_narrows_the_regions_too)
{
    begin();
    law.agreements[A_1].regions = law_regions("VN", "");
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_REGION, "S3 SCOPE_REGION SG not in {VN} (contract)");
    CHECK_STR(law.verdict.reasons[0].object, STR("A-1"));
    law_end(&law);
}

TEST(a_market_that_is_said_must_be_one_of_the_contracts)
{
    begin();
    law.facts.market = law_country("VN");
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 1);
    LAW_SAYS(&law, POLICY_SCOPE_REGION, "S3 SCOPE_REGION VN (market)");
    law.markets[A_1][1] = law_country("VN");
    law.agreements[A_1].market_count = 2;
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(a_contract_without_markets_is_for_none)
{
    begin();
    law.agreements[A_1].market_count = 0;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_REGION, "S3 SCOPE_REGION unknown not in {AE,BR,SG,VN} (contract)");
    law_end(&law);
}

TEST(an_origin_that_nobody_knows_is_in_no_region)
{
    begin();
    law.facts.origin.state = POLICY_ORIGIN_UNKNOWN;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_REGION, "S3 SCOPE_REGION unknown not in {AE,BR,SG,VN} (origin)");
    law.facts.origin.state = POLICY_ORIGIN_OVERSEAS;
    law.facts.origin.count = 0;
    CHECK(law_judge(&law)->err == ERR_LAW_SCOPE_REGION);
    law_end(&law);
}

TEST(the_mainland_is_in_no_world)
{
    law_make(&law);
    law.facts.origin.countries[0] = law_country("CN");
    law.registry.route_count = LAW_ROUTES;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_REGION, "S1 SCOPE_REGION CN not in all but {CN,IR,KP} (origin)");
    law_end(&law);
}

TEST(a_kind_of_client_is_granted_agreed_and_known)
{
    begin();
    law.parties[C_1].client_type = 0;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_CLIENT_TYPE, "S3 SCOPE_CLIENT_TYPE(unknown)");
    law.parties[C_1].client_type = 1 + REGISTRY_CLIENT_DEVELOPER;
    law.agreements[A_1].client_types = LAW_BIT(CLIENT_ENTERPRISE);
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_CLIENT_TYPE, "S3 SCOPE_CLIENT_TYPE(developer)");
    law.parties[C_1].client_type = 1 + REGISTRY_CLIENT_ENTERPRISE;
    law.agreements[A_1].child_directed = true;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_CLIENT_TYPE, "S3 SCOPE_CLIENT_TYPE(child_directed)");
    law_end(&law);
}

TEST(a_product_that_hides_the_vendor_needs_white_label_and_leave)
{
    begin();
    law.products[PRODUCT_AGG].names_vendor = false;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_ACTION, "S3 SCOPE_ACTION(white_label) not in G-B-chan");
    LAW_SAYS(&law, POLICY_SCOPE_BRAND, "S3 SCOPE_BRAND(vendor) by G-B-chan");
    law.grants[G_B_CHAN].brand_terms.must_name_vendor = false;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_BRAND, "S3 SCOPE_BRAND(vendor) by G-chan-P");
    law_end(&law);
}

TEST(leave_to_rename_is_for_the_brands_that_are_listed)
{
    begin();
    law.alias = (struct registry_alias){ STR("house"), &law.models[M_BETA] };
    law.products[PRODUCT_AGG].aliases = &law.alias;
    law.products[PRODUCT_AGG].alias_count = 1;
    law.grants[G_B_CHAN].brand_terms.may_rename = true;
    law.grants[G_CHAN_P].brand_terms.may_rename = true;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_BRAND, "S3 SCOPE_BRAND(alias) by G-chan-P");
    law.facts.model = &law.models[M_ALPHA]; /* another model has no alias */
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(a_seller_of_an_excluded_owner_is_excluded_too)
{
    begin();
    law.grants[G_CHAN_P].exclude_owned_from = law_set("RU");
    law.parties[P_PLATFORM].controlled_from = law_country("RU");
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_OWNERSHIP, "S3 SCOPE_OWNERSHIP(seller) from RU by G-chan-P");
    law_end(&law);
}

TEST(each_quota_of_a_chain_is_counted)
{
    begin();
    law.grants[G_B_CHAN].quota.tokens = 10;
    law.grants[G_CHAN_P].quota.tokens = 20;
    law.grant_tokens[G_B_CHAN] = 11;
    law.grant_tokens[G_CHAN_P] = 20;
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 2);
    CHECK_EQ(law.verdict.reasons[0].number, 10);
    CHECK_EQ(law.verdict.reasons[1].number, 20);
    law.facts.counters.grant_tokens = NULL; /* nothing was used */
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(a_requirement_that_nobody_understands_is_not_met)
{
    begin();
    law.requirement.qualification = STR("seal_of_the_king");
    law.requirement.markets = law_set("SG");
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_SCOPE_QUALIFICATION, "S3 SCOPE_QUALIFICATION(unknown) in SG by kr-rep");
    law.requirement.valid_until = law.facts.now;
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(scope_is_judged_on_the_path_that_would_win_where_none_closes)
{
    law_make(&law);
    law.facts.client = &law.parties[C_2];
    law.registry.grant_count = LAW_GRANTS;
    law.grants[G_S1V2].regions = law_regions("SG", "");
    law_at(&law, "2026-11-02T12:00:00Z");
    (void)law_judge(&law);
    /* The renewal lasts longer than what has expired: it is not in force yet, and is narrower. */
    CHECK_STR(law.verdict.reasons[2].object, STR("G-S1v2"));
    CHECK_EQ(law.verdict.reasons[2].code, POLICY_SCOPE_REGION);
    law_end(&law);
}
