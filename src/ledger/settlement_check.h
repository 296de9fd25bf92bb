/*
 * What the table of settlements checks of a row, said so that checking costs nothing.
 */
#pragma once

#include "store/store.h"

extern const struct store_migration settlement_check_migration; /* number 18; needs ledger's */
