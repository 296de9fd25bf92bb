/*
 * Currencies of ISO 4217 that money is kept in, with the digits behind the point that banks pay.
 * Metals, funds, test codes and everything that is no state's currency are left out on purpose.
 */
#pragma once

#include "base/str.h"

#define CURRENCY_UNKNOWN (-1)

/* 0 (JPY), 2 (USD), 3 (KWD) or 4 (UYW); CURRENCY_UNKNOWN. */
int currency_exponent(struct str code);
/* What a bank can pay of an amount in nano units: whole minor units, rounded down. The currency is
 * known; nano >= 0. */
int64_t currency_payable(struct str code, int64_t nano);
