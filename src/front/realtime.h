/*
 * Realtime: GET /v1/realtime, a client's WebSocket session that is relayed to a source's. Inside
 * the front only, on its loop.
 *
 * All that is sold in a session is sold by calls (call.h), made as requests within the process
 * (net/inner.h) and answered out of the session's one connection to the source (net/answerer.h): no
 * gate, limit or rule knows of sessions, and none is skipped.
 *
 *   opening     one call, of amount 0: key, law, credit and limits are asked and a route is chosen;
 *               its attempt is the connection, its answer the source's session.created. What
 *               refuses it is told as an HTTP error, before there is a WebSocket.
 *   response    a call each: begun by the client's response.create, which goes on when the call's
 *               attempt begins, or by the source (voice detection), whose events wait until it
 *               does. It ends with response.done, which leaves when settlement and receipt are
 *               durable. It may use the session's route alone.
 *   transcript  a call each, of what the source wrote down of the client's speech: a second meter.
 *
 * All else goes through as it comes.
 *
 * Who owns what: a session owns both channels and its turns (one for each call); a turn lives until
 * its request's and its answer's side are both over, which may be after the client has gone: the
 * source is read on for what it bills. The text of the client's key is not kept.
 */
#pragma once

#include "base/str.h"

struct call;
struct front;
struct http_exchange;

/* A client asks for a session. */
void realtime_open(struct front *front, struct http_exchange *x, struct str path);
/* A call of a session's is begun. False: the exchange is none. */
bool realtime_call(struct front *front, struct http_exchange *x);
/* WebRTC, SIP and keys for browsers: 404, and why. */
void realtime_not_here(struct front *front, struct http_exchange *x, struct str path);

/* Whether `owner` of an exchange is a session that is being opened; its client has gone. */
bool realtime_owns(const void *owner);
void realtime_gone(void *owner);
/* Another registry is in force: sessions at a source that is not in it any more come to their end,
 * since what is said between two responses goes there too. */
void realtime_swapped(struct front *front);
/* Ends all sessions, at once: what was delivered is settled. */
void realtime_cut(struct front *front);
