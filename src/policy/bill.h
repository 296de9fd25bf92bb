/* The deadlines of billing evidence, for the judge and for the edges of time. */
#pragma once

#include "registry/registry.h"

#define BILL_OPEN_DAYS   15 /* so long may a finished period stay open */
#define BILL_UNPAID_DAYS 30 /* so long past its date may an upstream's invoice be unpaid */

/* The first instant at which the row refuses calls; REGISTRY_TIME_NEVER: none. */
int64_t bill_open_from(const struct registry_billing_state *row);
int64_t bill_unpaid_from(const struct registry_billing_state *row);
