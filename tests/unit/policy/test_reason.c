#include <string.h>

#include "harness.h"
#include "policy/reason.h"

/* A reason of ours tells the client nothing but that no route is left; unknown terms excepted. */
TEST(reasons_of_the_operator_are_told_as_one)
{
    for (unsigned i = 0; i < POLICY_CODES; i++) {
        const struct policy_reason_info *info = policy_reason_info((enum policy_code)i);
        if (info->side == POLICY_SIDE_OURS && i != POLICY_DATA_UPSTREAM_TERMS) {
            CHECK_EQ(info->err, ERR_NO_CLOSED_ROUTE);
        }
        if (info->side == POLICY_SIDE_CLIENT) {
            CHECK(info->err != ERR_NO_CLOSED_ROUTE);
        }
        CHECK(strcmp(err_info(info->err)->type, "compliance_refusal") == 0);
    }
}

TEST(closures_have_names)
{
    CHECK(strcmp(policy_closure_name(POLICY_AUTHORIZATION), "authorization") == 0);
    CHECK(strcmp(policy_closure_name(POLICY_BILLING), "billing") == 0);
}
