/*
 * Calls that wait for a place: all that could serve them is full (a pool, a credential, a route
 * that returns), nothing fails. They wait in ROUTE, with their hold, for at most limits.queue_ms,
 * and never for a source that the law has not left them: a full zone waits or refuses, it never
 * spills.
 *
 * Of one loop. The line is kept in fair order: first the oldest call of each client, then the
 * second of each, so that who sends a hundred calls lets who sends one pass. Places may become free
 * on any thread, so the line tries again every few milliseconds, in its order. Inside the gate
 * only.
 */
#pragma once

#include "base/list.h"
#include "loop/loop.h"

struct call;
struct gate;

/* The line of a gate. */
struct call_queue {
    struct node line; /* of struct call_waiting, in fair order */
    size_t count;
    struct timer timer;
};

void call_queue_init(struct gate *gate);
void call_queue_fini(struct gate *gate); /* nobody waits */

/* Whether the call may try: it has waited already, or nobody waits for its model. */
bool call_queue_may_try(const struct call *call);
/*
 * No place was to be had. ERR_OK: it waits, and is woken to try again. ERR_NO_ROUTE: there is
 * nothing to wait for. ERR_QUEUE_FULL, ERR_QUEUE_TIMEOUT, ERR_NO_MEMORY: it does not wait any more.
 */
EP_MUST_CHECK enum err call_queue_wait(struct call *call);
/* Whether it waits or not. */
void call_queue_leave(struct call *call);
