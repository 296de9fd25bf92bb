#include "policy/policy_internal.h"

#include "law_fixture.h"

static struct law law;

static const struct policy_pair *pair_of(int product, int model)
{
    return policy_sale(law.policy, &law.products[product], &law.models[model])->pair;
}

TEST(paths_are_in_the_order_in_which_they_win)
{
    law_make(&law);
    law.registry.grant_count = LAW_GRANTS;
    (void)law_judge(&law);
    const struct policy_pair *pair = pair_of(PRODUCT_AGG, M_ALPHA);
    CHECK_EQ(pair->path_count, 3);
    CHECK_STR(pair->paths[0].edges[0]->id, STR("G-S1v2")); /* fewest edges, latest end */
    CHECK_STR(pair->paths[1].edges[0]->id, STR("G-S1"));
    CHECK_STR(pair->paths[2].edges[0]->id, STR("G-A-cloud"));
    CHECK_STR(pair->paths[2].edges[1]->id, STR("G-cloud-P"));
    CHECK_EQ(pair->ways[0].paths, 3);
    CHECK_EQ(pair->ways[1].paths, 4);
    law.grants[G_S1].valid_until = law.grants[G_S1V2].valid_until;
    (void)law_judge(&law);
    CHECK_STR(pair_of(PRODUCT_AGG, M_ALPHA)->paths[0].edges[0]->id, STR("G-S1")); /* smaller id */
    law_end(&law);
}

TEST(a_paths_scope_is_what_all_its_edges_give)
{
    law_make(&law);
    law.grants[G_CHAN_P].regions = law_regions("SG VN", "VN");
    law.grants[G_CHAN_P].actions = LAW_BIT(ACTION_API_CALL);
    law.grants[G_CHAN_P].valid_from = law_time("2026-02-01");
    law.grants[G_B_CHAN].exclude_owned_from = law_set("RU");
    law.grants[G_B_CHAN].revoked_at = law_time("2026-12-24");
    (void)law_judge(&law);
    const struct policy_path *path = &pair_of(PRODUCT_AGG, M_BETA)->paths[0];
    CHECK_EQ(path->edge_count, 2);
    CHECK_EQ(path->actions, LAW_BIT(ACTION_API_CALL));
    CHECK_EQ(country_set_next(&path->regions, COUNTRY_NONE), law_country("SG"));
    CHECK(!country_set_has(&path->regions, law_country("VN")));
    CHECK(country_set_has(&path->excluded, law_country("RU")));
    CHECK_EQ(path->from, law_time("2026-02-01"));
    CHECK_EQ(path->until, law_time("2026-12-24"));
    CHECK_EQ(path->rank, law_time("2027-01-01"));
    law_end(&law);
}

TEST(two_products_of_a_seller_share_a_pair)
{
    law_make(&law);
    law.products[PRODUCT_TOY].models = law.sold;
    law.products[PRODUCT_TOY].model_count = 3;
    (void)law_judge(&law);
    CHECK(pair_of(PRODUCT_AGG, M_BETA) == pair_of(PRODUCT_TOY, M_BETA));
    law.products[PRODUCT_TOY].seller = &law.parties[P_CLOUD];
    (void)law_judge(&law);
    CHECK(pair_of(PRODUCT_AGG, M_BETA) != pair_of(PRODUCT_TOY, M_BETA));
    law_end(&law);
}

TEST(a_grant_that_names_a_model_twice_is_one_path)
{
    static struct registry_grant_model twice[3];
    law_make(&law);
    twice[0].model = &law.models[M_BETA];
    twice[1].family = STR("f");
    twice[2].model = &law.models[M_BETA];
    law.grants[G_CHAN_P].models = twice;
    law.grants[G_CHAN_P].model_count = 3;
    (void)law_judge(&law);
    CHECK_EQ(pair_of(PRODUCT_AGG, M_BETA)->path_count, 1);
    law_end(&law);
}

