#include "policy/fixed.h"

#define FIXED_LN2 UINT64_C(45426) /* ln 2, 16 bits behind the point */

__extension__ typedef unsigned __int128 fixed_wide; /* sums of counts times logarithms */

/* Squaring the mantissa in [1, 2) shows one bit of the logarithm after the other. */
uint32_t fixed_log2(uint64_t value)
{
    ASSERT(value > 0);
    unsigned whole = 63 - (unsigned)__builtin_clzll(value);
    uint64_t mantissa = whole > 31 ? value >> (whole - 31) : value << (31 - whole);
    uint32_t bits = whole;
    for (int i = 0; i < 16; i++) {
        mantissa = mantissa * mantissa >> 31;
        uint32_t bit = (uint32_t)(mantissa >> 32);
        mantissa >>= bit;
        bits = bits << 1 | bit;
    }
    return bits;
}

/* With c of `total` each: H = log2 total - (sum of c log2 c) / total. */
bool fixed_is_even(const uint32_t *counts, size_t count, uint32_t permille)
{
    ASSERT(count > 1 && count <= FIXED_COUNT);
    uint64_t total = 0;
    fixed_wide parts = 0;
    for (size_t i = 0; i < count; i++) {
        total += counts[i];
        parts += counts[i] == 0 ? 0 : (fixed_wide)counts[i] * fixed_log2(counts[i]);
    }
    if (total == 0) {
        return false;
    }
    fixed_wide whole = (fixed_wide)total * fixed_log2(total);
    fixed_wide entropy = whole > parts ? whole - parts : 0; /* times total; cut logarithms */
    return entropy * 1000 > (fixed_wide)total * fixed_log2(count) * permille;
}

uint32_t fixed_distinct(uint32_t bits, uint32_t zeros)
{
    ASSERT(bits > 0 && zeros <= bits);
    uint64_t log = fixed_log2(bits) - fixed_log2(zeros == 0 ? 1 : zeros);
    uint64_t half = FIXED_ONE / 2;
    uint64_t ln = (log * FIXED_LN2 + half) / FIXED_ONE;
    return (uint32_t)((bits * ln + half) / FIXED_ONE);
}
