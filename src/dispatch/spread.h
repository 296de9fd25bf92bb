/*
 * How soon answers begin, as it spreads: counts of the last few hundred times in buckets of an
 * eighth of a doubling, from which any percentile can be told. When SPREAD_FULL are in, each
 * bucket is halved, so that what is newer weighs more; a clock plays no part.
 *
 * Threads: any, without locks; what is told is as of about now.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define SPREAD_STEPS    8  /* of a doubling: what is told is right to a tenth */
#define SPREAD_FIRST    7  /* 2^7 us: what is sooner needs no telling apart; */
#define SPREAD_DOUBLING 24 /* and 2^31 us, half an hour: nor what is later */
#define SPREAD_BUCKETS  (SPREAD_STEPS * SPREAD_DOUBLING)
#define SPREAD_FULL     512 /* the last 256 to 512 calls: enough for the 99th of 100 */

/* All zero: nothing is known. */
struct spread {
    _Atomic uint32_t count; /* about the sum of the buckets */
    _Atomic uint16_t buckets[SPREAD_BUCKETS];
};

/* Passed over while another thread makes room. */
void spread_add(struct spread *spread, int64_t us);
/* How many times are in. */
int64_t spread_count(const struct spread *spread);
/* The time within which `percent` (1 to 99) of 100 are, in us; 0: there are none. */
int64_t spread_at(const struct spread *spread, int64_t percent);
