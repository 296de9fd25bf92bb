/* The check digits of numbers that people and cards have. Plain ASCII; pure. */
#pragma once

#include "base/str.h"

#define RESIDENT_ID_LEN 18

/*
 * A resident identity number (GB 11643-1999): 17 digits and a digit or X, the check right, the date
 * of birth one that was, from 1900 to `today` (as 20261126). Whether the division exists is not
 * asked: that is data.
 */
EP_MUST_CHECK bool resident_id_valid(struct str text, int32_t today);

/* Digits alone, two at least, whose last is right by Luhn (ISO/IEC 7812). */
EP_MUST_CHECK bool luhn_valid(struct str text);
