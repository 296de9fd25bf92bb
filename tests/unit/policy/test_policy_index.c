#include "policy/policy_internal.h"

#include "base/mem.h"
#include "law_fixture.h"

static struct law law;

TEST(ten_thousand_agreements_are_found_by_their_client)
{
    enum {
        MANY = 10000
    };
    law_make(&law);
    struct registry_agreement *many = mem_zalloc(MANY * sizeof(*many));
    CHECK(many != NULL);
    for (size_t i = 0; i < MANY; i++) {
        many[i] = law.agreements[A_2];
        many[i].grantee = &law.parties[i % 2 == 0 ? C_2 : C_9];
    }
    many[7777] = law.agreements[A_1];
    law.registry.agreements = many;
    law.registry.agreement_count = MANY;
    const struct policy_verdict *verdict = law_judge(&law);
    CHECK(verdict->per_route[0].chain.agreement == &many[7777]);
    const struct policy_index *index = &law.policy->agreements;
    CHECK_EQ(index->starts[C_1 + 1] - index->starts[C_1], 1);
    CHECK_EQ(index->starts[C_2 + 1] - index->starts[C_2], 5000);
    CHECK_EQ(index->starts[LAW_PARTIES], MANY);
    law_end(&law);
    mem_free(many);
}

TEST(online_agreements_belong_to_no_client)
{
    law_make(&law);
    (void)law_judge(&law);
    CHECK_EQ(law.policy->agreements.starts[LAW_PARTIES], LAW_AGREEMENTS - 1);
    law_end(&law);
}

TEST(versions_of_the_list_are_in_the_order_in_which_they_come_into_force)
{
    law_make(&law);
    struct registry_subprocessor_list list = law.lists[0];
    law.lists[0] = law.lists[1];
    law.lists[1] = list;
    (void)law_judge(&law);
    CHECK(law.policy->lists[0].list == &law.lists[1]);
    CHECK(law.policy->lists[1].list == &law.lists[0]);
    law.lists[0].effective_at = law.lists[1].effective_at; /* then by version */
    (void)law_judge(&law);
    CHECK_EQ(law.policy->lists[1].list->version, 2);
    law.lists[0].version = 1; /* then by id */
    (void)law_judge(&law);
    CHECK_STR(law.policy->lists[1].list->id, STR("v2"));
    law_end(&law);
}

TEST(thresholds_of_other_rules_are_none_of_the_us_rules)
{
    law_make(&law);
    (void)law_judge(&law);
    CHECK_EQ(law.policy->us_row_count, 1);
    law.threshold.name = STR("us_bulk.shoe_size");
    (void)law_judge(&law);
    CHECK_EQ(law.policy->us_row_count, 0);
    law_end(&law);
}
