/*
 * In the place of a client that left a stream before its first byte: its SDK may send the same once
 * more, and that repeat is the stream's client from then on (repeats.h). Until one comes the call
 * goes on as with a client that reads nothing; so bytes that have left for it, behind Gate A, have
 * left for nobody yet. What would be sold waits for that client: nothing is settled before (METER).
 * If none comes in CALL_STAND_NS (or the window of repeats, if that is shorter), or once no new
 * connections are taken, it is a call whose client has gone before the first byte.
 *
 * A stand outlives its call by what the client has still to take. Gate only, on the call's loop;
 * the repeat may be on another one, with a pipe between them that both look at every 20 ms.
 */
#pragma once

#include "base/err.h"

struct call;
struct call_stand;

#define CALL_STAND_NS INT64_C(10000000000) /* SDKs try again after half a second to eight */

/* The client has gone, and call->x is NULL. True: call->x is who stands in now. */
bool call_stand_begin(struct call *call);
/* METER: whether what was answered waits for a client. */
bool call_stand_waits(struct call *call);
/* DONE: the call gives the stand up. True: it was sold, or its client has been told some of it, and
 * what became of it is the stand's to tell. False: it was not, and nobody has heard of it: the
 * entry of its repeats is the call's again. */
bool call_stand_end(struct call *call);
