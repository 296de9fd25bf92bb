#include "law_fixture.h"

static struct law law;

static const struct policy_verdict *judge_xray(void)
{
    law.facts.model = &law.models[M_XRAY];
    return law_judge(&law);
}

TEST(each_fact_that_makes_a_client_domestic_is_named)
{
    law_make(&law);
    law.end_users[0] = law_country("CN");
    law.parties[C_1].end_users = law.end_users;
    law.parties[C_1].end_user_count = 1;
    (void)judge_xray();
    LAW_SAYS(&law, POLICY_REVERSE_IMPORT, "REVERSE_IMPORT m-xray: domestic by end_user");
    law.parties[C_1].billing_instrument =
        (struct registry_instrument){ law_country("CN"), REGISTRY_INSTRUMENT_WALLET };
    (void)judge_xray();
    LAW_SAYS(&law, POLICY_REVERSE_IMPORT, "REVERSE_IMPORT m-xray: domestic by instrument");
    law.markets[A_1][1] = law_country("CN");
    law.agreements[A_1].market_count = 2;
    (void)judge_xray();
    LAW_SAYS(&law, POLICY_REVERSE_IMPORT, "REVERSE_IMPORT m-xray: domestic by contract");
    law.parties[C_1].markets_declared = law_set("CN");
    (void)judge_xray();
    LAW_SAYS(&law, POLICY_REVERSE_IMPORT, "REVERSE_IMPORT m-xray: domestic by declared");
    law.parties[C_1].jurisdiction = law_country("CN");
    (void)judge_xray();
    LAW_SAYS(&law, POLICY_REVERSE_IMPORT, "REVERSE_IMPORT m-xray: domestic by kyc");
    law_end(&law);
}

TEST(what_is_sold_in_the_mainland_gets_no_foreign_model_whoever_sells_it)
{
    law_make(&law);
    CHECK(judge_xray()->allow);
    law.facts.market = law_country("CN");
    CHECK_EQ(judge_xray()->err, ERR_LAW_REVERSE_IMPORT);
    LAW_SAYS(&law, POLICY_REVERSE_IMPORT, "REVERSE_IMPORT m-xray: domestic by market");
    CHECK(law_reason(&law, POLICY_MARKET_NOT_SERVED) == NULL); /* the client is not domestic */
    law.qualification.type = REGISTRY_QUALIFICATION_GENAI_FILING;
    law.qualification.region = law_set("CN");
    (void)judge_xray();
    CHECK(law_reason(&law, POLICY_REVERSE_IMPORT) == NULL);
    static const char *const near[] = { "HK", "MO", "TW", "SG" };
    law.qualification.region = law_set("SG");
    for (size_t i = 0; i < EP_ARRAY_LEN(near); i++) {
        law.facts.market = law_country(near[i]);
        (void)judge_xray();
        CHECK(law_reason(&law, POLICY_REVERSE_IMPORT) == NULL);
    }
    law_end(&law);
}

TEST(hong_kong_is_not_the_mainland)
{
    law_make(&law);
    law.facts.client = &law.parties[C_10];
    CHECK(judge_xray()->allow);
    law_end(&law);
}

TEST(a_filing_is_of_the_seller_of_the_model_and_in_force)
{
    law_make(&law);
    law.facts.client = &law.parties[C_9];
    law.qualification.type = REGISTRY_QUALIFICATION_GENAI_FILING;
    law.qualification.region = law_set("CN");
    law.qualification.model = &law.models[M_XRAY];
    (void)judge_xray();
    CHECK(law_reason(&law, POLICY_REVERSE_IMPORT) == NULL);
    law.qualification.model = &law.models[M_ALPHA];
    (void)judge_xray();
    CHECK(law_reason(&law, POLICY_REVERSE_IMPORT) != NULL);
    law.qualification.model = NULL;
    law.qualification.valid_until = law.facts.now;
    (void)judge_xray();
    CHECK(law_reason(&law, POLICY_REVERSE_IMPORT) != NULL);
    law.qualification.valid_until = law.facts.now + 1;
    law.qualification.doc.state = REGISTRY_DOC_NONE;
    (void)judge_xray();
    CHECK(law_reason(&law, POLICY_REVERSE_IMPORT) != NULL);
    law.qualification.doc.state = REGISTRY_DOC_FINE;
    law.parties[P_X].qualifications = &law.qualification;
    law.parties[P_X].qualification_count = 1;
    law.parties[P_PLATFORM].qualification_count = 0;
    (void)judge_xray();
    CHECK(law_reason(&law, POLICY_REVERSE_IMPORT) != NULL); /* the vendor's own is not enough */
    law_end(&law);
}

TEST(a_mainland_address_is_no_matter_for_a_home_model)
{
    law_make(&law);
    law.facts.origin.state = POLICY_ORIGIN_CN;
    CHECK(law_judge(&law)->allow); /* of the zone and of regions, others ask */
    CHECK(judge_xray()->err == ERR_LAW_REVERSE_ORIGIN);
    LAW_SAYS(&law, POLICY_REVERSE_ORIGIN, "REVERSE_ORIGIN m-xray: origin cn");
    law_end(&law);
}

TEST(a_model_of_unknown_origin_is_foreign)
{
    law_make(&law);
    law.models[M_ALPHA].origin = COUNTRY_NONE;
    law.facts.client = &law.parties[C_9];
    CHECK(law_judge(&law)->err == ERR_LAW_REVERSE_IMPORT);
    law_end(&law);
}

TEST(an_online_client_is_domestic_by_its_country)
{
    law_make(&law);
    law.online.country = law_country("CN");
    law.facts.client = NULL;
    law.facts.online = &law.online;
    CHECK(judge_xray()->err == ERR_LAW_REVERSE_IMPORT);
    law_end(&law);
}
