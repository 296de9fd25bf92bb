/*
 * Calls that wait for a place: all that could serve them is full (a pool, a credential, their
 * tokens of this minute, a route that returns), nothing fails. They wait in ROUTE, with their hold,
 * and never for a source that the law has not left them: a full zone waits or refuses, it never
 * spills.
 *
 * Who stands before whom is dispatch's (line.h), in one line for all loops. Here are the calls of
 * one loop, and its timer: places may become free on any thread, so each loop lets its calls try
 * every few milliseconds, and who is not at its turn leaves what is free to who is.
 *
 * A call that may wait for cheap hours sleeps outside the line until they begin (call_defer.h).
 * Inside the gate only.
 */
#pragma once

#include "base/list.h"
#include "loop/loop.h"

struct call;
struct dispatch_spot;
struct gate;

/* The calls of a gate that wait. */
struct call_queue {
    struct node waiting; /* of struct call_waiting */
    size_t count;
    size_t patient; /* of these, flex work and what sleeps: at most half of the room */
    struct timer timer;
    int64_t timer_ns; /* for when it is set */
};

void call_queue_init(struct gate *gate);
void call_queue_fini(struct gate *gate); /* nobody waits */
/* The gate drains, or another registry is in force: whoever waits or sleeps tries now. */
void call_queue_rouse(struct gate *gate);
/* Whether it may wait (any longer): the law that it was judged by is in force. One that has not
 * reached a source must not go there under a law of some minutes ago. */
bool call_queue_may_wait(const struct call *call);

/* Where it stands; NULL: it does not wait. */
const struct dispatch_spot *call_queue_spot(const struct call *call);
/* It stands in the line for a place: it does not sleep (any more). */
bool call_queue_is_awake(const struct call *call);
/* From when until when it may wait; false: it does not wait yet. */
bool call_queue_span(const struct call *call, int64_t *ret_since_ns, int64_t *ret_until_ns);
/* It sleeps until that instant on the loop's clock. ERR_QUEUE_FULL, ERR_NO_MEMORY: it must try
 * now. */
EP_MUST_CHECK enum err call_queue_sleep(struct call *call, int64_t until_ns);
/*
 * No place was to be had. ERR_OK: it waits, and is woken to try again. ERR_NO_ROUTE: there is
 * nothing to wait for. ERR_QUEUE_FULL, ERR_QUEUE_TIMEOUT (also where another registry has come into
 * force, by which whoever asks again is judged), of calls that yield ERR_FLEX_FULL;
 * ERR_NO_MEMORY: it does not wait any more.
 */
EP_MUST_CHECK enum err call_queue_wait(struct call *call);
/* Whether it waits or not. */
void call_queue_leave(struct call *call);
