/*
 * By when a caller wants an answer to begin: the header "x-request-deadline", an instant as RFC
 * 3339 time or as Unix seconds, with a fraction if need be. One that has passed when the call comes
 * is refused before anything is held; later no further attempt is made, and one that is under way
 * ends, unless its answer has begun to reach the client. Inside the gate only.
 */
#pragma once

#include "base/err.h"

struct call;
struct str;

#define CALL_DEADLINE "x-request-deadline"

/* An instant on the wall clock, in ns. False: neither form. */
EP_MUST_CHECK bool deadline_parse(struct str text, int64_t *ret_wall_ns);

/* Notes the header's instant in the call. ERR_ASK_INVALID, ERR_DEADLINE: it has passed. */
EP_MUST_CHECK enum err call_deadline_read(struct call *call);
/* Whether it has passed by now; never without one. */
bool call_deadline_passed(const struct call *call);
/* Wakes the call at it, once, while an attempt is under way. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_deadline_watch(struct call *call);
void call_deadline_rest(struct call *call);
