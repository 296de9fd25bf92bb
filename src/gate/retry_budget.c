#include "gate/retry_budget.h"

static void budget_init(struct retry_budget *budget, int64_t calls, int64_t store, int64_t each_ns,
                        int64_t now_ns)
{
    budget->calls = calls;
    budget->store = store;
    budget->each_ns = each_ns;
    atomic_init(&budget->parts, store * calls);
    atomic_init(&budget->filled_ns, now_ns);
}

void retry_budget_init(struct retry_budget *budget, int64_t now_ns)
{
    budget_init(budget, RETRY_BUDGET_CALLS, RETRY_BUDGET_STORE, RETRY_BUDGET_EACH_NS, now_ns);
}

void retry_budget_init_hedges(struct retry_budget *budget, int64_t now_ns)
{
    budget_init(budget, HEDGE_BUDGET_CALLS, HEDGE_BUDGET_STORE, HEDGE_BUDGET_EACH_NS, now_ns);
}

/* Up to the store's size. A full one, as it mostly is, is only read. */
static void budget_add(struct retry_budget *budget, int64_t parts)
{
    int64_t most = budget->store * budget->calls;
    int64_t there = atomic_load_explicit(&budget->parts, memory_order_relaxed);
    while (there < most) {
        int64_t more = there + parts < most ? there + parts : most;
        if (atomic_compare_exchange_weak_explicit(&budget->parts, &there, more,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return;
        }
    }
}

void retry_budget_earn(struct retry_budget *budget)
{
    budget_add(budget, 1);
}

/* What has come with time; whoever moves the mark adds it. */
static void budget_fill(struct retry_budget *budget, int64_t now_ns)
{
    int64_t filled = atomic_load_explicit(&budget->filled_ns, memory_order_relaxed);
    int64_t came = (now_ns - filled) / budget->each_ns;
    if (came > 0 && atomic_compare_exchange_strong_explicit(
                        &budget->filled_ns, &filled, filled + came * budget->each_ns,
                        memory_order_relaxed, memory_order_relaxed)) {
        came = came < budget->store ? came : budget->store;
        budget_add(budget, came * budget->calls);
    }
}

bool retry_budget_take(struct retry_budget *budget, int64_t now_ns)
{
    budget_fill(budget, now_ns);
    int64_t there = atomic_load_explicit(&budget->parts, memory_order_relaxed);
    while (there >= budget->calls) {
        if (atomic_compare_exchange_weak_explicit(&budget->parts, &there, there - budget->calls,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}
