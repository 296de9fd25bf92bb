/*
 * How far countries lie apart, from middle to middle, in integers: for journeys that nobody can
 * have made. Pure. Threads: any.
 */
#pragma once

#include "base/country.h"

/* Kilometres along the globe, within 15; 0 where one of them is not known, or both are the same. */
uint32_t centroid_km(country_t from, country_t to);
