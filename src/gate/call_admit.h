/* What ADMIT and COUNT share: whether a call can be paid for. Gate only. */
#pragma once

#include "gate/call.h"

/* Reserves what the call can cost with at most that input; goes on to HOLD, or refuses. */
enum call_next call_reserve(struct call *call, const struct rate_bounds *input);
/* Credit or budget do not cover call->ceiling: refuses, unless an earlier call's answer may be
 * had. */
enum call_next call_cannot_pay(struct call *call);
/* Whether credit and budget cover an input of so many tokens and a short answer; if not, what they
 * cost is in call->ceiling, for the refusal to say. */
bool call_could_pay(struct call *call, int64_t input_tokens);
