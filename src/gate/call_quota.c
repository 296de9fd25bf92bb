#include "gate/call_quota.h"

#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "gate/gate_internal.h"
#include "ident/ident.h"
#include "ident/standing.h"
#include "ledger/quota.h"
#include "policy/facts.h"

#define QUOTA_MONTHS          12 /* the US rule looks back so far */
#define QUOTA_TEMPLATE_TOKENS 256
#define CALL_QUOTA_HELD_MAX   (POLICY_EDGES_MAX + 1 + REGISTRY_US_CATEGORY_COUNT)

/* ---- names --------------------------------------------------------------------------------- */

static struct quota_counter *quota_of(struct call *call, const char *kind, struct str id,
                                      int64_t period)
{
    char text[QUOTA_NAME_MAX];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    if (buf_printf(&name, "%s " STR_FMT, kind, STR_ARG(id)) != ERR_OK) {
        return NULL;
    }
    return quota_find(call->gate->world.quota, buf_str(&name), period);
}

static int64_t quota_period(enum registry_period period, int64_t now)
{
    switch (period) {
    case REGISTRY_PERIOD_DAY:
        return stamp_date(now);
    case REGISTRY_PERIOD_MONTH:
        return stamp_month(now);
    case REGISTRY_PERIOD_YEAR:
        return stamp_month(now) / 100;
    case REGISTRY_PERIOD_TERM:
        break;
    }
    return 0;
}

static struct quota_counter *quota_of_grant(struct call *call, const struct registry_grant *grant)
{
    return quota_of(call, "grant", grant->id, quota_period(grant->quota.period, call->law.now));
}

static struct quota_counter *quota_of_order(struct call *call,
                                            const struct registry_procurement *procurement)
{
    return quota_of(call, "order", procurement->id, 0);
}

static struct quota_counter *quota_of_us(struct call *call, enum registry_us_category category,
                                         int64_t month)
{
    char text[64];
    struct buf id = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_printf(&id, "%s ", policy_us_category(category)));           /* fits */
    EP_IGNORE(id_print(&id, STR(IDENT_CLIENT_PREFIX), call->key->client->id)); /* fits */
    return quota_of(call, "us", buf_str(&id), month);
}

/* ---- the gate's arrays --------------------------------------------------------------------- */

static enum err quota_grow(uint64_t **array, size_t *cap, size_t count)
{
    if (count <= *cap) {
        return ERR_OK;
    }
    uint64_t *grown = mem_realloc(*array, count * sizeof(*grown));
    if (grown == NULL) {
        return ERR_NO_MEMORY;
    }
    memset(grown + *cap, 0, (count - *cap) * sizeof(*grown));
    *array = grown;
    *cap = count;
    return ERR_OK;
}

/* As many as the registry has; what an earlier one needed stays. */
static enum err quota_room(struct gate *gate, const struct registry *registry)
{
    TRY(quota_grow(&gate->grant_tokens, &gate->grant_cap, registry->grant_count));
    return quota_grow(&gate->order_tokens, &gate->order_cap, registry->procurement_count);
}

void call_quota_room_free(struct gate *gate)
{
    mem_free(gate->grant_tokens);
    mem_free(gate->order_tokens);
}

/* ---- what is asked ------------------------------------------------------------------------- */

bool call_quota_is_needed(const struct registry *registry)
{
    bool needed = false;
    for (size_t i = 0; !needed && i < registry->grant_count; i++) {
        needed = registry->grants[i].quota.tokens > 0;
    }
    for (size_t i = 0; !needed && i < registry->procurement_count; i++) {
        needed = registry->procurements[i].purchase_order_count > 0;
    }
    for (size_t i = 0; !needed && i < registry->data_terms_count; i++) {
        needed = registry->data_terms[i].us_declared;
    }
    return needed;
}

static bool quota_names(const struct registry_grant *grant, const struct registry_model *model)
{
    bool named = false;
    for (size_t i = 0; !named && i < grant->model_count; i++) {
        const struct registry_grant_model *granted = &grant->models[i];
        named = granted->model == model || (granted->model == NULL && model->family.len > 0 &&
                                            str_eq(granted->family, model->family));
    }
    return named;
}

static enum err quota_note_grants(struct call *call, struct call_quota *quota)
{
    const struct registry *registry = call->snapshot->registry;
    quota->grants = arena_alloc(&call->arena, CALL_QUOTA_GRANTS_MAX * sizeof(*quota->grants));
    if (quota->grants == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < registry->grant_count; i++) {
        const struct registry_grant *grant = &registry->grants[i];
        if (grant->quota.tokens == 0 || !quota_names(grant, call->model)) {
            continue;
        }
        struct quota_counter *counter = quota_of_grant(call, grant);
        if (counter == NULL || quota->grant_count == CALL_QUOTA_GRANTS_MAX) {
            return ERR_NO_MEMORY;
        }
        quota->grants[quota->grant_count++] =
            (struct call_count){ quota_read(counter), (uint32_t)i };
    }
    return ERR_OK;
}

