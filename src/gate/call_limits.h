/*
 * A call's limits of requests, tokens and calls at once (dispatch/limits.h): taken at ADMIT, tokens
 * reserved with the ceiling, put right when the call ends; and what its client is told of them.
 */
#pragma once

#include "dispatch/limits.h"

struct buf;
struct call;
struct jsonw;
struct rate_bounds;

struct call_limits {
    struct limits_hold hold;
    struct limits_refusal *refusal; /* in the arena; NULL: no limit has refused the call */
};

/* A place and a request. ERR_LIMIT_CALLS, ERR_LIMIT_REQUESTS, ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_limits_begin(struct call *call);
/* Whether the bound of the input is good enough to be reserved: no limit counts tokens, or it is a
 * small part of what is left. */
bool call_limits_bound_will_do(const struct call *call, const struct rate_bounds *bound);
/* The input and the output cap. ERR_LIMIT_TOKENS, ERR_LIMIT_SIZE. */
EP_MUST_CHECK enum err call_limits_reserve(struct call *call, const struct rate_bounds *input);
/* The call's model has become another: what it has taken of the first one's limits goes back, and
 * as much is taken of the other's. False: they refuse it, and nothing is taken of any. */
EP_MUST_CHECK bool call_limits_switch(struct call *call);
/* What was billed takes the place of what was reserved. Whatever was taken, and again. */
void call_limits_end(struct call *call);

/* The refusal is one of these limits'. */
bool call_limits_refused(const struct call *call);
/* The sentence of a refusal: which limit, how much of it is used, and when to try again. */
void call_limits_say(const struct call *call, char *text, size_t size);
/* The x-ratelimit lines of an answer, in OpenAI's format; nothing where nothing is limited. */
void call_limits_headers(const struct call *call, struct buf *out);
/* The next three: of a call that call_limits_refused(). How long its client should wait; -1: it
 * cannot pass as it is. */
int64_t call_limits_wait(const struct call *call);
/* A program may try again by itself: the wait is at most a minute. */
bool call_limits_retry(const struct call *call);
/* The facts of a refusal, beside its error. */
void call_limits_tell(const struct call *call, struct jsonw *json);
