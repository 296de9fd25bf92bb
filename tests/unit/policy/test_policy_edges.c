#include "law_fixture.h"

static struct law law;

/* Whether the time is one of those at which a judgement may change. */
static bool is_edge(int64_t at)
{
    return policy_next_edge(law.policy, at - 1) == at;
}

TEST(every_window_of_every_kind_has_its_edges)
{
    law_make(&law);
    law.registry.grant_count = LAW_GRANTS;
    law.grants[G_V].revoked_at = law_time("2026-03-01T00:00:01Z");
    law.grants[G_X_CLOUD].revoked_at = law_time("2026-03-01T00:00:02Z");
    law.grants[G_X_CLOUD].runoff_until = law_time("2026-03-01T00:00:03Z");
    law.agreements[A_2].revoked_at = law_time("2026-03-01T00:00:04Z");
    law.qualification.valid_until = law_time("2026-03-01T00:00:05Z");
    law.requirement.valid_until = law_time("2026-03-01T00:00:06Z");
    law.products[PRODUCT_AGG].dpa.grace_until = law_time("2026-03-01T00:00:07Z");
    law.lanes[1].valid_from = law_time("2026-03-01T00:00:08Z");
    law.threshold.valid_until = law_time("2026-03-01T00:00:09Z");
    law.objection = (struct registry_objection){ &law.parties[C_1], &law.parties[P_A],
                                                 law_time("2026-03-01T00:00:10Z") };
    law.lists[0].objections = &law.objection;
    law.lists[0].objection_count = 1;
    law.order = (struct registry_purchase_order){ .valid_from = law_time("2026-03-01T00:00:11Z"),
                                                  .valid_until = law_time("2026-03-01T00:00:12Z") };
    law.procurements[0].purchase_orders = &law.order;
    law.procurements[0].purchase_order_count = 1;
    struct registry_network network = { .valid_from = law_time("2026-03-01T00:00:13Z"),
                                        .valid_until = law_time("2026-03-01T00:00:14Z") };
    law.registry.networks = &network;
    law.registry.network_count = 1;
    (void)law_judge(&law);
    CHECK(!is_edge(law_time("2026-03-01T00:00:02Z"))); /* the run-off is when it takes effect */
    for (int64_t i = 1; i <= 14; i++) {
        CHECK(i == 2 || is_edge(law_time("2026-03-01") + i * LAW_S));
    }
    static const char *const others[] = {
        "2026-02-01",           /* a list in force */
        "2026-11-01",           /* a list published */
        "2026-12-01",           /* and in force */
        "2026-11-02T12:00:00Z", /* a grant's end */
        "2026-11-02T12:30:00Z", /* and the next one's beginning */
        "2027-01-01",           /* grants */
        "2027-02-01",           /* procurements */
        "2027-03-01",           /* data agreements */
        "2027-04-01",           /* bases of transfers */
        "2027-05-01",           /* an approval */
        "2027-06-01",           /* agreements */
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(others); i++) {
        CHECK(is_edge(law_time(others[i])));
    }
    CHECK_EQ(policy_next_edge(law.policy, law_time("2027-06-01")), INT64_MAX);
    law_end(&law);
}

TEST(a_period_that_is_left_open_has_an_edge_just_after_its_fifteen_days)
{
    law_make(&law);
    law.billing[0] = (struct registry_billing_state){ .id = STR("b"),
                                                      .party = &law.parties[P_A],
                                                      .state = REGISTRY_BILLING_OPEN,
                                                      .open_since = law_time("2026-11-01") };
    law.billing[1] = law.billing[0];
    law.billing[1].state = REGISTRY_BILLING_CLOSED;
    law.billing[1].unpaid_due = law_time("2026-11-02");
    law.registry.billing_count = 2;
    (void)law_judge(&law);
    CHECK(is_edge(law_time("2026-11-16") + 1));
    CHECK(is_edge(law_time("2026-12-02") + 1));
    law_end(&law);
}

TEST(between_two_edges_a_verdict_does_not_change)
{
    static struct policy_verdict verdict;
    law_make(&law);
    law.registry.grant_count = LAW_GRANTS;
    (void)law_judge(&law);
    int64_t at = law_time("2025-12-31");
    size_t edges = 0;
    while (at != INT64_MAX) {
        int64_t next = policy_next_edge(law.policy, at);
        law.facts.now = at;
        policy_judge(law.policy, &law.facts, &verdict);
        uint64_t routes = verdict.routes;
        law.facts.now = next == INT64_MAX ? at + LAW_S : next - 1;
        policy_judge(law.policy, &law.facts, &verdict);
        CHECK_EQ(verdict.routes, routes);
        at = next;
        edges++;
    }
    CHECK(edges > 10);
    law_end(&law);
}
