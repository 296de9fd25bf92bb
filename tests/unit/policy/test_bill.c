#include "policy/bill.h"

#include "law_fixture.h"

static struct law law;

static void begin(void)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
}

TEST(each_thing_that_a_procurement_lacks_is_named)
{
    begin();
    struct registry_procurement *procurement = &law.procurements[R_S3];
    procurement->buyer = &law.parties[P_CLOUD];
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_BILL_NO_PROCUREMENT, "S3 BILL_NO_PROCUREMENT(buyer) S3");
    procurement->upstream_party = &law.parties[P_A];
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_BILL_NO_PROCUREMENT, "S3 BILL_NO_PROCUREMENT(upstream) S3");
    procurement->valid_from = law.facts.now + 1;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_BILL_NO_PROCUREMENT, "S3 BILL_NO_PROCUREMENT(not_yet) S3");
    procurement->doc.state = REGISTRY_DOC_MISSING;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_BILL_NO_PROCUREMENT, "S3 BILL_NO_PROCUREMENT(document) S3");
    law.credentials[R_S3].procurement = NULL;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_BILL_NO_PROCUREMENT, "S3 BILL_NO_PROCUREMENT(none)");
    CHECK_EQ(law.verdict.closures[POLICY_BILLING], POLICY_OPEN);
    law_end(&law);
}

TEST(a_seller_buys_nothing_of_itself_nor_for_its_own_pool)
{
    begin();
    law.credentials[R_S3].procurement = NULL;
    law.routes[R_S3].pool = &law.pool;
    law.pool.zone = NULL;
    law.pool.operator= & law.parties[P_PLATFORM];
    CHECK(law_judge(&law)->allow);
    law.pool.operator= & law.parties[P_CENTER];
    CHECK(!law_judge(&law)->allow);
    law_end(&law);
}

TEST(only_orders_in_force_are_counted)
{
    begin();
    law.order = (struct registry_purchase_order){ .id = STR("po-1"),
                                                  .tokens = 500,
                                                  .valid_from = law.facts.now + 1,
                                                  .valid_until = law.facts.now + 2,
                                                  .doc = law_doc(REGISTRY_DOC_ORDER_FORM) };
    law.procurements[R_S3].purchase_orders = &law.order;
    law.procurements[R_S3].purchase_order_count = 1;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_BILL_PO_EXHAUSTED, "S3 BILL_PO_EXHAUSTED S3 of 0 tokens");
    law.order.valid_from = law.facts.now;
    CHECK(law_judge(&law)->allow);
    law.order.doc.state = REGISTRY_DOC_CHANGED;
    CHECK(!law_judge(&law)->allow);
    law_end(&law);
}

TEST(orders_beyond_what_a_number_holds_are_enough)
{
    static struct registry_purchase_order two[2];
    begin();
    for (size_t i = 0; i < 2; i++) {
        two[i] = (struct registry_purchase_order){ .tokens = UINT64_MAX - 1,
                                                   .valid_from = law.facts.now,
                                                   .valid_until = law.facts.now + 1,
                                                   .doc = law_doc(REGISTRY_DOC_ORDER_FORM) };
    }
    law.procurements[R_S3].purchase_orders = two;
    law.procurements[R_S3].purchase_order_count = 2;
    law.order_tokens[R_S3] = UINT64_MAX - 1;
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(a_period_is_left_open_for_fifteen_days_and_an_invoice_unpaid_for_thirty)
{
    const int64_t day = INT64_C(86400) * LAW_S;
    struct registry_billing_state row = { .state = REGISTRY_BILLING_OPEN, .open_since = 1000 };
    CHECK_EQ(bill_open_from(&row), 1001 + 15 * day);
    row.state = REGISTRY_BILLING_PENDING;
    CHECK_EQ(bill_open_from(&row), REGISTRY_TIME_NEVER);
    CHECK_EQ(bill_unpaid_from(&row), REGISTRY_TIME_NEVER);
    row.unpaid_due = 1000;
    CHECK_EQ(bill_unpaid_from(&row), 1001 + 30 * day);
    row.unpaid_due = INT64_MAX - 1;
    CHECK_EQ(bill_unpaid_from(&row), REGISTRY_TIME_NEVER);
}

TEST(open_since_nobody_knows_when_is_too_long)
{
    begin();
    law.billing[0] = (struct registry_billing_state){ .id = STR("b-1"),
                                                      .party = &law.parties[C_1],
                                                      .state = REGISTRY_BILLING_OPEN };
    law.registry.billing_count = 1;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_BILL_LAST_PERIOD, "S3 BILL_LAST_PERIOD(open) c.1");
    law_end(&law);
}

TEST(an_unpaid_upstream_and_an_open_client_are_both_named)
{
    begin();
    law.billing[0] = (struct registry_billing_state){ .id = STR("b-1"),
                                                      .party = &law.parties[C_1],
                                                      .state = REGISTRY_BILLING_OPEN };
    law.billing[1] = (struct registry_billing_state){ .id = STR("b-2"),
                                                      .party = &law.parties[P_CHAN],
                                                      .state = REGISTRY_BILLING_CLOSED,
                                                      .unpaid_due = 1 };
    law.registry.billing_count = 2;
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 2);
    LAW_SAYS(&law, POLICY_BILL_LAST_PERIOD, "S3 BILL_LAST_PERIOD(unpaid) p.chan");
    CHECK_STR(law.verdict.reasons[1].object, STR("c.1"));
    law_end(&law);
}

TEST(billing_is_closed_once_a_row_says_so)
{
    begin();
    law.billing[0] = (struct registry_billing_state){ .id = STR("b-1"),
                                                      .party = &law.parties[P_CHAN],
                                                      .state = REGISTRY_BILLING_PENDING };
    law.registry.billing_count = 1;
    CHECK_EQ(law_judge(&law)->closures[POLICY_BILLING], POLICY_PENDING);
    law.billing[0].state = REGISTRY_BILLING_CLOSED;
    CHECK_EQ(law_judge(&law)->closures[POLICY_BILLING], POLICY_CLOSED);
    CHECK(law.verdict.allow);
    law_end(&law);
}
