#include "law_fixture.h"

static struct law law;

static void begin(void)
{
    law_make(&law);
    law_toy(&law);
}

TEST(no_rule_is_no_leave)
{
    begin();
    law.lanes[0].from = law_set("MY ID");
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_TRANSFER, "Z DATA_TRANSFER SG to CN (no rule)");
    law_end(&law);
}

TEST(a_rule_that_accepts_nothing_is_met_by_nothing)
{
    begin();
    law.lanes[0].mechanisms = 0;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_TRANSFER, "Z DATA_TRANSFER SG to CN (no basis) by L-cn");
    law_end(&law);
}

TEST(a_basis_is_of_its_mechanism_direction_time_and_paper)
{
    begin();
    struct registry_transfer *basis = &law.transfers[0];
    basis->mechanism = REGISTRY_MECHANISM_CONSENT;
    CHECK(law_judge(&law)->err == ERR_LAW_DATA_TRANSFER);
    basis->mechanism = REGISTRY_MECHANISM_TIA;
    CHECK(law_judge(&law)->allow);
    basis->to = law_country("HK");
    CHECK(!law_judge(&law)->allow);
    basis->to = law_country("CN");
    basis->doc.state = REGISTRY_DOC_CHANGED;
    CHECK(!law_judge(&law)->allow);
    basis->doc.state = REGISTRY_DOC_FINE;
    basis->valid_from = law.facts.now + 1;
    CHECK(!law_judge(&law)->allow);
    law_end(&law);
}

TEST(the_upstreams_basis_is_as_good_as_the_clients)
{
    begin();
    law.terms[T_TOY].transfer_count = 0;
    CHECK(!law_judge(&law)->allow);
    law.terms[T_ZONE].transfer_basis = law.transfers;
    law.terms[T_ZONE].transfer_count = 1;
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(each_rule_in_force_must_be_met)
{
    begin();
    law.lanes[2] = law.lanes[0];
    law.lanes[2].id = STR("L-more");
    law.lanes[2].mechanisms = LAW_BIT(MECHANISM_EXEMPTION_ART4);
    law.registry.lane_count = 3;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_TRANSFER, "Z DATA_TRANSFER SG to CN (no basis) by L-more");
    law.lanes[2].valid_until = law.facts.now;
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(each_market_has_its_own_way)
{
    begin();
    law.facts.market = COUNTRY_NONE;
    law.transfers[1].valid_until = law.facts.now;
    law.transfers[2].valid_until = law.facts.now;
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 2);
    CHECK_EQ(law.verdict.reasons[0].country, law_country("MY"));
    CHECK_EQ(law.verdict.reasons[1].country, law_country("ID"));
    law_end(&law);
}

TEST(what_stays_in_its_market_crosses_nothing)
{
    law_make(&law);
    law.registry.lane_count = 0;
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(a_place_that_names_no_country_is_allowed_by_nobody)
{
    begin();
    law.routes[R_Z].place = STR("cn/swa");
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_LOCATION, "Z DATA_LOCATION unknown not in {CN}");
    LAW_SAYS(&law, POLICY_DATA_TRANSFER, "Z DATA_TRANSFER SG to unknown (no rule)");
    law_end(&law);
}

TEST(us_persons_data_is_declared_counted_and_has_a_limit)
{
    begin();
    struct registry_data_terms *terms = &law.terms[T_TOY];
    law.parties[C_TOY].billing_country = law_country("US");
    law.grants[G_V].regions = law_regions("WORLD", "");
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_US_BULK, "Z DATA_US_BULK(declaration) T-toy");
    terms->us_categories = LAW_BIT(US_GENOMIC); /* of what is not on file, nothing is counted */
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 1);
    terms->us_categories = 0;
    terms->us_declared = true;
    CHECK(law_judge(&law)->allow);
    terms->us_categories = LAW_BIT(US_GENOMIC);
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_US_BULK, "Z DATA_US_BULK(genomic)"); /* no row: no leave */
    terms->us_categories = LAW_BIT(US_HEALTH);
    law.facts.counters.us_bulk = NULL;
    CHECK(law_judge(&law)->allow);
    law.threshold.valid_until = law.facts.now;
    CHECK(law_judge(&law)->err == ERR_LAW_DATA_US);
    law_end(&law);
}

TEST(the_smallest_threshold_in_force_is_the_limit)
{
    static struct registry_threshold two[2];
    begin();
    law.parties[C_TOY].billing_country = law_country("US");
    law.grants[G_V].regions = law_regions("WORLD", "");
    law.terms[T_TOY].us_declared = true;
    law.terms[T_TOY].us_categories = LAW_BIT(US_HEALTH);
    two[0] = law.threshold;
    two[1] = law.threshold;
    two[1].id = STR("us-less");
    two[1].value = 50;
    law.registry.thresholds = two;
    law.registry.threshold_count = 2;
    law.us_bulk[REGISTRY_US_HEALTH] = 50;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_US_BULK, "Z DATA_US_BULK(health) us-less: limit 50");
    law_end(&law);
}
