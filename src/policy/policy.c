#include "policy/policy.h"

#include "base/mem.h"
#include "policy/policy_internal.h"

void *policy_alloc(struct policy *policy, size_t count, size_t size)
{
    ASSERT(size > 0);
    if (count > POLICY_ARENA_MAX / size) {
        return NULL;
    }
    return arena_zalloc(&policy->arena, count == 0 ? 1 : count * size);
}

static enum err policy_make(struct policy *policy, struct fail *fail)
{
    TRY(policy_compile_sales(policy));
    TRY(policy_compile_pairs(policy, fail));
    TRY(policy_compile_sources(policy));
    TRY(policy_compile_indexes(policy));
    return policy_compile_edges(policy);
}

enum err policy_compile(const struct registry *registry, struct policy **ret_policy,
                        struct fail *fail)
{
    ASSERT(registry != NULL);
    struct policy *policy = mem_zalloc(sizeof(*policy));
    if (policy == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the rules");
    }
    arena_init(&policy->arena, POLICY_ARENA_FIRST, POLICY_ARENA_MAX);
    policy->registry = registry;
    enum err err = policy_make(policy, fail);
    if (err != ERR_OK) {
        policy_destroy(policy);
        return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for the rules") : err;
    }
    *ret_policy = policy;
    return ERR_OK;
}

void policy_destroy(struct policy *policy)
{
    if (policy != NULL) {
        arena_fini(&policy->arena);
        mem_free(policy);
    }
}

int64_t policy_next_edge(const struct policy *policy, int64_t now)
{
    size_t low = 0;
    size_t high = policy->edge_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (policy->edges[middle] <= now) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < policy->edge_count ? policy->edges[low] : INT64_MAX;
}