static enum err quota_note_orders(struct call *call, struct call_quota *quota)
{
    const struct registry_model *model = call->model;
    quota->orders = arena_alloc(&call->arena, (model->route_count + 1) * sizeof(*quota->orders));
    if (quota->orders == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < model->route_count; i++) {
        const struct registry_procurement *bought = model->routes[i]->credential->procurement;
        if (bought == NULL || bought->purchase_order_count == 0) {
            continue;
        }
        struct quota_counter *counter = quota_of_order(call, bought);
        if (counter == NULL) {
            return ERR_NO_MEMORY;
        }
        quota->orders[quota->order_count++] =
            (struct call_count){ quota_read(counter),
                                 (uint32_t)(bought - call->snapshot->registry->procurements) };
    }
    return ERR_OK;
}

static int64_t quota_month_before(int64_t month)
{
    return month % 100 == 1 ? month - 89 : month - 1;
}

static enum err quota_note_us(struct call *call, struct call_quota *quota)
{
    for (unsigned i = 0; i < REGISTRY_US_CATEGORY_COUNT; i++) {
        int64_t month = stamp_month(call->law.now);
        for (int back = 0; back < QUOTA_MONTHS; back++) {
            struct quota_counter *counter = quota_of_us(call, (enum registry_us_category)i, month);
            if (counter == NULL) {
                return ERR_NO_MEMORY;
            }
            quota->us_bulk[i] += quota_read(counter);
            month = quota_month_before(month);
        }
    }
    return ERR_OK;
}

enum err call_quota_note(struct call *call)
{
    if (!call->snapshot->has_quotas || call->gate->world.quota == NULL) {
        return ERR_OK;
    }
    struct call_quota *quota = arena_zalloc(&call->arena, sizeof(*quota));
    if (quota == NULL) {
        return ERR_NO_MEMORY;
    }
    TRY(quota_room(call->gate, call->snapshot->registry));
    TRY(quota_note_grants(call, quota));
    TRY(quota_note_orders(call, quota));
    TRY(quota_note_us(call, quota));
    call->quota = quota;
    return ERR_OK;
}

/* ---- what is shown to the judge -------------------------------------------------------------- */

static void quota_spread(uint64_t *array, const struct call_count *counts, size_t count, bool show)
{
    for (size_t i = 0; i < count; i++) {
        array[counts[i].at] = show ? counts[i].value : 0;
    }
}

static void quota_spread_all(const struct call *call, bool show)
{
    const struct call_quota *quota = call->quota;
    quota_spread(call->gate->grant_tokens, quota->grants, quota->grant_count, show);
    quota_spread(call->gate->order_tokens, quota->orders, quota->order_count, show);
}

void call_quota_show(const struct call *call, struct policy_counters *ret_counters)
{
    *ret_counters = (struct policy_counters){ .us_bulk = NULL };
    if (call->quota != NULL) {
        quota_spread_all(call, true);
        ret_counters->grant_tokens = call->gate->grant_tokens;
        ret_counters->order_tokens = call->gate->order_tokens;
        ret_counters->us_bulk = call->quota->us_bulk;
    }
}

void call_quota_clear(const struct call *call)
{
    if (call->quota != NULL) {
        quota_spread_all(call, false);
    }
}

static int64_t quota_period_end(enum registry_period period, int64_t now)
{
    int64_t month = stamp_month(now);
    switch (period) {
    case REGISTRY_PERIOD_DAY:
        return stamp_of_day(stamp_day(now) + 1);
    case REGISTRY_PERIOD_MONTH:
        return stamp_of_month(month + 1);
    case REGISTRY_PERIOD_YEAR:
        return stamp_of_month((month / 100 + 1) * 100 + 1);
    case REGISTRY_PERIOD_TERM:
        break;
    }
    return 0;
}

int64_t call_quota_resets(const struct call *call)
{
    const struct policy_verdict *verdict = call_law_verdict(call);
    for (size_t i = 0; i < verdict->reason_count; i++) {
        const struct policy_reason *reason = &verdict->reasons[i];
        if (reason->code == POLICY_SCOPE_QUOTA) {
            const struct registry_grant *grant =
                registry_grant(call->snapshot->registry, reason->object);
            return grant == NULL ? 0 : quota_period_end(grant->quota.period, call->law.now);
        }
    }
    return 0;
}

/* ---- what a call uses ---------------------------------------------------------------------- */

static const struct policy_route *quota_served(const struct call *call,
                                               const struct registry_route *route)
{
    const struct policy_verdict *verdict = call_law_verdict(call);
    for (size_t i = 0; i < verdict->route_count; i++) {
        if (verdict->per_route[i].route == route) {
            return &verdict->per_route[i];
        }
    }
    return NULL;
}

/* Whether somebody of the US may be behind the call, as DATA 9 asks. */
static bool quota_is_us(const struct call *call, const struct registry_agreement *agreement)
{
    country_t us = country_from(STR("US"));
    const struct standing *standing = call->law.standing;
    const struct registry_party *party = registry_party(call->snapshot->registry, standing->party);
    bool found = call->law.market == us || standing->country == us ||
                 standing->billing_country == us ||
                 (party != NULL && (party->jurisdiction == us || party->billing_country == us));
    for (size_t i = 0; !found && party != NULL && i < party->end_user_count; i++) {
        found = party->end_users[i] == us;
    }
    for (size_t i = 0; !found && i < agreement->market_count; i++) {
        found = agreement->markets[i] == us;
    }
    return found;
}

