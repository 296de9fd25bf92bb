/* Chat completions, and what clients of its kin are translated to. Gate only. */
#pragma once

#include "gate/call_service.h"

extern const struct call_service call_chat;
