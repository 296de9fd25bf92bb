/* Rerank: a query and documents in, an order out; paid by search units or tokens. Gate only. */
#pragma once

#include "gate/call_service.h"

extern const struct call_service call_rerank;
