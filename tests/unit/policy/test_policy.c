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
    CHECK(test_each_allocation_failing(compile) > 1);
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
