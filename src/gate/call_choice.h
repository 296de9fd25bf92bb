/*
 * Why a call went where it went: what the choice saw of each route, kept for the receipt. Only of
 * models that have several; the last choice of a call, which knows what was tried before. Inside
 * the gate only.
 */
#pragma once

#include "dispatch/dispatch.h"
#include "tlog/receipt.h"

struct call;

struct call_choice;

/* Before the route is picked; nothing is kept where there is no memory. */
void call_choice_look(struct call *call, const struct dispatch_ask *ask);
/* It was this one, whatever another thread has done in between. */
void call_choice_took(struct call *call, const struct registry_route *route);
/* What became of this one, otherwise than the choice saw it. */
void call_choice_note(struct call *call, const struct registry_route *route, enum dispatch_why why);
/* Members of the receipt's operator section; `room` outlives `facts`. */
void call_choice_tell(const struct call *call,
                      struct receipt_candidate room[RECEIPT_CANDIDATES_MAX],
                      struct receipt_choice *ret_choice);
void call_choice_free(struct call *call);
