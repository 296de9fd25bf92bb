/*
 * Work that may wait for cheap hours: a call with `service_tier: flex`, or with a deadline, that
 * goes where the least power is paid for (`sort: energy`), sleeps until the tariff of a pool that
 * may serve it is cheaper than what it would cost now, if that is within its time.
 *
 * Its time is limits.defer_ms, or its deadline if that is sooner, but for the last minute of it or,
 * where it is shorter, its half: then it goes, and has that long to find a place. The connection is
 * held all the while, so no hours are waited for that a client's library would not wait for.
 * Inside the gate only.
 */
#pragma once

#include "base/err.h"

struct call;

/* Its first try: when to make it, on the loop's clock; 0: now. */
int64_t call_defer_until(const struct call *call);
