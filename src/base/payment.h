/*
 * How credit may be paid for: what goes through a bank or a card scheme under a name. Whatever is
 * not in the list is refused: cash, personal accounts, anything on a chain.
 */
#pragma once

#include "base/str.h"

#define PAYMENT_METHODS "bank_transfer, card, direct_debit, marketplace"

bool payment_method_known(struct str method);
/* The first of the list: what a purchase is paid by where nobody says. */
struct str payment_method_standard(void);
