/*
 * A call that its client's SDK may send again by itself, and one that was (repeats.h). Which calls
 * these are is told by the header "x-stainless-retry-count", that OpenAI's and Anthropic's SDKs
 * send: 0 with the first try, then 1, 2. Calls without it pay nothing for this; nor do those with
 * an Idempotency-Key, which says more. A stream is watched until its first byte leaves: SDKs do not
 * repeat what has begun. Gate only.
 *
 * REPEAT, the state of a repeat whose first call is known: it waits for its end, has its answer, or
 * is told its stream as it comes (call_stand.h). With any of these it is no sale, as with an
 * Idempotency-Key: no hold, no receipt, the first call's id and charge. Else it goes on as a call
 * of its own.
 */
#pragma once

#include "base/id.h"
#include "base/str.h"

struct call;
struct repeat;
struct repeat_wait;
struct call_stand;

enum call_repeat_part {
    CALL_REPEAT_NONE,  /* it is not known here */
    CALL_REPEAT_FIRST, /* it may be repeated */
    CALL_REPEAT_WAITS, /* for the end of the call that it repeats */
    CALL_REPEAT_JOINS, /* the stream of the call that it repeats, as its client */
    CALL_REPEAT_TELLS  /* that call's answer */
};

struct call_repeat {
    enum call_repeat_part part;
    bool looked;              /* for the call that it repeats */
    struct repeat *entry;     /* but for CALL_REPEAT_NONE */
    struct repeat_wait *wait; /* in the call's arena; with CALL_REPEAT_WAITS and _JOINS */
    struct call_stand *stand; /* of a first call; NULL: its client is there, or none stands in */
    bool untaken;             /* nobody came for what was to leave: nobody was given any of it */
    struct id joined;         /* whose stream it was told; zero: none */
};

/* What an earlier call was answered. */
struct call_replay {
    struct id call;
    int64_t posted; /* nano */
    struct str text;
};

/* ADMIT: whether it is a repeat that goes to REPEAT; else it is watched, if it may be repeated. */
bool call_repeat_begin(struct call *call);
/* The client has gone. A stream may have another then, that stands in. */
void call_repeat_gone(struct call *call);
/* A stream's first byte is about to leave: what has begun is repeated by nobody. */
void call_repeat_begun(struct call *call);
/* Whether a repeat waits for the answer, so that it is sold though its own client has gone. */
bool call_repeat_awaited(const struct call *call);
/* DONE: `gone`: its client was not there for the end. */
void call_repeat_end(struct call *call, bool gone);
/* The answer that a repeat gets. False: it gets none. */
bool call_repeat_replay(const struct call *call, struct call_replay *ret_replay);
