/*
 * Exact money. An amount is int64 nano units (10^-9) of an ISO 4217 currency, a price is int64 pico
 * units (10^-12) per meter unit, so "USD per million tokens" times 10^6 is the price a token.
 *
 * Every operation that can leave the range says so; nothing wraps, nothing is a float. Rounding
 * happens once and has a direction: a hold rounds up, a settlement rounds down.
 * Source: facts on integer money of the design (range +-9.22e9 units, error < 1 nano a call).
 */
#pragma once

#include "base/buf.h"

#define MONEY_NANO_PER_UNIT INT64_C(1000000000)
#define MONEY_PICO_PER_NANO INT64_C(1000)

__extension__ typedef __int128 money_wide; /* pico sums: 2^63 tokens at the dearest price fit */

EP_MUST_CHECK bool money_add(int64_t a, int64_t b, int64_t *ret_sum);
EP_MUST_CHECK bool money_sub(int64_t a, int64_t b, int64_t *ret_difference);

/* quantity x price in pico; both >= 0. Cannot overflow: 2^63 x 2^63 < 2^127. */
money_wide money_rate(int64_t quantity, int64_t pico_per_unit);
/* Pico to nano, rounded down (settlement) or up (hold). false: out of int64's range. pico >= 0. */
EP_MUST_CHECK bool money_nano_floor(money_wide pico, int64_t *ret_nano);
EP_MUST_CHECK bool money_nano_ceil(money_wide pico, int64_t *ret_nano);

/*
 * Reads a decimal amount such as "100", "0.25" or "-3.5" into units of 10^-`scale` (0..12).
 * Refuses exponents, signs other than a leading '-', empty parts, digits beyond the scale that
 * are not zero, and what is out of range.
 */
EP_MUST_CHECK bool money_parse(struct str text, unsigned scale, int64_t *ret_value);
/* Writes at least `places` and at most `scale` decimals, no trailing zeros beyond `places`. */
EP_MUST_CHECK enum err money_print(struct buf *out, int64_t value, unsigned scale, unsigned places);