TEST(parents_in_a_circle_are_no_root)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
    law.grants[G_B_CHAN].parent_kind = REGISTRY_PARENT_GRANT;
    law.grants[G_B_CHAN].parent = &law.grants[G_CHAN_P];
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CHAIN_NO_ROOT, "S3 edge G-chan-P CHAIN_NO_ROOT");
    law.grants[G_CHAN_P].parent = &law.grants[G_CHAN_P]; /* its own parent */
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CHAIN_NO_ROOT, "S3 edge G-chan-P CHAIN_NO_ROOT");
    /* One that its circle does not lead back to. */
    law.grants[G_CHAN_P].parent = &law.grants[G_A_CLOUD];
    law.grants[G_A_CLOUD].parent_kind = REGISTRY_PARENT_GRANT;
    law.grants[G_A_CLOUD].parent = &law.grants[G_X_CLOUD];
    law.grants[G_X_CLOUD].parent_kind = REGISTRY_PARENT_GRANT;
    law.grants[G_X_CLOUD].parent = &law.grants[G_A_CLOUD];
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CHAIN_NO_ROOT, "S3 edge G-chan-P CHAIN_NO_ROOT");
    law_end(&law);
}

TEST(a_parent_that_is_not_found_is_a_gap)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
    law.grants[G_CHAN_P].parent = NULL;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CHAIN_GAP, "S3 edge G-chan-P CHAIN_GAP");
    law_end(&law);
}

/* ---- limits -------------------------------------------------------------------------------- */

static enum err compile(struct fail *fail)
{
    struct policy *policy = NULL;
    enum err err = policy_compile(&law.registry, &policy, fail);
    policy_destroy(policy);
    return err;
}

TEST(a_model_has_as_many_paths_as_there_are_bits)
{
    static struct registry_grant many[POLICY_PATHS_MAX + 1];
    struct fail fail;
    law_make(&law);
    for (size_t i = 0; i < EP_ARRAY_LEN(many); i++) {
        many[i] = law.grants[G_S1];
    }
    law.registry.grants = many;
    law.registry.grant_count = POLICY_PATHS_MAX;
    CHECK(compile(&fail) == ERR_OK);
    law.registry.grant_count = POLICY_PATHS_MAX + 1;
    CHECK(compile(&fail) == ERR_LIMIT);
    CHECK_STR(str_from(fail.text),
              STR("model \"m-alpha\": more than 64 grants to \"p.platform\" name it"));
    law.models[M_ALPHA].vendor = &law.parties[P_PLATFORM]; /* who made it is not counted */
    CHECK(compile(&fail) == ERR_OK);
}

TEST(a_chain_has_eight_edges_at_most)
{
    static struct registry_grant row[POLICY_EDGES_MAX + 1];
    struct fail fail;
    law_make(&law);
    for (size_t i = 0; i < EP_ARRAY_LEN(row); i++) {
        row[i] = law.grants[G_A_CLOUD];
        row[i].sublicense_depth = EP_ARRAY_LEN(row) - i;
        row[i].parent_kind = i == 0 ? REGISTRY_PARENT_ROOT : REGISTRY_PARENT_GRANT;
        row[i].parent = i == 0 ? NULL : &row[i - 1];
    }
    law.registry.grants = row;
    law.registry.grant_count = POLICY_EDGES_MAX;
    row[POLICY_EDGES_MAX - 1].grantee = &law.parties[P_PLATFORM];
    CHECK(compile(&fail) == ERR_OK);
    row[POLICY_EDGES_MAX - 1].grantee = &law.parties[P_CLOUD];
    row[POLICY_EDGES_MAX].grantee = &law.parties[P_PLATFORM];
    law.registry.grant_count = POLICY_EDGES_MAX + 1;
    CHECK(compile(&fail) == ERR_LIMIT);
    CHECK_STR(str_from(fail.text), STR("model \"m-alpha\": the chain to grant \"G-A-cloud\" has 9 "
                                       "grants, at most 8 are looked at"));
}