static bool quota_counts_records(const struct registry_route *route)
{
    static const struct str places[] = { STR_INIT("CN"), STR_INIT("HK"), STR_INIT("MO") };
    bool counted = false;
    for (size_t i = 0; i < EP_ARRAY_LEN(places); i++) {
        counted = counted || str_eq(str_slice(route->place, 0, 2), places[i]);
    }
    return counted;
}

static enum err quota_hold(struct call_quota *quota, struct quota_counter *counter, uint64_t amount)
{
    if (counter == NULL) {
        return ERR_NO_MEMORY;
    }
    ASSERT(quota->held_count < CALL_QUOTA_HELD_MAX);
    quota->held[quota->held_count++] = counter;
    quota_reserve(counter, amount);
    return ERR_OK;
}

static enum err quota_hold_tokens(struct call *call, const struct policy_chain *chain)
{
    struct call_quota *quota = call->quota;
    for (size_t i = 0; i < chain->edge_count; i++) {
        if (chain->edges[i]->quota.tokens > 0) {
            TRY(quota_hold(quota, quota_of_grant(call, chain->edges[i]), quota->reserved));
        }
    }
    const struct registry_procurement *bought = call->route->credential->procurement;
    return bought == NULL || bought->purchase_order_count == 0
               ? ERR_OK
               : quota_hold(quota, quota_of_order(call, bought), quota->reserved);
}

/* The terms by whose records the route is limited; NULL: it is not. */
static const struct registry_data_terms *quota_terms(const struct call *call,
                                                     const struct registry_route *route,
                                                     const struct registry_agreement *agreement)
{
    const struct registry_data_terms *terms = agreement == NULL ? NULL : agreement->data_terms;
    bool counted = terms != NULL && terms->us_declared && quota_counts_records(route) &&
                   quota_is_us(call, agreement);
    return counted ? terms : NULL;
}

static enum err quota_hold_records(struct call *call, const struct registry_agreement *agreement)
{
    const struct registry_data_terms *terms = quota_terms(call, call->route, agreement);
    if (terms == NULL) {
        return ERR_OK;
    }
    for (unsigned i = 0; i < REGISTRY_US_CATEGORY_COUNT; i++) {
        if ((terms->us_categories >> i & 1) != 0) {
            TRY(quota_hold(
                call->quota,
                quota_of_us(call, (enum registry_us_category)i, stamp_month(call->law.now)), 1));
            call->quota->held_records++;
        }
    }
    return ERR_OK;
}

bool call_quota_counts(const struct call *call, const struct registry_route *route)
{
    if (call->quota == NULL) {
        return false;
    }
    const struct policy_route *served = quota_served(call, route);
    const struct registry_procurement *bought = route->credential->procurement;
    bool counted = served == NULL || call->quota->held_count > 0 ||
                   (bought != NULL && bought->purchase_order_count > 0) ||
                   quota_terms(call, route, served->chain.agreement) != NULL;
    for (size_t i = 0; !counted && i < served->chain.edge_count; i++) {
        counted = served->chain.edges[i]->quota.tokens > 0;
    }
    return counted;
}

enum err call_quota_reserve(struct call *call)
{
    struct call_quota *quota = call->quota;
    if (quota == NULL) {
        return ERR_OK;
    }
    call_quota_end(call, false); /* of an attempt before */
    const struct policy_route *served = quota_served(call, call->route);
    quota->held = quota->held != NULL
                      ? quota->held
                      : arena_alloc(&call->arena, CALL_QUOTA_HELD_MAX * sizeof(*quota->held));
    if (served == NULL || quota->held == NULL) {
        return ERR_NO_MEMORY;
    }
    quota->reserved =
        call->body.len + QUOTA_TEMPLATE_TOKENS + (uint64_t)(call->output_cap * call->ask.choices);
    TRY(quota_hold_tokens(call, &served->chain));
    return quota_hold_records(call, served->chain.agreement);
}

static uint64_t quota_used(const struct call *call, size_t at)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        tokens += (uint64_t)call->billed.tokens[i];
    }
    bool record = at >= call->quota->held_count - call->quota->held_records;
    return record ? 1 : tokens;
}

enum err call_quota_write(const struct call *call, struct store_txn *txn, struct fail *fail)
{
    for (size_t i = 0; call->quota != NULL && i < call->quota->held_count; i++) {
        TRY(quota_write(call->quota->held[i], txn, quota_used(call, i), fail));
    }
    return ERR_OK;
}

void call_quota_end(struct call *call, bool used)
{
    struct call_quota *quota = call->quota;
    for (size_t i = 0; quota != NULL && i < quota->held_count; i++) {
        bool record = i >= quota->held_count - quota->held_records;
        quota_settle(quota->held[i], record ? 1 : quota->reserved, used ? quota_used(call, i) : 0);
    }
    if (quota != NULL) {
        quota->held_count = 0;
        quota->held_records = 0;
    }
}
