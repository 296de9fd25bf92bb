/*
 * Billing evidence, its half that can be known at request time: what is bought is under contract
 * and paid for, what is sold was ordered, and the last period is not left open.
 */
#include "policy/bill.h"

#include "base/stamp.h"
#include "policy/judge_internal.h"

#define DAY_NS (INT64_C(86400) * STAMP_NS_PER_S)

/* ---- deadlines ----------------------------------------------------------------------------- */

/* The first instant that is more than so many days after. */
static int64_t bill_after(int64_t since, int64_t days)
{
    return since > INT64_MAX - days * DAY_NS - 1 ? REGISTRY_TIME_NEVER : since + days * DAY_NS + 1;
}

int64_t bill_open_from(const struct registry_billing_state *row)
{
    if (row->state != REGISTRY_BILLING_OPEN) {
        return REGISTRY_TIME_NEVER;
    }
    /* Open, and nobody knows since when: too long. */
    return row->open_since == 0 ? INT64_MIN : bill_after(row->open_since, BILL_OPEN_DAYS);
}

int64_t bill_unpaid_from(const struct registry_billing_state *row)
{
    return row->unpaid_due == 0 ? REGISTRY_TIME_NEVER
                                : bill_after(row->unpaid_due, BILL_UNPAID_DAYS);
}

/* ---- rules --------------------------------------------------------------------------------- */

/* A seller buys nothing of itself, nor for its own pool. */
static bool bill_is_own(const struct judge *judge)
{
    const struct registry_party *seller = judge->facts->product->seller;
    const struct registry_pool *pool = judge->route->pool;
    return judge->route->upstream_party == seller || (pool != NULL && pool->operator== seller);
}

static const char *bill_procurement_flaw(const struct judge *judge)
{
    const struct registry_procurement *procurement = judge->route->credential->procurement;
    if (procurement == NULL) {
        return "none";
    }
    const char *flaw = judge_window_flaw(&procurement->doc, procurement->valid_from,
                                         procurement->valid_until, judge->now);
    if (flaw != NULL) {
        return flaw;
    }
    if (procurement->upstream_party != judge->route->upstream_party) {
        return "upstream";
    }
    return procurement->buyer == judge->facts->product->seller ? NULL : "buyer";
}

/* BILL: the upstream is bought from under a contract of seller and upstream that is in force. */
void bill_procurement(struct judge *judge)
{
    const struct registry_procurement *procurement = judge->route->credential->procurement;
    const char *flaw = bill_is_own(judge) ? NULL : bill_procurement_flaw(judge);
    if (flaw != NULL) {
        judge_refuse(judge, flaw, procurement == NULL ? STR_EMPTY : procurement->id);
    }
}

/* BILL: where purchase orders set a ceiling, something is left of those in force. */
void bill_purchase_order(struct judge *judge)
{
    const struct registry_procurement *procurement = judge->route->credential->procurement;
    const uint64_t *used = judge->facts->counters.order_tokens;
    if (bill_is_own(judge) || bill_procurement_flaw(judge) != NULL ||
        procurement->purchase_order_count == 0) {
        return;
    }
    uint64_t bought = 0;
    for (size_t i = 0; i < procurement->purchase_order_count; i++) {
        const struct registry_purchase_order *order = &procurement->purchase_orders[i];
        bool in_force = judge_window_flaw(&order->doc, order->valid_from, order->valid_until,
                                          judge->now) == NULL;
        if (in_force && __builtin_add_overflow(bought, order->tokens, &bought)) {
            bought = UINT64_MAX;
        }
    }
    size_t index = (size_t)(procurement - judge->policy->registry->procurements);
    if (bought <= (used == NULL ? 0 : used[index])) {
        judge_refuse(judge, NULL, procurement->id)->number = bought;
    }
}

/* BILL: the client has ordered something that is in force. */
void bill_order(struct judge *judge)
{
    if (!judge->facts->has_order) {
        judge_refuse(judge, NULL, STR_EMPTY);
    }
}

static void bill_party(struct judge *judge, const struct registry_party *party)
{
    const struct policy_index *index = &judge->policy->billing;
    size_t at = policy_party_index(judge->policy, party);
    for (uint32_t i = index->starts[at]; i < index->starts[at + 1]; i++) {
        const struct registry_billing_state *row =
            &judge->policy->registry->billing[index->items[i]];
        bool open = bill_open_from(row) <= judge->now;
        if (open || bill_unpaid_from(row) <= judge->now) {
            judge_refuse(judge, open ? "open" : "unpaid", party->id);
            return;
        }
    }
}

/* BILL: the last period is neither open for too long, nor unpaid. */
void bill_last_period(struct judge *judge)
{
    bill_party(judge, judge->route->upstream_party);
    if (judge->facts->client != NULL && judge->facts->client != judge->route->upstream_party) {
        bill_party(judge, judge->facts->client);
    }
}

/* ---- the closure --------------------------------------------------------------------------- */

static bool bill_is_settled(const struct judge *judge, const struct registry_party *party)
{
    const struct policy_index *index = &judge->policy->billing;
    size_t at = policy_party_index(judge->policy, party);
    for (uint32_t i = index->starts[at]; i < index->starts[at + 1]; i++) {
        if (judge->policy->registry->billing[index->items[i]].state == REGISTRY_BILLING_CLOSED) {
            return true;
        }
    }
    return false;
}

enum policy_state bill_state(const struct judge *judge)
{
    const struct registry_party *client = judge->facts->client;
    bool settled = bill_is_settled(judge, judge->route->upstream_party) ||
                   (client != NULL && bill_is_settled(judge, client));
    return settled ? POLICY_CLOSED : POLICY_PENDING;
}
