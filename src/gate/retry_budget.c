#include "gate/retry_budget.h"

#define FIFTHS_MAX ((int64_t)RETRY_BUDGET_STORE * RETRY_BUDGET_CALLS)

void retry_budget_init(struct retry_budget *budget, int64_t now_ns)
{
    atomic_init(&budget->fifths, FIFTHS_MAX);
    atomic_init(&budget->filled_ns, now_ns);
}

/* Up to the store's size. A full one, as it mostly is, is only read. */
static void budget_add(struct retry_budget *budget, int64_t fifths)
{
    int64_t there = atomic_load_explicit(&budget->fifths, memory_order_relaxed);
    while (there < FIFTHS_MAX) {
        int64_t more = there + fifths < FIFTHS_MAX ? there + fifths : FIFTHS_MAX;
        if (atomic_compare_exchange_weak_explicit(&budget->fifths, &there, more,
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
    int64_t came = (now_ns - filled) / RETRY_BUDGET_EACH_NS;
    if (came > 0 && atomic_compare_exchange_strong_explicit(
                        &budget->filled_ns, &filled, filled + came * RETRY_BUDGET_EACH_NS,
                        memory_order_relaxed, memory_order_relaxed)) {
        came = came < RETRY_BUDGET_STORE ? came : RETRY_BUDGET_STORE;
        budget_add(budget, came * RETRY_BUDGET_CALLS);
    }
}

bool retry_budget_take(struct retry_budget *budget, int64_t now_ns)
{
    budget_fill(budget, now_ns);
    int64_t there = atomic_load_explicit(&budget->fifths, memory_order_relaxed);
    while (there >= RETRY_BUDGET_CALLS) {
        if (atomic_compare_exchange_weak_explicit(&budget->fifths, &there,
                                                  there - RETRY_BUDGET_CALLS, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}
