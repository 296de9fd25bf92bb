/*
 * The unified social credit identifier of a mainland organisation (GB 32100-2015): 18 characters of
 * digits and capitals without I, O, S, V, Z. The third to the eighth are the division's code, hence
 * digits; the last is a check over the others.
 */
#pragma once

#include "base/str.h"

#define USCC_LEN 18

/* Capitals only, nothing around them. Whether anybody has that number is not asked. */
EP_MUST_CHECK bool uscc_valid(struct str text);
