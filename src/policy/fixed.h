/*
 * Logarithms, evenness and counting in integers: what a hold is decided by must not depend on a
 * machine's floating point. Pure. Threads: any.
 */
#pragma once

#include "base/str.h"

#define FIXED_ONE   UINT32_C(65536) /* 16 bits behind the point */
#define FIXED_COUNT 64              /* of one evenness: 24 hours, and more */

/* log2(value) with 16 bits behind the point, cut; value > 0. Exact at powers of two. */
uint32_t fixed_log2(uint64_t value);
/* Whether the entropy of `counts` is more than `permille` thousandths of the most that so many
 * have, but for the logarithms' last bit. All zero: no. 1 < count <= FIXED_COUNT. */
bool fixed_is_even(const uint32_t *counts, size_t count, uint32_t permille);
/* How many distinct things set all but `zeros` of `bits` bits, one bit each by its hash: linear
 * counting, within 5 % up to twice the bits. bits > 0; without a zero it says what one would. */
uint32_t fixed_distinct(uint32_t bits, uint32_t zeros);
