/*
 * What a client may not be sold it is not sold a key or credit for either: the rules of catalogue,
 * quote, key and checkout (R1, R2, R11), asked before anything is made.
 */
#pragma once

#include "ident/ident.h"
#include "registry/registry.h"

enum market_step {
    MARKET_KEY,
    MARKET_CHECKOUT /* R11 too: who pays, and from where */
};

struct market_sale {
    const struct registry_product *product;
    enum market_step step;
    country_t market; /* of sale, of what the key is built into; COUNTRY_NONE: not said */
};

/* The error of the first rule if no model of the product may be offered to the client. */
EP_MUST_CHECK enum err market_check(const struct registry *registry, const struct client *client,
                                    const struct market_sale *sale, struct fail *fail);
