/*
 * What the power of a pool costs by the hour, in hundredths of its ordinary price: windows of the
 * week in the pool's local time, each from its first instant until before its end. What no window
 * has costs 100. Pure.
 *
 * Local time is a fixed distance from UTC: then the same registry at the same instant says the same
 * everywhere and for ever, which a zone's name does not. Where clocks change, the operator enters
 * the other distance, as the tariff's own windows usually change with them.
 */
#pragma once

#include "base/money.h"
#include "registry/registry_zone.h"

#define REGISTRY_TARIFF_ORDINARY 100 /* percent */

/* At that instant, on the wall clock: 0 and more. `pool`: NULL is always ordinary. */
uint64_t registry_tariff_percent(const struct registry_pool *pool, int64_t wall_ns);
/* The next instant after it at which a window begins or ends; INT64_MAX: none ever does. */
int64_t registry_tariff_next(const struct registry_pool *pool, int64_t wall_ns);
/* `amount` x percent / 100, rounded down. amount >= 0; far from the type's end. */
money_wide registry_tariff_of(money_wide amount, uint64_t percent);
