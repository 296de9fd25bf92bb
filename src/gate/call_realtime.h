/*
 * Realtime's row of call_service.h: calls of a session (realtime.h).
 */
#pragma once

#include "gate/call_service.h"

extern const struct call_service call_realtime;
