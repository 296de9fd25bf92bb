#include "policy/policy.h"

#include "law_fixture.h"

static struct law law;

static void compile(void)
{
    struct policy *policy = NULL;
    struct fail fail;
    enum err err = policy_compile(&law.registry, &policy, &fail);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    policy_destroy(policy);
}

TEST(a_heap_that_is_used_up_is_an_ordinary_failure)
{
    law_make(&law);
    CHECK(test_each_allocation_failing(compile) > 4);
}

/* One kind of object so large that its own array is what there is no memory for. */
TEST(so_it_is_whatever_there_is_much_of)
{
    enum {
        MANY = 40000
    };
    static struct registry_agreement agreements[MANY];
    static struct registry_threshold thresholds[MANY];
    static struct registry_requirement requirements[MANY];
    static struct registry_lane lanes[MANY];
    static struct registry_billing_state billing[MANY];
    static struct registry_objection objections[MANY];
    static struct registry_network networks[MANY];
    static const struct registry_party *third[MANY];
    for (int kind = 0; kind < 8; kind++) {
        law_make(&law);
        for (size_t i = 0; i < MANY; i++) {
            agreements[i] = law.agreements[A_1];
            thresholds[i] = law.threshold;
            requirements[i] = law.requirement;
            lanes[i] = law.lanes[1];
            billing[i] = (struct registry_billing_state){ .party = &law.parties[C_1] };
            objections[i] = (struct registry_objection){ &law.parties[C_1], &law.parties[P_A], 0 };
            third[i] = &law.parties[P_A];
        }
        switch (kind) {
        case 0:
            law.registry.agreements = agreements;
            law.registry.agreement_count = MANY;
            break;
        case 1:
            law.registry.thresholds = thresholds;
            law.registry.threshold_count = MANY;
            break;
        case 2:
            law.registry.requirements = requirements;
            law.registry.requirement_count = MANY;
            break;
        case 3:
            law.registry.lanes = lanes;
            law.registry.lane_count = MANY;
            break;
        case 4:
            law.registry.billing = billing;
            law.registry.billing_count = MANY;
            break;
        case 5:
            law.lists[0].objections = objections;
            law.lists[0].objection_count = MANY;
            break;
        case 6:
            law.registry.networks = networks;
            law.registry.network_count = MANY;
            break;
        default:
            law.terms[T_UP].third_parties = third;
            law.terms[T_UP].third_party_count = MANY;
            break;
        }
        CHECK(test_each_allocation_failing(compile) > 4);
    }
}

TEST(an_empty_registry_has_rules_too)
{
    static struct registry empty;
    struct policy *policy = NULL;
    struct fail fail;
    CHECK(policy_compile(&empty, &policy, &fail) == ERR_OK);
    CHECK_EQ(policy_next_edge(policy, INT64_MIN), INT64_MAX);
    policy_destroy(policy);
    policy_destroy(NULL);
}
