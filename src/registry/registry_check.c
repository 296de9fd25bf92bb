#include "registry/registry_check_internal.h"

void registry_check(struct registry_load *load)
{
    static void (*const checks[])(struct registry_load *) = {
        registry_check_entries, registry_check_chains, registry_check_parents,
        registry_check_parties, registry_check_routes, registry_check_products,
    };
    /* What they sort and count is theirs: nothing of it stays in the snapshot. */
    struct arena_mark mark = arena_mark(&load->owner->arena);
    for (size_t i = 0; i < EP_ARRAY_LEN(checks) && load->err == ERR_OK; i++) {
        checks[i](load);
        arena_rollback(&load->owner->arena, mark);
    }
}
