#include "policy/policy_internal.h"

#define BIT(action) (UINT64_C(1) << REGISTRY_ACTION_##action)

struct policy_sale *policy_sale(const struct policy *policy, const struct registry_product *product,
                                const struct registry_model *model)
{
    ASSERT(product >= policy->registry->products);
    size_t index = (size_t)(product - policy->registry->products);
    ASSERT(index < policy->registry->product_count);
    /* Models are in one array and ordered by id, there as in the product. */
    size_t low = 0;
    size_t high = product->model_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (product->models[middle] == model) {
            return &policy->sales[index][middle];
        }
        if (product->models[middle] < model) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static bool sales_has_vendors(const struct registry_product *product)
{
    for (size_t i = 1; i < product->model_count; i++) {
        if (product->models[i]->vendor != product->models[0]->vendor) {
            return true;
        }
    }
    return false;
}

/* Which actions a sale needs follows from what it is; nobody declares them. */
static uint64_t sales_need(const struct registry_product *product,
                           const struct registry_model *model, bool many_vendors, bool aliased)
{
    uint64_t need = BIT(API_CALL);
    need |= many_vendors ? BIT(AGGREGATE) : 0;
    need |= product->seller != model->vendor ? BIT(RESELL) : 0;
    need |= !product->names_vendor || aliased ? BIT(WHITE_LABEL) : 0;
    need |= product->device ? BIT(DEVICE_EMBED) : 0;
    need |= product->caches ? BIT(CACHE) : 0;
    return need;
}

static enum err sales_of_product(struct policy *policy, size_t index)
{
    const struct registry_product *product = &policy->registry->products[index];
    struct policy_sale *sales = policy_alloc(policy, product->model_count, sizeof(*sales));
    policy->sales[index] = sales;
    if (sales == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < product->alias_count; i++) {
        struct policy_sale *sale = policy_sale(policy, product, product->aliases[i].model);
        if (sale != NULL) {
            sale->aliased = true;
        }
    }
    bool many_vendors = sales_has_vendors(product);
    for (size_t i = 0; i < product->model_count; i++) {
        sales[i].need = sales_need(product, product->models[i], many_vendors, sales[i].aliased);
    }
    return ERR_OK;
}

enum err policy_compile_sales(struct policy *policy)
{
    size_t count = policy->registry->product_count;
    policy->sales = policy_alloc(policy, count, sizeof(void *));
    enum err err = policy->sales == NULL ? ERR_NO_MEMORY : ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        err = sales_of_product(policy, i);
    }
    return err;
}
