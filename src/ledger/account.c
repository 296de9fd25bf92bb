#include "ledger/account.h"

static int64_t account_get(_Atomic int64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void account_change(_Atomic int64_t *value, int64_t delta)
{
    int64_t before = atomic_fetch_add_explicit(value, delta, memory_order_relaxed);
    ASSERT(before + delta >= 0);
}

/* Relaxed is enough: the amounts order nothing but themselves. */
static enum err account_take(_Atomic int64_t *available, int64_t amount)
{
    ASSERT(amount >= 0);
    int64_t have = account_get(available);
    do {
        if (have < amount) {
            return ERR_LEDGER_FUNDS;
        }
    } while (!atomic_compare_exchange_weak_explicit(available, &have, have - amount,
                                                    memory_order_relaxed, memory_order_relaxed));
    return ERR_OK;
}

enum err account_reserve(struct account_credit *credit, int64_t amount)
{
    TRY(account_take(&credit->available, amount));
    account_change(&credit->held, amount);
    return ERR_OK;
}

void account_release(struct account_credit *credit, int64_t amount)
{
    account_settle(credit, amount, 0);
}

void account_settle(struct account_credit *credit, int64_t held, int64_t posted)
{
    ASSERT(posted >= 0);
    ASSERT(posted <= held);
    account_change(&credit->held, -held);
    account_change(&credit->spent, posted);
    account_change(&credit->available, held - posted);
}

void account_add(struct account_credit *credit, int64_t amount)
{
    ASSERT(amount > 0);
    account_change(&credit->available, amount);
}

enum err account_remove(struct account_credit *credit, int64_t amount)
{
    return account_take(&credit->available, amount);
}
