#include "policy/policy_internal.h"

#define INDEX_NONE SIZE_MAX

/* The owner of row `at`, or INDEX_NONE. */
typedef size_t index_owner_fn(const struct policy *policy, size_t at);

/* By counting: how many each has, where each begins, then each row in its place, in order. */
static enum err index_build(struct policy *policy, struct policy_index *ret_index, size_t rows,
                            index_owner_fn *owner)
{
    size_t owners = policy->registry->party_count;
    uint32_t *starts = policy_alloc(policy, owners + 2, sizeof(*starts));
    uint32_t *items = policy_alloc(policy, rows, sizeof(*items));
    if (starts == NULL || items == NULL) {
        return ERR_NO_MEMORY;
    }
    ASSERT(rows < UINT32_MAX);
    for (size_t i = 0; i < rows; i++) {
        size_t of = owner(policy, i);
        if (of != INDEX_NONE) {
            starts[of + 2]++;
        }
    }
    for (size_t i = 2; i < owners + 2; i++) {
        starts[i] += starts[i - 1];
    }
    /* starts[of + 1] runs from where its rows begin to where they end, which is where it stays. */
    for (size_t i = 0; i < rows; i++) {
        size_t of = owner(policy, i);
        if (of != INDEX_NONE) {
            items[starts[of + 1]++] = (uint32_t)i;
        }
    }
    *ret_index = (struct policy_index){ starts, items };
    return ERR_OK;
}

static size_t index_client_of_agreement(const struct policy *policy, size_t at)
{
    const struct registry_agreement *agreement = &policy->registry->agreements[at];
    return agreement->online || agreement->grantee == NULL
               ? INDEX_NONE
               : policy_party_index(policy, agreement->grantee);
}

static size_t index_client_of_objection(const struct policy *policy, size_t at)
{
    return policy_party_index(policy, policy->objection_rows[at]->client);
}

static size_t index_party_of_billing(const struct policy *policy, size_t at)
{
    return policy_party_index(policy, policy->registry->billing[at].party);
}

/* The objections of all versions in one row: what a client once said stands in later ones too. */
static enum err index_objections(struct policy *policy)
{
    const struct registry *registry = policy->registry;
    size_t count = 0;
    for (size_t i = 0; i < registry->subprocessor_count; i++) {
        count += registry->subprocessors[i].objection_count;
    }
    policy->objection_rows = policy_alloc(policy, count, sizeof(void *));
    if (policy->objection_rows == NULL) {
        return ERR_NO_MEMORY;
    }
    size_t at = 0;
    for (size_t i = 0; i < registry->subprocessor_count; i++) {
        for (size_t j = 0; j < registry->subprocessors[i].objection_count; j++) {
            policy->objection_rows[at++] = &registry->subprocessors[i].objections[j];
        }
    }
    return index_build(policy, &policy->objections, count, index_client_of_objection);
}

static bool index_list_before(const struct registry_subprocessor_list *a,
                              const struct registry_subprocessor_list *b)
{
    if (a->effective_at != b->effective_at) {
        return a->effective_at < b->effective_at;
    }
    if (a->version != b->version) {
        return a->version < b->version;
    }
    return str_cmp(a->id, b->id) < 0;
}

static enum err index_list(struct policy *policy, struct policy_list *list)
{
    size_t words = policy->registry->party_count / 64 + 1;
    list->parties = policy_alloc(policy, words, sizeof(list->parties[0]));
    if (list->parties == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < list->list->entry_count; i++) {
        size_t party = policy_party_index(policy, list->list->entries[i].party);
        list->parties[party / 64] |= UINT64_C(1) << party % 64;
    }
    return ERR_OK;
}

static enum err index_lists(struct policy *policy)
{
    const struct registry *registry = policy->registry;
    policy->list_count = registry->subprocessor_count;
    policy->lists = policy_alloc(policy, policy->list_count, sizeof(policy->lists[0]));
    enum err err = policy->lists == NULL ? ERR_NO_MEMORY : ERR_OK;
    /* Versions are few and mostly in order already. */
    for (size_t i = 0; err == ERR_OK && i < policy->list_count; i++) {
        struct policy_list list = { .list = &registry->subprocessors[i] };
        size_t at = i;
        for (; at > 0 && index_list_before(list.list, policy->lists[at - 1].list); at--) {
            policy->lists[at] = policy->lists[at - 1];
        }
        err = index_list(policy, &list);
        policy->lists[at] = list;
    }
    return err;
}

static bool index_us_category(struct str name, enum registry_us_category *ret_category)
{
    static const struct str names[REGISTRY_US_CATEGORY_COUNT] = {
        [REGISTRY_US_GENOMIC] = STR_INIT("us_bulk.genomic"),
        [REGISTRY_US_OMIC] = STR_INIT("us_bulk.omic"),
        [REGISTRY_US_BIOMETRIC] = STR_INIT("us_bulk.biometric"),
        [REGISTRY_US_GEOLOCATION] = STR_INIT("us_bulk.geolocation"),
        [REGISTRY_US_HEALTH] = STR_INIT("us_bulk.health"),
        [REGISTRY_US_FINANCIAL] = STR_INIT("us_bulk.financial"),
        [REGISTRY_US_IDENTIFIERS] = STR_INIT("us_bulk.identifiers"),
    };
    for (unsigned i = 0; i < REGISTRY_US_CATEGORY_COUNT; i++) {
        if (str_eq(name, names[i])) {
            *ret_category = (enum registry_us_category)i;
            return true;
        }
    }
    return false;
}

static enum err index_thresholds(struct policy *policy)
{
    const struct registry *registry = policy->registry;
    policy->us_rows = policy_alloc(policy, registry->threshold_count, sizeof(policy->us_rows[0]));
    if (policy->us_rows == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < registry->threshold_count; i++) {
        struct policy_us_row us_row = { .row = &registry->thresholds[i] };
        if (index_us_category(us_row.row->name, &us_row.category)) {
            policy->us_rows[policy->us_row_count++] = us_row;
        }
    }
    return ERR_OK;
}

static enum err index_requirements(struct policy *policy)
{
    const struct registry *registry = policy->registry;
    policy->required =
        policy_alloc(policy, registry->requirement_count, sizeof(policy->required[0]));
    if (policy->required == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < registry->requirement_count; i++) {
        policy->required[i] =
            (unsigned char)policy_qualification(registry->requirements[i].qualification);
    }
    return ERR_OK;
}

enum err policy_compile_indexes(struct policy *policy)
{
    TRY(index_build(policy, &policy->agreements, policy->registry->agreement_count,
                    index_client_of_agreement));
    TRY(index_build(policy, &policy->billing, policy->registry->billing_count,
                    index_party_of_billing));
    TRY(index_objections(policy));
    TRY(index_lists(policy));
    TRY(index_thresholds(policy));
    return index_requirements(policy);
}
