/* What a call's client gets: heads, bytes of a stream, whole answers, refusals. Gate only. */
#pragma once

#include "base/str.h"

struct call;

/* Bytes of a stream, behind Gate A: the head first, if it has not left yet. */
void answer_stream(struct call *call, struct str bytes);
/* The end of the answer, behind Gate B: whatever kind of answer it is. Ends the exchange. */
void answer_end(struct call *call);
/* Of a refusal: an SDK is told not to send the same again. */
bool answer_is_final(const struct call *call);
