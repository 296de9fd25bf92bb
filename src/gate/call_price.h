/* At what a model is sold to a call: the price list of today, or the one that the credit was bought
 * under. Inside the gate only; call_admit.c. */
#pragma once

#include <stdint.h>

#include "base/tier.h"
#include "meter/rate.h"

struct call;
struct price_shelf_book;
struct registry_model;
struct registry_price;

struct call_price {
    const struct registry_price *listed; /* today's, in the snapshot */
    const struct registry_price *price;  /* that, or a kept book's */
    const struct price_shelf_book *kept; /* NULL: the snapshot's */
    uint64_t percent;                    /* of it, for a line of a batch; 0: all of it */
    enum tier tier;                      /* whose prices they are asked for */
};

/* False: the model has no price, or none in the account's currency. */
bool call_price_of(const struct call *call, const struct registry_model *model,
                   struct call_price *ret_price);
/* What the call's product asks of the list's prices for a line of a batch; 0: it is none. */
uint64_t call_batch_percent(const struct call *call);
/* As the meter reads it. */
void call_price_rate(const struct call_price *price, struct rate *ret_rate);
/* Likewise, of another model that may serve this call. */
void call_rate_at(const struct call *call, const struct call_price *price, struct rate *ret_rate);
/* The call's own. */
void call_rate(const struct call *call, struct rate *ret_rate);
