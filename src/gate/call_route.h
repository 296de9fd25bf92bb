/*
 * Asking an upstream, for a call's attempt and for the one beside it (call_hedge.h). Inside the
 * gate only.
 */
#pragma once

#include "base/err.h"
#include "wire/splice.h"

struct call;
struct http_call;
struct lost;
struct registry_route;

#define CALL_PARTS_MAX (1 + SPLICE_PARTS_MAX) /* the length and the head's end, then the body */

/* The request to the route, up to http_call_start(). `parts` live as `upstream` does; what they
 * point at is the call's, until the request was sent. *ret_lost: what it says less than was asked.
 * ERR_NO_MEMORY, or the ask's failures. */
EP_MUST_CHECK enum err call_route_fill(struct call *call, const struct registry_route *route,
                                       struct http_call *upstream, struct str parts[CALL_PARTS_MAX],
                                       struct lost *ret_lost);
/* The call's relay begins anew, for an answer of this route. */
void call_route_listen(struct call *call, const struct registry_route *route);
