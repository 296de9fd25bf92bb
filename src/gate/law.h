/*
 * What the law would say, for who asks without a call: what the catalogue shows, what is counted,
 * what is kept. Calls ask it themselves (call_law.h). Threads: the gate's loop alone.
 */
#pragma once

#include "base/str.h"

struct api_key;
struct gate;
struct http_exchange;
struct registry_model;
struct registry_product;

#define CALL_LAW_MARKET "x-entrepot-market" /* the header that says where the answer is for */

/* False: it says something, and that is no country. */
bool call_law_market_is_fine(struct http_exchange *x);

/* ERR_OK: a call by this key for that model would be admitted, as far as that can be told without
 * one: what the catalogue shows. Else why not: what the law says, ERR_MODEL_UNKNOWN (not among a
 * device's models) or ERR_ASK_INVALID (of call_law_market_is_fine()). */
EP_MUST_CHECK enum err call_law_would_admit(struct gate *gate, struct http_exchange *x,
                                            const struct api_key *key,
                                            const struct registry_product *product,
                                            const struct registry_model *model);

/* For how many days the client's own terms let its content be kept: policy_retention(). */
uint64_t call_law_retention(struct gate *gate, const struct api_key *key,
                            const struct registry_product *product);
