/*
 * What a call prefers among the routes that the law leaves it: the product's word, and the client's
 * on top of it. Preferences only ever take routes away. Inside the gate only.
 */
#pragma once

#include "dialect/ask_provider.h"
#include "dispatch/dispatch.h"

struct call;

/* Memory of the call's arena: it is there while a route may still be chosen. */
struct call_prefer {
    struct ask_provider given;
    struct preference preference;
    uint64_t closed; /* bits of the model's routes that the product does not use */
};

/*
 * The model and its price are known: is any route left that the law, the product and the client
 * want? ERR_PREFERENCE: the client's own wishes took the last one; call->param and `fail` say
 * which. ERR_NO_MEMORY.
 */
EP_MUST_CHECK enum err call_prefer_begin(struct call *call, struct fail *fail);
/* The call has its own model again, after others that could not stand in. */
void call_prefer_back(struct call *call);
/* The routes of the call's model that law, quarantine and product close, whatever it asks. */
uint64_t call_prefer_shut(const struct call *call);
/* Fills what the choice is asked of the call, as of now. */
void call_prefer_ask(const struct call *call, struct dispatch_ask *ret_ask);
/* Tokens of output that it may take of a pool: the most that it writes, or a guess where it gave no
 * cap, as its own limits have it. */
int64_t call_prefer_output(const struct call *call);
