/*
 * The tier of a call: in which it wants to be served, in which its source says it was, and at which
 * of the price book's lines it is charged. Inside the gate only, on the call's loop.
 *
 * A call is held, counted and stepped at what it asks for (call_rate()): nothing dearer is ever
 * charged, so the hold covers whichever tier serves. At the end the tier that the source said is
 * charged where that is less. One that it did not say is the ordinary one, and no claim; one that
 * is dearer than what it was asked for, or that the book does not name, is charged as asked for,
 * and a claim. A source of another dialect is asked for none (call_tier_told()).
 *
 * "flex" is the product's own word too, for a call that may wait: where the book does not name it,
 * it is sold at the line's price. Every other tier that the book does not name is refused.
 */
#pragma once

#include "base/err.h"
#include "base/money.h"
#include "gate/call_price.h"
#include "ledger/ledger.h"

struct call;
struct registry_route;
struct usage;

/* Notes what a request of another dialect asks for: `speed` is Anthropic's, beside the tier. */
void call_tier_ask(struct call *call, enum tier tier, enum tier speed);
/* The prices of its tier; the line's own where neither list names it. */
struct call_price call_tier_price(const struct call_price *price);
/* Whether what the call asks for is sold at that price. */
bool call_tier_sold(const struct call *call, const struct call_price *price);
/* ADMIT: ERR_ASK_UNSUPPORTED; call->param is the field. */
EP_MUST_CHECK enum err call_tier_check(struct call *call, const struct call_price *price,
                                       struct fail *fail);
/* The tier that a source is asked for: the client's, where its word goes there as it came. */
enum tier call_tier_told(const struct call *call, const struct registry_route *route);
/* What a stream that breaks off now is charged for so much of it, which is `pico` in the tier that
 * was asked for: less where its source has said a cheaper one, or nothing. */
money_wide call_tier_so_far(const struct call *call, const struct usage *usage, money_wide pico);
/* SETTLE: call->served and call->tier; `rate`, that of what was asked for, and call->pico, which is
 * call->billed by it, become those of the tier that is charged. */
void call_tier_settle(struct call *call, struct rate *rate);
/* Whether the source said a tier that nobody asked for and that would have cost more, or none that
 * can be priced. */
bool call_tier_is_disputed(const struct call *call);
