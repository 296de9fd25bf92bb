/*
 * Currencies of ISO 4217 that money is kept in, with the digits behind the point that banks pay.
 * Metals, funds, test codes and everything that is no state's currency are left out on purpose.
 */
#pragma once

#include "base/str.h"

#define CURRENCY_UNKNOWN (-1)

/* 0 (JPY), 2 (USD), 3 (KWD) or 4 (UYW); CURRENCY_UNKNOWN. */
int currency_exponent(struct str code);
/* The smallest amount that a bank pays, in nano units: 10,000,000 of USD. Of an unknown code: 1. */
int64_t currency_minor(struct str code);
