/*
 * What a call asks for, kept as its client has said it, for routes that speak otherwise than chat
 * completions. Inside the gate only, on the call's loop.
 *
 * Within, a call is one of chat: law, count, ceiling and preferences look at no other. A client of
 * another dialect is read into a talk (dialect/talk.h), and of that a request of chat is made. A
 * route of the client's own dialect gets the request as it came; one of a third dialect gets what
 * is written from the talk, not from the request of chat, so that nothing is lost twice. What a
 * route cannot carry closes it for this call.
 *
 * Where chat itself cannot carry a request, there is none of chat: then its ask is made from the
 * talk, its bytes bound its tokens, and only routes that can carry it are open.
 *
 * A call of chat has a talk only where its model has routes of other dialects.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "dialect/dialect.h"
#include "dialect/lost.h"
#include "wire/splice.h"

struct buf;
struct call;
struct fail;
struct registry_route;

/*
 * PARSE, of a client of another dialect than chat: fills call->ask, and puts a request of chat in
 * the place of call->body, or leaves it where chat cannot carry it. As talk_read() fails, and
 * ERR_CANCELLED (the client has gone, with its path); call->param is the field.
 */
EP_MUST_CHECK enum err call_talk_read(struct call *call, struct fail *fail);
/* NULL is allowed. */
void call_talk_free(struct call *call);

/*
 * What tells this request from others: the body, or of one that was translated what stands for it
 * as it came (a translation has lost what two may differ in): a digest where it has an
 * Idempotency-Key, else its tag.
 */
struct str call_talk_asked(const struct call *call);
/* All that is said in the request, as it came: what the law looks through. */
struct str call_talk_said(const struct call *call);
/* Whether call->body is a request of chat, whose tokens can be counted. */
bool call_talk_is_counted(const struct call *call);
/* Tokens that a route may read beyond what call->body says, at most. */
int64_t call_talk_beyond(const struct call *call);
/* The members that a Responses answer repeats. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_talk_echo(const struct call *call, struct buf *out);

/*
 * ADMIT, or another model stands in: notes in call->uncarried which of the model's routes cannot
 * carry the request. ERR_NO_MEMORY; ERR_ASK_UNSUPPORTED where these were the last that law and
 * product had left, with the field in call->param.
 */
EP_MUST_CHECK enum err call_talk_carry(struct call *call, struct fail *fail);

/* The body for a route, of call->output_cap tokens a choice. */
EP_MUST_CHECK enum err call_talk_write(struct call *call, const struct registry_route *route,
                                       struct splice *ret_splice);
/* What the body that was written last has lost. */
struct lost call_talk_lost(const struct call *call);
/* Headers that the route's dialect wants beside those of its head, a line each. */
EP_MUST_CHECK enum err call_talk_headers(const struct call *call,
                                         const struct registry_route *route, struct buf *out);
