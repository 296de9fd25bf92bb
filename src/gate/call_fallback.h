/*
 * The models that stand in for the one that was asked for ("models"), in their order, when no
 * source of it is left. Each is a model of its own: judged by the law, sold at its own price,
 * counted by its own vocabulary, and named in answer and receipt. One that may not be sold to this
 * client, or whose limits are used up, is passed over. Inside the gate only.
 *
 * The hold covers the dearest of them; one that turns out to cost more all the same is charged no
 * more than was held.
 */
#pragma once

#include "dialect/ask.h"
#include "meter/rate.h"

struct call;
struct fallback_state;
struct registry_model;

/* Attempts of a call that may fall back, of all models: its receipt tells each (call_fit.h). */
#define CALL_FALLBACK_ATTEMPTS_MAX 16

struct call_fallback {
    const struct registry_model *first; /* that was asked for */
    const struct registry_model *models[ASK_FALLBACKS_MAX];
    size_t count;
    size_t next;                   /* to be tried */
    struct fallback_state *before; /* the model of the last attempt; NULL: it is the call's */
};

/* Finds the models. ERR_MODEL_UNKNOWN: the product does not sell one; `fail` names it.
 * ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_fallback_find(struct call *call, struct fail *fail);
/* Raises what is to be held to the dearest model's price. `input`: as the first model counts it. */
EP_MUST_CHECK enum err call_fallback_ceiling(const struct call *call,
                                             const struct rate_bounds *input, int64_t *nano);
/* Makes the next of them that may be sold the call's model. False: there is none. */
EP_MUST_CHECK bool call_fallback_next(struct call *call);
/* An attempt begins with the call's model; or none does, and the call's model is again the one that
 * was last asked for at an upstream. */
void call_fallback_end(struct call *call, bool begun);
