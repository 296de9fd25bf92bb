/*
 * Errors as each dialect's clients read them: the body of an answer, and the event inside of a
 * stream. Pure.
 *
 * One failure has not one status for all: what SDKs and tools do by it differs (facts are in
 * docs/dialects.md). refusal_of() maps a failure of ours, refusal_of_upstream() what an upstream
 * said; whoever sends the answer also sends `x-should-retry: false` where `final` is set.
 */
#pragma once

#include "dialect/event.h"

struct refusal {
    int status;
    struct str type;     /* as the dialect names it */
    struct str code;     /* text; empty: null or left out */
    struct str message;  /* text */
    struct str param;    /* text; empty: null or left out */
    struct str request;  /* text: the request's id; Anthropic shows it in the body */
    struct str entrepot; /* a JSON object with our own facts, or empty */
    int64_t sequence;    /* Responses, in a stream: the event's number */
    bool final;          /* the same again fails again: `x-should-retry: false` */
};

/* `message` and `param` are texts and may be empty: then the table's sentence stands there. */
struct refusal refusal_of(enum dialect dialect, enum err err, struct str message, struct str param);
/* What an upstream's error is to the client: its own status where it is the client's doing (400,
 * 404, 413, 422, 429 and the like), 502 where it is ours or theirs (401, 403: our credential). */
struct refusal refusal_of_upstream(enum dialect dialect, const struct event_error *error);

/* The body. */
EP_MUST_CHECK enum err refusal_body(struct buf *out, enum dialect dialect,
                                    const struct refusal *refusal);
/* What ends a stream that has begun, its dialect's own end included where it has one. */
EP_MUST_CHECK enum err refusal_stream(struct buf *out, enum dialect dialect,
                                      const struct refusal *refusal);
/* The same for an error that an upstream told in its stream. `entrepot` may be empty. */
EP_MUST_CHECK enum err refusal_event(struct buf *out, enum dialect dialect,
                                     const struct event_error *error, struct str entrepot);
