/*
 * Hedging: a second attempt at another route, beside a first one whose answer is late. The product
 * says after which percentile of its route's times (registry/registry_dispatch.h); at most one a
 * call, out of a budget of the process (retry_budget.h). Inside the gate only, on the call's loop.
 *
 *   WAITS > RUNS > LEADS
 *     |      |       |
 *     +------+-------+--> gone
 *
 * state  true in it                                      ended by
 * WAITS  the call's attempt has not begun its answer     its time; the attempt's answer or end
 * RUNS   another route is asked too, and nothing of its  its answer begins: it leads; the first
 *        answer is given on                              one's answer begins, or it fails itself:
 *                                                        gone; the first one fails: it leads
 * LEADS  it is the call's attempt; the first has ended   the attempt's end
 *
 * Until it leads, the hedge owns all that is its attempt's (place, record, lesson, what has come of
 * its answer); then these are the call's, as of any attempt, and what is left here is the http_call
 * that the answer comes by. Callbacks note and wake; who leads is decided in the call's step, so
 * that ends which come in one turn of the loop, in whatever order, are seen together. But an answer
 * of the first one that begins leaves at once, and ends the hedge with its first event.
 *
 * An answer begins with the first event that was checked (model and all), or with the first byte of
 * a whole one that is no blank; with it, it has won. The other one is broken off, its places go
 * back, and it is a row and a try like each attempt, at the operator's cost (call_attempt.h).
 *
 * What cannot be had (memory, another lawful route with a place, budget) means no hedge, and never
 * harms the call.
 */
#pragma once

#include "base/err.h"

struct call;
struct call_hedge;
struct http_call;

/* A call that may be hedged has come: it earns its part of a hedge. */
void call_hedge_earn(const struct call *call);
/* An attempt has begun: its time runs, if the product hedges and enough is known of the route. */
void call_hedge_wait(struct call *call);
/* These two where call->hedge is not NULL. Bytes of the attempt's answer have come: an answer that
 * has begun needs no hedge. */
void call_hedge_look(struct call *call);
/* In the call's step: begins the hedge when it is due; what has failed is gone, what has begun
 * leads. */
void call_hedge_step(struct call *call);
/* Whether a second attempt is under way that could go on alone. */
bool call_hedge_runs(const struct call *call);
/* Its attempt becomes the call's; the call's own one was given back (forward_give()). */
void call_hedge_lead(struct call *call);
/* What waits or runs is gone. ERR_OK: for the first one answered; else why nobody waits. */
void call_hedge_drop(struct call *call, enum err err);
/* Likewise; and the one that leads is broken off, if it is not over. */
void call_hedge_end(struct call *call, enum err err);
/* That of the call's attempt. */
struct http_call *call_upstream(struct call *call);
