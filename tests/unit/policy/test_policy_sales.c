#include "policy/policy_internal.h"

#include "law_fixture.h"

static struct law law;

static uint64_t need_of(int model)
{
    const struct policy_sale *sale =
        policy_sale(law.policy, &law.products[PRODUCT_AGG], &law.models[model]);
    CHECK(sale != NULL);
    return sale->need;
}

TEST(what_a_sale_needs_follows_from_what_it_is)
{
    law_make(&law);
    struct registry_product *product = &law.products[PRODUCT_AGG];
    (void)law_judge(&law);
    CHECK_EQ(need_of(M_ALPHA), LAW_AGGREGATOR);
    product->model_count = 1;
    (void)law_judge(&law);
    CHECK_EQ(need_of(M_ALPHA), LAW_BIT(ACTION_API_CALL) | LAW_BIT(ACTION_RESELL));
    law.models[M_ALPHA].vendor = product->seller;
    (void)law_judge(&law);
    CHECK_EQ(need_of(M_ALPHA), LAW_BIT(ACTION_API_CALL));
    product->device = true;
    product->caches = true;
    product->names_vendor = false;
    (void)law_judge(&law);
    CHECK_EQ(need_of(M_ALPHA), LAW_BIT(ACTION_API_CALL) | LAW_BIT(ACTION_DEVICE_EMBED) |
                                   LAW_BIT(ACTION_CACHE) | LAW_BIT(ACTION_WHITE_LABEL));
    law_end(&law);
}

TEST(an_alias_is_of_one_model)
{
    law_make(&law);
    law.alias = (struct registry_alias){ STR("house"), &law.models[M_BETA] };
    law.products[PRODUCT_AGG].aliases = &law.alias;
    law.products[PRODUCT_AGG].alias_count = 1;
    (void)law_judge(&law);
    CHECK_EQ(need_of(M_BETA), LAW_AGGREGATOR | LAW_BIT(ACTION_WHITE_LABEL));
    CHECK_EQ(need_of(M_ALPHA), LAW_AGGREGATOR);
    law.alias.model = &law.models[M_TOY]; /* not sold here */
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(what_is_not_sold_has_no_sale)
{
    law_make(&law);
    (void)law_judge(&law);
    CHECK(policy_sale(law.policy, &law.products[PRODUCT_AGG], &law.models[M_TOY]) == NULL);
    CHECK(policy_sale(law.policy, &law.products[PRODUCT_TOY], &law.models[M_ALPHA]) == NULL);
    CHECK(policy_sale(law.policy, &law.products[PRODUCT_TOY], &law.models[M_TOY]) != NULL);
    law_end(&law);
}
