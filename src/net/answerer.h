/*
 * A call to an upstream that is answered within the process: the mirror of net/inner.h. Its owner
 * cannot tell it from one on a connection: the same callbacks, pauses and times. So what is one of
 * many answers on a long connection (a response of a realtime session, say) is an attempt like any
 * other.
 *
 *   http_call_start() > on_start > http_answer_sent() > http_answer_head() > http_answer_body()*
 *                                > http_answer_end()
 *                                > http_answer_fail()       (at any time instead of what is left)
 *                                > on_cancel (its owner has cancelled, or it was late)
 *
 * on_start comes from the loop, never within http_call_start(). The answers call the owner's
 * callbacks, and are for the loop's callbacks alone; a callback may cancel the call, which
 * on_cancel tells. While the call is paused its answerer sends no body. After http_answer_end(),
 * http_answer_fail() or on_cancel the answerer must not touch the call.
 */
#pragma once

#include "net/client.h"

struct http_answerer {
    void (*on_start)(struct http_call *call);
    void (*on_cancel)(struct http_call *call);
    void (*on_resume)(struct http_call *call); /* its owner takes more */
};

/* The request has been handed on. */
void http_answer_sent(struct http_call *call);
void http_answer_head(struct http_call *call, const struct http1_head *head);
/* Not empty. */
void http_answer_body(struct http_call *call, struct str data);
void http_answer_end(struct http_call *call);
void http_answer_fail(struct http_call *call, enum err err, const struct fail *fail);
