#include "gate/call_tier.h"

#include "gate/call.h"
#include "gate/gate_internal.h"
#include "gate/talk_route.h"

#define TIER_TEXT_MAX 128 /* all names of tiers with commas */

void call_tier_ask(struct call *call, enum tier tier, enum tier speed)
{
    bool gemini = call->dialect == DIALECT_GEMINI;
    bool fast = !tier_is_ordinary(speed);
    bool both = fast && !tier_is_ordinary(tier);
    call->ask.tier = both ? TIER_UNKNOWN : fast ? speed : tier;
    call->ask.tier_field = fast ? "speed" : gemini ? "serviceTier" : "service_tier";
    call->ask.flex = call->ask.tier == TIER_FLEX;
}

/* ---- prices ------------------------------------------------------------------------------- */

/* No vendor sells these above the ordinary one: where a list does not name them, they cost that. */
static bool tier_is_cheap(enum tier tier)
{
    return tier == TIER_FLEX || tier == TIER_BATCH;
}

/* A list of before that does not know a dear tier is not asked for it: today's is. */
static bool tier_find(const struct call_price *price, enum tier tier, struct call_price *ret_price)
{
    const struct registry_price *listed = registry_price_tier(price->listed, tier);
    const struct registry_price *kept = registry_price_tier(price->price, tier);
    *ret_price = *price;
    if (kept == NULL && (listed == NULL || tier_is_cheap(tier))) {
        return false;
    }
    ret_price->listed = listed != NULL ? listed : kept;
    ret_price->price = kept != NULL ? kept : listed;
    return true;
}

struct call_price call_tier_price(const struct call_price *price)
{
    struct call_price tiered;
    (void)tier_find(price, price->tier, &tiered); /* else it is the line's own */
    return tiered;
}

static bool tier_is_named(const struct call_price *price, enum tier tier)
{
    struct call_price tiered;
    return tier_find(price, tier, &tiered);
}

bool call_tier_sold(const struct call *call, const struct call_price *price)
{
    enum tier tier = call->ask.tier;
    return tier == TIER_FLEX || (tier != TIER_BATCH && tier_is_named(price, tier));
}

/* "flex, priority" */
static void tier_print_sold(const struct call_price *price, struct buf *out)
{
    for (unsigned i = TIER_FLEX; i < TIER_BATCH; i++) {
        if (i == TIER_FLEX || tier_is_named(price, (enum tier)i)) {
            EP_IGNORE(buf_printf(out, "%s%s", out->len == 0 ? "" : ", ",
                                 tier_name((enum tier)i))); /* a few short names fit */
        }
    }
}

enum err call_tier_check(struct call *call, const struct call_price *price, struct fail *fail)
{
    char text[TIER_TEXT_MAX];
    struct buf sold = { text, 0, sizeof(text), sizeof(text) };
    if (tier_is_ordinary(call->ask.tier) || call_tier_sold(call, price)) {
        return ERR_OK;
    }
    tier_print_sold(price, &sold);
    call->param = call->ask.tier_field;
    return FAIL(fail, ERR_ASK_UNSUPPORTED,
                "\"%s\": the price list has no such tier of \"" STR_FMT
                "\". Leave it out, or ask for one of: " STR_FMT ".",
                call->ask.tier_field, STR_ARG(call->model->id), STR_ARG(buf_str(&sold)));
}

/* ---- the end ------------------------------------------------------------------------------ */

static enum tier tier_served(const struct call *call)
{
    const struct relay *relay = &call->relay;
    enum tier told = call->has_reported                   ? call->reported.tier
                     : call->streamed && relay->has_usage ? relay->usage.tier
                                                          : TIER_UNSAID;
    return told != TIER_UNSAID ? told : relay->tier;
}

static bool tier_is_same(enum tier a, enum tier b)
{
    return a == b || (tier_is_ordinary(a) && tier_is_ordinary(b));
}

/* What so much costs in that tier; false: nobody knows. */
static bool tier_rate(const struct call *call, enum tier tier, const struct usage *usage,
                      struct rate *ret_rate, money_wide *ret_pico)
{
    const struct call_price price = { call->listed, call->price, call->kept,
                                      call_batch_percent(call), tier };
    *ret_pico = 0;
    if (!tier_is_cheap(tier) && !tier_is_named(&price, tier)) {
        return false;
    }
    call_rate_at(call, &price, ret_rate);
    return rate_usage(ret_rate, usage, ret_pico) == ERR_OK;
}

enum tier call_tier_told(const struct call *call, const struct registry_route *route)
{
    bool as_it_came = call->work != NULL || talk_route_dialect(route) == call->dialect;
    return as_it_came ? call->ask.tier : TIER_UNSAID;
}

/* What the call costs in the tier that its source was asked for: the client's own word does not
 * reach one of another dialect. */
static money_wide tier_due(const struct call *call, money_wide asked)
{
    struct rate rate;
    money_wide pico = 0;
    enum tier told = call_tier_told(call, call->route);
    bool other =
        !tier_is_same(told, call->ask.tier) && tier_rate(call, told, &call->billed, &rate, &pico);
    return other && pico > asked ? pico : asked;
}

money_wide call_tier_so_far(const struct call *call, const struct usage *usage, money_wide pico)
{
    struct rate rate;
    money_wide less = 0;
    enum tier served = tier_served(call);
    bool known =
        !tier_is_same(served, call->ask.tier) && tier_rate(call, served, usage, &rate, &less);
    return known && less < pico ? less : pico;
}

void call_tier_settle(struct call *call, struct rate *rate)
{
    struct rate other;
    money_wide pico = 0;
    money_wide asked = call->pico;
    call->tier = call->ask.tier;
    call->served = call->route == NULL ? TIER_UNSAID : tier_served(call);
    if (call->pico == 0 || tier_is_same(call->served, call->tier)) {
        return;
    }
    if (!tier_rate(call, call->served, &call->billed, &other, &pico)) {
        call->dearer = true;
        return;
    }
    if (pico < asked) {
        call->tier = call->served;
        call->pico = pico;
        *rate = other;
    }
    /* Who says nothing claims nothing. */
    call->dearer = call->served != TIER_UNSAID && pico > tier_due(call, asked);
}

bool call_tier_is_disputed(const struct call *call)
{
    return call->dearer;
}
