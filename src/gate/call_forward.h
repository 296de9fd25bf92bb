/*
 * What an upstream answers to a call's attempt, and what becomes of it. Events of the attempt's
 * http_call end here, whichever of a call's two that is (call_hedge.h). Inside the gate only.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "dispatch/dispatch.h"

struct call;
struct call_attempt;
struct fail;
struct http1_head;
struct http_call_events;

/* Of the http_call in struct call. */
extern const struct http_call_events call_upstream_events;

/* As struct http_call_events has them, of the call's attempt. */
void call_forward_sent(struct call *call);
void call_forward_head(struct call *call, const struct http1_head *head);
void call_forward_body(struct call *call, struct str data);
void call_forward_end(struct call *call);
void call_forward_failed(struct call *call, enum err err, const struct fail *fail);

/* Whether the head begins a stream of events for this call. */
bool forward_streams(const struct call *call, const struct http1_head *head);
bool forward_compressed(const struct http1_head *head);
/* The attempt's answer has begun: its first event was checked, or the first byte of a whole one is
 * there. */
bool forward_has_begun(const struct call *call);
/* The client's own mistake: the same body fails everywhere. */
bool forward_is_clients(int status);
/* What the end of an attempt says about its route. */
enum dispatch_outcome forward_judge(enum err err, int status);
/* A failed attempt, in figures and in the log; `status`: of its head, 0: none. */
void forward_count_failed(enum err err);
const char *forward_said(int status, enum err err); /* of an answer that will not do */
void forward_tell_answer(const struct call *call, const struct call_attempt *attempt, int status,
                         enum err err, const char *what);
void forward_tell(const struct call *call, const struct call_attempt *attempt, int status,
                  const struct fail *fail);
/* Another model has answered: its route is quarantined. */
void forward_swapped(const struct call *call, const struct call_attempt *attempt);

/* Gives the attempt's place back; what is under way upstream is broken off. */
void forward_give(struct call *call, enum dispatch_outcome outcome);
/* Likewise, with whatever waits for it or runs beside it. */
void call_end_attempt(struct call *call, enum dispatch_outcome outcome);
