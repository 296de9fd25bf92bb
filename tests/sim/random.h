/* The program's random numbers, from a seed: stands in for crypto/random.c. */
#pragma once

#include <stdint.h>

void random_seed(uint64_t seed);
