#include "base/mem.h"
#include "dispatch/dispatch_internal.h"
#include "registry/registry_tariff.h"

/* The line is shared by all threads, under a lock that only those take that wait. */

static void wait_lock(struct dispatch_line *shared)
{
    int failed = pthread_mutex_lock(&shared->lock);
    ASSERT(failed == 0);
}

static void wait_unlock(struct dispatch_line *shared)
{
    int failed = pthread_mutex_unlock(&shared->lock);
    ASSERT(failed == 0);
}

struct dispatch_line *dispatch_line_create(void)
{
    struct dispatch_line *shared = mem_zalloc(sizeof(*shared));
    if (shared != NULL) {
        int failed = pthread_mutex_init(&shared->lock, NULL);
        ASSERT(failed == 0); /* a plain mutex needs nothing that can lack */
        line_init(&shared->line);
    }
    return shared;
}

void dispatch_line_destroy(struct dispatch_line *shared)
{
    ASSERT(shared->line.count == 0);
    int failed = pthread_mutex_destroy(&shared->lock);
    ASSERT(failed == 0);
    mem_free(shared);
}

struct line_sum dispatch_before(const struct dispatch *dispatch, const struct dispatch_ask *ask,
                                const struct dispatch_entry *entry)
{
    struct line_sum sum = line_before_new(&entry->goal, ask->yields);
    if (sum.calls == 0 || ask->spot == NULL || !ask->spot->stands) {
        return sum;
    }
    wait_lock(dispatch->shared);
    sum = line_before(&dispatch->shared->line, &ask->spot->spot, &entry->goal);
    wait_unlock(dispatch->shared);
    return sum;
}

/* ---- what a call waits for ----------------------------------------------------------------- */

/* Lawful, healthy, wanted, not tried: merely full, or taken by others a moment ago. */
static bool wait_is_hope(enum dispatch_why why)
{
    return why == DISPATCH_WHY_FULL || why == DISPATCH_WHY_POOL_FULL ||
           why == DISPATCH_WHY_TOKENS || why == DISPATCH_WHY_POOL_TOKENS ||
           why == DISPATCH_WHY_RETURNING || why == DISPATCH_WHY_CHOSEN || why == DISPATCH_WHY_WORSE;
}

static size_t wait_add(struct line_goal **goals, size_t count, struct dispatch_entry *entry)
{
    if (entry == NULL) {
        return count;
    }
    size_t at = 0;
    while (at < count && goals[at] != &entry->goal) {
        at++;
    }
    goals[at] = &entry->goal;
    return at == count ? count + 1 : count;
}

static size_t wait_goals(const struct dispatch *dispatch, const struct dispatch_ask *ask,
                         struct line_goal *goals[DISPATCH_GOALS_MAX])
{
    struct dispatch_explanation seen;
    size_t count = 0;
    dispatch_explain(dispatch, ask, &seen);
    for (size_t i = 0; i < seen.count; i++) {
        const struct registry_route *route = seen.candidates[i].route;
        if (!wait_is_hope(seen.candidates[i].why)) {
            continue;
        }
        count = wait_add(goals, count, dispatch_find(dispatch, 'c', route->credential->id));
        if (route->pool != NULL) {
            count = wait_add(goals, count, dispatch_find(dispatch, 'p', route->pool->id));
        }
    }
    return count;
}

bool dispatch_is_full(const struct dispatch *dispatch, const struct dispatch_ask *ask)
{
    struct line_goal *goals[DISPATCH_GOALS_MAX];
    return wait_goals(dispatch, ask, goals) > 0;
}

bool dispatch_wait(struct dispatch *dispatch, const struct dispatch_ask *ask,
                   struct dispatch_spot *spot)
{
    struct line_goal *goals[DISPATCH_GOALS_MAX];
    size_t count = wait_goals(dispatch, ask, goals);
    if (count == 0) {
        dispatch_leave(dispatch, spot);
        return false;
    }
    wait_lock(dispatch->shared);
    if (spot->stands) {
        line_want(&spot->spot, spot->goals, 0); /* they are about to be written over */
    }
    for (size_t i = 0; i < count; i++) {
        spot->goals[i] = goals[i];
    }
    if (spot->stands) {
        line_want(&spot->spot, spot->goals, count);
    } else {
        spot->spot = (struct line_spot){ .client = spot->client,
                                         .yields = ask->yields,
                                         .tokens = ask->capacity_tokens,
                                         .goals = spot->goals,
                                         .goal_count = count };
        line_join(&dispatch->shared->line, &spot->spot);
        spot->stands = true;
    }
    wait_unlock(dispatch->shared);
    return true;
}

void dispatch_leave(struct dispatch *dispatch, struct dispatch_spot *spot)
{
    if (!spot->stands) {
        return;
    }
    wait_lock(dispatch->shared);
    line_leave(&dispatch->shared->line, &spot->spot);
    spot->stands = false;
    wait_unlock(dispatch->shared);
}

/* ---- cheap hours -------------------------------------------------------------------------- */

static bool wait_may_use(const struct dispatch_ask *ask, size_t at)
{
    const struct registry_route *route = ask->model->routes[at];
    uint64_t bit = UINT64_C(1) << at;
    return (ask->closed & bit) == 0 && (ask->tried & bit) == 0 &&
           route->state == REGISTRY_ROUTE_ACTIVE && ask->energy_uj[at] >= 0 &&
           preference_judge(ask->preference, route) == PREFERENCE_RULE_NONE;
}

/* The least that the call costs at that instant in power, and when that may change. */
static money_wide wait_cost_at(const struct dispatch_ask *ask, int64_t wall_ns,
                               int64_t *ret_next_ns)
{
    money_wide least = -1;
    *ret_next_ns = INT64_MAX;
    for (size_t i = 0; i < ask->model->route_count; i++) {
        if (!wait_may_use(ask, i)) {
            continue;
        }
        const struct registry_pool *pool = ask->model->routes[i]->pool;
        money_wide cost =
            registry_tariff_of(ask->energy_uj[i], registry_tariff_percent(pool, wall_ns));
        int64_t next_ns = registry_tariff_next(pool, wall_ns);
        least = least < 0 || cost < least ? cost : least;
        *ret_next_ns = next_ns < *ret_next_ns ? next_ns : *ret_next_ns;
    }
    return least;
}

int64_t dispatch_cheapest_at(const struct dispatch_ask *ask, int64_t until_ns)
{
    if (ask->energy_uj == NULL || ask->preference == NULL ||
        ask->preference->sort != PREFERENCE_SORT_ENERGY) {
        return ask->wall_ns;
    }
    int64_t best_ns = ask->wall_ns;
    int64_t next_ns = 0;
    money_wide best = wait_cost_at(ask, ask->wall_ns, &next_ns);
    while (best > 0 && next_ns <= until_ns) {
        int64_t at_ns = next_ns;
        money_wide cost = wait_cost_at(ask, at_ns, &next_ns);
        best_ns = cost < best ? at_ns : best_ns;
        best = cost < best ? cost : best;
    }
    return best_ns;
}
