#include "policy/judge_told.h"

#include "harness.h"

#define BIT(name) (UINT64_C(1) << POLICY_##name)

static struct policy_verdict verdict;

/* Two routes with these codes; `unknown` as the judge notes it. */
static const struct policy_verdict *tell(uint64_t first, uint64_t second, uint64_t unknown)
{
    struct told told;
    told_init(&told);
    verdict = (struct policy_verdict){
        .err = ERR_NO_CLOSED_ROUTE, .code = POLICY_FINE, .until = INT64_MAX, .route_count = 2
    };
    told_add_route(&told, first);
    told_add_route(&told, second);
    told_of_routes(&verdict, &told, unknown);
    return &verdict;
}

TEST(the_earliest_code_that_all_routes_have_is_told)
{
    tell(BIT(SCOPE_REGION) | BIT(DATA_LOCATION) | BIT(CHAIN_EXPIRED),
         BIT(SCOPE_CLIENT_TYPE) | BIT(DATA_LOCATION), 0);
    CHECK_EQ(verdict.code, POLICY_DATA_LOCATION);
    CHECK(verdict.err == ERR_LAW_DATA_LOCATION);
}

TEST(without_one_the_first_of_the_first_route_is)
{
    tell(BIT(CHAIN_EXPIRED) | BIT(DATA_LOCATION), BIT(SCOPE_REGION), 0);
    CHECK_EQ(verdict.code, POLICY_DATA_LOCATION);
    tell(BIT(SCOPE_REGION), BIT(DATA_LOCATION), 0);
    CHECK(verdict.err == ERR_LAW_SCOPE_REGION);
}

TEST(a_route_with_reasons_of_ours_alone_is_told_as_nothing_but_that)
{
    tell(BIT(SCOPE_REGION), BIT(CHAIN_WIDENED) | BIT(MODEL_SWAP), 0);
    CHECK_EQ(verdict.code, POLICY_CHAIN_WIDENED);
    CHECK(verdict.err == ERR_NO_CLOSED_ROUTE);
    tell(BIT(MODEL_SWAP), BIT(CHAIN_WIDENED), 0);
    CHECK_EQ(verdict.code, POLICY_MODEL_SWAP);
}

TEST(upstream_terms_are_told_where_nothing_else_is_in_the_way)
{
    tell(BIT(DATA_UPSTREAM_TERMS), BIT(DATA_UPSTREAM_TERMS), 0);
    CHECK(verdict.err == ERR_LAW_DATA_UNKNOWN);
    tell(BIT(DATA_UPSTREAM_TERMS), BIT(DATA_UPSTREAM_TERMS) | BIT(MODEL_SWAP), 0);
    CHECK(verdict.err == ERR_NO_CLOSED_ROUTE);
    CHECK_EQ(verdict.code, POLICY_DATA_UPSTREAM_TERMS);
}

TEST(what_is_not_known_is_told_as_that)
{
    tell(BIT(DATA_RETENTION), BIT(DATA_RETENTION), BIT(DATA_RETENTION));
    CHECK(verdict.err == ERR_LAW_DATA_UNKNOWN);
    tell(BIT(DATA_RETENTION), BIT(DATA_RETENTION), 0);
    CHECK(verdict.err == ERR_LAW_DATA_TERMS);
    tell(BIT(SCOPE_CLIENT_TYPE), BIT(SCOPE_CLIENT_TYPE), BIT(SCOPE_CLIENT_TYPE));
    CHECK(verdict.err == ERR_LAW_SCOPE_CLIENT_TYPE);
}

TEST(a_used_up_quota_may_be_tried_again)
{
    tell(BIT(SCOPE_QUOTA), BIT(SCOPE_QUOTA), 0);
    CHECK_EQ(err_info(verdict.err)->status, 429);
}

TEST(a_model_without_routes_is_refused_for_no_reason)
{
    struct told told;
    told_init(&told);
    verdict = (struct policy_verdict){ .err = ERR_NO_CLOSED_ROUTE, .code = POLICY_FINE };
    told_of_routes(&verdict, &told, 0);
    CHECK(!verdict.allow);
    CHECK(verdict.err == ERR_NO_CLOSED_ROUTE);
    CHECK_EQ(verdict.code, POLICY_FINE);
}

TEST(a_call_is_told_its_first_reason)
{
    told_of_call(&verdict, BIT(ZONE_SHARED) | BIT(ZONE_MARKET));
    CHECK(verdict.err == ERR_NO_CLOSED_ROUTE);
    told_of_call(&verdict, BIT(ZONE_MARKET) | BIT(ZONE_ROUTE_RETURN));
    CHECK(verdict.err == ERR_LAW_ZONE_MARKET);
}
