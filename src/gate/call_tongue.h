/*
 * The tongue of a call's client, where its answer may have to be told in another dialect than the
 * upstream's. Inside the gate only, on the call's loop.
 *
 * What the upstream answers is translated when it leaves, behind Gate A and, from the event that
 * ends the answer onward, behind Gate B. Where both speak the same, the bytes leave as they came,
 * and the tongue says only what the server itself has to say. Nothing here is of one attempt: what
 * has left is never retried. A client of chat has a tongue once a route of another dialect is
 * asked.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "dialect/dialect.h"

struct buf;
struct call;
struct registry_route;
struct reply;

/* Before PARSE. false: no memory. */
EP_MUST_CHECK bool call_tongue_make(struct call *call, enum dialect dialect);
void call_tongue_free(struct call *call); /* NULL is allowed */

/* Before a route is asked: the answer of it can be told. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_tongue_ready(struct call *call, const struct registry_route *route);
/* Its streams are to be told as one JSON array, whatever the upstream: Gemini, without alt=sse. */
void call_tongue_list(struct call *call);
/* Whether the answer of the call's route is told in another dialect. */
bool call_tongue_translates(const struct call *call);
/* Whether a stream's end is the tongue's to tell. */
bool call_tongue_ends(const struct call *call);

/* The content type of a stream's head: events, or the one array that Gemini's clients get without
 * "alt=sse". */
struct str call_tongue_media(const struct call *call);
/* What stands between two events of it and says nothing. */
struct str call_tongue_ping(const struct call *call);
/* Events of the upstream's stream, that may leave now: *events is what the client is told, valid
 * until the next. ERR_UPSTREAM_SYNTAX, ERR_UPSTREAM_SIZE, ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_tongue_stream(struct call *call, struct str *events);
/* The stream has ended: what has not left of it is translated, all but the end itself, so that
 * whatever is wrong with it is known before anybody pays. Likewise, and ERR_UPSTREAM_CUT. */
EP_MUST_CHECK enum err call_tongue_rest(struct call *call);
/* What has not left, and the end with the usage that was billed; or of a call that failed, the
 * error. `facts`: our own, a JSON object. ERR_NO_MEMORY: the client must not take it for whole. */
EP_MUST_CHECK enum err call_tongue_last(struct call *call, struct str facts, struct str *ret_bytes);
/* Likewise of one whose credit is used up: it ends as if its cap was met. */
EP_MUST_CHECK enum err call_tongue_spent(struct call *call, struct str *ret_bytes);

/* A whole answer: read, as far as can go wrong. As call_tongue_rest(). */
EP_MUST_CHECK enum err call_tongue_fold(struct call *call);
/* What is billed is known: the answer in the client's dialect takes the upstream's place.
 * ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_tongue_whole(struct call *call);

/* What is billed, as clients of chat are told it. ERR_LIMIT, ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_tongue_usage(const struct call *call, struct buf *out);
/* "anthropic", "responses", "gemini"; empty: it speaks chat. */
struct str call_tongue_name(const struct call *call);
/* What the client is told of what could not be carried over. */
void call_tongue_header(const struct call *call, struct reply *reply);
