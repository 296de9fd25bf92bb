/*
 * The tongue of a call's client, where it is not OpenAI chat. Inside the gate only, on the call's
 * loop.
 *
 * Within, every call is one of chat completions: its request is translated when it has come in, so
 * that law, count, ceiling and routes see no other; what the upstream answers is translated when it
 * leaves, behind Gate A and, from the event that ends the answer onward, behind Gate B. Nothing
 * here is of one attempt: what has left is never retried. A client of chat has no tongue.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "dialect/dialect.h"

struct call;
struct fail;
struct reply;

/* Before PARSE. false: no memory. */
EP_MUST_CHECK bool call_tongue_make(struct call *call, enum dialect dialect);
void call_tongue_free(struct call *call); /* NULL is allowed */

/*
 * Reads the request and puts one of chat in its place, with the cap apart: *ret_cap, 0 where the
 * client gave none. As talk_read() and talk_write() fail, and ERR_CANCELLED (the client has gone,
 * with its path); call->param is the field.
 */
EP_MUST_CHECK enum err call_tongue_read(struct call *call, int64_t *ret_cap, struct fail *fail);

/* What tells this request from others: the body, or of one that was translated a digest of it as it
 * came (a translation has lost what two may differ in). */
struct str call_tongue_asked(const struct call *call);

/* The content type of a stream's head: events, or the one array that Gemini's clients get without
 * "alt=sse". */
struct str call_tongue_media(const struct call *call);
/* Events of the upstream's stream, that may leave now: *events is what the client is told, valid
 * until the next. ERR_UPSTREAM_SYNTAX, ERR_UPSTREAM_SIZE, ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_tongue_stream(struct call *call, struct str *events);
/* The stream has ended: what has not left of it is translated, all but the end itself, so that
 * whatever is wrong with it is known before anybody pays. Likewise, and ERR_UPSTREAM_CUT. */
EP_MUST_CHECK enum err call_tongue_rest(struct call *call);
/* What has not left, and the end with the usage that was billed; or of a call that failed, the
 * error. `facts`: our own, a JSON object. ERR_NO_MEMORY: the client must not take it for whole. */
EP_MUST_CHECK enum err call_tongue_last(struct call *call, struct str facts, struct str *ret_bytes);
/* Likewise of one whose credit is used up: `length` ends the stream in chat's own events. */
EP_MUST_CHECK enum err call_tongue_spent(struct call *call, struct str length,
                                         struct str *ret_bytes);

/* A whole answer: read, as far as can go wrong. As call_tongue_rest(). */
EP_MUST_CHECK enum err call_tongue_fold(struct call *call);
/* What is billed is known: the answer in the client's dialect takes the upstream's place.
 * ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_tongue_whole(struct call *call);

/* "anthropic", "responses", "gemini"; empty: it speaks chat. */
struct str call_tongue_name(const struct call *call);
/* What the client is told of what could not be carried over. */
void call_tongue_header(const struct call *call, struct reply *reply);
